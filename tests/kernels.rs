//! Every shader against its plain f64 twin: odd shapes, fresh random data, outputs poisoned with NaN.
//!
//! A run prints its seed; `SEED=… cargo test --test kernels` repeats it. A failing comparison names operation, shape, index and
//! both values, and every failure of a test is reported, not the first. Backwards are also held against central differences
//! of the forward twin, and linear ones against the adjoint identity <dy, A x> = <Aᵀ dy, x>.

use gradlens::gpu::{Buffer, Gpu, Tensor};
use gradlens::ops::{
    self, Activation, Conv2d, DepthwiseConv2d, Fused, Kernel, Linear, Mask, Padding, Precision, Rule, Through, Tile,
    Window,
};
use gradlens::reference::{self, Image};

mod common;
use common::random::Random;

/// Error of f32 sums of a few thousand terms of size 1: measured 2e-6 at worst here, so 2e-5 leaves a margin of ten.
const TOLERANCE: f64 = 2e-5;

struct Report {
    op: &'static str,
    failures: Vec<String>,
    comparisons: usize,
}

impl Report {
    fn new(op: &'static str) -> Report {
        Report { op, failures: vec![], comparisons: 0 }
    }
    /// Compares relative to the largest expected value; reports the worst element.
    fn compare(&mut self, shape: &str, found: &[f32], expected: &[f64]) {
        self.comparisons += expected.len();
        if found.len() != expected.len() {
            self.failures.push(format!("{} {shape}: {} values, expected {}", self.op, found.len(), expected.len()));
            return;
        }
        let scale = expected.iter().fold(1e-3f64, |m, v| m.max(v.abs()));
        let error = |i: usize| {
            let error = (found[i] as f64 - expected[i]).abs() / scale;
            if error.is_nan() { f64::INFINITY } else { error }
        };
        if let Some(i) = (0..found.len()).max_by(|&a, &b| error(a).total_cmp(&error(b)))
            && error(i) > TOLERANCE
        {
            let (op, found, expected) = (self.op, found[i], expected[i]);
            self.failures.push(format!("{op} {shape} [{i}]: {found} instead of {expected}, error {:.1e}", error(i)));
        }
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        println!("{}: {} values compared", self.op, self.comparisons);
        assert!(self.comparisons > 0, "{}: nothing was compared", self.op);
        assert!(self.failures.is_empty(), "{} failures\n{}", self.failures.len(), self.failures.join("\n"));
    }
}

fn gpu() -> Gpu {
    pollster::block_on(Gpu::new()).expect("the tests need a Vulkan, Metal or DX12 driver; Mesa's lavapipe will do")
}

fn upload(gpu: &Gpu, image: &Image) -> Tensor {
    let tensor = gpu.tensor(image.height, image.width, image.channels);
    gpu.write(&tensor, &image.planes.iter().map(|&v| v as f32).collect::<Vec<_>>());
    tensor
}

/// A tensor full of NaN: what a shader forgets to write shows.
fn poisoned(gpu: &Gpu, channels: usize, height: usize, width: usize) -> Tensor {
    let tensor = gpu.tensor(height, width, channels);
    gpu.write(&tensor, &vec![f32::NAN; channels * height * width]);
    tensor
}

fn read(gpu: &Gpu, tensor: &Tensor) -> Vec<f32> {
    pollster::block_on(gpu.read(tensor)).unwrap()
}

/// A random convolution, as the checkpoint has it (f64) and on the GPU.
struct RandomConv {
    weight: Vec<f64>,
    scale: Vec<f64>,
    bias: Vec<f64>,
    gpu: Conv2d,
}

