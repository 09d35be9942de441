//! What the page asks of the engine, and what the engine answers.
//!
//! Plain data: no signals, no DOM, no `Explainer`. It is posted to a worker as `message.rs` says.

use super::super::fault::Fault;
use super::super::query::Query;
use super::message::{Attached, as_json};
use gradlens::catalog::labels::{Label, Labels};
use gradlens::catalog::layer_summary::Part;
use gradlens::catalog::models::{HeadFiles, Model};
use gradlens::catalog::questions::Language;
use gradlens::checkpoint::{Conventions, Note};
use gradlens::explain::channels::Channels;
use gradlens::explain::concepts::Concepts;
use gradlens::explain::faithfulness::{Randomized, Trust};
use gradlens::explain::guided::Guided;
use gradlens::explain::localization::Covered;
use gradlens::explain::neurons::Neurons;
use gradlens::explain::objective::Scores;
use gradlens::explain::perturbation::Estimate;
use gradlens::explain::{Caption, Explanation, Prediction, Question, Score, Timing};
use gradlens::image::heatmap::Look;
use gradlens::image::{Fit, Photo, Preprocessing};
use js_sys::ArrayBuffer;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;
use web_sys::File;

/// Counts predictions: what belongs to an older one is stale.
pub type Generation = u32;

/// Counts the photos of this visit, from 1. The engine holds their pixels.
pub type PhotoId = u32;

#[derive(Serialize, Deserialize)]
pub enum Request {
    Connect(Connect),
    /// Fetches weights beside everything else, then puts them into use. A newer one replaces it.
    Load(Load),
    CancelLoad,
    /// Decodes a photo beside everything else. A newer one replaces it.
    Decode(Decode),
    /// The photos that the page still knows.
    KeepPhotos(Vec<PhotoId>),
    Paint(Paint),
    Predict(Predict),
    Explain(Explain),
    Frame(Frame),
    /// Fetches what answers questions, beside everything else.
    LoadQuestions(HeadFiles),
    Ask(Ask),
    /// Predicts and explains in one what stands beside the photo on show.
    PredictOther(Box<PredictOther>),
    /// No other network is wanted any more.
    DropOther,
    /// Fetches what describes photos, beside everything else.
    LoadCaptions(HeadFiles),
    Describe(Describe),
    /// The channels of a layer that was explained.
    Channels {
        generation: Generation,
        class: usize,
        layer: String,
    },
    Analyze(Analyze),
    /// Stops the analysis that is running.
    StopAnalysis,
}

impl Request {
    /// What the engine is busy with once it has received this; `None`: nothing for the status line.
    pub fn work(&self) -> Option<Work> {
        match self {
            Request::Connect(_) => Some(Work::Connecting),
            Request::Predict(_) => Some(Work::Predicting),
            Request::Explain(_) | Request::Ask(_) | Request::Describe(_) => Some(Work::Explaining),
            _ => None,
        }
    }
}

/// What should compute.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Connect {
    /// The processor, or the GPU even if it is software; `None`: whichever is faster.
    pub processor: Option<bool>,
    /// Leaves an adapter that still works.
    pub anew: bool,
    /// Tunings of earlier visits, by [`Event::Tuned`]'s key.
    pub tunings: HashMap<String, String>,
}

/// Where a network's weights come from.
#[derive(Clone, Serialize, Deserialize)]
pub enum Source {
    /// An entry of the list; `elsewhere`: from its other hosts, which the visitor has agreed to.
    Listed {
        #[serde(with = "as_json")]
        model: Box<Model>,
        elsewhere: bool,
    },
    /// A file of the visitor's.
    Own(Attached<File>),
}

#[derive(Serialize, Deserialize)]
pub struct Load {
    pub source: Source,
    #[serde(with = "as_json")]
    pub models: Arc<Vec<Model>>,
    /// The names in use: kept for a visitor's own weights of as many classes.
    #[serde(with = "as_json")]
    pub labels: Arc<Labels>,
    /// Of a file that holds several networks: which one.
    pub choice: Option<String>,
    /// Other conventions than the tensors tell. Dilation must be known before weights go up.
    pub conventions: Option<Conventions>,
}

#[derive(Serialize, Deserialize)]
pub struct Decode {
    pub photo: PhotoId,
    pub source: PhotoSource,
}

#[derive(Serialize, Deserialize)]
pub enum PhotoSource {
    /// A file of the visitor's.
    File(Attached<File>),
    /// A path of this site.
    Site(String),
}

