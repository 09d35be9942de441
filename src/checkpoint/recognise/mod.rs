//! Which network a checkpoint's tensors describe, and its numbers ready for upload, batch norm
//! folded.
//!
//! Everything is read from names and shapes: family, depths, widths, classes. What they can't tell
//! is assumed and said: [`Conventions`]. One file a family: [`resnet`] and [`mobilenet`];
//! `reader.rs` holds what both need, `head.rs` reads what is behind the pooling, `lookalikes.rs`
//! says whose other tensors are, `told.rs` holds the network against what the file says beside its
//! tensors. To extend: another family is a file here with its own configuration, a variant of
//! [`Architecture`], and an arm in [`Network::from_checkpoint`].

mod head;
mod lookalikes;
mod mobilenet;
mod reader;
mod resnet;
mod told;

use super::names::Found;
use super::notes::Note;
use super::{Checkpoint, Values};
use crate::error::{Error, Result, Unlike};
use serde::{Deserialize, Serialize};
use std::str::FromStr;

pub use mobilenet::{MobileNetConfig, Stage};
pub use resnet::{Block, ResNetConfig};

/// What the tensors say the network is.
#[derive(Clone, Debug, PartialEq)]
pub enum Architecture {
    ResNet(ResNetConfig),
    /// Inverted residuals: MobileNetV2 and EfficientNet-Lite.
    MobileNet(MobileNetConfig),
}

impl Architecture {
    /// For people: "ResNet-50", "EfficientNet-Lite0".
    pub fn name(&self) -> &str {
        match self {
            Architecture::ResNet(config) => &config.name,
            Architecture::MobileNet(config) => &config.name,
        }
    }

    pub fn classes(&self) -> usize {
        match self {
            Architecture::ResNet(config) => config.classes,
            Architecture::MobileNet(config) => config.classes,
        }
    }

    /// Name and number of blocks of each stage, first to last: `layer1` … `layer4`, or `blocks.0` …
    /// `blocks.6`.
    pub fn stages(&self) -> Vec<(String, usize)> {
        match self {
            Architecture::ResNet(config) => (1..)
                .zip(config.blocks)
                .map(|(number, blocks)| (format!("layer{number}"), blocks))
                .collect(),
            Architecture::MobileNet(config) => (0..)
                .zip(&config.stages)
                .map(|(number, stage)| (format!("blocks.{number}"), stage.blocks))
                .collect(),
        }
    }

    /// The layer between the last block and the pooling, if the family has one.
    pub fn head(&self) -> Option<&'static str> {
        match self {
            Architecture::ResNet(_) => None,
            Architecture::MobileNet(_) => Some("head"),
        }
    }

    /// The layer that the classifier pools: `layer4`, or `head`.
    pub fn pooled_layer(&self) -> String {
        let last = || self.stages().last().map(|(name, _)| name.clone()).unwrap_or_default();
        self.head().map_or_else(last, str::to_owned)
    }

    /// The name of each block, first to last: `layer1.0`, …; then that of the head.
    pub fn blocks(&self) -> Vec<String> {
        let stages = self.stages();
        let blocks = stages
            .iter()
            .flat_map(|(stage, blocks)| (0..*blocks).map(move |block| format!("{stage}.{block}")));
        blocks.chain(self.head().map(str::to_owned)).collect()
    }

    /// Every layer that can be explained, first to last: each block, a stage's own name after its
    /// last block, the head.
    pub fn layers(&self) -> Vec<String> {
        let mut layers = Vec::new();
        for (stage, blocks) in self.stages() {
            layers.extend((0..blocks).map(|block| format!("{stage}.{block}")));
            layers.push(stage);
        }
        layers.extend(self.head().map(str::to_owned));
        layers
    }

    /// The layers that a person would choose from, first to last: the stages and the head.
    pub fn main_layers(&self) -> Vec<String> {
        self.stages()
            .into_iter()
            .map(|(stage, _)| stage)
            .chain(self.head().map(str::to_owned))
            .collect()
    }

    /// The parts of the network whose weights are randomized one after the other in the sanity
    /// check, last to first.
    pub fn parts(&self) -> Vec<String> {
        let (classifier, stem) = match self {
            Architecture::ResNet(_) => ("fc", "conv1"),
            Architecture::MobileNet(_) => ("classifier", "conv_stem"),
        };
        let mut parts = vec![stem.to_owned()];
        parts.extend(self.main_layers());
        parts.push(classifier.to_owned());
        parts.reverse();
        parts
    }
}

