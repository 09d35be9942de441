//! Questions about the photo on show.

use super::Controller;
use crate::engine::protocol::{Answered, Ask, Request};
use crate::fault::Fault;
use gradlens::catalog::models::QuestionFiles;
use gradlens::catalog::questions::Questions;
use gradlens::image::Fit;
use leptos::prelude::*;
use std::sync::Arc;

impl Controller {
    /// Shows the field for questions in the place of the classes, or the classes again.
    pub fn show_questions(self, on: bool) {
        let state = self.state;
        state.ask.on.set(on);
        if on {
            self.stop_camera();
            self.load_questions();
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

    /// Gives the network the middle of the photo, which is as large as questions need it.
    pub fn crop_to_ask(self) {
        self.choose_fit(Fit::Crop);
    }

    /// The head of the network in use.
    fn question_files(self) -> Option<QuestionFiles> {
        let id = self.state.model_id()?;
        self.state
            .models
            .with_untracked(|models| models.iter().find(|model| model.id == id)?.questions.clone())
    }

    fn load_questions(self) {
        let ask = self.state.ask;
        match (ask.known.with_untracked(Option::is_some), self.question_files()) {
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

    /// Where another network came into use, which may answer questions or not.
    pub(super) fn on_other_network(self) {
        self.state.ask.forget_answer();
        if self.state.ask.on.get_untracked() {
            self.load_questions();
        }
    }

    /// Asks if there is something to ask about and the engine knows how to answer.
    pub(super) fn send_ask(self, answer: Option<usize>) {
        let ask = self.state.ask;
        ask.fault.set(None);
        let text = ask.text.get_untracked();
        let able = ask.on.get_untracked()
            && ask.known.with_untracked(Option::is_some)
            && self.question_files().is_some()
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
