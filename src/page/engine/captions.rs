//! Descriptions of the photo: fetches a network's caption head, and describes.

use super::super::fault::Fault;
use super::super::platform::fetch;
use super::protocol::{Describe, Described, Event};
use super::questions::METHODS;
use super::service::Service;
use gradlens::catalog::captions::Captions;
use gradlens::catalog::models::HeadFiles;
use gradlens::error::Error;
use gradlens::explain::{Asked, Explainer};
use gradlens::image::heatmap;
use std::rc::Rc;
use std::sync::Arc;
use wasm_bindgen_futures::spawn_local;

/// A head's files, as fetched.
pub struct Head {
    weights: Vec<u8>,
    captions: Captions,
}

/// Fetches a head beside the service's loop.
pub fn load(service: Rc<Service>, files: HeadFiles) {
    spawn_local(async move {
        let read = async {
            let text = fetch::text(&files.words).await?;
            let captions = Captions::parse(&text)?;
            let head = Head { weights: fetch::whole(&files.file).await?, captions };
            service.caption_head.replace(Some(Rc::new(head)));
            Ok::<_, Fault>(text)
        };
        let loaded = read.await;
        service.emit(Event::CaptionsLoaded(loaded));
    });
}

/// Describes, and explains the word that is asked for or all. An analysis may have run other
/// pictures through the network since the last description, so each begins anew.
pub async fn describe(
    explainer: &mut Explainer,
    head: Option<&Head>,
    describe: &Describe,
) -> Result<Described, Error> {
    let head = head.ok_or(Error::NoNetwork)?;
    if explainer.captions().is_none() {
        explainer.load_captions(&head.weights, head.captions.clone())?;
    }
    let caption = explainer.describe(describe.language).await?;
    let word = describe.word.filter(|&word| word < caption.words.len()); // a link's may be another caption's
    let mut maps = Vec::new();
    for method in METHODS {
        maps.push(Arc::new(explainer.explain_caption(word, method).await?));
    }
    if let (Some(word), Some(map)) = (word, maps.first()) {
        let cam = explainer.caption_attention(word).await?;
        let mut attention = (**map).clone();
        attention.heatmap =
            heatmap::heatmap(std::slice::from_ref(&cam), (attention.height, attention.width));
        attention.layers = vec![(attention.layer.clone(), cam.clone())];
        attention.asked = Some(Asked::Attention(head.captions.text(&caption.words)));
        (attention.cam, attention.blank) = (cam, false);
        maps.push(Arc::new(attention));
    }
    Ok(Described { caption, word, maps })
}
