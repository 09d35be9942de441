// depthwise_conv2d: a 2-D convolution whose every channel has a filter of its own, with what
// follows it fused behind it.
//   sum[oy,ox,c] = sum over ky,kx of x[oy*stride+ky-top, ox*stride+kx-left, c] * w[ky,kx,c]
//   y[oy,ox,c] = activation( scale[c] * sum[oy,ox,c] + bias[c] + residual[oy,ox,c] )
// One invocation owns one vec4 of y and gathers; neighbours along x are neighbouring channels, so
// that reads are side by side.
// Reference: reference::depthwise_conv2d
// Dispatch: ceil(h_out*w_out*c/4 / 64) workgroups

struct Params {
  h_out: u32, w_out: u32, h_in: u32, w_in: u32,
  c4: u32,              // channels, in vec4
  ksize: u32, stride: u32,
  top: u32, left: u32,  // rows and columns of zeros before the first
  flags: u32,
}
//#import weight

@group(0) @binding(0) var<storage, read_write> y: array<vec4f>;    // [h_out, w_out, c]
@group(0) @binding(1) var<storage, read> x: array<vec4f>;          // [h_in, w_in, c]
@group(0) @binding(2) var<storage, read> w: array<Packed>;         // [ksize, ksize, c]
@group(0) @binding(3) var<storage, read> scale_bias: array<vec4f>; // [2, c]
@group(0) @binding(4) var<storage, read> residual: array<vec4f>;   // as y
@group(0) @binding(5) var<storage, read> mask: array<vec4f>;       // as y
@group(0) @binding(6) var<uniform> p: Params;
//#import epilogue

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * 64u + id.x;
  if (i >= p.h_out * p.w_out * p.c4) { return; }
  let c = i % p.c4;
  let row = i32(i / p.c4 / p.w_out * p.stride) - i32(p.top);
  let col = i32(i / p.c4 % p.w_out * p.stride) - i32(p.left);
  // The taps that lie inside the image.
  let ky_end = u32(min(i32(p.ksize), i32(p.h_in) - row));
  let kx_end = u32(min(i32(p.ksize), i32(p.w_in) - col));
  var sum = vec4f(0.0);
  for (var ky = u32(max(0, -row)); ky < ky_end; ky++) {
    let x_row = u32(row + i32(ky)) * p.w_in;
    for (var kx = u32(max(0, -col)); kx < kx_end; kx++) {
      let at = (x_row + u32(col + i32(kx))) * p.c4 + c;
      sum = fma(x[at], unpack(w[(ky * p.ksize + kx) * p.c4 + c]), sum);
    }
  }
  y[i] = epilogue(fma(scale_bias[c], sum, scale_bias[p.c4 + c]), i, p.flags);
}
