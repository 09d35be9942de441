//! The methods beyond the ten of `small.rs` and `photonet.rs`, against the packages that have them
//! in f64: `tests/golden/methods.safetensors`, which `make_methods.py` describes.
//!
//! A small ResNet and EfficientNet-Lite0 with its trained weights, at two layers each, on the GPU
//! and on the processor. Every tensor of the file is compared.

use gradlens::explain::cam::MOST_POSITIONS;
use gradlens::explain::cam::{kernel_principal_component, rare_features};
use gradlens::image::heatmap::Cam;
use gradlens::{Explainer, Explanation, Method, Objective, Question};
use pollster::block_on;
use safetensors::SafeTensors;

mod common;
use common::golden_networks::{load, read};
use common::golden_weights::GOLDEN;

/// Hundreds of passes, which a software adapter would take minutes for.
const ON_THE_PROCESSOR: [&str; 5] =
    ["occlusion", "smooth-grad", "integrated-gradients", "ss-cam", "is-cam"];

/// Of ‖found − expected‖ / ‖expected‖. Fifty gradients of EfficientNet-Lite0's input cross many
/// jumps of its ReLU6s: PyTorch's own f32 is 2e-4 to 4e-4 from its f64 there, this 7e-4 and 8e-4. No
/// finer sum would help: in f64 with nothing of f32 but which ReLU6s are open (17 of 109 million at
/// the fifty points differ), PyTorch's integrated gradients are as far off as in f32, to the third
/// digit (3.51e-4). RefineCAM
/// is made of Grad-CAM++, which divides by sums that may be near zero where values have both signs:
/// at blocks.2 PyTorch's own f32 is 1.0e-2 away, this 8e-3.
fn tolerance(key: &str) -> f64 {
    let jumps = key.contains("integrated-gradients") || key.contains("smooth-grad");
    match key {
        _ if jumps && key.starts_with("lite0") => 2e-3,
        "lite0/blocks.2/refine-cam/logit/raw_sample" => 2e-2,
        _ => 1e-4,
    }
}

fn ask(
    explainer: &mut Explainer,
    method: Method,
    objective: Objective,
    layer: &str,
) -> Explanation {
    let question =
        Question { objective, layers: vec![layer.into()], method, ..Question::default() };
    block_on(explainer.ask(&question, &mut |_, _| true)).unwrap().unwrap()
}

fn length(values: impl Iterator<Item = f32>) -> f64 {
    values.map(|v| f64::from(v).powi(2)).sum::<f64>().sqrt()
}

