// gru_gates: what a gated recurrent unit makes of its sums, as torch.nn.GRUCell.
//   with (r, z, n, m, h) the fifths of s:
//   y = (1 - sigmoid(z)) * tanh(n + sigmoid(r) * m) + sigmoid(z) * h
// s is a linear layer of input and state, which convolutions of one position compute: r and z of
// both, n of the input, m of the state, and h the state as it is. One invocation owns one unit.
// Reference: reference::gru_gates
// Dispatch: ceil(units / 64) workgroups in x

struct Params { units: u32 }

@group(0) @binding(0) var<storage, read_write> y: array<f32>;  // [units]
@group(0) @binding(1) var<storage, read> s: array<f32>;        // [5 * units]
@group(0) @binding(2) var<uniform> p: Params;
//#import gates

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let unit = id.x;
  if (unit >= p.units) { return; }
  let gate = gates(unit);
  y[unit] = (1.0 - gate.z) * gate.n + gate.z * gate.h;
}
