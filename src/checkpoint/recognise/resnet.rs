//! A checkpoint's tensors → the ResNet that they describe.
//!
//! Everything is read from shapes: block type, depths, widths, groups, classes. What shapes don't
//! tell is torchvision's: stride 2 in the stem, padding `ksize / 2`; and, unless [`Conventions`]
//! say otherwise, stride 2 in the 3×3 of the first block of stages 2 to 4 ("v1.5"), no dilation,
//! batch norm's epsilon. Source: `torchvision/models/resnet.py`. Deliberately absent: ResNet
//! variants with other stems, poolings or attention; they are refused by name. To extend: a new
//! sort of block is a variant of [`Block`] and an arm in [`ResNetReader::block`].

use super::head::no_classifier;
use super::reader::{Expect, Ksize, Reader, a_few_names, count_blocks, has_any, unsupported};
use super::{Architecture, BlockWeights, Conventions, Network, Padding};
use crate::checkpoint::Checkpoint;
use crate::checkpoint::names::Head;
use crate::error::Result;

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

/// The sizes of a ResNet.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ResNetConfig {
    pub block: Block,
    /// Blocks of `layer1` to `layer4`: `[3, 4, 6, 3]` for ResNet-50.
    pub blocks: [usize; 4],
    /// Groups of every block's 3×3 convolution: 1, or 32 for the usual ResNeXt.
    pub groups: usize,
    /// Channels of the stem: 64 in the paper.
    pub base_width: usize,
    /// Channels that each stage's 3×3 convolutions put out: `[64, 128, 256, 512]` for ResNet-50.
    pub widths: [usize; 4],
    /// Channels that each stage puts out: `[256, 512, 1024, 2048]` for ResNet-50; equal to `widths`
    /// for basic blocks.
    pub channels: [usize; 4],
    pub classes: usize,
    /// For people, from [`ResNetConfig::describe`]: "ResNet-50", "ResNeXt-50 32x4d", "ResNet-50,
    /// narrow (16)".
    pub name: String,
}

impl ResNetConfig {
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

/// Reads the ResNet in `checkpoint`. Errors: as [`Network::from_checkpoint`].
pub fn read(checkpoint: &Checkpoint) -> Result<Network> {
    let (block, blocks) = recognise(checkpoint)?;
    let groups = find_groups(checkpoint, block);
    let mut reader =
        ResNetReader { reader: Reader::new(checkpoint, Conventions::PYTORCH), block, groups };

    let stem = Expect {
        c_in: 3,
        c_out: None,
        ksize: Ksize::Odd { least: 5, usual: 7 },
        stride: 2,
        groups: 1,
    };
    let (stem, grey) = reader.reader.stem("conv1", "bn1", stem)?;
    let mut c_in = stem.c_out;
    let mut stages = vec![Vec::new(); 4];
    for (stage, weights) in stages.iter_mut().enumerate() {
        for index in 0..blocks[stage] {
            let block = reader.block(stage, index, c_in)?;
            c_in = block.convs.last().map_or(c_in, |conv| conv.c_out);
            weights.push(block);
        }
    }
    let (hidden, fc) = reader.reader.head("fc", c_in)?;
    let normalisation = reader.reader.normalisation()?;

    // `recognise` saw to it that every stage has a first block.
    let c_out = |conv: usize| std::array::from_fn(|stage| stages[stage][0].convs[conv].c_out);
    let mut config = ResNetConfig {
        block,
        blocks,
        groups,
        base_width: stem.c_out,
        widths: c_out(block.convs() - 2),
        channels: c_out(block.convs() - 1),
        classes: fc.classes,
        name: String::new(),
    };
    config.name = config.describe();
    let architecture = Architecture::ResNet(config);
    let conventions = Conventions::PYTORCH;
    let computed = std::mem::take(&mut reader.reader.computed);
    reader.reader.finish(Network {
        architecture,
        conventions,
        conventions_assumed: false,
        grey,
        normalisation,
        stem,
        stages,
        head: None,
        hidden,
        fc,
        notes: Vec::new(),
        computed,
    })
}

/// Block type and depths, from names alone. Refuses what is no ResNet with a sentence about what it
/// found.
fn recognise(checkpoint: &Checkpoint) -> Result<(Block, [usize; 4])> {
    let has = |name: &str| checkpoint.get(name).is_some();
    if has("conv1.0.weight") && has("layer1.0.conv1.weight") {
        return unsupported(
            "its stem is several convolutions (`conv1.0.weight`, …: ResNet-C, -D or -T); one 7×7 is needed",
            "它的 stem 由多个卷积组成（conv1.0.weight 等：ResNet-C、-D 或 -T），而这里需要一个 7×7 卷积",
        );
    }
    if checkpoint.get("conv1.weight").is_some_and(|tensor| matches!(tensor.shape[..], [_, _, 3, 3]))
    {
        // The same names and other strides: it would load, and compute nonsense.
        return unsupported(
            "its first convolution is 3×3, as in networks for 32×32 images, and a 7×7 is needed",
            "它的第一个卷积是 3×3（用于 32×32 图像的网络），而这里需要 7×7",
        );
    }
    // Either half of a ResNet is enough to go on, so that a file that lost one tensor is told
    // which.
    let has_stem_and_block = has("conv1.weight") && has_any(checkpoint, "layer1.0.");
    if !(has("layer1.0.conv1.weight") || has_stem_and_block) {
        return match checkpoint.names().count() {
            0 => unsupported("it holds no tensors of numbers", "其中没有数值张量"),
            _ => unsupported(
                format!("its tensors are named {}", a_few_names(checkpoint)),
                format!("它的张量名为 {}", a_few_names(checkpoint)),
            ),
        };
    }
    if checkpoint.found.head == Head::Missing && !has("fc.weight") && !has("fc.bias") {
        return no_classifier("fc");
    }
    let block = if has("layer1.0.conv3.weight") { Block::Bottleneck } else { Block::Basic };
    let blocks = [1, 2, 3, 4].map(|stage| count_blocks(checkpoint, &format!("layer{stage}.")));
    match blocks.iter().position(|&depth| depth == 0) {
        Some(stage) => {
            let stage = stage + 1;
            unsupported(
                format!("it has no `layer{stage}`; a ResNet has four stages"),
                format!("它没有 layer{stage}；ResNet 有四个阶段"),
            )
        }
        None => Ok((block, blocks)),
    }
}

/// Groups of the bottlenecks' 3×3: what its inputs are divided by in the first block. 1 when that
/// makes no sense, so that the shape check of that tensor reports it.
fn find_groups(checkpoint: &Checkpoint, block: Block) -> usize {
    let shape = |name: &str| checkpoint.get(name).map(|tensor| &tensor.shape[..]);
    match (block, shape("layer1.0.conv1.weight"), shape("layer1.0.conv2.weight")) {
        (Block::Bottleneck, Some(&[c, ..]), Some(&[_, per_group, ..]))
            if per_group > 0 && c % per_group == 0 =>
        {
            (c / per_group).max(1)
        }
        _ => 1,
    }
}

/// Puts strides and dilations where `conventions` say they are.
pub fn set_strides(stages: &mut [Vec<BlockWeights>], conventions: Conventions) {
    for (stage, blocks) in stages.iter_mut().enumerate() {
        for (index, block) in blocks.iter_mut().enumerate() {
            let stride = if index == 0 { conventions.stride(stage) } else { 1 };
            let dilation = conventions.dilation(stage)[usize::from(index > 0)];
            let in_1x1 = conventions.stride_in_1x1 && block.convs.len() == 3;
            // Of a bottleneck the 3×3, of a basic block the first.
            let strided = if block.convs.len() == 3 && !in_1x1 { 1 } else { 0 };
            for (number, conv) in block.convs.iter_mut().enumerate() {
                conv.stride = if number == strided { stride } else { 1 };
                // A basic block's second 3×3 is dilated as the stage's later blocks are (timm's
                // `BasicBlock`).
                let dilation = if number == 1 && strided == 0 && !in_1x1 {
                    conventions.dilation(stage)[1]
                } else {
                    dilation
                };
                conv.dilation = if conv.ksize > 1 { dilation } else { 1 };
                conv.padding = Padding::Symmetric(conv.ksize / 2 * conv.dilation);
            }
            if let Some(downsample) = &mut block.downsample {
                downsample.stride = stride;
            }
        }
    }
}

struct ResNetReader<'a> {
    reader: Reader<'a>,
    block: Block,
    groups: usize,
}

