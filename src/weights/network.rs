//! A checkpoint's tensors → the ResNet that they describe, batch norm folded.
//!
//! Everything is read from shapes: block type, depths, widths, groups, classes. What shapes don't tell is torchvision's:
//! stride 2 in the stem and in the 3×3 of the first block of stages 2 to 4 ("v1.5"), padding `ksize / 2`, no dilation,
//! batch norm's epsilon. Source: `torchvision/models/resnet.py`.
//! Deliberately absent: other networks and ResNet variants with other stems, poolings or attention; they are refused by name.
//! To extend: a new sort of block is a variant of [`Block`] and an arm in [`Reader::block`].

use std::collections::BTreeSet;

use super::{Checkpoint, Dtype, Tensor, Values, shortened};
use crate::error::{Error, Result};

/// `torch.nn.BatchNorm2d`'s default, which no ResNet changes.
const EPSILON: f64 = 1e-5;

/// The two residual blocks of the ResNet paper (arXiv 1512.03385, figure 5).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Block {
    /// Two 3×3: ResNet-18 and 34.
    Basic,
    /// 1×1, 3×3, 1×1: ResNet-50 and deeper.
    Bottleneck,
}

impl Block {
    /// Convolutions of a block, the downsample not counted.
    pub fn convs(self) -> usize {
        match self {
            Block::Basic => 2,
            Block::Bottleneck => 3,
        }
    }
}

/// What the tensors say the network is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Architecture {
    pub block: Block,
    /// Blocks of `layer1` to `layer4`: `[3, 4, 6, 3]` for ResNet-50.
    pub blocks: [usize; 4],
    /// Groups of every block's 3×3 convolution: 1, or 32 for the usual ResNeXt.
    pub groups: usize,
    /// Channels of the stem: 64 in the paper.
    pub base_width: usize,
    /// Channels that each stage's 3×3 convolutions put out: `[64, 128, 256, 512]` for ResNet-50.
    pub widths: [usize; 4],
    /// Channels that each stage puts out: `[256, 512, 1024, 2048]` for ResNet-50; equal to `widths` for basic blocks.
    pub channels: [usize; 4],
    pub classes: usize,
    /// For people, from [`Architecture::describe`]: "ResNet-50", "ResNeXt-50 32x4d", "ResNet-50, narrow (16)".
    pub name: String,
}

impl Architecture {
    /// The name that papers and torchvision use for these depths and widths, the class count aside.
    pub fn describe(&self) -> String {
        let depth = 2 + self.block.convs() * self.blocks.iter().sum::<usize>();
        let width = self.widths[0];
        match (self.groups, width) {
            (1, 64) => format!("ResNet-{depth}"),
            (1, 128) if self.block == Block::Bottleneck => format!("Wide ResNet-{depth}-2"),
            (1, ..64) => format!("ResNet-{depth}, narrow ({width})"),
            (1, _) => format!("ResNet-{depth}, wide ({width})"),
            (groups, _) => format!("ResNeXt-{depth} {groups}x{}d", width / groups),
        }
    }
}

/// The network's numbers, ready for upload: batch norm folded in f64 into scale and bias of each convolution.
#[derive(Clone, Debug)]
pub struct Network {
    pub architecture: Architecture,
    pub stem: Conv,
    pub stages: [Vec<BlockWeights>; 4],
    pub fc: Linear,
}

/// One residual block.
#[derive(Clone, Debug)]
pub struct BlockWeights {
    /// Two for a basic block, three for a bottleneck, in the order of the forward pass.
    pub convs: Vec<Conv>,
    /// The 1×1 on the shortcut of a block that changes the shape; `None`: the shortcut is the input itself.
    pub downsample: Option<Conv>,
}