/// Values in [-1, 1] that uploading in this precision leaves as they are.
fn weights(random: &mut Random, count: usize, precision: Precision) -> Vec<f32> {
    match precision {
        Precision::F32 => random.values(count, false),
        Precision::F16 => random.values(count, true),
        Precision::I8 => random.values(count, false).iter().map(|v| (127.0 * v).round() / 127.0).collect(),
    }
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

/// Two of all kernels and tiles, some of which fit no shape: one that splits the sum and one that does not; others each time.
fn tiles(turn: usize) -> [Tile; 2] {
    let registers = |rows, cols, wx, wy| Tile { rows, cols, wx, wy, ..ops::DEFAULT_TILE };
    let odd = [
        ops::NAIVE,
        ops::NARROW_TILE,
        registers(1, 1, 4, 16),
        registers(7, 3, 4, 8),
        Tile { kernel: Kernel::Shared, split: 3, ..registers(3, 2, 4, 4) },
    ];
    let (whole, split): (Vec<_>, Vec<_>) = ops::TILES.into_iter().chain(odd).partition(|tile| tile.split == 1);
    [whole[turn % whole.len()], split[(turn + turn / split.len()) % split.len()]]
}

/// Room for the partial sums of split-k, no larger than it must be and full of NaN.
fn poisoned_partial_sums(gpu: &Gpu, tile: Tile, positions: usize, channels: usize) -> Buffer {
    gpu.buffer(&vec![f32::NAN; (tile.partial_sums_bytes(positions, channels) as usize / 4).max(4)])
}

macro_rules! on_both {
    ($($name:ident),*) => {
        mod on_a_gpu {
            $(#[test] fn $name() { super::$name(&super::gpu()); })*
        }
        mod on_the_cpu {
            $(#[test] fn $name() { super::$name(&gradlens::gpu::Gpu::cpu()); })*
        }
    };
}

on_both!(
    conv2d,
    conv2d_backward_input,
    depthwise_conv2d,
    depthwise_conv2d_backward_input,
    max_pool2d,
    max_pool2d_backward,
    global_average_pool,
    linear,
    randomize,
    ablate_channel,
    cam_and_weights
);

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

/// Values on either side of both of ReLU6's kinks.
fn wide_image(random: &mut Random, channels: usize, height: usize, width: usize) -> Image {
    let mut image = random.image(channels, height, width);
    image.planes.iter_mut().for_each(|value| *value *= 9.0);
    image
}

fn conv2d(gpu: &Gpu) {
    let (mut random, mut report) = (Random::fresh("conv2d"), Report::new("conv2d"));
    for (n, ([c_in, c_out, height, width, ksize, stride], padding)) in CONVOLUTIONS.into_iter().enumerate() {
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
                ("relu", Fused { activation: Activation::Relu, ..Default::default() }, reference::relu(&scaled)),
                ("residual", Fused { residual: Some(&r), ..Default::default() }, sum.clone()),
                ("both", Fused { residual: Some(&r), activation: Activation::Relu, mask: None }, reference::relu(&sum)),
                ("relu6", Fused { activation: Activation::Relu6, ..Default::default() }, reference::relu6(&scaled)),
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
                    let shape =
                        format!("{c_in}x{height}x{width} -> {c_out}, {window:?}, {precision:?}, {name}, {tile:?}");
                    report.compare(&shape, &read(gpu, &y), &expected.planes);
                }
            }
        }
    }
}

fn conv2d_backward_input(gpu: &Gpu) {
    let mut random = Random::fresh("conv2d_backward_input");
    let mut report = Report::new("conv2d_backward_input");
    for (n, ([c_in, c_out, height, width, ksize, stride], padding)) in CONVOLUTIONS.into_iter().enumerate() {
        let window = Window { ksize, stride, padding };
        for precision in Precision::ALL {
            let conv = random_conv(gpu, &mut random, c_in, c_out, window, precision);
            let dy = random.image(c_out, window.out(height), window.out(width));
            // dy enters the convolution through y = scale * conv(x) + bias
            let scaled = reference::scale_bias(&dy, &conv.scale, &vec![0.0; c_out]);
            let product = reference::conv2d_backward_input(c_in, height, width, &scaled, &conv.weight, window);
            let (residual, mask) = (random.image(c_in, height, width), wide_image(&mut random, c_in, height, width));
            let sum = product.zip(&residual, |a, b| a + b);
            let backwards = backwards(&sum, &mask);
            let (dy, r, m) = (upload(gpu, &dy), upload(gpu, &residual), upload(gpu, &mask));
            let transposed = gpu.scratch(conv.gpu.transposed_bytes());
            let plain = ("plain", Fused::default(), product);
            let fusions = backwards.into_iter().map(|backward| backward.fused(&r, &m)).chain([plain]);
            for (name, fused, expected) in fusions {
                for tile in tiles(3 * n + precision as usize) {
                    let dx = poisoned(gpu, c_in, height, width);
                    let positions = height.div_ceil(stride) * width.div_ceil(stride);
                    let sums = poisoned_partial_sums(gpu, tile, positions, c_in);
                    gpu.run(&ops::conv2d_backward_input(gpu, &dx, &dy, &conv.gpu, &transposed, fused, tile, &sums));
                    let shape =
                        format!("{c_in}x{height}x{width} <- {c_out}, {window:?}, {precision:?}, {name}, {tile:?}");
                    report.compare(&shape, &read(gpu, &dx), &expected.planes);
                }
            }
        }
    }
}

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

