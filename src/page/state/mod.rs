//! What the page knows: one `Copy` bundle of signals that components read and the controller
//! writes.
//!
//! Nothing here computes or touches the DOM. [`State::condition`] is derived and never stored, so
//! that no two parts of the page can disagree about it.
//!
//! - `analysis.rs`: the analysis panels; `ask.rs`: a question and its answers;
//!   `describe.rs`: a description; `teach.rs`: the card for teachers, `compare.rs` and `pack.rs`: its parts for two pictures and for many photos; `tour.rs`: the
//!   guided tour's steps; `tray.rs`: the photos of this visit;
//! - `wording.rs`: names and sentences in the page's language; `tracking.rs`: signals as rows read
//!   them.

pub mod analysis;
pub mod ask;
pub mod compare;
pub mod describe;
pub mod pack;
pub mod teach;
pub mod tour;
pub mod tracking;
pub mod tray;
mod wording;

use super::engine::protocol::{Adapter, LoadedModel, PhotoId, Training, Work};
use super::fault::Failure;
use super::i18n::{Language, Words};
use super::platform::own_files::OwnFile;
use super::platform::weights_cache::CachedWeights;
use super::query::{ObjectiveKind, Query, Smoothing, contrast_class, layers};
use analysis::AnalysisState;
use ask::AskState;
use compare::CompareState;
use describe::DescribeState;
use gradlens::catalog::labels::Labels;
use gradlens::catalog::layer_summary::{Part, one_layer_per_stride};
use gradlens::catalog::models::{HeadFiles, Model, Sample};
use gradlens::checkpoint::Note;
use gradlens::explain::cam::Method;
use gradlens::explain::channels::Channels;
use gradlens::explain::objective::Scores;
use gradlens::explain::{Explanation, LAST_LAYER, Prediction, Score, Timing};
use gradlens::image::heatmap::{ColourMap, Look};
use gradlens::image::{Fit, Photo, Preprocessing};
use leptos::prelude::*;
use pack::PackState;
use std::sync::Arc;
use teach::TeachState;
use tour::Step;
use tracking::get_until_cleanup;
use tray::TrayPhoto;
use web_sys::File;
use web_time::Instant;

/// What the page shows of the photo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    Overlay,
    Photo,
    Heatmap,
    Both,
}

impl View {
    pub fn name(self) -> &'static str {
        match self {
            View::Overlay => "overlay",
            View::Photo => "photo",
            View::Heatmap => "heatmap",
            View::Both => "both",
        }
    }

    pub fn from_name(name: &str) -> Option<View> {
        [View::Overlay, View::Photo, View::Heatmap, View::Both]
            .into_iter()
            .find(|view| view.name() == name)
    }
}

/// What the camera is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CameraState {
    #[default]
    Off,
    Running,
    Paused,
}

/// A file on its way.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    pub name: String,
    pub received: u64,
    /// 0 when unknown.
    pub total: u64,
    /// Bytes a second, smoothed; 0 when unknown.
    pub rate: f64,
    updated: Instant,
}

impl Progress {
    pub fn new(name: String) -> Progress {
        Progress { name, received: 0, total: 0, rate: 0.0, updated: Instant::now() }
    }

    /// Whether to show these figures: a few times a second, and at the end.
    pub fn is_due(&self, received: u64, total: u64) -> bool {
        self.updated.elapsed().as_secs_f64() >= 0.25 || received >= total
    }

    pub fn update(&mut self, received: u64, total: u64) {
        let seconds = self.updated.elapsed().as_secs_f64().max(1e-3);
        let rate = received.saturating_sub(self.received) as f64 / seconds;
        self.rate = if self.rate == 0.0 { rate } else { 0.7 * self.rate + 0.3 * rate };
        (self.received, self.total, self.updated) = (received, total, Instant::now());
    }
}

/// The page's state machine, as in the `data-state` of the status line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    Loading,
    Ready,
    Working,
    Done,
    Error,
}

impl Condition {
    pub fn name(self) -> &'static str {
        match self {
            Condition::Loading => "loading",
            Condition::Ready => "ready",
            Condition::Working => "working",
            Condition::Done => "done",
            Condition::Error => "error",
        }
    }
}

/// What the page does with the photo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Names what it sees, by the network's classes.
    Name,
    /// Describes it in a sentence.
    Describe,
    /// Answers questions about it.
    Ask,
}

impl Way {
    pub const ALL: [Way; 3] = [Way::Name, Way::Describe, Way::Ask];

    pub fn name(self) -> &'static str {
        match self {
            Way::Name => "name",
            Way::Describe => "describe",
            Way::Ask => "ask",
        }
    }
}

