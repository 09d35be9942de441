// max_pool2d: the largest value of each window; what lies outside the image never wins.
//   y[oy,ox,c] = max over ky,kx of x[oy*stride+ky-pad, ox*stride+kx-pad, c]
// One invocation owns one vec4 of y.
// Reference: reference::max_pool2d
// Dispatch: ceil(h_out*w_out*c/4 / 64) workgroups in x

struct Params {
  h_out: u32, w_out: u32, h_in: u32, w_in: u32, c4: u32,
  ksize: u32, stride: u32, padding: u32,
}

@group(0) @binding(0) var<storage, read_write> y: array<vec4f>;  // [h_out, w_out, c]
@group(0) @binding(1) var<storage, read> x: array<vec4f>;        // [h_in, w_in, c]
@group(0) @binding(2) var<uniform> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * 64u + id.x;
  if (i >= p.h_out * p.w_out * p.c4) { return; }
  let ox = i / p.c4 % p.w_out;
  let oy = i / p.c4 / p.w_out;
  var best = vec4f(-3.4028234e38);
  for (var ky = 0u; ky < p.ksize; ky++) {
    let iy = oy * p.stride + ky - p.padding;  // wraps round above the image: then it is not < h_in
    if (iy >= p.h_in) { continue; }
    for (var kx = 0u; kx < p.ksize; kx++) {
      let ix = ox * p.stride + kx - p.padding;
      if (ix < p.w_in) { best = max(best, x[(iy * p.w_in + ix) * p.c4 + i % p.c4]); }
    }
  }
  y[i] = best;
}
