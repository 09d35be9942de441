//! Networks of inverted residuals with random weights: `random_state_dict` of each family that
//! `tests/golden/make_photonet.py` uses.
//!
//! Names and shapes are those of torchvision's and timm's constructors. Values are refnet.py's (see
//! [`golden_weights`](super::golden_weights)): they depend on seed, name and index alone, so
//! nothing is stored. Deliberately absent: trained weights. To extend: another network of these
//! libraries is a row in [`FAMILIES`], here and there.

use super::golden_weights::{Affine, StateDict, in_parallel};

/// Whose names the tensors have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Library {
    Torchvision,
    Timm,
}

/// One network: MobileNetV2's stages, or those of EfficientNet-Lite at some width and depth.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// As the golden file has it.
    pub name: &'static str,
    pub library: Library,
    /// Padding is TensorFlow's SAME and batch norm's epsilon 1e-3.
    pub tensorflow: bool,
    stages: &'static [Stage; 7],
    width: f64,
    depth: f64,
    /// Stem, and depth of the first and last stage, stay as they are: EfficientNet-Lite's rule.
    fixed_ends: bool,
}

/// kernel, expansion, channels, repeats
type Stage = (usize, usize, usize, usize);

/// arXiv 1801.04381, table 2.
const MOBILENET_V2: [Stage; 7] = [
    (3, 1, 16, 1),
    (3, 6, 24, 2),
    (3, 6, 32, 3),
    (3, 6, 64, 4),
    (3, 6, 96, 3),
    (3, 6, 160, 3),
    (3, 6, 320, 1),
];
/// arXiv 1905.11946, table 1, at width and depth 1.
const EFFICIENTNET: [Stage; 7] = [
    (3, 1, 16, 1),
    (3, 6, 24, 2),
    (5, 6, 40, 2),
    (3, 6, 80, 3),
    (5, 6, 112, 3),
    (5, 6, 192, 4),
    (3, 6, 320, 1),
];

const fn mobilenet(name: &'static str, library: Library, width: f64) -> Family {
    Family {
        name,
        library,
        tensorflow: false,
        stages: &MOBILENET_V2,
        width,
        depth: 1.0,
        fixed_ends: false,
    }
}

/// Widths and depths: timm/models/efficientnet.py, `efficientnet_lite0` to `efficientnet_lite4`.
const fn lite(name: &'static str, tensorflow: bool, width: f64, depth: f64) -> Family {
    Family {
        name,
        library: Library::Timm,
        tensorflow,
        stages: &EFFICIENTNET,
        width,
        depth,
        fixed_ends: true,
    }
}

/// `FAMILIES` of make_photonet.py.
pub const FAMILIES: [Family; 9] = [
    mobilenet("mobilenet_v2", Library::Torchvision, 1.0),
    mobilenet("mobilenet_v2_half", Library::Torchvision, 0.5),
    mobilenet("mobilenetv2_100", Library::Timm, 1.0),
    lite("efficientnet_lite0", false, 1.0, 1.0),
    lite("tf_efficientnet_lite0", true, 1.0, 1.0),
    lite("tf_efficientnet_lite1", true, 1.0, 1.1),
    lite("efficientnet_lite2", false, 1.1, 1.2),
    lite("tf_efficientnet_lite3", true, 1.2, 1.4),
    lite("efficientnet_lite4", false, 1.4, 1.8),
];

/// Every float tensor of `family`, with weights from `seed`.
pub fn random_state_dict(family: &Family, seed: u64) -> StateDict {
    let tensors = tensors(family);
    let values = in_parallel(&tensors, |(name, shape, affine): &Entry| {
        affine.sample(seed, name, shape.iter().product())
    });
    tensors
        .into_iter()
        .zip(values)
        .map(|((name, shape, _), values)| (name, (shape, values)))
        .collect()
}

/// Name, shape and distribution.
type Entry = (String, Vec<usize>, Affine);

