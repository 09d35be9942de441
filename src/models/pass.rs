//! One input size: activations, gradients and recorded dispatches of a [`Model`].

use std::collections::HashMap;

use super::{AnyConv, Model};
use crate::error::{Error, Result};
use crate::gpu::{Constant, Gpu, Step, Tensor, tensor_bytes};
use crate::ops::{self, Activation, Conv2d, DepthwiseConv2d, Fused, Mask, NARROW_TILE, Rule, Scratch, Through, Tile};
use crate::tuning::Tuning;

/// The smallest input side: below 32 pixels the last stage has less than one position of its own.
pub const SMALLEST_INPUT: usize = 32;

/// Everything that one input size needs on the GPU.
pub struct Pass {
    pub input: Tensor, // [3, h, w]
    features: Features,
    pooled: Tensor,
    /// What the classifier's hidden layers put out.
    hidden: Vec<Tensor>,
    pub logits: Tensor,  // [classes]
    pub dlogits: Tensor, // [1, classes, 2], sparse: what to differentiate, written before a backward
    tuning: Tuning,
    /// One for all convolutions, forward and backward.
    scratch: Scratch,
    /// The transposed weight of whichever convolution is being run backwards.
    transposed: Constant,
    forward: Vec<Step>,
    /// The first step of `forward` that reads `pooled`.
    head: usize,
    /// Whether each logit is a sum over the pooled features: no activation function stands between.
    pub(crate) linear_head: bool,
    backward: HashMap<(Target, Rule), Backward>,
    gradients: Gradients,
}

/// What lies between the photo and the classifier.
pub(super) struct Features {
    pub stem: Tensor,
    /// Of families that pool behind the stem.
    pub pool: Option<Tensor>,
    /// One for each of [`Architecture::blocks`](crate::checkpoint::Architecture::blocks).
    pub blocks: Vec<Activations>,
    /// How many dispatches of the forward pass it takes to the output of each block.
    ends: Vec<usize>,
}

/// What a block computed.
pub(super) struct Activations {
    /// After each convolution and its activation function; the last is the block's output.
    pub outs: Vec<Tensor>,
    pub shortcut: Option<Tensor>,
}

/// Where a backward stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// The photo itself.
    Input,
    /// The output of a layer, counted as in [`Architecture::blocks`](crate::checkpoint::Architecture::blocks).
    Layer(usize),
    /// The means of the last layer's output, which the classifier reads: its gradient is a `positions`th of theirs, everywhere.
    Pooled,
}

/// Recorded dispatches from `dlogits` down to a target's gradient.
struct Backward {
    steps: Vec<Step>,
    gradient: Tensor,
}

/// Gradients' buffers by height, width and channels.
type Gradients = HashMap<([usize; 3], Slot), Tensor>;

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
    fn of_block(index: usize) -> Slot {
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
        self.ends.push(run.steps.len());
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

    fn tensors(&self) -> impl Iterator<Item = &Tensor> {
        let inside = self.blocks.iter().flat_map(|block| block.outs.iter().chain(&block.shortcut));
        inside.chain([&self.stem]).chain(&self.pool)
    }
}

impl Activations {
    fn out(&self) -> &Tensor {
        &self.outs[self.outs.len() - 1]
    }
}

/// Collects the dispatches of a forward or backward pass. The only place that knows how convolutions are cut.
pub(super) struct Recorder<'a> {
    pub gpu: &'a Gpu,
    /// By which gradients go back through activation functions.
    pub rule: Rule,
    tuning: Tuning,
    scratch: &'a Scratch,
    transposed: &'a Constant,
    gradients: Gradients,
    steps: Vec<Step>,
    layer: String,
}

