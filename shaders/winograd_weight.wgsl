// winograd_weight: the weight's side of a 3x3 convolution in Winograd's form F(2x2, 3x3).
//   u[4*a+b, ci, co] = sum over ky,kx of G[a,ky] * G[b,kx] * w[ky,kx,ci,co]     a,b in 0..4
//   G = [[1,0,0], [1/2,1/2,1/2], [1/2,-1/2,1/2], [0,0,1]]      (Lavin & Gray 2016, section 4.1)
// With `flipped`, taps are read backwards: for conv2d_backward_input, whose w is the transposed
// weight. One invocation owns one input channel and one vec4 of output channels.
// Reference: reference::conv2d, by way of ops::winograd
// Dispatch: ceil(c_in*c_out/4 / 64) workgroups

struct Params {
  count: u32,    // c_in * c_out / 4: vec4 of a tap
  flipped: u32,
}
//#import weight

@group(0) @binding(0) var<storage, read_write> u: array<vec4f>;  // [16, c_in, c_out]
@group(0) @binding(1) var<storage, read> w: array<Packed>;       // [3, 3, c_in, c_out]
@group(0) @binding(2) var<uniform> p: Params;

fn weight(tap: u32, i: u32) -> vec4f {
  let at = select(tap, 8u - tap, p.flipped != 0u) * p.count + i;
  return unpack(w[at]);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * 64u + id.x;
  if (i >= p.count) { return; }
//#for k in 3
  let w0_$k = weight($ku, i);
  let w1_$k = weight(3u + $ku, i);
  let w2_$k = weight(6u + $ku, i);
  let g0_$k = w0_$k;
  let g1_$k = 0.5 * (w0_$k + w1_$k + w2_$k);
  let g2_$k = 0.5 * (w0_$k - w1_$k + w2_$k);
  let g3_$k = w2_$k;
//#end
//#for a in 4
  u[(4u * $au) * p.count + i] = g$a_0;
  u[(4u * $au + 1u) * p.count + i] = 0.5 * (g$a_0 + g$a_1 + g$a_2);
  u[(4u * $au + 2u) * p.count + i] = 0.5 * (g$a_0 - g$a_1 + g$a_2);
  u[(4u * $au + 3u) * p.count + i] = g$a_2;
//#end
}