/// A random depthwise convolution: its weight [channels, 1, ksize, ksize], scale and bias in f64, and itself on the GPU.
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

fn depthwise_conv2d(gpu: &Gpu) {
    let (mut random, mut report) = (Random::fresh("depthwise_conv2d"), Report::new("depthwise_conv2d"));
    for ([channels, height, width, ksize, stride], padding) in DEPTHWISE {
        let window = Window { ksize, stride, padding };
        for precision in Precision::ALL {
            let (weight, [scale, bias], conv) = random_depthwise(gpu, &mut random, channels, window, precision);
            let x = wide_image(&mut random, channels, height, width);
            let scaled = reference::scale_bias(&reference::depthwise_conv2d(&x, &weight, window), &scale, &bias);
            let residual = wide_image(&mut random, channels, scaled.height, scaled.width);
            let sum = scaled.zip(&residual, |a, b| a + b);
            let (x, r) = (upload(gpu, &x), upload(gpu, &residual));
            let activation = Activation::Relu6;
            let fusions = [
                ("relu6", Fused { activation, ..Default::default() }, reference::relu6(&scaled)),
                ("residual and relu6", Fused { residual: Some(&r), activation, mask: None }, reference::relu6(&sum)),
                ("residual", Fused { residual: Some(&r), ..Default::default() }, sum),
                ("plain", Fused::default(), scaled),
            ];
            for (name, fused, expected) in fusions {
                let y = poisoned(gpu, channels, expected.height, expected.width);
                gpu.run([&ops::depthwise_conv2d(gpu, &y, &x, &conv, fused)]);
                let shape = format!("{channels}x{height}x{width}, {window:?}, {precision:?}, {name}");
                report.compare(&shape, &read(gpu, &y), &expected.planes);
            }
        }
    }
}

