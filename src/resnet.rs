//! The network: a ResNet, forward and backward, written out by hand.
//!
//! [`ResNet`] holds the weights on the GPU; [`Pass`] holds what one input size needs: every activation, the gradients' buffers,
//! and the recorded steps, built once and replayed for each photo. Numbers (depths, widths, classes) come from the checkpoint.
//! It does not know what the gradients are for: see [`cam`](crate::cam). Layer names are the checkpoint's: `layer3` is the
//! output of its last block, `layer3.2` that of its third. A ResNet of other depths needs no code.

use half::f16;

use crate::error::{Error, Result};
use crate::few::Few;
use crate::gpu::{Constant, Gpu, Step, Tensor, Uploader, tensor_bytes};
use crate::ops::{self, Conv2d, Fused, Linear, NARROW_TILE, Precision, Rule, Scratch, Tile, Window, pad4};
use crate::tune::Tuning;
use crate::weights::{Architecture, Conv, Dtype, Network, Values};

/// torchvision `ResNet.maxpool`: `nn.MaxPool2d(kernel_size=3, stride=2, padding=1)`
const MAX_POOL: Window = Window { ksize: 3, stride: 2, padding: 1 };

/// The smallest input side: below 32 pixels the last stage has less than one position of its own.
pub const SMALLEST_INPUT: usize = 32;

/// What [`ResNet::scramble`] takes apart, last to first.
pub const PARTS: [&str; 6] = ["fc", "layer4", "layer3", "layer2", "layer1", "conv1"];

/// A network's weights on the GPU.
pub struct ResNet {
    pub architecture: Architecture,
    stem: Conv2d,
    blocks: Vec<Block>,
    fc: Linear,
    tuning: Tuning,
    /// The transposed weight of whichever convolution is being run backwards.
    transposed: Constant,
}

/// A basic block (two convolutions) or a bottleneck (three).
struct Block {
    stage: usize,
    convs: Vec<Conv2d>,
    downsample: Option<Conv2d>,
}

/// What a block computed.
struct Activations {
    /// After each convolution and its ReLU; the last is the block's output.
    outs: Vec<Tensor>,
    shortcut: Option<Tensor>,
}

/// One input size: activations, gradients and recorded steps.
pub struct Pass {
    pub input: Tensor, // [3, h, w]
    stem: Tensor,
    pool: Tensor,
    blocks: Vec<Activations>,
    pooled: Tensor,
    pub logits: Tensor,  // [classes]
    pub dlogits: Tensor, // [1, classes, 2], sparse: what to differentiate, written before a backward
    /// One for all convolutions, forward and backward.
    scratch: Scratch,
    forward: Vec<Step>,
    /// How many of `forward` it takes to the output of each block.
    ends: Vec<usize>,
    backward: Few<(Target, Rule), Backward>,
    gradients: Few<(usize, usize, usize, Slot), Tensor>,
}

/// Where a backward stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// The photo itself.
    Input,
    /// The output of a block, counted from the first.
    Block(usize),
    /// The means of the last block's output, which the classifier reads: its gradient is a `positions`th of theirs, everywhere.
    Pooled,
}

/// Recorded steps from `dlogits` down to a target's gradient.
struct Backward {
    steps: Vec<Step>,
    gradient: Tensor,
}

/// Which of the gradients of one shape that live at the same time.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Slot {
    Even,
    Odd,
    /// Of what a block's convolution `i` read.
    Inside(usize),
    Shortcut,
    Pooled,
    /// Where the pool's maxima are.
    Indices,
}

impl Block {
    // Forward and backward are each other upside-down; read them side by side.
    //
    //   identity = downsample(x)  or  x
    //   a = relu(conv1(x));  b = relu(conv2(a));  out = relu(conv3(b) + identity)

