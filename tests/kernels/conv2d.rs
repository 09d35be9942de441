//! Convolutions by every kernel, forward and backward, and in Winograd's form.

use gradlens::gpu::{Buffer, Gpu};
use gradlens::ops::{self, Activation, Conv2d, Fused, Kernel, Padding, Precision, Tile, Window};
use gradlens::reference;

use crate::common::random::Random;
use crate::support::*;

/// A random convolution, as the checkpoint has it (f64) and on the GPU.
struct RandomConv {
    weight: Vec<f64>,
    scale: Vec<f64>,
    bias: Vec<f64>,
    gpu: Conv2d,
}

fn random_conv(
    gpu: &Gpu,
    random: &mut Random,
    c_in: usize,
    c_out: usize,
    window: Window,
    precision: Precision,
) -> RandomConv {
    let Window { ksize, stride, padding } = window;
    let weight = weights(random, c_out * c_in * ksize * ksize, precision);
    let (scale, bias) = (random.values(c_out, false), random.values(c_out, false));
    let gpu = Conv2d {
        weight: gradlens::ops::pack_conv_weight(gpu, &weight, precision, c_out, c_in, ksize),
        precision,
        scale_bias: gradlens::ops::pack_scale_bias(gpu, &scale, &bias),
        c_in,
        c_out,
        ksize,
        stride,
        padding,
    };
    let wide = |v: &[f32]| v.iter().map(|&v| v as f64).collect();
    RandomConv { weight: wide(&weight), scale: wide(&scale), bias: wide(&bias), gpu }
}

/// Two of all kernels and tiles, some of which fit no shape: one that splits the sum and one that
/// does not; others each time.
fn tiles(turn: usize) -> [Tile; 2] {
    let registers = |rows, cols, wx, wy| Tile { rows, cols, wx, wy, ..ops::DEFAULT_TILE };
    let odd = [
        ops::NAIVE,
        ops::NARROW_TILE,
        registers(1, 1, 4, 16),
        registers(7, 3, 4, 8),
        Tile { kernel: Kernel::Shared, split: 3, ..registers(3, 2, 4, 4) },
    ];
    let (whole, split): (Vec<_>, Vec<_>) =
        ops::TILES.into_iter().chain(odd).partition(|tile| tile.split == 1);
    [whole[turn % whole.len()], split[(turn + turn / split.len()) % split.len()]]
}

/// Room for the partial sums of split-k, no larger than it must be and full of NaN.
fn poisoned_partial_sums(gpu: &Gpu, tile: Tile, positions: usize, channels: usize) -> Buffer {
    gpu.buffer(&vec![f32::NAN; (tile.partial_sums_bytes(positions, channels) as usize / 4).max(4)])
}

/// c_in, c_out, height, width, ksize, stride: every kind that the networks have, and odd ones.
const CONVOLUTIONS: [([usize; 6], Padding); 18] = [
    ([3, 64, 23, 37, 7, 2], Padding::Symmetric(3)), // ResNet's stem
    ([3, 32, 23, 38, 3, 2], Padding::Same),         // EfficientNet-Lite's
    ([3, 32, 10, 11, 3, 2], Padding::Symmetric(1)), // MobileNetV2's
    ([64, 64, 9, 11, 1, 1], Padding::Symmetric(0)),
    ([16, 24, 14, 10, 3, 1], Padding::Symmetric(1)),
    ([16, 24, 14, 10, 3, 2], Padding::Symmetric(1)),
    ([16, 24, 13, 11, 3, 2], Padding::Symmetric(1)),
    ([32, 20, 8, 7, 1, 2], Padding::Symmetric(0)),
    ([5, 7, 6, 9, 3, 1], Padding::Symmetric(1)), // channels that fill no vec4
    ([1, 1, 1, 1, 1, 1], Padding::Symmetric(0)),
    ([2, 9, 5, 4, 5, 3], Padding::Symmetric(2)),
    ([2, 9, 5, 7, 5, 3], Padding::Same),
    ([8, 8, 2, 2, 3, 2], Padding::Symmetric(1)),
    ([8, 8, 1, 1, 3, 1], Padding::Symmetric(1)),
    ([512, 36, 7, 7, 3, 1], Padding::Symmetric(1)),
    ([6, 130, 3, 50, 1, 1], Padding::Symmetric(0)),
    ([7, 5, 6, 5, 3, 2], Padding::Same),
    ([4, 4, 9, 9, 2, 4], Padding::Symmetric(0)), // rows that no tap meets
];

