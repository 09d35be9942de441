//! Deterministic checkpoints: the golden ResNet-50 bit for bit, and small random ResNets of every
//! family.
//!
//! The golden network's weights are not stored: [`state_dict`] computes them as
//! `tests/golden/refnet.py` does (splitmix64 addressed by tensor name and index, at most two
//! rounded f32 operations) and takes batch-norm statistics and `fc.bias` from
//! `tests/golden/calibration.safetensors`. Deliberately absent: trained weights. Included with
//! `#[path]` by tests and examples, so each uses a part of it.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::thread;

use gradlens::checkpoint::{Block, Dtype, ResNetConfig};
use half::{bf16, f16};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype as Stored, TensorView, serialize};

/// Shape and row-major values by torchvision name; floats only.
pub type StateDict = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

/// `refnet.SEED`.
pub const SEED: u64 = 7;

/// Where the reference outputs and the generator's description lie.
pub const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden");

/// A checkpoint of the network in a golden file, whose tensors are there called `net/…`.
pub fn network_of(file: &SafeTensors) -> Vec<u8> {
    let tensors = file.tensors();
    let net = tensors.iter().filter_map(|(key, view)| Some((key.strip_prefix("net/")?, view)));
    serialize(net, None).unwrap()
}

/// The golden ResNet-50: 267 float tensors, 25,610,152 numbers.
pub fn state_dict() -> StateDict {
    let path = format!("{GOLDEN}/calibration.safetensors");
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let calibration = SafeTensors::deserialize(&bytes).expect("calibration.safetensors");
    let resnet50 = architecture(Block::Bottleneck, [3, 4, 6, 3], 64, 1, 64, 1000);
    fill(&resnet50, |name, shape| match golden_distribution(name, shape) {
        Some(Affine { center, radius }) => {
            Affine { center, radius }.sample(SEED, name, shape.iter().product())
        }
        None => {
            let tensor = calibration.tensor(name).expect("a calibrated tensor");
            assert_eq!(tensor.shape(), shape, "{name}");
            tensor
                .data()
                .chunks_exact(4)
                .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
                .collect()
        }
    })
}

/// [`state_dict`] as a safetensors file with every float tensor in `dtype`, and the
/// `num_batches_tracked` scalars that torchvision's files have. Rounding is to nearest, ties to
/// even, as torch's `.half()` and `.bfloat16()` do.
pub fn checkpoint_bytes(dtype: Dtype) -> Vec<u8> {
    to_safetensors(&state_dict(), dtype)
}

/// A ResNet as torchvision's constructor makes it, with any stem and any first-stage width: stage
/// `s` has `groups * width_per_group << s` channels in its 3×3 and, for a bottleneck, `4 * stem <<
/// s` at its output. `stem` 64, `groups` 1 and `width_per_group` 64 are ResNet-18 to 152; basic
/// blocks are `stem << s` wide.
pub fn architecture(
    block: Block,
    blocks: [usize; 4],
    stem: usize,
    groups: usize,
    width_per_group: usize,
    classes: usize,
) -> ResNetConfig {
    let stage = |first: usize| [0, 1, 2, 3].map(|stage| first << stage);
    let (widths, channels) = match block {
        Block::Basic => (stage(stem), stage(stem)),
        Block::Bottleneck => (stage(groups * width_per_group), stage(4 * stem)),
    };
    let mut architecture = ResNetConfig {
        block,
        blocks,
        groups,
        base_width: stem,
        widths,
        channels,
        classes,
        name: String::new(),
    };
    architecture.name = architecture.describe();
    architecture
}

/// [`random_state_dict`] as an F32 safetensors file.
pub fn random_checkpoint(architecture: &ResNetConfig, seed: u64) -> Vec<u8> {
    to_safetensors(&random_state_dict(architecture, seed), Dtype::F32)
}