    fn forward(&self, gpu: &Gpu, tuning: &Tuning, scratch: &Scratch, x: &Tensor, steps: &mut Vec<Step>) -> Activations {
        let mut apply = |conv: &Conv2d, x: &Tensor, fused: Fused| {
            let (h, w) = (conv.window().out(x.height), conv.window().out(x.width));
            let y = gpu.tensor(h, w, conv.c_out);
            steps.extend(match tuning.winograd(conv, [h, w]) {
                Some(tile) => ops::conv2d_winograd(gpu, &y, x, conv, fused, tile, scratch),
                None => ops::conv2d(gpu, &y, x, conv, fused, tuning.tile(h * w), &scratch.shares),
            });
            y
        };
        let shortcut = self.downsample.as_ref().map(|conv| apply(conv, x, Fused::default()));
        let mut outs: Vec<Tensor> = Vec::new();
        for (i, conv) in self.convs.iter().enumerate() {
            let last = i + 1 == self.convs.len();
            let identity = last.then(|| shortcut.as_ref().unwrap_or(x));
            outs.push(apply(conv, outs.last().unwrap_or(x), Fused { residual: identity, relu: true, mask: None }));
        }
        Activations { outs, shortcut }
    }

    /// `dout` is dL/d(conv3(b) + identity), its ReLU mask already applied; dx is masked by `mask`, if given.
    #[allow(clippy::too_many_arguments)]
    fn backward(
        &self,
        run: &mut Recorder,
        dx: &Tensor,
        dout: &Tensor,
        activations: &Activations,
        mask: Option<&Tensor>,
    ) {
        let mut dy = dout.clone();
        for (i, conv) in self.convs.iter().enumerate().skip(1).rev() {
            let a = &activations.outs[i - 1]; // relu(conv_i(·)): what conv_{i+1} read
            let da = run.gradient(a, Slot::Inside(i));
            run.conv_backward(&da, &dy, conv, run.through_relu(None, Some(a)));
            dy = da;
        }
        let through_identity = match &self.downsample {
            None => dout.clone(),
            Some(conv) => {
                let d = run.gradient(dx, Slot::Shortcut);
                run.conv_backward(&d, dout, conv, Fused::default());
                d
            }
        };
        let fused = run.through_relu(Some(&through_identity), mask);
        run.conv_backward(dx, &dy, &self.convs[0], fused);
    }
}

impl ResNet {
    /// Uploads what `uploaded` does not hold of a network's weights; `tuning` says how its convolutions are cut.
    pub fn new(gpu: &Gpu, network: &Network, mut uploaded: Uploaded, tuning: Tuning) -> ResNet {
        let uploader = gpu.uploader();
        let mut weight = |name: &str, values: &Values, shape: Shape| {
            let (precision, weight) = uploaded.0.remove(name).unwrap_or_else(|| shape.upload_values(&uploader, values));
            uploader.flush();
            (precision, weight)
        };
        let mut upload = |conv: &Conv| {
            let (precision, weight) = weight(&conv.name, &conv.weight, Shape::of(conv));
            let scale_bias = pack_scale_bias(gpu, &conv.scale, &conv.bias);
            let &Conv { c_in, c_out, ksize, stride, padding, .. } = conv;
            Conv2d { weight, precision, scale_bias, c_in, c_out, ksize, stride, padding }
        };
        let stem = upload(&network.stem);
        let mut blocks = Vec::new();
        for (stage, of_stage) in network.stages.iter().enumerate() {
            blocks.extend(of_stage.iter().map(|block| Block {
                stage: stage + 1,
                convs: block.convs.iter().map(&mut upload).collect(),
                downsample: block.downsample.as_ref().map(&mut upload),
            }));
        }
        let convs = || blocks.iter().flat_map(|b| b.convs.iter().chain(&b.downsample)).chain([&stem]);
        // The processor reads the weights as they are.
        let transposed = convs().map(Conv2d::transposed_bytes).max().filter(|_| !gpu.is_cpu());
        let transposed = gpu.scratch(transposed.unwrap_or(0));
        let (classes, features) = (network.fc.classes, network.fc.features);
        let (precision, weight) = weight("fc", &network.fc.weight, Shape::of_linear(classes, features));
        let scale_bias = pack_scale_bias(gpu, &network.fc.scale, &network.fc.bias);
        let fc = Linear { weight, precision, scale_bias, features, classes };
        ResNet { architecture: network.architecture.clone(), stem, blocks, fc, tuning, transposed }
    }

