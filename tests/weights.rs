//! Checkpoint files and the networks in them.
//!
//! Files come from two places: computed here (`common/golden_weights.rs`), and written by the real
//! libraries (`fixtures/weights/`, with the script that made them). No GPU needed. Damaged ones:
//! `damaged_weights.rs`.

#[path = "common/archive.rs"]
mod archive;
#[path = "common/golden_weights.rs"]
mod golden_weights;
#[path = "common/plain_resnet.rs"]
mod plain_resnet;

use std::collections::BTreeMap;

use archive::{pickled, zip};
use golden_weights::{
    GOLDEN, StateDict, architecture, checkpoint_bytes, golden_distribution, random_checkpoint,
    random_state_dict, state_dict, to_safetensors,
};
use gradlens::checkpoint::{Architecture, Block, Checkpoint, Dtype, Network, ResNetConfig, Values};
use gradlens::error::{Error, Result};
use half::{bf16, f16};
use plain_resnet::{check_layout, forward};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype as Stored, TensorView, serialize};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/weights");

fn fixture(name: &str) -> Vec<u8> {
    let path = format!("{FIXTURES}/{name}");
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn network(file: Vec<u8>) -> Result<Network> {
    Network::from_checkpoint(&Checkpoint::read(file)?)
}

fn network_of(state: &StateDict) -> Result<Network> {
    network(to_safetensors(state, Dtype::F32))
}

/// A small bottleneck network to damage: [1, 2, 1, 1] blocks, 8-channel stem, 5 classes.
fn small() -> ResNetConfig {
    architecture(Block::Bottleneck, [1, 2, 1, 1], 8, 1, 8, 5)
}

/// Every tensor of a checkpoint as f32, by torchvision name.
fn tensors(checkpoint: &Checkpoint) -> BTreeMap<String, (Vec<usize>, Vec<f32>)> {
    let tensor = |name: &str| {
        checkpoint.get(name).map(|t| (t.shape.clone(), t.f32().expect("finite numbers")))
    };
    checkpoint
        .names()
        .map(|name| (name.to_owned(), tensor(name).expect("a listed tensor")))
        .collect()
}

// ---- the golden network
// ---------------------------------------------------------------------------------------------

/// Wrapping sums over the f32 bit patterns: plain, and weighted by the 1-based position.
fn checksums(values: &[f32]) -> (u64, u64) {
    values.iter().zip(1u64..).fold((0u64, 0u64), |(sum, weighted), (value, position)| {
        let bits = u64::from(value.to_bits());
        (sum.wrapping_add(bits), weighted.wrapping_add(bits.wrapping_mul(position)))
    })
}

#[test]
fn golden_state_dict_is_bit_exact() {
    let state = state_dict();
    let manifest =
        std::fs::read_to_string(format!("{GOLDEN}/weights_manifest.tsv")).expect("the manifest");
    let hex = |text: &str| {
        u64::from_str_radix(text.trim_start_matches("0x"), 16).expect("a hexadecimal number")
    };
    let mut failures = Vec::new();
    let mut rows = 0;
    for row in manifest.lines().filter(|line| !line.starts_with('#')) {
        let [name, shape, count, source, center, radius, sum, weighted] =
            row.split('\t').collect::<Vec<_>>()[..]
        else {
            panic!("a row of 8 fields: {row}")
        };
        rows += 1;
        let (found_shape, values) = &state[name];
        let expected_shape: Vec<usize> =
            shape.split('x').map(|size| size.parse().expect("a size")).collect();
        let distribution = golden_distribution(name, found_shape)
            .map(|d| (d.center.to_bits(), d.radius.to_bits()));
        let expected_distribution =
            (source == "hash").then(|| (hex(center) as u32, hex(radius) as u32));
        if (found_shape, values.len().to_string().as_str()) != (&expected_shape, count)
            || distribution != expected_distribution
            || checksums(values) != (hex(sum), hex(weighted))
        {
            failures.push(name);
        }
    }
    assert!(failures.is_empty(), "tensors that differ from the manifest: {failures:?}");
    assert_eq!(state.len(), rows);
}

#[test]
fn golden_checkpoint_is_a_resnet50_in_every_dtype() {
    let state = state_dict();
    for dtype in [Dtype::F32, Dtype::F16, Dtype::BF16] {
        let network = network(checkpoint_bytes(dtype)).unwrap();
        let found = &network.architecture;
        assert_eq!(
            *found,
            Architecture::ResNet(ResNetConfig {
                block: Block::Bottleneck,
                blocks: [3, 4, 6, 3],
                groups: 1,
                base_width: 64,
                widths: [64, 128, 256, 512],
                channels: [256, 512, 1024, 2048],
                classes: 1000,
                name: "ResNet-50".into(),
            })
        );
        assert_eq!(network.convs().count(), 53);
        // f16 stays f16, bf16 becomes f32; both hold the rounded number.
        let expected: Vec<f32> =
            state["layer3.5.conv2.weight"].1.iter().map(|&value| rounded(value, dtype)).collect();
        let weight = &network.stages[2][5].convs[1].weight;
        assert_eq!(matches!(weight, Values::F16(_)), dtype == Dtype::F16);
        assert!(weight.to_f32() == expected, "{dtype}: layer3.5.conv2.weight differs");
        // Batch norm is rounded too before it is folded, as `refnet.through_fp16` does.
        let part =
            |part: &str| f64::from(rounded(state[&format!("layer3.5.bn2.{part}")].1[3], dtype));
        let scale = part("weight") / (part("running_var") + 1e-5).sqrt();
        let conv = &network.stages[2][5].convs[1];
        assert_eq!(conv.scale[3], scale as f32);
        assert_eq!(conv.bias[3], (part("bias") - part("running_mean") * scale) as f32);
    }
}

fn rounded(value: f32, dtype: Dtype) -> f32 {
    match dtype {
        Dtype::F16 => f16::from_f32(value).to_f32(),
        Dtype::BF16 => bf16::from_f32(value).to_f32(),
        Dtype::F32 | Dtype::F64 | Dtype::I8 => value,
    }
}

// ---- what shapes tell
// -----------------------------------------------------------------------------------------------

#[test]
fn recognises_every_family() {
    use Block::{Basic, Bottleneck};
    // block, blocks, stem, groups, width per group, classes
    let families = [
        (Basic, [2, 2, 2, 2], 64, 1, 64, 3, "ResNet-18"),
        (Basic, [3, 4, 6, 3], 8, 1, 8, 10, "ResNet-34, narrow (8)"),
        (Bottleneck, [3, 4, 6, 3], 64, 1, 16, 1000, "ResNet-50, narrow (16)"),
        (Bottleneck, [3, 4, 23, 3], 8, 1, 8, 7, "ResNet-101, narrow (8)"),
        (Bottleneck, [3, 8, 36, 3], 4, 1, 4, 2, "ResNet-152, narrow (4)"),
        (Bottleneck, [1, 1, 1, 1], 8, 1, 128, 2, "Wide ResNet-14-2"),
        (Bottleneck, [1, 1, 1, 1], 8, 1, 72, 2, "ResNet-14, wide (72)"),
        (Bottleneck, [3, 4, 6, 3], 16, 4, 2, 12, "ResNeXt-50 4x2d"),
        (Bottleneck, [1, 2, 1, 1], 8, 8, 1, 1, "ResNeXt-17 8x1d"),
        (Basic, [1, 1, 1, 1], 2, 1, 2, 1, "ResNet-10, narrow (2)"),
    ];
    for (block, blocks, stem, groups, width, classes, name) in families {
        let expected = architecture(block, blocks, stem, groups, width, classes);
        let network = network(random_checkpoint(&expected, 11))
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(network.architecture, Architecture::ResNet(expected), "{name}");
        assert_eq!(network.architecture.name(), name);
        check_layout(&network);
    }
}

#[test]
fn folds_batch_norm_in_f64() {
    let mut state = random_state_dict(&small(), 3);
    // A case where f32 arithmetic would lose everything: a variance of zero and a mean of a
    // million.
    for (part, value) in
        [("running_var", 0.0), ("running_mean", 1e6), ("weight", 1e-3), ("bias", 316_227.0)]
    {
        state.get_mut(&format!("bn1.{part}")).unwrap().1[0] = value;
    }
    let stem = network_of(&state).unwrap().stem;
    let scale = f64::from(1e-3f32) / 1e-5f64.sqrt();
    assert_eq!((stem.scale[0], stem.bias[0]), (scale as f32, (316_227.0 - 1e6 * scale) as f32));
}

#[test]
fn takes_a_checkpoint_that_was_folded_before() {
    let mut state = random_state_dict(&small(), 4);
    let network = network_of(&state).unwrap();
    for conv in network.convs() {
        let norm = conv.name.replace("conv", "bn").replace("downsample.0", "downsample.1");
        for part in ["weight", "bias", "running_mean", "running_var"] {
            state.remove(&format!("{norm}.{part}")).unwrap();
        }
        let per_channel = conv.weight.len() / conv.c_out;
        let weight = &mut state.get_mut(&format!("{}.weight", conv.name)).unwrap().1;
        weight
            .chunks_mut(per_channel)
            .zip(&conv.scale)
            .for_each(|(w, scale)| w.iter_mut().for_each(|w| *w *= scale));
        state.insert(format!("{}.bias", conv.name), (vec![conv.c_out], conv.bias.clone()));
    }
    let folded = network_of(&state).unwrap();
    assert_eq!(folded.architecture, network.architecture);
    for (folded, conv) in folded.convs().zip(network.convs()) {
        assert_eq!(folded.bias, conv.bias);
        assert!(folded.scale.iter().all(|&scale| scale == 1.0));
    }
}

#[test]
fn names_the_tensor_that_is_wrong() {
    type Damage = fn(&mut StateDict);
    let missing = |name: &str, expected: &[usize]| Error::TensorMissing {
        name: name.into(),
        expected: expected.to_vec(),
    };
    let shape = |name: &str, expected: &[usize], found: &[usize]| Error::TensorShape {
        name: name.into(),
        expected: expected.to_vec(),
        found: found.to_vec(),
    };
    let unexpected = |name: &str, found: &[usize]| Error::TensorUnexpected {
        name: name.into(),
        found: found.to_vec(),
    };
    let not_finite = |name: &str| Error::TensorNotFinite { name: name.into() };
    fn put(state: &mut StateDict, name: &str, shape: &[usize]) {
        state.insert(name.into(), (shape.to_vec(), vec![0.5; shape.iter().product()]));
    }
    fn set(state: &mut StateDict, name: &str, value: f32) {
        *state.get_mut(name).unwrap().1.last_mut().unwrap() = value;
    }
    let cases: [(Damage, Error); 26] = [
        (|s| drop(s.remove("conv1.weight")), missing("conv1.weight", &[8, 3, 7, 7])),
        (|s| drop(s.remove("bn1.running_mean")), missing("bn1.running_mean", &[8])),
        (|s| drop(s.remove("bn1.weight")), missing("bn1.weight", &[8])),
        (
            |s| drop(s.remove("layer1.0.conv1.weight")),
            missing("layer1.0.conv1.weight", &[8, 8, 1, 1]),
        ),
        (
            |s| drop(s.remove("layer2.0.conv2.weight")),
            missing("layer2.0.conv2.weight", &[16, 16, 3, 3]),
        ),
        (
            |s| drop(s.remove("layer2.1.conv3.weight")),
            missing("layer2.1.conv3.weight", &[64, 16, 1, 1]),
        ),
        (
            |s| drop(s.remove("layer4.0.downsample.0.weight")),
            missing("layer4.0.downsample.0.weight", &[256, 128, 1, 1]),
        ),
        (
            |s| drop(s.remove("layer4.0.downsample.1.bias")),
            missing("layer4.0.downsample.1.bias", &[256]),
        ),
        (|s| drop(s.remove("fc.weight")), missing("fc.weight", &[5, 256])),
        (
            |s| put(s, "conv1.weight", &[8, 4, 7, 7]),
            Error::StemChannels { name: "conv1.weight".into(), channels: 4 },
        ),
        (
            |s| put(s, "conv1.weight", &[8, 3, 1, 1]),
            shape("conv1.weight", &[8, 3, 7, 7], &[8, 3, 1, 1]),
        ),
        (
            |s| put(s, "conv1.weight", &[8, 3, 7, 5]),
            shape("conv1.weight", &[8, 3, 7, 7], &[8, 3, 7, 5]),
        ),
        (
            |s| put(s, "conv1.weight", &[0, 3, 7, 7]),
            shape("conv1.weight", &[0, 3, 7, 7], &[0, 3, 7, 7]),
        ),
        (|s| put(s, "conv1.weight", &[]), shape("conv1.weight", &[3, 3, 7, 7], &[])),
        (|s| put(s, "bn1.bias", &[9]), shape("bn1.bias", &[8], &[9])),
        (
            |s| put(s, "layer2.1.conv2.weight", &[16, 8, 3, 3]),
            shape("layer2.1.conv2.weight", &[16, 16, 3, 3], &[16, 8, 3, 3]),
        ),
        (
            |s| put(s, "layer2.1.conv3.weight", &[60, 16, 1, 1]),
            shape("layer2.1.conv3.weight", &[64, 16, 1, 1], &[60, 16, 1, 1]),
        ),
        (
            |s| put(s, "layer3.0.conv1.weight", &[32, 64, 2, 2]),
            shape("layer3.0.conv1.weight", &[32, 64, 1, 1], &[32, 64, 2, 2]),
        ),
        (|s| put(s, "fc.weight", &[5, 255]), shape("fc.weight", &[5, 256], &[5, 255])),
        (|s| put(s, "fc.bias", &[6]), shape("fc.bias", &[5], &[6])),
        (
            |s| put(s, "layer1.0.se.fc1.weight", &[2, 2]),
            unexpected("layer1.0.se.fc1.weight", &[2, 2]),
        ),
        (
            |s| put(s, "layer5.0.conv1.weight", &[2, 2, 1, 1]),
            unexpected("layer5.0.conv1.weight", &[2, 2, 1, 1]),
        ),
        (|s| set(s, "layer1.0.conv1.weight", f32::NAN), not_finite("layer1.0.conv1.weight")),
        (|s| set(s, "fc.weight", f32::INFINITY), not_finite("fc.weight")),
        (|s| set(s, "bn1.running_mean", f32::NEG_INFINITY), not_finite("bn1.running_mean")),
        (
            |s| set(s, "bn1.running_var", -1e-9),
            Error::TensorNegative { name: "bn1.running_var".into() },
        ),
    ];
    let state = random_state_dict(&small(), 5);
    let mut failures = Vec::new();
    for (damage, expected) in cases {
        let mut damaged = state.clone();
        damage(&mut damaged);
        match network_of(&damaged) {
            Err(error) if error == expected => {}
            Err(error) => failures.push(format!("expected {expected:?}\n     got {error:?}")),
            Ok(_) => failures.push(format!("expected {expected:?}\n     got a network")),
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn says_what_another_network_is() {
    let of = |names: &[&str]| -> String {
        let state = names.iter().map(|name| (name.to_string(), (vec![1], vec![0.5]))).collect();
        match network_of(&state) {
            Err(Error::UnsupportedNetwork { detail }) => detail.english,
            Err(Error::OtherNetwork { why }) => why.to_string(),
            other => panic!("{names:?}: {other:?}"),
        }
    };
    assert_eq!(of(&[]), "it holds no tensors of numbers");
    assert_eq!(
        of(&["features.0.weight", "features.0.bias", "classifier.6.weight", "classifier.6.bias"]),
        "it looks like VGG or AlexNet (`features.0.weight`)"
    );
    assert_eq!(
        of(&["b.weight", "a.0.bias", "a.0.weight"]),
        "its tensors are named `a.0.bias`, `b.weight`, …"
    );
    assert!(of(&["features.1.block.0.0.weight"]).contains("MobileNetV3"));
    assert_eq!(of(&["a.weight"]), "its tensors are named `a.weight`");
    assert!(of(&["conv1.0.weight", "layer1.0.conv1.weight"]).contains("ResNet-C"));
    assert!(of(&["conv1.weight", "layer1.0.conv1.weight"]).contains("no classifier"));
    assert!(of(&["conv1.weight", "layer1.0.conv1.weight", "fc.weight"]).contains("no `layer2`"));
    let mut for_32x32 = random_state_dict(&small(), 8);
    for_32x32.insert("conv1.weight".into(), (vec![8, 3, 3, 3], vec![0.5; 216]));
    assert!(network_of(&for_32x32).unwrap_err().to_string().contains("first convolution is 3×3"));
    let long = of(&[&"x".repeat(100_000)]);
    assert!(long.len() < 200, "{long}");
}

// ---- names
// ----------------------------------------------------------------------------------------------------------

#[test]
fn strips_wrappers_that_all_tensors_share() {
    let state = random_state_dict(&small(), 6);
    let plain = network_of(&state).unwrap();
    for prefix in [
        "module.",
        "model.",
        "backbone.",
        "_orig_mod.module.",
        "model.net.encoder.",
        "module.module.",
    ] {
        let wrapped = state
            .iter()
            .map(|(name, tensor)| (format!("{prefix}{name}"), tensor.clone()))
            .collect();
        let network = network_of(&wrapped).unwrap_or_else(|error| panic!("{prefix}: {error}"));
        assert_eq!(network.fc.weight, plain.fc.weight, "{prefix}");
    }
    // Not shared by all: no tensor is used that stands elsewhere.
    let mut mixed = state.clone();
    let fc = mixed.remove("fc.weight").unwrap();
    mixed.insert("module.fc.weight".into(), fc);
    assert!(network_of(&mixed).is_err());
    // An error names the tensor as the file does.
    let mut wrapped: StateDict =
        state.iter().map(|(name, t)| (format!("module.{name}"), t.clone())).collect();
    wrapped.get_mut("module.bn1.running_var").unwrap().1[0] = -1.0;
    assert_eq!(
        network_of(&wrapped).unwrap_err(),
        Error::TensorNegative { name: "module.bn1.running_var".into() }
    );
}

#[test]
fn finds_the_classifier_inside_a_sequential() {
    let state = random_state_dict(&small(), 7);
    let mut wrapped = state.clone();
    for part in ["weight", "bias"] {
        let tensor = wrapped.remove(&format!("fc.{part}")).unwrap();
        wrapped.insert(format!("fc.1.{part}"), tensor);
    }
    assert_eq!(network_of(&wrapped).unwrap().fc.weight, network_of(&state).unwrap().fc.weight);
}

#[test]
fn skips_num_batches_tracked_of_any_type_and_no_other_integer() {
    let (numbers, one) = ([0; 8], 1.0f32.to_le_bytes());
    let file = |name: &str, dtype: Stored, bytes: usize| {
        let view = TensorView::new(dtype, vec![], &numbers[..bytes]).unwrap();
        let weight = TensorView::new(Stored::F32, vec![1], &one).unwrap();
        Checkpoint::read(serialize([(name, view), ("a.weight", weight)], None).unwrap())
    };
    for (dtype, bytes) in
        [(Stored::I64, 8), (Stored::I32, 4), (Stored::F32, 4), (Stored::U8, 1), (Stored::F16, 2)]
    {
        let names: Vec<String> = file("bn1.num_batches_tracked", dtype, bytes)
            .unwrap()
            .names()
            .map(String::from)
            .collect();
        assert_eq!(names, ["a.weight"]);
    }
    let error = file("bn1.weight", Stored::I64, 8).unwrap_err();
    assert_eq!(error, Error::TensorType { name: "bn1.weight".into(), found: "I64".into() });
}

#[test]
fn refuses_two_tensors_of_one_name() {
    // A stem in a part of its own, and its batch norm once more.
    let mut state = random_state_dict(&small(), 7);
    let conv1 = state.remove("conv1.weight").unwrap();
    state.insert("layer0.0.weight".into(), conv1);
    state.insert("layer0.1.running_mean".into(), state["bn1.running_mean"].clone());
    let checkpoint = Checkpoint::read(to_safetensors(&state, Dtype::F32));
    assert!(matches!(checkpoint, Err(Error::TensorUnexpected { .. })));
}

// ---- files of the real libraries
// ------------------------------------------------------------------------------------

#[test]
fn reads_the_same_tensors_from_every_file_of_one_network() {
    let reference = SafeTensors::deserialize(&fixture("bottleneck.safetensors")).map(|file| {
        let floats = file.iter().filter(|(_, view)| view.dtype() == Stored::F32);
        let decode = |view: &TensorView| -> Vec<f32> {
            view.data()
                .chunks_exact(4)
                .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
                .collect()
        };
        floats
            .map(|(name, view)| (name.to_owned(), (view.shape().to_vec(), decode(&view))))
            .collect::<BTreeMap<_, _>>()
    });
    let reference = reference.unwrap();
    assert_eq!(reference.len(), 102);
    let files = [
        ("bottleneck.safetensors", Dtype::F32),
        ("bottleneck_f16.safetensors", Dtype::F16),
        ("bottleneck_bf16.safetensors", Dtype::BF16),
        ("bottleneck_f16.pt", Dtype::F16),
        ("bottleneck_bf16.pt", Dtype::BF16),
        ("bottleneck_f64.pt", Dtype::F64),
        ("bottleneck_strided.pt", Dtype::F32),
        ("bottleneck_legacy.pt", Dtype::F32),
        ("training.pth", Dtype::F32),
    ];
    for (name, dtype) in files {
        let checkpoint =
            Checkpoint::read(fixture(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(
            checkpoint.names().all(|tensor| checkpoint.get(tensor).unwrap().dtype == dtype),
            "{name}"
        );
        let round = |(shape, values): &(Vec<usize>, Vec<f32>)| {
            (shape.clone(), values.iter().map(|&value| rounded(value, dtype)).collect::<Vec<f32>>())
        };
        let expected: BTreeMap<_, _> =
            reference.iter().map(|(name, tensor)| (name.clone(), round(tensor))).collect();
        assert!(tensors(&checkpoint) == expected, "{name} differs");
        assert_eq!(
            Network::from_checkpoint(&checkpoint).unwrap().architecture.name(),
            "ResNet-17, narrow (2)",
            "{name}"
        );
    }
    let (pickle, safetensors) = (fixture("basic.pt"), fixture("basic.safetensors"));
    assert!(
        tensors(&Checkpoint::read(pickle).unwrap())
            == tensors(&Checkpoint::read(safetensors).unwrap())
    );
}

/// The networks that the files describe compute what PyTorch computed: strides, groups, shortcuts
/// and names are right. f64 on f32 weights and folded f32 batch norm: measured 3e-7 of the largest
/// logit; 1e-5 leaves room for no mistake.
#[test]
fn networks_compute_what_pytorch_computed() {
    let expected = fixture("expected.safetensors");
    let expected = Checkpoint::read(expected).unwrap();
    let input = expected.get("input").unwrap();
    for name in ["basic", "bottleneck", "resnext", "wide", "hugging_face"] {
        let network = network(fixture(&format!("{name}.safetensors"))).unwrap();
        check_layout(&network);
        let logits = forward(
            &network,
            input.f32().unwrap().into_iter().map(f64::from).collect(),
            input.shape[1],
            input.shape[2],
        );
        let reference = expected.get(&format!("logits/{name}")).unwrap().f32().unwrap();
        let scale = reference.iter().fold(0f64, |most, value| most.max(f64::from(value.abs())));
        let error = logits
            .iter()
            .zip(&reference)
            .fold(0f64, |most, (a, &b)| most.max((a - f64::from(b)).abs()));
        println!("{name}: {:.1e} of the largest logit", error / scale);
        assert!(error <= 1e-5 * scale, "{name}: {logits:?} instead of {reference:?}");
    }
}

#[test]
fn refuses_other_files_with_a_sentence() {
    let legacy = fixture("bottleneck_legacy.pt");
    let cases: [(Vec<u8>, &str); 20] = [
        (legacy[..legacy.len() - 1].to_vec(), "cut short"),
        (legacy[..400].to_vec(), "damaged"),
        ([&legacy[..18], b"\xea", &legacy[19..]].concat(), "version"),
        (fixture("refused_int32.pt"), "I32"),
        (fixture("refused_int32.safetensors"), "I32"),
        (pickled(b"\x80\x02cposix\nsystem\nX\x04\0\0\0echo\x85R."), "no dictionary"),
        (pickled(b"\x80\x02cbuiltins\neval\n."), "no dictionary"),
        (pickled(b"\x80\x02(S'echo'\nios\nsystem\n."), "no dictionary"),
        (pickled(b"\x80\x02}\x93."), "damaged"),
        (pickled(b"\x80\x06}."), "protocol 6"),
        (pickled(b"\x80\x02}."), "no tensors"),
        (pickled(b"\x80\x02}X\x05\0\0\0epochK\x03s."), "its keys are `epoch`"),
        (pickled(b"\x80\x02K\x03."), "no dictionary"),
        (zip(&[("word/document.xml", b"<a/>")]), "without the entry `data.pkl`"),
        (b"<!DOCTYPE html><html>".to_vec(), "web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:".to_vec(), "Git LFS"),
        (b"".to_vec(), "only 0 bytes"),
        (b"\x89PNG\r\n\x1a\n12345678".to_vec(), "does not begin"),
        (fixture("basic.safetensors").split_last().unwrap().1.to_vec(), "cut short"),
        (fixture("basic.pt").split_last().unwrap().1.to_vec(), "cut short"),
    ];
    for (file, expected) in cases {
        let start = String::from_utf8_lossy(&file[..file.len().min(40)]).into_owned();
        let error = Checkpoint::read(file).expect_err(&start).to_string();
        assert!(error.contains(expected), "{start}\nexpected: {expected}\n     got: {error}");
    }
}
