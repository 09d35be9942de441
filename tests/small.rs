//! Every explanation of `grad-cam` at layers 2 to 4 on two photos, of a small network:
//! `tests/golden/small.safetensors`.
//!
//! A network small enough for the methods that need a pass a channel; `golden.rs` holds ResNet-50
//! against the same package. Every tensor of the file is compared. Both sides are rounded f32 of
//! the same formulas, f64 there: relative errors measured here are below 2e-5, tolerances five
//! times that unless a comment says otherwise.

use gradlens::explain::faithfulness::{Curve, NOISE, Randomized, STEPS, rank_correlation, ssim};
use gradlens::explain::localization;
use gradlens::image::heatmap::{self, Cam};
use gradlens::{
    Checkpoint, Explainer, Explanation, Fit, Method, Network, Objective, Photo, Preprocessing,
    Question,
};
use pollster::block_on;
use safetensors::SafeTensors;
use std::collections::HashMap;

mod common;
use common::golden_weights::{GOLDEN, network_of};
use common::method;

/// ‖found − expected‖ / ‖expected‖ of maps; largest difference of heatmaps in 0..1 and of
/// probabilities.
const TOLERANCE: f64 = 1e-4;

struct Golden {
    file: Vec<u8>,
    failures: Vec<String>,
    compared: usize,
}

impl Golden {
    fn read() -> Golden {
        let path = std::path::Path::new(GOLDEN).join("small.safetensors");
        let file = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        Golden { file, failures: vec![], compared: 0 }
    }

    fn tensors(&self) -> SafeTensors<'_> {
        SafeTensors::deserialize(&self.file).unwrap()
    }

    fn keys(&self, photo: &str) -> Vec<String> {
        let start = format!("{photo}/");
        let mut keys: Vec<_> = self
            .tensors()
            .names()
            .iter()
            .filter_map(|key| key.strip_prefix(&start))
            .map(String::from)
            .collect();
        keys.sort();
        keys
    }

    fn shape(&self, key: &str) -> Vec<usize> {
        self.tensors().tensor(key).unwrap().shape().to_vec()
    }

    fn bytes(&self, key: &str) -> Vec<u8> {
        self.tensors().tensor(key).unwrap().data().to_vec()
    }

    fn values(&self, key: &str) -> Vec<f32> {
        let bytes = self.bytes(key);
        bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect()
    }

    /// The likeliest class and the next, by photo.
    fn classes(&self) -> HashMap<String, [usize; 2]> {
        let (_, metadata) = SafeTensors::read_metadata(&self.file).unwrap();
        serde_json::from_str(&metadata.metadata().as_ref().unwrap()["classes"]).unwrap()
    }

    fn photo(&self, photo: &str) -> Photo {
        let key = format!("{photo}/image");
        let shape = self.shape(&key);
        Photo::new(shape[1], shape[0], self.bytes(&key))
    }

    /// With the network that is in the file.
    fn explainer(&self) -> Explainer {
        let mut explainer =
            block_on(Explainer::new()).expect("the tests need a Vulkan, Metal or DX12 driver");
        self.load(&mut explainer);
        explainer
    }

    fn load(&self, explainer: &mut Explainer) {
        let checkpoint = Checkpoint::read(network_of(&self.tensors())).unwrap();
        block_on(
            explainer
                .load(&Network::from_checkpoint(&checkpoint).unwrap(), Preprocessing::default()),
        )
        .unwrap();
    }

    /// Heatmaps and what is in 0..1 by their largest difference, the rest relative to its length.
    fn compare(&mut self, key: &str, found: &[f32], absolute: bool) {
        let expected = self.values(key);
        assert_eq!(found.len(), expected.len(), "{key}");
        let gap = |i: usize| f64::from((found[i] - expected[i]).abs());
        let worst = (0..found.len()).max_by(|&a, &b| gap(a).total_cmp(&gap(b))).unwrap();
        let length =
            |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
        let relative = length(&mut (0..found.len()).map(gap))
            / length(&mut expected.iter().map(|&v| v.into())).max(1e-12);
        let error = if absolute { gap(worst) } else { relative };
        if std::env::var("VERBOSE").is_ok() {
            println!("{key:45} {error:.1e}");
        }
        self.compared += 1;
        if error.is_nan() || error > TOLERANCE {
            let (a, b) = (found[worst], expected[worst]);
            self.failures
                .push(format!("{key}: error {error:.1e}; worst [{worst}] {a} instead of {b}"));
        }
    }

    /// `u8(255 · value)` is truncated: rounding moves a value at an edge to the next byte, and
    /// nothing moves one further.
    fn compare_bytes(&mut self, key: &str, found: &[u8]) {
        let expected = self.bytes(key);
        assert_eq!(found.len(), expected.len(), "{key}");
        let gaps = || found.iter().zip(&expected).map(|(a, b)| a.abs_diff(*b));
        let (largest, differing) = (gaps().max().unwrap(), gaps().filter(|&gap| gap > 0).count());
        self.compared += 1;
        if largest > 1 || differing * 100 > found.len() {
            self.failures.push(format!(
                "{key}: {differing} of {} bytes differ, by {largest} at most",
                found.len()
            ));
        }
    }

    fn finish(self) {
        println!("{} tensors compared", self.compared);
        assert!(self.compared > 10);
        assert!(
            self.failures.is_empty(),
            "{} failures\n{}",
            self.failures.len(),
            self.failures.join("\n")
        );
    }
}