    /// Every layer that can be a target, first to last: `layer1.0` …, with the stage's own name after its last block.
    pub fn layers(&self) -> Vec<String> {
        let mut names = Vec::new();
        for (i, block) in self.blocks.iter().enumerate() {
            names.push(self.block_name(i));
            if self.blocks.get(i + 1).is_none_or(|next| next.stage != block.stage) {
                names.push(format!("layer{}", block.stage));
            }
        }
        names
    }

    /// The block that a layer name means.
    pub fn target(&self, name: &str) -> Result<Target> {
        let found = (0..self.blocks.len()).rev().find(|&i| {
            let stage = format!("layer{}", self.blocks[i].stage);
            name == stage || name == self.block_name(i)
        });
        let known = || self.layers().join(", ");
        found.map(Target::Block).ok_or_else(|| Error::UnknownLayer { name: name.into(), known: known() })
    }

    /// Whether the classifier reads the means of this layer.
    pub fn is_pooled(&self, target: Target) -> bool {
        target == Target::Block(self.blocks.len() - 1)
    }

    fn block_name(&self, index: usize) -> String {
        let stage = self.blocks[index].stage;
        let first = self.blocks.iter().position(|b| b.stage == stage).unwrap_or(0);
        format!("layer{stage}.{}", index - first)
    }

    /// Steps that shuffle the weights of one of [`PARTS`] in place, each tensor within itself, scales and biases (batch norm's, too) among
    /// their like; run in reverse order, they put them back, bit by bit.
    pub fn scramble(&self, gpu: &Gpu, part: &str) -> Vec<Step> {
        let of_stage = |block: &&Block| part == format!("layer{}", block.stage);
        let layers: Vec<[&Constant; 2]> = match part {
            "fc" => vec![[&self.fc.weight, &self.fc.scale_bias]],
            "conv1" => vec![[&self.stem.weight, &self.stem.scale_bias]],
            _ => {
                let blocks = self.blocks.iter().filter(of_stage);
                let convs = blocks.flat_map(|block| block.convs.iter().chain(&block.downsample));
                convs.map(|conv| [&conv.weight, &conv.scale_bias]).collect()
            }
        };
        let steps = |([weight, scale_bias], seed): ([&Constant; 2], u32)| {
            // [2, c]: a scale must not become a bias. The largest power of two in c keeps them apart; ResNets' c is one.
            let channels = scale_bias.bytes() as usize / 4 / 2;
            let within = 1 << channels.trailing_zeros();
            let mut steps = ops::scramble(gpu, weight, None, 2 * seed);
            steps.extend(ops::scramble(gpu, scale_bias, Some(within), 2 * seed + 1));
            steps
        };
        layers.into_iter().zip(0..).flat_map(steps).collect()
    }

    /// Bytes that the weights take on the GPU, scratch for backwards included.
    pub fn bytes(&self) -> u64 {
        self.constants().map(Constant::bytes).sum()
    }

    fn constants(&self) -> impl Iterator<Item = &Constant> {
        let convs = self.blocks.iter().flat_map(|b| b.convs.iter().chain(&b.downsample)).chain([&self.stem]);
        let of_convs = convs.flat_map(|conv| [&conv.weight, &conv.scale_bias]);
        of_convs.chain([&self.fc.weight, &self.fc.scale_bias, &self.transposed])
    }