impl Recorder<'_> {
    /// In which layer the following dispatches work, for timings.
    pub fn layer(&mut self, name: &str) {
        self.layer = name.into();
    }

    pub fn push(&mut self, mut step: Step) {
        step.layer = self.layer.clone();
        self.steps.push(step);
    }

    fn extend(&mut self, steps: impl IntoIterator<Item = Step>) {
        steps.into_iter().for_each(|step| self.push(step));
    }

    /// y = conv(x), in a tensor of its own.
    pub fn conv2d(&mut self, x: &Tensor, conv: &Conv2d, fused: Fused) -> Tensor {
        let window = conv.window();
        let y = self.gpu.tensor(window.out(x.height), window.out(x.width), conv.c_out);
        let steps = match self.tuning.winograd(conv, [y.height, y.width]) {
            Some(tile) => ops::conv2d_winograd(self.gpu, &y, x, conv, fused, tile, self.scratch),
            None => {
                let tile = self.tuning.tile(y.positions());
                ops::conv2d(self.gpu, &y, x, conv, fused, tile, &self.scratch.shares)
            }
        };
        self.extend(steps);
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
        let (scratch, transposed) = (self.scratch, self.transposed);
        let steps = match self.tuning.winograd(conv, [dx.height, dx.width]) {
            Some(tile) => ops::conv2d_winograd_backward_input(self.gpu, dx, dy, conv, transposed, fused, tile, scratch),
            None => {
                let tile = tile_backward(&self.tuning, conv, dx.positions());
                ops::conv2d_backward_input(self.gpu, dx, dy, conv, transposed, fused, tile, &scratch.shares)
            }
        };
        self.extend(steps);
    }

    pub fn depthwise_conv2d_backward_input(&mut self, dx: &Tensor, dy: &Tensor, conv: &DepthwiseConv2d, fused: Fused) {
        self.push(ops::depthwise_conv2d_backward_input(self.gpu, dx, dy, conv, fused));
    }

    /// A tensor of `like`'s shape, shared with other backwards of this pass.
    pub fn gradient(&mut self, like: &Tensor, slot: Slot) -> Tensor {
        self.buffer([like.height, like.width, like.channels], slot)
    }

    pub fn buffer(&mut self, shape: [usize; 3], slot: Slot) -> Tensor {
        let [height, width, channels] = shape;
        self.gradients.entry((shape, slot)).or_insert_with(|| self.gpu.tensor(height, width, channels)).clone()
    }

    /// What follows a convolution whose result goes back through the activation function that made `mask`. A tensor's gradient is
    /// whole only with `residual` added, so guided backpropagation's own ReLU comes after that: as conv2d does it, sum, ReLU, mask.
    pub fn through<'t>(&self, residual: Option<&'t Tensor>, mask: Option<Mask<'t>>) -> Fused<'t> {
        let guided = self.rule == Rule::Guided && mask.is_some();
        Fused { residual, activation: if guided { Activation::Relu } else { Activation::None }, mask }
    }
}

/// The tile for a gradient of so many positions, which a stride computes a part at a time.
fn tile_backward(tuning: &Tuning, conv: &Conv2d, positions: usize) -> Tile {
    if conv.c_in <= 4 { NARROW_TILE } else { tuning.tile(positions / (conv.stride * conv.stride)) }
}

