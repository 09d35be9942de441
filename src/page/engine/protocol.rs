//! What the page asks of the engine, and what the engine answers.
//!
//! Plain data: no signals, no DOM, no `Explainer`.

use super::super::fault::Fault;
use super::super::query::Query;
use crate::catalog::labels::Labels;
use crate::catalog::layer_summary::Part;
use crate::catalog::models::Model;
use crate::checkpoint::{Conventions, Note};
use crate::explain::channels::Channels;
use crate::explain::faithfulness::{Randomized, Trust};
use crate::explain::guided::Guided;
use crate::explain::localization::Covered;
use crate::explain::neurons::Neurons;
use crate::explain::objective::Scores;
use crate::explain::perturbation::Estimate;
use crate::explain::{Explanation, Prediction, Question, Timing};
use crate::image::{Fit, Photo, Preprocessing};
use std::collections::HashMap;
use std::sync::Arc;
use web_sys::File;

/// Counts predictions: what belongs to an older one is stale.
pub type Generation = u32;

pub enum Request {
    Connect(Connect),
    /// Fetches weights beside everything else, then puts them into use. A newer one replaces it.
    Load(Load),
    CancelLoad,
    Predict(Predict),
    Explain(Explain),
    Frame(Frame),
    /// The channels of a layer that was explained.
    Channels {
        generation: Generation,
        explanation: Arc<Explanation>,
    },
    Analyze(Analyze),
    /// Stops the analysis that is running.
    StopAnalysis,
}

/// What should compute.
#[derive(Clone, Default)]
pub struct Connect {
    /// The processor, or the GPU even if it is software; `None`: whichever is faster.
    pub processor: Option<bool>,
    /// Leaves an adapter that still works.
    pub anew: bool,
    /// Tunings of earlier visits, by [`Event::Tuned`]'s key.
    pub tunings: HashMap<String, String>,
}

/// Where a network's weights come from.
#[derive(Clone)]
pub enum Source {
    /// An entry of the list; `elsewhere`: from its other hosts, which the visitor has agreed to.
    Listed { model: Box<Model>, elsewhere: bool },
    /// A file of the visitor's.
    Own(File),
}

pub struct Load {
    pub source: Source,
    pub models: Arc<Vec<Model>>,
    /// The names in use: kept for a visitor's own weights of as many classes.
    pub labels: Arc<Labels>,
    /// Of a file that holds several networks: which one.
    pub choice: Option<String>,
    /// Other conventions than the tensors tell. Dilation must be known before weights go up.
    pub conventions: Option<Conventions>,
}

#[derive(Clone)]
pub struct Settings {
    pub fit: Fit,
    pub preprocessing: Preprocessing,
    /// `None`: as the tensors tell.
    pub conventions: Option<Conventions>,
    pub scores: Scores,
}

pub struct Predict {
    pub generation: Generation,
    pub photo: Arc<Photo>,
    pub settings: Settings,
    /// Times every dispatch.
    pub timings: bool,
}

pub struct Explain {
    pub generation: Generation,
    pub question: Question,
}

/// A camera's picture: predicted and explained in one, so that the page never shows one frame's map
/// over another.
pub struct Frame {
    pub generation: Generation,
    pub photo: Photo,
    pub settings: Settings,
    pub query: Query,
}

/// Something beside the main heatmap.
pub struct Analyze {
    /// Of the page's counter of analyses; comes back with the results.
    pub id: u32,
    pub explanation: Arc<Explanation>,
    pub analysis: Analysis,
}

pub enum Analysis {
    /// Heatmaps of several questions.
    Maps(Vec<Question>),
    /// How long a slow method would take.
    Estimate(Question),
    Guided,
    /// Covers the pixels [height, width] of the input that are true.
    Cover(Vec<bool>),
    Neurons,
    Faithfulness,
    /// Randomizes the weights part by part. Adebayo et al. 2018, arXiv 1810.03292
    SanityCheck,
}