/// An untrained network whose activations neither die nor explode: Kaiming-uniform convolutions and
/// batch norm near identity.
pub fn random_state_dict(architecture: &ResNetConfig, seed: u64) -> StateDict {
    let last = format!(".bn{}.", architecture.block.convs());
    fill(architecture, |name, shape| {
        let of = |center: f64, radius: f64| Affine { center: center as f32, radius: radius as f32 };
        let distribution = match (shape, name.rsplit('.').next().unwrap_or_default()) {
            ([_, per_group, k, k2], _) => of(0.0, (6.0 / (per_group * k * k2) as f64).sqrt()),
            (_, "running_mean") => of(0.0, 0.1),
            (_, "running_var") => of(1.0, 0.5),
            _ if name == "fc.weight" => of(0.0, (6.0 / shape[1] as f64).sqrt()),
            _ if name == "fc.bias" => of(0.0, 0.1),
            // Each block adds little to its shortcut, or sixteen of them would double the signal
            // sixteen times.
            (_, "weight") if name.contains(&last) => of(0.3, 0.2),
            (_, "weight") => of(1.0, 0.25),
            _ => of(0.0, 0.25),
        };
        distribution.sample(seed, name, shape.iter().product())
    })
}

/// `state` as a safetensors file, with an I64 `num_batches_tracked` beside every `running_var`.
pub fn to_safetensors(state: &StateDict, dtype: Dtype) -> Vec<u8> {
    let encode = |values: &[f32]| -> Vec<u8> {
        match dtype {
            Dtype::F32 => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
            Dtype::F16 => values.iter().flat_map(|&v| f16::from_f32(v).to_le_bytes()).collect(),
            Dtype::BF16 => values.iter().flat_map(|&v| bf16::from_f32(v).to_le_bytes()).collect(),
            Dtype::F64 => values.iter().flat_map(|&v| f64::from(v).to_le_bytes()).collect(),
            Dtype::I8 => unimplemented!("`checkpoint::convert` does that"),
        }
    };
    let stored = match dtype {
        Dtype::F32 => Stored::F32,
        Dtype::F16 => Stored::F16,
        Dtype::BF16 => Stored::BF16,
        Dtype::F64 => Stored::F64,
        Dtype::I8 => Stored::I8,
    };
    let names: Vec<&String> = state.keys().collect();
    let encoded = in_parallel(&names, |name| encode(&state[*name].1));
    let mut tensors: Vec<(String, TensorView)> = names
        .iter()
        .zip(&encoded)
        .map(|(name, bytes)| {
            (
                (*name).clone(),
                TensorView::new(stored, state[*name].0.clone(), bytes).expect("a view"),
            )
        })
        .collect();
    let zero = 0i64.to_le_bytes();
    for norm in names.iter().filter_map(|name| name.strip_suffix("running_var")) {
        let scalar = TensorView::new(Stored::I64, Vec::new(), &zero).expect("a scalar");
        tensors.push((format!("{norm}num_batches_tracked"), scalar));
    }
    serialize(tensors, None).expect("a safetensors file")
}

/// Names and shapes of a ResNet's float tensors, in torchvision's order.
pub fn shapes(architecture: &ResNetConfig) -> Vec<(String, Vec<usize>)> {
    let ResNetConfig { block, groups, base_width, classes, .. } = *architecture;
    let mut shapes = Vec::new();
    let mut conv = |conv: String, norm: String, shape: [usize; 4]| {
        shapes.push((format!("{conv}.weight"), shape.to_vec()));
        for part in ["weight", "bias", "running_mean", "running_var"] {
            shapes.push((format!("{norm}.{part}"), vec![shape[0]]));
        }
    };
    conv("conv1".into(), "bn1".into(), [base_width, 3, 7, 7]);
    let mut c_in = base_width;
    for stage in 0..4 {
        let (width, c_out) = (architecture.widths[stage], architecture.channels[stage]);
        for index in 0..architecture.blocks[stage] {
            let name = format!("layer{}.{index}", stage + 1);
            let convs = match block {
                Block::Basic => vec![[width, c_in, 3, 3], [c_out, width, 3, 3]],
                Block::Bottleneck => {
                    vec![[width, c_in, 1, 1], [width, width / groups, 3, 3], [c_out, width, 1, 1]]
                }
            };
            for (number, shape) in (1..).zip(convs) {
                conv(format!("{name}.conv{number}"), format!("{name}.bn{number}"), shape);
            }
            if index == 0 && (stage > 0 || c_in != c_out) {
                conv(
                    format!("{name}.downsample.0"),
                    format!("{name}.downsample.1"),
                    [c_out, c_in, 1, 1],
                );
            }
            c_in = c_out;
        }
    }
    shapes.push(("fc.weight".into(), vec![classes, c_in]));
    shapes.push(("fc.bias".into(), vec![classes]));
    shapes
}