fn depthwise_conv2d_backward_input(gpu: &Gpu) {
    let mut random = Random::fresh("depthwise_conv2d_backward_input");
    let mut report = Report::new("depthwise_conv2d_backward_input");
    for ([channels, height, width, ksize, stride], padding) in DEPTHWISE {
        let window = Window { ksize, stride, padding };
        for precision in Precision::ALL {
            let (weight, [scale, _], conv) = random_depthwise(gpu, &mut random, channels, window, precision);
            let dy = random.image(channels, window.out(height), window.out(width));
            let scaled = reference::scale_bias(&dy, &scale, &vec![0.0; channels]);
            let product = reference::depthwise_conv2d_backward_input(height, width, &scaled, &weight, window);
            let (residual, mask) =
                (random.image(channels, height, width), wide_image(&mut random, channels, height, width));
            let backwards = backwards(&product.zip(&residual, |a, b| a + b), &mask);
            let (dy, r, m) = (upload(gpu, &dy), upload(gpu, &residual), upload(gpu, &mask));
            let plain = ("plain", Fused::default(), product);
            let fusions = backwards.into_iter().map(|backward| backward.fused(&r, &m)).chain([plain]);
            for (name, fused, expected) in fusions {
                let dx = poisoned(gpu, channels, height, width);
                gpu.run([&ops::depthwise_conv2d_backward_input(gpu, &dx, &dy, &conv, fused)]);
                let shape = format!("{channels}x{height}x{width}, {window:?}, {precision:?}, {name}");
                report.compare(&shape, &read(gpu, &dx), &expected.planes);
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
    let (gpu, mut random, mut report) = (gpu(), Random::fresh("conv2d_winograd"), Report::new("conv2d_winograd"));
    let window = Window { ksize: 3, stride: 1, padding: Padding::Symmetric(1) };
    for (n, [c_in, c_out, height, width]) in WINOGRADS.into_iter().enumerate() {
        for precision in Precision::ALL {
            let conv = random_conv(&gpu, &mut random, c_in, c_out, window, precision);
            let [tile, _] = tiles(3 * n + precision as usize);
            // A partial sum through workgroup memory is of a multiple of 16 channels; the naive kernel makes none.
            let fits = match tile.kernel {
                Kernel::Naive => false,
                Kernel::Registers => true,
                Kernel::Shared => c_in % 16 == 0 && c_out % 16 == 0,
            };
            let tile = if fits { tile } else { ops::DEFAULT_TILE };
            let shape = |name: &str| format!("{c_in}x{height}x{width}, {c_out}, {precision:?}, {name}, {tile:?}");
            let poison = |bytes: u64| gpu.buffer(&vec![f32::NAN; bytes as usize / 4]);
            let scratch = |c_in: usize, c_out: usize| {
                let [partial_sums, weight, image] = ops::winograd_bytes([height, width], c_in, c_out).map(poison);
                ops::Scratch { partial_sums, weight, image }
            };

            let x = random.image(c_in, height, width);
            let product = reference::conv2d(&x, &conv.weight, c_out, window);
            let scaled = reference::scale_bias(&product, &conv.scale, &conv.bias);
            let residual = wide_image(&mut random, c_out, height, width);
            let sum = scaled.zip(&residual, |a, b| a + b);
            let (x, r) = (upload(&gpu, &x), upload(&gpu, &residual));
            let fusions = [
                ("plain", Fused::default(), scaled),
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
                gpu.run(&ops::conv2d_winograd(&gpu, &y, &x, &conv.gpu, fused, tile, &scratch(c_in, c_out)));
                report.compare(&shape(name), &read(&gpu, &y), &expected.planes);
            }

            let dy = random.image(c_out, height, width);
            let scaled = reference::scale_bias(&dy, &conv.scale, &vec![0.0; c_out]);
            let product = reference::conv2d_backward_input(c_in, height, width, &scaled, &conv.weight, window);
            let (residual, mask) = (random.image(c_in, height, width), wide_image(&mut random, c_in, height, width));
            let backwards = backwards(&product.zip(&residual, |a, b| a + b), &mask);
            let (dy, r, m) = (upload(&gpu, &dy), upload(&gpu, &residual), upload(&gpu, &mask));
            let transposed = gpu.scratch(conv.gpu.transposed_bytes());
            for (name, fused, expected) in backwards.into_iter().map(|backward| backward.fused(&r, &m)) {
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
                report.compare(&shape(&format!("backward, {name}")), &read(&gpu, &dx), &expected.planes);
            }
        }
    }
}

/// Every way back through an activation function.
const THROUGH: [Option<Through>; 5] = [
    None,
    Some(Through { activation: Activation::Relu, rule: Rule::Gradient }),
    Some(Through { activation: Activation::Relu, rule: Rule::Guided }),
    Some(Through { activation: Activation::Relu6, rule: Rule::Gradient }),
    Some(Through { activation: Activation::Relu6, rule: Rule::Guided }),
];

/// dy behind the activation function that put out y.
fn go_through(dy: &Image, y: &Image, through: Option<Through>) -> Image {
    match through.map(|Through { activation, rule }| (activation, rule)) {
        None | Some((Activation::None, _)) => dy.clone(),
        Some((Activation::Relu, Rule::Gradient)) => reference::relu_backward(dy, y),
        Some((Activation::Relu, Rule::Guided)) => reference::relu_backward_guided(dy, y),
        Some((Activation::Relu6, Rule::Gradient)) => reference::relu6_backward(dy, y),
        Some((Activation::Relu6, Rule::Guided)) => reference::relu6_backward_guided(dy, y),
    }
}

/// What a backward gives that ends at an activation function's output.
struct Backward {
    through: Through,
    expected: Image,
}

/// Those of `sum`, the product with its residual, for each way through the activation function that put out `mask`.
fn backwards(sum: &Image, mask: &Image) -> Vec<Backward> {
    let backward = |through: Through| Backward { through, expected: go_through(sum, mask, Some(through)) };
    THROUGH.into_iter().flatten().map(backward).collect()
}

impl Backward {
    fn fused<'a>(self, residual: &'a Tensor, mask: &'a Tensor) -> (&'static str, Fused<'a>, Image) {
        let Through { activation, rule } = self.through;
        let name = match (activation, rule) {
            (Activation::Relu6, Rule::Gradient) => "relu6",
            (Activation::Relu6, Rule::Guided) => "relu6, guided",
            (_, Rule::Gradient) => "relu",
            (_, Rule::Guided) => "relu, guided",
        };
        let guided = if rule == Rule::Guided { Activation::Relu } else { Activation::None };
        let mask = Some(Mask { output: mask, activation });
        (name, Fused { residual: Some(residual), activation: guided, mask }, self.expected)
    }
}

const POOLS: [([usize; 3], Window); 5] = [
    ([64, 28, 20], Window { ksize: 3, stride: 2, padding: Padding::Symmetric(1) }),
    ([5, 7, 9], Window { ksize: 3, stride: 2, padding: Padding::Symmetric(1) }),
    ([4, 1, 1], Window { ksize: 3, stride: 2, padding: Padding::Symmetric(1) }),
    ([3, 8, 8], Window { ksize: 2, stride: 2, padding: Padding::Symmetric(0) }),
    ([9, 11, 6], Window { ksize: 5, stride: 3, padding: Padding::Symmetric(2) }),
];

fn max_pool2d(gpu: &Gpu) {
    let (mut random, mut report) = (Random::fresh("max_pool2d"), Report::new("max_pool2d"));
    for ([channels, height, width], window) in POOLS {
        let x = random.image(channels, height, width);
        let expected = reference::max_pool2d(&x, window);
        let (x, y) = (upload(gpu, &x), poisoned(gpu, channels, expected.height, expected.width));
        gpu.run([&ops::max_pool2d(gpu, &y, &x, window)]);
        report.compare(&format!("{channels}x{height}x{width} {window:?}"), &read(gpu, &y), &expected.planes);
    }
}

fn max_pool2d_backward(gpu: &Gpu) {
    let mut random = Random::fresh("max_pool2d_backward");
    let mut report = Report::new("max_pool2d_backward");
    for ([channels, height, width], window) in POOLS {
        // Quarters of [-1, 1]: every window has ties.
        let ties = Image {
            planes: random.image(channels, height, width).planes.iter().map(|v| (v * 4.0).round() / 4.0).collect(),
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

const SHAPES: [[usize; 3]; 4] = [[2048, 7, 7], [5, 3, 2], [260, 1, 1], [7, 13, 9]];

fn global_average_pool(gpu: &Gpu) {
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

fn linear(gpu: &Gpu) {
    assert_eq!(ops::sparse(&[0.0, 1e-40, -2.0]), [2.0, 0.0, 0.0, -2.0, 0.0, 0.0]);
    let (mut random, mut report) = (Random::fresh("linear"), Report::new("linear"));
    let mut backward = Report::new("linear_backward");
    for (features, classes) in [(2048, 1000), (5, 7), (1, 1), (33, 260), (512, 3), (37, 2090)] {
        for precision in Precision::ALL {
            let weight = weights(&mut random, features * classes, precision);
            let (scale, bias) = (random.values(classes, false), random.values(classes, false));
            let (x, mut dy) = (random.image(features, 1, 1), random.image(classes, 1, 1));
            let layer = Linear {
                weight: gradlens::ops::pack_linear_weight(gpu, &weight, precision, classes, features),
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
            gpu.run([&ops::linear(gpu, &y, &gx, &layer), &ops::linear_backward(gpu, &dx, &gdy, &layer)]);
            let shape = format!("{features} -> {classes}, {precision:?}");
            let [weight, scale, bias] = [&weight, &scale, &bias].map(|values| wide(values));
            report.compare(&shape, &read(gpu, &y), &reference::linear(&x.planes, &weight, &scale, &bias));
            let expected = reference::linear_backward(features, &dy.planes, &weight, &scale);
            backward.compare(&shape, &read(gpu, &dx), &expected);
            // As of a logit: all but one are zero.
            let logit = random.bits() as usize % classes;
            dy.planes.iter_mut().enumerate().for_each(|(class, dy)| *dy *= (class == logit) as usize as f64);
            let (dx, gdy) = (poisoned(gpu, features, 1, 1), upload_sparse(&dy));
            gpu.run([&ops::linear_backward(gpu, &dx, &gdy, &layer)]);
            let expected = reference::linear_backward(features, &dy.planes, &weight, &scale);
            backward.compare(&format!("{shape}, logit {logit}"), &read(gpu, &dx), &expected);
        }
    }
}

fn randomize(gpu: &Gpu) {
    for count in [4, 12, 64, 1000, 4096 + 4] {
        let words: Vec<u32> = (1..=count as u32).collect();
        // The numbers as planes of one channel a position, so that they stand in a row; behind them stand four zeros.
        let tensor = gpu.tensor(1, count / 4, 4);
        let planes: Vec<f32> = (0..4).flat_map(|c| words.iter().skip(c).step_by(4).map(|&w| w as f32)).collect();
        gpu.write(&tensor, &planes);
        let steps = ops::randomize(gpu, tensor.as_buffer(), None, 5);
        let rounds = ops::randomize_rounds(count + 4, 5);
        assert_eq!(steps.len(), rounds.len());

        gpu.run(&steps);
        let found = read(gpu, &tensor);
        let mut expected: Vec<u32> = words.iter().chain(&[0; 4]).map(|&w| (w as f32).to_bits()).collect();
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

fn ablate_channel(gpu: &Gpu) {
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
            report.compare(&format!("{channels}x{height}x{width} {channel:?}"), &read(gpu, &y), &expected.planes);
        }
    }
}

fn cam_and_weights(gpu: &Gpu) {
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
            weights_report.compare(&format!("{shape} method {method}"), &read(gpu, &found), &expected);
        }
    }
}

/// d/dx <dy, f(x)> by central differences: f is evaluated in f64, so 1e-4 loses nothing to rounding and 1e-8 to curvature.
fn central_differences(x: &Image, dy: &[f64], f: impl Fn(&Image) -> Vec<f64>) -> Vec<f64> {
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

/// The twins themselves: each backward against central differences of its forward, and the adjoint identity.
#[test]
fn reference_backwards() {
    let mut random = Random::fresh("reference_backwards");
    let close = |op: &str, found: &[f64], expected: &[f64]| {
        assert_eq!(found.len(), expected.len(), "{op}");
        for (i, (a, b)) in found.iter().zip(expected).enumerate() {
            assert!((a - b).abs() < 1e-6, "{op} [{i}]: {a} instead of {b}");
        }
    };
    let dot = |a: &Image, b: &Image| a.planes.iter().zip(&b.planes).map(|(a, b)| a * b).sum::<f64>();
    let paddings = [Padding::Symmetric(1), Padding::Symmetric(0), Padding::Symmetric(2), Padding::Same, Padding::Same];
    let convs = [[2, 3, 3, 2], [3, 2, 1, 2], [1, 2, 4, 3], [2, 3, 3, 2], [1, 2, 5, 2]];
    for ([c_in, c_out, ksize, stride], padding) in convs.into_iter().zip(paddings) {
        let window = Window { ksize, stride, padding };
        let wide: Vec<f64> = random.values(c_in * c_out * ksize * ksize, false).iter().map(|&v| v as f64).collect();
        let x = random.image(c_in, 7, 6);
        let y = reference::conv2d(&x, &wide, c_out, window);
        let dy = random.image(c_out, y.height, y.width);
        let dx = reference::conv2d_backward_input(c_in, 7, 6, &dy, &wide, window);
        close(
            "conv2d",
            &dx.planes,
            &central_differences(&x, &dy.planes, |x| reference::conv2d(x, &wide, c_out, window).planes),
        );
        assert!((dot(&dy, &y) - dot(&dx, &x)).abs() < 1e-9, "adjoint identity of conv2d {window:?}");

        let weight = &wide[..c_in * ksize * ksize];
        let y = reference::depthwise_conv2d(&x, weight, window);
        let dy = random.image(c_in, y.height, y.width);
        let dx = reference::depthwise_conv2d_backward_input(7, 6, &dy, weight, window);
        close(
            "depthwise_conv2d",
            &dx.planes,
            &central_differences(&x, &dy.planes, |x| reference::depthwise_conv2d(x, weight, window).planes),
        );
        assert!((dot(&dy, &y) - dot(&dx, &x)).abs() < 1e-9, "adjoint identity of depthwise_conv2d {window:?}");
    }
    let window = Window { ksize: 3, stride: 2, padding: Padding::Symmetric(1) };
    // In random order, no two nearer to one another or to 0 than a step of the differences: there these functions have kinks.
    let mut x = random.image(2, 7, 6);
    let mut order: Vec<usize> = (0..x.planes.len()).collect();
    order.sort_by(|&a, &b| x.planes[a].total_cmp(&x.planes[b]));
    for (rank, &i) in order.iter().enumerate() {
        x.planes[i] = (2 * rank + 1) as f64 / order.len() as f64 - 1.0;
    }
    let dy = random.image(2, 4, 3);
    let dx = reference::max_pool2d_backward(&dy, &x, window);
    close("max_pool2d", &dx.planes, &central_differences(&x, &dy.planes, |x| reference::max_pool2d(x, window).planes));
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
