//! Descriptions of the photo: fetches a network's caption head, and describes.

use super::heads::{self, Head};
use super::protocol::{Describe, Described, Event};
use super::questions::METHODS;
use super::service::Service;
use gradlens::catalog::captions::Captions;
use gradlens::catalog::models::HeadFiles;
use gradlens::error::Error;
use gradlens::explain::{Asked, Explainer, Explanation};
use gradlens::image::heatmap;
use std::rc::Rc;
use std::sync::Arc;
use wasm_bindgen_futures::spawn_local;

/// Fetches a head beside the service's loop.
pub fn load(service: Rc<Service>, files: HeadFiles) {
    spawn_local(async move {
        let fetched = heads::fetch(&files, Captions::parse).await;
        service.emit(Event::CaptionsLoaded(fetched.map(|(head, text)| {
            service.caption_head.replace(Some(Rc::new(head)));
            text
        })));
    });
}

/// Describes, and explains the word that is asked for or all. An analysis may have run other
/// pictures through the network since the last description, so each begins anew.
pub async fn describe(
    explainer: &mut Explainer,
    head: Option<&Head<Captions>>,
    describe: &Describe,
) -> Result<Described, Error> {
    let head = head.ok_or(Error::NoNetwork)?;
    if explainer.captions().is_none() {
        explainer.load_captions(&head.weights, head.words.clone())?;
    }
    let caption = explainer.describe(describe.language).await?;
    let word = describe.word.filter(|&word| word < caption.words.len()); // a link's may be another caption's
    let mut maps = Vec::new();
    for method in METHODS {
        maps.push(Arc::new(explainer.explain_caption(word, method).await?));
    }
    if let (Some(word), Some(map)) = (word, maps.first()) {
        let cam = explainer.caption_attention(word).await?;
        let size = (map.height, map.width);
        let attention = Explanation {
            asked: Some(Asked::Attention(head.words.text(&caption.words))),
            heatmap: heatmap::heatmap(std::slice::from_ref(&cam), size),
            layers: vec![(map.layer.clone(), cam.clone())],
            cam,
            blank: false,
            ..(**map).clone()
        };
        maps.push(Arc::new(attention));
    }
    Ok(Described { caption, word, maps })
}
