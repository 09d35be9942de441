//! What the heads' passes are recorded with.

use crate::gpu::{Dispatch, Gpu, Tensor};
use crate::models::recorder::{Gradients, Recorder};
use crate::ops::{Activation, Conv2d, Convolutions, Fused, Mask, Padding, Rule, Window};

/// A recorder that keeps what it allocates.
pub(super) struct Record<'a> {
    pub run: Recorder<'a>,
    pub grid: [usize; 2],
    pub tensors: Vec<Tensor>,
}

impl<'a> Record<'a> {
    pub fn new(gpu: &'a Gpu, convolutions: &'a Convolutions, grid: [usize; 2]) -> Record<'a> {
        let run = Recorder::new(gpu, convolutions, Rule::Gradient, Gradients::default());
        Record { run, grid, tensors: Vec::new() }
    }

    pub fn take(&mut self) -> Vec<Dispatch> {
        std::mem::take(&mut self.run.dispatches)
    }

    pub fn keep(&mut self, tensor: Tensor) -> Tensor {
        self.tensors.push(tensor.clone());
        tensor
    }

    /// A tensor of the grid's size.
    pub fn grid(&mut self, channels: usize) -> Tensor {
        let [height, width] = self.grid;
        let tensor = self.run.gpu.tensor(height, width, channels);
        self.keep(tensor)
    }

    /// A tensor of one position.
    pub fn vector(&mut self, channels: usize) -> Tensor {
        let tensor = self.run.gpu.tensor(1, 1, channels);
        self.keep(tensor)
    }

    pub fn conv(&mut self, x: &Tensor, conv: &Conv2d, fused: Fused) -> Tensor {
        let y = self.run.conv2d(x, conv, fused);
        self.keep(y)
    }

    /// dx of dy through `conv`.
    pub fn conv_backward(&mut self, dy: &Tensor, conv: &Conv2d, fused: Fused) -> Tensor {
        let dx = self.run.gpu.tensor(dy.height, dy.width, conv.c_in);
        self.run.conv2d_backward_input(&dx, dy, conv, fused);
        self.keep(dx)
    }

    /// The grid as one window.
    pub fn whole(&self) -> Window {
        let [height, width] = self.grid;
        assert_eq!(height, width, "the largest value is found in one square window");
        Window { ksize: height, stride: height, padding: Padding::Symmetric(0) }
    }
}

pub(super) const RELU: Fused = Fused { residual: None, activation: Activation::Relu, mask: None };

/// A gradient that goes back through the ReLU that put out `output`.
pub(super) fn through(output: &Tensor) -> Fused<'_> {
    let mask = Mask { output, activation: Activation::Relu };
    Fused { mask: Some(mask), ..Default::default() }
}
