//! [`Explainer`]: load a network, predict a photo, explain a class.
//!
//! The page, the native command and the tests all go through it. It holds what stays on the GPU
//! between calls, and doesn't know how results are drawn.
//!
//! ```no_run
//! # async fn show(file: Vec<u8>, photo: Vec<u8>) -> gradlens::Result<()> {
//! use gradlens::{Checkpoint, Explainer, Fit, Method, Network, Photo};
//! let mut explainer = Explainer::new().await?;
//! explainer.load(&Network::from_checkpoint(&Checkpoint::read(file)?)?, Default::default()).await?;
//! let prediction = explainer.predict(&Photo::decode(&photo)?, Fit::Crop).await?;
//! let best = explainer.explain(None, "layer4", Method::GradCam).await?;
//! println!("class {} of {:?}", best.class, prediction.top(5));
//! # Ok(()) }
//! ```

use std::time::Duration;

use web_time::Instant;

use crate::catalog::layer_summary::{main_layers_with_strides, one_layer_per_stride};
use crate::checkpoint::{Architecture, Conventions, Network};
use crate::error::{Error, Result};
use crate::explain::cam::{Group, Method};
use crate::explain::captions::Describing;
use crate::explain::loaded::{Loaded, Seen};
use crate::explain::objective::{Objective, Scores};
use crate::explain::pixels::clipped;
use crate::explain::questions::Asking;
use crate::explain::types::{Explanation, Memory, Planes, Prediction, Progress, Question};
use crate::gpu::{AdapterInfo, Gpu, Tensor, Uploader};
use crate::image::heatmap::{self, Cam};
use crate::image::{Fit, Photo, Preprocessing, Rect, prepare};
use crate::models::{Loader, Model, Pass, Target, Uploaded, Weights, check_sizes};
use crate::ops::{Rule, Tuning};
use crate::tuning;

/// The name by which every network's pooled layer can be asked for.
pub const LAST_LAYER: &str = "last";

/// A network on a GPU, and the photo that it last looked at.
pub struct Explainer {
    pub(super) gpu: Gpu,
    tuning: Tuning,
    pub(super) loaded: Option<Loaded>,
}

/// A network that was put aside with the photo that it last looked at. It stays on its device.
#[derive(Default)]
pub struct Aside(Option<Loaded>);

impl Explainer {
    /// Opens the machine's fastest adapter. Errors: [`Error::NoAdapter`], [`Error::NoDevice`].
    pub async fn new() -> Result<Explainer> {
        Ok(Explainer { gpu: Gpu::new().await?, tuning: Tuning::default(), loaded: None })
    }

    /// The same with buffers of at most `largest` bytes, as a smaller adapter has them. Errors: as
    /// [`new`](Explainer::new).
    pub async fn with_buffers(largest: u64) -> Result<Explainer> {
        Ok(Explainer {
            gpu: Gpu::with_buffers(Some(largest)).await?,
            tuning: Tuning::default(),
            loaded: None,
        })
    }

    /// Whether the device is still of use. Errors: its first failure, which stays with it.
    pub fn check(&self) -> Result<()> {
        self.gpu.check()
    }

    /// Without a GPU: the CPU computes the same, some ten times slower than a small GPU.
    pub fn on_cpu() -> Explainer {
        Explainer { gpu: Gpu::cpu(), tuning: Tuning::default(), loaded: None }
    }

    /// Whether this runs on the CPU in the place of a GPU.
    pub fn is_on_cpu(&self) -> bool {
        self.gpu.is_cpu()
    }

    /// What this runs on.
    pub fn adapter(&self) -> &AdapterInfo {
        self.gpu.info()
    }

    /// Measures how convolutions are best cut on this adapter, and that it computes them rightly.
    /// Takes effect at the next `load`.
    ///
    /// Errors: [`Error::WrongResult`]. Takes [`Explainer::TUNING_BUDGET`], unless even the first
    /// tiles take longer.
    pub async fn tune(&mut self) -> Result<()> {
        if self.gpu.is_cpu() {
            return Ok(()); // it has no tiles
        }
        let measured = tuning::measure(&self.gpu, Self::TUNING_BUDGET).await;
        self.gpu.forget_timings();
        self.tuning = measured?;
        Ok(())
    }