/// What a checkpoint's tensors do not tell about a network.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conventions {
    /// Of a network of inverted residuals: zeros as TensorFlow's "SAME" adds them, and not half the
    /// kernel's size on each side.
    pub same_padding: bool,
    /// Batch norm's epsilon.
    pub epsilon: f64,
    /// Of a ResNet's bottlenecks: the stride is in the first 1×1 convolution, as in the paper and
    /// in Caffe, and not in the 3×3.
    pub stride_in_1x1: bool,
    /// Of a ResNet: input pixels from one position of the last layer to the next. 32; 16 or 8 where
    /// the last one or two stages dilate their 3×3 convolutions instead of striding (torchvision's
    /// `replace_stride_with_dilation`).
    pub output_stride: usize,
}

impl Conventions {
    /// `torch.nn.BatchNorm2d`'s default and symmetric padding.
    pub const PYTORCH: Conventions =
        Conventions { same_padding: false, epsilon: 1e-5, stride_in_1x1: false, output_stride: 32 };
    /// Of networks that were trained in TensorFlow: timm's `tf_efficientnet_lite0`,
    /// `efficientnet_lite_pytorch`.
    pub const TENSORFLOW: Conventions =
        Conventions { same_padding: true, epsilon: 1e-3, ..Conventions::PYTORCH };

    /// What [`output_stride`](Conventions::output_stride) may be.
    pub const OUTPUT_STRIDES: [usize; 3] = [32, 16, 8];

    /// Short and stable: what scripts and commands call them by. Parsing reads the same.
    pub fn name(self) -> &'static str {
        if self.same_padding { "tensorflow" } else { "pytorch" }
    }

    fn padding(self, ksize: usize) -> Padding {
        if self.same_padding { Padding::Same } else { Padding::Symmetric(ksize / 2) }
    }

    /// The dilation of a ResNet's stage (from 0): of its first block's 3×3, and of the others'.
    /// Source: torchvision's `ResNet._make_layer`.
    pub fn dilation(self, stage: usize) -> [usize; 2] {
        match (self.output_stride, stage) {
            (16, 3) | (8, 2) => [1, 2],
            (8, 3) => [2, 4],
            _ => [1, 1],
        }
    }

    /// The stride of a ResNet's stage (from 0).
    pub fn stride(self, stage: usize) -> usize {
        if stage > 0 && self.dilation(stage) == [1, 1] { 2 } else { 1 }
    }
}

impl FromStr for Conventions {
    type Err = Error;

    fn from_str(name: &str) -> Result<Conventions> {
        let known = [Conventions::PYTORCH, Conventions::TENSORFLOW];
        known.into_iter().find(|one| one.name() == name).ok_or_else(|| Error::UnknownChoice {
            what: "conventions".into(),
            name: name.into(),
            known: known.map(Conventions::name).join(", "),
        })
    }
}

/// Zeros around an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Padding {
    /// So many rows and columns on each side, as PyTorch adds them.
    Symmetric(usize),
    /// As TensorFlow's "SAME": so many in all that there is an output for every `stride` inputs;
    /// the larger half lies behind.
    Same,
}

impl Padding {
    /// Output rows (or columns) for `size` input rows (or columns).
    pub fn out(self, size: usize, ksize: usize, stride: usize) -> usize {
        match self {
            Padding::Symmetric(padding) => (size + 2 * padding - ksize) / stride + 1,
            Padding::Same => size.div_ceil(stride),
        }
    }

    /// Rows (or columns) of zeros before the first.
    pub fn before(self, size: usize, ksize: usize, stride: usize) -> usize {
        match self {
            Padding::Symmetric(padding) => padding,
            // `keras/src/backend`: total = max((ceil(size / stride) − 1) · stride + ksize − size,
            // 0), the smaller half before
            Padding::Same => {
                ((size.div_ceil(stride) - 1) * stride + ksize).saturating_sub(size) / 2
            }
        }
    }

    /// Whether the output is as large as the input at stride 1, for any size.
    pub fn is_half(self, ksize: usize, stride: usize) -> bool {
        match self {
            Padding::Symmetric(padding) => 2 * padding + 1 == ksize,
            Padding::Same => stride == 1 && ksize % 2 == 1,
        }
    }
}

