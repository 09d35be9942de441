//! The guided tour.

use super::Controller;
use crate::query::{ObjectiveKind, layers};
use crate::state::tour::Step;
use crate::state::{View, Way};
use gradlens::explain::cam::Method;
use leptos::prelude::*;

impl Controller {
    /// From the first step. The tour explains Grad-CAM, so that is what is computed; without a
    /// photo it takes the first sample.
    pub fn start_tour(self) {
        let state = self.state;
        self.pause_camera();
        self.choose_way(Way::Name);
        let first = untrack(|| state.samples()).into_iter().next();
        if let (true, Some(sample)) = (state.picture.with_untracked(Option::is_none), first) {
            self.open_sample(&sample);
        }
        state.objective.set(ObjectiveKind::Logit);
        let layer = state.layer.get_untracked();
        state.layer.set(layers(&layer).pop().unwrap_or(layer));
        self.go_to_step(Step::ALL[0]);
        self.choose_method(Method::GradCam);
    }

    pub fn go_to_step(self, step: Step) {
        let state = self.state;
        state.tour.set(Some(step));
        // The picture follows the story: the photo until there is a map to show.
        let has_map = matches!(step, Step::Heatmap | Step::Questions);
        state.view.set(if has_map { View::Overlay } else { View::Photo });
    }

    pub fn end_tour(self) {
        self.state.tour.set(None);
        self.state.view.set(View::Overlay);
    }
}