    /// How long [`tune`](Explainer::tune) may look for a faster way: nobody should notice that they
    /// wait for it.
    pub const TUNING_BUDGET: Duration = Duration::from_millis(300);

    /// How convolutions are cut, as a line of text to keep for the next visit.
    pub fn tuning(&self) -> String {
        self.tuning.to_string()
    }

    /// Takes what [`tuning`](Explainer::tuning) gave on an earlier visit; false if this version
    /// does not know it.
    pub fn set_tuning(&mut self, kept: &str) -> bool {
        self.gpu.is_cpu() || kept.parse().map(|tuning| self.tuning = tuning).is_ok()
    }

    /// Replaces the network; the last photo is forgotten. Errors: [`Error::TensorTooLarge`]; what
    /// the device refuses.
    pub async fn load(&mut self, network: &Network, preprocessing: Preprocessing) -> Result<()> {
        self.gpu.forget_queued();
        self.loaded = None; // frees the old one before the new one needs room
        self.load_uploaded(network, Uploaded::default(), preprocessing)
    }

    /// Takes the bytes of a checkpoint file of `size` bytes, if known, as they arrive: see
    /// [`Loader`].
    pub fn loader(&self, size: Option<usize>) -> Loader {
        Loader::new(self.gpu.uploader(), size)
    }

    /// For a [`Loader`] beside this.
    pub fn uploader(&self) -> Uploader {
        self.gpu.uploader()
    }

    /// Replaces the network by one whose weights a [`Loader`] of this Explainer has uploaded; the
    /// last photo is forgotten.
    ///
    /// Errors: [`Error::DeviceLost`], also for weights on the device of another Explainer.
    pub fn install(&mut self, weights: Weights, preprocessing: Preprocessing) -> Result<()> {
        if !weights.uploader.is_of(&self.gpu) {
            return Err(Error::DeviceLost { detail: "the weights went to another device".into() });
        }
        self.load_uploaded(&weights.network, weights.uploaded, preprocessing)
    }

    fn load_uploaded(
        &mut self,
        network: &Network,
        uploaded: Uploaded,
        preprocessing: Preprocessing,
    ) -> Result<()> {
        check_sizes(network, &self.gpu.uploader())?;
        let model = Model::new(&self.gpu, network, uploaded);
        self.gpu.check()?;
        let (network, tuning) = (network.without_weights(), self.tuning);
        let (preprocessing, scores) =
            (network.fitting(preprocessing), Scores::usual(network.fc.classes));
        let (pass, recipes, seen, asking, describing) = Default::default();
        self.gpu.forget_queued();
        self.loaded = Some(Loaded {
            network,
            model,
            tuning,
            preprocessing,
            scores,
            pass,
            recipes,
            seen,
            asking,
            describing,
        });
        Ok(())
    }

    /// Exchanges the network in use, if there is one, with the one that was put aside, if there is
    /// one. Of both nothing is forgotten.
    pub fn exchange(&mut self, aside: &mut Aside) {
        std::mem::swap(&mut self.loaded, &mut aside.0);
    }

    /// Changes how photos become inputs; the last photo is forgotten. Errors: [`Error::NoNetwork`].
    pub fn set_preprocessing(&mut self, preprocessing: Preprocessing) -> Result<()> {
        let loaded = self.loaded.as_mut().ok_or(Error::NoNetwork)?;
        loaded.preprocessing = loaded.network.fitting(preprocessing);
        loaded.seen = None;
        Ok(())
    }

    /// What the tensors said the network is.
    pub fn architecture(&self) -> Option<&Architecture> {
        self.loaded.as_ref().map(|loaded| &loaded.network.architecture)
    }

    /// By which conventions the network runs, and whether they had to be assumed.
    pub fn conventions(&self) -> Option<(Conventions, bool)> {
        self.loaded
            .as_ref()
            .map(|loaded| (loaded.network.conventions, loaded.network.conventions_assumed))
    }

