//! The photos of this visit.

use super::Controller;
use crate::platform::canvas;
use crate::state::tray::{MOST, PhotoSettings, TrayPhoto};
use leptos::prelude::*;
use std::sync::Arc;

impl Controller {
    /// Puts the photo on show into the tray.
    pub fn add_to_tray(self) {
        let state = self.state;
        let Some(picture) = state.picture.get_untracked() else { return };
        state.tray.update(|tray| {
            if !tray.iter().any(|photo| photo.picture.id == picture.id) {
                let thumb = Arc::new(picture.shown.shrunk(canvas::THUMB));
                let number = tray.last().map_or(1, |last| last.number + 1);
                tray.push(TrayPhoto {
                    number,
                    picture,
                    thumb,
                    settings: PhotoSettings::of(&state),
                });
                let surplus = tray.len().saturating_sub(MOST);
                tray.drain(..surplus);
            }
        });
    }

    /// Saves the settings of the photo on show, before another takes its place.
    pub(super) fn save_settings(self) {
        let state = self.state;
        let id = state.picture.with_untracked(|picture| picture.as_ref().map(|picture| picture.id));
        state.tray.update(|tray| {
            if let Some(photo) = tray.iter_mut().find(|photo| Some(photo.picture.id) == id) {
                photo.settings = PhotoSettings::of(&state);
            }
        });
    }

    pub fn restore(self, id: u32) {
        let state = self.state;
        self.stop_camera();
        self.save_settings();
        let Some(photo) = state
            .tray
            .with_untracked(|tray| tray.iter().find(|photo| photo.picture.id == id).cloned())
        else {
            return;
        };
        let settings = photo.settings;
        self.show(photo.picture);
        state.objective.set(settings.objective);
        state.contrast_class.set(settings.contrast_class);
        state.method.set(settings.method);
        state.smoothing.set(settings.smoothing);
        state.fit.set(settings.fit);
        state.view.set(settings.view);
        state.opacity.set(settings.look.opacity);
        state.colours.set(settings.look.colours);
        state.threshold.set(settings.look.threshold);
        state.contours.set(settings.look.contours);
        let current = state.model_id();
        match settings.model {
            // The photo is looked at once the network that it was seen with is back.
            Some(model) if current.as_ref() != Some(&model) => {
                self.inner()
                    .linked_class
                    .replace(settings.class.map(|class| (Some(model.clone()), class)));
                self.inner().linked_layer.replace(Some((model.clone(), settings.layer)));
                self.choose_model(&model);
            }
            _ => {
                if state.has_layer(&settings.layer) {
                    state.layer.set(settings.layer);
                }
                let classes = state.labels.with_untracked(|labels| labels.names.len());
                state.class.set(settings.class.filter(|&class| class < classes));
            }
        }
    }
}
