// linear_backward: dL/dx of a fully connected layer.
//   dx[k] = sum over n of w[k,n] * scale[n] * dy[n]
// Mostly all but one of dy are zero, the logit's: a workgroup looks once where dy is not, and only reads the weights of those.
// A workgroup owns 32 dx elements, four for each row of 8 lanes, which stand side by side along n.
//                                                        Reference: reference::linear_backward
// Dispatch: ceil(features / 32) workgroups in x

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

var<workgroup> sums: array<f32, 256>;  // [32 elements, 8 lanes]

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

// Bit b of word x: dy[block + 8*b + x] is not zero. An "or" has no order: the same dy gives the same bits.
var<workgroup> used: array<atomic<u32>, 8>;

@compute @workgroup_size(8, 8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u, @builtin(local_invocation_index) lane: u32) {
//#for i in 4
  let own$i = local.y + $iu * 8u;
  let row$i = min(group.x * 32u + own$i, p.k4 * 4u - 1u) * p.n4;
  var sum$i = 0.0;
//#end
  for (var block = 0u; block < p.n4; block += 256u) {
    let first = block + local.x;
//#for i in 4
    let n$i = first + 8u * own$i;
    if (n$i < p.n4 && any(dy[n$i] != vec4f(0.0))) { atomicOr(&used[local.x], 1u << own$i); }
//#end
    workgroupBarrier();
    for (var bits = atomicLoad(&used[local.x]); bits != 0u; bits &= bits - 1u) {
      let n = first + 8u * countTrailingZeros(bits);
      let scaled = scale_bias[n] * dy[n];
//#for i in 4
      sum$i += dot(weight(row$i + n), scaled);
//#end
    }
    workgroupBarrier();
    if (local.y == 0u) { atomicStore(&used[local.x], 0u); }
    workgroupBarrier();
  }
//#for i in 4
  sums[own$i * 8u + local.x] = sum$i;
//#end
  workgroupBarrier();
  let k = group.x * 32u + lane;
  if (lane >= 32u || k >= p.k4 * 4u) { return; }
  var sum = 0.0;
  for (var part = 0u; part < 8u; part++) { sum += sums[lane * 8u + part]; }
  dx[k] = sum;
}
