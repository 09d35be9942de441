//! What follows an operation in the same dispatch, forward and backward.

use crate::gpu::{Buffer, Tensor};
use crate::operation::{MASK, MASK_BELOW_6, RELU, RELU6, RESIDUAL, SCALE_BIAS};

/// An activation function, fused behind the operation before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Activation {
    #[default]
    None,
    /// max(x, 0)
    Relu,
    /// min(max(x, 0), 6). Sandler et al. 2018, arXiv 1801.04381
    Relu6,
}

/// What an activation function put out. A gradient goes back through it only where the function has
/// a slope: where the value lies above 0 and, for ReLU6, below 6.
#[derive(Clone, Copy, Debug)]
pub struct Mask<'a> {
    pub output: &'a Tensor,
    pub activation: Activation,
}

/// What follows a convolution in the same dispatch, in this order.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fused<'a> {
    /// Added to the result.
    pub residual: Option<&'a Tensor>,
    pub activation: Activation,
    /// The backward of the activation function that made the mask's output.
    pub mask: Option<Mask<'a>>,
}

/// How a gradient goes back through a ReLU or ReLU6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// Where the function has a slope: the derivative.
    Gradient,
    /// And only where the gradient itself is positive: guided backpropagation. Springenberg et al.
    /// 2014, arXiv 1412.6806
    Guided,
}

/// The activation function that a backward goes through, and by which rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Through {
    pub activation: Activation,
    pub rule: Rule,
}

/// The shaders' flags for what follows a sum, and what they read for it; `unused` is bound where
/// the flags say that nothing is read.
pub(super) fn epilogue<'a>(
    y: &Tensor,
    scale_bias: Option<&'a Buffer>,
    fused: &Fused<'a>,
    unused: &'a Buffer,
) -> (u32, [&'a Buffer; 3]) {
    for other in [fused.residual, fused.mask.map(|mask| mask.output)].into_iter().flatten() {
        assert_eq!([other.height, other.width, other.channels], [y.height, y.width, y.channels]);
    }
    let flag = |set: bool, bit: u32| if set { bit } else { 0 };
    let flags = flag(scale_bias.is_some(), SCALE_BIAS)
        | flag(fused.residual.is_some(), RESIDUAL)
        | flag(fused.activation != Activation::None, RELU)
        | flag(fused.activation == Activation::Relu6, RELU6)
        | flag(fused.mask.is_some(), MASK)
        | flag(fused.mask.is_some_and(|mask| mask.activation == Activation::Relu6), MASK_BELOW_6);
    let follows = [
        scale_bias.unwrap_or(unused),
        fused.residual.map_or(unused, |t| &t.buffer),
        fused.mask.map_or(unused, |mask| &mask.output.buffer),
    ];
    (flags, follows)
}

/// The shaders' numbers, `through` in their parameters: 0 for none; 1 and 2 for a ReLU and guided
/// through a ReLU; 3 and 4 for ReLU6.
pub(super) fn through_number(through: Option<Through>) -> u32 {
    match through {
        None | Some(Through { activation: Activation::None, .. }) => 0,
        Some(Through { activation: Activation::Relu, rule }) => 1 + rule as u32,
        Some(Through { activation: Activation::Relu6, rule }) => 3 + rule as u32,
    }
}
