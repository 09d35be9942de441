//! What the tests of operations share: comparisons, uploads, random operands.

use gradlens::gpu::{Gpu, Tensor};
use gradlens::ops::{Activation, Fused, Mask, Precision, Rule, Through};
use gradlens::reference::{self, Image};

use crate::common::random::Random;

/// Error of f32 sums of a few thousand terms of size 1: measured 2e-6 at worst here, so 2e-5 leaves
/// a margin of ten.
pub const TOLERANCE: f64 = 2e-5;

pub struct Report {
    op: &'static str,
    failures: Vec<String>,
    comparisons: usize,
}

impl Report {
    pub fn new(op: &'static str) -> Report {
        Report { op, failures: vec![], comparisons: 0 }
    }
    /// Compares relative to the largest expected value; reports the worst element.
    pub fn compare(&mut self, shape: &str, found: &[f32], expected: &[f64]) {
        self.compare_clipped(shape, found, expected, expected);
    }
    /// Compares what an activation function has clipped relative to the largest value before it:
    /// ReLU6 leaves 6 of a sum of 70, and the rounding of a sum of 70.
    pub fn compare_clipped(
        &mut self,
        shape: &str,
        found: &[f32],
        expected: &[f64],
        before_clipping: &[f64],
    ) {
        self.comparisons += expected.len();
        if found.len() != expected.len() {
            self.failures.push(format!(
                "{} {shape}: {} values, expected {}",
                self.op,
                found.len(),
                expected.len()
            ));
            return;
        }
        // Operands are of size 1. A largest value below a hundredth is what is left of larger
        // terms, whose rounding it has.
        let scale = before_clipping.iter().fold(1e-2f64, |m, v| m.max(v.abs()));
        let error = |i: usize| {
            let error = (found[i] as f64 - expected[i]).abs() / scale;
            if error.is_nan() { f64::INFINITY } else { error }
        };
        if let Some(i) = (0..found.len()).max_by(|&a, &b| error(a).total_cmp(&error(b)))
            && error(i) > TOLERANCE
        {
            let (op, found, expected) = (self.op, found[i], expected[i]);
            self.failures.push(format!(
                "{op} {shape} [{i}]: {found} instead of {expected}, error {:.1e}",
                error(i)
            ));
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
        assert!(
            self.failures.is_empty(),
            "{} failures\n{}",
            self.failures.len(),
            self.failures.join("\n")
        );
    }
}

pub fn gpu() -> Gpu {
    pollster::block_on(Gpu::new())
        .expect("the tests need a Vulkan, Metal or DX12 driver; Mesa's lavapipe will do")
}

pub fn upload(gpu: &Gpu, image: &Image) -> Tensor {
    let tensor = gpu.tensor(image.height, image.width, image.channels);
    gpu.write(&tensor, &image.planes.iter().map(|&v| v as f32).collect::<Vec<_>>());
    tensor
}

/// A tensor full of NaN: what a shader forgets to write shows.
pub fn poisoned(gpu: &Gpu, channels: usize, height: usize, width: usize) -> Tensor {
    let tensor = gpu.tensor(height, width, channels);
    gpu.write(&tensor, &vec![f32::NAN; channels * height * width]);
    tensor
}

pub fn read(gpu: &Gpu, tensor: &Tensor) -> Vec<f32> {
    pollster::block_on(gpu.read(tensor)).unwrap()
}

/// Values in [-1, 1] that uploading in this precision leaves as they are.
pub fn weights(random: &mut Random, count: usize, precision: Precision) -> Vec<f32> {
    match precision {
        Precision::F32 => random.values(count, false),
        Precision::F16 => random.values(count, true),
        Precision::I8 => {
            random.values(count, false).iter().map(|v| (127.0 * v).round() / 127.0).collect()
        }
    }
}

/// Values on either side of both of ReLU6's kinks.
pub fn wide_image(random: &mut Random, channels: usize, height: usize, width: usize) -> Image {
    let mut image = random.image(channels, height, width);
    image.planes.iter_mut().for_each(|value| *value *= 9.0);
    image
}

/// Every way back through an activation function.
pub const THROUGH: [Option<Through>; 5] = [
    None,
    Some(Through { activation: Activation::Relu, rule: Rule::Gradient }),
    Some(Through { activation: Activation::Relu, rule: Rule::Guided }),
    Some(Through { activation: Activation::Relu6, rule: Rule::Gradient }),
    Some(Through { activation: Activation::Relu6, rule: Rule::Guided }),
];

/// dy behind the activation function that put out y.
pub fn go_through(dy: &Image, y: &Image, through: Option<Through>) -> Image {
    match through.map(|Through { activation, rule }| (activation, rule)) {
        None | Some((Activation::None, _)) => dy.clone(),
        Some((Activation::Relu, Rule::Gradient)) => reference::relu_backward(dy, y),
        Some((Activation::Relu, Rule::Guided)) => reference::relu_backward_guided(dy, y),
        Some((Activation::Relu6, Rule::Gradient)) => reference::relu6_backward(dy, y),
        Some((Activation::Relu6, Rule::Guided)) => reference::relu6_backward_guided(dy, y),
    }
}

/// What a backward gives that ends at an activation function's output.
pub struct Backward {
    through: Through,
    expected: Image,
}

/// Those of `sum`, the product with its residual, for each way through the activation function that
/// put out `mask`.
pub fn backwards(sum: &Image, mask: &Image) -> Vec<Backward> {
    let backward =
        |through: Through| Backward { through, expected: go_through(sum, mask, Some(through)) };
    THROUGH.into_iter().flatten().map(backward).collect()
}

impl Backward {
    pub fn fused<'a>(
        self,
        residual: &'a Tensor,
        mask: &'a Tensor,
    ) -> (&'static str, Fused<'a>, Image) {
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

pub const SHAPES: [[usize; 3]; 4] = [[2048, 7, 7], [5, 3, 2], [260, 1, 1], [7, 13, 9]];
