// winograd_input: the photo's side of a 3x3 convolution in Winograd's form F(2x2, 3x3).
//   v[t, 4*a+b, ci] = sum over i,j of Bt[a,i] * Bt[b,j] * x[2*ty-1+i, 2*tx-1+j, ci]
//       t = ty*tiles_x + tx, a,b,i,j in 0..4
//   Bt = [[1,0,-1,0], [0,1,1,0], [0,-1,1,0], [0,1,0,-1]]      (Lavin & Gray 2016, section 4.1)
// What lies outside the image is zero. One invocation owns one tile and one vec4 of channels.
// Reference: reference::conv2d, by way of ops::winograd
// Dispatch: ceil(tiles_y*tiles_x*c/4 / 64) workgroups

struct Params {
  height: u32, width: u32,     // of x
  tiles_y: u32, tiles_x: u32,  // of 2x2 outputs
  c4: u32,                     // channels, in vec4
}

@group(0) @binding(0) var<storage, read_write> v: array<vec4f>;  // [tiles_y*tiles_x, 16, c]
@group(0) @binding(1) var<storage, read> x: array<vec4f>;        // [height, width, c], then c zeros
@group(0) @binding(2) var<uniform> p: Params;

fn tap(row: i32, col: i32) -> u32 {
  // A negative index wraps round to a huge one.
  let inside = u32(row) < p.height && u32(col) < p.width;
  return select(p.height * p.width, u32(row) * p.width + u32(col), inside) * p.c4;
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * 64u + id.x;
  if (i >= p.tiles_y * p.tiles_x * p.c4) { return; }
  let c = i % p.c4;
  let tile = i / p.c4;
  let row = i32(tile / p.tiles_x * 2u) - 1;
  let col = i32(tile % p.tiles_x * 2u) - 1;
//#for j in 4
  let x0_$j = x[tap(row, col + $j) + c];
  let x1_$j = x[tap(row + 1, col + $j) + c];
  let x2_$j = x[tap(row + 2, col + $j) + c];
  let x3_$j = x[tap(row + 3, col + $j) + c];
  let b0_$j = x0_$j - x2_$j;
  let b1_$j = x1_$j + x2_$j;
  let b2_$j = x2_$j - x1_$j;
  let b3_$j = x1_$j - x3_$j;
//#end
  let at = tile * 16u * p.c4 + c;
//#for a in 4
  v[at + (4u * $au) * p.c4] = b$a_0 - b$a_2;
  v[at + (4u * $au + 1u) * p.c4] = b$a_1 + b$a_2;
  v[at + (4u * $au + 2u) * p.c4] = b$a_2 - b$a_1;
  v[at + (4u * $au + 3u) * p.c4] = b$a_1 - b$a_3;
//#end
}