fn ask(explainer: &mut Explainer, question: Question) -> Explanation {
    block_on(explainer.ask(&question, &mut |_, _| true)).unwrap().unwrap()
}

#[test]
fn methods_layers_and_objectives() {
    let mut golden = Golden::read();
    let mut explainer = golden.explainer();
    for (photo, [top, second]) in golden.classes() {
        let prediction = block_on(explainer.predict(&golden.photo(&photo), Fit::Whole)).unwrap();
        assert_eq!(prediction.top(2).iter().map(|s| s.class).collect::<Vec<_>>(), [top, second]);
        let size = (prediction.height, prediction.width);
        for key in golden.keys(&photo) {
            let full = format!("{photo}/{key}");
            let one = |layer: &str, method| Question {
                layers: vec![layer.into()],
                method,
                ..Default::default()
            };
            match key.split('/').collect::<Vec<_>>()[..] {
                ["logits"] => golden.compare(&full, &prediction.logits, false),
                ["method", name, layer, kind] => {
                    let Explanation { mut cam, heatmap, .. } =
                        ask(&mut explainer, one(layer, method(name)));
                    if name.starts_with("Eigen") {
                        // A principal component has no sign of its own: NumPy's may be the other
                        // one.
                        let expected = golden.values(&format!("{photo}/method/{name}/{layer}/raw"));
                        let agreement: f32 =
                            cam.values.iter().zip(&expected).map(|(a, b)| a * b).sum();
                        cam.values.iter_mut().for_each(|v| *v *= agreement.signum());
                        let turned = heatmap::heatmap(&[cam.clone()], size);
                        let found = if kind == "raw" { &cam.values } else { &turned };
                        golden.compare(&full, found, kind == "cam");
                    } else {
                        golden.compare(
                            &full,
                            if kind == "raw" { &cam.values } else { &heatmap },
                            kind == "cam",
                        );
                    }
                }
                ["fused", name, "cam"] => {
                    let layers = vec!["layer2".into(), "layer3".into(), "layer4".into()];
                    let fused = ask(
                        &mut explainer,
                        Question { layers, method: method(name), ..Default::default() },
                    );
                    assert_eq!(
                        (fused.layer.as_str(), fused.layers.len()),
                        ("layer2+layer3+layer4", 3)
                    );
                    golden.compare(&full, &fused.heatmap, true);
                }
                ["target", name, layer, "raw"] => {
                    let objective = match name {
                        "probability" => Objective::Probability,
                        "contrast" => Objective::Contrast { than: second },
                        _ => Objective::Against,
                    };
                    assert_eq!(objective.name(), name);
                    let question = Question { objective, ..one(layer, Method::GradCam) };
                    golden.compare(&full, &ask(&mut explainer, question).cam.values, false);
                }
                ["guided", ..] | ["image"] | ["trust", ..] => {}
                _ => golden.failures.push(format!("{full}: nothing compares this")),
            }
        }
    }
    golden.finish();
}

