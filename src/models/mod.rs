//! The networks on the GPU, forward and backward, written out by hand.
//!
//! [`Model`] holds a network's weights; [`Pass`] holds what one input size needs: every activation, the gradients' buffers, and
//! the recorded dispatches, built once and replayed for each photo. Numbers (depths, widths, classes) come from the checkpoint.
//! It does not know what the gradients are for: see [`cam`](crate::explain::cam).
//!
//! - `resnet.rs`, `mobilenet.rs`: a family each, with forward and backward of a block on one screen;
//! - `classifier.rs`: what reads the pooled features, hidden layers included;
//! - `pass.rs`: activations, gradients, and the recorder that both families write their dispatches with;
//! - `upload.rs`: packing of weights.
//!
//! To extend: a new family is a file here, a variant of [`Model`], and one in `checkpoint/recognise/`.

mod classifier;
mod loader;
mod mobilenet;
mod pass;
mod resnet;
mod upload;

use classifier::Classifier;
pub use loader::{Loader, Weights};
use mobilenet::MobileNet;
use pass::{Features, Recorder};
pub use pass::{Pass, Target};
use resnet::ResNet;
use upload::Upload;
pub use upload::{
    Shape, Uploaded, check_sizes, pack_conv_weight, pack_depthwise_weight, pack_linear_weight, pack_scale_bias,
};

use crate::checkpoint::{Architecture, Network};
use crate::error::{Error, Result};
use crate::gpu::{Constant, Gpu, Step, Tensor};
use crate::ops::{self, Activation, Conv2d, DepthwiseConv2d, Padding, Window};

/// A network's weights on the GPU.
pub enum Model {
    ResNet(ResNet),
    MobileNet(MobileNet),
}

/// A convolution of either kind.
#[derive(Clone, Copy)]
enum AnyConv<'a> {
    Dense(&'a Conv2d),
    Depthwise(&'a DepthwiseConv2d),
}

impl<'a> AnyConv<'a> {
    fn weight(self) -> &'a Constant {
        match self {
            AnyConv::Dense(conv) => &conv.weight,
            AnyConv::Depthwise(conv) => &conv.weight,
        }
    }

    fn scale_bias(self) -> &'a Constant {
        match self {
            AnyConv::Dense(conv) => &conv.scale_bias,
            AnyConv::Depthwise(conv) => &conv.scale_bias,
        }
    }

    fn window(self) -> Window {
        match self {
            AnyConv::Dense(conv) => conv.window(),
            AnyConv::Depthwise(conv) => conv.window(),
        }
    }

    fn c_out(self) -> usize {
        match self {
            AnyConv::Dense(conv) => conv.c_out,
            AnyConv::Depthwise(conv) => conv.channels,
        }
    }
}

/// What [`Model::set_conventions`] changes of a convolution.
struct Conventional<'a> {
    scale_bias: &'a mut Constant,
    padding: &'a mut Padding,
    stride: &'a mut usize,
}

impl Model {
    /// Uploads what `uploaded` does not hold of a network's weights.
    pub fn new(gpu: &Gpu, network: &Network, uploaded: Uploaded) -> Model {
        let mut upload = Upload::new(gpu, uploaded);
        match network.architecture {
            Architecture::ResNet(_) => Model::ResNet(ResNet::new(&mut upload, network)),
            Architecture::MobileNet(_) => Model::MobileNet(MobileNet::new(&mut upload, network)),
        }
    }

    /// Takes over scales, biases, paddings and strides of `network`: this one by other [`Conventions`](crate::checkpoint::Conventions).
    /// Passes that were recorded before are of no more use.
    pub fn set_conventions(&mut self, gpu: &Gpu, network: &Network) {
        let convs = match self {
            Model::ResNet(model) => model.conventional(),
            Model::MobileNet(model) => model.conventional(),
        };
        for (to, from) in convs.into_iter().zip(network.convs()) {
            to.scale_bias.free();
            *to.scale_bias = pack_scale_bias(gpu, &from.scale, &from.bias);
            (*to.padding, *to.stride) = (from.padding, from.stride);
        }
    }

