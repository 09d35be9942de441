//! Questions about the photo: fetches a network's question head, and answers.

use super::super::fault::Fault;
use super::super::platform::fetch;
use super::protocol::{Answered, Ask, Event};
use super::service::Service;
use gradlens::catalog::models::HeadFiles;
use gradlens::catalog::questions::Questions;
use gradlens::error::Error;
use gradlens::explain::Explainer;
use gradlens::explain::cam::Method;
use std::rc::Rc;
use std::sync::Arc;
use wasm_bindgen_futures::spawn_local;

/// How many answers the page shows.
const SHOWN: usize = 3;

/// The maps of what a head says: there the two differ.
pub(super) const METHODS: [Method; 2] = [Method::GradCam, Method::HiResCam];

/// A head's files, as fetched.
pub struct Head {
    weights: Vec<u8>,
    questions: Questions,
}

/// Fetches a head beside the service's loop.
pub fn load(service: Rc<Service>, files: HeadFiles) {
    spawn_local(async move {
        let read = async {
            let text = fetch::text(&files.words).await?;
            let questions = Questions::parse(&text)?;
            let head = Head { weights: fetch::whole(&files.file).await?, questions };
            service.head.replace(Some(Rc::new(head)));
            Ok::<_, Fault>(text)
        };
        let loaded = read.await;
        service.emit(Event::QuestionsLoaded(loaded));
    });
}

/// Answers, and explains the answer that is asked for or the likeliest one.
pub async fn answer(
    explainer: &mut Explainer,
    head: Option<&Head>,
    ask: &Ask,
) -> Result<Answered, Error> {
    let head = head.ok_or(Error::NoNetwork)?;
    let words = head.questions.read(&ask.text)?;
    if explainer.questions().is_none() {
        explainer.load_questions(&head.weights, head.questions.clone())?;
    }
    let scores = explainer.answer(&words).await?.top(SHOWN);
    let chosen = ask.answer.or_else(|| scores.first().map(|score| score.class)).unwrap_or(0);
    let mut maps = Vec::new();
    for method in METHODS {
        maps.push(Arc::new(explainer.explain_answer(chosen, method).await?));
    }
    Ok(Answered { scores, maps })
}
