//! The classifier, maps and channel weights, and what changes weights or activations.

use gradlens::gpu::Gpu;
use gradlens::ops::{self, Linear, Precision};
use gradlens::reference::{self, Image};

use crate::common::random::Random;
use crate::support::*;

pub fn linear(gpu: &Gpu) {
    assert_eq!(ops::sparse(&[0.0, 1e-40, -2.0]), [2.0, 0.0, 0.0, -2.0, 0.0, 0.0]);
    let (mut random, mut report) = (Random::fresh("linear"), Report::new("linear"));
    let mut backward = Report::new("linear_backward");
    for (features, classes) in [(2048, 1000), (5, 7), (1, 1), (33, 260), (512, 3), (37, 2090)] {
        for precision in Precision::ALL {
            let weight = weights(&mut random, features * classes, precision);
            let (scale, bias) = (random.values(classes, false), random.values(classes, false));
            let (x, mut dy) = (random.image(features, 1, 1), random.image(classes, 1, 1));
            let layer = Linear {
                weight: gradlens::ops::pack_linear_weight(
                    gpu, &weight, precision, classes, features,
                ),
                precision,
                scale_bias: gradlens::ops::pack_scale_bias(gpu, &scale, &bias),
                features,
                classes,
            };
            let wide = |v: &[f32]| v.iter().map(|&v| v as f64).collect::<Vec<_>>();
            let (y, dx) = (poisoned(gpu, classes, 1, 1), poisoned(gpu, features, 1, 1));
            // Too little to be felt, and no end of the list: SwiftShader takes it for a zero.
            dy.planes[random.bits() as usize % classes] = 1e-40;
            let upload_sparse = |dy: &Image| {
                let sparse = ops::sparse(&dy.planes.iter().map(|&v| v as f32).collect::<Vec<_>>());
                upload(gpu, &Image::new(2, 1, classes, &sparse))
            };
            let (gx, gdy) = (upload(gpu, &x), upload_sparse(&dy));
            gpu.run([
                &ops::linear(gpu, &y, &gx, &layer),
                &ops::linear_backward(gpu, &dx, &gdy, &layer),
            ]);
            let shape = format!("{features} -> {classes}, {precision:?}");
            let [weight, scale, bias] = [&weight, &scale, &bias].map(|values| wide(values));
            report.compare(
                &shape,
                &read(gpu, &y),
                &reference::linear(&x.planes, &weight, &scale, &bias),
            );
            let expected = reference::linear_backward(features, &dy.planes, &weight, &scale);
            backward.compare(&shape, &read(gpu, &dx), &expected);
            // As of a logit: all but one are zero.
            let logit = random.bits() as usize % classes;
            dy.planes
                .iter_mut()
                .enumerate()
                .for_each(|(class, dy)| *dy *= (class == logit) as usize as f64);
            let (dx, gdy) = (poisoned(gpu, features, 1, 1), upload_sparse(&dy));
            gpu.run([&ops::linear_backward(gpu, &dx, &gdy, &layer)]);
            let expected = reference::linear_backward(features, &dy.planes, &weight, &scale);
            backward.compare(&format!("{shape}, logit {logit}"), &read(gpu, &dx), &expected);
        }
    }
}

pub fn randomize(gpu: &Gpu) {
    for count in [4, 12, 64, 1000, 4096 + 4] {
        let words: Vec<u32> = (1..=count as u32).collect();
        // The numbers as planes of one channel a position, so that they stand in a row; behind them
        // stand four zeros.
        let tensor = gpu.tensor(1, count / 4, 4);
        let planes: Vec<f32> =
            (0..4).flat_map(|c| words.iter().skip(c).step_by(4).map(|&w| w as f32)).collect();
        gpu.write(&tensor, &planes);
        let steps = ops::randomize(gpu, tensor.as_buffer(), None, 5);
        let rounds = ops::randomize_rounds(count + 4, 5);
        assert_eq!(steps.len(), rounds.len());

        gpu.run(&steps);
        let found = read(gpu, &tensor);
        let mut expected: Vec<u32> =
            words.iter().chain(&[0; 4]).map(|&w| (w as f32).to_bits()).collect();
        reference::randomize(&mut expected, rounds);
        for (i, &bits) in expected[..count].iter().enumerate() {
            assert_eq!(found[i % 4 * (count / 4) + i / 4].to_bits(), bits, "{count} [{i}]");
        }
        if count >= 64 {
            let stayed = planes.iter().zip(&found).filter(|(a, b)| a == b).count();
            assert!(stayed * 10 < count, "{stayed} of {count} numbers stayed where they were");
        }
        gpu.run(steps.iter().rev());
        assert_eq!(read(gpu, &tensor), planes, "{count}: put back");

        let steps = ops::randomize(gpu, tensor.as_buffer(), Some(4), 5);
        gpu.run(&steps);
        let found = read(gpu, &tensor);
        for (i, word) in words.iter().enumerate() {
            let came = found[i % 4 * (count / 4) + i / 4] as u32 - 1;
            assert_eq!(came / 4, (word - 1) / 4, "{count} [{i}]: shuffled within its four");
        }
        gpu.run(steps.iter().rev());
        assert_eq!(read(gpu, &tensor), planes, "{count}: put back");
    }
}

pub fn ablate_channel(gpu: &Gpu) {
    let mut random = Random::fresh("ablate_channel");
    let mut report = Report::new("ablate_channel");
    for [channels, height, width] in SHAPES {
        let x = random.image(channels, height, width);
        let (gx, which) = (upload(gpu, &x), gpu.tensor(1, 1, 1));
        for channel in [None, Some(0), Some(channels / 2), Some(channels - 1)] {
            gpu.write(&which, &[channel.map_or(-1.0, |c| c as f32)]);
            let y = poisoned(gpu, channels, height, width);
            gpu.run([&ops::ablate_channel(gpu, &y, &gx, &which)]);
            let expected = reference::ablate_channel(&x, channel);
            report.compare(
                &format!("{channels}x{height}x{width} {channel:?}"),
                &read(gpu, &y),
                &expected.planes,
            );
        }
    }
}

pub fn cam_and_weights(gpu: &Gpu) {
    let (mut random, mut report) = (Random::fresh("cam"), Report::new("cam"));
    let mut weights_report = Report::new("cam_weights");
    for [channels, height, width] in SHAPES {
        // Activations follow a ReLU; some gradients are exactly zero.
        let a = reference::relu(&random.image(channels, height, width));
        let g = random
            .image(channels, height, width)
            .zip(&random.image(channels, height, width), |g, r| if r > 0.8 { 0.0 } else { g });
        let weights = random.image(channels, 1, 1);
        let [ga, gg, gw] = [&a, &g, &weights].map(|image| upload(gpu, image));
        let shape = format!("{channels}x{height}x{width}");
        for method in 0..4 {
            let cam = poisoned(gpu, height * width, 1, 1);
            gpu.run([&ops::cam(gpu, &cam, &ga, &gg, &gw, method)]);
            let expected = reference::cam(&a, &g, &weights.planes, method);
            report.compare(&format!("{shape} method {method}"), &read(gpu, &cam), &expected);
        }
        for method in 0..2 {
            let found = poisoned(gpu, channels, 1, 1);
            gpu.run([&ops::cam_weights(gpu, &found, &ga, &gg, method)]);
            let expected = reference::cam_weights(&a, &g, method);
            weights_report.compare(
                &format!("{shape} method {method}"),
                &read(gpu, &found),
                &expected,
            );
        }
    }
}
