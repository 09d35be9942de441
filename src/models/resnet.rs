//! A ResNet: residual blocks of two or three convolutions. He et al. 2015, arXiv 1512.03385;
//! torchvision's v1.5.
//!
//! A ResNet of other depths needs no code: sizes come from the checkpoint.

use super::classifier::Classifier;
use super::layers::{AnyConv, Conventional, is_of_stage};
use super::recorder::{Activations, Features, Recorder, Slot};
use super::upload::Upload;
use crate::checkpoint::Network;
use crate::gpu::Tensor;
use crate::ops::{self, Activation, Conv2d, Fused, Mask, Padding, Through, Window};

/// torchvision `ResNet.maxpool`: `nn.MaxPool2d(kernel_size=3, stride=2, padding=1)`
const MAX_POOL: Window = Window { ksize: 3, stride: 2, padding: Padding::Symmetric(1) };

/// The weights on the GPU.
pub struct ResNet {
    pub(super) stem: Conv2d,
    blocks: Vec<Block>,
    pub(super) fc: Classifier,
}

/// A basic block (two convolutions) or a bottleneck (three).
struct Block {
    /// "layer1.0"
    name: String,
    convs: Vec<Conv2d>,
    downsample: Option<Conv2d>,
}

impl Block {
    // The backward is the forward upside-down.
    //
    //   identity = downsample(x)  or  x
    //   a = relu(conv1(x));  b = relu(conv2(a));  out = relu(conv3(b) + identity)

    fn forward(&self, run: &mut Recorder, x: &Tensor) -> Activations {
        let shortcut = self.downsample.as_ref().map(|conv| run.conv2d(x, conv, Fused::default()));
        let mut outs: Vec<Tensor> = Vec::new();
        for (i, conv) in self.convs.iter().enumerate() {
            let last = i + 1 == self.convs.len();
            let residual = last.then(|| shortcut.as_ref().unwrap_or(x));
            let fused = Fused { residual, activation: Activation::Relu, mask: None };
            outs.push(run.conv2d(outs.last().unwrap_or(x), conv, fused));
        }
        Activations { outs, shortcut }
    }

    /// `dout` is dL/d(conv3(b) + identity), its ReLU mask already applied; dx is masked by `mask`,
    /// if given.
    fn backward(
        &self,
        run: &mut Recorder,
        dx: &Tensor,
        dout: &Tensor,
        activations: &Activations,
        mask: Option<Mask>,
    ) {
        let mut dy = dout.clone();
        for (i, conv) in self.convs.iter().enumerate().skip(1).rev() {
            let a = &activations.outs[i - 1]; // relu(conv_i(·)): what conv_{i+1} read
            let da = run.gradient(a, Slot::Inside(i));
            let fused = run.through(None, Some(Mask { output: a, activation: Activation::Relu }));
            run.conv2d_backward_input(&da, &dy, conv, fused);
            dy = da;
        }
        let through_identity = match &self.downsample {
            None => dout.clone(),
            Some(conv) => {
                let d = run.gradient(dx, Slot::Shortcut);
                run.conv2d_backward_input(&d, dout, conv, Fused::default());
                d
            }
        };
        let fused = run.through(Some(&through_identity), mask);
        run.conv2d_backward_input(dx, &dy, &self.convs[0], fused);
    }

    fn convs(&self) -> impl Iterator<Item = &Conv2d> {
        self.convs.iter().chain(&self.downsample)
    }
}

impl ResNet {
    pub(super) fn new(upload: &mut Upload, network: &Network) -> ResNet {
        let stem = upload.conv2d(&network.stem);
        let mut names = network.architecture.blocks().into_iter();
        let blocks = network.stages.iter().flatten().map(|block| Block {
            name: names.next().unwrap_or_default(),
            convs: block.convs.iter().map(|conv| upload.conv2d(conv)).collect(),
            downsample: block.downsample.as_ref().map(|conv| upload.conv2d(conv)),
        });
        let blocks = blocks.collect();
        ResNet { stem, blocks, fc: Classifier::new(upload, network) }
    }

