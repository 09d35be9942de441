//! A network of inverted residuals: MobileNetV2 (Sandler et al. 2018, arXiv 1801.04381) and
//! EfficientNet-Lite, which is EfficientNet (Tan and Le 2019, arXiv 1905.11946) with ReLU6 and
//! without squeeze-and-excite.
//!
//! A network of other depths or widths needs no code: sizes come from the checkpoint.

use super::classifier::Classifier;
use super::layers::{AnyConv, Conventional, is_of_stage};
use super::recorder::{Activations, Features, Recorder, Slot};
use super::upload::Upload;
use crate::checkpoint::Network;
use crate::gpu::Tensor;
use crate::ops::{Activation, Conv2d, DepthwiseConv2d, Fused, Mask};

const RELU6: Fused = Fused { residual: None, activation: Activation::Relu6, mask: None };

/// The weights on the GPU.
pub struct MobileNet {
    pub(super) stem: Conv2d,
    blocks: Vec<InvertedResidual>,
    head: Conv2d,
    pub(super) classifier: Classifier,
}

/// Wide inside and narrow at its ends, where no activation follows: figure 3 of the paper.
struct InvertedResidual {
    /// "blocks.1.0"
    name: String,
    expand: Option<Conv2d>,
    depthwise: DepthwiseConv2d,
    project: Conv2d,
    /// The input is added: where shapes agree.
    residual: bool,
}

impl InvertedResidual {
    // The backward is the forward upside-down.
    //
    //   a = relu6(expand(x))  or  x
    //   b = relu6(depthwise(a));  out = project(b) [+ x]

    fn forward(&self, run: &mut Recorder, x: &Tensor) -> Activations {
        let a = self.expand.as_ref().map(|expand| run.conv2d(x, expand, RELU6));
        let b = run.depthwise_conv2d(a.as_ref().unwrap_or(x), &self.depthwise, RELU6);
        let residual = self.residual.then_some(x);
        let out = run.conv2d(&b, &self.project, Fused { residual, ..Default::default() });
        Activations { outs: a.into_iter().chain([b, out]).collect(), shortcut: None }
    }

    /// `dout` is dL/dout, which no activation follows; dx is masked by `mask`, if given.
    fn backward(
        &self,
        run: &mut Recorder,
        dx: &Tensor,
        dout: &Tensor,
        activations: &Activations,
        mask: Option<Mask>,
    ) {
        let relu6 = |output| Some(Mask { output, activation: Activation::Relu6 });
        let residual = self.residual.then_some(dout);
        let inner = &activations.outs[..activations.outs.len() - 1]; // a, if there is one, and b
        let b = &inner[inner.len() - 1];
        let db = run.gradient(b, Slot::Inside(2));
        let fused = run.through(None, relu6(b));
        run.conv2d_backward_input(&db, dout, &self.project, fused);
        match &self.expand {
            Some(expand) => {
                let a = &inner[0];
                let da = run.gradient(a, Slot::Inside(1));
                let fused = run.through(None, relu6(a));
                run.depthwise_conv2d_backward_input(&da, &db, &self.depthwise, fused);
                let fused = run.through(residual, mask);
                run.conv2d_backward_input(dx, &da, expand, fused);
            }
            None => {
                let fused = run.through(residual, mask);
                run.depthwise_conv2d_backward_input(dx, &db, &self.depthwise, fused);
            }
        }
    }

    /// In the order of the forward pass.
    fn convs(&self) -> impl Iterator<Item = AnyConv<'_>> {
        let expand = self.expand.iter().map(AnyConv::Dense);
        expand.chain([AnyConv::Depthwise(&self.depthwise), AnyConv::Dense(&self.project)])
    }
}

