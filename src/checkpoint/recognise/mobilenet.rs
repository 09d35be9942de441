//! A checkpoint's tensors → the network of inverted residuals that they describe: MobileNetV2 or
//! EfficientNet-Lite0 to 4.
//!
//! Read from names: where a block begins and whether it expands; from shapes: widths, depths,
//! kernel sizes, classes. What neither tells is the strides, which are the same in both networks,
//! and ReLU6. Names are those of torchvision, timm and `efficientnet_lite_pytorch`. timm has the
//! same names for networks that were trained in PyTorch and in TensorFlow: see [`Conventions`].
//! Sources: arXiv 1801.04381, table 2; arXiv 1905.11946, table 1, and its authors' notes on
//! EfficientNet-Lite. Deliberately absent: relatives with squeeze-and-excite or other activations
//! (MobileNetV3, EfficientNet-B, MnasNet): refused by name.

use super::reader::{Expect, Ksize, Reader, count_blocks, has_any, unsupported};
use super::{Architecture, BlockWeights, Conv, Conventions, Network};
use crate::checkpoint::{Checkpoint, shortened};
use crate::error::Result;

/// The stride of each stage's first block, in both networks.
const STRIDES: [usize; 7] = [1, 2, 2, 2, 1, 2, 1];
/// The depthwise convolutions' kernel sizes in each stage.
const EFFICIENTNET_LITE: [usize; 7] = [3, 3, 5, 3, 5, 5, 3];
const MOBILENET_V2: [usize; 7] = [3; 7];
/// How many times as many channels a block's depthwise convolution has as its input, but for the
/// first stage.
const EXPANSION: usize = 6;
/// MobileNetV2's blocks in each stage, at every width.
const MOBILENET_V2_BLOCKS: [usize; 7] = [1, 2, 3, 4, 3, 3, 1];

/// The sizes of a network of inverted residuals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MobileNetConfig {
    /// Channels of the 3×3 stem.
    pub stem: usize,
    /// Seven.
    pub stages: Vec<Stage>,
    /// Channels of the 1×1 before the pooling.
    pub head: usize,
    pub classes: usize,
    /// For people: "EfficientNet-Lite0", "MobileNetV2, narrow (0.5)".
    pub name: String,
}

/// Blocks of the same sizes, the first of which has the stride.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stage {
    pub ksize: usize,
    pub stride: usize,
    /// How many times as many channels the depthwise convolutions have as the block's input; 1:
    /// there is no expanding convolution.
    pub expansion: usize,
    /// That the stage puts out.
    pub channels: usize,
    pub blocks: usize,
}

impl MobileNetConfig {
    /// The name that papers use for these depths and widths, the class count aside.
    fn describe(&self) -> String {
        let channels = self.stages.iter().map(|stage| stage.channels).collect::<Vec<_>>();
        let blocks = self.stages.iter().map(|stage| stage.blocks).collect::<Vec<_>>();
        if self.stages.iter().all(|stage| stage.ksize == 3) {
            return match (self.stages[4].channels, &blocks[..] == MOBILENET_V2_BLOCKS.as_slice()) {
                (96, true) => "MobileNetV2".into(),
                (channels, true) => format!("MobileNetV2, width {:.2}", channels as f64 / 96.0),
                (_, false) => format!("MobileNetV2, {} blocks", blocks.iter().sum::<usize>()),
            };
        }
        // Width and depth of each: `efficientnet_lite_builder.py` of its authors.
        let known = [
            (0, [16, 24, 40, 80, 112, 192, 320], [1, 2, 2, 3, 3, 4, 1]),
            (1, [16, 24, 40, 80, 112, 192, 320], [1, 3, 3, 4, 4, 5, 1]),
            (2, [16, 24, 48, 88, 120, 208, 352], [1, 3, 3, 4, 4, 5, 1]),
            (3, [24, 32, 48, 96, 136, 232, 384], [1, 3, 3, 5, 5, 6, 1]),
            (4, [24, 32, 56, 112, 160, 272, 448], [1, 4, 4, 6, 6, 8, 1]),
        ];
        match known.iter().find(|(_, c, b)| c[..] == channels && b[..] == blocks) {
            Some((number, ..)) => format!("EfficientNet-Lite{number}"),
            None => format!("EfficientNet-Lite, {} blocks", blocks.iter().sum::<usize>()),
        }
    }
}