    /// Allocates and records everything for inputs of height × width.
    ///
    /// Errors: [`Error::PhotoTooSmall`] below 32 pixels, [`Error::AdapterLimit`] where the largest buffer would not fit.
    pub fn pass(&self, gpu: &Gpu, height: usize, width: usize) -> Result<Pass> {
        let minimum = SMALLEST_INPUT;
        if height < minimum || width < minimum {
            return Err(Error::PhotoTooSmall { width, height, minimum });
        }
        let (h, w) = (self.stem.window().out(height), self.stem.window().out(width));
        let first_block = &self.blocks[0].convs;
        let widest = first_block[first_block.len() - 1].c_out;
        let (ph, pw) = (MAX_POOL.out(h), MAX_POOL.out(w));
        let scratch = self.scratch_bytes(height, width);
        let tensors = [
            tensor_bytes(height, width + 2 * self.stem.padding, self.stem.c_in),
            tensor_bytes(h, w, self.stem.c_out),
            tensor_bytes(ph, pw, widest),
        ];
        let needed = tensors.into_iter().chain(scratch).max().unwrap_or(0);
        let available = gpu.largest_buffer();
        if needed > available {
            return Err(Error::AdapterLimit { width, height, needed, available });
        }

        let scratch = Scratch::new(gpu, scratch);
        let mut steps = Vec::new();
        let input = gpu.tensor_with_border(height, width, self.stem.c_in, self.stem.padding);
        let stem = gpu.tensor(h, w, self.stem.c_out);
        let relu = Fused { relu: true, ..Default::default() };
        steps.extend(ops::conv2d(
            gpu,
            &stem,
            &input,
            &self.stem,
            relu,
            self.tuning.tile(stem.positions()),
            &scratch.shares,
        ));
        label(&mut steps, "conv1");
        let pool = gpu.tensor(ph, pw, self.stem.c_out);
        steps.push(ops::max_pool2d(gpu, &pool, &stem, MAX_POOL));
        let (mut blocks, mut ends): (Vec<Activations>, Vec<usize>) = Default::default();
        for (i, block) in self.blocks.iter().enumerate() {
            let x = blocks.last().map_or(&pool, Activations::out);
            let before = steps.len();
            let activations = block.forward(gpu, &self.tuning, &scratch, x, &mut steps);
            label(&mut steps[before..], &self.block_name(i));
            ends.push(steps.len());
            blocks.push(activations);
        }
        let features = blocks.last().map_or(&pool, Activations::out);
        let pooled = gpu.tensor(1, 1, features.channels);
        steps.push(ops::global_average_pool(gpu, &pooled, features));
        let logits = gpu.tensor(1, 1, self.fc.classes);
        steps.push(ops::linear(gpu, &logits, &pooled, &self.fc));
        let dlogits = gpu.tensor(1, self.fc.classes, 2);
        let (backward, gradients) = Default::default();
        Ok(Pass {
            input,
            stem,
            pool,
            blocks,
            pooled,
            logits,
            dlogits,
            scratch,
            forward: steps,
            ends,
            backward,
            gradients,
        })
    }

    /// Bytes of the parts of the scratch that this pass needs, forward and backward.
    fn scratch_bytes(&self, height: usize, width: usize) -> [u64; 3] {
        let mut most = [0; 3];
        let mut see = |conv: &Conv2d, [h, w]: [usize; 2]| {
            let out = [h, w].map(|side| conv.window().out(side));
            let needed = if self.tuning.winograd(conv, out).is_some() {
                // Forward and backward: the same but for the order of c_in and c_out.
                let wider = conv.c_in.max(conv.c_out);
                ops::winograd_bytes(out, wider, wider)
            } else {
                let positions = out[0] * out[1];
                let forward = self.tuning.tile(positions).shares_bytes(positions, conv.c_out);
                let dense = h.div_ceil(conv.stride) * w.div_ceil(conv.stride);
                [forward.max(self.tile_backward(conv, h * w).shares_bytes(dense, conv.c_in)), 0, 0]
            };
            most.iter_mut().zip(needed).for_each(|(most, bytes)| *most = bytes.max(*most));
            out
        };
        let mut size = see(&self.stem, [height, width]).map(|side| MAX_POOL.out(side));
        for block in &self.blocks {
            if let Some(conv) = &block.downsample {
                see(conv, size);
            }
            for conv in &block.convs {
                size = see(conv, size);
            }
        }
        most
    }