impl ResNetReader<'_> {
    /// Block `index` of `stage` (both from 0), fed with `c_in` channels.
    fn block(&mut self, stage: usize, index: usize, c_in: usize) -> Result<BlockWeights> {
        const ODD: Ksize = Ksize::Odd { least: 1, usual: 3 };
        let name = format!("layer{}.{index}", stage + 1);
        let stride = if stage > 0 && index == 0 { 2 } else { 1 };
        let same = Expect { c_in, c_out: None, ksize: Ksize::Exactly(1), stride: 1, groups: 1 };
        // With a downsample the block may change the number of channels; without, its output is
        // added to its input.
        let downsample = format!("{name}.downsample.0.weight");
        let has_downsample = self.reader.shape(&downsample).is_some() || stride > 1;
        let c_out = if has_downsample { None } else { Some(c_in) };
        let (kind, groups) = (self.block, self.groups);
        let mut conv = |number: usize, expect: Expect| {
            self.reader.conv(&format!("{name}.conv{number}"), &format!("{name}.bn{number}"), expect)
        };
        let convs = match kind {
            Block::Basic => {
                let first = conv(1, Expect { ksize: ODD, stride, ..same })?;
                let second = conv(2, Expect { c_in: first.c_out, c_out, ksize: ODD, ..same })?;
                vec![first, second]
            }
            Block::Bottleneck => {
                let first = conv(1, same)?;
                let second =
                    conv(2, Expect { c_in: first.c_out, ksize: ODD, stride, groups, ..same })?;
                let third = conv(3, Expect { c_in: second.c_out, c_out, ..same })?;
                vec![first, second, third]
            }
        };
        let downsample = match convs.last() {
            Some(last) if has_downsample => {
                let expect = Expect { c_out: Some(last.c_out), stride, ..same };
                Some(self.reader.conv(
                    &format!("{name}.downsample.0"),
                    &format!("{name}.downsample.1"),
                    expect,
                )?)
            }
            _ => None,
        };
        Ok(BlockWeights { convs, downsample })
    }
}
