//! Networks of inverted residuals, beyond what PyTorch computed of them (`photonet.rs`): that they
//! are recognised, what is refused, what is assumed and can be changed, and that everything above
//! the network works with them.

use gradlens::checkpoint::{Architecture, Conventions, Dtype, Padding, convert};
use gradlens::explain::LAST_LAYER;
use gradlens::{Checkpoint, Error, Explainer, Method, Network, Objective, Preprocessing, Question};
use pollster::block_on;

mod common;
use common::golden_weights::{StateDict, to_safetensors};
use common::mobilenet_weights::{FAMILIES, Library, random_state_dict};
use common::random::Random;

const SIDE: usize = 64;

fn state(name: &str) -> StateDict {
    random_state_dict(FAMILIES.iter().find(|family| family.name == name).unwrap(), 3)
}

fn read(state: &StateDict) -> Result<Network, Error> {
    Network::from_checkpoint(&Checkpoint::read(to_safetensors(state, Dtype::F32)).unwrap())
}

fn explainer(network: &Network) -> Explainer {
    let mut explainer =
        block_on(Explainer::new()).expect("the tests need a Vulkan, Metal or DX12 driver");
    block_on(explainer.load(network, Preprocessing::default())).unwrap();
    explainer
}

fn input() -> Vec<f32> {
    Random::new(5).values(3 * SIDE * SIDE, false)
}

#[test]
fn every_family_is_recognised() {
    let names = [
        ("mobilenet_v2", "MobileNetV2", 17),
        ("mobilenet_v2_half", "MobileNetV2, width 0.50", 17),
        ("mobilenetv2_100", "MobileNetV2", 17),
        ("efficientnet_lite0", "EfficientNet-Lite0", 16),
        ("tf_efficientnet_lite0", "EfficientNet-Lite0", 16),
        ("tf_efficientnet_lite1", "EfficientNet-Lite1", 21),
        ("efficientnet_lite2", "EfficientNet-Lite2", 21),
        ("tf_efficientnet_lite3", "EfficientNet-Lite3", 24),
        ("efficientnet_lite4", "EfficientNet-Lite4", 30),
    ];
    for family in &FAMILIES {
        let network = read(&random_state_dict(family, 3)).unwrap();
        let &(_, name, blocks) = names.iter().find(|(known, ..)| *known == family.name).unwrap();
        assert_eq!(network.architecture.name(), name, "{}", family.name);
        assert_eq!(
            network.architecture.blocks().len(),
            blocks + 1,
            "{}: blocks and the head",
            family.name
        );
        assert_eq!(network.architecture.classes(), 1000);
        // timm's names do not tell TensorFlow's padding from PyTorch's, so the usual one is
        // assumed, and said to be.
        assert_eq!(network.conventions, Conventions::PYTORCH);
        assert_eq!(network.conventions_assumed, family.library == Library::Timm);
    }
}

#[test]
fn layers_are_named_by_stage() {
    let network = read(&state("efficientnet_lite0")).unwrap();
    let architecture = &network.architecture;
    let layers = architecture.layers();
    assert_eq!(layers[..5], ["blocks.0.0", "blocks.0", "blocks.1.0", "blocks.1.1", "blocks.1"]);
    assert_eq!(layers.last().unwrap(), "head");
    assert_eq!(architecture.main_layers().len(), 8);
    assert_eq!(architecture.pooled_layer(), "head");
    let mut explainer = explainer(&network);
    block_on(explainer.logits_of(&input(), SIDE, SIDE)).unwrap();
    let last = block_on(explainer.explain(None, LAST_LAYER, Method::GradCam)).unwrap();
    let head = block_on(explainer.explain(None, "head", Method::GradCam)).unwrap();
    assert_eq!((last.layer.as_str(), &last.cam), ("head", &head.cam));
    let stage = block_on(explainer.explain(None, "blocks.2", Method::GradCam)).unwrap();
    let block = block_on(explainer.explain(None, "blocks.2.1", Method::GradCam)).unwrap();
    assert_eq!(stage.cam, block.cam);
    let wrong = block_on(explainer.explain(None, "layer4", Method::GradCam)).unwrap_err();
    assert!(matches!(wrong, Error::UnknownLayer { .. }), "{wrong}");
}

