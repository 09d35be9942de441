//! Questions about the photo: fetches a network's question head, and answers.

use super::heads::{self, Head};
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

/// Fetches a head beside the service's loop.
pub fn load(service: Rc<Service>, files: HeadFiles) {
    spawn_local(async move {
        let fetched = heads::fetch(&files, Questions::parse).await;
        service.emit(Event::QuestionsLoaded(fetched.map(|(head, text)| {
            service.question_head.replace(Some(Rc::new(head)));
            text
        })));
    });
}

/// Answers, and explains the answer that is asked for or the likeliest one.
pub async fn answer(
    explainer: &mut Explainer,
    head: Option<&Head<Questions>>,
    ask: &Ask,
) -> Result<Answered, Error> {
    let head = head.ok_or(Error::NoNetwork)?;
    let words = head.words.read(&ask.text)?;
    if explainer.questions().is_none() {
        explainer.load_questions(&head.weights, head.words.clone())?;
    }
    let scores = explainer.answer(&words).await?.top(SHOWN);
    let chosen = ask.answer.or_else(|| scores.first().map(|score| score.class)).unwrap_or(0);
    let mut maps = Vec::new();
    for method in METHODS {
        maps.push(Arc::new(explainer.explain_answer(chosen, method).await?));
    }
    Ok(Answered { scores, maps })
}
