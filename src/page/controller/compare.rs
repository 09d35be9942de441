//! Side by side: asks for what stands beside the picture on show.

use super::Controller;
use crate::engine::Attached;
use crate::engine::protocol::{
    OtherNetwork, OtherPhoto, PhotoSource, PredictOther, PredictedOther, Request,
};
use crate::fault::{Fault, Retry};
use crate::query::{ObjectiveKind, Query, Smoothing};
use crate::state::Progress;
use crate::state::compare::Beside;
use gradlens::catalog::models::Model;
use gradlens::explain::objective::Objective;
use gradlens::explain::{Explanation, LAST_LAYER};
use leptos::prelude::*;
use std::sync::Arc;
use web_sys::File;

/// Longest side of the pictures, in pixels.
pub const LONGEST: usize = 900;

impl Controller {
    pub fn choose_beside(self, beside: Beside) {
        let compare = self.state.compare;
        self.stop_waiting();
        if !matches!(beside, Beside::Model(_)) {
            self.send(Request::DropOther);
        }
        compare.found.set(None);
        compare.beside.set(beside);
    }

    /// A file of the visitor's beside the picture on show, which stays.
    pub fn open_beside(self, file: File) {
        let name = file.name();
        self.inner().beside_file.replace(Some(file));
        // The same name may be another file.
        self.state.compare.beside.set(Beside::Nothing);
        self.choose_beside(Beside::File(name));
    }

    /// Asks for what stands beside the explanation on show. `elsewhere`: the visitor has agreed to
    /// fetch the other model from its other hosts.
    pub fn compare(self, elsewhere: bool) {
        let (state, compare, inner) = (self.state, self.state.compare, self.inner());
        if inner.other_is_coming.get() {
            return inner.compare_again.set(true); // or the download would begin anew
        }
        compare.fault.set(None);
        compare.offered.set(false);
        let id = self.next_other();
        inner.comparing.set(id);
        let asked = self.state.explanation.get_untracked().and_then(|known| {
            let (photo, network) = self.beside(elsewhere)?;
            // Which numbers classes have, and which layer is the last, is each network's own affair.
            let pooled = untrack(|| state.pooled_layer());
            let layer = match network.is_some() && known.layer == pooled {
                true => LAST_LAYER.to_owned(),
                false => known.layer.clone(),
            };
            let query = Query { layer, ..query_of(&known) };
            let network = network.map(|(model, elsewhere)| {
                let name = |class: Option<usize>| {
                    let labels = state.labels.get_untracked();
                    labels.names.get(class?).map(|label| label.en.clone())
                };
                let names = [name(query.class), name(query.contrast_class)];
                OtherNetwork { model: Box::new(model), elsewhere, names }
            });
            let settings = self.settings();
            let (of_many, longest) = (false, LONGEST);
            Some(PredictOther { id, photo, settings, query, of_many, longest, network })
        });
        compare.waiting.set(asked.is_some());
        let Some(asked) = asked else { return compare.found.set(None) };
        // Until it has been there once it is on its way; then the engine has it.
        if let Some(OtherNetwork { model, .. }) =
            asked.network.as_ref().filter(|_| compare.found.with_untracked(Option::is_none))
        {
            let name = untrack(|| state.model_name(model).to_owned());
            state.progress.set(Some(Progress::new(name)));
            inner.other_is_coming.set(true);
        }
        self.send(Request::PredictOther(Box::new(asked)));
    }

    /// Where what stands beside comes from, and the model that sees it, if it is another.
    fn beside(self, elsewhere: bool) -> Option<(OtherPhoto, Option<(Model, bool)>)> {
        let state = self.state;
        let models = state.models.get_untracked();
        Some(match state.compare.beside.get_untracked() {
            Beside::Nothing => return None,
            Beside::Model(id) => {
                let other =
                    |model: &&Model| model.id == id && Some(&id) != state.model_id().as_ref();
                let model = models.iter().find(other)?.clone();
                let photo = state.picture.with_untracked(|picture| Some(picture.as_ref()?.id))?;
                (OtherPhoto::Held(photo), Some((model, elsewhere)))
            }
            Beside::Sample(id) => {
                let mut samples = models.iter().flat_map(|model| &model.samples);
                let file = samples.find(|sample| sample.id == id)?.file.clone();
                (OtherPhoto::New(PhotoSource::Site(file)), None)
            }
            Beside::Photo(id) => (OtherPhoto::Held(id), None),
            Beside::File(_) => {
                let file = self.inner().beside_file.borrow().clone()?;
                (OtherPhoto::New(PhotoSource::File(Attached(file))), None)
            }
        })
    }

    /// Another network is no longer wanted.
    pub fn leave_comparison(self) {
        self.forget_comparison();
        self.stop_waiting();
        self.send(Request::DropOther);
    }

    /// Nobody waits for the other network any more.
    fn stop_waiting(self) {
        if self.inner().other_is_coming.take() {
            self.send(Request::CancelLoad);
            self.state.progress.set(None);
        }
        self.state.compare.waiting.set(false);
    }

    /// What was compared with another network; the next explanation is compared anew.
    pub(super) fn forget_comparison(self) {
        self.inner().comparing.set(0);
        self.state.compare.found.set(None);
    }

    /// Its download was cancelled, or another network is loaded in its place.
    pub(super) fn forget_coming_network(self) {
        if self.inner().other_is_coming.take() {
            self.state.compare.waiting.set(false);
            self.state.compare.beside.set(Beside::Nothing);
        }
    }

    pub(super) fn next_other(self) -> u32 {
        let inner = self.inner();
        inner.others.set(inner.others.get() + 1);
        inner.others.get()
    }

    pub(super) fn on_predicted_other(
        self,
        id: u32,
        found: Result<Option<Box<PredictedOther>>, Fault>,
    ) {
        if let Err(fault) = &found
            && fault.is_of_the_device()
        {
            self.fail(fault.clone(), Retry::Start);
        }
        if id != self.inner().comparing.get() {
            return;
        }
        let (compare, inner) = (self.state.compare, self.inner());
        if inner.other_is_coming.take() {
            self.state.progress.set(None);
            self.use_labels(); // they waited for this download, too
        }
        let again = inner.compare_again.take();
        compare.waiting.set(false);
        match found {
            Ok(Some(found)) => {
                compare.found.set(Some(Arc::new(*found)));
                if again {
                    self.compare(false);
                }
            }
            Ok(None) => compare.offered.set(true),
            Err(fault) => compare.fault.set(Some(fault)),
        }
    }
}

/// The visitor's choices behind an explanation.
fn query_of(known: &Explanation) -> Query {
    Query {
        class: Some(known.class),
        objective: ObjectiveKind::from_name(known.objective.name()).unwrap_or_default(),
        contrast_class: match known.objective {
            Objective::Contrast { than } => Some(than),
            _ => None,
        },
        layer: known.layer.clone(),
        method: known.method,
        smoothing: Smoothing { aug: known.aug_smooth, eigen: known.eigen_smooth },
    }
}