/// The names of the package: those of timm with a number through all stages.
fn as_the_package_names_it(timm: StateDict) -> StateDict {
    let blocks: Vec<String> = read(&timm).unwrap().architecture.blocks();
    let rename = |name: &str| {
        let number = blocks.iter().position(|block| name.starts_with(&format!("{block}.")));
        let Some(number) = number else {
            return match name.split_once('.').unwrap() {
                ("conv_stem", part) => format!("_conv_stem.{part}"),
                ("bn1", part) => format!("_bn0.{part}"),
                ("conv_head", part) => format!("_conv_head.{part}"),
                ("bn2", part) => format!("_bn1.{part}"),
                (_, part) => format!("_fc.{part}"),
            };
        };
        let (layer, part) = name[blocks[number].len() + 1..].split_once('.').unwrap();
        let layer = match (number, layer) {
            (0, "conv_dw") | (1.., "conv_dw") => "_depthwise_conv",
            (0, "conv_pw") | (1.., "conv_pwl") => "_project_conv",
            (_, "conv_pw") => "_expand_conv",
            (0, "bn1") | (1.., "bn2") => "_bn1",
            (0, "bn2") | (1.., "bn3") => "_bn2",
            _ => "_bn0",
        };
        format!("_blocks.{number}.{layer}.{part}")
    };
    timm.into_iter().map(|(name, tensor)| (rename(&name), tensor)).collect()
}

#[test]
fn names_of_the_package_tell_its_conventions() {
    let timm = state("tf_efficientnet_lite0");
    let mut told = read(&timm).unwrap();
    told.set_conventions(Conventions::TENSORFLOW);
    let network = read(&as_the_package_names_it(timm)).unwrap();
    assert_eq!(
        (network.conventions, network.conventions_assumed),
        (Conventions::TENSORFLOW, false)
    );
    assert_eq!(network.stem.padding, Padding::Same);
    assert_eq!(network.architecture, told.architecture);
    for (a, b) in network.convs().zip(told.convs()) {
        assert_eq!(
            (&a.scale, &a.bias, a.stride, a.padding),
            (&b.scale, &b.bias, b.stride, b.padding),
            "{}",
            a.name
        );
    }
}

/// What was assumed can be changed while the network runs, without its file, and changed back.
#[test]
fn conventions_change_the_network_that_runs() {
    let network = read(&state("tf_efficientnet_lite0")).unwrap();
    let mut told = read(&state("tf_efficientnet_lite0")).unwrap();
    told.set_conventions(Conventions::TENSORFLOW);
    let logits =
        |explainer: &mut Explainer| block_on(explainer.logits_of(&input(), SIDE, SIDE)).unwrap();
    let (pytorch, tensorflow) = (logits(&mut explainer(&network)), logits(&mut explainer(&told)));
    assert_ne!(pytorch, tensorflow);
    let mut explainer = explainer(&network);
    let memory = |explainer: &mut Explainer| {
        logits(explainer);
        explainer.memory()
    };
    let before = memory(&mut explainer);
    explainer.set_conventions(Conventions::TENSORFLOW).unwrap();
    // Told, no longer assumed.
    assert_eq!(explainer.conventions(), Some((Conventions::TENSORFLOW, false)));
    assert_eq!(logits(&mut explainer), tensorflow);
    explainer.set_conventions(Conventions::PYTORCH).unwrap();
    assert_eq!(logits(&mut explainer), pytorch);
    assert_eq!(memory(&mut explainer), before);
}

#[test]
fn what_is_another_network_is_refused_by_name() {
    let refused = |change: &dyn Fn(&mut StateDict)| {
        let mut state = state("efficientnet_lite0");
        change(&mut state);
        match read(&state) {
            Err(Error::UnsupportedNetwork { detail }) => detail,
            other => panic!("{:?}", other.map(|network| network.architecture)),
        }
    };
    let excites = refused(&|state| {
        state
            .insert("blocks.0.0.se.conv_reduce.weight".into(), (vec![8, 32, 1, 1], vec![0.0; 256]));
    });
    assert!(
        excites.english.contains("squeeze and excite")
            && excites.english.contains("blocks.0.0.se.conv_reduce"),
        "{excites}"
    );
    // MnasNet's second stage widens three times.
    let widens = refused(&|state| {
        for name in ["conv_pw.weight", "conv_dw.weight"] {
            let (shape, values) = state.get_mut(&format!("blocks.1.0.{name}")).unwrap();
            shape[0] /= 2;
            values.truncate(values.len() / 2);
        }
    });
    assert!(
        widens.english.contains("MnasNet") && widens.english.contains("`blocks.1.0`"),
        "{widens}"
    );
    let stages = refused(&|state| state.retain(|name, _| !name.starts_with("blocks.6.")));
    assert!(stages.english.contains("6 stages"), "{stages}");
}

