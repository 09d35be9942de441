//! Activations without one of their channels, for Ablation-CAM.

use crate::gpu::{Dispatch, Gpu, Tensor, grid};
use crate::operation::{AblateChannelParams, Operation};
use crate::shader;

/// y = x [h, w, c] without the channel whose number is in `channel` [1], if it has one:
/// `shaders/ablate_channel.wgsl`.
pub fn ablate_channel(gpu: &Gpu, y: &Tensor, x: &Tensor, channel: &Tensor) -> Dispatch {
    assert_eq!([y.height, y.width, y.channels], [x.height, x.width, x.channels]);
    let count = x.positions() * x.c4();
    let operation =
        Operation::AblateChannel(AblateChannelParams { count: count as u32, c4: x.c4() as u32 });
    let bindings = [&y.buffer, &x.buffer, &channel.buffer];
    gpu.dispatch(shader::ablate_channel(), operation, &bindings, grid(count.div_ceil(64)))
}
