// linear_backward: dL/dx of a fully connected layer.
//   dx[k] = sum over n of w[k,n] * scale[n] * dy[n]
// Mostly all but one of dy are zero, the logit's: their weights are not read.
// One invocation owns one dx element; a workgroup sums 64 of them, lanes side by side along n.
//                                                        Reference: reference::linear_backward
// Dispatch: ceil(features / 8) workgroups in x

struct Params { k4: u32, n4: u32 }  // features and classes, in vec4

@group(0) @binding(0) var<storage, read_write> dx: array<f32>;   // [features]
@group(0) @binding(1) var<storage, read> dy: array<vec4f>;       // [classes]
//#if I8
@group(0) @binding(2) var<storage, read> w: array<u32>;          // [features, classes], i8, 127ths
//#else
//#if F16
@group(0) @binding(2) var<storage, read> w: array<vec2u>;        // [features, classes], f16 pairs
//#else
@group(0) @binding(2) var<storage, read> w: array<vec4f>;        // [features, classes]
//#end
//#end
@group(0) @binding(3) var<storage, read> scale_bias: array<vec4f>;  // [2, classes]
@group(0) @binding(4) var<uniform> p: Params;

var<workgroup> sums: array<f32, 64>;

fn weight(i: u32) -> vec4f {
//#if I8
  return unpack4x8snorm(w[i]);
//#else
//#if F16
  return vec4f(unpack2x16float(w[i].x), unpack2x16float(w[i].y));
//#else
  return w[i];
//#end
//#end
}

@compute @workgroup_size(8, 8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let k = group.x * 8u + local.y;
  let row = min(k, p.k4 * 4u - 1u) * p.n4;
  var sum = 0.0;
  for (var n = local.x; n < p.n4; n += 8u) {
    if (any(dy[n] != vec4f(0.0))) { sum += dot(weight(row + n), scale_bias[n] * dy[n]); }
  }
  sums[local.y * 8u + local.x] = sum;
  workgroupBarrier();
  if (local.x != 0u || k >= p.k4 * 4u) { return; }
  for (var part = 1u; part < 8u; part++) { sum += sums[local.y * 8u + part]; }
  dx[k] = sum;
}