impl Pass {
    /// Allocates and records everything for inputs of height × width; `tuning` says how convolutions are cut.
    ///
    /// Errors: [`Error::PhotoTooSmall`] below 32 pixels, [`Error::AdapterLimit`] where the largest buffer would not fit.
    pub fn new(gpu: &Gpu, model: &Model, tuning: Tuning, height: usize, width: usize) -> Result<Pass> {
        let minimum = SMALLEST_INPUT;
        if height < minimum || width < minimum {
            return Err(Error::PhotoTooSmall { width, height, minimum });
        }
        let stem = model.stem();
        let mut convs = model.sized_convs([height, width]);
        convs.extend(model.classifier().convs().map(|conv| (AnyConv::Dense(conv), [1, 1])));
        let input = tensor_bytes(height, width + 2 * stem.border(), stem.c_in);
        let outputs = convs.iter().map(|(conv, size)| {
            let [h, w] = size.map(|side| conv.window().out(side));
            tensor_bytes(h, w, conv.c_out())
        });
        let scratch = scratch_bytes(&tuning, &convs);
        let needed = outputs.chain([input]).chain(scratch).max().unwrap_or(0);
        let available = gpu.largest_buffer();
        if needed > available {
            return Err(Error::AdapterLimit { width, height, needed, available });
        }

        let scratch = Scratch::new(gpu, scratch);
        let transposed = convs.iter().filter_map(|(conv, _)| match conv {
            AnyConv::Dense(conv) => Some(conv.transposed_bytes()),
            AnyConv::Depthwise(_) => None,
        });
        // The processor reads the weights as they are.
        let transposed = gpu.scratch(transposed.max().filter(|_| !gpu.is_cpu()).unwrap_or(0));
        let input = gpu.tensor_with_border(height, width, stem.c_in, stem.border());
        let mut run = Recorder {
            gpu,
            rule: Rule::Gradient,
            tuning,
            scratch: &scratch,
            transposed: &transposed,
            gradients: Gradients::default(),
            steps: Vec::new(),
            layer: String::new(),
        };
        let features = model.forward(&mut run, &input);
        run.layer("");
        let pooled = gpu.tensor(1, 1, features.last().channels);
        run.push(ops::global_average_pool(gpu, &pooled, features.last()));
        let head = run.steps.len();
        let (hidden, logits) = model.classifier().forward(&mut run, &pooled);
        let dlogits = gpu.tensor(1, logits.channels, 2);
        let forward = run.steps;
        let (backward, gradients) = Default::default();
        Ok(Pass {
            input,
            features,
            pooled,
            hidden,
            logits,
            dlogits,
            tuning,
            scratch,
            transposed,
            forward,
            head,
            linear_head: model.classifier().is_linear(),
            backward,
            gradients,
        })
    }

    /// Queues the forward pass of what `input` holds.
    pub fn run_forward(&self, gpu: &Gpu) {
        gpu.run(&self.forward);
    }

    /// Queues what of the forward pass follows `target`, whose activations are as they should be.
    pub fn run_forward_from(&self, gpu: &Gpu, target: Target) {
        let first = match target {
            Target::Input => 0,
            Target::Layer(layer) => self.features.ends[layer],
            Target::Pooled => self.head,
        };
        gpu.run(&self.forward[first..]);
    }

    /// The logits [classes] of other means [features] of the last layer: of one feature alone, a column of the classifier's weight with
    /// its bias. Leaves logits that are not the photo's.
    pub async fn logits_of_features(&self, gpu: &Gpu, features: &[f32]) -> Result<Vec<f32>> {
        gpu.write(&self.pooled, features);
        self.run_forward_from(gpu, Target::Pooled);
        gpu.read(&self.logits).await
    }

    /// Queues the backward pass of what `dlogits` holds; the gradient of `target` is valid until the next backward.
    pub fn run_backward(&mut self, gpu: &Gpu, model: &Model, target: Target, rule: Rule) -> Tensor {
        if !self.backward.contains_key(&(target, rule)) {
            let recorded = self.record_backward(gpu, model, target, rule);
            self.backward.insert((target, rule), recorded);
        }
        let backward = &self.backward[&(target, rule)];
        gpu.run(&backward.steps);
        backward.gradient.clone()
    }