    /// The tile for a gradient of so many positions, which a stride computes a part at a time.
    fn tile_backward(&self, conv: &Conv2d, positions: usize) -> Tile {
        if conv.c_in <= 4 { NARROW_TILE } else { self.tuning.tile(positions / (conv.stride * conv.stride)) }
    }

    /// Records the steps from `dlogits` down to `target`: the forward pass upside-down, as far as needed.
    fn record_backward(&self, gpu: &Gpu, pass: &mut Pass, target: Target, rule: Rule) -> Backward {
        let (gradients, scratch) = (std::mem::take(&mut pass.gradients), pass.scratch.clone());
        let mut run = Recorder { gpu, resnet: self, rule, gradients, scratch, steps: Vec::new() };
        let mut dy = run.gradient(&pass.pooled, Slot::Pooled);
        run.steps.push(ops::linear_backward(gpu, &dy, &pass.dlogits, &self.fc));
        let last = pass.blocks.len() - 1;
        if target != Target::Pooled {
            let features = pass.blocks[last].out();
            let dx = run.gradient(features, slot(last));
            let relu = (!self.is_pooled(target)).then_some(rule);
            run.steps.push(ops::global_average_pool_backward(gpu, &dx, &dy, features, relu));
            dy = dx;
        }

        let first = match target {
            Target::Pooled => last + 1,
            Target::Block(block) => block + 1,
            Target::Input => 0,
        };
        for b in (first..=last).rev() {
            let x = if b == 0 { &pass.pool } else { pass.blocks[b - 1].out() };
            let dx = run.gradient(x, slot(b + 1));
            // The target's gradient is that of the layer's output, so its own ReLU is not gone through; the pool has none.
            let mask = (b > first && b > 0).then_some(x);
            let before = run.steps.len();
            self.blocks[b].backward(&mut run, &dx, &dy, &pass.blocks[b], mask);
            label(&mut run.steps[before..], &self.block_name(b));
            dy = dx;
        }
        if target == Target::Input {
            let dstem = run.gradient(&pass.stem, Slot::Even);
            let indices = run.buffer([1, 1, dy.positions() * dy.c4()], Slot::Indices);
            run.steps.extend(ops::max_pool2d_backward(gpu, &dstem, &dy, &pass.stem, &indices, MAX_POOL, Some(rule)));
            dy = run.gradient(&pass.input, Slot::Even);
            let before = run.steps.len();
            run.conv_backward(&dy, &dstem, &self.stem, Fused::default());
            label(&mut run.steps[before..], "conv1");
        }
        let Recorder { gradients, steps, .. } = run;
        pass.gradients = gradients;
        Backward { steps, gradient: dy }
    }
}

impl Activations {
    fn out(&self) -> &Tensor {
        &self.outs[self.outs.len() - 1]
    }
}

/// Outputs of neighbouring blocks take turns, since one is read while the other is written.
fn slot(block: usize) -> Slot {
    if block.is_multiple_of(2) { Slot::Even } else { Slot::Odd }
}

/// Says in which layer steps work, for timings.
fn label(steps: &mut [Step], layer: &str) {
    steps.iter_mut().for_each(|step| step.layer = layer.into());
}

/// Collects the steps of a backward pass.
struct Recorder<'a> {
    gpu: &'a Gpu,
    resnet: &'a ResNet,
    rule: Rule,
    gradients: Few<(usize, usize, usize, Slot), Tensor>,
    scratch: Scratch,
    steps: Vec<Step>,
}