/// Whose names a checkpoint has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scheme {
    Torchvision,
    Timm,
    /// The package `efficientnet_lite_pytorch`.
    EfficientNetLitePytorch,
}

/// Whose names the checkpoint has, if they are of such a network.
pub fn scheme(checkpoint: &Checkpoint) -> Option<Scheme> {
    if has_any(checkpoint, "_conv_stem.") || has_any(checkpoint, "_blocks.0.") {
        Some(Scheme::EfficientNetLitePytorch)
    } else if has_any(checkpoint, "conv_stem.") || has_any(checkpoint, "blocks.0.0.") {
        Some(Scheme::Timm)
    } else if has_any(checkpoint, "features.1.conv.") {
        Some(Scheme::Torchvision)
    } else {
        None
    }
}

/// A convolution's name and that of its batch norm.
struct Names {
    conv: String,
    norm: String,
}

fn names(prefix: &str, conv: &str, norm: &str) -> Names {
    Names { conv: format!("{prefix}{conv}"), norm: format!("{prefix}{norm}") }
}

struct BlockNames {
    /// For sentences.
    block: String,
    /// Which timm's names tell.
    stage: Option<usize>,
    expand: Option<Names>,
    depthwise: Names,
    project: Names,
}

impl Scheme {
    fn stem(self) -> Names {
        match self {
            Scheme::Torchvision => names("features.0.", "0", "1"),
            Scheme::Timm => names("", "conv_stem", "bn1"),
            Scheme::EfficientNetLitePytorch => names("", "_conv_stem", "_bn0"),
        }
    }

    fn blocks(self, checkpoint: &Checkpoint) -> Vec<BlockNames> {
        match self {
            Scheme::Torchvision => {
                let is_block =
                    |index: &usize| has_any(checkpoint, &format!("features.{index}.conv."));
                let block = |index: usize| {
                    let block = format!("features.{index}.conv.");
                    // Without an expanding convolution everything moves up by one.
                    let expands = has_any(checkpoint, &format!("{block}3."));
                    let expand = expands.then(|| names(&block, "0.0", "0.1"));
                    let (depthwise, project) = match expands {
                        true => (names(&block, "1.0", "1.1"), names(&block, "2", "3")),
                        false => (names(&block, "0.0", "0.1"), names(&block, "1", "2")),
                    };
                    BlockNames { block, stage: None, expand, depthwise, project }
                };
                (1..).take_while(is_block).map(block).collect()
            }
            Scheme::EfficientNetLitePytorch => {
                let block = |index: usize| {
                    let block = format!("_blocks.{index}.");
                    let expands = has_any(checkpoint, &format!("{block}_expand_conv."));
                    let expand = expands.then(|| names(&block, "_expand_conv", "_bn0"));
                    let (depthwise, project) = (
                        names(&block, "_depthwise_conv", "_bn1"),
                        names(&block, "_project_conv", "_bn2"),
                    );
                    BlockNames { block, stage: None, expand, depthwise, project }
                };
                (0..count_blocks(checkpoint, "_blocks.")).map(block).collect()
            }
            Scheme::Timm => {
                let block = |stage: usize, index: usize| {
                    let block = format!("blocks.{stage}.{index}.");
                    let expands = has_any(checkpoint, &format!("{block}conv_pwl."));
                    let expand = expands.then(|| names(&block, "conv_pw", "bn1"));
                    let (depthwise, project) = match expands {
                        true => (names(&block, "conv_dw", "bn2"), names(&block, "conv_pwl", "bn3")),
                        false => (names(&block, "conv_dw", "bn1"), names(&block, "conv_pw", "bn2")),
                    };
                    BlockNames { block, stage: Some(stage), expand, depthwise, project }
                };
                let blocks = |stage| 0..count_blocks(checkpoint, &format!("blocks.{stage}."));
                let stages = 0..count_blocks(checkpoint, "blocks.");
                stages
                    .flat_map(|stage| blocks(stage).map(move |index| block(stage, index)))
                    .collect()
            }
        }
    }

    /// `blocks`: how many there are.
    fn head(self, blocks: usize) -> Names {
        match self {
            Scheme::Torchvision => names(&format!("features.{}.", blocks + 1), "0", "1"),
            Scheme::Timm => names("", "conv_head", "bn2"),
            Scheme::EfficientNetLitePytorch => names("", "_conv_head", "_bn1"),
        }
    }

