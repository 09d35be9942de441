//! What the page knows: one `Copy` bundle of signals that components read and jobs write.
//!
//! Nothing here computes or touches the DOM. `condition` is the page's state machine, derived and never stored, so that no
//! two parts can disagree about it.

use super::asked;
use super::camera::Live;
use super::closer::Closer;
use super::once::RwSignal;
use super::text::{Language, Text, Words};
use super::tray::Kept;
use crate::catalog::labels::Labels;
use crate::catalog::layer_summary::{Part, one_a_stride};
use crate::catalog::models::{Model, Sample};
use crate::checkpoint::Conventions;
use crate::error::Error;
use crate::explain::cam::Method;
use crate::explain::channels::Channels;
use crate::explain::{Explanation, LAST_LAYER, Prediction, Score, Timing};
use crate::image::heatmap::{ColourMap, Look};
use crate::image::{Fit, Photo, Preprocessing};
use std::sync::Arc;

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

    /// The overlay where there is no such view.
    pub fn named(name: &str) -> View {
        let views = [View::Photo, View::Heatmap, View::Both];
        views.into_iter().find(|view| view.name() == name).unwrap_or(View::Overlay)
    }
}

/// What went wrong, as far as a person is concerned.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// The engine's own error, whole.
    Engine(Error),
    /// Served over plain http: browsers hide WebGPU there.
    Insecure,
    NoWebGpu,
    Fetch {
        file: String,
        detail: String,
    },
    /// The digest is not the listed one.
    Altered {
        file: String,
    },
    Models {
        detail: String,
    },
    NothingDropped,
    Camera {
        detail: String,
    },
    Save,
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        // Firefox complains of whatever belonged to a lost device before it tells of the loss; what was refused at its making has a
        // complaint of its own, which comes first.
        Fault::Engine(match error {
            Error::Gpu { detail } if detail.contains("is invalid") => Error::DeviceLost { detail },
            error => error,
        })
    }
}

/// What “Try again” does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Nothing sensible: another file is the way on.
    None,
    /// From the adapter on: model, photo and choice are kept.
    Start,
    /// Fetch the model asked for last.
    Model,
}

/// A fault on show, with its way on.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    pub fault: Fault,
    pub retry: Retry,
}

/// A file on its way.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    pub name: String,
    pub received: u64,
    /// 0 when unknown.
    pub total: u64,
    /// Bytes a second, lately; 0 when unknown.
    pub rate: f64,
}

/// A copy of weights in this browser.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredCopy {
    /// Of the list's entry, which may no longer be there.
    pub id: String,
    pub address: String,
    pub bytes: u64,
    /// The copy is of the file that the list names now.
    pub current: bool,
}

/// What the engine is busy with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    Connecting,
    Tuning,
    Uploading,
    Looking,
    Explaining,
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

/// The adapter, as the page names it.
#[derive(Clone, Debug, PartialEq)]
pub struct Adapter {
    /// Empty: the processor, without any.
    pub name: String,
    pub software: bool,
    /// The processor computes because the adapter is software, which is slower.
    pub spares_software: bool,
    /// Why it is the processor, where that was not the visitor's wish.
    pub refused: Option<Fault>,
}

/// The network in use.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// The entry of the list, or `None` for a visitor's own file.
    pub id: Option<String>,
    pub file: String,
    pub architecture: String,
    pub classes: usize,
}

/// How the network in use was trained, where that is not a ResNet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trained {
    pub conventions: Conventions,
    pub source: Told,
}

/// How that is known, in the order of `text.weights.conventions_from`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// Its tensors' names tell.
    Names,
    /// They don't: PyTorch's are assumed.
    Nowhere,
    /// They don't, but the file is called `tf_…`.
    File,
    /// The visitor said so.
    Visitor,
}

/// A decoded photo and a copy of at most [`super::picture::SHOWN`] pixels a side to paint with.
#[derive(Clone)]
pub struct Picture {
    /// Counts the pictures of this visit, from 1.
    pub id: u32,
    pub name: String,
    pub full: Arc<Photo>,
    pub shown: Arc<Photo>,
}

/// Whether a layer is a stage or one of its blocks: `blocks.2` or `blocks.2.0` of `blocks.2`.
pub fn is_within(layer: &str, stage: &str) -> bool {
    layer.strip_prefix(stage).is_some_and(|rest| rest.is_empty() || (rest.starts_with('.') && !rest.contains('+')))
}

#[derive(Clone, Copy)]
pub struct State {
    pub language: RwSignal<Language>,
    /// For a projector at the far end of a room.
    pub large: RwSignal<bool>,
    /// Letters do something: see `keys`.
    pub keys: RwSignal<bool>,
    pub adapter: RwSignal<Option<Adapter>>,
    /// Whether the visitor wants the processor to compute; none: whichever is faster.
    pub processor: RwSignal<Option<bool>>,
    pub failure: RwSignal<Option<Failure>>,
    pub progress: RwSignal<Option<Progress>>,
    pub work: RwSignal<Option<Work>>,
    /// A photo is being read and decoded.
    pub reading: RwSignal<bool>,
    /// Until the first model is in use or known to be absent.
    pub starting: RwSignal<bool>,