    //   out = blocks(maxpool(relu(stem(x))))

    pub(super) fn forward(&self, run: &mut Recorder, input: &Tensor) -> Features {
        run.layer("conv1");
        let stem = run.conv2d(
            input,
            &self.stem,
            Fused { activation: Activation::Relu, ..Default::default() },
        );
        run.layer("");
        let pool =
            run.gpu.tensor(MAX_POOL.out(stem.height), MAX_POOL.out(stem.width), stem.channels);
        run.push(ops::max_pool2d(run.gpu, &pool, &stem, MAX_POOL));
        let mut features = Features::new(stem, Some(pool));
        for block in &self.blocks {
            run.layer(&block.name);
            let activations = block.forward(run, features.last());
            features.push(activations, run);
        }
        features
    }

    pub(super) fn backward_block(
        &self,
        run: &mut Recorder,
        index: usize,
        dx: &Tensor,
        dout: &Tensor,
        features: &Features,
        goes_on: bool,
    ) {
        let block = &self.blocks[index];
        // What the first block reads are the pool's maxima, which no ReLU made.
        let mask = (goes_on && index > 0)
            .then(|| Mask { output: features.before(index), activation: Activation::Relu });
        run.layer(&block.name);
        block.backward(run, dx, dout, &features.blocks[index], mask);
    }

    pub(super) fn backward_stem(
        &self,
        run: &mut Recorder,
        dx: &Tensor,
        dpool: &Tensor,
        features: &Features,
    ) {
        run.layer("");
        let dstem = run.gradient(&features.stem, Slot::Even);
        let indices = run.buffer([1, 1, dpool.positions() * dpool.c4()], Slot::Indices);
        let relu = Some(Through { activation: Activation::Relu, rule: run.rule });
        run.extend(ops::max_pool2d_backward(
            run.gpu,
            &dstem,
            dpool,
            &features.stem,
            &indices,
            MAX_POOL,
            relu,
        ));
        run.layer("conv1");
        run.conv2d_backward_input(dx, &dstem, &self.stem, Fused::default());
    }

    pub(super) fn convs(&self) -> Vec<AnyConv<'_>> {
        let convs = [&self.stem].into_iter().chain(self.blocks.iter().flat_map(Block::convs));
        convs.map(AnyConv::Dense).collect()
    }

    pub(super) fn convs_of(&self, part: &str) -> Vec<AnyConv<'_>> {
        if part == "conv1" {
            return vec![AnyConv::Dense(&self.stem)];
        }
        let blocks = self.blocks.iter().filter(|block| is_of_stage(&block.name, part));
        blocks.flat_map(Block::convs).map(AnyConv::Dense).collect()
    }

    pub(super) fn conventional(&mut self) -> Vec<Conventional<'_>> {
        let blocks = self
            .blocks
            .iter_mut()
            .flat_map(|block| block.convs.iter_mut().chain(&mut block.downsample));
        let convs = [&mut self.stem].into_iter().chain(blocks);
        convs
            .map(|Conv2d { scale_bias, padding, stride, .. }| Conventional {
                scale_bias,
                padding,
                stride,
            })
            .collect()
    }

    pub(super) fn sized_convs(&self, size: [usize; 2]) -> Vec<(AnyConv<'_>, [usize; 2])> {
        let mut sized = vec![(AnyConv::Dense(&self.stem), size)];
        let mut size = size.map(|side| MAX_POOL.out(self.stem.window().out(side)));
        for block in &self.blocks {
            sized.extend(block.downsample.iter().map(|conv| (AnyConv::Dense(conv), size)));
            for conv in &block.convs {
                sized.push((AnyConv::Dense(conv), size));
                size = size.map(|side| conv.window().out(side));
            }
        }
        sized
    }
}
