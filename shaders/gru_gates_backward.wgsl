// gru_gates_backward: dL/ds of gru_gates, with r, z and n behind their sigmoids and tanh.
//   y = (1 - z) * n + z * h:  dh = z * dy,  dz = (h - n) * z * (1 - z) * dy
//   n = tanh(. + r * m):      dn = (1 - z) * (1 - n * n) * dy,  dm = r * dn,  dr = m * r * (1 - r) * dn
// One invocation owns one unit.
// Reference: reference::gru_gates_backward
// Dispatch: ceil(units / 64) workgroups in x

struct Params { units: u32 }

@group(0) @binding(0) var<storage, read_write> ds: array<f32>;  // [5 * units]
@group(0) @binding(1) var<storage, read> dy: array<f32>;        // [units]
@group(0) @binding(2) var<storage, read> s: array<f32>;         // [5 * units]
@group(0) @binding(3) var<uniform> p: Params;
//#import gates

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let unit = id.x;
  if (unit >= p.units) { return; }
  let u = p.units;
  let gate = gates(unit);
  let d = dy[unit];
  let dn = (1.0 - gate.z) * (1.0 - gate.n * gate.n) * d;
  ds[unit] = gate.m * gate.r * (1.0 - gate.r) * dn;
  ds[u + unit] = (gate.h - gate.n) * gate.z * (1.0 - gate.z) * d;
  ds[2u * u + unit] = dn;
  ds[3u * u + unit] = gate.r * dn;
  ds[4u * u + unit] = gate.z * d;
}