fn tensors(family: &Family) -> Vec<Entry> {
    let mut tensors = Vec::new();
    let last = family.stages.len() - 1;
    let torchvision = family.library == Library::Torchvision;
    // torchvision doesn't count stages: its blocks are features.1 to features.17.
    let (mut number, mut c_in) = (1, if family.fixed_ends { 32 } else { scaled(32, family.width) });
    let (conv, norm) =
        if torchvision { ("features.0.0", "features.0.1") } else { ("conv_stem", "bn1") };
    push(&mut tensors, conv, norm, [c_in, 3, 3, 3], false);
    for (index, &(k, expansion, channels, repeats)) in family.stages.iter().enumerate() {
        let c_out = scaled(channels, family.width);
        let fixed = family.fixed_ends && (index == 0 || index == last);
        let repeats = if fixed { repeats } else { (repeats as f64 * family.depth).ceil() as usize };
        for block in 0..repeats {
            let c = c_in * expansion;
            let expand = [c, c_in, 1, 1];
            let (depthwise, project) = ([c, 1, k, k], [c_out, c, 1, 1]);
            let shapes = if expansion == 1 {
                vec![depthwise, project]
            } else {
                vec![expand, depthwise, project]
            };
            let convs = shapes.len();
            for (at, shape) in shapes.into_iter().enumerate() {
                let projects = at == convs - 1;
                let (conv, norm) = if torchvision {
                    let start = format!("features.{number}.conv");
                    let inner = |part: usize| format!("{start}.{at}.{part}");
                    let outer = |part: usize| format!("{start}.{}", at + part);
                    if projects { (outer(0), outer(1)) } else { (inner(0), inner(1)) }
                } else {
                    let start = format!("blocks.{index}.{block}");
                    let names = if convs == 2 {
                        ["conv_dw", "conv_pw", ""]
                    } else {
                        ["conv_pw", "conv_dw", "conv_pwl"]
                    };
                    (format!("{start}.{}", names[at]), format!("{start}.bn{}", at + 1))
                };
                push(&mut tensors, &conv, &norm, shape, projects);
            }
            number += 1;
            c_in = c_out;
        }
    }
    let (conv, norm) =
        if torchvision { ("features.18.0", "features.18.1") } else { ("conv_head", "bn2") };
    push(&mut tensors, conv, norm, [1280, c_in, 1, 1], false);
    let classifier = if torchvision { "classifier.1" } else { "classifier" };
    tensors.push((format!("{classifier}.weight"), vec![1000, 1280], kaiming(1280)));
    tensors.push((format!("{classifier}.bias"), vec![1000], affine(0.0, 0.1)));
    tensors
}

/// A convolution and its batch norm, which keeps each ReLU6 alive and makes some of its outputs,
/// but never half of them, 6. One that `projects` adds little to the block's shortcut.
fn push(tensors: &mut Vec<Entry>, conv: &str, norm: &str, shape: [usize; 4], projects: bool) {
    let [c_out, per_group, k, k2] = shape;
    let (gamma, beta) = if projects { ((0.4, 0.2), (0.0, 0.25)) } else { ((1.4, 0.4), (0.3, 0.6)) };
    tensors.push((format!("{conv}.weight"), shape.to_vec(), kaiming(per_group * k * k2)));
    let parts = [
        ("weight", gamma),
        ("bias", beta),
        ("running_mean", (0.0, 0.1)),
        ("running_var", (1.0, 0.5)),
    ];
    for (part, (center, radius)) in parts {
        tensors.push((format!("{norm}.{part}"), vec![c_out], affine(center, radius)));
    }
}

/// Uniform, for ReLU.
fn kaiming(fan_in: usize) -> Affine {
    affine(0.0, (6.0 / fan_in as f64).sqrt())
}

fn affine(center: f64, radius: f64) -> Affine {
    Affine { center: center as f32, radius: radius as f32 }
}

/// `_make_divisible` of torchvision, `make_divisible` of timm: the nearest multiple of 8, not below
/// nine tenths of what was asked for.
fn scaled(channels: usize, width: f64) -> usize {
    let asked = channels as f64 * width;
    let nearest = ((asked + 4.0) as usize / 8 * 8).max(8);
    if (nearest as f64) < 0.9 * asked { nearest + 8 } else { nearest }
}