/// `refnet.Affine`: `center + radius * hash_unit`, the product rounded to f32, then the sum; no
/// fused multiply-add.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Affine {
    pub center: f32,
    pub radius: f32,
}

impl Affine {
    pub fn sample(self, seed: u64, name: &str, count: usize) -> Vec<f32> {
        let state = seed ^ fnv1a64(name);
        (0..count as u64).map(|index| self.center + hash_unit(state, index) * self.radius).collect()
    }
}

/// `refnet.hashed_distribution`; `None` for the calibrated tensors.
pub fn golden_distribution(name: &str, shape: &[usize]) -> Option<Affine> {
    let affine = |center: f32, radius: f32| Some(Affine { center, radius });
    let last_of_block = name.contains(".bn3.");
    match shape {
        [c_out, _, k, k2] => affine(0.0, (6.0 / (c_out * k * k2) as f64).sqrt() as f32),
        _ if name == "fc.weight" => affine(0.0, 0.375),
        _ if name == "fc.bias" || name.contains("running_") => None,
        _ if name.ends_with(".weight") && last_of_block => affine(0.3, 0.2),
        _ if name.ends_with(".weight") => affine(1.0, 0.25),
        _ if last_of_block => affine(-0.1, 0.1),
        _ => affine(0.0, 0.25),
    }
}

fn fnv1a64(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3))
}

/// Output `index` (from 0) of splitmix64 started from `state`.
pub fn splitmix64(state: u64, index: u64) -> u64 {
    let mut z = state.wrapping_add((index + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Uniform in [-1, 1), an exact multiple of 2^-23.
fn hash_unit(state: u64, index: u64) -> f32 {
    let top24 = (splitmix64(state, index) >> 40) as i32;
    (top24 - (1 << 23)) as f32 / (1 << 23) as f32
}

/// Every tensor of `architecture` with the values that `make` gives for its name and shape.
fn fill(
    architecture: &ResNetConfig,
    make: impl Fn(&str, &[usize]) -> Vec<f32> + Sync,
) -> StateDict {
    let shapes = shapes(architecture);
    let values = in_parallel(&shapes, |(name, shape)| make(name, shape));
    shapes.into_iter().zip(values).map(|((name, shape), values)| (name, (shape, values))).collect()
}

/// `make` of every item, in order, on all cores: 25.6 million numbers in a test build are worth the
/// trouble.
pub fn in_parallel<T: Sync, R: Send>(items: &[T], make: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = thread::available_parallelism().map_or(1, |n| n.get());
    let make = &make;
    // Dealt out in turn, not in runs: the large tensors are neighbours.
    let mut results: Vec<std::vec::IntoIter<R>> = thread::scope(|scope| {
        let deal = |first| {
            scope.spawn(move || {
                items.iter().skip(first).step_by(threads).map(make).collect::<Vec<R>>()
            })
        };
        let hands: Vec<_> = (0..threads).map(deal).collect();
        hands.into_iter().map(|hand| hand.join().expect("a thread").into_iter()).collect()
    });
    (0..items.len()).filter_map(|index| results[index % threads].next()).collect()
}
