//! The mean of each channel, and its backward.

use super::Through;
use super::fused::through_number;
use crate::gpu::{Dispatch, Gpu, Tensor, grid};
use crate::operation::{GlobalAveragePoolParams, Operation};
use crate::shader;

/// y [c] = the mean of each channel of x [h, w, c]: `shaders/global_average_pool.wgsl`.
pub fn global_average_pool(gpu: &Gpu, y: &Tensor, x: &Tensor) -> Dispatch {
    assert_eq!([y.positions(), y.channels], [1, x.channels]);
    let operation = Operation::GlobalAveragePool(params(x, None));
    gpu.dispatch(
        shader::global_average_pool(),
        operation,
        &[&y.buffer, &x.buffer],
        grid(x.c4().div_ceil(8)),
    )
}

/// dL/dx of [`global_average_pool`], and of the activation function that made x, if asked for:
/// `shaders/global_average_pool_backward.wgsl`.
pub fn global_average_pool_backward(
    gpu: &Gpu,
    dx: &Tensor,
    dy: &Tensor,
    x: &Tensor,
    through: Option<Through>,
) -> Dispatch {
    assert_eq!([dy.positions(), dy.channels], [1, x.channels]);
    assert_eq!([dx.height, dx.width, dx.channels], [x.height, x.width, x.channels]);
    let operation = Operation::GlobalAveragePoolBackward(params(x, through));
    let workgroups = grid((x.positions() * x.c4()).div_ceil(64));
    let bindings = [&dx.buffer, &dy.buffer, &x.buffer];
    gpu.dispatch(shader::global_average_pool_backward(), operation, &bindings, workgroups)
}

fn params(x: &Tensor, through: Option<Through>) -> GlobalAveragePoolParams {
    let through = through_number(through);
    GlobalAveragePoolParams { positions: x.positions() as u32, c4: x.c4() as u32, through }
}
