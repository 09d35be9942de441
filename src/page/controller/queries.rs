//! Predictions and explanations of the photo on show.

use super::Controller;
use crate::engine::protocol::{Explain, Generation, Predict, Predicted, Request, Settings};
use crate::query::{ObjectiveKind, Smoothing};
use crate::state::CameraState;
use gradlens::error::Error;
use gradlens::explain::cam::Method;
use gradlens::explain::objective::Scores;
use gradlens::image::{Fit, Preprocessing};
use leptos::prelude::*;

impl Controller {
    pub fn choose_class(self, class: Option<usize>) {
        self.state.class.set(class);
        self.explain();
    }

    pub fn choose_layer(self, layer: String) {
        self.state.layer.set(layer);
        self.explain();
    }

    pub fn choose_objective(self, objective: ObjectiveKind) {
        self.state.objective.set(objective);
        self.explain();
    }

    pub fn choose_contrast_class(self, class: usize) {
        self.state.contrast_class.set(Some(class));
        self.explain();
    }

    pub fn choose_method(self, method: Method) {
        self.state.method.set(method);
        self.explain();
    }

    pub fn choose_smoothing(self, smoothing: Smoothing) {
        self.state.smoothing.set(smoothing);
        self.explain();
    }

    pub fn choose_scores(self, scores: Scores) {
        self.state.scores.set(scores);
        self.predict();
    }

    pub fn choose_fit(self, fit: Fit) {
        self.state.fit.set(fit);
        self.predict();
    }

    /// Times every dispatch from now on, or no longer.
    pub fn set_timing(self, on: bool) {
        self.state.timing.set(on);
        self.state.timings.set(Default::default());
        if on {
            self.send_predict();
        }
    }

    /// Opens or closes the network view, which shows the channels of every explanation.
    pub fn show_network(self, open: bool) {
        self.state.network_open.set(open);
        self.ask_for_channels();
    }

    /// A preprocessing at half the size, where the adapter has no room for the photo at its own.
    pub fn smaller_preprocessing(&self) -> Option<Preprocessing> {
        let no_room =
            |error: &Error| matches!(error, Error::GpuMemory { .. } | Error::AdapterLimit { .. });
        self.failed_by(no_room).then_some(())?;
        let state = self.state;
        state.preprocessing.get().halved(state.fit.get(), state.picture.get()?.size)
    }

    /// Predicts the photo at half the size. The next photo, or another adapter, gets the full size
    /// again.
    pub fn predict_smaller(self) {
        if let Some(smaller) = untrack(|| self.smaller_preprocessing()) {
            let full = self.state.preprocessing.get_untracked();
            self.inner().full_size.borrow_mut().get_or_insert(full);
            self.state.preprocessing.set(smaller);
            self.predict();
        }
    }

    pub(super) fn restore_full_size(&self) {
        if let Some(full) = self.inner().full_size.take() {
            self.state.preprocessing.set(full);
        }
    }

    /// Predicts the photo on show; connects first where nothing computes.
    pub(super) fn predict(self) {
        self.clear_small_failure();
        match self.state.failure.with_untracked(Option::is_some) {
            true => self.retry(),
            false => self.send_predict(),
        }
    }

    /// Asks for a prediction if there is a network and a photo; with a network still to come, it is
    /// asked for once that is there.
    pub(super) fn send_predict(self) {
        let state = self.state;
        let Some(picture) = state.picture.get_untracked() else { return };
        if state.model.with_untracked(Option::is_some) {
            self.inner().other_photo.set(false);
            let generation = self.next_generation();
            let (photo, timings) = (picture.id, state.timing.get_untracked());
            self.send(Request::Predict(Predict {
                generation,
                photo,
                settings: self.settings(),
                timings,
            }));
        }
    }

    pub(super) fn next_generation(&self) -> Generation {
        let inner = self.inner();
        inner.generation.set(inner.generation.get() + 1);
        inner.generation.get()
    }

    pub(super) fn settings(&self) -> Settings {
        let state = self.state;
        Settings {
            fit: state.fit.get_untracked(),
            preprocessing: state.preprocessing.get_untracked(),
            conventions: state.training.get_untracked().map(|training| training.conventions),
            scores: state.scores.get_untracked(),
        }
    }

    pub(super) fn explain(self) {
        self.clear_small_failure();
        self.send_explain();
    }

    fn send_explain(self) {
        let state = self.state;
        let Some(prediction) = state.prediction.get_untracked() else { return };
        if self.inner().other_photo.get() {
            return self.send_predict();
        }
        let generation = self.inner().generation.get();
        self.send(Request::Explain(Explain {
            generation,
            question: state.query().question(&prediction),
        }));
    }

    pub(super) fn on_predicted(self, predicted: Predicted) {
        let (state, inner) = (self.state, self.inner());
        let Predicted { prediction, layer_summary, timings } = predicted;
        state.layer_summary.set(layer_summary);
        let id = state.model_id();
        let linked =
            inner.linked_class.borrow_mut().take_if(|(model, _)| model.is_none() || *model == id);
        if let Some((_, class)) = linked.filter(|&(_, class)| class < prediction.logits.len()) {
            state.class.set(Some(class));
        }
        state.timings.update(|all| all[0] = timings);
        state.prediction.set(Some(prediction));
        self.send_explain();
        self.send_ask(None);
        self.describe();
    }

    /// The channels of the present explanation, where somebody looks at them; not of thirty frames
    /// a second.
    pub(super) fn ask_for_channels(self) {
        let state = self.state;
        let looked_at = state.network_open.get_untracked() || state.tour.get_untracked().is_some();
        let wanted = looked_at && state.camera.get_untracked() != CameraState::Running;
        if let (true, Some(explanation)) = (wanted, state.explanation.get_untracked()) {
            if self.inner().other_photo.get() {
                return self.send_predict(); // and ask again after that
            }
            let generation = self.inner().generation.get();
            let (class, layer) = (explanation.class, explanation.last_layer().to_owned());
            self.send(Request::Channels { generation, class, layer });
        }
    }
}
