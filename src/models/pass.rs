//! One input size: activations, gradients and recorded dispatches of a [`Model`].

use std::collections::HashMap;

use super::layers::{AnyConv, is_of_stage};
use super::model::Model;
use super::recorder::{Features, Gradients, OutputGradient, Recorder, Slot};
use crate::checkpoint::Architecture;
use crate::error::{Error, Result};
use crate::gpu::{Dispatch, Gpu, Tensor, tensor_bytes};
use crate::ops::{self, Convolutions, Rule, ScratchBytes, Through, Tuning};

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
    convolutions: Convolutions,
    forward: Vec<Dispatch>,
    /// The first dispatch of `forward` that reads `pooled`.
    head: usize,
    /// Whether each logit is a sum over the pooled features: no activation function stands between.
    pub(crate) linear_head: bool,
    backward: HashMap<(Target, Rule), Backward>,
    gradients: Gradients,
}

/// Where a backward stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// The photo itself.
    Input,
    /// The output of a layer, counted as in
    /// [`Architecture::blocks`](crate::checkpoint::Architecture::blocks).
    Layer(usize),
    /// The means of the last layer's output, which the classifier reads: its gradient is a
    /// `positions`th of theirs, everywhere.
    Pooled,
}

/// What a backward pass knows of a convolution's output, batch norm gone through.
pub(crate) struct ConvOutput {
    pub size: (usize, usize),
    pub gradient: Vec<f32>, // [c, h, w]
    pub biases: Vec<f32>,   // [c]
}

/// Recorded dispatches from `dlogits` down to a target's gradient.
struct Backward {
    dispatches: Vec<Dispatch>,
    gradient: Tensor,
    /// Of the convolutions between.
    outputs: Vec<OutputGradient>,
}

impl Target {
    /// The layer that a name of [`Architecture::layers`] means. Errors: [`Error::UnknownLayer`].
    pub fn named(architecture: &Architecture, name: &str) -> Result<Target> {
        let blocks = architecture.blocks();
        let last_of_stage =
            |stage: &str| blocks.iter().rposition(|block| is_of_stage(block, stage));
        let found = blocks.iter().position(|block| block == name).or_else(|| last_of_stage(name));
        let known = || architecture.layers().join(", ");
        found
            .map(Target::Layer)
            .ok_or_else(|| Error::UnknownLayer { name: name.into(), known: known() })
    }
}

