//! Pooling, forward and backward.

use gradlens::gpu::Gpu;
use gradlens::ops::{self, Padding, Window};
use gradlens::reference::{self, Image};

use crate::common::random::Random;
use crate::support::*;

const POOLS: [([usize; 3], Window); 5] = [
    ([64, 28, 20], Window { ksize: 3, stride: 2, padding: Padding::Symmetric(1) }),
    ([5, 7, 9], Window { ksize: 3, stride: 2, padding: Padding::Symmetric(1) }),
    ([4, 1, 1], Window { ksize: 3, stride: 2, padding: Padding::Symmetric(1) }),
    ([3, 8, 8], Window { ksize: 2, stride: 2, padding: Padding::Symmetric(0) }),
    ([9, 11, 6], Window { ksize: 5, stride: 3, padding: Padding::Symmetric(2) }),
];

pub fn max_pool2d(gpu: &Gpu) {
    let (mut random, mut report) = (Random::fresh("max_pool2d"), Report::new("max_pool2d"));
    for ([channels, height, width], window) in POOLS {
        let x = random.image(channels, height, width);
        let expected = reference::max_pool2d(&x, window);
        let (x, y) = (upload(gpu, &x), poisoned(gpu, channels, expected.height, expected.width));
        gpu.run([&ops::max_pool2d(gpu, &y, &x, window)]);
        report.compare(
            &format!("{channels}x{height}x{width} {window:?}"),
            &read(gpu, &y),
            &expected.planes,
        );
    }
}

pub fn max_pool2d_backward(gpu: &Gpu) {
    let mut random = Random::fresh("max_pool2d_backward");
    let mut report = Report::new("max_pool2d_backward");
    for ([channels, height, width], window) in POOLS {
        // Quarters of [-1, 1]: every window has ties.
        let ties = Image {
            planes: random
                .image(channels, height, width)
                .planes
                .iter()
                .map(|v| (v * 4.0).round() / 4.0)
                .collect(),
            channels,
            height,
            width,
        };
        for (name, x) in [("distinct", random.image(channels, height, width)), ("ties", ties)] {
            let y = reference::max_pool2d(&x, window);
            let dy = random.image(channels, y.height, y.width);
            let plain = reference::max_pool2d_backward(&dy, &x, window);
            for through in THROUGH {
                let expected = go_through(&plain, &x, through);
                let [gx, gdy] = [&x, &dy].map(|image| upload(gpu, image));
                let indices = poisoned(gpu, gdy.positions() * gdy.c4(), 1, 1);
                let dx = poisoned(gpu, channels, height, width);
                gpu.run(&ops::max_pool2d_backward(gpu, &dx, &gdy, &gx, &indices, window, through));
                let shape = format!("{channels}x{height}x{width} {window:?} {name}, {through:?}");
                report.compare(&shape, &read(gpu, &dx), &expected.planes);
            }
        }
    }
}

pub fn global_average_pool(gpu: &Gpu) {
    let mut random = Random::fresh("global_average_pool");
    let mut report = Report::new("global_average_pool");
    let mut backward = Report::new("global_average_pool_backward");
    for [channels, height, width] in SHAPES {
        let x = wide_image(&mut random, channels, height, width);
        let (gx, y) = (upload(gpu, &x), poisoned(gpu, channels, 1, 1));
        gpu.run([&ops::global_average_pool(gpu, &y, &gx)]);
        let shape = format!("{channels}x{height}x{width}");
        report.compare(&shape, &read(gpu, &y), &reference::global_average_pool(&x));

        let dy = random.image(channels, 1, 1);
        let plain = reference::global_average_pool_backward(&dy.planes, height, width);
        for through in THROUGH {
            let expected = go_through(&plain, &x, through);
            let (gdy, dx) = (upload(gpu, &dy), poisoned(gpu, channels, height, width));
            gpu.run([&ops::global_average_pool_backward(gpu, &dx, &gdy, &gx, through)]);
            backward.compare(&format!("{shape}, {through:?}"), &read(gpu, &dx), &expected.planes);
        }
    }
}