fn check(on: &str, mut explainer: Explainer) {
    let bytes = read(&format!("{GOLDEN}/methods.safetensors"));
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let mut keys: Vec<&str> = file.names();
    keys.sort();
    let (mut loaded, mut failures) = ("", vec![]);
    for key in &keys {
        let [network, layer, method, objective, kind] = key.split('/').collect::<Vec<_>>()[..]
        else {
            panic!("nothing compares {key}")
        };
        let most = network == "lite0" || layer == "layer4" || method == "ss-cam";
        if !explainer.is_on_cpu() && most && ON_THE_PROCESSOR.contains(&method) {
            continue;
        }
        if network != loaded {
            load(&mut explainer, network);
            loaded = network;
        }
        let question = Question {
            objective: match objective {
                "probability" => Objective::Probability,
                _ => Objective::Logit,
            },
            layers: vec![layer.into()],
            method: method.parse().unwrap(),
            aug_smooth: objective == "aug",
            eigen_smooth: objective == "eigen",
            ..Question::default()
        };
        let found = block_on(explainer.ask(&question, &mut |_, _| true)).unwrap().unwrap();
        let Explanation { cam, heatmap: values, height, width, .. } = found;
        let mut found = match (objective, method) {
            ("aug", _) | (_, "refine-cam") => Cam { height, width, values },
            _ => cam,
        };
        let golden = file.tensor(key).unwrap();
        let expected: Vec<f32> =
            golden.data().as_chunks::<4>().0.iter().map(|&b| f32::from_le_bytes(b)).collect();
        if objective == "eigen" {
            // A principal component has no sign of its own: NumPy's may be the other one.
            let agreement: f32 = found.values.iter().zip(&expected).map(|(a, b)| a * b).sum();
            found.values.iter_mut().for_each(|v| *v *= agreement.signum());
        }
        let found = match kind {
            "raw" => {
                assert_eq!([found.height, found.width], golden.shape(), "{key}");
                found.values
            }
            // Of a large map: element j · size / 2048.
            _ => (0..2048).map(|j| found.values[j * found.values.len() / 2048]).collect(),
        };
        let gaps = found.iter().zip(&expected).map(|(a, b)| a - b);
        let error = length(gaps) / length(expected.iter().copied());
        if std::env::var("VERBOSE").is_ok() {
            println!("{on} {key:45} {error:.1e}");
        }
        if error.is_nan() || error > tolerance(key) {
            let (a, b) = (&found[..3], &expected[..3]);
            failures.push(format!("{on} {key}: error {error:.1e}; {a:?}… instead of {b:?}…"));
        }
    }
    println!("{on}: {} tensors compared", keys.len());
    assert!(failures.is_empty(), "{} failures\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn on_the_gpu() {
    check(
        "GPU",
        block_on(Explainer::new()).expect("the tests need a Vulkan, Metal or DX12 driver"),
    );
}

#[test]
fn on_the_processor() {
    check("CPU", Explainer::on_cpu());
}

/// Six photos are looked at, and the photo itself stays the last one, also after a stop.
#[test]
fn augmentation_smoothing_leaves_the_photo() {
    let mut explainer = Explainer::on_cpu();
    load(&mut explainer, "small");
    let plain = ask(&mut explainer, Method::GradCam, Objective::Logit, "layer3");
    let question = Question {
        layers: vec!["layer3".into()],
        method: Method::AblationCam,
        aug_smooth: true,
        ..Question::default()
    };
    let mut heard = vec![];
    let whole = block_on(explainer.ask(&question, &mut |done, of| {
        heard.push((done, of));
        true
    }));
    let whole = whole.unwrap().unwrap();
    assert_eq!(whole.question(), Question { class: Some(whole.class), ..question.clone() });
    assert!(heard.is_sorted() && heard[heard.len() - 1] == (6 * 128, 6 * 128), "{heard:?}");
    assert_eq!(block_on(explainer.estimate(&question)).unwrap().passes, 6 * 128);
    let once = Question { aug_smooth: false, ..question.clone() };
    let once = block_on(explainer.ask(&once, &mut |_, _| true)).unwrap().unwrap();
    assert!(once.heatmap != whole.heatmap);
    let stopped = block_on(explainer.ask(&question, &mut |done, _| done < 200)).unwrap();
    assert!(stopped.is_none());
    let after = ask(&mut explainer, Method::GradCam, Objective::Logit, "layer3");
    assert_eq!((after.cam, after.heatmap), (plain.cam, plain.heatmap));
}

/// Of a logit, ShapleyCAM is Grad-CAM, to the bit.
#[test]
fn shapley_cam_of_a_logit_is_grad_cam() {
    let mut explainer = Explainer::on_cpu();
    load(&mut explainer, "small");
    let mut cam = |method, objective| ask(&mut explainer, method, objective, "layer3").cam;
    for (objective, alike) in [(Objective::Logit, true), (Objective::Probability, false)] {
        let maps = [Method::ShapleyCam, Method::GradCam].map(|method| cam(method, objective));
        assert_eq!(maps[0] == maps[1], alike, "{objective}");
    }
}

/// Their noise and masks come from a seed: the same bits each time. They can be stopped, tell how
/// many passes they take, and leave the photo as it was.
#[test]
fn pixel_level_methods_repeat_themselves_and_can_be_stopped() {
    let mut explainer = Explainer::on_cpu();
    load(&mut explainer, "small");
    let before = ask(&mut explainer, Method::GradCam, Objective::Logit, "layer4").cam;
    for (method, passes) in [
        (Method::SmoothGrad, 50),
        (Method::IntegratedGradients, 50),
        (Method::Occlusion, 17 * 24),
        (Method::Rise, 1000),
    ] {
        // Asked for at several layers, it is still one map, of the input.
        let layers = vec!["layer3".into(), "layer4".into()];
        let question = Question { layers, method, ..Question::default() };
        let mut ask = |until: usize| {
            let mut heard = vec![];
            let answer = block_on(explainer.ask(&question, &mut |done, of| {
                heard.push((done, of));
                done < until
            }));
            (answer.unwrap(), heard)
        };
        let (first, heard) = ask(usize::MAX);
        let first = first.unwrap();
        assert_eq!((heard[0], heard[heard.len() - 1]), ((0, passes), (passes, passes)), "{method}");
        assert_eq!((first.layer.as_str(), first.layers.len()), ("input", 1));
        assert_eq!([first.cam.height, first.cam.width], [first.height, first.width]);
        assert!(!first.blank);
        assert_eq!(ask(usize::MAX).0.unwrap().cam, first.cam, "{method}");
        assert!(ask(1).0.is_none(), "{method}");
        let estimate = block_on(explainer.estimate(&question)).unwrap();
        assert_eq!(estimate.passes, passes);
        assert!(estimate.milliseconds > 0.0);
        // A few pixels that are far above all others do not leave these black.
        let hot = first.heatmap.iter().filter(|&&heat| heat > 0.999).count();
        assert!(hot * 200 > first.heatmap.len(), "{method}: {hot} pixels are hottest");
    }
    let after = ask(&mut explainer, Method::GradCam, Objective::Logit, "layer4").cam;
    assert_eq!(after, before);
}

/// What integrated gradients give to all pixels is what the score gains from a photo of the mean
/// colour to this one (axiom of completeness, section 3 of the paper).
#[test]
fn integrated_gradients_add_up() {
    let mut explainer = Explainer::on_cpu();
    load(&mut explainer, "small");
    let map = ask(&mut explainer, Method::IntegratedGradients, Objective::Logit, "input");
    let sum: f32 = map.cam.values.iter().sum();
    let photo = block_on(explainer.activations("input")).unwrap();
    let (height, width) = (photo.height, photo.width);
    let mut logit =
        |input: &[f32]| block_on(explainer.logits_of(input, height, width)).unwrap()[map.class];
    let gain = logit(&photo.planes) - logit(&vec![0.0; photo.planes.len()]);
    // Fifty points of a function with kinks: captum's own sum is as far off.
    assert!((sum - gain).abs() < 0.1 * gain.abs(), "{sum} instead of {gain}");
}

#[test]
fn features_that_are_everywhere_weigh_nothing() {
    // One channel is active at one position of ten, the other everywhere alike.
    let mut planes = vec![0.0; 10];
    planes[3] = 5.0;
    planes.extend([2.0; 10]);
    assert_eq!(rare_features(&planes, 10), [0.1, 0.0]);
}

/// Of more positions than the kernel matrix may have, some make the component: a map of twice as
/// many positions, each there twice, is the same map.
#[test]
fn the_kernel_component_of_many_positions() {
    let few = MOST_POSITIONS / 2 + 8;
    let wave = |at: usize, c: usize| (0.1 * at as f32).sin() * (1 + c) as f32 + (c as f32).cos();
    let planes: Vec<f32> = (0..3).flat_map(|c| (0..few).map(move |at| wave(at, c))).collect();
    let twice: Vec<f32> = planes.iter().flat_map(|&v| [v, v]).collect();
    let (a, b) =
        (kernel_principal_component(&planes, few), kernel_principal_component(&twice, 2 * few));
    for (at, v) in b.iter().enumerate() {
        assert!((v - a[at / 2]).abs() < 1e-5, "{at}: {v} instead of {}", a[at / 2]);
    }
    assert_eq!(kernel_principal_component(&[1.5; 12], 4), [0.0; 4]);
}
