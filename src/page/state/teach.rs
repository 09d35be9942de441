//! What the card for teachers knows.

use crate::fault::Fault;
use gradlens::catalog::lessons::Lesson;
use gradlens::explain::drawing::Drawing;
use leptos::prelude::*;
use std::sync::Arc;

/// The parts of the card, in the order of their tabs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TeachPanel {
    #[default]
    Lessons,
    /// Pupils mark where they think that the network looks.
    Predict,
    /// Parts of the photo are painted over.
    Cover,
    /// Two photos, or two models.
    Compare,
    /// Many photos at once.
    Pack,
    Report,
}

impl TeachPanel {
    pub const ALL: [TeachPanel; 6] = [
        TeachPanel::Lessons,
        TeachPanel::Predict,
        TeachPanel::Cover,
        TeachPanel::Compare,
        TeachPanel::Pack,
        TeachPanel::Report,
    ];

    /// The name in links.
    pub fn name(self) -> &'static str {
        ["lessons", "predict", "cover", "compare", "pack", "report"][self as usize]
    }

    pub fn from_name(name: &str) -> Option<TeachPanel> {
        TeachPanel::ALL.into_iter().find(|panel| panel.name() == name)
    }
}

#[derive(Clone, Copy)]
pub struct TeachState {
    pub open: RwSignal<bool>,
    pub panel: RwSignal<TeachPanel>,
    /// `None` until they have been fetched, or why that failed.
    pub lessons: RwSignal<Option<Result<Arc<Vec<Lesson>>, Fault>>>,
    /// A link led here: the card is to be brought into sight.
    pub sought: RwSignal<bool>,
    /// What was marked on the photo; `None` without a photo.
    pub drawing: RwSignal<Option<Drawing>>,
    pub revealed: RwSignal<bool>,
    /// What is painted over; `None` without a photo.
    pub cover: RwSignal<Option<Drawing>>,
}

impl TeachState {
    pub fn new() -> TeachState {
        TeachState {
            open: RwSignal::new(false),
            panel: RwSignal::default(),
            lessons: RwSignal::new(None),
            sought: RwSignal::new(false),
            drawing: RwSignal::new(None),
            revealed: RwSignal::new(false),
            cover: RwSignal::new(None),
        }
    }

    /// Somebody is predicting: the heatmap is not shown anywhere yet.
    pub fn hides_heatmap(&self) -> bool {
        self.open.get() && self.panel.get() == TeachPanel::Predict && !self.revealed.get()
    }
}