impl MobileNet {
    pub(super) fn new(upload: &mut Upload, network: &Network) -> MobileNet {
        let stem = upload.conv2d(&network.stem);
        let mut names = network.architecture.blocks().into_iter();
        let blocks = network.stages.iter().flatten().map(|block| {
            let [expand @ .., depthwise, project] = &block.convs[..] else {
                unreachable!("the reader gives a depthwise convolution and a projection")
            };
            let c_in = expand.first().unwrap_or(depthwise).c_in;
            InvertedResidual {
                name: names.next().unwrap_or_default(),
                expand: expand.first().map(|conv| upload.conv2d(conv)),
                depthwise: upload.depthwise_conv2d(depthwise),
                project: upload.conv2d(project),
                residual: depthwise.stride == 1 && c_in == project.c_out,
            }
        });
        let blocks = blocks.collect();
        let head = network.head.as_ref().expect("the reader gives this family a head");
        MobileNet {
            stem,
            blocks,
            head: upload.conv2d(head),
            classifier: Classifier::new(upload, network),
        }
    }

    //   out = relu6(head(blocks(relu6(stem(x)))))

    pub(super) fn forward(&self, run: &mut Recorder, input: &Tensor) -> Features {
        run.layer("conv_stem");
        let mut features = Features::new(run.conv2d(input, &self.stem, RELU6), None);
        for block in &self.blocks {
            run.layer(&block.name);
            let activations = block.forward(run, features.last());
            features.push(activations, run);
        }
        run.layer("head");
        let head = run.conv2d(features.last(), &self.head, RELU6);
        features.push(Activations { outs: vec![head], shortcut: None }, run);
        features
    }

    /// The head counts as the block behind the last.
    pub(super) fn backward_block(
        &self,
        run: &mut Recorder,
        index: usize,
        dx: &Tensor,
        dout: &Tensor,
        features: &Features,
        goes_on: bool,
    ) {
        let Some(block) = self.blocks.get(index) else {
            run.layer("head");
            return run.conv2d_backward_input(dx, dout, &self.head, Fused::default());
        };
        // Only the first block reads what an activation function made, the stem's.
        let mask = (goes_on && index == 0)
            .then(|| Mask { output: features.before(0), activation: Activation::Relu6 });
        run.layer(&block.name);
        block.backward(run, dx, dout, &features.blocks[index], mask);
    }

    pub(super) fn backward_stem(&self, run: &mut Recorder, dx: &Tensor, dstem: &Tensor) {
        run.layer("conv_stem");
        run.conv2d_backward_input(dx, dstem, &self.stem, Fused::default());
    }

    pub(super) fn convs(&self) -> Vec<AnyConv<'_>> {
        let blocks = self.blocks.iter().flat_map(InvertedResidual::convs);
        [AnyConv::Dense(&self.stem)]
            .into_iter()
            .chain(blocks)
            .chain([AnyConv::Dense(&self.head)])
            .collect()
    }

    pub(super) fn convs_of(&self, part: &str) -> Vec<AnyConv<'_>> {
        match part {
            "conv_stem" => vec![AnyConv::Dense(&self.stem)],
            "head" => vec![AnyConv::Dense(&self.head)],
            _ => {
                let is_of = |block: &&InvertedResidual| is_of_stage(&block.name, part);
                self.blocks.iter().filter(is_of).flat_map(InvertedResidual::convs).collect()
            }
        }
    }

    pub(super) fn conventional(&mut self) -> Vec<Conventional<'_>> {
        fn dense(Conv2d { scale_bias, padding, stride, .. }: &mut Conv2d) -> Conventional<'_> {
            Conventional { scale_bias, padding, stride }
        }
        let mut convs = vec![dense(&mut self.stem)];
        for block in &mut self.blocks {
            convs.extend(block.expand.as_mut().map(dense));
            let DepthwiseConv2d { scale_bias, padding, stride, .. } = &mut block.depthwise;
            convs.push(Conventional { scale_bias, padding, stride });
            convs.push(dense(&mut block.project));
        }
        convs.push(dense(&mut self.head));
        convs
    }

    pub(super) fn sized_convs(&self, mut size: [usize; 2]) -> Vec<(AnyConv<'_>, [usize; 2])> {
        let sized = |conv: AnyConv<'_>, size: &mut [usize; 2]| {
            let before = *size;
            *size = before.map(|side| conv.window().out(side));
            before
        };
        self.convs().into_iter().map(|conv| (conv, sized(conv, &mut size))).collect()
    }
}