#[test]
fn the_tensor_that_is_wrong_is_named() {
    let with = |change: &dyn Fn(&mut StateDict)| {
        let mut state = state("mobilenet_v2_half");
        change(&mut state);
        read(&state).unwrap_err()
    };
    let missing = with(&|state| drop(state.remove("features.4.conv.1.0.weight")));
    assert!(
        matches!(missing, Error::TensorMissing { ref name, .. } if name == "features.4.conv.1.0.weight"),
        "{missing}"
    );
    let missing = with(&|state| drop(state.remove("classifier.1.weight")));
    assert!(
        matches!(missing, Error::TensorMissing { ref name, .. } if name == "classifier.1.weight"),
        "{missing}"
    );
    let shape = with(&|state| {
        let (shape, values) = state.get_mut("features.18.0.weight").unwrap();
        shape[1] -= 1;
        values.truncate(shape.iter().product());
    });
    assert!(
        matches!(shape, Error::TensorShape { ref name, .. } if name == "features.18.0.weight"),
        "{shape}"
    );
    let unexpected = with(&|state| drop(state.insert("aux.weight".into(), (vec![1], vec![0.0]))));
    assert!(
        matches!(unexpected, Error::TensorUnexpected { ref name, .. } if name == "aux.weight"),
        "{unexpected}"
    );
    let negative =
        with(&|state| state.get_mut("features.1.conv.0.1.running_var").unwrap().1[0] = -1.0);
    assert!(matches!(negative, Error::TensorNegative { .. }), "{negative}");
}

/// Fine-tuned heads: a linear layer alone, behind drop-out, with other classes.
#[test]
fn heads_of_ones_own() {
    for name in ["classifier", "classifier.1", "classifier.2"] {
        let mut state = state("mobilenet_v2_half");
        let [(_, weight), (_, bias)] =
            ["weight", "bias"].map(|part| state.remove(&format!("classifier.1.{part}")).unwrap());
        state.insert(format!("{name}.weight"), (vec![5, 1280], weight[..5 * 1280].to_vec()));
        state.insert(format!("{name}.bias"), (vec![5], bias[..5].to_vec()));
        let network = read(&state).unwrap();
        assert_eq!((network.architecture.classes(), network.fc.name.as_str()), (5, name));
    }
}

/// In pieces, in f16 and in i8: the same network as from the whole file, or one near to it.
#[test]
fn weights_arrive_in_pieces_and_smaller() {
    let state = state("mobilenet_v2_half");
    let file = to_safetensors(&state, Dtype::F32);
    let mut explainer = explainer(&read(&state).unwrap());
    let exact = block_on(explainer.logits_of(&input(), SIDE, SIDE)).unwrap();
    let scale = exact.iter().fold(0f32, |most, value| most.max(value.abs()));
    let checkpoint = Checkpoint::read(file.clone()).unwrap();
    // Random networks amplify rounding more than trained ones do: measured 3e-3 and 6e-2.
    for (file, tolerance) in [
        (file, 0.0),
        (convert(&checkpoint, Dtype::F16).unwrap(), 2e-2),
        (convert(&checkpoint, Dtype::I8).unwrap(), 3e-1),
    ] {
        let mut loader = explainer.loader(Some(file.len()));
        file.chunks(10_007).for_each(|piece| loader.push(piece).unwrap());
        explainer.install(loader.finish().unwrap(), Preprocessing::default()).unwrap();
        let logits = block_on(explainer.logits_of(&input(), SIDE, SIDE)).unwrap();
        let miss =
            logits.iter().zip(&exact).fold(0f32, |most, (a, b)| most.max((a - b).abs())) / scale;
        println!("{} bytes: {miss:.1e} of the largest logit", file.len());
        assert!(miss <= tolerance, "{miss}");
    }
}

