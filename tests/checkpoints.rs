//! Checkpoints as people have them: every row of `docs/checkpoints.md` loads, and is the network
//! that it should be. What looks like such a network and is none is refused by name.

use std::collections::BTreeSet;
use std::path::Path;

use gradlens::checkpoint::{Block, Conventions, Dtype, Note};
use gradlens::{Checkpoint, Error, Explainer, Network, Preprocessing, Result};
use pollster::block_on;

mod common;
use common::golden_weights::{StateDict, architecture, random_state_dict, to_safetensors};
use common::torch_file::to_torch_file;

const CLASSES: usize = 5;

/// A small bottleneck ResNet of 256 features.
fn state() -> StateDict {
    random_state_dict(&architecture(Block::Bottleneck, [1, 1, 1, 1], 8, 1, 8, CLASSES), 3)
}

fn renamed(state: &StateDict, rename: impl Fn(&str) -> String) -> StateDict {
    state.iter().map(|(name, tensor)| (rename(name), tensor.clone())).collect()
}

/// The body under one prefix, the classifier under another name.
fn under(body: &str, head: &str) -> StateDict {
    renamed(&state(), |name| match name.strip_prefix("fc.") {
        Some(part) => format!("{head}.{part}"),
        None => format!("{body}{name}"),
    })
}

fn put(state: &mut StateDict, name: &str, shape: &[usize], value: impl Fn(usize) -> f32) {
    let values = (0..shape.iter().product()).map(value).collect();
    state.insert(name.into(), (shape.to_vec(), values));
}

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/weights").join(name))
        .unwrap()
}

fn network(file: Vec<u8>) -> Result<Network> {
    Network::from_checkpoint(&Checkpoint::read(file)?)
}

fn network_of(state: &StateDict) -> Result<Network> {
    network(to_safetensors(state, Dtype::F32))
}

/// The logits of a fixed input.
fn logits(network: &Network) -> Vec<f32> {
    let mut explainer = Explainer::on_cpu();
    block_on(explainer.load(network, Preprocessing::default())).unwrap();
    let input: Vec<f32> =
        (0..3 * 40 * 37).map(|i| ((i * 7919 % 1000) as f32 / 250.0) - 2.0).collect();
    block_on(explainer.logits_of(&input, 40, 37)).unwrap()
}

/// The means of the last layer, which the head reads: the logits of a classifier that is the
/// identity.
fn pooled() -> Vec<f32> {
    let mut state = state();
    put(&mut state, "fc.weight", &[256, 256], |i| if i / 256 == i % 256 { 1.0 } else { 0.0 });
    put(&mut state, "fc.bias", &[256], |_| 0.0);
    logits(&network_of(&state).unwrap())
}

fn near(found: &[f32], expected: &[f32]) {
    let scale = expected.iter().fold(0f32, |most, value| most.max(value.abs()));
    assert_eq!(found.len(), expected.len());
    // f32 sums of 256 terms in two orders: measured 4e-7.
    let all = found.iter().zip(expected).all(|(a, b)| (a - b).abs() <= 1e-5 * scale);
    assert!(all, "{found:?} instead of {expected:?}");
}

fn value(i: usize) -> f32 {
    ((i * 31 % 17) as f32 - 8.0) / 16.0
}

/// y = W x + b with the numbers of [`value`].
fn linear(x: &[f32], rows: usize) -> Vec<f32> {
    let term = |row: usize, k: usize| value(row * x.len() + k) * x[k];
    (0..rows).map(|row| (0..x.len()).map(|k| term(row, k)).sum::<f32>() + value(row)).collect()
}

/// Puts the weight and bias of [`linear`] into a state dict.
fn put_linear(state: &mut StateDict, name: &str, [rows, columns]: [usize; 2]) {
    put(state, &format!("{name}.weight"), &[rows, columns], value);
    put(state, &format!("{name}.bias"), &[rows], value);
}

/// `nn.BatchNorm1d` of mean ½, variance 4 and weight 3.
fn put_norm(state: &mut StateDict, name: &str, features: usize) {
    for (part, number) in
        [("weight", 3.0), ("bias", -0.25), ("running_mean", 0.5), ("running_var", 4.0)]
    {
        put(state, &format!("{name}.{part}"), &[features], |_| number);
    }
}

fn norm(x: &[f32]) -> Vec<f32> {
    x.iter().map(|x| (x - 0.5) / (4.0f32 + 1e-5).sqrt() * 3.0 - 0.25).collect()
}

fn relu(x: &[f32]) -> Vec<f32> {
    x.iter().map(|x| x.max(0.0)).collect()
}