#[test]
fn guided_backpropagation_and_guided_grad_cam() {
    let mut golden = Golden::read();
    let mut explainer = golden.explainer();
    for (photo, [top, _]) in golden.classes() {
        block_on(explainer.predict(&golden.photo(&photo), Fit::Whole)).unwrap();
        // Both in turn: the plain backward must not disturb the guided one, nor the other way
        // round.
        let plain = block_on(explainer.gradient(None, "input")).unwrap().planes;
        let guided = block_on(explainer.guided(Some(top), Objective::Logit)).unwrap();
        assert_eq!(block_on(explainer.gradient(None, "input")).unwrap().planes, plain);
        golden.compare(&format!("{photo}/guided/backprop"), &guided.values, false);
        golden.compare_bytes(&format!("{photo}/guided/backprop_u8"), &guided.pixels());
        let cam = block_on(explainer.explain(Some(top), "layer4", Method::GradCam)).unwrap();
        golden.compare_bytes(&format!("{photo}/guided/gradcam_u8"), &guided.times(&cam).pixels());
        golden.compared += 4; // `finish` wants more than there are
    }
    golden.finish();
}

/// A slow method tells how far it is, stops when told to, tries only the channels that matter most
/// if asked to; and whatever it did, the photo is as it was.
#[test]
fn slow_methods_can_be_watched_stopped_and_shortened() {
    let golden = Golden::read();
    let mut explainer = golden.explainer();
    let before = block_on(explainer.predict(&golden.photo("a"), Fit::Whole)).unwrap();
    let map = block_on(explainer.explain(None, "layer2", Method::GradCam)).unwrap();
    for method in [Method::ScoreCam, Method::AblationCam] {
        for layer in ["layer2", "layer3"] {
            let question = Question { layers: vec![layer.into()], method, ..Default::default() };
            let channels = block_on(explainer.activations(layer)).unwrap().channels;
            let mut heard = vec![];
            let whole = block_on(explainer.ask(&question, &mut |done, of| {
                heard.push(done);
                assert_eq!(of, channels);
                true
            }));
            let whole = whole.unwrap().unwrap();
            assert_eq!([heard[0], heard[heard.len() - 1]], [0, channels]);
            assert!(heard.is_sorted());

            let stopped = block_on(explainer.ask(&question, &mut |done, _| done == 0)).unwrap();
            assert!(stopped.is_none());
            assert_eq!(
                block_on(explainer.explain(None, "layer2", Method::GradCam)).unwrap().cam,
                map.cam
            );

            let most = |channels| Question { channels: Some(channels), ..question.clone() };
            assert_eq!(ask(&mut explainer, most(channels)).cam, whole.cam);
            let few = ask(&mut explainer, most(8)).cam;
            assert!(
                few != whole.cam && few.values.iter().all(|v| v.is_finite()),
                "{method} {layer}"
            );

            let estimate = block_on(explainer.estimate(&most(20))).unwrap();
            assert_eq!(estimate.passes, 20);
            assert!(estimate.milliseconds > 0.0);
        }
        // Of several layers all are counted, before and meanwhile.
        let layers = vec!["layer2".into(), "layer3.0".into(), "layer4".into()];
        let fused = Question { layers, method, ..Default::default() };
        assert_eq!(block_on(explainer.estimate(&fused)).unwrap().passes, 64 + 128 + 256);
        let some = Question { channels: Some(100), ..fused.clone() };
        assert_eq!(block_on(explainer.estimate(&some)).unwrap().passes, 64 + 100 + 100);
        let mut heard = vec![];
        let few = Question { channels: Some(5), ..fused };
        let stop = block_on(explainer.ask(&few, &mut |done, of| {
            heard.push((done, of));
            done < 12
        }));
        assert!(stop.unwrap().is_none());
        assert!(heard.is_sorted() && heard.iter().all(|&(_, of)| of == 15), "{heard:?}");
        assert!(
            heard.contains(&(5, 15)) && heard.contains(&(10, 15)) && heard[heard.len() - 1].0 >= 12,
            "{heard:?}"
        );
    }
    // The very bits: what was changed was put back, not computed back.
    let Explanation { cam, .. } =
        block_on(explainer.explain(None, "layer2", Method::GradCam)).unwrap();
    assert_eq!(cam, map.cam);
    assert_eq!(
        block_on(explainer.predict(&golden.photo("a"), Fit::Whole)).unwrap().logits,
        before.logits
    );
}

