//! Max pooling and its backward.

use super::fused::through_number;
use super::{Through, Window};
use crate::gpu::{Dispatch, Gpu, Tensor, grid};
use crate::operation::{MaxPoolParams, Operation};
use crate::shader;

/// y [h_out, w_out, c] = the largest value of each window of x [h_in, w_in, c]:
/// `shaders/max_pool2d.wgsl`.
pub fn max_pool2d(gpu: &Gpu, y: &Tensor, x: &Tensor, window: Window) -> Dispatch {
    let operation = Operation::MaxPool2d(params(y, x, window, None));
    let workgroups = grid((y.positions() * y.c4()).div_ceil(64));
    gpu.dispatch(shader::max_pool2d(), operation, &[&y.buffer, &x.buffer], workgroups)
}

/// dL/dx of [`max_pool2d`], and of the activation function that made x, if asked for:
/// `shaders/max_pool2d_backward.wgsl`, behind `max_pool2d_indices`, which leaves in `indices`
/// [h_out · w_out · c/4] the maximum's place in each window.
pub fn max_pool2d_backward(
    gpu: &Gpu,
    dx: &Tensor,
    dy: &Tensor,
    x: &Tensor,
    indices: &Tensor,
    window: Window,
    through: Option<Through>,
) -> [Dispatch; 2] {
    let params = params(dy, x, window, through);
    let count = dy.positions() * dy.c4();
    assert!(indices.channels >= count && window.ksize.pow(2) <= 256);
    let (operation, workgroups) = (Operation::MaxPool2dIndices(params), grid(count.div_ceil(64)));
    let find = gpu.dispatch(
        shader::max_pool2d_indices(),
        operation,
        &[&indices.buffer, &x.buffer],
        workgroups,
    );
    let bindings = [&dx.buffer, &dy.buffer, &x.buffer, &indices.buffer];
    let workgroups = grid((x.positions() * x.c4()).div_ceil(64));
    let operation = Operation::MaxPool2dBackward(params);
    [find, gpu.dispatch(shader::max_pool2d_backward(), operation, &bindings, workgroups)]
}

fn params(y: &Tensor, x: &Tensor, window: Window, through: Option<Through>) -> MaxPoolParams {
    assert_eq!(
        [y.height, y.width, y.channels],
        [window.out(x.height), window.out(x.width), x.channels]
    );
    let padding = window.before(x.height);
    assert_eq!(padding, window.before(x.width), "pools of one padding on both axes");
    let [h_out, w_out, h_in, w_in] = [y.height, y.width, x.height, x.width].map(|side| side as u32);
    let [ksize, stride, padding] = [window.ksize, window.stride, padding].map(|n| n as u32);
    let (c4, through) = (x.c4() as u32, through_number(through));
    MaxPoolParams { h_out, w_out, h_in, w_in, c4, ksize, stride, padding, through }
}
