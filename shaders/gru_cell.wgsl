// gru_cell: one step of a gated recurrent unit, as torch.nn.GRUCell.
//   r = sigmoid(W_ir x + b_ir + W_hr h + b_hr)
//   z = sigmoid(W_iz x + b_iz + W_hz h + b_hz)
//   n = tanh(W_in x + b_in + r * (W_hn h + b_hn))
//   y = (1 - z) * n + z * h
// Weights are [inputs, 3 * units], columns of r, then z, then n. One invocation owns one unit.
// Forward only: a question does not depend on the picture.
// Reference: reference::gru_cell
// Dispatch: ceil(units / 64) workgroups in x

struct Params { inputs: u32, units: u32 }

@group(0) @binding(0) var<storage, read_write> y: array<f32>;  // [units]
@group(0) @binding(1) var<storage, read> x: array<f32>;        // [inputs]
@group(0) @binding(2) var<storage, read> h: array<f32>;        // [units]
@group(0) @binding(3) var<storage, read> w_x: array<f32>;      // [inputs, 3 * units]
@group(0) @binding(4) var<storage, read> w_h: array<f32>;      // [units, 3 * units]
@group(0) @binding(5) var<storage, read> bias: array<f32>;     // [2, 3 * units]: of x, of h
@group(0) @binding(6) var<uniform> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let unit = id.x;
  if (unit >= p.units) { return; }
  let gates = 3u * p.units;
  let r = unit;
  let z = p.units + unit;
  let n = 2u * p.units + unit;
  var of_x = vec3f(bias[r], bias[z], bias[n]);
  for (var i = 0u; i < p.inputs; i++) {
    let row = i * gates;
    of_x += x[i] * vec3f(w_x[row + r], w_x[row + z], w_x[row + n]);
  }
  var of_h = vec3f(bias[gates + r], bias[gates + z], bias[gates + n]);
  for (var i = 0u; i < p.units; i++) {
    let row = i * gates;
    of_h += h[i] * vec3f(w_h[row + r], w_h[row + z], w_h[row + n]);
  }
  let open = 1.0 / (1.0 + exp(-(of_x.xy + of_h.xy)));
  // Beyond 15 tanh is 1 in f32, and some drivers' tanh overflows for large arguments.
  let candidate = tanh(clamp(of_x.z + open.x * of_h.z, -15.0, 15.0));
  y[unit] = (1.0 - open.y) * candidate + open.y * h[unit];
}
