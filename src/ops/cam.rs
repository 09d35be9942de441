//! Class activation maps and channel weights.

use crate::gpu::{Dispatch, Gpu, Tensor, grid};
use crate::operation::{CamParams, Operation};
use crate::shader;

/// Channel weights of XGrad-CAM and Grad-CAM++: `shaders/cam_weights.wgsl`. `method`:
/// [`WEIGHTS_XGRAD`](crate::operation::WEIGHTS_XGRAD) or
/// [`WEIGHTS_PLUS_PLUS`](crate::operation::WEIGHTS_PLUS_PLUS).
pub fn cam_weights(
    gpu: &Gpu,
    weights: &Tensor,
    activations: &Tensor,
    gradients: &Tensor,
    method: u32,
) -> Dispatch {
    assert_eq!([weights.positions(), weights.channels], [1, activations.channels]);
    let operation = Operation::CamWeights(params(activations, method));
    let bindings = [&weights.buffer, &activations.buffer, &gradients.buffer];
    gpu.dispatch(shader::cam_weights(), operation, &bindings, grid(activations.c4().div_ceil(8)))
}

/// cam [h, w] of activations and gradients [h, w, c] and channel weights [c]: `shaders/cam.wgsl`.
/// `method`: [`CAM_WEIGHTED`](crate::operation::CAM_WEIGHTED) or another of the constants there.
pub fn cam(
    gpu: &Gpu,
    cam: &Tensor,
    activations: &Tensor,
    gradients: &Tensor,
    weights: &Tensor,
    method: u32,
) -> Dispatch {
    assert_eq!(
        [gradients.positions(), gradients.channels],
        [activations.positions(), activations.channels]
    );
    let operation = Operation::Cam(params(activations, method));
    let bindings = [&cam.buffer, &activations.buffer, &gradients.buffer, &weights.buffer];
    gpu.dispatch(shader::cam(), operation, &bindings, grid(activations.positions()))
}

fn params(activations: &Tensor, method: u32) -> CamParams {
    CamParams { positions: activations.positions() as u32, c4: activations.c4() as u32, method }
}
