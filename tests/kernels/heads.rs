//! What the heads compute beside convolutions and pooling.

use gradlens::gpu::Gpu;
use gradlens::ops::{self, Activation, Fused, GruCell, Mask, pack_gru_weight};
use gradlens::reference::{self, Image};

use crate::common::random::Random;
use crate::reference::central_differences;
use crate::support::*;

/// Odd channels, one position, more positions than a workgroup has invocations, the head's own.
const GRIDS: [[usize; 3]; 5] = [[5, 3, 2], [7, 1, 1], [3, 19, 23], [128, 14, 14], [33, 1, 9]];

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&v| v as f64).collect()
}

pub fn gru_cell(gpu: &Gpu) {
    let (mut random, mut report) = (Random::fresh("gru_cell"), Report::new("gru_cell"));
    for (inputs, units) in [(128, 192), (5, 7), (1, 1), (3, 65), (70, 2)] {
        let weight = |random: &mut Random, inputs: usize| {
            let values = random.values(3 * units * inputs, false);
            (pack_gru_weight(gpu, &values, inputs), wide(&values))
        };
        let ((of_input, w_x), (of_state, w_h)) =
            (weight(&mut random, inputs), weight(&mut random, units));
        let [b_x, b_h] = [(); 2].map(|_| random.values(3 * units, false));
        let bias = gpu.buffer(&[&b_x[..], &b_h].concat());
        let cell = GruCell { of_input, of_state, bias, inputs, units };
        let (x, h) = (random.image(inputs, 1, 1), random.image(units, 1, 1));
        let y = poisoned(gpu, units, 1, 1);
        gpu.run([&ops::gru_cell(gpu, &y, &upload(gpu, &x), &upload(gpu, &h), &cell)]);
        let expected =
            reference::gru_cell(&x.planes, &h.planes, [&w_x, &w_h], [&wide(&b_x), &wide(&b_h)]);
        report.compare(&format!("{inputs} -> {units}"), &read(gpu, &y), &expected);
    }
}

/// The gates alone, and behind the sums of a whole unit.
pub fn gru_gates(gpu: &Gpu) {
    let (mut random, mut report) = (Random::fresh("gru_gates"), Report::new("gru_gates"));
    let mut backward = Report::new("gru_gates_backward");
    for units in [1, 3, 64, 70, 256] {
        for size in [1.0, 30.0] {
            let mut s = random.image(ops::GATES * units, 1, 1);
            s.planes.iter_mut().for_each(|v| *v *= size);
            let dy = random.image(units, 1, 1);
            let (y, ds) = (poisoned(gpu, units, 1, 1), poisoned(gpu, ops::GATES * units, 1, 1));
            let [gs, gdy] = [&s, &dy].map(|image| upload(gpu, image));
            gpu.run([&ops::gru_gates(gpu, &y, &gs), &ops::gru_gates_backward(gpu, &ds, &gdy, &gs)]);
            let shape = format!("{units} times {size}");
            report.compare(&shape, &read(gpu, &y), &reference::gru_gates(&s.planes));
            let expected = reference::gru_gates_backward(&dy.planes, &s.planes);
            backward.compare(&shape, &read(gpu, &ds), &expected);
        }
    }
}

/// t where gamma · t + beta is no nearer to ReLU's kink than rounding, or a step of differences.
/// |gamma| must be at least 0.2.
fn off_the_kink(t: &Image, gamma: &[f64], beta: &[f64]) -> Image {
    let near = reference::scale_bias(t, gamma, beta);
    let moved = t.zip(&near, |t, near| if near.abs() < 1e-3 { t + 0.0625 } else { t });
    Image { planes: moved.planes.iter().map(|&v| f64::from(v as f32)).collect(), ..moved }
}

pub fn film(gpu: &Gpu) {
    let (mut random, mut report) = (Random::fresh("film"), Report::new("film"));
    let mut backward = Report::new("film_backward");
    for [channels, height, width] in GRIDS {
        let [x, t, dy] = [(); 3].map(|_| random.image(channels, height, width));
        let [mut gamma, beta] = [(); 2].map(|_| random.image(channels, 1, 1));
        gamma.planes.iter_mut().for_each(|g| *g += 0.2 * g.signum());
        let t = off_the_kink(&t, &gamma.planes, &beta.planes);
        let [gx, gt, gdy, ggamma, gbeta] =
            [&x, &t, &dy, &gamma, &beta].map(|image| upload(gpu, image));
        let [y, dt] = [(); 2].map(|_| poisoned(gpu, channels, height, width));
        gpu.run([
            &ops::film(gpu, &y, &gx, &gt, &ggamma, &gbeta),
            &ops::film_backward(gpu, &dt, &gdy, &gt, &ggamma, &gbeta),
        ]);
        let shape = format!("{channels}x{height}x{width}");
        let expected = reference::film(&x, &t, &gamma.planes, &beta.planes);
        report.compare(&shape, &read(gpu, &y), &expected.planes);
        let expected = reference::film_backward(&dy, &t, &gamma.planes, &beta.planes);
        backward.compare(&shape, &read(gpu, &dt), &expected.planes);
    }
}