/// What the engine is busy with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    Connecting,
    Tuning,
    Uploading,
    Predicting,
    Explaining,
}

/// What computes.
#[derive(Clone, Debug, PartialEq)]
pub struct Adapter {
    /// Empty: the processor.
    pub name: String,
    pub software: bool,
    /// The processor computes because the adapter is software, which is slower.
    pub spares_software: bool,
    /// Why the processor computes, where that was not the visitor's choice.
    pub refused: Option<Fault>,
    pub timings_available: bool,
}

/// A network's identity, as the page names it.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadedModel {
    /// The entry of the list, or `None` for a visitor's own file.
    pub id: Option<String>,
    pub file: String,
    pub architecture: String,
    pub classes: usize,
}

/// By which conventions a network runs, where its tensors don't tell all of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Training {
    pub conventions: Conventions,
    pub source: ConventionsSource,
    /// A network of inverted residuals, whose padding depends on the framework; else a ResNet.
    pub is_mobilenet: bool,
}

/// How the conventions are known, in the order of `text.weights.conventions_from`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConventionsSource {
    /// The tensors' names tell.
    Names,
    /// They don't: PyTorch's are assumed.
    Assumed,
    /// They don't, but the file is called `tf_…`.
    FileName,
    Visitor,
}

/// A network in use from now on.
pub struct Installed {
    pub model: LoadedModel,
    /// As usual for this network.
    pub preprocessing: Preprocessing,
    pub training: Training,
    pub scores: Scores,
    /// What was taken, passed over and assumed when the file was read.
    pub notes: Vec<Note>,
    pub labels: Labels,
    pub layers: Vec<String>,
    /// Stages and head, first to last, each with its stride.
    pub stages: Vec<(String, usize)>,
    /// Parts that the sanity check randomizes one after the other.
    pub part_count: usize,
}

pub struct Predicted {
    pub prediction: Arc<Prediction>,
    /// The network's parts at the size of this input.
    pub layer_summary: Arc<Vec<Part>>,
    pub timings: Vec<Timing>,
}

/// Results of the analyses of one explanation.
#[derive(Clone, Default)]
pub struct AnalysisResults {
    pub maps: Vec<Arc<Explanation>>,
    pub estimate: Option<Estimate>,
    pub guided: Option<Arc<[Guided; 2]>>,
    pub covered: Option<Arc<Covered>>,
    pub neurons: Option<Arc<Neurons>>,
    pub faithfulness: Option<Arc<Trust>>,
    pub sanity_check: Arc<Vec<Randomized>>,
}

/// Sets one field of [`AnalysisResults`].
pub type SetResult = Box<dyn FnOnce(&mut AnalysisResults)>;

pub enum Event {
    Work(Option<Work>),
    Connected(Adapter),
    /// A tuning to keep for the next visit.
    Tuned {
        key: String,
        tuning: String,
    },
    /// Bytes received, and of all; 0 when unknown.
    Progress {
        received: u64,
        total: u64,
    },
    /// The weights are not on this site: the visitor is asked before another host is.
    Offer(Model),
    /// A download is complete. `not_cached`: there was no room for a copy.
    Loaded {
        not_cached: bool,
    },
    LoadFailed(Fault),
    /// Names of classes can't be had; numbers stand for them.
    NoLabels(Fault),
    /// The copies in this browser have changed.
    CacheChanged,
    Installed(Box<Installed>),
    Predicted(Generation, Predicted),
    Explained(Generation, Arc<Explanation>, Vec<Timing>),
    Frame {
        generation: Generation,
        photo: Photo,
        predicted: Predicted,
        explanation: Arc<Explanation>,
    },
    Channels(Generation, Channels),
    /// Passes done, of how many.
    AnalysisProgress {
        id: u32,
        done: usize,
        of: usize,
    },
    /// `None`: it was stopped.
    Analyzed(u32, Option<SetResult>),
    /// A request could not be served.
    Failed(Fault),
}