/// A photo whose pixels the engine holds, and a copy of at most
/// [`super::platform::canvas::SHOWN`] pixels a side to paint with.
#[derive(Clone)]
pub struct Picture {
    pub id: PhotoId,
    pub name: String,
    /// The id of the sample that it is.
    pub sample: Option<String>,
    /// Width and height of the photo itself.
    pub size: (usize, usize),
    pub shown: Arc<Photo>,
}

/// Whether a layer is a stage or one of its blocks: `blocks.2` or `blocks.2.0` of `blocks.2`.
pub fn is_within(layer: &str, stage: &str) -> bool {
    layer
        .strip_prefix(stage)
        .is_some_and(|rest| rest.is_empty() || (rest.starts_with('.') && !rest.contains('+')))
}

#[derive(Clone, Copy)]
pub struct State {
    pub language: RwSignal<Language>,
    /// There is a touch screen alone: nothing is dragged, hovered over or typed.
    pub touch_only: bool,
    /// Large text, for a projector.
    pub large: RwSignal<bool>,
    /// Hotkeys are on.
    pub shortcuts: RwSignal<bool>,

    pub adapter: RwSignal<Option<Adapter>>,
    /// The visitor's choice of processor or GPU; `None`: whichever is faster.
    pub processor: RwSignal<Option<bool>>,
    pub failure: RwSignal<Option<Failure>>,
    pub progress: RwSignal<Option<Progress>>,
    pub work: RwSignal<Option<Work>>,
    /// A photo is being read and decoded.
    pub decoding: RwSignal<bool>,
    /// Until the first model is in use or known to be absent.
    pub starting: RwSignal<bool>,
    /// A passing message: what was just copied.
    pub toast: RwSignal<Option<Words>>,

    pub models: RwSignal<Arc<Vec<Model>>>,
    /// The network in use.
    pub model: RwSignal<Option<LoadedModel>>,
    /// A model that would have to come from another host: the visitor is asked.
    pub offer: RwSignal<Option<Model>>,
    pub cached_weights: RwSignal<Vec<CachedWeights>>,
    /// The model came from another host, and the browser had no room for a copy.
    pub not_cached: RwSignal<bool>,
    /// How photos become inputs; a visitor may change it for a file of their own.
    pub preprocessing: RwSignal<Preprocessing>,
    /// `None` before there is a network.
    pub training: RwSignal<Option<Training>>,
    /// How logits become probabilities.
    pub scores: RwSignal<Scores>,
    /// What was taken, passed over and assumed when the weights were read.
    pub notes: RwSignal<Vec<Note>>,
    pub labels: RwSignal<Arc<Labels>>,
    pub layers: RwSignal<Vec<String>>,
    /// Stages and head, first to last, each with its stride.
    pub stages: RwSignal<Vec<(String, usize)>>,
    /// Parts that the sanity check randomizes one after the other.
    pub part_count: RwSignal<usize>,

    /// Of several fused ones `layer3+layer4`; before there is a network, `last`.
    pub layer: RwSignal<String>,
    pub method: RwSignal<Method>,
    pub smoothing: RwSignal<Smoothing>,
    pub objective: RwSignal<ObjectiveKind>,
    /// The class of a contrast; `None`: the likeliest other one.
    pub contrast_class: RwSignal<Option<usize>>,
    pub fit: RwSignal<Fit>,
    /// `None`: the likeliest.
    pub class: RwSignal<Option<usize>>,

    pub picture: RwSignal<Option<Picture>>,
    pub prediction: RwSignal<Option<Arc<Prediction>>>,
    pub explanation: RwSignal<Option<Arc<Explanation>>>,
    /// Explanations so far: a script that waits for the next one counts.
    pub explanation_count: RwSignal<u32>,
    /// The network's parts at the size of the last input.
    pub layer_summary: RwSignal<Arc<Vec<Part>>>,

    pub view: RwSignal<View>,
    pub opacity: RwSignal<f32>,
    pub colours: RwSignal<ColourMap>,
    pub threshold: RwSignal<f32>,
    pub contours: RwSignal<bool>,
    /// The point of the photo that is inspected, in its pixels.
    pub point: RwSignal<Option<(f64, f64)>>,

    /// The visitor's own files in use.
    pub own_files: RwSignal<Vec<(OwnFile, File)>, LocalStorage>,
    /// Whether they are kept for a reload; `None`: the visitor has not been asked.
    pub keep_files: RwSignal<Option<bool>>,

