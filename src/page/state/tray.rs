//! The tray: the photos of this visit, each with the settings that it was last seen with. Nothing
//! of it outlives the page.

use super::{Picture, State, View};
use crate::query::{ObjectiveKind, Smoothing};
use gradlens::explain::cam::Method;
use gradlens::image::heatmap::Look;
use gradlens::image::{Fit, Photo};
use leptos::prelude::*;
use std::sync::Arc;

/// Photos that are kept; the oldest goes first. Decoded, a phone's photo takes 36 MB.
pub const MOST: usize = 8;

/// One photo of the tray.
#[derive(Clone)]
pub struct TrayPhoto {
    /// Counts the photos of this visit, from 1.
    pub number: usize,
    pub picture: Picture,
    pub thumb: Arc<Photo>,
    pub settings: PhotoSettings,
}

/// The choices that a photo was explained with.
#[derive(Clone)]
pub struct PhotoSettings {
    /// A listed model's; `None` for a visitor's own file, which the page cannot open again by
    /// itself.
    pub model: Option<String>,
    pub class: Option<usize>,
    pub objective: ObjectiveKind,
    pub contrast_class: Option<usize>,
    pub layer: String,
    pub method: Method,
    pub smoothing: Smoothing,
    pub fit: Fit,
    pub view: View,
    pub look: Look,
}

impl PhotoSettings {
    pub fn of(state: &State) -> PhotoSettings {
        PhotoSettings {
            model: state.model_id(),
            class: state.class.get_untracked(),
            objective: state.objective.get_untracked(),
            contrast_class: state.contrast_class.get_untracked(),
            layer: state.layer.get_untracked(),
            method: state.method.get_untracked(),
            smoothing: state.smoothing.get_untracked(),
            fit: state.fit.get_untracked(),
            view: state.view.get_untracked(),
            look: untrack(|| state.look()),
        }
    }
}
