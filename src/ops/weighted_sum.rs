//! The features that a look sees, and its backward.

use super::attention::params;
use crate::gpu::{Dispatch, Gpu, Tensor, grid};
use crate::operation::{AttentionParams, Operation, RESIDUAL, WeightedSumBackwardParams};
use crate::shader;

/// y [c] = the sum over positions of the first channel of look [h, w, any up to 4] times x [h, w, c]:
/// `shaders/weighted_sum.wgsl`. dL/dx is the [`outer_product`](super::outer_product) of look and
/// dy.
pub fn weighted_sum(gpu: &Gpu, y: &Tensor, look: &Tensor, x: &Tensor) -> Dispatch {
    assert_shapes(look, y, x);
    let bindings = [&y.buffer, &look.buffer, &x.buffer];
    let workgroups = grid(x.c4().div_ceil(8));
    gpu.dispatch(shader::weighted_sum(), Operation::WeightedSum(params(x)), &bindings, workgroups)
}

/// dL/dlook [h, w, 2] of [`weighted_sum`], plus `residual` where there is one; the second channel,
/// which the sum doesn't read, is the residual's or 0: `shaders/weighted_sum_backward.wgsl`.
pub fn weighted_sum_backward(
    gpu: &Gpu,
    dlook: &Tensor,
    dy: &Tensor,
    x: &Tensor,
    residual: Option<&Tensor>,
) -> Dispatch {
    assert_shapes(dlook, dy, x);
    residual.iter().for_each(|r| assert_eq!([r.positions(), r.channels], [x.positions(), 2]));
    let AttentionParams { positions, c4 } = params(x);
    let flags = if residual.is_some() { RESIDUAL } else { 0 };
    let operation =
        Operation::WeightedSumBackward(WeightedSumBackwardParams { positions, c4, flags });
    let residual = residual.map_or(&x.buffer, |residual| &residual.buffer);
    let bindings = [&dlook.buffer, &dy.buffer, &x.buffer, residual];
    let workgroups = grid(x.positions().div_ceil(64));
    gpu.dispatch(shader::weighted_sum_backward(), operation, &bindings, workgroups)
}

fn assert_shapes(look: &Tensor, y: &Tensor, x: &Tensor) {
    assert_eq!([look.height, look.width, look.c4()], [x.height, x.width, 1]);
    assert_eq!([y.positions(), y.channels], [1, x.channels]);
}
