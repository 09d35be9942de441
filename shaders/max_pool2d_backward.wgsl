// max_pool2d_backward: dL/dx of max_pool2d, and of the activation function before it when asked
// for.
//   dx[iy,ix,c] = sum of dy[oy,ox,c] over the windows (oy,ox) whose maximum is x[iy,ix,c],
//       as max_pool2d_indices found
// One invocation owns one vec4 of dx and gathers.
// Reference: reference::max_pool2d_backward
// Dispatch: ceil(h_in*w_in*c/4 / 64) workgroups in x

struct Params {
  h_out: u32, w_out: u32, h_in: u32, w_in: u32, c4: u32,
  ksize: u32, stride: u32, padding: u32,
  through: u32,  // see shared/through.wgsl
}
//#import through

@group(0) @binding(0) var<storage, read_write> dx: array<vec4f>;  // [h_in, w_in, c]
@group(0) @binding(1) var<storage, read> dy: array<vec4f>;        // [h_out, w_out, c]
@group(0) @binding(2) var<storage, read> x: array<vec4f>;         // [h_in, w_in, c]
// [h_out, w_out, c/4], four of 8 bits each
@group(0) @binding(3) var<storage, read> indices: array<u32>;
@group(0) @binding(4) var<uniform> p: Params;

// The first window, along one axis, that position i is in; the last is (i + padding) / stride.
fn first_window(i: u32) -> u32 {
  return (max(i + p.padding + p.stride, p.ksize) - p.ksize) / p.stride;
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * 64u + id.x;
  if (i >= p.h_in * p.w_in * p.c4) { return; }
  let c = i % p.c4;
  let ix = i / p.c4 % p.w_in;
  let iy = i / p.c4 / p.w_in;
  let first_x = first_window(ix);
  let end_x = min((ix + p.padding) / p.stride + 1u, p.w_out);
  let end_y = min((iy + p.padding) / p.stride + 1u, p.h_out);
  var sum = vec4f(0.0);
  for (var oy = first_window(iy); oy < end_y; oy++) {
    let ky = iy + p.padding - oy * p.stride;  // (iy,ix) is tap (ky,kx) of window (oy,ox)
    for (var ox = first_x; ox < end_x; ox++) {
      let kx = ix + p.padding - ox * p.stride;
      let o = (oy * p.w_out + ox) * p.c4 + c;
      let tap = ky * p.ksize + kx;
      let word = indices[o];
      let wins = (vec4u(word, word >> 8u, word >> 16u, word >> 24u) & vec4u(255u)) == vec4u(tap);
      sum += select(vec4f(0.0), dy[o], wins);
    }
  }
  dx[i] = through_activation(sum, x[i], p.through);
}