    /// The linear layer: it may stand in an `nn.Sequential` with drop-out, at any place.
    fn classifier(self, checkpoint: &Checkpoint) -> String {
        let name = match self {
            Scheme::EfficientNetLitePytorch => "_fc",
            Scheme::Timm | Scheme::Torchvision => "classifier",
        };
        let inside = |index: &usize| checkpoint.get(&format!("{name}.{index}.weight")).is_some();
        match (0..8).find(inside) {
            Some(index) => format!("{name}.{index}"),
            // What is missing is named as torchvision has it.
            None if self == Scheme::Torchvision
                && checkpoint.get("classifier.weight").is_none() =>
            {
                "classifier.1".into()
            }
            None => name.into(),
        }
    }

    fn conventions(self) -> Conventions {
        match self {
            Scheme::Torchvision | Scheme::Timm => Conventions::PYTORCH,
            Scheme::EfficientNetLitePytorch => Conventions::TENSORFLOW,
        }
    }
}

/// Reads the network in `checkpoint`. Errors: as [`Network::from_checkpoint`].
pub fn read(checkpoint: &Checkpoint, scheme: Scheme) -> Result<Network> {
    let excites = |name: &&str| {
        name.split('.').any(|part| ["se", "_se_reduce", "_se_expand"].contains(&part))
    };
    if let Some(name) = checkpoint.names().find(excites) {
        let name = shortened(name);
        return unsupported(
            format!(
                "its blocks squeeze and excite (`{name}`), as those of MobileNetV3 and EfficientNet-B do"
            ),
            format!("它的块带有 squeeze-and-excite（{name}），如同 MobileNetV3 和 EfficientNet-B"),
        );
    }
    let blocks = scheme.blocks(checkpoint);
    let conventions = scheme.conventions();
    let mut reader = Reader::new(checkpoint, conventions);
    let in_stages = stages(&reader, &blocks)?;

    let free = Expect { c_in: 3, c_out: None, ksize: Ksize::Exactly(1), stride: 1, groups: 1 };
    let Names { conv, norm } = scheme.stem();
    let (stem, grey) =
        reader.stem(&conv, &norm, Expect { ksize: Ksize::Exactly(3), stride: 2, ..free })?;
    let mut c_in = stem.c_out;
    let mut config = Vec::new();
    let mut stages = Vec::new();
    for (stage, of_stage) in in_stages.iter().enumerate() {
        let mut weights: Vec<BlockWeights> = Vec::new();
        for (index, block) in of_stage.iter().enumerate() {
            let mut conv =
                |names: &Names, expect: Expect| reader.conv(&names.conv, &names.norm, expect);
            let expansion = if block.names.expand.is_some() { EXPANSION } else { 1 };
            let expand = Expect { c_in, c_out: Some(expansion * c_in), ..free };
            let expand =
                block.names.expand.as_ref().map(|names| conv(names, expand)).transpose()?;
            let hidden = expansion * c_in;
            let stride = if index == 0 { STRIDES[stage] } else { 1 };
            let ksize = Ksize::Exactly(block.ksize);
            let depthwise =
                Expect { c_in: hidden, c_out: Some(hidden), ksize, stride, groups: hidden };
            let depthwise = Conv { depthwise: true, ..conv(&block.names.depthwise, depthwise)? };
            // All blocks of a stage put out the same, and add it to their input but for the first.
            let c_out =
                weights.first().and_then(|block| block.convs.last()).map(|project| project.c_out);
            let project = conv(&block.names.project, Expect { c_in: hidden, c_out, ..free })?;
            c_in = project.c_out;
            if index == 0 {
                let (ksize, channels, blocks) = (block.ksize, c_in, of_stage.len());
                config.push(Stage { ksize, stride, expansion, channels, blocks });
            }
            let convs = expand.into_iter().chain([depthwise, project]).collect();
            weights.push(BlockWeights { convs, downsample: None });
        }
        stages.push(weights);
    }
    let Names { conv, norm } = scheme.head(blocks.len());
    let head = reader.conv(&conv, &norm, Expect { c_in, ..free })?;
    let (hidden, fc) = reader.head(&scheme.classifier(checkpoint), head.c_out)?;
    let normalisation = reader.normalisation()?;
    let computed = std::mem::take(&mut reader.computed);

    let (stem_channels, head_channels, classes) = (stem.c_out, head.c_out, fc.classes);
    let mut config = MobileNetConfig {
        stem: stem_channels,
        stages: config,
        head: head_channels,
        classes,
        name: String::new(),
    };
    config.name = config.describe();
    reader.finish(Network {
        architecture: Architecture::MobileNet(config),
        conventions,
        conventions_assumed: scheme == Scheme::Timm,
        grey,
        normalisation,
        stem,
        stages,
        head: Some(head),
        hidden,
        fc,
        notes: Vec::new(),
        computed,
    })
}

