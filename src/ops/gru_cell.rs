//! A step of a gated recurrent unit.

use crate::gpu::{Buffer, Dispatch, Gpu, Tensor, grid};
use crate::operation::{GruCellParams, Operation};
use crate::shader;

/// A recurrent unit's numbers on the GPU, f32: columns of the gates r, z and n in each.
#[derive(Clone, Debug)]
pub struct GruCell {
    /// [inputs, 3 · units]
    pub of_input: Buffer,
    /// [units, 3 · units]
    pub of_state: Buffer,
    /// [2, 3 · units]: of the input, of the state.
    pub bias: Buffer,
    pub inputs: usize,
    pub units: usize,
}

/// y [units] = the state after input x [inputs] in state h [units]: `shaders/gru_cell.wgsl`.
pub fn gru_cell(gpu: &Gpu, y: &Tensor, x: &Tensor, h: &Tensor, cell: &GruCell) -> Dispatch {
    assert_eq!([y.channels, x.channels, h.channels], [cell.units, cell.inputs, cell.units]);
    let params = GruCellParams { inputs: cell.inputs as u32, units: cell.units as u32 };
    let bindings = [&y.buffer, &x.buffer, &h.buffer, &cell.of_input, &cell.of_state, &cell.bias];
    let workgroups = grid(cell.units.div_ceil(64));
    gpu.dispatch(shader::gru_cell(), Operation::GruCell(params), &bindings, workgroups)
}

/// A weight [3 · units, inputs], as PyTorch has it, as the shader reads it: [inputs, 3 · units].
pub fn pack_gru_weight(gpu: &Gpu, weight: &[f32], inputs: usize) -> Buffer {
    let gates = weight.len() / inputs;
    let transposed: Vec<f32> =
        (0..inputs).flat_map(|i| (0..gates).map(move |g| weight[g * inputs + i])).collect();
    gpu.buffer(&transposed)
}