/// A convolution and the batch norm behind it: `y[co] = scale[co] * conv(x, weight)[co] + bias[co]`.
#[derive(Clone, Debug)]
pub struct Conv {
    /// The convolution's torchvision name: "layer1.0.conv1", "layer1.0.downsample.0".
    pub name: String,
    pub c_out: usize,
    pub c_in: usize,
    pub ksize: usize,
    pub stride: usize,
    pub padding: usize,
    pub groups: usize,
    pub weight: Values,  // [c_out, c_in/groups, ksize, ksize], not scaled
    pub scale: Vec<f32>, // [c_out] gamma / sqrt(var + 1e-5); 1 where batch norm was folded before the file was written;
    // times 127 weight_scale for I8
    pub bias: Vec<f32>, // [c_out] beta - mean * scale
}

/// The classifier: `logits[c] = scale[c] * sum over k of weight[c,k] * x[k] + bias[c]`.
#[derive(Clone, Debug)]
pub struct Linear {
    pub classes: usize,
    pub features: usize,
    pub weight: Values,  // [classes, features]
    pub scale: Vec<f32>, // [classes] 127 weight_scale for I8, else 1
    pub bias: Vec<f32>,  // [classes]
}

impl Network {
    /// Recognises the ResNet in `checkpoint` and folds its batch norm.
    ///
    /// Weights may be I8 with an F32 `weight_scale` [c_out] beside each `weight`, which is then `weight * weight_scale`.
    /// Of a checkpoint that only describes its tensors everything is checked but the numbers; [`Values::Elsewhere`] stands for
    /// the weights, and scales and biases are empty.
    ///
    /// Errors: [`Error::NotAResnet`] for other networks, [`Error::TensorMissing`], [`Error::TensorShape`] and
    /// [`Error::TensorUnexpected`] where a tensor contradicts the others, [`Error::TensorNotFinite`] and
    /// [`Error::TensorNegative`] for damaged numbers. Each names the tensor as the file calls it.
    pub fn from_checkpoint(checkpoint: &Checkpoint) -> Result<Network> {
        let (block, blocks) = recognise(checkpoint)?;
        let mut reader = Reader { checkpoint, used: BTreeSet::new(), block, groups: 1 };
        reader.groups = reader.find_groups();

        let stem =
            reader.conv("conv1", "bn1", Expect { c_in: 3, c_out: None, ksize: Ksize::Stem, stride: 2, groups: 1 })?;
        let mut c_in = stem.c_out;
        let mut stages = [const { Vec::new() }; 4];
        for (stage, weights) in stages.iter_mut().enumerate() {
            for index in 0..blocks[stage] {
                let block = reader.block(stage, index, c_in)?;
                c_in = block.convs.last().map_or(c_in, |conv| conv.c_out);
                weights.push(block);
            }
        }
        let fc = reader.linear(c_in)?;
        reader.refuse_unused()?;

        // `recognise` saw to it that every stage has a first block.
        let width = |stage: &Vec<BlockWeights>| stage[0].convs[reader.block.convs() - 2].c_out;
        let channels = |stage: &Vec<BlockWeights>| stage[0].convs[reader.block.convs() - 1].c_out;
        let mut architecture = Architecture {
            block,
            blocks,
            groups: reader.groups,
            base_width: stem.c_out,
            widths: stages.each_ref().map(width),
            channels: stages.each_ref().map(channels),
            classes: fc.classes,
            name: String::new(),
        };
        architecture.name = architecture.describe();
        Ok(Network { architecture, stem, stages, fc })
    }

    /// All convolutions in the order of the forward pass, each block's downsample last.
    pub fn convs(&self) -> impl Iterator<Item = &Conv> {
        let blocks = self.stages.iter().flatten();
        std::iter::once(&self.stem).chain(blocks.flat_map(|block| block.convs.iter().chain(&block.downsample)))
    }
}

