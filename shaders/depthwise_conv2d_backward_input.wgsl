// depthwise_conv2d_backward_input: dL/dx of depthwise_conv2d's convolution, with what follows it
// fused behind it.
//   dx[iy,ix,c] = scale[c] * sum over ky,kx of w[ky,kx,c] * dy[oy,ox,c]
//       where oy*stride+ky-top == iy and ox*stride+kx-left == ix
//   from forward: sum[oy,ox,c] += x[oy*stride+ky-top, ox*stride+kx-left, c] * w[ky,kx,c]
// One invocation owns one vec4 of dx and gathers from the windows that it lies in.
// Reference: reference::depthwise_conv2d_backward_input
// Dispatch: ceil(h_in*w_in*c/4 / 64) workgroups

struct Params {
  h_out: u32, w_out: u32, h_in: u32, w_in: u32,
  c4: u32,              // channels, in vec4
  ksize: u32, stride: u32,
  top: u32, left: u32,  // rows and columns of zeros before the first
  flags: u32,
}
//#import weight

@group(0) @binding(0) var<storage, read_write> dx: array<vec4f>;   // [h_in, w_in, c]
@group(0) @binding(1) var<storage, read> dy: array<vec4f>;         // [h_out, w_out, c]
@group(0) @binding(2) var<storage, read> w: array<Packed>;         // [ksize, ksize, c]
@group(0) @binding(3) var<storage, read> scale_bias: array<vec4f>; // [2, c]: the scale
@group(0) @binding(4) var<storage, read> residual: array<vec4f>;   // as dx
@group(0) @binding(5) var<storage, read> mask: array<vec4f>;       // as dx
@group(0) @binding(6) var<uniform> p: Params;
//#import epilogue

// The first window, along one axis, that padded position i lies in; the last is i / stride.
fn first_window(i: u32) -> u32 {
  return (max(i + p.stride, p.ksize) - p.ksize) / p.stride;
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * 64u + id.x;
  if (i >= p.h_in * p.w_in * p.c4) { return; }
  let c = i % p.c4;
  let row = i / p.c4 / p.w_in + p.top;
  let col = i / p.c4 % p.w_in + p.left;
  let oy_end = min(row / p.stride + 1u, p.h_out);
  let ox_end = min(col / p.stride + 1u, p.w_out);
  var sum = vec4f(0.0);
  for (var oy = first_window(row); oy < oy_end; oy++) {
    let ky = row - oy * p.stride;
    for (var ox = first_window(col); ox < ox_end; ox++) {
      let kx = col - ox * p.stride;
      sum = fma(dy[(oy * p.w_out + ox) * p.c4 + c], unpack(w[(ky * p.ksize + kx) * p.c4 + c]), sum);
    }
  }
  dx[i] = epilogue(scale_bias[c] * sum, i, p.flags);
}
