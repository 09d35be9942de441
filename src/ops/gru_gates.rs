//! What a gated recurrent unit makes of its sums, and its backward.

use crate::gpu::{Dispatch, Gpu, Tensor, grid};
use crate::operation::{GruGatesParams, Operation};
use crate::shader;

/// Sums of a unit that [`gru_gates`] reads.
pub const GATES: usize = 5;

/// y [units] = the state after sums s [5 · units]: `shaders/gru_gates.wgsl`.
pub fn gru_gates(gpu: &Gpu, y: &Tensor, s: &Tensor) -> Dispatch {
    let operation = Operation::GruGates(params(y, s));
    let bindings = [&y.buffer, &s.buffer];
    gpu.dispatch(shader::gru_gates(), operation, &bindings, grid(y.channels.div_ceil(64)))
}

/// dL/ds [5 · units] of [`gru_gates`], of its dy: `shaders/gru_gates_backward.wgsl`.
pub fn gru_gates_backward(gpu: &Gpu, ds: &Tensor, dy: &Tensor, s: &Tensor) -> Dispatch {
    assert_eq!(ds.channels, s.channels);
    let operation = Operation::GruGatesBackward(params(dy, s));
    let bindings = [&ds.buffer, &dy.buffer, &s.buffer];
    gpu.dispatch(shader::gru_gates_backward(), operation, &bindings, grid(dy.channels.div_ceil(64)))
}

fn params(y: &Tensor, s: &Tensor) -> GruGatesParams {
    assert_eq!([y.positions(), s.positions(), s.channels], [1, 1, GATES * y.channels]);
    GruGatesParams { units: y.channels as u32 }
}