/// Block type and depths, from names alone. Refuses what is no ResNet with a sentence about what it found.
fn recognise(checkpoint: &Checkpoint) -> Result<(Block, [usize; 4])> {
    let has = |name: &str| checkpoint.get(name).is_some();
    let refuse = |detail: String| Err(Error::NotAResnet { detail });
    if has("conv1.0.weight") && has("layer1.0.conv1.weight") {
        return refuse(
            "its stem is several convolutions (`conv1.0.weight`, …: ResNet-C, -D or -T); one 7×7 is needed".into(),
        );
    }
    if checkpoint.get("conv1.weight").is_some_and(|tensor| matches!(tensor.shape[..], [_, _, 3, 3])) {
        // The same names and other strides: it would load, and compute nonsense.
        return refuse("its first convolution is 3×3, as in networks for 32×32 images, and a 7×7 is needed".into());
    }
    // Either half of a ResNet is enough to go on, so that a file that lost one tensor is told which.
    let has_stem_and_block = has("conv1.weight") && checkpoint.names().any(|name| name.starts_with("layer1.0."));
    if !(has("layer1.0.conv1.weight") || has_stem_and_block) {
        return refuse(match checkpoint.names().count() {
            0 => "it holds no tensors of numbers".into(),
            _ => format!("its tensors are named {}", a_few_names(checkpoint)),
        });
    }
    if !has("fc.weight") && !has("fc.bias") {
        return refuse("it has no classifier `fc.weight`, and without class scores there is nothing to explain".into());
    }
    let block = if has("layer1.0.conv3.weight") { Block::Bottleneck } else { Block::Basic };
    let mut blocks = [0; 4];
    for (stage, depth) in blocks.iter_mut().enumerate() {
        // Any tensor of a block counts it, so that a block that lost one is told which.
        let numbered = |index: usize| format!("layer{}.{index}.", stage + 1);
        let any = |prefix: String| {
            checkpoint.tensors.range(prefix.clone()..).next().is_some_and(|(n, _)| n.starts_with(&prefix))
        };
        while any(numbered(*depth)) {
            *depth += 1;
        }
        if *depth == 0 {
            return refuse(format!("it has no `layer{}`; a ResNet has four stages", stage + 1));
        }
    }
    Ok((block, blocks))
}

/// Up to four names, each of another part of the network: "`classifier.6.bias`, `features.0.bias`, …".
fn a_few_names(checkpoint: &Checkpoint) -> String {
    let mut parts = BTreeSet::new();
    let mut names =
        checkpoint.names().filter(|name| parts.insert(name.split('.').next().unwrap_or_default().to_owned()));
    let mut few: Vec<String> = names.by_ref().take(4).map(|name| format!("`{}`", shortened(name))).collect();
    let last = checkpoint.names().last().map(|name| format!("`{}`", shortened(name)));
    few.extend(last.filter(|last| few.len() < 4 && !few.contains(last)));
    if few.len() < checkpoint.names().count() {
        few.push("…".into());
    }
    few.join(", ")
}

/// Which filter sizes a convolution may have.
#[derive(Clone, Copy)]
enum Ksize {
    /// Odd, at least 5: `recognise` says why not 3.
    Stem,
    /// Odd; 3 in every published ResNet.
    Odd,
    One,
}

/// What a convolution's surroundings ask of it.
#[derive(Clone, Copy)]
struct Expect {
    c_in: usize,
    /// `None`: free, the tensor decides.
    c_out: Option<usize>,
    ksize: Ksize,
    stride: usize,
    groups: usize,
}

struct Reader<'a> {
    checkpoint: &'a Checkpoint,
    used: BTreeSet<String>,
    block: Block,
    groups: usize,
}

impl<'a> Reader<'a> {
    /// Groups of the bottlenecks' 3×3: what its inputs are divided by in the first block. 1 when that makes no sense, so that
    /// the shape check of that tensor reports it.
    fn find_groups(&self) -> usize {
        let shape = |name: &str| self.checkpoint.get(name).map(|tensor| &tensor.shape[..]);
        match (self.block, shape("layer1.0.conv1.weight"), shape("layer1.0.conv2.weight")) {
            (Block::Bottleneck, Some(&[c, ..]), Some(&[_, per_group, ..])) if per_group > 0 && c % per_group == 0 => {
                (c / per_group).max(1)
            }
            _ => 1,
        }
    }