/// At the layer that is pooled the gradient is the same everywhere, so that three methods agree;
/// and it is the classifier's weight.
#[test]
fn methods_that_coincide_at_the_pooled_layer() {
    let network = read(&state("mobilenet_v2_half")).unwrap();
    let weight = network.fc.weight.to_f32();
    let mut explainer = explainer(&network);
    block_on(explainer.logits_of(&input(), SIDE, SIDE)).unwrap();
    let gradient = block_on(explainer.gradient(Some(7), LAST_LAYER)).unwrap();
    let positions = gradient.height * gradient.width;
    for (k, plane) in gradient.planes.chunks_exact(positions).enumerate() {
        let expected = weight[7 * 1280 + k] / positions as f32;
        assert!(
            plane.iter().all(|g| (g - expected).abs() <= 1e-6 * expected.abs().max(1e-3)),
            "channel {k}"
        );
    }
    let cam = block_on(explainer.explain(Some(7), LAST_LAYER, Method::GradCam)).unwrap().cam.values;
    for method in [Method::HiResCam, Method::XGradCam] {
        let other = block_on(explainer.explain(Some(7), LAST_LAYER, method)).unwrap().cam.values;
        let scale = cam.iter().fold(0f32, |most, value| most.max(value.abs()));
        assert!(cam.iter().zip(&other).all(|(a, b)| (a - b).abs() <= 1e-5 * scale), "{method}");
    }
}

/// Slow methods, guided backpropagation, neurons and the sanity check; the photo and the weights
/// are afterwards what they were.
#[test]
fn what_looks_closer_leaves_everything_as_it_was() {
    let network = read(&state("mobilenet_v2_half")).unwrap();
    let mut on_cpu = Explainer::on_cpu();
    block_on(on_cpu.load(&network, Preprocessing::default())).unwrap();
    look_closer(explainer(&network));
    look_closer(on_cpu);
}

fn look_closer(mut explainer: Explainer) {
    let before = block_on(explainer.logits_of(&input(), SIDE, SIDE)).unwrap();
    let go_on = &mut |_: usize, _: usize| true;
    let question = |layer: &str, method| Question {
        class: Some(3),
        layers: vec![layer.into()],
        method,
        channels: Some(5),
        ..Default::default()
    };
    for method in [Method::ScoreCam, Method::AblationCam] {
        for layer in ["blocks.2", "head"] {
            let map = block_on(explainer.ask(&question(layer, method), go_on)).unwrap().unwrap();
            assert!(map.cam.values.iter().all(|value| value.is_finite()), "{method} {layer}");
        }
    }
    let guided = block_on(explainer.guided(Some(3), Objective::Logit)).unwrap();
    assert!(guided.values.iter().any(|&value| value != 0.0));
    let neurons = block_on(explainer.neurons(Some(3), Objective::Logit, 3, 2)).unwrap();
    assert_eq!(neurons.speak_for.len(), 3);
    let asked = question(LAST_LAYER, Method::GradCam);
    let scrambled = block_on(explainer.randomise(&asked, go_on)).unwrap();
    let parts = explainer.parts();
    assert_eq!(parts.first().map(String::as_str), Some("classifier"));
    assert_eq!(parts.last().map(String::as_str), Some("conv_stem"));
    if let Some(scrambled) = scrambled {
        assert!(
            scrambled[0].correlation < 0.9,
            "another classifier, another map: {}",
            scrambled[0].correlation
        );
        assert_eq!(
            scrambled.iter().map(|round| &round.part).collect::<Vec<_>>(),
            parts.iter().collect::<Vec<_>>()
        );
    }
    let fused = Question { layers: vec!["blocks.2".into(), "last".into()], ..asked };
    let fused = block_on(explainer.ask(&fused, go_on)).unwrap().unwrap();
    assert_eq!(fused.layer, "blocks.2+head");
    assert_eq!(block_on(explainer.logits_of(&input(), SIDE, SIDE)).unwrap(), before);
    assert!(matches!(explainer.architecture(), Some(Architecture::MobileNet(_))));
}