impl Recorder<'_> {
    /// A tensor of `like`'s shape, shared with other backwards of this pass.
    fn gradient(&mut self, like: &Tensor, slot: Slot) -> Tensor {
        self.buffer([like.height, like.width, like.channels], slot)
    }

    fn buffer(&mut self, [height, width, channels]: [usize; 3], slot: Slot) -> Tensor {
        let create = || self.gpu.tensor(height, width, channels);
        self.gradients.get_or_insert((height, width, channels, slot), create).clone()
    }

    /// What follows a convolution whose result goes back through the ReLU that made `mask`. A tensor's gradient is whole only
    /// with `residual` added, so guided backpropagation's own ReLU comes after that: as conv2d does it, sum, ReLU, mask.
    fn through_relu<'t>(&self, residual: Option<&'t Tensor>, mask: Option<&'t Tensor>) -> Fused<'t> {
        Fused { residual, relu: self.rule == Rule::Guided && mask.is_some(), mask }
    }

    fn conv_backward(&mut self, dx: &Tensor, dy: &Tensor, conv: &Conv2d, fused: Fused) {
        let transposed = &self.resnet.transposed;
        let scratch = &self.scratch;
        self.steps.extend(match self.resnet.tuning.winograd(conv, [dx.height, dx.width]) {
            Some(tile) => ops::conv2d_winograd_backward_input(self.gpu, dx, dy, conv, transposed, fused, tile, scratch),
            None => {
                let tile = self.resnet.tile_backward(conv, dx.positions());
                ops::conv2d_backward_input(self.gpu, dx, dy, conv, transposed, fused, tile, &scratch.shares)
            }
        });
    }
}

impl Pass {
    /// Queues the forward pass of what `input` holds.
    pub fn run_forward(&self, gpu: &Gpu) {
        gpu.run(&self.forward);
    }

    /// Queues what of the forward pass follows `target`, whose activations are as they should be.
    pub fn run_forward_from(&self, gpu: &Gpu, target: Target) {
        let first = match target {
            Target::Input => 0,
            Target::Block(block) => self.ends[block],
            Target::Pooled => self.forward.len() - 1,
        };
        gpu.run(&self.forward[first..]);
    }

    /// The logits [classes] of what each feature [features] of the last layer alone would bring about: fc's weight a column,
    /// with its bias. Leaves logits that are not the photo's.
    pub async fn logits_of_features(&self, gpu: &Gpu, features: &[f32]) -> Result<Vec<f32>> {
        gpu.write(&self.pooled, features);
        self.run_forward_from(gpu, Target::Pooled);
        gpu.read(&self.logits).await
    }

    /// Queues the backward pass of what `dlogits` holds; the gradient of `target` is valid until the next backward.
    pub fn run_backward(&mut self, gpu: &Gpu, resnet: &ResNet, target: Target, rule: Rule) -> Tensor {
        if self.backward.get(&(target, rule)).is_none() {
            let recorded = resnet.record_backward(gpu, self, target, rule);
            self.backward.insert((target, rule), recorded);
        }
        let backward = self.backward.get(&(target, rule)).expect("it was recorded above");
        gpu.run(&backward.steps);
        backward.gradient.clone()
    }

    /// What the forward pass computed at `target`.
    pub fn activations(&self, target: Target) -> &Tensor {
        match target {
            Target::Input => &self.input,
            Target::Block(block) => self.blocks[block].out(),
            Target::Pooled => &self.pooled,
        }
    }

    /// Bytes of activations (with the scratch of convolutions), and of gradients so far, on the GPU.
    pub fn bytes(&self) -> (u64, u64) {
        let scratch = self.scratch.parts().into_iter().map(Constant::bytes);
        let activations = self.forward_tensors().map(Tensor::bytes).chain(scratch).sum::<u64>();
        (activations, self.gradients.values().chain([&self.dlogits]).map(Tensor::bytes).sum())
    }

    fn forward_tensors(&self) -> impl Iterator<Item = &Tensor> {
        let inside = self.blocks.iter().flat_map(|b| b.outs.iter().chain(&b.shortcut));
        inside.chain([&self.input, &self.stem, &self.pool, &self.pooled, &self.logits])
    }
}

