// max_pool2d_indices: which tap of each window is its maximum, for max_pool2d_backward. Of equal
// values the first in reading order, as in PyTorch.
//   indices[oy,ox,c] = the first ky*ksize+kx
//       whose x[oy*stride+ky-pad, ox*stride+kx-pad, c] is y[oy,ox,c]
// One invocation owns four channels of a window.
// Reference: reference::max_pool2d_backward
// Dispatch: ceil(h_out*w_out*c/4 / 64) workgroups in x

struct Params {
  h_out: u32, w_out: u32, h_in: u32, w_in: u32, c4: u32,
  ksize: u32, stride: u32, padding: u32,
}

// [h_out, w_out, c/4], four of 8 bits each, the first lowest
@group(0) @binding(0) var<storage, read_write> indices: array<u32>;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;            // [h_in, w_in, c]
@group(0) @binding(2) var<uniform> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * 64u + id.x;
  if (i >= p.h_out * p.w_out * p.c4) { return; }
  let ox = i / p.c4 % p.w_out;
  let oy = i / p.c4 / p.w_out;
  var best = vec4f(-3.4028234e38);
  var index = vec4u(0u);
  for (var ky = 0u; ky < p.ksize; ky++) {
    let iy = oy * p.stride + ky - p.padding;  // wraps round above the image: then it is not < h_in
    if (iy >= p.h_in) { continue; }
    for (var kx = 0u; kx < p.ksize; kx++) {
      let ix = ox * p.stride + kx - p.padding;
      if (ix < p.w_in) {
        let value = x[(iy * p.w_in + ix) * p.c4 + i % p.c4];
        index = select(index, vec4u(ky * p.ksize + kx), value > best);
        best = max(best, value);
      }
    }
  }
  indices[i] = index.x | (index.y << 8u) | (index.z << 16u) | (index.w << 24u);
}
