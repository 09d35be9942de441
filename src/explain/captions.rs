//! Descriptions of the last photo: what a caption head says, and what of the layer that it reads
//! speaks for a word, or for all.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use web_time::Instant;

use super::cam::{Method, Recipe};
use super::explainer::Explainer;
use super::heads::{Layer, Trained, check_method};
use super::loaded::Loaded;
use super::objective::{Objective, softmax};
use super::types::{Asked, Explanation};
use crate::catalog::captions::{Captions, START};
use crate::catalog::questions::Language;
use crate::error::{Error, Result};
use crate::image::heatmap::Cam;
use crate::models::Target;
use crate::models::heads::{CaptionHead, CaptionPass, HeadFile, Said};

/// A caption head beside the network whose layer it reads.
pub(crate) struct Describing {
    head: CaptionHead,
    captions: Captions,
    /// Of the network's pass.
    recorded: Option<Recorded>,
}

struct Recorded {
    pass: CaptionPass,
    recipes: HashMap<Method, Recipe>,
    /// The description of the last photo that gradients belong to.
    said: Option<Said>,
}

/// What a caption head says about a photo.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Caption {
    pub language: Language,
    /// Numbers of words: [`Captions::pieces`] writes them.
    pub words: Vec<usize>,
    /// Of each word, given those before it; then that of the end, unless the caption was cut off.
    pub log_probabilities: Vec<f32>,
    /// From the layer to the last word.
    pub milliseconds: f64,
}

impl Describing {
    /// For whenever the network's pass goes: its activations are bound here.
    pub(super) fn forget_pass(&mut self) {
        self.recorded = None;
    }

    /// For whenever another photo is looked at.
    pub(super) fn forget_caption(&mut self) {
        if let Some(recorded) = &mut self.recorded {
            recorded.said = None;
        }
    }

    /// Bytes of weights, and of the pass.
    pub(super) fn bytes(&self) -> [u64; 2] {
        [self.head.bytes(), self.recorded.as_ref().map_or(0, |recorded| recorded.pass.bytes())]
    }
}

impl Explainer {
    /// Takes a caption head for the network that is loaded: the safetensors file of its weights and
    /// its words. [`load`](Explainer::load) forgets it.
    ///
    /// Errors: [`Error::NoNetwork`]; [`Error::OtherBase`] where the network has another number of
    /// classes; what is wrong with the file.
    pub fn load_captions(&mut self, weights: &[u8], captions: Captions) -> Result<()> {
        let Explainer { gpu, loaded, .. } = self;
        let loaded = loaded.as_mut().ok_or(Error::NoNetwork)?;
        if loaded.network.architecture.classes() != captions.classes() {
            return Err(Error::OtherBase { base: captions.base });
        }
        let head = CaptionHead::new(gpu, &HeadFile::read(weights)?)?;
        if head.words() != captions.words() {
            let (expected, found) = (vec![captions.words()], vec![head.words()]);
            return Err(Error::TensorShape { name: "embed.weight".into(), expected, found });
        }
        gpu.check()?;
        gpu.forget_queued();
        loaded.describing = Some(Describing { head, captions, recorded: None });
        Ok(())
    }

    /// The words of the head that is loaded.
    pub fn captions(&self) -> Option<&Captions> {
        Some(&self.loaded.as_ref()?.describing.as_ref()?.captions)
    }

    /// Describes the last photo.
    ///
    /// Errors: [`Error::NoNetwork`], also without [`load_captions`](Explainer::load_captions);
    /// [`Error::NoPhoto`]; [`Error::QuestionSize`]; [`Error::OtherBase`] where the network's layer
    /// is not the one that the head was trained on; [`Error::DeviceLost`].
    pub async fn describe(&mut self, language: Language) -> Result<Caption> {
        let started = Instant::now();
        let Explainer { gpu, loaded, .. } = self;
        let Loaded { network, tuning, pass, seen, describing, .. } =
            loaded.as_mut().ok_or(Error::NoNetwork)?;
        let (Some(pass), Some(_)) = (pass.as_ref(), seen.as_ref()) else {
            return Err(Error::NoPhoto);
        };
        let Describing { head, captions, recorded } =
            describing.as_mut().ok_or(Error::NoNetwork)?;
        let trained = Trained { base: &captions.base, layer: &captions.layer, side: captions.side };
        trained.check_size(pass)?;
        let start = captions.start(language);
        if recorded.is_none() {
            let activations = trained.activations(pass, &network.architecture, head.channels())?;
            let steps = step(captions.longest);
            let pass = CaptionPass::new(gpu, head, *tuning, activations, steps);
            *recorded = Some(Recorded { pass, recipes: HashMap::new(), said: None });
        }
        let recorded = recorded.as_mut().ok_or(Error::NoPhoto)?;
        recorded.said = None;
        let said = recorded.pass.describe(gpu, head, &start, captions.end()).await?;
        let ends = said.words.iter().copied().chain([captions.end()]);
        let log_probabilities =
            said.logits.iter().zip(ends).map(|(logits, word)| log_softmax(logits, word)).collect();
        let words = said.words.clone();
        recorded.said = Some(said);
        let milliseconds = started.elapsed().as_secs_f64() * 1e3;
        Ok(Caption { language, words, log_probabilities, milliseconds })
    }