impl Drop for ResNet {
    fn drop(&mut self) {
        self.constants().for_each(Constant::free);
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.forward_tensors().chain(self.gradients.values()).chain([&self.dlogits]).for_each(Tensor::free);
        self.scratch.parts().into_iter().for_each(Constant::free);
    }
}

/// Weights on the GPU that no [`ResNet`] owns yet, by the name of their convolution, or `fc`.
#[derive(Default)]
pub struct Uploaded(Few<String, (Precision, Constant)>);

impl Uploaded {
    /// Uploads a weight: little-endian numbers of `dtype`, in the order of the checkpoint.
    ///
    /// Errors: [`Error::TensorTooLarge`].
    pub fn add(&mut self, uploader: &Uploader, name: &str, shape: Shape, dtype: Dtype, bytes: &[u8]) -> Result<()> {
        shape.check(uploader, name, dtype.size())?;
        if let Some((_, twice)) = self.0.insert(name.into(), shape.upload(uploader, dtype, bytes)) {
            twice.free();
        }
        uploader.flush();
        Ok(())
    }
}

impl Drop for Uploaded {
    fn drop(&mut self) {
        self.0.values().for_each(|(_, weight)| weight.free());
    }
}

/// Refuses weights that need a larger buffer than the adapter allows. Errors: [`Error::TensorTooLarge`].
pub fn check_sizes(network: &Network, uploader: &Uploader) -> Result<()> {
    let fc = ("fc", &network.fc.weight, Shape::of_linear(network.fc.classes, network.fc.features));
    let convs = network.convs().map(|conv| (&conv.name[..], &conv.weight, Shape::of(conv)));
    convs.chain([fc]).try_for_each(|(name, values, shape)| {
        let size = match values {
            Values::F32(_) => 4,
            Values::F16(_) => 2,
            Values::I8(_) => 1,
            Values::Elsewhere => 0, // and checked when it went up
        };
        shape.check(uploader, name, size)
    })
}

/// Of a weight as checkpoints have it: [c_out, c_in/groups, ksize, ksize].
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub c_out: usize,
    pub c_in: usize,
    pub ksize: usize,
    pub groups: usize,
}

impl Shape {
    pub fn of(conv: &Conv) -> Shape {
        let &Conv { c_out, c_in, ksize, groups, .. } = conv;
        Shape { c_out, c_in, ksize, groups }
    }

    pub fn of_linear(classes: usize, features: usize) -> Shape {
        Shape { c_out: classes, c_in: features, ksize: 1, groups: 1 }
    }

    /// Whether a buffer can hold such a weight, of numbers of so many bytes.
    fn check(self, uploader: &Uploader, name: &str, size: usize) -> Result<()> {
        let needed = (self.ksize * self.ksize * pad4(self.c_in) * pad4(self.c_out) * size) as u64;
        match uploader.largest_buffer() {
            available if needed <= available => Ok(()),
            available => Err(Error::TensorTooLarge { name: format!("{name}.weight"), needed, available }),
        }
    }

    fn upload_values(self, uploader: &Uploader, values: &Values) -> (Precision, Constant) {
        match values {
            Values::F32(values) => self.upload(uploader, Dtype::F32, bytemuck::cast_slice(values)),
            Values::F16(values) => {
                let bits: Vec<u16> = values.iter().map(|value| value.to_bits()).collect();
                self.upload(uploader, Dtype::F16, bytemuck::cast_slice(&bits))
            }
            Values::I8(values) => self.upload(uploader, Dtype::I8, bytemuck::cast_slice(values)),
            Values::Elsewhere => unreachable!("a network without numbers comes with those that were uploaded"),
        }
    }