    /// Records the dispatches from `dlogits` down to `target`: the forward pass upside-down, as far as needed.
    fn record_backward(&mut self, gpu: &Gpu, model: &Model, target: Target, rule: Rule) -> Backward {
        let features = &self.features;
        let mut run = Recorder {
            gpu,
            rule,
            tuning: self.tuning,
            scratch: &self.scratch,
            transposed: &self.transposed,
            gradients: std::mem::take(&mut self.gradients),
            steps: Vec::new(),
            layer: String::new(),
        };
        let mut dy = model.classifier().backward(&mut run, &self.dlogits, &self.hidden, &self.pooled);
        let last = features.blocks.len() - 1;
        let first = match target {
            Target::Pooled => last + 1,
            Target::Layer(layer) => layer + 1,
            Target::Input => 0,
        };
        if target != Target::Pooled {
            let dx = run.gradient(features.last(), Slot::of_block(last));
            // The target's gradient is that of the layer's output, so its own activation function is not gone through.
            let through = (first <= last).then_some(Through { activation: model.pooled_activation(), rule });
            run.push(ops::global_average_pool_backward(gpu, &dx, &dy, features.last(), through));
            dy = dx;
        }
        for index in (first..=last).rev() {
            let dx = run.gradient(features.before(index), Slot::of_block(index + 1));
            model.backward_block(&mut run, index, &dx, &dy, features, index > first || target == Target::Input);
            dy = dx;
        }
        if target == Target::Input {
            let dx = run.gradient(&self.input, Slot::Even);
            model.backward_stem(&mut run, &dx, &dy, features);
            dy = dx;
        }
        let Recorder { gradients, steps, .. } = run;
        self.gradients = gradients;
        Backward { steps, gradient: dy }
    }

    /// What the forward pass computed at `target`.
    pub fn activations(&self, target: Target) -> &Tensor {
        match target {
            Target::Input => &self.input,
            Target::Layer(layer) => self.features.blocks[layer].out(),
            Target::Pooled => &self.pooled,
        }
    }

    /// Whether the classifier reads the means of this layer.
    pub fn is_pooled(&self, target: Target) -> bool {
        target == Target::Layer(self.features.blocks.len() - 1)
    }

    /// Bytes of activations (with the scratch of convolutions), and of gradients so far, on the GPU.
    pub fn bytes(&self) -> (u64, u64) {
        let scratch = self.scratch.parts().into_iter().map(Constant::bytes);
        let activations = self.forward_tensors().map(Tensor::bytes).chain(scratch).sum::<u64>();
        (activations, self.gradients.values().chain([&self.dlogits]).map(Tensor::bytes).sum())
    }

    /// Bytes of the largest weight's transposed copy, which backwards need.
    pub fn transposed_bytes(&self) -> u64 {
        self.transposed.bytes()
    }

    fn forward_tensors(&self) -> impl Iterator<Item = &Tensor> {
        self.features.tensors().chain(&self.hidden).chain([&self.input, &self.pooled, &self.logits])
    }
}

/// Bytes of the parts of the scratch that convolutions need, forward and backward.
fn scratch_bytes(tuning: &Tuning, convs: &[(AnyConv, [usize; 2])]) -> [u64; 3] {
    let mut most = [0; 3];
    for (conv, [h, w]) in convs {
        let AnyConv::Dense(conv) = conv else { continue };
        let out = [h, w].map(|side| conv.window().out(*side));
        let needed = if tuning.winograd(conv, out).is_some() {
            // Forward and backward: the same but for the order of c_in and c_out.
            let wider = conv.c_in.max(conv.c_out);
            ops::winograd_bytes(out, wider, wider)
        } else {
            let positions = out[0] * out[1];
            let forward = tuning.tile(positions).shares_bytes(positions, conv.c_out);
            let dense = h.div_ceil(conv.stride) * w.div_ceil(conv.stride);
            [forward.max(tile_backward(tuning, conv, h * w).shares_bytes(dense, conv.c_in)), 0, 0]
        };
        most.iter_mut().zip(needed).for_each(|(most, needed)| *most = needed.max(*most));
    }
    most
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.forward_tensors().chain(self.gradients.values()).chain([&self.dlogits]).for_each(Tensor::free);
        self.scratch.parts().into_iter().chain([&self.transposed]).for_each(Constant::free);
    }
}
