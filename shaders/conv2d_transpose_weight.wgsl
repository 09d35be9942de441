// conv2d_transpose_weight: the weight that conv2d_backward_input multiplies dL/dy with.
//   wt[ky,kx,co,ci] = scale[co] * w[ky,kx,ci,co]
// scale is batch norm's share of y = scale * conv(x) + bias, so that dL/dy enters the product as it is.
// One invocation owns one vec4 of input channels.        Reference: reference::conv2d_transpose_weight
// Dispatch: ceil(ksize*ksize*c_out_padded*c_in/4 / 64) workgroups in x

struct Params {
  taps: u32,    // ksize * ksize
  c_in4: u32, c_out4: u32,
}

@group(0) @binding(0) var<storage, read_write> wt: array<vec4f>;   // [ksize, ksize, c_out, c_in]
//#if I8
@group(0) @binding(1) var<storage, read> w: array<u32>;            // [ksize, ksize, c_in, c_out], i8, 127ths
//#else
//#if F16
@group(0) @binding(1) var<storage, read> w: array<vec2u>;          // [ksize, ksize, c_in, c_out], f16 pairs
//#else
@group(0) @binding(1) var<storage, read> w: array<vec4f>;          // [ksize, ksize, c_in, c_out]
//#end
//#end
@group(0) @binding(2) var<storage, read> scale_bias: array<vec4f>; // [2, c_out]
@group(0) @binding(3) var<uniform> p: Params;

fn weight(i: u32, lane: u32) -> f32 {
//#if I8
  return unpack4x8snorm(w[i])[lane];
//#else
//#if F16
  return unpack2x16float(w[i][lane / 2u])[lane % 2u];
//#else
  return w[i][lane];
//#end
//#end
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * 64u + id.x;
  if (i >= p.taps * p.c_out4 * 4u * p.c_in4) { return; }
  let ci4 = i % p.c_in4;
  let co = i / p.c_in4 % (p.c_out4 * 4u);
  let tap = i / p.c_in4 / (p.c_out4 * 4u);
  let at = (tap * p.c_in4 + ci4) * 4u * p.c_out4 + co / 4u;
  let lane = co % 4u;
  wt[i] = scale_bias[co / 4u][lane] * vec4f(
    weight(at, lane), weight(at + p.c_out4, lane), weight(at + 2u * p.c_out4, lane), weight(at + 3u * p.c_out4, lane));
}
