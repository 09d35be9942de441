//! A description of the photo on show, and the words of it.

use super::Controller;
use crate::engine::protocol::{Describe, Described, Request};
use crate::fault::Fault;
use crate::state::Way;
use gradlens::catalog::captions::Captions;
use leptos::prelude::*;
use std::sync::Arc;

impl Controller {
    pub(super) fn load_captions(self) {
        let known = self.state.describe.known.with_untracked(Option::is_some);
        match (known, untrack(|| self.state.head(Way::Describe))) {
            (false, Some(files)) => self.send(Request::LoadCaptions(files)),
            _ => self.describe(),
        }
    }

    pub(super) fn on_captions_loaded(self, loaded: Result<String, Fault>) {
        let describe = self.state.describe;
        match loaded.and_then(|text| Ok(Captions::parse(&text)?)) {
            Ok(captions) => {
                describe.known.set(Some(Arc::new(captions)));
                self.describe();
            }
            Err(fault) => describe.fault.set(Some(fault)),
        }
    }

    /// Describes the photo that has been predicted, if that is what the visitor looks at; explains
    /// the word of a link, or all.
    pub fn describe(self) {
        let word = self.state.describe.linked.get_untracked();
        self.explain_word(word);
    }

    /// Explains one word, counted from 0, or all of them.
    pub fn explain_word(self, word: Option<usize>) {
        let state = self.state;
        let able = state.way.get_untracked() == Way::Describe
            && state.describe.known.with_untracked(Option::is_some)
            && untrack(|| state.head(Way::Describe)).is_some()
            && state.prediction.with_untracked(Option::is_some);
        if able {
            state.describe.fault.set(None);
            let generation = self.inner().generation.get();
            let language = state.language.get_untracked().of_heads();
            self.send(Request::Describe(Describe { generation, language, word }));
        }
    }

    pub(super) fn on_described(self, described: Result<Described, Fault>) {
        let describe = self.state.describe;
        describe.linked.set(None);
        match described {
            Ok(described) => {
                let shown = describe.map.get_untracked();
                if shown >= described.maps.len() {
                    describe.map.set(0);
                }
                describe.described.set(Some(Arc::new(described)));
                self.state.explanation_count.update(|count| *count += 1);
            }
            Err(fault) => {
                describe.described.set(None);
                describe.fault.set(Some(fault));
            }
        }
    }
}