/// The map of what speaks against a class is the map of its logit upside-down, and a class says
/// nothing against itself.
#[test]
fn objectives_agree_with_each_other() {
    let golden = Golden::read();
    let mut explainer = golden.explainer();
    block_on(explainer.predict(&golden.photo("b"), Fit::Whole)).unwrap();
    let mut cam = |class, objective| {
        let question = Question {
            class: Some(class),
            objective,
            layers: vec!["layer3".into()],
            ..Default::default()
        };
        ask(&mut explainer, question)
    };
    let close = |a: &Cam, b: Vec<f32>| {
        let largest = a.values.iter().fold(0.0f32, |m, v| m.max(v.abs()));
        a.values.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-5 * largest)
    };
    let (logit, other) = (cam(3, Objective::Logit).cam, cam(5, Objective::Logit).cam);
    let against = cam(3, Objective::Against).cam;
    assert!(close(&against, logit.values.iter().map(|v| -v).collect()));
    let contrast = cam(3, Objective::Contrast { than: 5 }).cam;
    assert!(close(&contrast, logit.values.iter().zip(&other.values).map(|(a, b)| a - b).collect()));
    let itself = cam(3, Objective::Contrast { than: 3 });
    assert!(itself.blank && itself.heatmap.iter().all(|&v| v == 0.0));
    // A blank map ranks no place before another: there is nothing to check, and no pass is run.
    let mut never = |_: usize, _: usize| panic!("a pass for a blank map");
    assert!(block_on(explainer.trust(&itself, NOISE, &mut never)).unwrap().is_none());
    assert!(block_on(explainer.randomise(&itself.question(), &mut never)).unwrap().is_none());
}

/// The checks of a heatmap, with the package's own heatmap, so that the same pixels are changed.
#[test]
fn faithfulness() {
    let mut golden = Golden::read();
    let mut explainer = golden.explainer();
    for (photo, [top, _]) in golden.classes() {
        let before = block_on(explainer.predict(&golden.photo(&photo), Fit::Whole)).unwrap();
        let mut explanation =
            block_on(explainer.explain(Some(top), "layer4", Method::GradCam)).unwrap();
        explanation.heatmap = golden.values(&format!("{photo}/method/GradCAM/layer4/cam"));
        let trust =
            block_on(explainer.trust(&explanation, 0.0, &mut |_, _| true)).unwrap().unwrap();
        let heights = |curve: &Curve| curve.points.iter().map(|point| point.1).collect::<Vec<_>>();
        let falling = |curve: &Curve| heights(curve).into_iter().rev().collect::<Vec<_>>();
        golden.compare(&format!("{photo}/trust/seen"), &[trust.seen], true);
        golden.compare(&format!("{photo}/trust/deletion"), &heights(&trust.deletion), true);
        golden.compare(&format!("{photo}/trust/insertion"), &heights(&trust.insertion), true);
        // The package's percentiles rise, so that the share of changed pixels falls.
        golden.compare(&format!("{photo}/trust/morf"), &falling(&trust.morf), true);
        golden.compare(&format!("{photo}/trust/lerf"), &falling(&trust.lerf), true);
        golden.compared += 5; // `finish` wants more than there are

        let p = before.top(1)[0].probability;
        assert_eq!(
            [trust.probability, trust.deletion.points[0].1, trust.insertion.points[STEPS].1],
            [p; 3]
        );
        assert_eq!(trust.increase(), trust.seen > p);
        assert!((trust.share_lost() - ((p - trust.seen) / p).max(0.0)).abs() < 1e-6);
        for curve in [&trust.deletion, &trust.insertion, &trust.morf, &trust.lerf] {
            assert!(curve.points.is_sorted_by(|a, b| a.0 < b.0));
            let (low, high) =
                heights(curve).iter().fold((1.0f32, 0.0f32), |(l, h), &p| (l.min(p), h.max(p)));
            assert!((low..=high).contains(&curve.area()), "{curve:?}");
        }
        // Noise of a hundredth moves a probability by little, and by the same each time.
        let noisy =
            || block_on(explainer.trust(&explanation, NOISE, &mut |_, _| true)).unwrap().unwrap();
        let mut noisy = noisy;
        let (first, second) = (noisy(), noisy());
        assert_eq!(first, second);
        assert!(first.morf != trust.morf && (first.morf.mean() - trust.morf.mean()).abs() < 0.02);
        assert!(
            block_on(explainer.trust(&explanation, NOISE, &mut |done, _| done < 3))
                .unwrap()
                .is_none()
        );
        assert_eq!(
            block_on(explainer.logits_of(&before.input, before.height, before.width)).unwrap(),
            before.logits
        );
    }
    golden.finish();
}

