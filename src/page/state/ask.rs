//! A question about the photo and its answers.

use crate::engine::protocol::Answered;
use crate::fault::Fault;
use gradlens::catalog::questions::Questions;
use leptos::prelude::*;
use std::sync::Arc;

#[derive(Clone, Copy)]
pub struct AskState {
    /// What can be asked of the network in use; `None` until it has been fetched.
    pub known: RwSignal<Option<Arc<Questions>>>,
    /// As it is being typed.
    pub text: RwSignal<String>,
    /// Of the last question about this photo.
    pub answered: RwSignal<Option<Arc<Answered>>>,
    /// Why there is no answer.
    pub fault: RwSignal<Option<Fault>>,
    /// Which of [`Answered::maps`] is on show.
    pub map: RwSignal<usize>,
}

impl AskState {
    pub fn new() -> AskState {
        AskState {
            known: RwSignal::new(None),
            text: RwSignal::default(),
            answered: RwSignal::new(None),
            fault: RwSignal::new(None),
            map: RwSignal::new(0),
        }
    }

    /// For whenever the photo or the network changes.
    pub fn forget_answer(&self) {
        self.answered.set(None);
        self.fault.set(None);
    }
}