struct InStage<'a> {
    names: &'a BlockNames,
    ksize: usize,
}

/// The blocks by stage. Refuses what has other stages than the two networks, since their strides
/// would be others, too.
fn stages<'a>(reader: &Reader, blocks: &'a [BlockNames]) -> Result<Vec<Vec<InStage<'a>>>> {
    let side = |name: &Names| {
        reader.shape(&format!("{}.weight", name.conv)).and_then(|shape| shape.get(2).copied())
    };
    let in_stage =
        |names: &'a BlockNames| InStage { names, ksize: side(&names.depthwise).unwrap_or(3) };
    let c_out = |names: &BlockNames| {
        let project = |part: &str, of: &str| {
            reader.shape(&format!("{of}.{part}")).and_then(|shape| shape.first().copied())
        };
        project("weight", &names.project.conv).or_else(|| project("weight", &names.project.norm))
    };
    let is_mobilenet_v2 = blocks.len() == MOBILENET_V2_BLOCKS.iter().sum::<usize>()
        && blocks.iter().all(|names| in_stage(names).ksize == 3);
    let mut stages: Vec<Vec<InStage>> = Vec::new();
    for (index, names) in blocks.iter().enumerate() {
        let begins = match (index.checked_sub(1).map(|before| &blocks[before]), names.stage) {
            (None, _) => true,
            (Some(before), Some(stage)) => before.stage != Some(stage),
            (Some(_), None) if is_mobilenet_v2 => {
                // Narrow ones have neighbouring stages of one width.
                let first = |stage: usize| MOBILENET_V2_BLOCKS[..stage].iter().sum::<usize>();
                (0..MOBILENET_V2_BLOCKS.len()).any(|stage| first(stage) == index)
            }
            (Some(before), None) => {
                c_out(before) != c_out(names) || before.expand.is_some() != names.expand.is_some()
            }
        };
        if begins {
            stages.push(Vec::new());
        }
        if let Some(stage) = stages.last_mut() {
            stage.push(in_stage(names));
        }
    }
    let ksizes: Vec<usize> = stages.iter().map(|stage| stage[0].ksize).collect();
    if ksizes != EFFICIENTNET_LITE && ksizes != MOBILENET_V2 {
        let count = stages.len();
        return unsupported(
            format!(
                "it has {count} stages of inverted residuals with kernels of {ksizes:?}; \
                 MobileNetV2 has {MOBILENET_V2:?} and EfficientNet-Lite {EFFICIENTNET_LITE:?}"
            ),
            format!(
                "它有 {count} 个倒残差阶段，卷积核为 {ksizes:?}；\
                 MobileNetV2 为 {MOBILENET_V2:?}，EfficientNet-Lite 为 {EFFICIENTNET_LITE:?}"
            ),
        );
    }
    let hidden = |name: &Names| {
        reader.shape(&format!("{}.weight", name.conv)).and_then(|shape| shape.first().copied())
    };
    for (index, block) in blocks.iter().enumerate() {
        let c_in = index.checked_sub(1).and_then(|before| c_out(&blocks[before]));
        if let (Some(c_in), Some(hidden)) = (c_in, hidden(&block.depthwise))
            && block.expand.is_some()
            && hidden != EXPANSION * c_in
        {
            let name = block.block.trim_end_matches('.');
            return unsupported(
                format!(
                    "its block `{name}` widens {c_in} channels to {hidden}, and MobileNetV2's and \
                     EfficientNet-Lite's widen them {EXPANSION} times: MnasNet and FBNet have the \
                     same names and another activation"
                ),
                format!(
                    "它的块 {name} 把 {c_in} 个通道扩展到 {hidden}，而 MobileNetV2 和 EfficientNet-Lite \
                     扩展 {EXPANSION} 倍：MnasNet 和 FBNet 名称相同，激活函数却不同"
                ),
            );
        }
    }
    Ok(stages)
}
