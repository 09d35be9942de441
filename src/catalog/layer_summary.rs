//! A network's layers in numbers: what each part puts out for an input of some size, how much
//! arithmetic that takes, and how far one position sees. For drawings and for people; computed from
//! shapes alone, without weights or a GPU.
//!
//! Strides and paddings of ResNets are those of `torchvision/models/resnet.py` (v1.5: stride 2 sits
//! in the first 3×3 of a stage), unless the conventions say otherwise.

use crate::checkpoint::{
    Architecture, Block, Conventions, MobileNetConfig, Padding, ResNetConfig, Stage,
};
use serde::{Deserialize, Serialize};

/// One part of a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// `input`, `conv1`, `maxpool`, `layer1.0` …, `avgpool`, `fc`; or `conv_stem`, `blocks.0.0` …,
    /// `head`, `avgpool`, `classifier`
    pub name: String,
    /// The stage that it is in, as layers are named: `layer1`, `blocks.0`; the head is one of its
    /// own. Empty outside.
    pub stage: String,
    /// Convolutions and fully connected layers in this part.
    pub weighted: usize,
    /// Of what it puts out.
    pub channels: usize,
    pub height: usize,
    pub width: usize,
    /// Multiplications, each with its addition.
    pub macs: u64,
    /// Side of the square of input pixels that one position can see: the theoretical receptive
    /// field.
    pub field: usize,
    /// Input pixels from one position to the next.
    pub stride: usize,
    /// The input pixel, x and y, in the middle of what position 0 looks at: 0 with symmetric
    /// padding.
    pub centre: [usize; 2],
    /// Padded as TensorFlow's "SAME".
    same_padding: bool,
}

impl Part {
    /// A convolution or pooling applied to what this part puts out.
    fn window(&mut self, ksize: usize, stride: usize) {
        let padding = if self.same_padding { Padding::Same } else { Padding::Symmetric(ksize / 2) };
        for (size, centre) in [&mut self.width, &mut self.height].into_iter().zip(&mut self.centre)
        {
            *centre += (ksize / 2 - padding.before(*size, ksize, stride)) * self.stride;
            *size = padding.out(*size, ksize, stride);
        }
        self.field += (ksize - 1) * self.stride;
        self.stride *= stride;
    }

    fn conv(&mut self, ksize: usize, stride: usize, channels: usize, groups: usize) {
        self.dilated(ksize, stride, 1, channels, groups);
    }

    fn dilated(
        &mut self,
        ksize: usize,
        stride: usize,
        dilation: usize,
        channels: usize,
        groups: usize,
    ) {
        self.window((ksize - 1) * dilation + 1, stride);
        self.macs +=
            (self.height * self.width * ksize * ksize * self.channels / groups * channels) as u64;
        self.channels = channels;
        self.weighted += 1;
    }

    /// The input pixels that position (x, y) sees: left, top, right, bottom; they may lie outside
    /// the input.
    pub fn sees(&self, x: usize, y: usize) -> [f64; 4] {
        let [x, y] = [x, y].map(|position| (position * self.stride) as f64 + 0.5);
        let [x, y] = [x + self.centre[0] as f64, y + self.centre[1] as f64];
        let half = self.field as f64 / 2.0;
        [x - half, y - half, x + half, y + half]
    }
}

/// The parts of a network that were added so far.
struct Parts(Vec<Part>);

impl Parts {
    fn add(&mut self, name: impl Into<String>, stage: &str, apply: impl FnOnce(&mut Part)) {
        let before = self.0[self.0.len() - 1].clone();
        let mut part =
            Part { name: name.into(), stage: stage.into(), weighted: 0, macs: 0, ..before };
        apply(&mut part);
        self.0.push(part);
    }
}

