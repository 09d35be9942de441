//! What is asked of an [`Explainer`](super::Explainer), and what it answers.

use super::cam::Method;
use super::objective::{Objective, Scores};
use super::ranking::largest_first;
use crate::image::Rect;
use crate::image::heatmap::Cam;
use serde::{Deserialize, Serialize};

/// What the network makes of a photo.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Prediction {
    /// [classes]
    pub logits: Vec<f32>,
    /// Of the input, in pixels.
    pub height: usize,
    pub width: usize,
    /// Where the input lies on the photo.
    pub rect: Rect,
    /// [height, width, 3]: what the network saw.
    #[serde(with = "serde_bytes")]
    pub rgb: Vec<u8>,
    /// [3, height, width]: the same, normalised. Not written out with the rest: a page has no use
    /// for it.
    #[serde(skip)]
    pub input: Vec<f32>,
    /// How the logits become probabilities.
    pub scores: Scores,
    /// From the photo to the logits.
    pub milliseconds: f64,
}

/// One class and how much speaks for it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    pub class: usize,
    pub logit: f32,
    /// By softmax or sigmoid: see [`Scores`]; 0..1
    pub probability: f32,
}

/// What one may ask about a photo.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Question {
    /// None: the class with the largest logit.
    pub class: Option<usize>,
    pub objective: Objective,
    /// At least one; the maps of several are fused. Not looked at by pixel-level methods.
    pub layers: Vec<String>,
    pub method: Method,
    /// Of a slow method of a layer: how many of its channels are tried, the most important ones;
    /// all if None.
    pub channels: Option<usize>,
    /// The mean of the heatmaps of six slightly changed photos: `aug_smooth` of `grad-cam`.
    pub aug_smooth: bool,
    /// The first principal component over channels in the place of their sum: `eigen_smooth` of
    /// `grad-cam`. Changes nothing where a method adds up no channels.
    pub eigen_smooth: bool,
}

/// Hears how many passes are done, of how many; false stops.
pub type Progress<'a> = &'a mut dyn FnMut(usize, usize) -> bool;

/// Where the network looked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Explanation {
    /// Of what a head said the answer's number, or the word's.
    pub class: usize,
    /// Where a head was asked, and not the classifier.
    pub asked: Option<Asked>,
    pub objective: Objective,
    /// Its name; of several fused ones `layer3+layer4`.
    pub layer: String,
    pub method: Method,
    pub aug_smooth: bool,
    pub eigen_smooth: bool,
    /// The raw map, before ReLU and scaling; of several layers the last one's.
    pub cam: Cam,
    /// Every layer with its raw map.
    pub layers: Vec<(String, Cam)>,
    /// [height, width], 0..1: as `grad-cam` returns it.
    pub heatmap: Vec<f32>,
    pub height: usize,
    pub width: usize,
    /// Where the heatmap lies on the photo.
    pub rect: Rect,
    /// Nothing in this layer speaks for the class: the heatmap is all zero.
    pub blank: bool,
    /// From the logits to the heatmap.
    pub milliseconds: f64,
}

/// What an explanation is about where it is not about a class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Asked {
    /// An answer to this question.
    Question(String),
    /// A word of this caption; all of them where the explanation's `class` is the end.
    Caption(String),
    /// Where the head looked when it said a word of this caption: its attention, no gradient.
    Attention(String),
}

/// Bytes held on the GPU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    pub weights: u64,
    pub activations: u64,
    pub gradients: u64,
}

/// A layer's values: `planes` [channels, height, width].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Planes {
    pub channels: usize,
    pub height: usize,
    pub width: usize,
    pub planes: Vec<f32>,
}

impl Explanation {
    /// The layer that `cam` is of.
    pub fn last_layer(&self) -> &str {
        self.layers.last().map_or(&self.layer, |(name, _)| name)
    }

    /// The question that it answers, all channels tried.
    pub fn question(&self) -> Question {
        let layers = self.layers.iter().map(|(name, _)| name.clone()).collect();
        Question {
            class: Some(self.class),
            objective: self.objective,
            layers,
            method: self.method,
            channels: None,
            aug_smooth: self.aug_smooth,
            eigen_smooth: self.eigen_smooth,
        }
    }
}

impl Prediction {
    /// The `k` best classes, best first.
    pub fn top(&self, k: usize) -> Vec<Score> {
        top(&self.logits, self.scores, k)
    }

    /// The `k` best classes, best first, and then `class` if it is none of them.
    pub fn top_and(&self, k: usize, class: usize) -> Vec<Score> {
        let mut rows = self.top(k);
        if !rows.iter().any(|score| score.class == class) {
            rows.extend(self.score(class));
        }
        rows
    }

    /// The score of one class; `None` where the network has no such class.
    pub fn score(&self, class: usize) -> Option<Score> {
        let logit = *self.logits.get(class)?;
        Some(Score { class, logit, probability: self.scores.probability(class, &self.logits) })
    }
}

/// The `k` best classes of logits [classes], best first.
pub fn top(logits: &[f32], scores: Scores, k: usize) -> Vec<Score> {
    let probabilities = scores.probabilities(logits);
    let best = largest_first(logits).into_iter().take(k);
    best.map(|class| Score { class, logit: logits[class], probability: probabilities[class] })
        .collect()
}
