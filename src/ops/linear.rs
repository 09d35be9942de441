//! The fully connected layer and its backward.

use super::Precision;
use crate::gpu::{Buffer, Dispatch, Gpu, Tensor, grid};
use crate::operation::{LinearParams, Operation};
use crate::shader;

/// A fully connected layer's numbers on the GPU.
#[derive(Clone, Debug)]
pub struct Linear {
    /// [features, classes], classes padded to vec4.
    pub weight: Buffer,
    pub precision: Precision,
    /// [2, classes]: what the sum is multiplied with, what is added then.
    pub scale_bias: Buffer,
    pub features: usize,
    pub classes: usize,
}

/// y [classes] = scale · (w · x [features]) + bias: `shaders/linear.wgsl`.
pub fn linear(gpu: &Gpu, y: &Tensor, x: &Tensor, linear: &Linear) -> Dispatch {
    assert_eq!([y.channels, x.channels], [linear.classes, linear.features]);
    let operation = Operation::Linear(params(linear), linear.precision);
    let bindings = [&y.buffer, &x.buffer, &linear.weight, &linear.scale_bias];
    gpu.dispatch(
        shader::linear().with_precision(linear.precision),
        operation,
        &bindings,
        grid(y.c4().div_ceil(8)),
    )
}

/// dL/dx of [`linear`], of dy as [`sparse`] gives it: `shaders/linear_backward.wgsl`.
pub fn linear_backward(gpu: &Gpu, dx: &Tensor, dy: &Tensor, linear: &Linear) -> Dispatch {
    assert_eq!([dy.positions(), dy.channels, dx.channels], [linear.classes, 2, linear.features]);
    let operation = Operation::LinearBackward(params(linear), linear.precision);
    let bindings = [&dx.buffer, &dy.buffer, &linear.weight, &linear.scale_bias];
    let workgroups = grid((dx.c4() * 4).div_ceil(64));
    gpu.dispatch(
        shader::linear_backward().with_precision(linear.precision),
        operation,
        &bindings,
        workgroups,
    )
}

fn params(linear: &Linear) -> LinearParams {
    LinearParams { k4: linear.features.div_ceil(4) as u32, n4: linear.classes.div_ceil(4) as u32 }
}

/// Planes [2, 1, classes] of a dy [classes]: the numbers of those that are not zero and what they
/// are, then zeros. A subnormal number is left out: many GPUs take it for a zero, which would end
/// the list.
pub fn sparse(dy: &[f32]) -> Vec<f32> {
    let listed: Vec<usize> =
        (0..dy.len()).filter(|&n| dy[n] != 0.0 && !dy[n].is_subnormal()).collect();
    let mut planes = vec![0.0; 2 * dy.len()];
    for (i, &n) in listed.iter().enumerate() {
        (planes[i], planes[dy.len() + i]) = (n as f32, dy[n]);
    }
    planes
}