    /// Runs the network by other conventions than its tensors' names tell; the last photo is
    /// forgotten.
    ///
    /// Errors: [`Error::NoNetwork`]; [`Error::DilationLoaded`] for another output stride, which
    /// weights on the GPU have no room for; what the device refuses.
    pub fn set_conventions(&mut self, conventions: Conventions) -> Result<()> {
        let loaded = self.loaded.as_mut().ok_or(Error::NoNetwork)?;
        if loaded.network.conventions.output_stride != conventions.output_stride {
            return Err(Error::DilationLoaded);
        }
        loaded.network.set_conventions(conventions);
        loaded.recipes.clear();
        self.gpu.forget_queued();
        loaded.asking.iter_mut().for_each(Asking::forget_pass);
        loaded.describing.iter_mut().for_each(Describing::forget_pass);
        (loaded.pass, loaded.seen) = (None, None);
        loaded.model.set_conventions(&self.gpu, &loaded.network);
        self.gpu.check()
    }

    /// How logits become probabilities; before `load` softmax. `load` sets what is usual for the
    /// number of classes.
    pub fn scores(&self) -> Scores {
        self.loaded.as_ref().map(|loaded| loaded.scores).unwrap_or_default()
    }

    /// Changes how logits become probabilities, in all that is asked from now on; predictions that
    /// were made keep theirs.
    ///
    /// Errors: [`Error::NoNetwork`].
    pub fn set_scores(&mut self, scores: Scores) -> Result<()> {
        self.loaded.as_mut().ok_or(Error::NoNetwork)?.scores = scores;
        Ok(())
    }

    /// The network that is loaded, without its weights: its notes, conventions and usual
    /// preprocessing.
    pub fn network(&self) -> Option<&Network> {
        self.loaded.as_ref().map(|loaded| &loaded.network)
    }

    /// The layers that can be explained, first to last; empty before `load`. `last` means the one
    /// that the classifier pools.
    pub fn layers(&self) -> Vec<String> {
        self.architecture().map(Architecture::layers).unwrap_or_default()
    }

    /// The parts whose weights [`randomise`](Explainer::randomise) shuffles, the last layer first.
    pub fn parts(&self) -> Vec<String> {
        self.architecture().map(Architecture::parts).unwrap_or_default()
    }

    /// The layer that `name` means: `last` is the one that the classifier pools. Errors:
    /// [`Error::NoNetwork`].
    pub fn layer_name(&self, name: &str) -> Result<String> {
        let architecture = self.architecture().ok_or(Error::NoNetwork)?;
        Ok(if name == LAST_LAYER { architecture.pooled_layer() } else { name.to_owned() })
    }

    /// Bytes held on the GPU now.
    pub fn memory(&self) -> Memory {
        let Some(loaded) = &self.loaded else { return Memory::default() };
        let (activations, gradients) = loaded.pass.as_ref().map_or((0, 0), Pass::bytes);
        let transposed = loaded.pass.as_ref().map_or(0, Pass::transposed_bytes);
        let heads = [
            loaded.asking.as_ref().map_or([0, 0], Asking::bytes),
            loaded.describing.as_ref().map_or([0, 0], Describing::bytes),
        ];
        let [head, of_head] = [0, 1].map(|i| heads.iter().map(|bytes| bytes[i]).sum::<u64>());
        Memory {
            weights: loaded.model.bytes() + transposed + head,
            activations: activations + of_head,
            gradients,
        }
    }

    /// Runs the network forward over a photo.
    ///
    /// Errors: [`Error::NoNetwork`]; a photo that is too small or too large for the adapter;
    /// [`Error::DeviceLost`].
    pub async fn predict(&mut self, photo: &Photo, fit: Fit) -> Result<Prediction> {
        let started = Instant::now();
        let Explainer { gpu, loaded, .. } = self;
        let loaded = loaded.as_mut().ok_or(Error::NoNetwork)?;
        let prepared = prepare(photo, fit, &loaded.preprocessing)?;
        let (height, width) = (prepared.height, prepared.width);

        let logits = loaded.forward(gpu, &prepared.input, height, width).await?;
        loaded.seen = Some(Seen {
            logits: logits.clone(),
            input: prepared.input.clone(),
            rect: prepared.rect,
        });
        Ok(Prediction {
            logits,
            height,
            width,
            rect: prepared.rect,
            scores: loaded.scores,
            rgb: prepared.rgb,
            input: prepared.input,
            milliseconds: started.elapsed().as_secs_f64() * 1e3,
        })
    }

