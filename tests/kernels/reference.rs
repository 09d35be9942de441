//! The twins themselves: each backward against central differences of its forward, and the adjoint
//! identity.

use gradlens::ops::{Padding, Window};
use gradlens::reference::{self, Image};

use crate::common::random::Random;

/// d/dx <dy, f(x)> by central differences: f is evaluated in f64, so 1e-4 loses nothing to rounding
/// and 1e-8 to curvature.
pub fn central_differences(x: &Image, dy: &[f64], f: impl Fn(&Image) -> Vec<f64>) -> Vec<f64> {
    const STEP: f64 = 1e-4;
    let value = |x: &Image| f(x).iter().zip(dy).map(|(a, b)| a * b).sum::<f64>();
    (0..x.planes.len())
        .map(|i| {
            let (mut up, mut down) = (x.clone(), x.clone());
            up.planes[i] += STEP;
            down.planes[i] -= STEP;
            (value(&up) - value(&down)) / (2.0 * STEP)
        })
        .collect()
}

#[test]
fn reference_backwards() {
    let mut random = Random::fresh("reference_backwards");
    let close = |op: &str, found: &[f64], expected: &[f64]| {
        assert_eq!(found.len(), expected.len(), "{op}");
        for (i, (a, b)) in found.iter().zip(expected).enumerate() {
            assert!((a - b).abs() < 1e-6, "{op} [{i}]: {a} instead of {b}");
        }
    };
    let dot =
        |a: &Image, b: &Image| a.planes.iter().zip(&b.planes).map(|(a, b)| a * b).sum::<f64>();
    let paddings = [
        Padding::Symmetric(1),
        Padding::Symmetric(0),
        Padding::Symmetric(2),
        Padding::Same,
        Padding::Same,
    ];
    let convs = [[2, 3, 3, 2], [3, 2, 1, 2], [1, 2, 4, 3], [2, 3, 3, 2], [1, 2, 5, 2]];
    for ([c_in, c_out, ksize, stride], padding) in convs.into_iter().zip(paddings) {
        let window = Window { ksize, stride, padding };
        let wide: Vec<f64> =
            random.values(c_in * c_out * ksize * ksize, false).iter().map(|&v| v as f64).collect();
        let x = random.image(c_in, 7, 6);
        let y = reference::conv2d(&x, &wide, c_out, window);
        let dy = random.image(c_out, y.height, y.width);
        let dx = reference::conv2d_backward_input(c_in, 7, 6, &dy, &wide, window);
        close(
            "conv2d",
            &dx.planes,
            &central_differences(&x, &dy.planes, |x| {
                reference::conv2d(x, &wide, c_out, window).planes
            }),
        );
        assert!(
            (dot(&dy, &y) - dot(&dx, &x)).abs() < 1e-9,
            "adjoint identity of conv2d {window:?}"
        );

        let weight = &wide[..c_in * ksize * ksize];
        let y = reference::depthwise_conv2d(&x, weight, window);
        let dy = random.image(c_in, y.height, y.width);
        let dx = reference::depthwise_conv2d_backward_input(7, 6, &dy, weight, window);
        close(
            "depthwise_conv2d",
            &dx.planes,
            &central_differences(&x, &dy.planes, |x| {
                reference::depthwise_conv2d(x, weight, window).planes
            }),
        );
        assert!(
            (dot(&dy, &y) - dot(&dx, &x)).abs() < 1e-9,
            "adjoint identity of depthwise_conv2d {window:?}"
        );
    }
    let window = Window { ksize: 3, stride: 2, padding: Padding::Symmetric(1) };
    // In random order, no two nearer to one another or to 0 than a step of the differences: there
    // these functions have kinks.
    let mut x = random.image(2, 7, 6);
    let mut order: Vec<usize> = (0..x.planes.len()).collect();
    order.sort_by(|&a, &b| x.planes[a].total_cmp(&x.planes[b]));
    for (rank, &i) in order.iter().enumerate() {
        x.planes[i] = (2 * rank + 1) as f64 / order.len() as f64 - 1.0;
    }
    let dy = random.image(2, 4, 3);
    let dx = reference::max_pool2d_backward(&dy, &x, window);
    close(
        "max_pool2d",
        &dx.planes,
        &central_differences(&x, &dy.planes, |x| reference::max_pool2d(x, window).planes),
    );
    let dy = random.image(2, 7, 6);
    close(
        "relu",
        &reference::relu_backward(&dy, &reference::relu(&x)).planes,
        &central_differences(&x, &dy.planes, |x| reference::relu(x).planes),
    );
    // Spread over both kinks, 0 and 6, and no nearer to either than a step.
    let wide = x.zip(&x, |a, _| 9.0 * a);
    assert!(wide.planes.iter().all(|v| v.abs() > 1e-3 && (v - 6.0).abs() > 1e-3));
    close(
        "relu6",
        &reference::relu6_backward(&dy, &reference::relu6(&wide)).planes,
        &central_differences(&wide, &dy.planes, |x| reference::relu6(x).planes),
    );
    let dy = random.image(2, 1, 1).planes;
    close(
        "global_average_pool",
        &reference::global_average_pool_backward(&dy, 7, 6).planes,
        &central_differences(&x, &dy, reference::global_average_pool),
    );
    let (x, dy) = (random.image(5, 1, 1), random.image(3, 1, 1).planes);
    let wide = |v: Vec<f32>| v.iter().map(|&v| v as f64).collect::<Vec<_>>();
    let [w, scale, bias] = [15, 3, 3].map(|count| wide(random.values(count, false)));
    close(
        "linear",
        &reference::linear_backward(5, &dy, &w, &scale),
        &central_differences(&x, &dy, |x| reference::linear(&x.planes, &w, &scale, &bias)),
    );
}
