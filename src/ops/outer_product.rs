//! A number a position times a number a channel.

use super::Fused;
use super::fused::epilogue;
use crate::gpu::{Dispatch, Gpu, Tensor, grid};
use crate::operation::{Operation, OuterProductParams};
use crate::shader;

/// y [h, w, c] = the first channel of a [h, w, any] times b [c], and what is fused behind it:
/// `shaders/outer_product.wgsl`.
pub fn outer_product(gpu: &Gpu, y: &Tensor, a: &Tensor, b: &Tensor, fused: Fused) -> Dispatch {
    assert_eq!([a.height, a.width, b.channels], [y.height, y.width, y.channels]);
    let (flags, [_, residual, mask]) = epilogue(y, None, &fused, &b.buffer);
    let count = y.positions() * y.c4();
    let [c4, a4] = [y, a].map(|tensor| tensor.c4() as u32);
    let operation =
        Operation::OuterProduct(OuterProductParams { count: count as u32, c4, a4, flags });
    let bindings = [&y.buffer, &a.buffer, &b.buffer, residual, mask];
    gpu.dispatch(shader::outer_product(), operation, &bindings, grid(count.div_ceil(64)))
}