/// Paints a photo at its own size, for a file that leaves the page.
#[derive(Serialize, Deserialize)]
pub struct Paint {
    /// Comes back with the pixels.
    pub id: u32,
    pub photo: PhotoId,
    /// Painted over the photo.
    pub heatmap: Option<(Arc<Explanation>, Look)>,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Settings {
    pub fit: Fit,
    pub preprocessing: Preprocessing,
    /// `None`: as the tensors tell.
    pub conventions: Option<Conventions>,
    pub scores: Scores,
}

#[derive(Serialize, Deserialize)]
pub struct Predict {
    pub generation: Generation,
    pub photo: PhotoId,
    pub settings: Settings,
    /// Times every dispatch.
    pub timings: bool,
}

#[derive(Serialize, Deserialize)]
pub struct Explain {
    pub generation: Generation,
    pub question: Question,
}

/// A question about the photo that was predicted.
#[derive(Serialize, Deserialize)]
pub struct Ask {
    pub generation: Generation,
    /// As it was typed.
    pub text: String,
    /// Which answer is explained; `None`: the likeliest.
    pub answer: Option<usize>,
}

/// A description of the photo that was predicted.
#[derive(Serialize, Deserialize)]
pub struct Describe {
    pub generation: Generation,
    pub language: Language,
    /// Which of its words is explained, counted from 0; `None`: all of them.
    pub word: Option<usize>,
}

/// A camera's picture: predicted and explained in one, so that the page never shows one frame's map
/// over another.
#[derive(Serialize, Deserialize)]
pub struct Frame {
    pub generation: Generation,
    pub photo: PhotoId,
    pub pixels: Photo,
    pub settings: Settings,
    pub query: Query,
}

/// Another photo, or the photo on show as another network sees it. What is on show stays as it is.
#[derive(Serialize, Deserialize)]
pub struct PredictOther {
    /// Comes back with the result.
    pub id: u32,
    pub photo: OtherPhoto,
    pub settings: Settings,
    pub query: Query,
    /// One of many, which wait for everything else.
    pub of_many: bool,
    /// Longest side of the copy of the photo that comes back, in pixels.
    pub longest: usize,
    /// In the place of the network in use, with its own usual settings but for the fit.
    pub network: Option<OtherNetwork>,
}

#[derive(Serialize, Deserialize)]
pub enum OtherPhoto {
    /// One that the engine holds.
    Held(PhotoId),
    /// One that it reads for this, and does not keep.
    New(PhotoSource),
}

#[derive(Serialize, Deserialize)]
pub struct OtherNetwork {
    #[serde(with = "as_json")]
    pub model: Box<Model>,
    /// From its other hosts, which the visitor has agreed to.
    pub elsewhere: bool,
    /// What the network in use calls the query's class and contrast class. The other one may not
    /// know them, or by other numbers.
    pub names: [Option<String>; 2],
}

/// Something beside the main heatmap.
#[derive(Serialize, Deserialize)]
pub struct Analyze {
    /// Of the page's counter of analyses; comes back with the results.
    pub id: u32,
    pub explanation: Arc<Explanation>,
    pub analysis: Analysis,
}

#[derive(Serialize, Deserialize)]
pub enum Analysis {
    /// Heatmaps of several questions.
    Maps(Vec<Question>),
    /// How long a slow method would take.
    Estimate(Question),
    Guided,
    /// Covers the pixels [height, width] of the input that are true.
    Cover(Vec<bool>),
    /// The same, with the heatmap of what is left.
    Brush(Vec<bool>),
    Neurons,
    /// So many concepts.
    Concepts(usize),
    Faithfulness,
    /// Randomizes the weights part by part. Adebayo et al. 2018, arXiv 1810.03292
    SanityCheck,
}

/// What the engine is busy with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Work {
    Connecting,
    Tuning,
    Uploading,
    Predicting,
    Explaining,
}

/// What computes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadedModel {
    /// The entry of the list, or `None` for a visitor's own file.
    pub id: Option<String>,
    pub file: String,
    pub architecture: String,
    pub classes: usize,
}

/// By which conventions a network runs, where its tensors don't tell all of them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Training {
    pub conventions: Conventions,
    pub source: ConventionsSource,
    /// A network of inverted residuals, whose padding depends on the framework; else a ResNet.
    pub is_mobilenet: bool,
}

/// How the conventions are known, in the order of `text.weights.conventions_from`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Serialize, Deserialize)]
pub struct Installed {
    pub model: LoadedModel,
    /// As usual for this network.
    pub preprocessing: Preprocessing,
    pub training: Training,
    pub scores: Scores,
    /// What was taken, passed over and assumed when the file was read.
    pub notes: Vec<Note>,
    #[serde(with = "as_json")]
    pub labels: Labels,
    pub layers: Vec<String>,
    /// Stages and head, first to last, each with its stride.
    pub stages: Vec<(String, usize)>,
    /// Parts that the sanity check randomizes one after the other.
    pub part_count: usize,
}

#[derive(Serialize, Deserialize)]
pub struct Predicted {
    pub prediction: Arc<Prediction>,
    /// The network's parts at the size of this input.
    pub layer_summary: Arc<Vec<Part>>,
    pub timings: Vec<Timing>,
}

/// A head's likeliest answers, and what speaks for one of them.
#[derive(Serialize, Deserialize)]
pub struct Answered {
    /// Likeliest first.
    pub scores: Vec<Score>,
    /// Of one answer, by Grad-CAM and by HiResCAM.
    pub maps: Vec<Arc<Explanation>>,
}

