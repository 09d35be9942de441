//! Depthwise convolutions, forward and backward.

use gradlens::gpu::Gpu;
use gradlens::ops::{self, Activation, DepthwiseConv2d, Fused, Padding, Precision, Window};
use gradlens::reference;

use crate::common::random::Random;
use crate::support::*;

/// channels, height, width, ksize, stride
const DEPTHWISE: [([usize; 5], Padding); 14] = [
    ([32, 12, 14, 3, 1], Padding::Symmetric(1)),
    ([32, 12, 14, 3, 1], Padding::Same),
    ([16, 12, 14, 3, 2], Padding::Symmetric(1)),
    ([16, 12, 14, 3, 2], Padding::Same), // (0, 1) at even sizes
    ([16, 11, 13, 3, 2], Padding::Same), // (1, 1) at odd ones
    ([24, 12, 9, 5, 2], Padding::Same),
    ([24, 9, 12, 5, 2], Padding::Symmetric(2)),
    ([24, 7, 7, 5, 1], Padding::Same),
    ([5, 6, 9, 3, 1], Padding::Symmetric(1)), // channels that fill no vec4
    ([130, 3, 4, 5, 2], Padding::Same),
    ([1, 1, 1, 3, 2], Padding::Same),
    ([8, 2, 1, 5, 2], Padding::Same), // smaller than the kernel
    ([8, 1, 2, 5, 1], Padding::Symmetric(2)),
    ([4, 9, 9, 2, 4], Padding::Symmetric(0)), // rows that no tap meets
];

/// A random depthwise convolution: its weight [channels, 1, ksize, ksize], scale and bias in f64,
/// and itself on the GPU.
fn random_depthwise(
    gpu: &Gpu,
    random: &mut Random,
    channels: usize,
    window: Window,
    precision: Precision,
) -> (Vec<f64>, [Vec<f64>; 2], DepthwiseConv2d) {
    let Window { ksize, stride, padding } = window;
    let values = weights(random, channels * ksize * ksize, precision);
    let (scale, bias) = (random.values(channels, false), random.values(channels, false));
    let weight = gradlens::ops::pack_depthwise_weight(gpu, &values, precision, channels, ksize);
    let scale_bias = gradlens::ops::pack_scale_bias(gpu, &scale, &bias);
    let conv = DepthwiseConv2d { weight, precision, scale_bias, channels, ksize, stride, padding };
    let wide = |v: &[f32]| v.iter().map(|&v| f64::from(v)).collect::<Vec<_>>();
    (wide(&values), [wide(&scale), wide(&bias)], conv)
}

pub fn depthwise_conv2d(gpu: &Gpu) {
    let (mut random, mut report) =
        (Random::fresh("depthwise_conv2d"), Report::new("depthwise_conv2d"));
    for ([channels, height, width, ksize, stride], padding) in DEPTHWISE {
        let window = Window { ksize, stride, padding };
        for precision in Precision::ALL {
            let (weight, [scale, bias], conv) =
                random_depthwise(gpu, &mut random, channels, window, precision);
            let x = wide_image(&mut random, channels, height, width);
            let scaled = reference::scale_bias(
                &reference::depthwise_conv2d(&x, &weight, window),
                &scale,
                &bias,
            );
            let residual = wide_image(&mut random, channels, scaled.height, scaled.width);
            let sum = scaled.zip(&residual, |a, b| a + b);
            let (x, r) = (upload(gpu, &x), upload(gpu, &residual));
            let activation = Activation::Relu6;
            let fusions = [
                ("relu6", Fused { activation, ..Default::default() }, reference::relu6(&scaled)),
                (
                    "residual and relu6",
                    Fused { residual: Some(&r), activation, mask: None },
                    reference::relu6(&sum),
                ),
                ("residual", Fused { residual: Some(&r), ..Default::default() }, sum.clone()),
                ("plain", Fused::default(), scaled.clone()),
            ];
            for (name, fused, expected) in fusions {
                let y = poisoned(gpu, channels, expected.height, expected.width);
                gpu.run([&ops::depthwise_conv2d(gpu, &y, &x, &conv, fused)]);
                let shape =
                    format!("{channels}x{height}x{width}, {window:?}, {precision:?}, {name}");
                let before = if fused.residual.is_some() { &sum } else { &scaled };
                report.compare_clipped(&shape, &read(gpu, &y), &expected.planes, &before.planes);
            }
        }
    }
}

pub fn depthwise_conv2d_backward_input(gpu: &Gpu) {
    let mut random = Random::fresh("depthwise_conv2d_backward_input");
    let mut report = Report::new("depthwise_conv2d_backward_input");
    for ([channels, height, width, ksize, stride], padding) in DEPTHWISE {
        let window = Window { ksize, stride, padding };
        for precision in Precision::ALL {
            let (weight, [scale, _], conv) =
                random_depthwise(gpu, &mut random, channels, window, precision);
            let dy = random.image(channels, window.out(height), window.out(width));
            let scaled = reference::scale_bias(&dy, &scale, &vec![0.0; channels]);
            let product =
                reference::depthwise_conv2d_backward_input(height, width, &scaled, &weight, window);
            let (residual, mask) = (
                random.image(channels, height, width),
                wide_image(&mut random, channels, height, width),
            );
            let backwards = backwards(&product.zip(&residual, |a, b| a + b), &mask);
            let (dy, r, m) = (upload(gpu, &dy), upload(gpu, &residual), upload(gpu, &mask));
            let plain = ("plain", Fused::default(), product);
            let fusions =
                backwards.into_iter().map(|backward| backward.fused(&r, &m)).chain([plain]);
            for (name, fused, expected) in fusions {
                let dx = poisoned(gpu, channels, height, width);
                gpu.run([&ops::depthwise_conv2d_backward_input(gpu, &dx, &dy, &conv, fused)]);
                let shape =
                    format!("{channels}x{height}x{width}, {window:?}, {precision:?}, {name}");
                report.compare(&shape, &read(gpu, &dx), &expected.planes);
            }
        }
    }
}