/// The network's numbers, ready for upload: batch norm folded in f64 into scale and bias of each
/// convolution.
#[derive(Clone, Debug)]
pub struct Network {
    pub architecture: Architecture,
    pub conventions: Conventions,
    /// The tensors' names do not say which conventions the network was trained with, and nobody
    /// else has yet.
    pub conventions_assumed: bool,
    pub stem: Conv,
    pub stages: Vec<Vec<BlockWeights>>,
    /// The convolution before the pooling, of families that have one.
    pub head: Option<Conv>,
    /// Linear layers between the pooling and the classifier, first to last: none in the families'
    /// own networks.
    pub hidden: Vec<Hidden>,
    pub fc: Linear,
    /// The first convolution was made for one grey channel; here it reads a grey photo's three.
    pub grey: bool,
    /// By which the network itself normalises its input.
    pub normalisation: Option<Normalisation>,
    /// What a person should know of the file.
    notes: Vec<Note>,
    /// Layers whose weights are computed from several tensors, so that they can't go up as they
    /// arrive.
    pub(crate) computed: Vec<String>,
}

/// A linear layer of a classifier that is not its last.
#[derive(Clone, Debug)]
pub struct Hidden {
    pub linear: Linear,
    /// Whether a ReLU follows.
    pub relu: bool,
}

/// Means and deviations of red, green and blue in 0..1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Normalisation {
    pub mean: [f32; 3],
    pub std: [f32; 3],
}

/// One residual block.
#[derive(Clone, Debug)]
pub struct BlockWeights {
    /// In the order of the forward pass: two of a basic block, three of a bottleneck; of an
    /// inverted residual expansion (if it has one), depthwise convolution and projection.
    pub convs: Vec<Conv>,
    /// The 1×1 on the shortcut of a ResNet's block that changes the shape; `None`: the shortcut is
    /// the input itself.
    pub downsample: Option<Conv>,
}

/// A convolution and the batch norm behind it: `y[co] = scale[co] * conv(x, weight)[co] +
/// bias[co]`.
#[derive(Clone, Debug)]
pub struct Conv {
    /// The convolution's name: "layer1.0.conv1", "layer1.0.downsample.0", "blocks.1.0.conv_dw".
    pub name: String,
    pub c_out: usize,
    pub c_in: usize,
    pub ksize: usize,
    pub stride: usize,
    /// Positions from one tap to the next.
    pub dilation: usize,
    pub padding: Padding,
    pub groups: usize,
    /// Each channel has a filter of its own, and the network has a kernel for that. A ResNeXt of
    /// groups of one channel has not.
    pub depthwise: bool,
    pub weight: Values, // [c_out, c_in/groups, ksize, ksize], not scaled
    /// [c_out] gamma / sqrt(var + epsilon); 1 where batch norm was folded before the file was
    /// written; times 127 weight_scale for I8
    pub scale: Vec<f32>,
    pub bias: Vec<f32>, // [c_out] beta - mean * scale
    /// What scale and bias were made of.
    pub norm: Norm,
}

impl Conv {
    fn without_weight(&self) -> Conv {
        Conv {
            name: self.name.clone(),
            weight: Values::Elsewhere,
            scale: self.scale.clone(),
            bias: self.bias.clone(),
            norm: self.norm.clone(),
            ..*self
        }
    }

    /// Folds batch norm into scale and bias.
    fn fold(&mut self, epsilon: f64) {
        (self.scale, self.bias) = self.norm.fold(epsilon);
    }
}

/// What stands behind a convolution, in the file's own numbers: each [c_out], or all empty where
/// tensors are only described.
#[derive(Clone, Debug, PartialEq)]
pub enum Norm {
    /// A bias and no batch norm.
    Bias { bias: Vec<f32>, factors: Option<Vec<f32>> },
    /// `torch.nn.BatchNorm2d`
    Batch {
        gamma: Vec<f64>,
        beta: Vec<f64>,
        mean: Vec<f64>,
        variance: Vec<f64>,
        factors: Option<Vec<f32>>,
    },
}