impl Pass {
    /// Allocates and records everything for inputs of height × width; `tuning` says how
    /// convolutions are cut.
    ///
    /// Errors: [`Error::PhotoTooSmall`] below 32 pixels, [`Error::AdapterLimit`] where the largest
    /// buffer would not fit.
    pub fn new(
        gpu: &Gpu,
        model: &Model,
        tuning: Tuning,
        height: usize,
        width: usize,
    ) -> Result<Pass> {
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
        let dense: Vec<_> =
            convs.iter().filter_map(|&(conv, size)| Some((conv.dense()?, size))).collect();
        let scratch = ScratchBytes::of(gpu, &tuning, &dense);
        let needed = outputs.chain([input, scratch.largest()]).max().unwrap_or(0);
        let available = gpu.largest_buffer();
        if needed > available {
            return Err(Error::AdapterLimit { width, height, needed, available });
        }

        let convolutions = Convolutions::new(gpu, tuning, &scratch);
        let input = gpu.tensor_with_border(height, width, stem.c_in, stem.border());
        let mut run = Recorder::new(gpu, &convolutions, Rule::Gradient, Gradients::default());
        let features = model.forward(&mut run, &input);
        run.layer("");
        let pooled = gpu.tensor(1, 1, features.last().channels);
        run.push(ops::global_average_pool(gpu, &pooled, features.last()));
        let head = run.dispatches.len();
        let (hidden, logits) = model.classifier().forward(&mut run, &pooled);
        let dlogits = gpu.tensor(1, logits.channels, 2);
        let forward = run.dispatches;
        let (backward, gradients) = Default::default();
        let linear_head = model.classifier().is_linear();
        Ok(Pass {
            input,
            features,
            pooled,
            hidden,
            logits,
            dlogits,
            convolutions,
            forward,
            head,
            linear_head,
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

    /// The logits [classes] of other means [features] of the last layer: of one feature alone, a
    /// column of the classifier's weight with its bias. Leaves logits that are not the photo's.
    pub async fn logits_of_features(&self, gpu: &Gpu, features: &[f32]) -> Result<Vec<f32>> {
        gpu.write(&self.pooled, features);
        self.run_forward_from(gpu, Target::Pooled);
        gpu.read(&self.logits).await
    }

    /// Queues the backward pass of what `dlogits` holds; the gradient of `target` is valid until
    /// the next backward.
    pub fn run_backward(&mut self, gpu: &Gpu, model: &Model, target: Target, rule: Rule) -> Tensor {
        let backward = self.recorded(gpu, model, target, rule);
        gpu.run(&backward.dispatches);
        backward.gradient.clone()
    }

    /// The same down to the input, reading back on its way: `hear` gets every convolution's
    /// [`ConvOutput`], the last one first.
    pub(crate) async fn run_backward_with_outputs(
        &mut self,
        gpu: &Gpu,
        model: &Model,
        hear: &mut dyn FnMut(ConvOutput),
    ) -> Result<Tensor> {
        let backward = self.recorded(gpu, model, Target::Input, Rule::Gradient);
        let mut done = 0;
        for OutputGradient { after, dy, scale_bias } in &backward.outputs {
            gpu.run(&backward.dispatches[done..*after]);
            done = *after;
            let (planes, pairs) = (gpu.read(dy).await?, gpu.read(scale_bias).await?);
            let biases = pairs.into_iter().skip(1).step_by(2).collect();
            hear(ConvOutput { size: (dy.height, dy.width), gradient: planes, biases });
        }
        gpu.run(&backward.dispatches[done..]);
        Ok(backward.gradient.clone())
    }

    fn recorded(&mut self, gpu: &Gpu, model: &Model, target: Target, rule: Rule) -> &Backward {
        if !self.backward.contains_key(&(target, rule)) {
            let recorded = self.record_backward(gpu, model, target, rule);
            self.backward.insert((target, rule), recorded);
        }
        &self.backward[&(target, rule)]
    }

    /// Records the dispatches from `dlogits` down to `target`: the forward pass upside-down, as far
    /// as needed.
    fn record_backward(
        &mut self,
        gpu: &Gpu,
        model: &Model,
        target: Target,
        rule: Rule,
    ) -> Backward {
        let features = &self.features;
        let mut run =
            Recorder::new(gpu, &self.convolutions, rule, std::mem::take(&mut self.gradients));
        let mut dy =
            model.classifier().backward(&mut run, &self.dlogits, &self.hidden, &self.pooled);
        run.outputs.clear(); // hidden layers of the classifier are no convolutions of the network
        let last = features.blocks.len() - 1;
        let first = match target {
            Target::Pooled => last + 1,
            Target::Layer(layer) => layer + 1,
            Target::Input => 0,
        };
        if target != Target::Pooled {
            let dx = run.gradient(features.last(), Slot::of_block(last));
            // The target's gradient is that of the layer's output, so its own activation function
            // is not gone through.
            let through =
                (first <= last).then_some(Through { activation: model.pooled_activation(), rule });
            run.push(ops::global_average_pool_backward(gpu, &dx, &dy, features.last(), through));
            dy = dx;
        }
        for index in (first..=last).rev() {
            let dx = run.gradient(features.before(index), Slot::of_block(index + 1));
            model.backward_block(
                &mut run,
                index,
                &dx,
                &dy,
                features,
                index > first || target == Target::Input,
            );
            dy = dx;
        }
        if target == Target::Input {
            let dx = run.gradient(&self.input, Slot::Even);
            model.backward_stem(&mut run, &dx, &dy, features);
            dy = dx;
        }
        let Recorder { gradients, dispatches, outputs, .. } = run;
        self.gradients = gradients;
        Backward { dispatches, gradient: dy, outputs }
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

    /// Bytes of activations (with the scratch of convolutions), and of gradients so far, on the
    /// GPU.
    pub fn bytes(&self) -> (u64, u64) {
        let activations = self.forward_tensors().map(Tensor::bytes).sum::<u64>()
            + self.convolutions.scratch_bytes();
        (activations, self.gradients.values().chain([&self.dlogits]).map(Tensor::bytes).sum())
    }

    /// Bytes of the largest weight's transposed copy, which backwards need.
    pub fn transposed_bytes(&self) -> u64 {
        self.convolutions.transposed_bytes()
    }

    fn forward_tensors(&self) -> impl Iterator<Item = &Tensor> {
        self.features.tensors().chain(&self.hidden).chain([&self.input, &self.pooled, &self.logits])
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.forward_tensors()
            .chain(self.gradients.values())
            .chain([&self.dlogits])
            .for_each(Tensor::free);
        self.convolutions.free();
    }
}
