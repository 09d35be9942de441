// conv2d_sum: adds the partial sums that split-k left, and does what follows a convolution's sum in
// a network.
//   sum[oy,ox,co] = sum over s of parts[s,oy,ox,co]
//   y[oy,ox,co] = activation( scale[co] * sum[oy,ox,co] + bias[co] + residual[oy,ox,co] )
// One invocation owns one vec4 of y and adds in one order: the same photo gives the same bits.
// Reference: reference::conv2d
// Dispatch: ceil(rows*cols*c_out/4 / 64) workgroups

struct Params {
  rows: u32, cols: u32,  // positions (r,c) that were computed
  // (r,c) is stored at row r*y_step + y_row, column c*y_step + y_col
  y_width: u32, y_step: u32, y_row: u32, y_col: u32,
  c_out4: u32,           // channels, in vec4
  split: u32,            // partial sums
  flags: u32,            // see shared/flags.wgsl
}

@group(0) @binding(0) var<storage, read_write> y: array<vec4f>;    // [y_height, y_width, c_out]
@group(0) @binding(1) var<storage, read> parts: array<vec4f>;      // [split, rows*cols, c_out]
@group(0) @binding(2) var<storage, read> scale_bias: array<vec4f>; // [2, c_out]; if SCALE_BIAS
@group(0) @binding(3) var<storage, read> residual: array<vec4f>;   // as y; if RESIDUAL
@group(0) @binding(4) var<storage, read> mask: array<vec4f>;       // as y; if MASK
@group(0) @binding(5) var<uniform> p: Params;
//#import epilogue

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * 64u + id.x;
  let count = p.rows * p.cols * p.c_out4;
  if (i >= count) { return; }
  let co = i % p.c_out4;
  let row = i / p.c_out4 / p.cols * p.y_step + p.y_row;
  let col = i / p.c_out4 % p.cols * p.y_step + p.y_col;
  let at = (row * p.y_width + col) * p.c_out4 + co;
  var sum = vec4f(0.0);
  for (var part = 0u; part < p.split; part++) { sum += parts[part * count + i]; }
  if ((p.flags & SCALE_BIAS) != 0u) { sum = fma(scale_bias[co], sum, scale_bias[p.c_out4 + co]); }
  y[at] = epilogue(sum, at, p.flags);
}
