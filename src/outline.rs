//! A network's outline: what each part puts out for an input of some size, how much arithmetic that takes, and how far one
//! position sees. For drawings and for people; computed from shapes alone, without weights or a GPU.
//!
//! Strides and paddings are those of `torchvision/models/resnet.py` (v1.5: stride 2 sits in the first 3×3 of a stage).

use crate::weights::{Architecture, Block};

/// One part of a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// `input`, `conv1`, `maxpool`, `layer1.0` …, `avgpool`, `fc`
    pub name: String,
    /// 1 to 4 within the stages, else 0.
    pub stage: usize,
    /// Convolutions and fully connected layers in this part.
    pub weighted: usize,
    /// Of what it puts out.
    pub channels: usize,
    pub height: usize,
    pub width: usize,
    /// Multiplications, each with its addition.
    pub macs: u64,
    /// Side of the square of input pixels that one position can see: the theoretical receptive field.
    pub field: usize,
    /// Input pixels from one position to the next. Position i looks at a square centred on pixel `i · stride`.
    pub stride: usize,
}

impl Part {
    /// A convolution or pooling of half padding applied to what this part puts out.
    fn window(&mut self, ksize: usize, stride: usize) {
        let out = |size: usize| (size + 2 * (ksize / 2) - ksize) / stride + 1;
        (self.height, self.width) = (out(self.height), out(self.width));
        self.field += (ksize - 1) * self.stride;
        self.stride *= stride;
    }

    fn conv(&mut self, ksize: usize, stride: usize, channels: usize, groups: usize) {
        self.window(ksize, stride);
        self.macs += (self.height * self.width * ksize * ksize * self.channels / groups * channels) as u64;
        self.channels = channels;
        self.weighted += 1;
    }

    /// The input pixels that position (x, y) sees: left, top, right, bottom; they may lie outside the input.
    pub fn sees(&self, x: usize, y: usize) -> [f64; 4] {
        let centre = |position: usize| (position * self.stride) as f64 + 0.5;
        let half = self.field as f64 / 2.0;
        [centre(x) - half, centre(y) - half, centre(x) + half, centre(y) + half]
    }
}

/// The parts of `network`, first to last, for an input of `height` × `width`.
pub fn outline(network: &Architecture, height: usize, width: usize) -> Vec<Part> {
    let input =
        Part { name: "input".into(), stage: 0, weighted: 0, channels: 3, height, width, macs: 0, field: 1, stride: 1 };
    let mut parts = vec![input];
    let mut add = |name: String, stage: usize, apply: &dyn Fn(&mut Part)| {
        let last = parts[parts.len() - 1].clone();
        let mut part = Part { name, stage, weighted: 0, macs: 0, ..last };
        apply(&mut part);
        parts.push(part);
    };
    add("conv1".into(), 0, &|part| part.conv(7, 2, network.base_width, 1));
    add("maxpool".into(), 0, &|part| part.window(3, 2));
    for (stage, &blocks) in network.blocks.iter().enumerate() {
        let (width, channels) = (network.widths[stage], network.channels[stage]);
        for block in 0..blocks {
            let stride = if stage > 0 && block == 0 { 2 } else { 1 };
            add(format!("layer{}.{block}", stage + 1), stage + 1, &|part| {
                let mut shortcut = part.clone();
                match network.block {
                    Block::Basic => {
                        part.conv(3, stride, width, 1);
                        part.conv(3, 1, channels, 1);
                    }
                    Block::Bottleneck => {
                        part.conv(1, 1, width, 1);
                        part.conv(3, stride, width, network.groups);
                        part.conv(1, 1, channels, 1);
                    }
                }
                if block == 0 && (stride > 1 || shortcut.channels != channels) {
                    shortcut.conv(1, stride, channels, 1);
                    (part.macs, part.weighted) = (part.macs + shortcut.macs, part.weighted + 1);
                }
            });
        }
    }
    // What every position has seen, this one has.
    add("avgpool".into(), 0, &|part| (part.height, part.width) = (1, 1));
    add("fc".into(), 0, &|part| part.conv(1, 1, network.classes, 1));
    parts
}

/// The part of `parts` that a layer's name means: a block, or a stage's last block.
pub fn part<'a>(parts: &'a [Part], layer: &str) -> Option<&'a Part> {
    let of_stage = |part: &&Part| part.name == layer || (part.stage > 0 && format!("layer{}", part.stage) == layer);
    parts.iter().rfind(of_stage)
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
        Architecture { block, blocks, groups, base_width: 64, widths, channels, classes: 1000, name: String::new() }
    }

    fn resnet50() -> Architecture {
        network(Block::Bottleneck, [3, 4, 6, 3], 1, [64, 128, 256, 512], [256, 512, 1024, 2048])
    }

    #[test]
    fn resnet_50_at_224() {
        let parts = outline(&resnet50(), 224, 224);
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
        // torchvision states 4.09 GFLOPS (multiply-adds) for these weights; 53 convolutions and one fully connected layer.
        assert_eq!(parts.iter().map(|part| part.macs).sum::<u64>() / 10_000_000, 408);
        assert_eq!(parts.iter().map(|part| part.weighted).sum::<usize>(), 54);
    }

    #[test]
    fn receptive_fields() {
        // Araujo, Norris and Sim, "Computing Receptive Fields of Convolutional Neural Networks" (Distill 2019): 435 for
        // ResNet-18, stride 32. Their 483 for ResNet-50 is of v1, whose strides sit in the 1×1 before; by their formula
        // v1.5 has 427: 11 at the pool, then +8 a 3×3 at stride 4, +16 at 8, +32 at 16, +64 at 32.
        let basic = network(Block::Basic, [2, 2, 2, 2], 1, [64, 128, 256, 512], [64, 128, 256, 512]);
        for (network, fields) in [(basic, [43, 99, 211, 435]), (resnet50(), [35, 91, 267, 427])] {
            let parts = outline(&network, 224, 224);
            for (stage, field) in fields.into_iter().enumerate() {
                let part = part(&parts, &format!("layer{}", stage + 1)).unwrap();
                assert_eq!((part.field, part.stride), (field, 4 << stage));
            }
        }
        let parts = outline(&resnet50(), 224, 224);
        assert_eq!(part(&parts, "layer1").unwrap().sees(10, 0), [23.0, -17.0, 58.0, 18.0]);
    }

    #[test]
    fn groups_take_less() {
        let next = network(Block::Bottleneck, [3, 4, 6, 3], 32, [128, 256, 512, 1024], [256, 512, 1024, 2048]);
        // torchvision: 4.23 GFLOPS for resnext50_32x4d
        assert_eq!(outline(&next, 224, 224).iter().map(|part| part.macs).sum::<u64>() / 10_000_000, 423);
    }
}
