// weighted_sum_backward: dL/dlook of weighted_sum; dL/dx is an outer_product.
//   dlook[position] = (sum over c of dy[c] * x[position,c], 0) + residual[position]
// One invocation owns one position.
// Reference: reference::weighted_sum_backward
// Dispatch: ceil(h*w / 64) workgroups in x

struct Params { positions: u32, c4: u32, flags: u32 }

@group(0) @binding(0) var<storage, read_write> dlook: array<vec4f>;  // [h, w, 2]
@group(0) @binding(1) var<storage, read> dy: array<vec4f>;           // [c]
@group(0) @binding(2) var<storage, read> x: array<vec4f>;            // [h, w, c]
@group(0) @binding(3) var<storage, read> residual: array<vec4f>;     // [h, w, 2]; if RESIDUAL
@group(0) @binding(4) var<uniform> p: Params;
//#import flags

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let position = id.y * groups.x * 64u + id.x;
  if (position >= p.positions) { return; }
  var sum = vec4f(0.0);
  for (var c = 0u; c < p.c4; c++) { sum += dy[c] * x[position * p.c4 + c]; }
  var along = vec4f(sum.x + sum.y + sum.z + sum.w, 0.0, 0.0, 0.0);
  if ((p.flags & RESIDUAL) != 0u) { along += residual[position]; }
  dlook[position] = along;
}