    /// Block `index` of `stage` (both from 0), fed with `c_in` channels.
    fn block(&mut self, stage: usize, index: usize, c_in: usize) -> Result<BlockWeights> {
        let name = format!("layer{}.{index}", stage + 1);
        let stride = if stage > 0 && index == 0 { 2 } else { 1 };
        let same = Expect { c_in, c_out: None, ksize: Ksize::One, stride: 1, groups: 1 };
        // With a downsample the block may change the number of channels; without, its output is added to its input.
        let downsample = format!("{name}.downsample.0.weight");
        let has_downsample = self.checkpoint.get(&downsample).is_some() || stride > 1;
        let c_out = if has_downsample { None } else { Some(c_in) };
        let (kind, groups) = (self.block, self.groups);
        let mut conv = |number: usize, expect: Expect| {
            self.conv(&format!("{name}.conv{number}"), &format!("{name}.bn{number}"), expect)
        };
        let convs = match kind {
            Block::Basic => {
                let first = conv(1, Expect { ksize: Ksize::Odd, stride, ..same })?;
                let second = conv(2, Expect { c_in: first.c_out, c_out, ksize: Ksize::Odd, ..same })?;
                vec![first, second]
            }
            Block::Bottleneck => {
                let first = conv(1, same)?;
                let second = conv(2, Expect { c_in: first.c_out, ksize: Ksize::Odd, stride, groups, ..same })?;
                let third = conv(3, Expect { c_in: second.c_out, c_out, ..same })?;
                vec![first, second, third]
            }
        };
        let downsample = match convs.last() {
            Some(last) if has_downsample => {
                let expect = Expect { c_out: Some(last.c_out), stride, ..same };
                Some(self.conv(&format!("{name}.downsample.0"), &format!("{name}.downsample.1"), expect)?)
            }
            _ => None,
        };
        Ok(BlockWeights { convs, downsample })
    }

    /// The convolution `name` with the batch norm `norm` folded.
    fn conv(&mut self, name: &str, norm: &str, expect: Expect) -> Result<Conv> {
        let Expect { c_in, stride, groups, .. } = expect;
        let usual = match expect.ksize {
            Ksize::Stem => 7,
            Ksize::Odd => 3,
            Ksize::One => 1,
        };
        let full_name = format!("{name}.weight");
        let Some(tensor) = self.checkpoint.get(&full_name) else {
            let from_norm = || {
                self.checkpoint
                    .get(&format!("{norm}.weight"))
                    .and_then(|gamma| gamma.shape.first().copied())
                    .unwrap_or(c_in)
            };
            let expected = vec![expect.c_out.unwrap_or_else(from_norm), c_in / groups, usual, usual];
            return Err(Error::TensorMissing { name: full_name, expected });
        };
        let fits = |k: usize| match expect.ksize {
            Ksize::Stem => k >= 5 && k % 2 == 1,
            Ksize::Odd => k % 2 == 1,
            Ksize::One => k == 1,
        };
        let (c_out, ksize) = match tensor.shape[..] {
            [c_out, per_group, k, k2]
                if k == k2
                    && fits(k)
                    && per_group.checked_mul(groups) == Some(c_in)
                    && c_out > 0
                    && c_out.is_multiple_of(groups)
                    && expect.c_out.is_none_or(|expected| c_out == expected) =>
            {
                (c_out, k)
            }
            ref found => {
                let c_out = expect.c_out.unwrap_or(found.first().copied().unwrap_or(c_in));
                let ksize = found.get(2).copied().filter(|&k| fits(k)).unwrap_or(usual);
                return Err(Error::TensorShape {
                    name: tensor.name.clone(),
                    expected: vec![c_out, c_in / groups, ksize, ksize],
                    found: found.to_vec(),
                });
            }
        };
        let weight = self.take(&full_name, &tensor.shape)?.values()?;
        let (mut scale, bias) = self.fold(name, norm, c_out)?;
        self.unquantise(&mut scale, name, c_out)?;
        let (name, padding) = (name.to_owned(), ksize / 2);
        Ok(Conv { name, c_out, c_in, ksize, stride, padding, groups, weight, scale, bias })
    }