    /// The layer that a name of [`Architecture::layers`] means. Errors: [`Error::UnknownLayer`].
    pub fn target(architecture: &Architecture, name: &str) -> Result<Target> {
        let blocks = architecture.blocks();
        let last_of_stage = |stage: &str| blocks.iter().rposition(|block| is_of_stage(block, stage));
        let found = blocks.iter().position(|block| block == name).or_else(|| last_of_stage(name));
        let known = || architecture.layers().join(", ");
        found.map(Target::Layer).ok_or_else(|| Error::UnknownLayer { name: name.into(), known: known() })
    }

    /// Dispatches that shuffle the weights of one of [`Architecture::parts`] in place, each tensor within itself, scales and biases
    /// (batch norm's, too) among their like; run in reverse order, they put them back, bit by bit.
    pub fn scramble(&self, gpu: &Gpu, part: &str) -> Vec<Step> {
        let layers: Vec<[&Constant; 2]> = match part {
            "fc" | "classifier" => self.classifier().constants().collect(),
            _ => self.convs_of(part).into_iter().map(|conv| [conv.weight(), conv.scale_bias()]).collect(),
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

    /// Bytes that the weights take on the GPU.
    pub fn bytes(&self) -> u64 {
        self.constants().into_iter().map(Constant::bytes).sum()
    }

    fn constants(&self) -> Vec<&Constant> {
        let convs = self.convs().into_iter().flat_map(|conv| [conv.weight(), conv.scale_bias()]);
        convs.chain(self.classifier().constants().flatten()).collect()
    }

    /// In the order of [`Network::convs`].
    fn convs(&self) -> Vec<AnyConv<'_>> {
        match self {
            Model::ResNet(model) => model.convs(),
            Model::MobileNet(model) => model.convs(),
        }
    }

    /// Those of a stage, the stem or the head.
    fn convs_of(&self, part: &str) -> Vec<AnyConv<'_>> {
        match self {
            Model::ResNet(model) => model.convs_of(part),
            Model::MobileNet(model) => model.convs_of(part),
        }
    }

    /// Every convolution with the height and width of what it reads.
    fn sized_convs(&self, size: [usize; 2]) -> Vec<(AnyConv<'_>, [usize; 2])> {
        match self {
            Model::ResNet(model) => model.sized_convs(size),
            Model::MobileNet(model) => model.sized_convs(size),
        }
    }

    fn stem(&self) -> &Conv2d {
        match self {
            Model::ResNet(model) => &model.stem,
            Model::MobileNet(model) => &model.stem,
        }
    }

    fn classifier(&self) -> &Classifier {
        match self {
            Model::ResNet(model) => &model.fc,
            Model::MobileNet(model) => &model.classifier,
        }
    }

    /// From the photo to what the classifier pools.
    fn forward(&self, run: &mut Recorder, input: &Tensor) -> Features {
        match self {
            Model::ResNet(model) => model.forward(run, input),
            Model::MobileNet(model) => model.forward(run, input),
        }
    }

    /// The backward of block `index`: dx from `dout`, the gradient of what comes before the block's own last activation function.
    /// dx goes back through the activation function that made x if `goes_on`.
    fn backward_block(
        &self,
        run: &mut Recorder,
        index: usize,
        dx: &Tensor,
        dout: &Tensor,
        features: &Features,
        goes_on: bool,
    ) {
        match self {
            Model::ResNet(model) => model.backward_block(run, index, dx, dout, features, goes_on),
            Model::MobileNet(model) => model.backward_block(run, index, dx, dout, features, goes_on),
        }
    }

    /// The backward of what lies before the first block: the photo's gradient dx.
    fn backward_stem(&self, run: &mut Recorder, dx: &Tensor, dout: &Tensor, features: &Features) {
        match self {
            Model::ResNet(model) => model.backward_stem(run, dx, dout, features),
            Model::MobileNet(model) => model.backward_stem(run, dx, dout),
        }
    }

    /// What follows the last convolution of the layer that the classifier pools.
    fn pooled_activation(&self) -> Activation {
        match self {
            Model::ResNet(_) => Activation::Relu,
            Model::MobileNet(_) => Activation::Relu6,
        }
    }
}

/// Whether a block's name is of a stage: `layer3.2` of `layer3`.
fn is_of_stage(block: &str, stage: &str) -> bool {
    block.rsplit_once('.').is_some_and(|(of, _)| of == stage)
}

impl Drop for Model {
    fn drop(&mut self) {
        self.constants().into_iter().for_each(Constant::free);
    }
}
