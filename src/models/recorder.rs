//! What both families write their dispatches with, and what they keep of a forward pass.

use std::collections::HashMap;

use crate::gpu::{Buffer, Dispatch, Gpu, Tensor};
use crate::ops::{self, Activation, Conv2d, Convolutions, DepthwiseConv2d, Fused, Mask, Rule};

/// What lies between the photo and the classifier.
pub(super) struct Features {
    pub stem: Tensor,
    /// Of families that pool behind the stem.
    pub pool: Option<Tensor>,
    /// One for each of [`Architecture::blocks`](crate::checkpoint::Architecture::blocks).
    pub blocks: Vec<Activations>,
    /// How many dispatches of the forward pass it takes to the output of each block.
    pub ends: Vec<usize>,
}

/// What a block computed.
pub(super) struct Activations {
    /// After each convolution and its activation function; the last is the block's output.
    pub outs: Vec<Tensor>,
    pub shortcut: Option<Tensor>,
}

/// Gradients' buffers by height, width and channels.
pub(super) type Gradients = HashMap<([usize; 3], Slot), Tensor>;

/// Which of the gradients of one shape that live at the same time.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Slot {
    Even,
    Odd,
    /// Of what a block's convolution `i` read.
    Inside(usize),
    Shortcut,
    /// Of what a layer of the classifier reads, counted from 0.
    Head(usize),
    /// Of what the last hidden layer put out, its activation function gone through.
    Masked,
    /// Where the pool's maxima are.
    Indices,
}

impl Slot {
    /// Outputs of neighbouring blocks take turns, since one is read while the other is written.
    pub fn of_block(index: usize) -> Slot {
        if index.is_multiple_of(2) { Slot::Even } else { Slot::Odd }
    }
}

impl Features {
    pub fn new(stem: Tensor, pool: Option<Tensor>) -> Features {
        Features { stem, pool, blocks: Vec::new(), ends: Vec::new() }
    }

    /// The output of the next block, which `run` has just recorded.
    pub fn push(&mut self, activations: Activations, run: &Recorder) {
        self.blocks.push(activations);
        self.ends.push(run.dispatches.len());
    }

    /// What block `index` reads.
    pub fn before(&self, index: usize) -> &Tensor {
        match index.checked_sub(1) {
            Some(before) => self.blocks[before].out(),
            None => self.pool.as_ref().unwrap_or(&self.stem),
        }
    }

    /// The output of the last block so far.
    pub fn last(&self) -> &Tensor {
        self.before(self.blocks.len())
    }

    pub fn tensors(&self) -> impl Iterator<Item = &Tensor> {
        let inside = self.blocks.iter().flat_map(|block| block.outs.iter().chain(&block.shortcut));
        inside.chain([&self.stem]).chain(&self.pool)
    }
}

impl Activations {
    pub fn out(&self) -> &Tensor {
        &self.outs[self.outs.len() - 1]
    }
}

/// Collects the dispatches of a forward or backward pass.
pub(super) struct Recorder<'a> {
    pub gpu: &'a Gpu,
    /// By which gradients go back through activation functions.
    pub rule: Rule,
    convolutions: &'a Convolutions,
    pub gradients: Gradients,
    pub dispatches: Vec<Dispatch>,
    /// Convolutions that the backward has come to.
    pub outputs: Vec<OutputGradient>,
    layer: String,
}

/// Where a backward pass has the gradient of a convolution's output, batch norm gone through.
pub(super) struct OutputGradient {
    /// How many dispatches of the backward pass it takes; the next ones write over it.
    pub after: usize,
    pub dy: Tensor,
    /// One row of two positions: scales and biases of the channels.
    pub scale_bias: Tensor,
}

impl<'a> Recorder<'a> {
    /// `gradients`: buffers that earlier backwards made.
    pub fn new(
        gpu: &'a Gpu,
        convolutions: &'a Convolutions,
        rule: Rule,
        gradients: Gradients,
    ) -> Recorder<'a> {
        Recorder {
            gpu,
            rule,
            convolutions,
            gradients,
            dispatches: Vec::new(),
            outputs: Vec::new(),
            layer: String::new(),
        }
    }

    /// In which layer the following dispatches work, for timings.
    pub fn layer(&mut self, name: &str) {
        self.layer = name.into();
    }

    pub fn push(&mut self, mut dispatch: Dispatch) {
        dispatch.layer = self.layer.clone();
        self.dispatches.push(dispatch);
    }

    pub fn extend(&mut self, dispatches: impl IntoIterator<Item = Dispatch>) {
        dispatches.into_iter().for_each(|dispatch| self.push(dispatch));
    }

    /// y = conv(x), in a tensor of its own.
    pub fn conv2d(&mut self, x: &Tensor, conv: &Conv2d, fused: Fused) -> Tensor {
        let window = conv.window();
        let y = self.gpu.tensor(window.out(x.height), window.out(x.width), conv.c_out);
        self.extend(self.convolutions.conv2d(self.gpu, &y, x, conv, fused));
        y
    }

    /// The same of a depthwise convolution.
    pub fn depthwise_conv2d(&mut self, x: &Tensor, conv: &DepthwiseConv2d, fused: Fused) -> Tensor {
        let window = conv.window();
        let y = self.gpu.tensor(window.out(x.height), window.out(x.width), conv.channels);
        self.push(ops::depthwise_conv2d(self.gpu, &y, x, conv, fused));
        y
    }

    pub fn conv2d_backward_input(&mut self, dx: &Tensor, dy: &Tensor, conv: &Conv2d, fused: Fused) {
        self.note(dy, &conv.scale_bias);
        self.extend(self.convolutions.conv2d_backward_input(self.gpu, dx, dy, conv, fused));
    }

    pub fn depthwise_conv2d_backward_input(
        &mut self,
        dx: &Tensor,
        dy: &Tensor,
        conv: &DepthwiseConv2d,
        fused: Fused,
    ) {
        self.note(dy, &conv.scale_bias);
        self.push(ops::depthwise_conv2d_backward_input(self.gpu, dx, dy, conv, fused));
    }

    fn note(&mut self, dy: &Tensor, scale_bias: &Buffer) {
        let (after, dy) = (self.dispatches.len(), dy.clone());
        let scale_bias =
            Tensor { buffer: scale_bias.clone(), height: 1, width: 2, border: 0, ..dy };
        self.outputs.push(OutputGradient { after, dy, scale_bias });
    }

    /// A tensor of `like`'s shape, shared with other backwards of this pass.
    pub fn gradient(&mut self, like: &Tensor, slot: Slot) -> Tensor {
        self.buffer([like.height, like.width, like.channels], slot)
    }

    pub fn buffer(&mut self, shape: [usize; 3], slot: Slot) -> Tensor {
        let [height, width, channels] = shape;
        self.gradients
            .entry((shape, slot))
            .or_insert_with(|| self.gpu.tensor(height, width, channels))
            .clone()
    }

    /// What follows a convolution whose result goes back through the activation function that made
    /// `mask`. A tensor's gradient is whole only with `residual` added, so guided backpropagation's
    /// own ReLU comes after that: as conv2d does it, sum, ReLU, mask.
    pub fn through<'t>(&self, residual: Option<&'t Tensor>, mask: Option<Mask<'t>>) -> Fused<'t> {
        let guided = self.rule == Rule::Guided && mask.is_some();
        Fused {
            residual,
            activation: if guided { Activation::Relu } else { Activation::None },
            mask,
        }
    }
}