pub fn attention(gpu: &Gpu) {
    let (mut random, mut report) = (Random::fresh("attention"), Report::new("attention"));
    let mut backward = Report::new("attention_backward");
    for [channels, height, width] in GRIDS {
        for size in [1.0, 30.0] {
            let x = random.image(channels, height, width);
            let (mut query, threshold) = (random.image(channels, 1, 1), random.image(1, 1, 1));
            // Also with scores of some hundreds, whose exponentials f32 can't hold.
            query.planes.iter_mut().for_each(|q| *q *= size);
            let [gx, gquery, gthreshold] = [&x, &query, &threshold].map(|image| upload(gpu, image));
            let y = poisoned(gpu, 2, height, width);
            gpu.run([&ops::attention(gpu, &y, &gx, &gquery, &gthreshold)]);
            let shape = format!("{channels}x{height}x{width} times {size}");
            let expected = reference::attention(&x, &query.planes, threshold.planes[0]);
            let found = read(gpu, &y);
            if size == 1.0 {
                report.compare(&shape, &found, &expected.planes);
            } else {
                // Scores of 300 come with errors of 1e-5, and so do shares of their exponentials.
                let close = |(a, b): (&f32, &f64)| (f64::from(*a) - b).abs() < 2e-3;
                assert!(found.iter().zip(&expected.planes).all(close), "{shape}");
            }

            let [y, dy] = [(); 2].map(|_| random.image(2, height, width));
            let ds = poisoned(gpu, 1, height, width);
            gpu.run([&ops::attention_backward(gpu, &ds, &upload(gpu, &dy), &upload(gpu, &y))]);
            let expected = reference::attention_backward(&dy, &y);
            backward.compare(&shape, &read(gpu, &ds), &expected.planes);
        }
    }
}

pub fn weighted_sum(gpu: &Gpu) {
    let (mut random, mut report) = (Random::fresh("weighted_sum"), Report::new("weighted_sum"));
    let mut backward = Report::new("weighted_sum_backward");
    for [channels, height, width] in GRIDS {
        let (look, x) = (random.image(2, height, width), random.image(channels, height, width));
        let dy = random.image(channels, 1, 1);
        let [glook, gx, gdy] = [&look, &x, &dy].map(|image| upload(gpu, image));
        let y = poisoned(gpu, channels, 1, 1);
        let [dlook, more] = [(); 2].map(|_| poisoned(gpu, 2, height, width));
        gpu.run([
            &ops::weighted_sum(gpu, &y, &glook, &gx),
            &ops::weighted_sum_backward(gpu, &dlook, &gdy, &gx, None),
            &ops::weighted_sum_backward(gpu, &more, &gdy, &gx, Some(&glook)),
        ]);
        let shape = format!("{channels}x{height}x{width}");
        report.compare(&shape, &read(gpu, &y), &reference::weighted_sum(&look, &x));
        let expected = reference::weighted_sum_backward(&dy.planes, &x);
        backward.compare(&shape, &read(gpu, &dlook), &expected.planes);
        let expected = expected.zip(&look, |along, residual| along + residual);
        backward.compare(&format!("{shape} more"), &read(gpu, &more), &expected.planes);
    }
}

pub fn offsets(gpu: &Gpu) {
    let (mut random, mut report) = (Random::fresh("offsets"), Report::new("offsets"));
    let mut backward = Report::new("offsets_backward");
    for [_, height, width] in GRIDS {
        let look = random.image(2, height, width);
        let dextras = random.image(ops::EXTRAS, height, width);
        let extras = poisoned(gpu, ops::EXTRAS, height, width);
        let dlook = poisoned(gpu, 2, height, width);
        gpu.run([
            &ops::offsets(gpu, &extras, &upload(gpu, &look)),
            &ops::offsets_backward(gpu, &dlook, &upload(gpu, &dextras)),
        ]);
        let shape = format!("{height}x{width}");
        report.compare(&shape, &read(gpu, &extras), &reference::offsets(&look).planes);
        let expected = reference::offsets_backward(&dextras);
        backward.compare(&shape, &read(gpu, &dlook), &expected.planes);
    }
}