    pub camera: RwSignal<CameraState>,
    pub tray: RwSignal<Vec<TrayPhoto>>,
    /// The network view is open. It wants the channels of every explanation, as the tour does.
    pub network_open: RwSignal<bool>,
    pub channels: RwSignal<Option<Arc<Channels>>>,
    pub tour: RwSignal<Option<Step>>,
    pub timing: RwSignal<bool>,
    /// Of the last prediction and the last explanation.
    pub timings: RwSignal<[Vec<Timing>; 2]>,
    pub analysis: AnalysisState,
    pub way: RwSignal<Way>,
    pub ask: AskState,
    pub describe: DescribeState,
    pub teach: TeachState,
    pub compare: CompareState,
    pub pack: PackState,
    /// The picture fills the screen, for a projector.
    pub presenting: RwSignal<bool>,
}

impl State {
    pub fn new(language: Language, touch_only: bool) -> State {
        State {
            language: RwSignal::new(language),
            touch_only,
            large: RwSignal::new(false),
            shortcuts: RwSignal::new(true),
            adapter: RwSignal::new(None),
            processor: RwSignal::new(None),
            failure: RwSignal::new(None),
            progress: RwSignal::new(None),
            work: RwSignal::new(None),
            decoding: RwSignal::new(false),
            starting: RwSignal::new(true),
            toast: RwSignal::new(None),
            models: RwSignal::default(),
            model: RwSignal::new(None),
            offer: RwSignal::new(None),
            cached_weights: RwSignal::default(),
            not_cached: RwSignal::new(false),
            preprocessing: RwSignal::default(),
            training: RwSignal::new(None),
            scores: RwSignal::default(),
            notes: RwSignal::default(),
            labels: RwSignal::new(Arc::new(Labels::numbered(0))),
            layers: RwSignal::default(),
            stages: RwSignal::default(),
            part_count: RwSignal::new(0),
            layer: RwSignal::new(LAST_LAYER.into()),
            method: RwSignal::new(Method::ALL[0]),
            smoothing: RwSignal::default(),
            objective: RwSignal::default(),
            contrast_class: RwSignal::new(None),
            fit: RwSignal::new(Fit::Whole),
            class: RwSignal::new(None),
            picture: RwSignal::new(None),
            prediction: RwSignal::new(None),
            explanation: RwSignal::new(None),
            explanation_count: RwSignal::new(0),
            layer_summary: RwSignal::default(),
            view: RwSignal::new(View::Overlay),
            opacity: RwSignal::new(0.5),
            colours: RwSignal::new(ColourMap::Jet),
            threshold: RwSignal::new(0.0),
            contours: RwSignal::new(false),
            point: RwSignal::new(None),
            own_files: RwSignal::new_local(Vec::new()),
            keep_files: RwSignal::default(),
            camera: RwSignal::default(),
            tray: RwSignal::default(),
            network_open: RwSignal::new(false),
            channels: RwSignal::new(None),
            tour: RwSignal::new(None),
            timing: RwSignal::new(false),
            timings: RwSignal::default(),
            analysis: AnalysisState::new(),
            way: RwSignal::new(Way::Name),
            ask: AskState::new(),
            describe: DescribeState::new(),
            teach: TeachState::new(),
            compare: CompareState::new(),
            pack: PackState::new(),
            presenting: RwSignal::new(false),
        }
    }

    /// The visitor's choices, as the engine gets them.
    pub fn query(&self) -> Query {
        Query {
            class: self.class.get_untracked(),
            objective: self.objective.get_untracked(),
            contrast_class: self.contrast_class.get_untracked(),
            layer: self.layer.get_untracked(),
            method: self.method.get_untracked(),
            smoothing: self.smoothing.get_untracked(),
        }
    }

    /// The class that the present one is compared with: the visitor's choice, else the likeliest
    /// other one.
    pub fn present_contrast_class(&self) -> Option<usize> {
        contrast_class(self.contrast_class.get(), self.target()?, &*self.prediction.get()?)
    }

    /// Whether the network in use has a layer, or all of several fused ones.
    pub fn has_layer(&self, layer: &str) -> bool {
        self.layers.with_untracked(|known| layers(layer).iter().all(|one| known.contains(one)))
    }

    /// The layer that the classifier pools.
    pub fn pooled_layer(&self) -> String {
        self.stages.with(|stages| stages.last().map_or(LAST_LAYER, |(name, _)| name).to_owned())
    }

    /// One layer for each size of the grid, first to last, with its stride.
    pub fn one_layer_per_stride(&self) -> Vec<(String, usize)> {
        self.stages.with(|stages| one_layer_per_stride(stages))
    }

    /// The layers that are to be fused, as far as the network in use has them, first to last.
    pub fn fused_layers(&self) -> Vec<String> {
        let (mut layers, chosen) = (self.layers.get(), self.analysis.fused.get());
        layers.retain(|layer| chosen.contains(layer));
        layers
    }

