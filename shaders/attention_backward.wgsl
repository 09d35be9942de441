// attention_backward: dL/ds of attention, from where outer_product leads to dL/dx.
//   with (a, b) = y[position] and (da, db) = dy[position]
//   ds[position] = a * (da - sum over positions of a * da) + b * (1 - b) * db
// One workgroup does it all.
// Reference: reference::attention_backward
// Dispatch: 1 workgroup

struct Params { positions: u32, c4: u32 }

@group(0) @binding(0) var<storage, read_write> ds: array<vec4f>;  // [h, w, 1]
@group(0) @binding(1) var<storage, read> dy: array<vec4f>;        // [h, w, 2]
@group(0) @binding(2) var<storage, read> y: array<vec4f>;         // [h, w, 2]
@group(0) @binding(3) var<uniform> p: Params;
//#import workgroup_sum

@compute @workgroup_size(256)
fn main(@builtin(local_invocation_index) lane: u32) {
  var mine = 0.0;
  for (var position = lane; position < p.positions; position += 256u) {
    mine += y[position].x * dy[position].x;
  }
  let mean = workgroup_sum(vec4f(mine), lane).x;
  for (var position = lane; position < p.positions; position += 256u) {
    let out = y[position];
    let d = dy[position];
    ds[position] = vec4f(out.x * (d.x - mean) + out.y * (1.0 - out.y) * d.y, 0.0, 0.0, 0.0);
  }
}
