// max_pool2d_backward: dL/dx of max_pool2d, and of the ReLU before it when asked for.
//   dx[iy,ix,c] = sum of dy[oy,ox,c] over the windows (oy,ox) whose maximum is x[iy,ix,c]
// Of equal values in a window the first in reading order takes it all, as in PyTorch.
// One invocation owns one vec4 of dx and gathers.        Reference: reference::max_pool2d_backward
// Dispatch: ceil(h_in*w_in*c/4 / 64) workgroups in x

struct Params {
  h_out: u32, w_out: u32, h_in: u32, w_in: u32, c4: u32,
  ksize: u32, stride: u32, padding: u32,
  relu: u32,  // 1: dx stays only where x > 0; 2, guided: and where it is positive itself
}

@group(0) @binding(0) var<storage, read_write> dx: array<vec4f>;  // [h_in, w_in, c]
@group(0) @binding(1) var<storage, read> dy: array<vec4f>;        // [h_out, w_out, c]
@group(0) @binding(2) var<storage, read> x: array<vec4f>;         // [h_in, w_in, c]
@group(0) @binding(3) var<storage, read> y: array<vec4f>;         // [h_out, w_out, c]
@group(0) @binding(4) var<uniform> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * 64u + id.x;
  if (i >= p.h_in * p.w_in * p.c4) { return; }
  let c = i % p.c4;
  let ix = i / p.c4 % p.w_in;
  let iy = i / p.c4 / p.w_in;
  let value = x[i];
  var sum = vec4f(0.0);
  for (var ky = 0u; ky < p.ksize; ky++) {
    let ry = iy + p.padding - ky;  // oy * stride, if (iy,ix) is tap (ky,kx) of window (oy,ox)
    if (ry % p.stride != 0u || ry / p.stride >= p.h_out) { continue; }
    for (var kx = 0u; kx < p.ksize; kx++) {
      let rx = ix + p.padding - kx;
      if (rx % p.stride != 0u || rx / p.stride >= p.w_out) { continue; }
      let o = (ry / p.stride * p.w_out + rx / p.stride) * p.c4 + c;
      var wins = value == y[o];
      if (!any(wins)) { continue; }
      for (var before = 0u; before < ky * p.ksize + kx; before++) {
        let by = ry + before / p.ksize - p.padding;
        let bx = rx + before % p.ksize - p.padding;
        if (by < p.h_in && bx < p.w_in) { wins &= x[(by * p.w_in + bx) * p.c4 + c] != y[o]; }
      }
      sum += select(vec4f(0.0), dy[o], wins);
    }
  }
  if (p.relu == 2u) { sum = max(sum, vec4f(0.0)); }
  dx[i] = select(sum, vec4f(0.0), vec4<bool>(p.relu != 0u) & (value <= vec4f(0.0)));
}