    /// One layer for each size of the grid, and the others that are fused.
    pub fn compared_layers(&self) -> Vec<String> {
        let main: Vec<String> =
            self.one_layer_per_stride().into_iter().map(|(layer, _)| layer).collect();
        let (mut layers, fused) = (self.layers.get(), self.fused_layers());
        layers.retain(|layer| main.contains(layer) || fused.contains(layer));
        layers
    }

    /// The stride of a layer; 0 of one that the network in use does not have, or of several fused
    /// ones.
    pub fn stride(&self, layer: &str) -> usize {
        self.stages.with(|stages| {
            stages.iter().find(|(stage, _)| is_within(layer, stage)).map_or(0, |known| known.1)
        })
    }

    pub fn camera_is_running(&self) -> bool {
        self.camera.get() == CameraState::Running
    }

    /// How the heatmap is painted.
    pub fn look(&self) -> Look {
        Look {
            colours: self.colours.get(),
            opacity: self.opacity.get(),
            threshold: self.threshold.get(),
            contours: self.contours.get(),
        }
    }

    /// The class that is or will be explained: the visitor's choice, else the likeliest.
    pub fn target(&self) -> Option<usize> {
        let likeliest =
            || get_until_cleanup(self.prediction)?.top(1).first().map(|score| score.class);
        get_until_cleanup(self.class).or_else(likeliest)
    }

    /// What the picture shows: the heatmap of the class, of a word or of an answer.
    pub fn shown(&self) -> Option<Arc<Explanation>> {
        match self.way.get() {
            Way::Name => self.explanation.get(),
            Way::Describe => {
                let map = self.describe.map.get();
                self.describe.described.with(|known| known.as_ref()?.maps.get(map).cloned())
            }
            Way::Ask => {
                let map = self.ask.map.get();
                self.ask.answered.with(|answered| answered.as_ref()?.maps.get(map).cloned())
            }
        }
    }

    /// Whether the page lists a model of that id.
    pub fn is_listed(&self, id: &str) -> bool {
        self.models.with(|models| models.iter().any(|model| model.id == id))
    }

    /// What the network in use has for a way to look beside its classes.
    pub fn head(&self, way: Way) -> Option<HeadFiles> {
        let id = self.model.with(|model| model.as_ref()?.id.clone())?;
        self.models.with(|models| {
            let model = models.iter().find(|model| model.id == id)?;
            match way {
                Way::Name => None,
                Way::Describe => model.captions.clone(),
                Way::Ask => model.questions.clone(),
            }
        })
    }

    /// The id in `models.json` of the model in use; `None` for a file of one's own.
    pub fn model_id(&self) -> Option<String> {
        self.model.with_untracked(|model| model.as_ref()?.id.clone())
    }

    /// The five likeliest, and the chosen class behind them when it is not among them; each with
    /// its rank from 0.
    pub fn ranking(&self) -> Vec<(usize, Score)> {
        let Some(prediction) = self.prediction.get() else { return Vec::new() };
        let chosen = self.class.get();
        prediction
            .top(prediction.logits.len())
            .into_iter()
            .enumerate()
            .filter(|(rank, score)| *rank < 5 || Some(score.class) == chosen)
            .collect()
    }

    pub fn condition(&self) -> Condition {
        let (working, loading) = match self.work.get() {
            Some(Work::Predicting | Work::Explaining) => (true, false),
            Some(Work::Connecting | Work::Tuning | Work::Uploading) => (false, true),
            None => {
                let loading = self.progress.with(Option::is_some) || self.starting.get();
                // A photo that is read while there is no network yet waits for that.
                let waits = loading && self.model.with(Option::is_none);
                (self.decoding.get() && !waits, loading)
            }
        };
        if self.failure.with(Option::is_some) {
            Condition::Error
        } else if working {
            Condition::Working
        } else if loading {
            Condition::Loading
        } else if self.shown().is_some() {
            Condition::Done
        } else {
            Condition::Ready
        }
    }

    /// Samples that suit the network in use: its own, or those of a listed one with as many
    /// classes.
    pub fn samples(&self) -> Vec<Sample> {
        let model = self.model.get();
        self.models.with(|models| {
            let of = |test: &dyn Fn(&Model) -> bool| {
                models.iter().find(|model| test(model) && !model.samples.is_empty())
            };
            let loaded = model.as_ref();
            of(&|entry| loaded.is_some_and(|loaded| loaded.id.as_ref() == Some(&entry.id)))
                .or_else(|| {
                    of(&|entry| loaded.is_some_and(|loaded| loaded.classes == entry.classes))
                })
                .or_else(|| of(&|_| true))
                .map(|entry| entry.samples.clone())
                .unwrap_or_default()
        })
    }
}
