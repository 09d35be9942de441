//! What each position knows of its place, and its backward.

use crate::gpu::{Dispatch, Gpu, Tensor};
use crate::operation::{OffsetsParams, Operation};
use crate::shader;

/// Channels of [`offsets`]: x, y, both from where the look's centre is, the look's second channel.
pub const EXTRAS: usize = 5;

/// extras [h, w, 5] of look [h, w, 2], as [`attention`](super::attention) gives it:
/// `shaders/offsets.wgsl`. Coordinates run from -1 to 1.
pub fn offsets(gpu: &Gpu, extras: &Tensor, look: &Tensor) -> Dispatch {
    let operation = Operation::Offsets(params(extras, look));
    gpu.dispatch(shader::offsets(), operation, &[&extras.buffer, &look.buffer], [1; 3])
}

/// dL/dlook [h, w, 2] of [`offsets`]: `shaders/offsets_backward.wgsl`.
pub fn offsets_backward(gpu: &Gpu, dlook: &Tensor, dextras: &Tensor) -> Dispatch {
    let operation = Operation::OffsetsBackward(params(dextras, dlook));
    gpu.dispatch(shader::offsets_backward(), operation, &[&dlook.buffer, &dextras.buffer], [1; 3])
}

fn params(extras: &Tensor, look: &Tensor) -> OffsetsParams {
    assert_eq!(
        [extras.height, extras.width, extras.channels, look.channels],
        [look.height, look.width, EXTRAS, 2]
    );
    OffsetsParams { height: look.height as u32, width: look.width as u32 }
}