/// The cases of [`CONVOLUTIONS`] that are read from a tensor with borders, as the photo is.
const BORDERED: usize = 3;

pub fn conv2d(gpu: &Gpu) {
    let (mut random, mut report) = (Random::fresh("conv2d"), Report::new("conv2d"));
    for (n, ([c_in, c_out, height, width, ksize, stride], padding)) in
        CONVOLUTIONS.into_iter().enumerate()
    {
        let window = Window { ksize, stride, padding };
        for precision in Precision::ALL {
            let conv = random_conv(gpu, &mut random, c_in, c_out, window, precision);
            let x = random.image(c_in, height, width);
            let product = reference::conv2d(&x, &conv.weight, c_out, window);
            let scaled = reference::scale_bias(&product, &conv.scale, &conv.bias);
            let residual = wide_image(&mut random, c_out, product.height, product.width);
            let sum = scaled.zip(&residual, |a, b| a + b);
            let border = if n < BORDERED { conv.gpu.border() } else { 0 };
            let bordered = gpu.tensor_with_border(height, width, c_in, border);
            gpu.write(&bordered, &x.planes.iter().map(|&v| v as f32).collect::<Vec<_>>());
            let (x, r) = (bordered, upload(gpu, &residual));
            let fusions = [
                ("plain", Fused::default(), scaled.clone()),
                (
                    "relu",
                    Fused { activation: Activation::Relu, ..Default::default() },
                    reference::relu(&scaled),
                ),
                ("residual", Fused { residual: Some(&r), ..Default::default() }, sum.clone()),
                (
                    "both",
                    Fused { residual: Some(&r), activation: Activation::Relu, mask: None },
                    reference::relu(&sum),
                ),
                (
                    "relu6",
                    Fused { activation: Activation::Relu6, ..Default::default() },
                    reference::relu6(&scaled),
                ),
                (
                    "residual and relu6",
                    Fused { residual: Some(&r), activation: Activation::Relu6, mask: None },
                    reference::relu6(&sum),
                ),
            ];
            for (name, fused, expected) in fusions {
                for tile in tiles(3 * n + precision as usize) {
                    let y = poisoned(gpu, c_out, product.height, product.width);
                    let sums = poisoned_partial_sums(gpu, tile, y.positions(), c_out);
                    gpu.run(&ops::conv2d(gpu, &y, &x, &conv.gpu, fused, tile, &sums));
                    let shape = format!(
                        "{c_in}x{height}x{width} -> {c_out}, {window:?}, {precision:?}, {name}, {tile:?}"
                    );
                    let before = if fused.residual.is_some() { &sum } else { &scaled };
                    report.compare_clipped(
                        &shape,
                        &read(gpu, &y),
                        &expected.planes,
                        &before.planes,
                    );
                }
            }
        }
    }
}