    /// Scale and bias of the convolution `name` with the batch norm `norm`: each [c_out].
    fn fold(&mut self, name: &str, norm: &str, c_out: usize) -> Result<(Vec<f32>, Vec<f32>)> {
        // A convolution with a bias and no batch norm: somebody folded it before.
        let bias = format!("{name}.bias");
        if self.checkpoint.get(&bias).is_some() && self.checkpoint.get(&format!("{norm}.weight")).is_none() {
            return Ok((vec![1.0; c_out], self.take(&bias, &[c_out])?.f32()?));
        }
        let gamma_tensor = self.take(&format!("{norm}.weight"), &[c_out])?;
        let gamma = gamma_tensor.f64()?;
        let beta = self.take(&format!("{norm}.bias"), &[c_out])?.f64()?;
        let mean = self.take(&format!("{norm}.running_mean"), &[c_out])?.f64()?;
        let variance_tensor = self.take(&format!("{norm}.running_var"), &[c_out])?;
        let variance = variance_tensor.f64()?;
        if variance_tensor.buffer.is_none() {
            return Ok(Default::default()); // only described: names and shapes fit
        }
        if variance.iter().any(|&variance| variance < 0.0) {
            return Err(Error::TensorNegative { name: variance_tensor.name.clone() });
        }
        let scale: Vec<f64> =
            gamma.iter().zip(&variance).map(|(gamma, variance)| gamma / (variance + EPSILON).sqrt()).collect();
        let bias: Vec<f32> = (0..c_out).map(|c| (beta[c] - mean[c] * scale[c]) as f32).collect();
        let scale: Vec<f32> = scale.iter().map(|&scale| scale as f32).collect();
        // Finite numbers can still multiply beyond f32; the largest culprit is gamma or what it is divided by.
        if scale.iter().chain(&bias).any(|value| !value.is_finite()) {
            return Err(Error::TensorNotFinite { name: gamma_tensor.name.clone() });
        }
        Ok((scale, bias))
    }

    /// Puts what an I8 weight is to be multiplied with into `scale` [c_out].
    fn unquantise(&mut self, scale: &mut [f32], name: &str, c_out: usize) -> Result<()> {
        if self.checkpoint.get(&format!("{name}.weight")).is_some_and(|weight| weight.dtype == Dtype::I8) {
            let factors = self.take(&format!("{name}.weight_scale"), &[c_out])?.f32()?;
            scale.iter_mut().zip(factors).for_each(|(scale, factor)| *scale *= 127.0 * factor);
        }
        Ok(())
    }

    /// `fc`, fed with `features` channels.
    fn linear(&mut self, features: usize) -> Result<Linear> {
        let rows = |name: &str| self.checkpoint.get(name).and_then(|tensor| tensor.shape.first().copied());
        let classes = rows("fc.weight").or(rows("fc.bias")).unwrap_or(0).max(1);
        let weight = self.take("fc.weight", &[classes, features])?.values()?;
        let mut scale = vec![1.0; classes];
        self.unquantise(&mut scale, "fc", classes)?;
        let bias = self.take("fc.bias", &[classes])?.f32()?;
        Ok(Linear { classes, features, weight, scale, bias })
    }

    /// The tensor `name`, which must have this shape.
    fn take(&mut self, name: &str, expected: &[usize]) -> Result<&'a Tensor> {
        let Some(tensor) = self.checkpoint.get(name) else {
            return Err(Error::TensorMissing { name: name.to_owned(), expected: expected.to_vec() });
        };
        if tensor.shape != expected {
            let (name, found) = (tensor.name.clone(), tensor.shape.clone());
            return Err(Error::TensorShape { name, expected: expected.to_vec(), found });
        }
        self.used.insert(name.to_owned());
        Ok(tensor)
    }

    /// A tensor that nothing used is a part of the network that would silently be left out.
    fn refuse_unused(&self) -> Result<()> {
        match self.checkpoint.tensors.iter().find(|(name, _)| !self.used.contains(*name)) {
            Some((_, tensor)) => {
                Err(Error::TensorUnexpected { name: tensor.name.clone(), found: tensor.shape.clone() })
            }
            None => Ok(()),
        }
    }
}