    fn upload(self, uploader: &Uploader, dtype: Dtype, bytes: &[u8]) -> (Precision, Constant) {
        match dtype {
            Dtype::F16 => (Precision::F16, self.pack::<2>(uploader, bytes)),
            Dtype::I8 => (Precision::I8, self.pack::<1>(uploader, bytes)),
            Dtype::F32 => (Precision::F32, self.pack::<4>(uploader, bytes)),
            Dtype::BF16 | Dtype::F64 => unreachable!("`Tensor::upload` makes them F32"),
        }
    }

    /// As the shaders read it: [ksize, ksize, c_in, c_out], channels padded with zeros to vec4, and zeros between the groups, at
    /// the price of multiplying them. Goes up in pieces, so that no second copy of the weight is held here.
    fn pack<const SIZE: usize>(self, uploader: &Uploader, bytes: &[u8]) -> Constant {
        const PIECE: usize = 256 << 10; // bytes
        const BLOCK: usize = 16; // output channels that are gathered side by side: their rows of the checkpoint stay in the cache
        let Shape { c_out, c_in, ksize, groups } = self;
        let (numbers, _) = bytes.as_chunks::<SIZE>();
        let (taps, per_group) = (ksize * ksize, c_in / groups);
        assert_eq!(numbers.len(), c_out * per_group * taps, "{self:?}");
        let (ci_padded, co_padded) = (pad4(c_in), pad4(c_out));
        let rows = taps * ci_padded;
        let weight = uploader.constant(rows * co_padded * SIZE);
        let at_once = (PIECE / (co_padded * SIZE)).max(1);
        let mut piece = vec![[0; SIZE]; at_once.min(rows) * co_padded];
        for first in (0..rows).step_by(at_once) {
            piece.truncate((rows - first) * co_padded);
            piece.fill([0; SIZE]);
            for block in (0..c_out).step_by(BLOCK) {
                for (row, out) in piece.chunks_exact_mut(co_padded).enumerate() {
                    let (tap, ci) = ((first + row) / ci_padded, (first + row) % ci_padded);
                    if ci >= c_in {
                        continue;
                    }
                    let group = ci / per_group * (c_out / groups)..(ci / per_group + 1) * (c_out / groups);
                    for co in block.max(group.start)..(block + BLOCK).min(group.end) {
                        out[co] = numbers[(co * per_group + ci % per_group) * taps + tap];
                    }
                }
            }
            uploader.write(&weight, first * co_padded * SIZE, piece.as_flattened());
        }
        weight
    }
}

/// A weight [c_out, c_in, ksize, ksize] on the GPU; with [`Precision::I8`] its values are rounded to 127ths.
pub fn pack_conv_weight(
    gpu: &Gpu,
    weight: &[f32],
    precision: Precision,
    c_out: usize,
    c_in: usize,
    ksize: usize,
) -> Constant {
    let values = match precision {
        Precision::F32 => Values::F32(weight.to_vec()),
        Precision::F16 => Values::F16(weight.iter().map(|&v| f16::from_f32(v)).collect()),
        Precision::I8 => Values::I8(weight.iter().map(|&v| (127.0 * v).round() as i8).collect()),
    };
    let uploader = gpu.uploader();
    let (_, weight) = Shape { c_out, c_in, ksize, groups: 1 }.upload_values(&uploader, &values);
    uploader.flush();
    weight
}

/// A weight [classes, features] on the GPU.
pub fn pack_linear_weight(
    gpu: &Gpu,
    weight: &[f32],
    precision: Precision,
    classes: usize,
    features: usize,
) -> Constant {
    pack_conv_weight(gpu, weight, precision, classes, features, 1)
}

/// [2, c]: scale, then bias, each padded with zeros to vec4.
pub fn pack_scale_bias(gpu: &Gpu, scale: &[f32], bias: &[f32]) -> Constant {
    let mut packed = vec![0.0; 2 * pad4(scale.len())];
    packed[..scale.len()].copy_from_slice(scale);
    packed[pad4(scale.len())..][..bias.len()].copy_from_slice(bias);
    gpu.constant(&packed)
}