pub fn conv2d_backward_input(gpu: &Gpu) {
    let mut random = Random::fresh("conv2d_backward_input");
    let mut report = Report::new("conv2d_backward_input");
    for (n, ([c_in, c_out, height, width, ksize, stride], padding)) in
        CONVOLUTIONS.into_iter().enumerate()
    {
        let window = Window { ksize, stride, padding };
        for precision in Precision::ALL {
            let conv = random_conv(gpu, &mut random, c_in, c_out, window, precision);
            let dy = random.image(c_out, window.out(height), window.out(width));
            // dy enters the convolution through y = scale * conv(x) + bias
            let scaled = reference::scale_bias(&dy, &conv.scale, &vec![0.0; c_out]);
            let product = reference::conv2d_backward_input(
                c_in,
                height,
                width,
                &scaled,
                &conv.weight,
                window,
            );
            let (residual, mask) =
                (random.image(c_in, height, width), wide_image(&mut random, c_in, height, width));
            let sum = product.zip(&residual, |a, b| a + b);
            let backwards = backwards(&sum, &mask);
            let (dy, r, m) = (upload(gpu, &dy), upload(gpu, &residual), upload(gpu, &mask));
            let transposed = gpu.scratch(conv.gpu.transposed_bytes());
            let plain = ("plain", Fused::default(), product);
            let fusions =
                backwards.into_iter().map(|backward| backward.fused(&r, &m)).chain([plain]);
            for (name, fused, expected) in fusions {
                for tile in tiles(3 * n + precision as usize) {
                    let dx = poisoned(gpu, c_in, height, width);
                    let positions = height.div_ceil(stride) * width.div_ceil(stride);
                    let sums = poisoned_partial_sums(gpu, tile, positions, c_in);
                    gpu.run(&ops::conv2d_backward_input(
                        gpu,
                        &dx,
                        &dy,
                        &conv.gpu,
                        &transposed,
                        fused,
                        tile,
                        &sums,
                    ));
                    let shape = format!(
                        "{c_in}x{height}x{width} <- {c_out}, {window:?}, {precision:?}, {name}, {tile:?}"
                    );
                    report.compare(&shape, &read(gpu, &dx), &expected.planes);
                }
            }
        }
    }
}

/// c_in, c_out, height, width.
const WINOGRADS: [[usize; 4]; 8] = [
    [64, 64, 14, 14],
    [16, 32, 9, 11], // odd sides: the last tiles stick out
    [5, 7, 6, 9],    // channels that fill no vec4
    [1, 1, 1, 1],
    [32, 48, 1, 7],
    [9, 130, 4, 3],
    [256, 16, 7, 7],
    [16, 16, 2, 30],
];

