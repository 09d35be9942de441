// linear: a fully connected layer.
//   y[n] = bias[n] + scale[n] * sum over k of w[k,n] * x[k]
// A workgroup owns 8 vec4 of y; its 8 rows of invocations each sum an eighth of k, then the first
// row adds the eighths.
// Reference: reference::linear
// Dispatch: ceil(classes/4 / 8) workgroups in x

struct Params { k4: u32, n4: u32 }  // features and classes, in vec4
//#import weight

@group(0) @binding(0) var<storage, read_write> y: array<vec4f>;     // [classes]
@group(0) @binding(1) var<storage, read> x: array<vec4f>;           // [features]
@group(0) @binding(2) var<storage, read> w: array<Packed>;          // [features, classes]
@group(0) @binding(3) var<storage, read> scale_bias: array<vec4f>;  // [2, classes]
@group(0) @binding(4) var<uniform> p: Params;

var<workgroup> sums: array<vec4f, 64>;

@compute @workgroup_size(8, 8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let n4 = group.x * 8u + local.x;
  let column = min(n4, p.n4 - 1u);  // no early return: the barrier below needs every invocation
  var sum = vec4f(0.0);
  for (var k = local.y; k < p.k4; k += 8u) {
    let v = x[k];
    let wi = k * 4u * p.n4 + column;
    sum += v.x * unpack(w[wi]) + v.y * unpack(w[wi + p.n4])
      + v.z * unpack(w[wi + 2u * p.n4]) + v.w * unpack(w[wi + 3u * p.n4]);
  }
  sums[local.y * 8u + local.x] = sum;
  workgroupBarrier();
  if (local.y != 0u || n4 >= p.n4) { return; }
  for (var part = 1u; part < 8u; part++) { sum += sums[part * 8u + local.x]; }
  y[n4] = fma(scale_bias[n4], sum, scale_bias[p.n4 + n4]);
}
