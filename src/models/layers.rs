//! What both families have in common: convolutions of either kind.

use crate::gpu::Buffer;
use crate::ops::{Conv2d, DepthwiseConv2d, Padding, Window};

/// A convolution of either kind.
#[derive(Clone, Copy)]
pub(super) enum AnyConv<'a> {
    Dense(&'a Conv2d),
    Depthwise(&'a DepthwiseConv2d),
}

impl<'a> AnyConv<'a> {
    /// None for a depthwise one.
    pub fn dense(self) -> Option<&'a Conv2d> {
        match self {
            AnyConv::Dense(conv) => Some(conv),
            AnyConv::Depthwise(_) => None,
        }
    }

    pub fn weight(self) -> &'a Buffer {
        match self {
            AnyConv::Dense(conv) => &conv.weight,
            AnyConv::Depthwise(conv) => &conv.weight,
        }
    }

    pub fn scale_bias(self) -> &'a Buffer {
        match self {
            AnyConv::Dense(conv) => &conv.scale_bias,
            AnyConv::Depthwise(conv) => &conv.scale_bias,
        }
    }

    pub fn window(self) -> Window {
        match self {
            AnyConv::Dense(conv) => conv.window(),
            AnyConv::Depthwise(conv) => conv.window(),
        }
    }

    pub fn c_out(self) -> usize {
        match self {
            AnyConv::Dense(conv) => conv.c_out,
            AnyConv::Depthwise(conv) => conv.channels,
        }
    }
}

/// What [`Model::set_conventions`](super::Model::set_conventions) changes of a convolution.
pub(super) struct Conventional<'a> {
    pub scale_bias: &'a mut Buffer,
    pub padding: &'a mut Padding,
    pub stride: &'a mut usize,
}

/// Whether a block's name is of a stage: `layer3.2` of `layer3`.
pub(super) fn is_of_stage(block: &str, stage: &str) -> bool {
    block.rsplit_once('.').is_some_and(|(of, _)| of == stage)
}