/// The parts of `network`, first to last, for an input of `height` × `width`.
pub fn layer_summary(
    network: &Architecture,
    conventions: Conventions,
    height: usize,
    width: usize,
) -> Vec<Part> {
    let mut parts = Parts(vec![Part {
        name: "input".into(),
        stage: String::new(),
        weighted: 0,
        channels: 3,
        height,
        width,
        macs: 0,
        field: 1,
        stride: 1,
        centre: [0, 0],
        same_padding: conventions.same_padding && matches!(network, Architecture::MobileNet(_)),
    }]);
    let classifier = match network {
        Architecture::ResNet(config) => resnet(&mut parts, config, conventions),
        Architecture::MobileNet(config) => mobilenet(&mut parts, config),
    };
    // What every position has seen, this one has.
    parts.add("avgpool", "", |part| (part.height, part.width) = (1, 1));
    parts.add(classifier, "", |part| part.conv(1, 1, network.classes(), 1));
    parts.0
}

/// The layers that a person would choose from, first to last: the stages and the head, each with
/// its stride.
pub fn main_layers_with_strides(network: &Architecture) -> Vec<(String, usize)> {
    let parts = layer_summary(network, Conventions::PYTORCH, 224, 224); // strides are the same at every size
    let strided =
        |name: String| part(&parts, &name).map(|part| part.stride).map(|stride| (name, stride));
    network.main_layers().into_iter().filter_map(strided).collect()
}

/// Of those the last at each stride, from 4 on: one layer for each size of the grid, four in both
/// families. At stride 2, where a MobileNet's first stage is, there are only strokes to see.
pub fn one_layer_per_stride(main_layers: &[(String, usize)]) -> Vec<(String, usize)> {
    let mut layers: Vec<(String, usize)> = Vec::new();
    for (name, stride) in main_layers.iter().filter(|(_, stride)| *stride >= 4) {
        layers.pop_if(|last| last.1 == *stride);
        layers.push((name.clone(), *stride));
    }
    layers
}

/// The name of the classifier.
fn resnet(parts: &mut Parts, config: &ResNetConfig, conventions: Conventions) -> &'static str {
    parts.add("conv1", "", |part| part.conv(7, 2, config.base_width, 1));
    parts.add("maxpool", "", |part| part.window(3, 2));
    for (stage, &blocks) in config.blocks.iter().enumerate() {
        let (width, channels) = (config.widths[stage], config.channels[stage]);
        let name = format!("layer{}", stage + 1);
        for block in 0..blocks {
            let stride = if block == 0 { conventions.stride(stage) } else { 1 };
            let dilation = conventions.dilation(stage)[usize::from(block > 0)];
            let in_1x1 = conventions.stride_in_1x1;
            parts.add(format!("{name}.{block}"), &name, |part| {
                let mut shortcut = part.clone();
                match config.block {
                    Block::Basic => {
                        part.dilated(3, stride, dilation, width, 1);
                        part.dilated(3, 1, conventions.dilation(stage)[1], channels, 1);
                    }
                    Block::Bottleneck => {
                        part.conv(1, if in_1x1 { stride } else { 1 }, width, 1);
                        part.dilated(
                            3,
                            if in_1x1 { 1 } else { stride },
                            dilation,
                            width,
                            config.groups,
                        );
                        part.conv(1, 1, channels, 1);
                    }
                }
                if block == 0 && (stage > 0 || shortcut.channels != channels) {
                    shortcut.conv(1, stride, channels, 1);
                    (part.macs, part.weighted) = (part.macs + shortcut.macs, part.weighted + 1);
                }
            });
        }
    }
    "fc"
}

/// The name of the classifier.
fn mobilenet(parts: &mut Parts, config: &MobileNetConfig) -> &'static str {
    parts.add("conv_stem", "", |part| part.conv(3, 2, config.stem, 1));
    for (number, &Stage { ksize, stride, expansion, channels, blocks }) in
        config.stages.iter().enumerate()
    {
        let name = format!("blocks.{number}");
        for block in 0..blocks {
            parts.add(format!("{name}.{block}"), &name, |part| {
                let hidden = expansion * part.channels;
                if expansion > 1 {
                    part.conv(1, 1, hidden, 1);
                }
                part.conv(ksize, if block == 0 { stride } else { 1 }, hidden, hidden);
                part.conv(1, 1, channels, 1);
            });
        }
    }
    parts.add("head", "head", |part| part.conv(1, 1, config.head, 1));
    "classifier"
}

