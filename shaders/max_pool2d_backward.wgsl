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
  let value = x[i];
  let zero = vec4<bool>(p.relu != 0u) & (value <= vec4f(0.0));
  let first_x = first_window(ix);
  let end_x = min((ix + p.padding) / p.stride + 1u, p.w_out);
  let end_y = min((iy + p.padding) / p.stride + 1u, p.h_out);
  var sum = vec4f(0.0);
  for (var oy = first_window(iy); oy < end_y; oy++) {
    let ky = iy + p.padding - oy * p.stride;  // (iy,ix) is tap (ky,kx) of window (oy,ox)
    for (var ox = first_x; ox < end_x; ox++) {
      let kx = ix + p.padding - ox * p.stride;
      let o = (oy * p.w_out + ox) * p.c4 + c;
      let largest = y[o];
      var wins = (value == largest) & !zero;
      if (!any(wins)) { continue; }
      for (var ry = 0u; ry <= ky; ry++) {
        let by = oy * p.stride + ry - p.padding;  // wraps round above the image: then it is not < h_in
        if (by >= p.h_in) { continue; }
        let end = select(p.ksize, kx, ry == ky);
        for (var rx = 0u; rx < end; rx++) {
          let bx = ox * p.stride + rx - p.padding;
          if (bx < p.w_in) { wins &= x[(by * p.w_in + bx) * p.c4 + c] != largest; }
        }
      }
      sum += select(vec4f(0.0), dy[o], wins);
    }
  }
  if (p.relu == 2u) { sum = max(sum, vec4f(0.0)); }
  dx[i] = sum;
}