/// Checks end with the photo's own pass, which the processor has yet to compute when the next photo
/// has another size, or another network comes.
#[test]
fn the_processor_drops_what_it_has_no_more_buffers_for() {
    let golden = Golden::read();
    let mut explainer = Explainer::on_cpu();
    for photo in ["a", "b", "b"] {
        golden.load(&mut explainer);
        let prediction = block_on(explainer.predict(&golden.photo(photo), Fit::Whole)).unwrap();
        let map = block_on(explainer.explain(None, "layer4", Method::GradCam)).unwrap();
        block_on(explainer.trust(&map, NOISE, &mut |_, _| true)).unwrap().unwrap();
        let other = if photo == "a" { "b" } else { "a" };
        block_on(explainer.predict(&golden.photo(other), Fit::Whole)).unwrap();
        block_on(explainer.trust(&map, NOISE, &mut |_, _| true)).unwrap_err(); // not of this photo
        let again = block_on(explainer.predict(&golden.photo(photo), Fit::Whole)).unwrap();
        assert_eq!(again.logits, prediction.logits);
        let map = block_on(explainer.explain(None, "layer4", Method::GradCam)).unwrap();
        block_on(explainer.trust(&map, NOISE, &mut |_, _| true)).unwrap().unwrap();
    }
}

/// Randomized weights change what is seen, and are put back to the bit.
#[test]
fn randomised_weights() {
    let golden = Golden::read();
    let mut explainer = golden.explainer();
    let photo = golden.photo("a");
    let before = block_on(explainer.predict(&photo, Fit::Whole)).unwrap();
    let map = block_on(explainer.explain(None, "layer2", Method::GradCam)).unwrap();
    let question = Question { layers: vec!["layer2".into()], ..Default::default() };
    let mut heard = vec![];
    let found = block_on(explainer.randomise(&question, &mut |done, of| {
        heard.push(done);
        done <= of
    }));
    let found = found.unwrap().unwrap();
    assert_eq!(
        found.iter().map(|s| s.part.as_str()).collect::<Vec<_>>(),
        ["fc", "layer4", "layer3", "layer2", "layer1", "conv1"]
    );
    assert_eq!(heard, [0, 1, 2, 3, 4, 5, 6]);
    for Randomized { part, correlation, ssim, heatmap } in &found {
        assert_eq!(heatmap.len(), map.heatmap.len());
        assert!(heatmap.iter().all(|heat| heat.is_finite()), "{part}");
        assert!(*correlation < 0.98, "{part} scrambled, and the map is the same: {correlation}");
        assert!((-1.0..0.98).contains(ssim), "{part} scrambled, and the map is the same: {ssim}");
    }
    let same = |explainer: &mut Explainer| {
        assert_eq!(
            block_on(explainer.explain(None, "layer2", Method::GradCam)).unwrap().cam,
            map.cam
        );
        assert_eq!(
            block_on(explainer.logits_of(&before.input, before.height, before.width)).unwrap(),
            before.logits
        );
    };
    same(&mut explainer);
    // Stopped half way, too.
    assert!(block_on(explainer.randomise(&question, &mut |done, _| done < 3)).unwrap().is_none());
    same(&mut explainer);
}

#[test]
fn correlation_of_ranks() {
    assert_eq!(rank_correlation(&[1.0, 2.0, 5.0, 9.0], &[0.1, 0.2, 0.3, 7.0]), 1.0);
    assert_eq!(rank_correlation(&[1.0, 2.0, 5.0], &[3.0, 2.0, -1.0]), -1.0);
    assert_eq!(rank_correlation(&[1.0, 1.0, 1.0], &[3.0, 2.0, -1.0]), 0.0);
    // scipy.stats.spearmanr([1, 2, 2, 3, 0], [2, 1, 3, 3, 0])
    let tied = rank_correlation(&[1.0, 2.0, 2.0, 3.0, 0.0], &[2.0, 1.0, 3.0, 3.0, 0.0]);
    assert!((tied - 0.763_157_9).abs() < 1e-6, "{tied}");
}

/// Against the formula of scikit-image's `structural_similarity`, computed with
/// scipy.ndimage.uniform_filter.
#[test]
fn structural_similarity() {
    const SIZE: usize = 11 * 13;
    let a: Vec<f32> = (0..SIZE).map(|i| (i * 37 % 101) as f32 / 100.0).collect();
    let b: Vec<f32> = (0..SIZE).map(|i| ((i * 53 + 7) % 89) as f32 / 88.0).collect();
    let half: Vec<f32> = a.iter().map(|a| 0.5 * a + 0.25).collect();
    for (other, expected) in [(&b, 0.015_057_636), (&a, 1.0), (&half, 0.801_593_8)] {
        let found = ssim(&a, other, 13);
        assert!((found - expected).abs() < 1e-6, "{found} instead of {expected}");
    }
}

