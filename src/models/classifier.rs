//! What reads the pooled features: the classifier, and the hidden layers before it of networks that
//! were given a head of their own.

use super::recorder::{Recorder, Slot};
use super::upload::Upload;
use crate::checkpoint::Network;
use crate::gpu::{Buffer, Tensor};
use crate::ops::{self, Activation, Conv2d, Fused, Linear, Mask, Through};

/// The weights on the GPU.
pub struct Classifier {
    hidden: Vec<Hidden>,
    pub last: Linear,
}

/// A linear layer, computed as a 1×1 convolution of one position.
struct Hidden {
    conv: Conv2d,
    relu: bool,
}

impl Hidden {
    fn activation(&self) -> Activation {
        if self.relu { Activation::Relu } else { Activation::None }
    }

    /// What its output's gradient goes through.
    fn mask<'t>(&self, output: &'t Tensor) -> Option<Mask<'t>> {
        self.relu.then_some(Mask { output, activation: Activation::Relu })
    }
}

impl Classifier {
    pub(super) fn new(upload: &mut Upload, network: &Network) -> Classifier {
        let hidden = network
            .hidden
            .iter()
            .map(|hidden| Hidden { conv: upload.hidden(&hidden.linear), relu: hidden.relu });
        Classifier { hidden: hidden.collect(), last: upload.linear(&network.fc) }
    }

    // Forward and backward are each other upside-down; read them side by side.
    //
    //   h = relu(hidden(pooled)), …;  logits = last(h)

    /// What each hidden layer put out, and the logits.
    pub(super) fn forward(&self, run: &mut Recorder, pooled: &Tensor) -> (Vec<Tensor>, Tensor) {
        let mut outs: Vec<Tensor> = Vec::new();
        for hidden in &self.hidden {
            let fused = Fused { activation: hidden.activation(), ..Default::default() };
            outs.push(run.conv2d(outs.last().unwrap_or(pooled), &hidden.conv, fused));
        }
        let logits = run.gpu.tensor(1, 1, self.last.classes);
        run.push(ops::linear(run.gpu, &logits, outs.last().unwrap_or(pooled), &self.last));
        (outs, logits)
    }

    /// The gradient of `pooled`; `dlogits` as [`sparse`](ops::sparse) gives it.
    pub(super) fn backward(
        &self,
        run: &mut Recorder,
        dlogits: &Tensor,
        outs: &[Tensor],
        pooled: &Tensor,
    ) -> Tensor {
        let mut dy = run.gradient(outs.last().unwrap_or(pooled), Slot::Head(self.hidden.len()));
        run.push(ops::linear_backward(run.gpu, &dy, dlogits, &self.last));
        if let (Some(hidden), Some(out)) = (self.hidden.last(), outs.last())
            && hidden.relu
        {
            // The mean over one position is the identity: all that this does is the mask.
            let dh = run.gradient(out, Slot::Masked);
            let through = Some(Through { activation: Activation::Relu, rule: run.rule });
            run.push(ops::global_average_pool_backward(run.gpu, &dh, &dy, out, through));
            dy = dh;
        }
        for (i, hidden) in self.hidden.iter().enumerate().rev() {
            let x = i.checked_sub(1).map_or(pooled, |before| &outs[before]);
            let mask = i.checked_sub(1).and_then(|before| self.hidden[before].mask(x));
            let dx = run.gradient(x, Slot::Head(i));
            let fused = run.through(None, mask);
            run.conv2d_backward_input(&dx, &dy, &hidden.conv, fused);
            dy = dx;
        }
        dy
    }

    /// Whether each logit is a sum over the pooled features.
    pub(super) fn is_linear(&self) -> bool {
        self.hidden.iter().all(|hidden| !hidden.relu)
    }

    pub(super) fn convs(&self) -> impl Iterator<Item = &Conv2d> {
        self.hidden.iter().map(|hidden| &hidden.conv)
    }

    /// Weight and scale with bias of each layer, first to last.
    pub(super) fn buffers(&self) -> impl Iterator<Item = [&Buffer; 2]> {
        let hidden = self.convs().map(|conv| [&conv.weight, &conv.scale_bias]);
        hidden.chain([[&self.last.weight, &self.last.scale_bias]])
    }
}
