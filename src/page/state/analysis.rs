//! What the analysis panels know.

use crate::engine::protocol::AnalysisResults;
use crate::query::ObjectiveKind;
use gradlens::explain::cam::Method;
use gradlens::explain::localization;
use gradlens::image::Rect;
use leptos::prelude::*;

/// The panels, in the order of their tabs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Panel {
    #[default]
    Layers,
    Targets,
    Compare,
    Methods,
    Concepts,
    Detail,
    Localization,
    Neurons,
    Faithfulness,
    Swipe,
}

impl Panel {
    pub const ALL: [Panel; 10] = [
        Panel::Layers,
        Panel::Targets,
        Panel::Compare,
        Panel::Methods,
        Panel::Concepts,
        Panel::Detail,
        Panel::Localization,
        Panel::Neurons,
        Panel::Faithfulness,
        Panel::Swipe,
    ];

    pub fn name(self) -> &'static str {
        const NAMES: [&str; Panel::ALL.len()] = [
            "layers", "targets", "compare", "methods", "concepts", "detail", "where", "words",
            "trust", "swipe",
        ];
        NAMES[self as usize]
    }

    pub fn from_name(name: &str) -> Option<Panel> {
        Panel::ALL.into_iter().find(|panel| panel.name() == name)
    }
}

/// What the rows and columns of a comparison are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Axes {
    #[default]
    ClassesLayers,
    ClassesMethods,
    MethodsLayers,
    /// Methods across, classes and layers down.
    All,
}

impl Axes {
    pub const ALL: [Axes; 4] =
        [Axes::ClassesLayers, Axes::ClassesMethods, Axes::MethodsLayers, Axes::All];

    pub fn name(self) -> &'static str {
        ["classes-layers", "classes-methods", "methods-layers", "all"][self as usize]
    }

    pub fn from_name(name: &str) -> Option<Axes> {
        Axes::ALL.into_iter().find(|axes| axes.name() == name)
    }
}

/// What can lie on a side of the swiped picture.
#[derive(Clone, Debug, PartialEq)]
pub enum Side {
    Photo,
    /// The heatmap on show.
    Shown,
    /// It with another method, layer or objective.
    Method(Method),
    Layer(String),
    Objective(ObjectiveKind),
}

#[derive(Clone, Copy)]
pub struct AnalysisState {
    pub open: RwSignal<bool>,
    pub panel: RwSignal<Panel>,
    pub results: RwSignal<AnalysisResults>,
    /// While something is computed: passes done, of how many; 0 when unknown.
    pub progress: RwSignal<Option<(usize, usize)>>,
    pub stopped: RwSignal<bool>,

    /// Which layers are fused.
    pub fused: RwSignal<Vec<String>>,
    pub axes: RwSignal<Axes>,
    /// One colour scale for all heatmaps of a comparison.
    pub one_scale: RwSignal<bool>,
    pub slow_method: RwSignal<Method>,
    /// Channels that a slow method tries; 0: all.
    pub channels: RwSignal<usize>,
    /// The same of the slow heatmap on show.
    pub tried_channels: RwSignal<usize>,
    /// Into how many concepts the last layer is taken apart.
    pub concepts: RwSignal<usize>,
    /// Where the warm region begins, as a share of the maximum.
    pub threshold: RwSignal<f32>,
    /// The box that the visitor drew, in photo pixels.
    pub true_box: RwSignal<Option<Rect>>,
    /// Where the two sides meet, 0 to 1.
    pub swipe: RwSignal<f32>,
    pub sides: RwSignal<[Side; 2]>,
}

impl AnalysisState {
    pub fn new() -> AnalysisState {
        AnalysisState {
            open: RwSignal::new(false),
            panel: RwSignal::default(),
            results: RwSignal::default(),
            progress: RwSignal::default(),
            stopped: RwSignal::default(),
            fused: RwSignal::default(),
            axes: RwSignal::default(),
            one_scale: RwSignal::default(),
            slow_method: RwSignal::new(Method::AblationCam),
            channels: RwSignal::new(0),
            tried_channels: RwSignal::new(0),
            concepts: RwSignal::new(5), // grad-cam's
            threshold: RwSignal::new(localization::THRESHOLD),
            true_box: RwSignal::default(),
            swipe: RwSignal::new(0.5),
            sides: RwSignal::new([Side::Photo, Side::Shown]),
        }
    }

    /// Another network: what is chosen by layers is chosen anew.
    pub fn reset_layers(&self, layers: Vec<String>) {
        self.fused.set(layers);
        self.sides.set([Side::Photo, Side::Shown]);
    }

    pub fn clear_results(&self) {
        self.results.set(AnalysisResults::default());
        self.progress.set(None);
        self.stopped.set(false);
    }
}
