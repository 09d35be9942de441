//! Depthwise convolution, and its backward to the input: each channel has a filter of its own.

use super::fused::epilogue;
use super::{Fused, Padding, Precision, Window};
use crate::gpu::{Buffer, Dispatch, Gpu, Tensor, grid};
use crate::operation::{DepthwiseParams, Operation};
use crate::shader;

/// A depthwise convolution's numbers on the GPU: each channel has a filter of its own.
#[derive(Clone, Debug)]
pub struct DepthwiseConv2d {
    /// [ksize, ksize, channels], channels padded to vec4.
    pub weight: Buffer,
    pub precision: Precision,
    /// [2, channels]: what the sum is multiplied with, what is added then.
    pub scale_bias: Buffer,
    pub channels: usize,
    pub ksize: usize,
    pub stride: usize,
    pub padding: Padding,
}

impl DepthwiseConv2d {
    /// As a window.
    pub fn window(&self) -> Window {
        Window { ksize: self.ksize, stride: self.stride, padding: self.padding }
    }
}

/// y = activation(scale · depthwise_conv(x, w) + bias + residual): `shaders/depthwise_conv2d.wgsl`.
/// y [h_out, w_out, c], x [h_in, w_in, c].
pub fn depthwise_conv2d(
    gpu: &Gpu,
    y: &Tensor,
    x: &Tensor,
    conv: &DepthwiseConv2d,
    fused: Fused,
) -> Dispatch {
    let (flags, follows) = epilogue(y, Some(&conv.scale_bias), &fused, &conv.weight);
    let bindings = [&[&y.buffer, &x.buffer, &conv.weight], &follows[..]].concat();
    let workgroups = grid((y.positions() * y.c4()).div_ceil(64));
    let shader = shader::depthwise_conv2d().with_precision(conv.precision);
    let operation = Operation::DepthwiseConv2d(params(y, x, conv, flags), conv.precision);
    gpu.dispatch(shader, operation, &bindings, workgroups)
}

/// dL/dx of [`depthwise_conv2d`]'s convolution: `shaders/depthwise_conv2d_backward_input.wgsl`. dx
/// [h_in, w_in, c], dy [h_out, w_out, c].
pub fn depthwise_conv2d_backward_input(
    gpu: &Gpu,
    dx: &Tensor,
    dy: &Tensor,
    conv: &DepthwiseConv2d,
    fused: Fused,
) -> Dispatch {
    // The scale is applied to the sum: it is one number a channel, and dL/dx's channels are
    // dL/dy's.
    let (flags, mut follows) = epilogue(dx, None, &fused, &conv.weight);
    follows[0] = &conv.scale_bias;
    let bindings = [&[&dx.buffer, &dy.buffer, &conv.weight], &follows[..]].concat();
    let workgroups = grid((dx.positions() * dx.c4()).div_ceil(64));
    let shader = shader::depthwise_conv2d_backward_input().with_precision(conv.precision);
    let operation =
        Operation::DepthwiseConv2dBackwardInput(params(dy, dx, conv, flags), conv.precision);
    gpu.dispatch(shader, operation, &bindings, workgroups)
}

/// Of both; y [h_out, w_out, c] and x [h_in, w_in, c] as the forward pass has them.
fn params(y: &Tensor, x: &Tensor, conv: &DepthwiseConv2d, flags: u32) -> DepthwiseParams {
    let window = conv.window();
    assert_eq!(
        [y.height, y.width, y.channels],
        [window.out(x.height), window.out(x.width), conv.channels]
    );
    assert_eq!([x.channels, x.border, y.border], [conv.channels, 0, 0]);
    let [top, left] = [x.height, x.width].map(|side| window.before(side) as u32);
    let [h_out, w_out, h_in, w_in] = [y.height, y.width, x.height, x.width].map(|side| side as u32);
    let (c4, ksize, stride) = (y.c4() as u32, conv.ksize as u32, conv.stride as u32);
    DepthwiseParams { h_out, w_out, h_in, w_in, c4, ksize, stride, top, left, flags }
}