    /// What of the head's layer speaks for a word of the caption that was made last, given the words
    /// before it: the map of its log-probability; or for all words, end included, where `word` is
    /// None: of their log-probabilities' sum. By one of [`ANSWER_METHODS`]. The explanation's
    /// `class` is the word's number, or that of the end; its `objective` says probability, whose map
    /// is that of its logarithm but for the scale.
    ///
    /// Errors: [`Error::NoCaption`], also for a word that wasn't said; [`Error::UnknownMethod`] for
    /// a method that doesn't know words; [`Error::DeviceLost`].
    pub async fn explain_caption(
        &mut self,
        word: Option<usize>,
        method: Method,
    ) -> Result<Explanation> {
        let started = Instant::now();
        let Explainer { gpu, loaded, .. } = self;
        let Loaded { network, pass, seen, describing, .. } =
            loaded.as_mut().ok_or(Error::NoNetwork)?;
        let (Some(pass), Some(seen), Some(describing)) =
            (pass.as_ref(), seen.as_ref(), describing.as_mut())
        else {
            return Err(Error::NoCaption);
        };
        let Describing { captions, recorded, .. } = describing;
        let Some(Recorded { pass: of_head, recipes, said: Some(said) }) = recorded else {
            return Err(Error::NoCaption);
        };
        if word.is_some_and(|word| word >= said.words.len()) {
            return Err(Error::NoCaption);
        }
        check_method(method)?;
        let name = &captions.layer;
        let activations = pass.activations(Target::named(&network.architecture, name)?);
        let ends = said.words.iter().copied().chain([captions.end()]);
        let dlogits: Vec<(usize, Vec<f32>)> = ends
            .zip(&said.logits)
            .enumerate()
            .filter(|(place, _)| word.is_none_or(|word| word == *place))
            .map(|(place, (word, logits))| (step(place), log_softmax_backward(logits, word)))
            .collect();
        let gradient = of_head.backward(gpu, &dlogits);
        let said = (
            word.map_or(captions.end(), |word| said.words[word]),
            Asked::Caption(captions.text(&said.words)),
            Objective::Probability,
        );
        let layer = Layer { gpu, pass, seen, name, activations };
        layer.explain(recipes, method, gradient, said, started).await
    }

    /// Where the head looked when it said a word of its last caption: the attention itself, a share
    /// of each position, which add up to 1.
    ///
    /// Errors: [`Error::NoCaption`], also for a word that wasn't said; [`Error::DeviceLost`].
    pub async fn caption_attention(&mut self, word: usize) -> Result<Cam> {
        let Explainer { gpu, loaded, .. } = self;
        let describing = loaded.as_mut().and_then(|loaded| loaded.describing.as_mut());
        let Some(Describing { recorded: Some(recorded), .. }) = describing else {
            return Err(Error::NoCaption);
        };
        if recorded.said.as_ref().is_none_or(|said| word >= said.words.len()) {
            return Err(Error::NoCaption);
        }
        let look = recorded.pass.look(step(word));
        let mut values = gpu.read(look).await?;
        values.truncate(look.positions());
        Ok(Cam { height: look.height, width: look.width, values })
    }
}

/// The step in which a word is said, by its place in the caption: the first one when all of the
/// start has been read.
fn step(place: usize) -> usize {
    START - 1 + place
}

/// log(exp(z_word) / Σ exp(z))
fn log_softmax(logits: &[f32], word: usize) -> f32 {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let total: f64 = logits.iter().map(|z| f64::from(z - most).exp()).sum();
    (f64::from(logits[word] - most) - total.ln()) as f32
}

/// d(log p of a word)/dz = [k = word] − p_k
fn log_softmax_backward(logits: &[f32], word: usize) -> Vec<f32> {
    let mut gradient: Vec<f32> = softmax(logits).iter().map(|p| -p).collect();
    // 1 − p of a word that is almost certain is lost to rounding: the others' sum is not.
    gradient[word] = 0.0;
    gradient[word] = -gradient.iter().sum::<f32>();
    gradient
}