#[test]
fn conv2d_winograd() {
    let (gpu, mut random, mut report) =
        (gpu(), Random::fresh("conv2d_winograd"), Report::new("conv2d_winograd"));
    let window = Window { ksize: 3, stride: 1, padding: Padding::Symmetric(1) };
    for (n, [c_in, c_out, height, width]) in WINOGRADS.into_iter().enumerate() {
        for precision in Precision::ALL {
            let conv = random_conv(&gpu, &mut random, c_in, c_out, window, precision);
            let [tile, _] = tiles(3 * n + precision as usize);
            // A partial sum through workgroup memory is of a multiple of 16 channels; the naive
            // kernel makes none.
            let fits = match tile.kernel {
                Kernel::Naive => false,
                Kernel::Registers => true,
                Kernel::Shared => c_in % 16 == 0 && c_out % 16 == 0,
            };
            let tile = if fits { tile } else { ops::DEFAULT_TILE };
            let shape = |name: &str| {
                format!("{c_in}x{height}x{width}, {c_out}, {precision:?}, {name}, {tile:?}")
            };
            let poison = |bytes: u64| gpu.buffer(&vec![f32::NAN; bytes as usize / 4]);
            let scratch = |c_in: usize, c_out: usize| {
                let [partial_sums, weight, image] =
                    ops::winograd_bytes([height, width], c_in, c_out).map(poison);
                ops::Scratch { partial_sums, weight, image }
            };

            let x = random.image(c_in, height, width);
            let product = reference::conv2d(&x, &conv.weight, c_out, window);
            let scaled = reference::scale_bias(&product, &conv.scale, &conv.bias);
            let residual = wide_image(&mut random, c_out, height, width);
            let sum = scaled.zip(&residual, |a, b| a + b);
            let (x, r) = (upload(&gpu, &x), upload(&gpu, &residual));
            let fusions = [
                ("plain", Fused::default(), scaled.clone()),
                (
                    "residual and relu6",
                    Fused { residual: Some(&r), activation: Activation::Relu6, mask: None },
                    reference::relu6(&sum),
                ),
                (
                    "residual and relu",
                    Fused { residual: Some(&r), activation: Activation::Relu, mask: None },
                    reference::relu(&sum),
                ),
            ];
            for (name, fused, expected) in fusions {
                let y = poisoned(&gpu, c_out, height, width);
                gpu.run(&ops::conv2d_winograd(
                    &gpu,
                    &y,
                    &x,
                    &conv.gpu,
                    fused,
                    tile,
                    &scratch(c_in, c_out),
                ));
                let before = if fused.residual.is_some() { &sum } else { &scaled };
                report.compare_clipped(
                    &shape(name),
                    &read(&gpu, &y),
                    &expected.planes,
                    &before.planes,
                );
            }

            let dy = random.image(c_out, height, width);
            let scaled = reference::scale_bias(&dy, &conv.scale, &vec![0.0; c_out]);
            let product = reference::conv2d_backward_input(
                c_in,
                height,
                width,
                &scaled,
                &conv.weight,
                window,
            );
            let (residual, mask) =
                (random.image(c_in, height, width), wide_image(&mut random, c_in, height, width));
            let backwards = backwards(&product.zip(&residual, |a, b| a + b), &mask);
            let (dy, r, m) = (upload(&gpu, &dy), upload(&gpu, &residual), upload(&gpu, &mask));
            let transposed = gpu.scratch(conv.gpu.transposed_bytes());
            for (name, fused, expected) in
                backwards.into_iter().map(|backward| backward.fused(&r, &m))
            {
                let dx = poisoned(&gpu, c_in, height, width);
                let scratch = scratch(c_out, c_in);
                gpu.run(&ops::conv2d_winograd_backward_input(
                    &gpu,
                    &dx,
                    &dy,
                    &conv.gpu,
                    &transposed,
                    fused,
                    tile,
                    &scratch,
                ));
                report.compare(
                    &shape(&format!("backward, {name}")),
                    &read(&gpu, &dx),
                    &expected.planes,
                );
            }
        }
    }
}

/// Every tile against the naive kernel at sizes of a ResNet-50, which would take the f64 twin
/// minutes.
#[test]
fn tiles_agree_with_the_naive_kernel() {
    let (gpu, mut random, mut report) =
        (gpu(), Random::fresh("conv2d tiles"), Report::new("conv2d tiles"));
    // c_in, c_out, side, ksize, stride
    for [c_in, c_out, side, ksize, stride] in [
        [64, 64, 56, 3, 1],
        [512, 128, 28, 1, 1],
        [256, 256, 28, 3, 2],
        [1024, 256, 14, 1, 1],
        [512, 512, 7, 3, 1],
    ] {
        let window = Window { ksize, stride, padding: Padding::Symmetric(ksize / 2) };
        let conv = random_conv(&gpu, &mut random, c_in, c_out, window, Precision::F32);
        let x = upload(&gpu, &random.image(c_in, side, side));
        let compute = |tile: Tile| {
            let y = poisoned(&gpu, c_out, window.out(side), window.out(side));
            let sums = poisoned_partial_sums(&gpu, tile, y.positions(), c_out);
            let fused = Fused { activation: Activation::Relu, ..Default::default() };
            gpu.run(&ops::conv2d(&gpu, &y, &x, &conv.gpu, fused, tile, &sums));
            read(&gpu, &y)
        };
        let expected: Vec<f64> = compute(ops::NAIVE).into_iter().map(f64::from).collect();
        for tile in ops::TILES {
            let shape = format!("{c_in}x{side}x{side} -> {c_out}, {window:?}, {tile:?}");
            report.compare(&shape, &compute(tile), &expected);
        }
    }
}