pub fn outer_product(gpu: &Gpu) {
    let (mut random, mut report) = (Random::fresh("outer_product"), Report::new("outer_product"));
    for [channels, height, width] in GRIDS {
        for of_a in [1, 2, 6] {
            let (a, b) = (random.image(of_a, height, width), random.image(channels, 1, 1));
            let [residual, mask] = [(); 2].map(|_| random.image(channels, height, width));
            let [ga, gb, gresidual, gmask] =
                [&a, &b, &residual, &mask].map(|image| upload(gpu, image));
            let plain = reference::outer_product(&a, &b.planes);
            let sum = plain.zip(&residual, |a, b| a + b);
            let masked = reference::relu_backward(&sum, &mask);
            let with = Fused { residual: Some(&gresidual), ..Default::default() };
            let through = Mask { output: &gmask, activation: Activation::Relu };
            for (name, fused, expected) in [
                ("plain", Fused::default(), &plain),
                ("residual", with, &sum),
                ("residual and mask", Fused { mask: Some(through), ..with }, &masked),
            ] {
                let y = poisoned(gpu, channels, height, width);
                gpu.run([&ops::outer_product(gpu, &y, &ga, &gb, fused)]);
                let shape = format!("{of_a} and {channels}x{height}x{width} {name}");
                report.compare(&shape, &read(gpu, &y), &expected.planes);
            }
        }
    }
}

/// Each backward's twin against central differences of its forward's.
#[test]
fn reference_backwards() {
    let mut random = Random::fresh("heads reference_backwards");
    let [height, width, channels] = [3, 4, 3];
    let [x, t, dy] = [(); 3].map(|_| random.image(channels, height, width));
    let [query, gamma, beta] = [(); 3].map(|_| wide(&random.values(channels, false)));
    let close = |op: &str, found: &Image, expected: Vec<f64>| {
        assert_eq!(found.planes.len(), expected.len(), "{op}");
        for (i, (a, b)) in found.planes.iter().zip(&expected).enumerate() {
            assert!((a - b).abs() < 1e-6, "{op} [{i}]: {a} instead of {b}");
        }
    };

    // The gates are those of a unit: with r and z of both, n of the input, m of the state.
    let (inputs, units) = (3, 4);
    let [w_x, w_h] = [inputs, units].map(|n| wide(&random.values(3 * units * n, false)));
    let [b_x, b_h, input] = [3 * units, 3 * units, inputs].map(|n| wide(&random.values(n, false)));
    let h = wide(&random.values(units, false));
    let ones = vec![1.0; 3 * units];
    let of_x = reference::linear(&input, &w_x, &ones, &b_x);
    let of_h = reference::linear(&h, &w_h, &ones, &b_h);
    let both = of_x.iter().zip(&of_h).take(2 * units).map(|(x, h)| x + h);
    let s: Vec<f64> = both
        .chain(of_x[2 * units..].iter().copied())
        .chain(of_h[2 * units..].iter().copied())
        .chain(h.iter().copied())
        .collect();
    let as_image = |planes: Vec<f64>| Image { channels: planes.len(), height: 1, width: 1, planes };
    let found = as_image(reference::gru_gates(&s));
    close("gru_gates", &found, reference::gru_cell(&input, &h, [&w_x, &w_h], [&b_x, &b_h]));
    let dstate = wide(&random.values(units, false));
    let found = as_image(reference::gru_gates_backward(&dstate, &s));
    let s = as_image(s);
    let expected = central_differences(&s, &dstate, |s| reference::gru_gates(&s.planes));
    close("gru_gates_backward", &found, expected);

    let gamma: Vec<f64> = gamma.iter().map(|g| g + 0.2 * g.signum()).collect();
    let t = off_the_kink(&t, &gamma, &beta);
    let forward = |t: &Image| reference::film(&x, t, &gamma, &beta).planes;
    let found = reference::film_backward(&dy, &t, &gamma, &beta);
    close("film_backward", &found, central_differences(&t, &dy.planes, forward));

    // dL/dx: ds times the query, a position and a channel.
    let look = |x: &Image| reference::attention(x, &query, 0.3);
    let dlook = random.image(2, height, width);
    let ds = reference::attention_backward(&dlook, &look(&x));
    let expected = central_differences(&x, &dlook.planes, |x| look(x).planes);
    close("attention_backward", &reference::outer_product(&ds, &query), expected);

    let look = random.image(2, height, width);
    let dy = wide(&random.values(channels, false));
    let expected = central_differences(&look, &dy, |look| reference::weighted_sum(look, &x));
    close("weighted_sum_backward", &reference::weighted_sum_backward(&dy, &x), expected);
    let expected = central_differences(&x, &dy, |x| reference::weighted_sum(&look, x));
    close("weighted_sum to x", &reference::outer_product(&look, &dy), expected);

    let dextras = random.image(ops::EXTRAS, height, width);
    let expected =
        central_differences(&look, &dextras.planes, |look| reference::offsets(look).planes);
    close("offsets_backward", &reference::offsets_backward(&dextras), expected);
}