    /// The logits [classes] of an input [3, height, width] that is already normalised; it counts as
    /// the last photo.
    pub async fn logits_of(
        &mut self,
        input: &[f32],
        height: usize,
        width: usize,
    ) -> Result<Vec<f32>> {
        let Explainer { gpu, loaded, .. } = self;
        let loaded = loaded.as_mut().ok_or(Error::NoNetwork)?;
        let logits = loaded.forward(gpu, input, height, width).await?;
        let rect = Rect { x: 0.0, y: 0.0, width: width as f64, height: height as f64 };
        loaded.seen = Some(Seen { logits: logits.clone(), input: input.to_vec(), rect });
        Ok(logits)
    }

    /// Where the network looked for `class` (`None`: the one with the largest logit) in the last
    /// photo, seen at `layer`.
    ///
    /// Gradients are of the logit, not of the probability. The forward pass is not run again.
    /// Errors: [`Error::NoPhoto`], [`Error::UnknownClass`], [`Error::UnknownLayer`],
    /// [`Error::DeviceLost`].
    pub async fn explain(
        &mut self,
        class: Option<usize>,
        layer: &str,
        method: Method,
    ) -> Result<Explanation> {
        let question = Question { class, layers: vec![layer.into()], method, ..Default::default() };
        let answer = self.ask(&question, &mut |_, _| true).await?;
        answer.ok_or(Error::NoPhoto) // only what is told to stop has no answer
    }

    /// The same for any question; several layers are fused as `grad-cam` does it, the mean of the
    /// scaled maps. A slow method tells `progress` how many passes are done, of how many; None when
    /// it says stop.
    ///
    /// Errors as [`explain`](Explainer::explain).
    pub async fn ask(
        &mut self,
        question: &Question,
        progress: Progress<'_>,
    ) -> Result<Option<Explanation>> {
        match question.aug_smooth {
            true => self.augmented(question, progress).await,
            false => self.ask_once(question, progress).await,
        }
    }

    /// [`ask`](Explainer::ask) without augmentation smoothing.
    pub(super) async fn ask_once(
        &mut self,
        question: &Question,
        progress: Progress<'_>,
    ) -> Result<Option<Explanation>> {
        let started = Instant::now();
        let question = &Question { layers: self.layers_of(question)?, ..question.clone() };
        let &Question { objective, method, eigen_smooth, .. } = question;
        let class = self.class(question.class)?;
        if let Objective::Contrast { than } = objective {
            self.class(Some(than))?;
        }
        let mut of = 0; // passes of all layers together
        if method.is_slow() {
            for layer in &question.layers {
                of += self.passes(method, layer, question.channels)?;
            }
        }
        let mut layers = Vec::new();
        let mut done = 0;
        for layer in &question.layers {
            let (gpu, loaded, target) = self.at(layer)?;
            if layers.is_empty() {
                gpu.forget_timings();
            }
            let before = done;
            let mut hear = |n: usize, of_this: usize| {
                done = before + of_this;
                progress(before + n, of)
            };
            match loaded.cam(gpu, (class, objective), target, question, &mut hear).await? {
                Some(cam) => layers.push((layer.clone(), cam)),
                None => return Ok(None),
            }
        }
        let (pass, seen) = self.loaded.as_ref().ok_or(Error::NoNetwork)?.seen()?;
        let (height, width) = (pass.input.height, pass.input.width);
        let cams: Vec<Cam> = layers.iter().map(|(_, cam)| cam.clone()).collect();
        let no_layer =
            || Error::UnknownLayer { name: String::new(), known: self.layers().join(", ") };
        let cam = cams.last().cloned().ok_or_else(no_layer)?;
        let drawn = match method.group() {
            Group::Pixels => vec![clipped(&cam)],
            _ => cams.clone(),
        };
        let heatmap = match method {
            Method::RefineCam => heatmap::product(&drawn, (height, width)),
            _ => heatmap::heatmap(&drawn, (height, width)),
        };
        let nothing = match method {
            // Layers that agree on no place leave nothing, whatever each has.
            Method::RefineCam => heatmap.iter().all(|&heat| heat == 0.0),
            _ => !cams.iter().any(|cam| cam.values.iter().any(|&v| v > 0.0)),
        };
        Ok(Some(Explanation {
            class,
            asked: None,
            objective,
            layer: question.layers.join("+"),
            method,
            aug_smooth: false,
            eigen_smooth,
            blank: nothing,
            cam,
            layers,
            heatmap,
            height,
            width,
            rect: seen.rect,
            milliseconds: started.elapsed().as_secs_f64() * 1e3,
        }))
    }

