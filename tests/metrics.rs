//! Metrics of maps against Quantus 0.6 on the same maps: `tests/golden/metrics.json`, which
//! `make_metrics.py` describes.

use std::collections::BTreeMap;

use gradlens::explain::faithfulness::{Curve, sparseness};
use gradlens::explain::localization::{energy_share, points_into};
use gradlens::{Checkpoint, Explainer, Fit, Method, Network, Photo, Preprocessing, Rect};
use pollster::block_on;
use safetensors::SafeTensors;
use serde::Deserialize;

mod common;
use common::golden_weights::{GOLDEN, network_of};

#[derive(Deserialize)]
struct Found {
    /// [x0, y0, x1, y1)
    boxes: Vec<[usize; 4]>,
    pointing: Vec<bool>,
    mass: Vec<f64>,
    sparseness: f64,
    #[serde(default)]
    morf: Vec<f64>,
    #[serde(default)]
    lerf: Vec<f64>,
}

/// What Quantus found, by the map's name in `small.safetensors`, and that file.
fn golden() -> (BTreeMap<String, Found>, Vec<u8>) {
    let read = |name: &str| {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(GOLDEN).join(name);
        std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    };
    (serde_json::from_slice(&read("metrics.json")).unwrap(), read("small.safetensors"))
}

/// A map with its width.
fn map(file: &SafeTensors, key: &str) -> (Vec<f32>, usize) {
    let tensor = file.tensor(key).unwrap();
    let values = tensor.data().chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap()));
    (values.collect(), tensor.shape()[1])
}

#[test]
fn pointing_energy_and_sparseness() {
    let (golden, bytes) = golden();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let (mut failures, mut compared, mut tied) = (Vec::new(), 0, 0);
    for (key, found) in &golden {
        let (heatmap, width) = map(&file, key);
        // Quantus itself is up to 1.5e-6 from its formula in f64.
        let gini = (f64::from(sparseness(&heatmap)) - found.sparseness).abs();
        if gini > 3e-6 {
            failures.push(format!("{key}: sparseness is {gini:.1e} off"));
        }
        let max = heatmap.iter().copied().fold(0.0, f32::max);
        for (n, &[x0, y0, x1, y1]) in found.boxes.iter().enumerate() {
            let bounds = Rect {
                x: x0 as f64,
                y: y0 as f64,
                width: (x1 - x0) as f64,
                height: (y1 - y0) as f64,
            };
            let energy = (f64::from(energy_share(&heatmap, width, &bounds)) - found.mass[n]).abs();
            if energy > 1e-6 {
                failures.push(format!("{key}, box {n}: energy is {energy:.1e} off"));
            }
            // Zhang et al. 2016 play with one maximal point. Where a stretched map has several,
            // Quantus counts a hit if any of them is inside; this takes their centre. So only a box
            // that holds some of them and not others is left out.
            let inside =
                |at: &usize| (x0..x1).contains(&(at % width)) && (y0..y1).contains(&(at / width));
            let peaks: Vec<usize> = (0..heatmap.len()).filter(|&at| heatmap[at] == max).collect();
            let holds = peaks.iter().filter(|at| inside(at)).count();
            if (1..peaks.len()).contains(&holds) {
                tied += 1;
                continue;
            }
            compared += 1;
            let points = points_into(&heatmap, width, &bounds);
            if points != found.pointing[n] {
                failures.push(format!("{key}, box {n}: points into it: {points}"));
            }
        }
    }
    println!("{compared} boxes compared, {tied} across several maxima");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(golden.len() >= 50 && compared >= 250, "{} maps, {compared} boxes", golden.len());
    let hits = golden.values().flat_map(|found| &found.pointing).filter(|&&hit| hit).count();
    assert!((50..compared).contains(&hits), "{hits} hits tell nothing");
}

/// The imputation of ROAD's authors, as Quantus has it from their code: a sparse system solved
/// directly, where this takes conjugate gradients. On the processor, where the network's own
/// rounding is the smallest.
#[test]
fn road() {
    let (golden, bytes) = golden();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let checkpoint = Checkpoint::read(network_of(&file)).unwrap();
    let network = Network::from_checkpoint(&checkpoint).unwrap();
    let mut explainer = Explainer::on_cpu();
    block_on(explainer.load(&network, Preprocessing::default())).unwrap();
    let (mut failures, mut compared) = (Vec::new(), 0);
    for (key, found) in golden.iter().filter(|(_, found)| !found.morf.is_empty()) {
        let image = file.tensor(&format!("{}/image", &key[..1])).unwrap();
        let photo = Photo::new(image.shape()[1], image.shape()[0], image.data().to_vec());
        block_on(explainer.predict(&photo, Fit::Whole)).unwrap();
        let mut explanation = block_on(explainer.explain(None, "layer4", Method::GradCam)).unwrap();
        (explanation.heatmap, _) = map(&file, key);
        let trust = block_on(explainer.trust(&explanation, 0.0, &mut |_, _| true)).unwrap();
        let trust = trust.unwrap();
        let mut compare = |name: &str, curve: &Curve, expected: &[f64]| {
            // The percentiles rise, so that the share of changed pixels falls.
            let falling = curve.points.iter().rev().map(|point| f64::from(point.1));
            assert_eq!(curve.points.len(), expected.len());
            for (n, (p, expected)) in falling.zip(expected).enumerate() {
                compared += 1;
                // The network in f32 is some 1e-6 from f64, the imputation within a millionth.
                if (p - expected).abs() > 1e-5 {
                    failures.push(format!("{key}, {name} {n}: {p} instead of {expected}"));
                }
            }
        };
        compare("morf", &trust.morf, &found.morf);
        compare("lerf", &trust.lerf, &found.lerf);
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(compared >= 100, "{compared}");
}
