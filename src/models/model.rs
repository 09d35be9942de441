//! [`Model`]: a network's weights on the GPU, of either family.

use super::classifier::Classifier;
use super::layers::AnyConv;
use super::mobilenet::MobileNet;
use super::recorder::{Features, Recorder};
use super::resnet::ResNet;
use super::upload::{Upload, Uploaded};
use crate::checkpoint::{Architecture, Network};
use crate::gpu::{Buffer, Dispatch, Gpu, Tensor};
use crate::ops::{self, Activation, Conv2d, pack_scale_bias};

/// A network's weights on the GPU.
pub enum Model {
    ResNet(ResNet),
    MobileNet(MobileNet),
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

    /// Takes over scales, biases, paddings and strides of `network`, the same network by other
    /// [`Conventions`](crate::checkpoint::Conventions). Passes that were recorded before are no
    /// longer valid.
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

    /// Dispatches that shuffle the weights of one of [`Architecture::parts`] in place, each tensor
    /// within itself, scales and biases (batch norm's, too) among their like; run in reverse order,
    /// they put them back, bit by bit.
    pub fn randomize(&self, gpu: &Gpu, part: &str) -> Vec<Dispatch> {
        let layers: Vec<[&Buffer; 2]> = match part {
            "fc" | "classifier" => self.classifier().buffers().collect(),
            _ => self
                .convs_of(part)
                .into_iter()
                .map(|conv| [conv.weight(), conv.scale_bias()])
                .collect(),
        };
        let dispatches = |([weight, scale_bias], seed): ([&Buffer; 2], u32)| {
            // [2, c]: a scale must not become a bias. The largest power of two in c keeps them
            // apart; ResNets' c is one.
            let channels = scale_bias.bytes() as usize / 4 / 2;
            let within = 1 << channels.trailing_zeros();
            let mut dispatches = ops::randomize(gpu, weight, None, 2 * seed);
            dispatches.extend(ops::randomize(gpu, scale_bias, Some(within), 2 * seed + 1));
            dispatches
        };
        layers.into_iter().zip(0..).flat_map(dispatches).collect()
    }

    /// Bytes that the weights take on the GPU.
    pub fn bytes(&self) -> u64 {
        self.buffers().into_iter().map(Buffer::bytes).sum()
    }

    fn buffers(&self) -> Vec<&Buffer> {
        let convs = self.convs().into_iter().flat_map(|conv| [conv.weight(), conv.scale_bias()]);
        convs.chain(self.classifier().buffers().flatten()).collect()
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
    pub(super) fn sized_convs(&self, size: [usize; 2]) -> Vec<(AnyConv<'_>, [usize; 2])> {
        match self {
            Model::ResNet(model) => model.sized_convs(size),
            Model::MobileNet(model) => model.sized_convs(size),
        }
    }

    pub(super) fn stem(&self) -> &Conv2d {
        match self {
            Model::ResNet(model) => &model.stem,
            Model::MobileNet(model) => &model.stem,
        }
    }

    pub(super) fn classifier(&self) -> &Classifier {
        match self {
            Model::ResNet(model) => &model.fc,
            Model::MobileNet(model) => &model.classifier,
        }
    }

    /// From the photo to what the classifier pools.
    pub(super) fn forward(&self, run: &mut Recorder, input: &Tensor) -> Features {
        match self {
            Model::ResNet(model) => model.forward(run, input),
            Model::MobileNet(model) => model.forward(run, input),
        }
    }

    /// The backward of block `index`: dx from `dout`, the gradient of what comes before the block's
    /// own last activation function. dx goes back through the activation function that made x if
    /// `goes_on`.
    pub(super) fn backward_block(
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
            Model::MobileNet(model) => {
                model.backward_block(run, index, dx, dout, features, goes_on)
            }
        }
    }

    /// The backward of what lies before the first block: the photo's gradient dx.
    pub(super) fn backward_stem(
        &self,
        run: &mut Recorder,
        dx: &Tensor,
        dout: &Tensor,
        features: &Features,
    ) {
        match self {
            Model::ResNet(model) => model.backward_stem(run, dx, dout, features),
            Model::MobileNet(model) => model.backward_stem(run, dx, dout),
        }
    }

    /// What follows the last convolution of the layer that the classifier pools.
    pub(super) fn pooled_activation(&self) -> Activation {
        match self {
            Model::ResNet(_) => Activation::Relu,
            Model::MobileNet(_) => Activation::Relu6,
        }
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        self.buffers().into_iter().for_each(Buffer::free);
    }
}