/// What stands beside the photo on show.
#[derive(Clone, Serialize, Deserialize)]
pub struct PredictedOther {
    /// A small copy.
    pub photo: Photo,
    /// Width and height of the photo itself.
    pub size: (usize, usize),
    /// The three likeliest classes, then those that the explanation speaks of.
    pub scores: Vec<Score>,
    /// What another network calls these; empty for the network in use.
    #[serde(with = "as_json")]
    pub names: Vec<Label>,
    /// `None`: the other network has no such class.
    pub explanation: Option<Arc<Explanation>>,
}

/// What a head says of the photo, and what speaks for a word of it or for all.
#[derive(Serialize, Deserialize)]
pub struct Described {
    pub caption: Caption,
    /// Which word is explained; `None`: all of them.
    pub word: Option<usize>,
    /// By Grad-CAM and by HiResCAM; of one word the head's attention, too.
    pub maps: Vec<Arc<Explanation>>,
}

/// A photo that the engine holds from now on.
#[derive(Serialize, Deserialize)]
pub struct Decoded {
    pub photo: PhotoId,
    pub width: usize,
    pub height: usize,
    /// A copy of at most [`SHOWN`](super::super::platform::canvas::SHOWN) pixels a side.
    pub shown: Photo,
}

/// What a new map or figure is of.
#[derive(Serialize, Deserialize)]
pub enum AnalysisResult {
    Maps(Vec<Arc<Explanation>>),
    Estimate(Estimate),
    /// Guided backpropagation, and guided Grad-CAM.
    Guided([Guided; 2]),
    Covered(Covered),
    Brushed(Covered, Explanation),
    Neurons(Neurons),
    Concepts(Concepts),
    Faithfulness(Trust),
    SanityCheck(Vec<Randomized>),
}

/// Results of the analyses of one explanation.
#[derive(Clone, Default)]
pub struct AnalysisResults {
    pub maps: Vec<Arc<Explanation>>,
    pub estimate: Option<Estimate>,
    pub guided: Option<Arc<[Guided; 2]>>,
    pub covered: Option<Arc<Covered>>,
    pub brushed: Option<Arc<(Covered, Explanation)>>,
    pub neurons: Option<Arc<Neurons>>,
    pub concepts: Option<Arc<Concepts>>,
    pub faithfulness: Option<Arc<Trust>>,
    pub sanity_check: Arc<Vec<Randomized>>,
}

impl AnalysisResults {
    pub fn set(&mut self, result: AnalysisResult) {
        match result {
            AnalysisResult::Maps(maps) => self.maps = maps,
            AnalysisResult::Estimate(estimate) => self.estimate = Some(estimate),
            AnalysisResult::Guided(guided) => self.guided = Some(Arc::new(guided)),
            AnalysisResult::Covered(covered) => self.covered = Some(Arc::new(covered)),
            AnalysisResult::Brushed(covered, explanation) => {
                self.brushed = Some(Arc::new((covered, explanation)))
            }
            AnalysisResult::Neurons(neurons) => self.neurons = Some(Arc::new(neurons)),
            AnalysisResult::Concepts(concepts) => self.concepts = Some(Arc::new(concepts)),
            AnalysisResult::Faithfulness(trust) => self.faithfulness = Some(Arc::new(trust)),
            AnalysisResult::SanityCheck(parts) => self.sanity_check = Arc::new(parts),
        }
    }
}

/// What the worker posts.
#[derive(Serialize, Deserialize)]
pub struct Reply {
    /// Requests that it has received so far.
    pub received: u32,
    /// It neither computes nor has anything waiting.
    pub idle: bool,
    pub event: Option<Event>,
}

#[derive(Serialize, Deserialize)]
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
    Offer(#[serde(with = "as_json")] Model),
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
    Decoded(Decoded),
    DecodeFailed(PhotoId, Fault),
    /// RGBA, 4 bytes a pixel; `None`: the photo is no longer known.
    Painted {
        id: u32,
        rgba: Option<Attached<ArrayBuffer>>,
    },
    Predicted(Generation, Predicted),
    Explained(Generation, Arc<Explanation>, Vec<Timing>),
    /// The engine has what answers questions; its `questions.json`.
    QuestionsLoaded(Result<String, Fault>),
    /// What came of a question; what can't be read or answered is no fault of the engine.
    Answered(Generation, Result<Answered, Fault>),
    /// The engine has what describes photos; its `captions.json`.
    CaptionsLoaded(Result<String, Fault>),
    Described(Generation, Result<Described, Fault>),
    Frame {
        generation: Generation,
        photo: PhotoId,
        predicted: Predicted,
        explanation: Arc<Explanation>,
    },
    /// `None`: the weights are not on this site, and the visitor is to be asked first.
    PredictedOther(u32, Result<Option<Box<PredictedOther>>, Fault>),
    Channels(Generation, Channels),
    /// Passes done, of how many.
    AnalysisProgress {
        id: u32,
        done: usize,
        of: usize,
    },
    /// `None`: it was stopped.
    Analyzed(u32, Option<AnalysisResult>),
    /// A request could not be served.
    Failed(Fault),
}