impl Norm {
    /// Scale and bias: each [c_out]. `factors` are what an I8 weight is to be multiplied with.
    fn fold(&self, epsilon: f64) -> (Vec<f32>, Vec<f32>) {
        let (mut scale, bias, factors) = match self {
            Norm::Bias { bias, factors } => (vec![1.0; bias.len()], bias.clone(), factors),
            Norm::Batch { gamma, beta, mean, variance, factors } => {
                let Affine { scale, shift } =
                    Affine::of_batch_norm([gamma, beta, mean, variance], epsilon);
                let rounded = |values: Vec<f64>| values.iter().map(|&value| value as f32).collect();
                (rounded(scale), rounded(shift), factors)
            }
        };
        for (scale, factor) in scale.iter_mut().zip(factors.iter().flatten()) {
            *scale *= 127.0 * factor;
        }
        (scale, bias)
    }
}

/// y = scale · x + shift, a number each channel.
struct Affine {
    scale: Vec<f64>,
    shift: Vec<f64>,
}

impl Affine {
    /// What a batch norm computes: γ (x − μ) / √(σ² + ε) + β.
    fn of_batch_norm([gamma, beta, mean, variance]: [&[f64]; 4], epsilon: f64) -> Affine {
        let scale: Vec<f64> = gamma
            .iter()
            .zip(variance)
            .map(|(gamma, variance)| gamma / (variance + epsilon).sqrt())
            .collect();
        let shift =
            beta.iter().zip(mean).zip(&scale).map(|((beta, mean), scale)| beta - mean * scale);
        let shift = shift.collect();
        Affine { scale, shift }
    }
}

/// The classifier: `logits[c] = scale[c] * sum over k of weight[c,k] * x[k] + bias[c]`.
#[derive(Clone, Debug)]
pub struct Linear {
    /// "fc", "classifier", "classifier.1"
    pub name: String,
    pub classes: usize,
    pub features: usize,
    pub weight: Values,  // [classes, features]
    pub scale: Vec<f32>, // [classes] 127 weight_scale for I8, else 1
    pub bias: Vec<f32>,  // [classes]
}

impl Linear {
    fn without_weight(&self) -> Linear {
        let (name, scale, bias) = (self.name.clone(), self.scale.clone(), self.bias.clone());
        Linear { name, weight: Values::Elsewhere, scale, bias, ..*self }
    }
}

impl Network {
    /// Recognises the network in `checkpoint` and folds its batch norm.
    ///
    /// Weights may be I8 with an F32 `weight_scale` [c_out] beside each `weight`, which is then
    /// `weight * weight_scale`. Of a checkpoint that only describes its tensors everything is
    /// checked but the numbers; [`Values::Elsewhere`] stands for the weights, and scales and biases
    /// are empty.
    ///
    /// Errors: [`Error::UnsupportedNetwork`](crate::Error::UnsupportedNetwork) for other networks,
    /// [`Error::TensorMissing`](crate::Error::TensorMissing),
    /// [`Error::TensorShape`](crate::Error::TensorShape) and
    /// [`Error::TensorUnexpected`](crate::Error::TensorUnexpected) where a tensor contradicts the
    /// others, [`Error::TensorNotFinite`](crate::Error::TensorNotFinite) and
    /// [`Error::TensorNegative`](crate::Error::TensorNegative) for damaged numbers. Each names the
    /// tensor as the file calls it.
    pub fn from_checkpoint(checkpoint: &Checkpoint) -> Result<Network> {
        // Where there is no class score, or no such network at all, it may be told whose tensors
        // these are.
        if !checkpoint.found.head.is_whole()
            && let Some((like, tensor)) = lookalikes::looks_like(checkpoint)
        {
            return reader::unlike(Unlike::Looks { like: like.into(), tensor });
        }
        let mut network = match mobilenet::scheme(checkpoint) {
            Some(scheme) => mobilenet::read(checkpoint, scheme),
            None => resnet::read(checkpoint),
        }?;
        let found = &checkpoint.found;
        network.heed(&found.facts)?;
        network.take_notes(found);
        Ok(network)
    }

