//! Deep feature factorization against scikit-learn in f64 with the same start:
//! `tests/golden/concepts.safetensors`, which `make_concepts.py` describes.

use gradlens::explain::concepts::{COLOURS, Concepts};
use gradlens::explain::nmf::factorize;
use gradlens::{Explainer, Method, Photo, Rect};
use pollster::block_on;
use safetensors::SafeTensors;

mod common;
use common::golden_networks::{load, read};
use common::golden_weights::GOLDEN;

/// Shape and values.
fn tensor(name: &str) -> (Vec<usize>, Vec<f32>) {
    let bytes = read(&format!("{GOLDEN}/concepts.safetensors"));
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let found = file.tensor(name).unwrap();
    let values = found.data().as_chunks::<4>().0.iter().map(|&b| f32::from_le_bytes(b)).collect();
    (found.shape().to_vec(), values)
}

/// ‖found − expected‖ / ‖expected‖
fn compare(name: &str, found: &[f32], tolerance: f64) {
    let (_, expected) = tensor(name);
    assert_eq!(found.len(), expected.len(), "{name}");
    let length = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
    let gap = length(&mut found.iter().zip(&expected).map(|(a, b)| f64::from(a - b)));
    let error = gap / length(&mut expected.iter().map(|&v| f64::from(v)));
    assert!(error <= tolerance, "{name}: error {error:.1e}");
}

#[test]
fn factors_are_those_of_scikit_learn() {
    let (shape, values) = tensor("nmf/x");
    let x: Vec<Vec<f64>> = values
        .chunks_exact(shape[1])
        .map(|row| row.iter().map(|&v| f64::from(v)).collect())
        .collect();
    for k in [2, 5] {
        let (w, h) = factorize(&x, k);
        let flat =
            |rows: Vec<Vec<f64>>| -> Vec<f32> { rows.concat().iter().map(|&v| v as f32).collect() };
        // Singular vectors of random numbers lie so close together that power iteration leaves 3e-8 of
        // one in the next; 200 sweeps make 1.3e-5 of it.
        compare(&format!("nmf/{k}/w"), &flat(w), 5e-5);
        compare(&format!("nmf/{k}/h"), &flat(h), 5e-5);
    }
}

/// More concepts than there are positions leave nothing for some; nothing at all stays nothing.
#[test]
fn few_numbers_are_factorized() {
    let (w, h) = factorize(&[vec![2.0, 1.0], vec![4.0, 2.0], vec![0.0, 0.0]], 3);
    for (row, expected) in w.iter().zip([[2.0, 1.0], [4.0, 2.0], [0.0, 0.0]]) {
        for (h, expected) in h.iter().zip(expected) {
            let product: f64 = row.iter().zip(h).map(|(w, h)| w * h).sum();
            assert!((product - expected).abs() < 1e-6, "{product} instead of {expected}");
        }
    }
    let (w, h) = factorize(&[vec![0.0; 3], vec![0.0; 3]], 2);
    assert!(w.iter().chain(&h).flatten().all(|&v| v == 0.0));
}

fn check(mut explainer: Explainer) {
    for (network, count) in [("small", 3), ("lite0", 5)] {
        load(&mut explainer, network);
        let explain = |explainer: &mut Explainer| {
            block_on(explainer.explain(None, "last", Method::GradCam)).unwrap().cam
        };
        let before = explain(&mut explainer);
        let (shape, logits) = tensor(&format!("{network}/logits"));
        let found = block_on(explainer.concepts(count, shape[1])).unwrap();
        let maps: Vec<f32> =
            found.concepts.iter().flat_map(|concept| concept.map.values.clone()).collect();
        // f32 activations in the place of f64 ones, by the same number of sweeps.
        compare(&format!("{network}/maps"), &maps, 1e-4);
        for (concept, expected) in found.concepts.iter().zip(logits.chunks_exact(shape[1])) {
            for score in &concept.classes {
                let gap = (score.logit - expected[score.class]).abs();
                assert!(gap < 1e-3, "{network}: {score:?} instead of {}", expected[score.class]);
            }
            assert!(concept.classes.is_sorted_by(|a, b| a.logit >= b.logit));
        }
        assert_eq!(explain(&mut explainer), before, "the photo's pass is put back");
    }
}

#[test]
fn concepts_on_the_gpu() {
    check(block_on(Explainer::new()).expect("the tests need a Vulkan, Metal or DX12 driver"));
}

#[test]
fn concepts_on_the_processor() {
    check(Explainer::on_cpu());
}

/// Each place has the colour of the concept that is strongest there; outside the rectangle the photo
/// stays as it is.
#[test]
fn places_have_their_concepts_colour() {
    let mut explainer = Explainer::on_cpu();
    load(&mut explainer, "small");
    let found = block_on(explainer.concepts(3, 1)).unwrap();
    let photo = Photo::new(40, 30, vec![100; 40 * 30 * 3]);
    let rect = Rect { x: 10.0, y: 5.0, width: 20.0, height: 20.0 };
    let painted = found.paint(&photo, rect);
    let at = |x: usize, y: usize| &painted[(y * 40 + x) * 4..][..4];
    assert_eq!(painted.len(), 40 * 30 * 4);
    for (x, y) in [(0, 0), (9, 15), (30, 15), (20, 4), (20, 25), (39, 29)] {
        assert_eq!(at(x, y), [100, 100, 100, 255], "{x}, {y}");
    }
    // Where the first concept is strongest, its colour is mixed in at 70 %.
    let first = &found.concepts[0].map;
    let place = first.values.iter().position(|&v| v == 1.0).unwrap();
    let (cell_x, cell_y) = (place % first.width, place / first.width);
    let middle = |cell: usize, of: usize| ((cell as f32 + 0.5) / of as f32 * 20.0) as usize;
    let (x, y) = (10 + middle(cell_x, first.width), 5 + middle(cell_y, first.height));
    let expected = COLOURS[0].map(|colour| 100.0 * 0.3 + f32::from(colour) * 0.7);
    for (found, expected) in at(x, y).iter().zip(expected) {
        assert!((f32::from(*found) - expected).abs() < 12.0, "{:?} at {x}, {y}", at(x, y));
    }
    let none = Concepts { concepts: vec![], ..found };
    assert_eq!(none.paint(&photo, rect)[..4], [100, 100, 100, 255]);
}
