// linear_backward: dL/dx of a fully connected layer.
//   dx[k] = sum over n of w[k,n] * scale[n] * dy[n]
// Mostly all but one of dy are zero, the logit's: dy comes as the list of those that are not, and
// only their weights are read. One invocation owns one dx element.
// Reference: reference::linear_backward
// Dispatch: ceil(features / 64) workgroups in x

struct Params { k4: u32, n4: u32 }  // features and classes, in vec4
//#import weight

@group(0) @binding(0) var<storage, read_write> dx: array<f32>;    // [features]
// [classes + 1]: n and dy[n], which is not zero; zeros behind the last
@group(0) @binding(1) var<storage, read> dy: array<vec4f>;
@group(0) @binding(2) var<storage, read> w: array<Packed>;        // [features, classes]
@group(0) @binding(3) var<storage, read> scale_bias: array<f32>;  // [2, classes]
@group(0) @binding(4) var<uniform> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let k = id.x;
  if (k >= p.k4 * 4u) { return; }
  var sum = 0.0;
  for (var i = 0u; dy[i].y != 0.0; i++) {
    let n = u32(dy[i].x);
    sum += unpack(w[k * p.n4 + n / 4u])[n % 4u] * scale_bias[n] * dy[i].y;
  }
  dx[k] = sum;
}