/// The part of `parts` that a layer's name means: a block, or a stage's last block.
pub fn part<'a>(parts: &'a [Part], layer: &str) -> Option<&'a Part> {
    parts.iter().rfind(|part| part.name == layer || (!part.stage.is_empty() && part.stage == layer))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(
        block: Block,
        blocks: [usize; 4],
        groups: usize,
        widths: [usize; 4],
        channels: [usize; 4],
    ) -> Architecture {
        let (base_width, classes, name) = (64, 1000, String::new());
        Architecture::ResNet(ResNetConfig {
            block,
            blocks,
            groups,
            base_width,
            widths,
            channels,
            classes,
            name,
        })
    }

    /// Of photonet's kind: kernel, stride, expansion, channels, blocks of each stage.
    fn mobilenet(stages: [[usize; 5]; 7]) -> Architecture {
        let stage = |[ksize, stride, expansion, channels, blocks]: [usize; 5]| Stage {
            ksize,
            stride,
            expansion,
            channels,
            blocks,
        };
        let stages = stages.map(stage).to_vec();
        Architecture::MobileNet(MobileNetConfig {
            stem: 32,
            stages,
            head: 1280,
            classes: 1000,
            name: String::new(),
        })
    }

    #[test]
    fn inverted_residuals_at_224() {
        let lite0 = mobilenet([
            [3, 1, 1, 16, 1],
            [3, 2, 6, 24, 2],
            [5, 2, 6, 40, 2],
            [3, 2, 6, 80, 3],
            [5, 1, 6, 112, 3],
            [5, 2, 6, 192, 4],
            [3, 1, 6, 320, 1],
        ]);
        let mobilenet_v2 = mobilenet([
            [3, 1, 1, 16, 1],
            [3, 2, 6, 24, 2],
            [3, 2, 6, 32, 3],
            [3, 2, 6, 64, 4],
            [3, 1, 6, 96, 3],
            [3, 2, 6, 160, 3],
            [3, 1, 6, 320, 1],
        ]);
        // The paper and torchvision state 300 million for MobileNetV2. EfficientNet-Lite0's is our
        // own count (its authors state 407).
        for (network, millions, weighted) in [(lite0, 385, 50), (mobilenet_v2, 300, 53)] {
            let parts = layer_summary(&network, Conventions::PYTORCH, 224, 224);
            let shape =
                |name| part(&parts, name).map(|part| [part.channels, part.height, part.width]);
            assert_eq!(shape("conv_stem"), Some([32, 112, 112]));
            assert_eq!(shape("blocks.1"), Some([24, 56, 56]));
            assert_eq!(shape("blocks.6"), Some([320, 7, 7]));
            assert_eq!(shape("head"), Some([1280, 7, 7]));
            assert_eq!(parts.iter().map(|part| part.macs).sum::<u64>() / 1_000_000, millions);
            assert_eq!(parts.iter().map(|part| part.weighted).sum::<usize>(), weighted);
        }
    }

    fn resnet50() -> Architecture {
        network(Block::Bottleneck, [3, 4, 6, 3], 1, [64, 128, 256, 512], [256, 512, 1024, 2048])
    }

    #[test]
    fn resnet_50_at_224() {
        let parts = layer_summary(&resnet50(), Conventions::PYTORCH, 224, 224);
        let shape = |name| part(&parts, name).map(|part| [part.channels, part.height, part.width]);
        // torchvision's `resnet50` under `torch.randn(1, 3, 224, 224)`
        assert_eq!(shape("conv1"), Some([64, 112, 112]));
        assert_eq!(shape("maxpool"), Some([64, 56, 56]));
        assert_eq!(shape("layer1"), Some([256, 56, 56]));
        assert_eq!(shape("layer2"), Some([512, 28, 28]));
        assert_eq!(shape("layer3"), Some([1024, 14, 14]));
        assert_eq!(shape("layer4"), Some([2048, 7, 7]));
        assert_eq!(shape("fc"), Some([1000, 1, 1]));
        assert_eq!(shape("layer5"), None);
        // torchvision states 4.09 GFLOPS (multiply-adds) for these weights; 53 convolutions and one
        // fully connected layer.
        assert_eq!(parts.iter().map(|part| part.macs).sum::<u64>() / 10_000_000, 408);
        assert_eq!(parts.iter().map(|part| part.weighted).sum::<usize>(), 54);
    }

    #[test]
    fn one_layer_a_stride() {
        let lite0 = mobilenet([
            [3, 1, 1, 16, 1],
            [3, 2, 6, 24, 2],
            [5, 2, 6, 40, 2],
            [3, 2, 6, 80, 3],
            [5, 1, 6, 112, 3],
            [5, 2, 6, 192, 4],
            [3, 1, 6, 320, 1],
        ]);
        // TensorFlow's zeros lie behind where a stride meets an even size: the middle moves by half
        // a stride, at an odd size by nothing.
        let centre = |conventions, height, width| {
            part(&layer_summary(&lite0, conventions, height, width), "head").map(|part| part.centre)
        };
        assert_eq!(centre(Conventions::TENSORFLOW, 224, 224), Some([31, 31]));
        assert_eq!(centre(Conventions::TENSORFLOW, 225, 224), Some([31, 0]));
        assert_eq!(centre(Conventions::PYTORCH, 224, 224), Some([0, 0]));
        let all = main_layers_with_strides(&lite0);
        let strides: Vec<usize> = all.iter().map(|(_, stride)| *stride).collect();
        assert_eq!(strides, [2, 4, 8, 16, 16, 32, 32, 32]);
        let names = |network| {
            one_layer_per_stride(&main_layers_with_strides(network))
                .into_iter()
                .map(|(name, _)| name)
                .collect::<Vec<_>>()
        };
        assert_eq!(names(&lite0), ["blocks.1", "blocks.2", "blocks.4", "head"]);
        assert_eq!(names(&resnet50()), ["layer1", "layer2", "layer3", "layer4"]);
    }

    #[test]
    fn receptive_fields() {
        // Araujo, Norris and Sim, "Computing Receptive Fields of Convolutional Neural Networks"
        // (Distill 2019): 435 for ResNet-18, stride 32. Their 483 for ResNet-50 is of v1, whose
        // strides sit in the 1×1 before; by their formula v1.5 has 427: 11 at the pool, then +8 a
        // 3×3 at stride 4, +16 at 8, +32 at 16, +64 at 32.
        let basic =
            network(Block::Basic, [2, 2, 2, 2], 1, [64, 128, 256, 512], [64, 128, 256, 512]);
        for (network, fields) in [(basic, [43, 99, 211, 435]), (resnet50(), [35, 91, 267, 427])] {
            let parts = layer_summary(&network, Conventions::PYTORCH, 224, 224);
            for (stage, field) in fields.into_iter().enumerate() {
                let part = part(&parts, &format!("layer{}", stage + 1)).unwrap();
                assert_eq!((part.field, part.stride), (field, 4 << stage));
            }
        }
        let parts = layer_summary(&resnet50(), Conventions::PYTORCH, 224, 224);
        assert_eq!(part(&parts, "layer1").unwrap().sees(10, 0), [23.0, -17.0, 58.0, 18.0]);
    }

    #[test]
    fn groups_take_less() {
        let next = network(
            Block::Bottleneck,
            [3, 4, 6, 3],
            32,
            [128, 256, 512, 1024],
            [256, 512, 1024, 2048],
        );
        // torchvision: 4.23 GFLOPS for resnext50_32x4d
        assert_eq!(
            layer_summary(&next, Conventions::PYTORCH, 224, 224)
                .iter()
                .map(|part| part.macs)
                .sum::<u64>()
                / 10_000_000,
            423
        );
    }
}
