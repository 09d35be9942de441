// weighted_sum: the features that a look sees.
//   y[c] = sum over positions of look[position,0] * x[position,c]
// A workgroup owns eight vec4 of channels, and eight invocations share the positions of each.
// Reference: reference::weighted_sum
// Dispatch: ceil(c/4 / 8) workgroups in x

struct Params { positions: u32, c4: u32 }

@group(0) @binding(0) var<storage, read_write> y: array<vec4f>;  // [c]
@group(0) @binding(1) var<storage, read> look: array<vec4f>;     // [h, w, 2]: attention's
@group(0) @binding(2) var<storage, read> x: array<vec4f>;        // [h, w, c]
@group(0) @binding(3) var<uniform> p: Params;

var<workgroup> sums: array<vec4f, 64>;

@compute @workgroup_size(8, 8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let c = group.x * 8u + local.x;
  let read = min(c, p.c4 - 1u);  // no early return: the barrier below needs every invocation
  var sum = vec4f(0.0);
  for (var position = local.y; position < p.positions; position += 8u) {
    sum += look[position].x * x[position * p.c4 + read];
  }
  sums[local.y * 8u + local.x] = sum;
  workgroupBarrier();
  if (local.y != 0u || c >= p.c4) { return; }
  for (var part = 1u; part < 8u; part++) { sum += sums[part * 8u + local.x]; }
  y[c] = sum;
}