fn without_head() -> StateDict {
    let mut state = state();
    state.retain(|name, _| !name.starts_with("fc."));
    state
}

/// The first column of the table, and what shows it.
type Row = (&'static str, Box<dyn Fn()>);

fn rows() -> Vec<Row> {
    fn same(state: StateDict) {
        let expected = logits(&network_of(&self::state()).unwrap());
        for file in [to_safetensors(&state, Dtype::F32), to_torch_file(&state)] {
            assert_eq!(logits(&network(file).unwrap()), expected);
        }
    }
    fn of_file(name: &str) {
        let expected = logits(&network(fixture("basic_f16.pt")).unwrap());
        let found = network(fixture(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(logits(&found), expected, "{name}");
    }
    vec![
        ("State dict", Box::new(|| same(state()))),
        ("Training checkpoint under any key", Box::new(|| of_file("beside.pt"))),
        (
            "Things beside the weights",
            Box::new(|| {
                of_file("beside.pt");
                assert!(!Path::new("EXECUTED").exists(), "the file's code ran");
            }),
        ),
        ("Whole module", Box::new(|| of_file("module.pt"))),
        ("Saved before PyTorch 1.6", Box::new(|| of_file("module_legacy.pt"))),
        ("TorchScript", Box::new(|| of_file("torchscript.pt"))),
        (
            "Any wrapper",
            Box::new(|| {
                for prefix in ["student.", "module.timm_model.", "a.b.c.", "0."] {
                    same(renamed(&state(), |name| format!("{prefix}{name}")));
                }
            }),
        ),
        (
            "Body and head under two names",
            Box::new(|| {
                for (body, head) in
                    [("encoder.", "linear"), ("model.backbone.", "model.head.fc"), ("0.", "1")]
                {
                    same(under(body, head));
                }
            }),
        ),
        (
            "Sequential of children",
            Box::new(|| {
                let parts = ["conv1", "bn1", "", "", "layer1", "layer2", "layer3", "layer4"];
                let numbered = |name: &str| {
                    let (part, rest) = name.split_once('.').unwrap();
                    match parts.iter().position(|known| *known == part) {
                        Some(number) => format!("features.{number}.{rest}"),
                        None => format!("classifier.{rest}"),
                    }
                };
                same(renamed(&state(), numbered));
            }),
        ),
        (
            "Stem in a part of its own",
            Box::new(|| {
                same(renamed(&state(), |name| {
                    name.replace("conv1.weight", "conv1:weight")
                        .replacen(
                            "bn1.",
                            if name.starts_with("bn1.") { "layer0.1." } else { "bn1." },
                            1,
                        )
                        .replacen(
                            "conv1:",
                            if name.starts_with("conv1.") { "layer0.0." } else { "conv1." },
                            1,
                        )
                }));
            }),
        ),
        (
            "Classifier of another name",
            Box::new(|| {
                for head in ["head", "last_linear", "fc.drop.out", "new.0"] {
                    same(under("", head));
                }
                let mut state = state();
                let expected = logits(&network_of(&state).unwrap());
                let (_, bias) = state.remove("fc.bias").unwrap();
                let found = logits(&network_of(&state).unwrap());
                near(
                    &found.iter().zip(bias).map(|(logit, bias)| logit + bias).collect::<Vec<_>>(),
                    &expected,
                );
            }),
        ),
        ("Hidden layer in the classifier", Box::new(hidden_layers)),
        ("Batch norm in the classifier", Box::new(batch_norms)),
        ("Averaged weights beside raw ones", Box::new(averaged)),
        (
            "Tensors of losses and metrics",
            Box::new(|| {
                let mut beside = renamed(&state(), |name| format!("model.{name}"));
                put(&mut beside, "criterion.pos_weight", &[5], value);
                put(&mut beside, "val_acc.confmat", &[5, 5], value);
                put(&mut beside, "class_weights", &[5], value);
                let network = network_of(&beside).unwrap();
                assert!(matches!(
                    network.notes(),
                    [Note::Ignored { count: 3, .. }, Note::Assumed(_)]
                ));
                same(beside);
            }),
        ),
        (
            "Normalize inside the network",
            Box::new(|| {
                let mut inside = renamed(&state(), |name| format!("model.{name}"));
                put(&mut inside, "normalize.mean", &[1, 3, 1, 1], |channel| {
                    [0.4, 0.41, 0.42][channel]
                });
                put(&mut inside, "normalize.std", &[1, 3, 1, 1], |_| 0.25);
                let usual = network_of(&inside).unwrap().usual_preprocessing();
                assert_eq!((usual.mean, usual.std), ([0.4, 0.41, 0.42], [0.25; 3]));
                // Of numbers in 0..255.
                put(&mut inside, "normalize.mean", &[3, 1, 1], |_| 127.5);
                put(&mut inside, "normalize.std", &[3, 1, 1], |_| 51.0);
                let usual = network_of(&inside).unwrap().usual_preprocessing();
                assert_eq!((usual.mean, usual.std), ([0.5; 3], [0.2; 3]));
            }),
        ),
        (
            "One grey channel",
            Box::new(|| {
                // The sum of three equal channels' filters is the one filter.
                let (mut grey, mut colours) = (state(), state());
                put(&mut grey, "conv1.weight", &[8, 1, 7, 7], value);
                put(&mut colours, "conv1.weight", &[8, 3, 7, 7], |i| {
                    value(i / 147 * 49 + i % 49) / 3.0
                });
                let (grey, colours) = (network_of(&grey).unwrap(), network_of(&colours).unwrap());
                assert!(grey.usual_preprocessing().grey && grey.notes().contains(&Note::Grey));
                near(&logits(&grey), &logits(&colours));
            }),
        ),
        (
            "Bias before a batch norm",
            Box::new(|| {
                let (mut biased, mut moved) = (state(), state());
                put(&mut biased, "conv1.bias", &[8], value);
                let means = &mut moved.get_mut("bn1.running_mean").unwrap().1;
                means.iter_mut().enumerate().for_each(|(i, mean)| *mean -= value(i));
                near(&logits(&network_of(&biased).unwrap()), &logits(&network_of(&moved).unwrap()));
            }),
        ),
    ]
}

#[test]
fn every_row_of_the_table_loads() {
    let table = include_str!("../docs/checkpoints.md");
    let listed: BTreeSet<&str> = table
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(" |").next())
        .filter(|title| *title != "What")
        .collect();
    let rows = rows();
    assert_eq!(
        listed,
        rows.iter().map(|(title, _)| *title).collect(),
        "the table, and what is checked"
    );
    for (title, check) in rows {
        println!("{title}");
        check();
    }
}

fn hidden_layers() {
    let pooled = pooled();
    for (first, second) in [("fc.0", "fc.2"), ("fc.1", "fc.4"), ("head.fc1", "head.fc2")] {
        let mut state = without_head();
        put_linear(&mut state, first, [12, 256]);
        put_linear(&mut state, second, [CLASSES, 12]);
        let network = network_of(&state).unwrap();
        assert!(network.notes().iter().any(|note| matches!(note, Note::ReluAssumed { .. })));
        near(&logits(&network), &linear(&relu(&linear(&pooled, 12)), CLASSES));
    }
    // Nothing is left out between 0 and 1.
    let mut state = without_head();
    put_linear(&mut state, "fc.0", [12, 256]);
    put_linear(&mut state, "fc.1", [CLASSES, 12]);
    near(&logits(&network_of(&state).unwrap()), &linear(&linear(&pooled, 12), CLASSES));
    let mut state = without_head();
    put_linear(&mut state, "fc.0", [12, 256]);
    put_linear(&mut state, "fc.2", [7, 12]);
    put_linear(&mut state, "fc.10", [CLASSES, 7]);
    near(
        &logits(&network_of(&state).unwrap()),
        &linear(&relu(&linear(&relu(&linear(&pooled, 12)), 7)), CLASSES),
    );
}

fn batch_norms() {
    let pooled = pooled();
    let mut state = without_head();
    put_norm(&mut state, "fc.0", 256);
    put_linear(&mut state, "fc.2", [CLASSES, 256]);
    near(&logits(&network_of(&state).unwrap()), &linear(&norm(&pooled), CLASSES));
    // Linear, ReLU, norm; and linear, norm, ReLU.
    for (place, relu_first) in [(2, true), (1, false)] {
        let mut state = without_head();
        put_linear(&mut state, "fc.0", [12, 256]);
        put_norm(&mut state, &format!("fc.{place}"), 12);
        put_linear(&mut state, "fc.3", [CLASSES, 12]);
        let hidden = linear(&pooled, 12);
        let hidden = if relu_first { norm(&relu(&hidden)) } else { relu(&norm(&hidden)) };
        let file = to_safetensors(&state, Dtype::F32);
        let network = network(file.clone()).unwrap();
        near(&logits(&network), &linear(&hidden, CLASSES));
        // In pieces: a weight that is computed from two tensors can't go up as it arrives.
        let mut explainer = Explainer::on_cpu();
        let mut loader = explainer.loader(Some(file.len()));
        file.chunks(1001).for_each(|piece| loader.push(piece).unwrap());
        explainer.install(loader.finish().unwrap(), Preprocessing::default()).unwrap();
        let input: Vec<f32> =
            (0..3 * 40 * 37).map(|i| ((i * 7919 % 1000) as f32 / 250.0) - 2.0).collect();
        assert_eq!(block_on(explainer.logits_of(&input, 40, 37)).unwrap(), logits(&network));
    }
}

fn averaged() {
    let (raw, averaged) =
        (state(), random_state_dict(&architecture(Block::Bottleneck, [1, 1, 1, 1], 8, 1, 8, 5), 4));
    let mut both = renamed(&raw, |name| format!("model.{name}"));
    both.extend(renamed(&averaged, |name| format!("model_ema.module.{name}")));
    let file = to_safetensors(&both, Dtype::F32);
    let checkpoint = Checkpoint::read(file.clone()).unwrap();
    assert_eq!(checkpoint.choices(), ("model_ema.module", &["model".to_owned()][..]));
    let network = Network::from_checkpoint(&checkpoint).unwrap();
    assert!(
        network.notes()[0].to_string().contains("`model_ema.module` was taken"),
        "{:?}",
        network.notes()
    );
    assert_eq!(logits(&network), logits(&network_of(&averaged).unwrap()));
    let chosen = Checkpoint::read_choice(file.clone(), Some("model")).unwrap();
    assert_eq!(
        logits(&Network::from_checkpoint(&chosen).unwrap()),
        logits(&network_of(&raw).unwrap())
    );
    assert!(matches!(
        Checkpoint::read_choice(file, Some("teacher")),
        Err(Error::UnknownChoice { .. })
    ));
}

/// What changes what is computed must not be passed over.
#[test]
fn what_is_another_network_is_refused_by_name() {
    let said = |change: &dyn Fn(&mut StateDict)| {
        // The classifier beside the body: what else is there may stand between them.
        let mut state = under("backbone.", "fc");
        change(&mut state);
        network_of(&state).err().map(|error| error.to_string()).expect("refused")
    };
    type Change = fn(&mut StateDict);
    let cases: [(Change, &str); 9] = [
        (
            |s| put(s, "backbone.layer1.0.se.conv.weight", &[1, 1, 3], value),
            "layer1.0.se.conv.weight",
        ),
        (|s| put(s, "backbone.maxpool.1.filt", &[8, 1, 3, 3], value), "maxpool.1.filt"),
        (|s| put(s, "pool.p", &[1], value), "pool.p"),
        (|s| put(s, "neck.conv.weight", &[8, 8, 3, 3], value), "neck.conv.weight"),
        (|s| put_linear(s, "age", [3, 256]), "two classifiers"),
        (|s| s.retain(|name, _| !name.starts_with("fc.")), "no classifier"),
        (
            |s| {
                s.retain(|name, _| !name.starts_with("fc."));
                put_linear(s, "head", [5, 512]);
            },
            "512 numbers of 256 channels",
        ),
        (
            |s| {
                s.retain(|name, _| !name.starts_with("fc."));
                put_linear(s, "projector.0", [64, 256]);
            },
            "self-supervised",
        ),
        (|s| put(s, "backbone.conv1.weight", &[8, 5, 7, 7], value), "5 channels"),
    ];
    for (change, words) in cases {
        let said = said(&change);
        assert!(said.contains(words), "{words:?} is not in {said:?}");
    }
}

/// Strides and dilation where torchvision and Caffe have them: the same positions, and another
/// network than without.
#[test]
fn conventions_of_resnets_change_what_is_computed() {
    let usual = network_of(&state()).unwrap();
    let of = |conventions| {
        let mut network = usual.clone();
        network.set_conventions(conventions);
        network
    };
    let rows = |network: &Network| {
        let mut explainer = Explainer::on_cpu();
        block_on(explainer.load(network, Preprocessing::default())).unwrap();
        block_on(explainer.logits_of(&vec![0.5; 3 * 64 * 64], 64, 64)).unwrap();
        block_on(explainer.activations("layer4")).unwrap().height
    };
    let strided = of(Conventions { stride_in_1x1: true, ..Conventions::PYTORCH });
    assert_eq!([rows(&usual), rows(&strided)], [2, 2]);
    assert_ne!(logits(&strided), logits(&usual));
    for (output_stride, side) in [(16, 4), (8, 8)] {
        assert_eq!(rows(&of(Conventions { output_stride, ..Conventions::PYTORCH })), side);
    }
    // And back.
    let mut back =
        of(Conventions { output_stride: 8, stride_in_1x1: true, ..Conventions::PYTORCH });
    back.set_conventions(Conventions::PYTORCH);
    assert_eq!(logits(&back), logits(&usual));
}