/// The neurons of a class: their names are the classes with the largest weights, from the
/// checkpoint itself.
#[test]
fn neurons_are_named_by_their_weights() {
    let golden = Golden::read();
    let mut explainer = golden.explainer();
    let before = block_on(explainer.predict(&golden.photo("a"), Fit::Whole)).unwrap();
    let weight = golden.values("net/fc.weight"); // [classes, features]
    let features = weight.len() / before.logits.len();
    let layer = block_on(explainer.activations("layer4")).unwrap();
    let positions = layer.height * layer.width;
    let of = |class: usize, channel: usize| weight[class * features + channel];
    let class = 4;
    let neurons = block_on(explainer.neurons(Some(class), Objective::Logit, 5, 3)).unwrap();
    assert_eq!([neurons.speak_for.len(), neurons.speak_against.len()], [5, 5]);
    for neuron in neurons.speak_for.iter().chain(&neurons.speak_against) {
        let expected = of(class, neuron.channel) / positions as f32;
        assert!((neuron.alpha - expected).abs() < 1e-5 * expected.abs().max(1e-3), "{neuron:?}");
        let mut classes: Vec<usize> = (0..before.logits.len()).collect();
        classes.sort_by(|&a, &b| of(b, neuron.channel).total_cmp(&of(a, neuron.channel)));
        assert_eq!(neuron.classes, classes[..3]);
        assert_eq!(neuron.map.values, layer.planes[neuron.channel * positions..][..positions]);
    }
    let active = |c: usize| layer.planes[c * positions..][..positions].iter().any(|&a| a > 0.0);
    let mut ranked: Vec<usize> = (0..features).filter(|&c| active(c)).collect();
    ranked.sort_by(|&a, &b| of(class, b).total_cmp(&of(class, a)));
    assert_eq!(neurons.speak_for.iter().map(|n| n.channel).collect::<Vec<_>>(), ranked[..5]);
    ranked.reverse();
    assert_eq!(neurons.speak_against.iter().map(|n| n.channel).collect::<Vec<_>>(), ranked[..5]);
    // The photo's own logits are on the GPU again: the same question gets the same answer.
    assert_eq!(block_on(explainer.neurons(Some(class), Objective::Logit, 5, 3)).unwrap(), neurons);
}

/// A covered part is what an input that is zero there gives, and the photo stays the one asked
/// about.
#[test]
fn covering_a_part() {
    let golden = Golden::read();
    let mut explainer = golden.explainer();
    let before = block_on(explainer.predict(&golden.photo("b"), Fit::Whole)).unwrap();
    let map = block_on(explainer.explain(None, "layer4", Method::GradCam)).unwrap();
    let size = (map.height, map.width);
    let region = localization::largest_region(&map.heatmap, size, 0.5).unwrap();
    let covered = block_on(explainer.cover_up(&region.mask)).unwrap();
    assert_eq!(covered.colour, [124, 116, 104]); // ImageNet's mean
    assert!(covered.logits != before.logits);
    assert_eq!(block_on(explainer.explain(None, "layer4", Method::GradCam)).unwrap().cam, map.cam);

    // With the map of what is left. At the pooled layer a raw map adds up to the logit less the bias.
    let question = map.question();
    let (again, left) = block_on(explainer.explain_covered(&region.mask, &question)).unwrap();
    assert_eq!(again, covered);
    let sum = |map: &Explanation| map.cam.values.iter().map(|&v| f64::from(v)).sum::<f64>();
    let change = f64::from(covered.logits[map.class] - before.logits[map.class]);
    assert!((sum(&left) - sum(&map) - change).abs() < 1e-4 * change.abs(), "{change}");
    assert_eq!(block_on(explainer.explain(None, "layer4", Method::GradCam)).unwrap().cam, map.cam);
    let nothing = vec![false; region.mask.len()];
    let (whole, same) = block_on(explainer.explain_covered(&nothing, &question)).unwrap();
    assert_eq!((whole.logits, same.cam), (before.logits.clone(), map.cam.clone()));

    let input: Vec<f32> = before
        .input
        .iter()
        .zip(region.mask.iter().cycle())
        .map(|(&x, &hidden)| if hidden { 0.0 } else { x })
        .collect();
    assert_eq!(block_on(explainer.logits_of(&input, size.0, size.1)).unwrap(), covered.logits);
}
