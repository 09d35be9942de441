//! How well positions match a query, and its backward.

use crate::gpu::{Dispatch, Gpu, Tensor};
use crate::operation::{AttentionParams, Operation};
use crate::shader;

/// y [h, w, 2] = softmax over positions, and sigmoid behind a threshold [1], of x [h, w, c] times
/// query [c]: `shaders/attention.wgsl`.
pub fn attention(
    gpu: &Gpu,
    y: &Tensor,
    x: &Tensor,
    query: &Tensor,
    threshold: &Tensor,
) -> Dispatch {
    assert_eq!([y.height, y.width, y.channels], [x.height, x.width, 2]);
    assert_eq!([query.channels, threshold.channels], [x.channels, 1]);
    let operation = Operation::Attention(params(x));
    let bindings = [&y.buffer, &x.buffer, &query.buffer, &threshold.buffer];
    gpu.dispatch(shader::attention(), operation, &bindings, [1; 3])
}

/// ds [h, w, 1] of dy and y [h, w, 2] of [`attention`]: the gradient of the product with the query.
/// dL/dx is its [`outer_product`](super::outer_product) with the query:
/// `shaders/attention_backward.wgsl`.
pub fn attention_backward(gpu: &Gpu, ds: &Tensor, dy: &Tensor, y: &Tensor) -> Dispatch {
    assert_eq!([ds.height, ds.width, ds.channels], [y.height, y.width, 1]);
    assert_eq!([dy.height, dy.width, dy.channels, y.channels], [y.height, y.width, 2, 2]);
    let operation = Operation::AttentionBackward(params(y));
    let bindings = [&ds.buffer, &dy.buffer, &y.buffer];
    gpu.dispatch(shader::attention_backward(), operation, &bindings, [1; 3])
}

pub(super) fn params(x: &Tensor) -> AttentionParams {
    AttentionParams { positions: x.positions() as u32, c4: x.c4() as u32 }
}