    pub models: RwSignal<Arc<Vec<Model>>>,
    pub model: RwSignal<Option<Loaded>>,
    /// A model that would have to come from another host: the visitor is asked.
    pub offer: RwSignal<Option<Model>>,
    /// How photos become inputs; a visitor may change it for a file of their own.
    pub preprocessing: RwSignal<Preprocessing>,
    /// Copies of weights in this browser.
    pub kept: RwSignal<Vec<StoredCopy>>,
    /// The model came from another host, and the browser had no room for a copy.
    pub not_kept: RwSignal<bool>,
    pub labels: RwSignal<Arc<Labels>>,
    pub layers: RwSignal<Vec<String>>,
    /// Stages and head of the network in use, first to last, each with its stride.
    pub stages: RwSignal<Vec<(String, usize)>>,
    /// How many parts the sanity check randomizes one after the other.
    pub parts: RwSignal<usize>,
    /// What its tensors do not tell about the network in use; `None` for a ResNet, whose do.
    pub trained: RwSignal<Option<Trained>>,

    /// Of several fused ones `layer3+layer4`; before there is a network, `last`.
    pub layer: RwSignal<String>,
    pub method: RwSignal<Method>,
    /// One of [`asked::NAMES`].
    pub objective: RwSignal<&'static str>,
    /// The class that a contrast is with; `None`: the likeliest other one.
    pub than: RwSignal<Option<usize>>,
    pub fit: RwSignal<Fit>,
    /// `None`: the likeliest.
    pub class: RwSignal<Option<usize>>,

    pub picture: RwSignal<Option<Picture>>,
    pub prediction: RwSignal<Option<Arc<Prediction>>>,
    pub explanation: RwSignal<Option<Arc<Explanation>>>,
    /// How many maps there have been: a script that waits for the next one counts.
    pub maps: RwSignal<u32>,

    pub view: RwSignal<View>,
    pub opacity: RwSignal<f32>,
    pub colours: RwSignal<ColourMap>,
    pub threshold: RwSignal<f32>,
    pub contours: RwSignal<bool>,
    /// The point of the photo that is being read.
    pub point: RwSignal<Option<(f64, f64)>>,
    /// The network's parts at the size of the last input.
    pub outline: RwSignal<Arc<Vec<Part>>>,
    pub live: RwSignal<Live>,
    pub tray: RwSignal<Vec<Kept>>,
    /// Somebody looks inside the network: its channels are wanted after every map.
    pub inside: RwSignal<bool>,
    pub channels: RwSignal<Option<Arc<Channels>>>,
    /// The step of the tour, from 0.
    pub tour: RwSignal<Option<usize>>,
    pub timing: RwSignal<bool>,
    pub timings_available: RwSignal<bool>,
    /// Of the last look and the last trace.
    pub timings: RwSignal<[Vec<Timing>; 2]>,
    pub closer: Closer,
    /// A passing word: what was just copied.
    pub word: RwSignal<Option<Words>>,
}

impl State {
    pub fn new(language: Language) -> State {
        State {
            language: RwSignal::new(language),
            large: RwSignal::new(false),
            keys: RwSignal::new(true),
            adapter: RwSignal::new(None),
            processor: RwSignal::new(None),
            failure: RwSignal::new(None),
            progress: RwSignal::new(None),
            work: RwSignal::new(None),
            reading: RwSignal::new(false),
            starting: RwSignal::new(true),
            models: RwSignal::new(Arc::default()),
            model: RwSignal::new(None),
            offer: RwSignal::new(None),
            preprocessing: RwSignal::new(Preprocessing::default()),
            kept: RwSignal::new(Vec::new()),
            not_kept: RwSignal::new(false),
            labels: RwSignal::new(Arc::new(Labels::numbered(0))),
            layers: RwSignal::new(Vec::new()),
            stages: RwSignal::new(Vec::new()),
            parts: RwSignal::new(0),
            trained: RwSignal::new(None),
            layer: RwSignal::new(LAST_LAYER.into()),
            method: RwSignal::new(Method::ALL[0]),
            objective: RwSignal::new(asked::NAMES[0]),
            than: RwSignal::new(None),
            fit: RwSignal::new(Fit::Whole),
            class: RwSignal::new(None),
            picture: RwSignal::new(None),
            prediction: RwSignal::new(None),
            explanation: RwSignal::new(None),
            maps: RwSignal::new(0),
            view: RwSignal::new(View::Overlay),
            opacity: RwSignal::new(0.5),
            colours: RwSignal::new(ColourMap::Jet),
            threshold: RwSignal::new(0.0),
            contours: RwSignal::new(false),
            point: RwSignal::new(None),
            outline: RwSignal::new(Arc::default()),
            live: RwSignal::default(),
            tray: RwSignal::default(),
            inside: RwSignal::new(false),
            channels: RwSignal::new(None),
            tour: RwSignal::new(None),
            timing: RwSignal::new(false),
            timings_available: RwSignal::new(false),
            timings: RwSignal::default(),
            closer: Closer::new(),
            word: RwSignal::new(None),
        }
    }