    fn take_notes(&mut self, found: &Found) {
        const MOST: usize = 3;
        let Found { taken, others, ignored, relu_assumed, .. } = found;
        if !others.is_empty() {
            self.notes.push(Note::Taken { taken: taken.clone(), others: others.clone() });
        }
        if !ignored.is_empty() {
            let names = ignored.iter().take(MOST).cloned().collect();
            self.notes.push(Note::Ignored { names, count: ignored.len() });
        }
        self.notes
            .extend(relu_assumed.iter().map(|layer| Note::ReluAssumed { layer: layer.clone() }));
        self.notes.extend(self.normalisation.map(Note::Normalises));
        self.notes.extend(self.grey.then_some(Note::Grey));
        // A pickled module tells all of it.
        let told = found.facts.modules.values().any(|module| module.epsilon.is_some());
        if matches!(self.architecture, Architecture::ResNet(_)) && !told {
            self.notes.push(Note::Assumed(self.conventions));
        }
    }

    /// What a person should know of the file that this came from: what was taken, passed over and
    /// assumed.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Changes what the tensors don't tell: epsilon; a MobileNet's padding; where a ResNet strides
    /// and dilates. Before the weights are on a GPU: there a dilated one takes more room.
    pub fn set_conventions(&mut self, conventions: Conventions) {
        (self.conventions, self.conventions_assumed) = (conventions, false);
        let pads = matches!(self.architecture, Architecture::MobileNet(_));
        for conv in self.convs_mut() {
            conv.fold(conventions.epsilon);
            if pads {
                conv.padding = conventions.padding(conv.ksize);
            }
        }
        if !pads {
            resnet::set_strides(&mut self.stages, conventions);
        }
        // Somebody has decided.
        self.notes.retain(|note| !matches!(note, Note::Assumed(_)));
    }

    /// The linear layers behind the pooling, the classifier last.
    pub fn linears(&self) -> impl Iterator<Item = &Linear> {
        self.hidden.iter().map(|hidden| &hidden.linear).chain([&self.fc])
    }

    /// All convolutions in the order of the forward pass, each block's downsample last.
    pub fn convs(&self) -> impl Iterator<Item = &Conv> {
        let blocks = self.stages.iter().flatten();
        let of_blocks = blocks.flat_map(|block| block.convs.iter().chain(&block.downsample));
        std::iter::once(&self.stem).chain(of_blocks).chain(&self.head)
    }

    fn convs_mut(&mut self) -> impl Iterator<Item = &mut Conv> {
        let blocks = self.stages.iter_mut().flatten();
        let of_blocks =
            blocks.flat_map(|block| block.convs.iter_mut().chain(&mut block.downsample));
        std::iter::once(&mut self.stem).chain(of_blocks).chain(&mut self.head)
    }

    /// A copy without the weights of convolutions and classifier, which are large.
    pub fn without_weights(&self) -> Network {
        let block = |block: &BlockWeights| BlockWeights {
            convs: block.convs.iter().map(Conv::without_weight).collect(),
            downsample: block.downsample.as_ref().map(Conv::without_weight),
        };
        Network {
            architecture: self.architecture.clone(),
            stem: self.stem.without_weight(),
            stages: self.stages.iter().map(|stage| stage.iter().map(block).collect()).collect(),
            head: self.head.as_ref().map(Conv::without_weight),
            hidden: self
                .hidden
                .iter()
                .map(|Hidden { linear, relu }| Hidden {
                    linear: linear.without_weight(),
                    relu: *relu,
                })
                .collect(),
            fc: self.fc.without_weight(),
            computed: self.computed.clone(),
            notes: self.notes.clone(),
            ..*self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against `F.pad` of `efficientnet_lite_pytorch` and TensorFlow's own numbers.
    #[test]
    fn same_padding_follows_the_size() {
        let at = |size, ksize, stride| {
            let padding = Padding::Same;
            let (out, before) =
                (padding.out(size, ksize, stride), padding.before(size, ksize, stride));
            [out, before, ((out - 1) * stride + ksize).saturating_sub(size + before)]
        };
        assert_eq!(at(224, 3, 2), [112, 0, 1]);
        assert_eq!(at(225, 3, 2), [113, 1, 1]);
        assert_eq!(at(56, 5, 2), [28, 1, 2]);
        assert_eq!(at(57, 5, 2), [29, 2, 2]);
        assert_eq!(at(7, 3, 1), [7, 1, 1]);
        assert_eq!(at(1, 5, 2), [1, 2, 2]);
        assert_eq!(at(8, 1, 2), [4, 0, 0]);
    }
}
