// winograd_output: from the products of Winograd's form F(2x2, 3x3) to the convolution's result,
// with what follows it in a network.
//   sum[2*ty+i, 2*tx+j, co] = sum over a,b of At[i,a] * At[j,b] * m[4*a+b, t, co]
//       t = ty*tiles_x + tx, i,j in 0..2
//   At = [[1,1,1,0], [0,1,-1,-1]]      (Lavin & Gray 2016, section 4.1)
//   y = activation( scale[co] * sum + bias[co] + residual )
// m are the partial sums that split-k leaves. One invocation owns one tile and one vec4 of
// channels.
// Reference: reference::conv2d, by way of ops::winograd
// Dispatch: ceil(tiles_y*tiles_x*c_out/4 / 64) workgroups

struct Params {
  height: u32, width: u32,     // of y
  tiles_y: u32, tiles_x: u32,  // of 2x2 outputs
  c4: u32,                     // channels, in vec4
  flags: u32,                  // see shared/flags.wgsl
}

@group(0) @binding(0) var<storage, read_write> y: array<vec4f>;    // [height, width, c_out]
@group(0) @binding(1) var<storage, read> m: array<vec4f>;          // [16, tiles_y*tiles_x, c_out]
@group(0) @binding(2) var<storage, read> scale_bias: array<vec4f>; // [2, c_out]; if SCALE_BIAS
@group(0) @binding(3) var<storage, read> residual: array<vec4f>;   // as y; if RESIDUAL
@group(0) @binding(4) var<storage, read> mask: array<vec4f>;       // as y; if MASK
@group(0) @binding(5) var<uniform> p: Params;
//#import epilogue

fn store(row: u32, col: u32, co: u32, product: vec4f) {
  if (row >= p.height || col >= p.width) { return; }
  let at = (row * p.width + col) * p.c4 + co;
  var sum = product;
  if ((p.flags & SCALE_BIAS) != 0u) { sum = fma(scale_bias[co], sum, scale_bias[p.c4 + co]); }
  y[at] = epilogue(sum, at, p.flags);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * 64u + id.x;
  let count = p.tiles_y * p.tiles_x * p.c4;
  if (i >= count) { return; }
  let co = i % p.c4;
  let row = i / p.c4 / p.tiles_x * 2u;
  let col = i / p.c4 % p.tiles_x * 2u;
//#for b in 4
  let m1_$b = m[(4u + $bu) * count + i];
  let m2_$b = m[(8u + $bu) * count + i];
  let a0_$b = m[$bu * count + i] + m1_$b + m2_$b;
  let a1_$b = m1_$b - m2_$b - m[(12u + $bu) * count + i];
//#end
  store(row, col, co, a0_0 + a0_1 + a0_2);
  store(row, col + 1u, co, a0_1 - a0_2 - a0_3);
  store(row + 1u, col, co, a1_0 + a1_1 + a1_2);
  store(row + 1u, col + 1u, co, a1_1 - a1_2 - a1_3);
}