    pub fn text(&self) -> &'static Text {
        self.language.get().text()
    }

    pub fn text_untracked(&self) -> &'static Text {
        self.language.get_untracked().text()
    }

    /// Whether the network in use has a layer, or all of several fused ones.
    pub fn has_layer(&self, layer: &str) -> bool {
        self.layers.with_untracked(|layers| asked::layers(layer).iter().all(|one| layers.contains(one)))
    }

    /// The layer that the classifier pools.
    pub fn pooled_layer(&self) -> String {
        self.stages.with(|stages| stages.last().map_or(LAST_LAYER, |(name, _)| name).to_owned())
    }

    /// One layer for each size of the grid, first to last, with its stride.
    pub fn one_a_stride(&self) -> Vec<(String, usize)> {
        self.stages.with(|stages| one_a_stride(stages))
    }

    /// The stride of a layer; 0 of one that the network in use does not have, or of several fused ones.
    pub fn stride(&self, layer: &str) -> usize {
        self.stages.with(|stages| stages.iter().find(|(stage, _)| is_within(layer, stage)).map_or(0, |known| known.1))
    }

    /// What layers of a stride look for, in a word.
    pub fn stage_words(&self, stride: usize) -> &'static str {
        let place = stride.max(2).ilog2() as usize - 1;
        self.text().stages[place.min(4)]
    }

    pub fn live_camera(&self) -> bool {
        self.live.get() == Live::Running
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

    /// Words that follow the language. One type of closure for all of them: each type costs the page a kilobyte of its own.
    pub fn say(self, words: Words) -> impl Fn() -> &'static str + Copy + Send + Sync + 'static {
        move || words(self.text())
    }

    /// The class that is or will be explained: the visitor's choice, else the likeliest.
    pub fn target(&self) -> Option<usize> {
        self.class.get().or_else(|| self.prediction.get()?.top(1).first().map(|score| score.class))
    }

    /// A class's name in the page's language; its number when the list has none.
    pub fn label(&self, class: usize) -> String {
        self.labels.with(|labels| match labels.names.get(class) {
            Some(label) => self.language.get().choose(&label.en, label.zh.as_deref()).to_owned(),
            None => class.to_string(),
        })
    }

    /// The name in the other language, where the page has one to teach.
    pub fn second_label(&self, class: usize) -> Option<String> {
        self.labels.with(|labels| {
            let label = labels.names.get(class)?;
            let chinese = label.zh.as_ref().filter(|chinese| **chinese != label.en)?;
            Some(match self.language.get() {
                Language::English => chinese.clone(),
                Language::Chinese => label.en.clone(),
            })
        })
    }

    /// The five likeliest, and the chosen class behind them when it is not among them; each with its rank from 0.
    pub fn ranking(&self) -> Vec<(usize, Score)> {
        let Some(prediction) = self.prediction.get() else { return Vec::new() };
        let mut ranked: Vec<_> = prediction.top(prediction.logits.len()).into_iter().enumerate().collect();
        let chosen = self.class.get();
        let mut place = 0;
        ranked.retain(|(_, score)| {
            place += 1;
            place <= 5 || Some(score.class) == chosen
        });
        ranked
    }

    pub fn condition(&self) -> Condition {
        let (working, loading) = match self.work.get() {
            Some(Work::Looking | Work::Explaining) => (true, false),
            Some(Work::Connecting | Work::Tuning | Work::Uploading) => (false, true),
            None => (self.reading.get(), self.progress.with(Option::is_some) || self.starting.get()),
        };
        if self.failure.with(Option::is_some) {
            Condition::Error
        } else if working {
            Condition::Working
        } else if loading {
            Condition::Loading
        } else if self.explanation.with(Option::is_some) {
            Condition::Done
        } else {
            Condition::Ready
        }
    }

    /// Samples that suit the network in use: its own, or those of a listed one with as many classes.
    pub fn samples(&self) -> Vec<Sample> {
        let model = self.model.get();
        self.models.with(|models| {
            let of =
                |test: &dyn Fn(&Model) -> bool| models.iter().find(|model| test(model) && !model.samples.is_empty());
            let loaded = model.as_ref();
            of(&|entry| loaded.is_some_and(|loaded| loaded.id.as_ref() == Some(&entry.id)))
                .or_else(|| of(&|entry| loaded.is_some_and(|loaded| loaded.classes == entry.classes)))
                .or_else(|| of(&|_| true))
                .map(|entry| entry.samples.clone())
                .unwrap_or_default()
        })
    }
}
