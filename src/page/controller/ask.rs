//! Which way the photo is looked at, and questions about it.

use super::Controller;
use crate::engine::protocol::{Answered, Ask, Request};
use crate::fault::Fault;
use crate::state::Way;
use gradlens::catalog::questions::Questions;
use gradlens::image::Fit;
use leptos::prelude::*;
use std::sync::Arc;

impl Controller {
    /// Shows the classes, a description or the field for questions.
    pub fn choose_way(self, way: Way) {
        self.state.way.set(way);
        if way != Way::Name {
            self.stop_camera();
        }
        self.load_head();
    }

    fn load_head(self) {
        match self.state.way.get_untracked() {
            Way::Name => {}
            Way::Describe => self.load_captions(),
            Way::Ask => self.load_questions(),
        }
    }

    /// Asks what is typed, and explains the likeliest answer.
    pub fn ask(self, text: String) {
        self.state.ask.text.set(text);
        self.send_ask(None);
    }

    /// Explains another answer to the same question.
    pub fn choose_answer(self, answer: usize) {
        self.send_ask(Some(answer));
    }

    /// Gives the network the middle of the photo, which is as large as heads need it.
    pub fn crop_to_ask(self) {
        self.choose_fit(Fit::Crop);
    }

    fn load_questions(self) {
        let ask = self.state.ask;
        match (ask.known.with_untracked(Option::is_some), untrack(|| self.state.head(Way::Ask))) {
            (false, Some(files)) => self.send(Request::LoadQuestions(files)),
            _ => self.send_ask(None),
        }
    }

    pub(super) fn on_questions_loaded(self, loaded: Result<String, Fault>) {
        let ask = self.state.ask;
        match loaded.and_then(|text| Ok(Questions::parse(&text)?)) {
            Ok(questions) => {
                ask.known.set(Some(Arc::new(questions)));
                self.send_ask(None); // of a link
            }
            Err(fault) => ask.fault.set(Some(fault)),
        }
    }

    /// Where another network came into use, which may have heads or not.
    pub(super) fn on_other_network(self) {
        self.state.ask.forget_answer();
        self.state.describe.forget();
        self.load_head();
    }

    /// Asks if there is something to ask about and the engine knows how to answer.
    pub(super) fn send_ask(self, answer: Option<usize>) {
        let ask = self.state.ask;
        ask.fault.set(None);
        let text = ask.text.get_untracked();
        let able = self.state.way.get_untracked() == Way::Ask
            && ask.known.with_untracked(Option::is_some)
            && untrack(|| self.state.head(Way::Ask)).is_some()
            && self.state.prediction.with_untracked(Option::is_some);
        if able && !text.trim().is_empty() {
            let generation = self.inner().generation.get();
            self.send(Request::Ask(Ask { generation, text, answer }));
        }
    }

    pub(super) fn on_answered(self, answered: Result<Answered, Fault>) {
        let ask = self.state.ask;
        match answered {
            Ok(answered) => {
                ask.answered.set(Some(Arc::new(answered)));
                self.state.explanation_count.update(|count| *count += 1);
            }
            Err(fault) => {
                ask.answered.set(None);
                ask.fault.set(Some(fault));
            }
        }
    }
}