    /// The layers that a question is about, by their own names: `input` where it needs none.
    /// Errors: [`Error::NoNetwork`].
    pub(crate) fn layers_of(&self, question: &Question) -> Result<Vec<String>> {
        match question.method.group() {
            Group::Pixels => Ok(vec!["input".into()]),
            _ if question.method == Method::RefineCam && question.layers.len() == 1 => {
                self.layer_and_behind(&question.layers[0])
            }
            _ => question.layers.iter().map(|layer| self.layer_name(layer)).collect(),
        }
    }

    /// A layer and those behind it, one for each size of the grid.
    fn layer_and_behind(&self, name: &str) -> Result<Vec<String>> {
        let first = self.layer_name(name)?;
        let architecture = self.architecture().ok_or(Error::NoNetwork)?;
        let known = architecture.layers();
        let place = |name: &str| known.iter().position(|known| known == name);
        let main = one_layer_per_stride(&main_layers_with_strides(architecture));
        let behind = main.into_iter().map(|(layer, _)| layer);
        let behind = behind.filter(|layer| place(layer) > place(&first));
        Ok(std::iter::once(first.clone()).chain(behind).collect())
    }

    /// What `layer` put out for the last photo.
    pub async fn activations(&mut self, layer: &str) -> Result<Planes> {
        let (gpu, loaded, target) = self.at(layer)?;
        let pass = loaded.pass.as_ref().ok_or(Error::NoPhoto)?;
        planes(gpu, pass.activations(target)).await
    }

    /// d(logit of `class`) / d(output of `layer`) for the last photo; layer `input` is the photo
    /// itself, normalised.
    pub async fn gradient(&mut self, class: Option<usize>, layer: &str) -> Result<Planes> {
        let class = self.class(class)?;
        let (gpu, loaded, target) = self.at(layer)?;
        gpu.forget_timings();
        let gradient = loaded.gradient(gpu, (class, Objective::Logit), target, Rule::Gradient)?;
        planes(gpu, &gradient).await
    }

    /// Takes the device away, as a driver reset would: for tests of how that is survived.
    pub fn lose_device(&self) {
        self.gpu.destroy();
    }

    pub(crate) fn class(&self, class: Option<usize>) -> Result<usize> {
        let loaded = self.loaded.as_ref().ok_or(Error::NoNetwork)?;
        let logits = &loaded.seen.as_ref().ok_or(Error::NoPhoto)?.logits;
        match class {
            Some(class) if class >= logits.len() => {
                Err(Error::UnknownClass { name: class.to_string(), classes: logits.len() })
            }
            Some(class) => Ok(class),
            None => {
                Ok((0..logits.len()).max_by(|&a, &b| logits[a].total_cmp(&logits[b])).unwrap_or(0))
            }
        }
    }

    pub(crate) fn at(&mut self, layer: &str) -> Result<(&Gpu, &mut Loaded, Target)> {
        let loaded = self.loaded.as_mut().ok_or(Error::NoNetwork)?;
        let architecture = &loaded.network.architecture;
        let target = match layer {
            "input" => Target::Input,
            LAST_LAYER => Target::named(architecture, &architecture.pooled_layer())?,
            _ => Target::named(architecture, layer)?,
        };
        Ok((&self.gpu, loaded, target))
    }
}

async fn planes(gpu: &Gpu, tensor: &Tensor) -> Result<Planes> {
    let planes = gpu.read(tensor).await?;
    Ok(Planes { channels: tensor.channels, height: tensor.height, width: tensor.width, planes })
}
