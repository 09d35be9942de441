// outer_product: a number a position times a number a channel.
//   y[position,c] = mask(a[position,0] * b[c] + residual[position,c])
// The backward of a sum over channels and of one over positions. One invocation owns one vec4 of y.
// Reference: reference::outer_product
// Dispatch: ceil(h*w*c/4 / 64) workgroups in x

struct Params { count: u32, c4: u32, a4: u32, flags: u32 }  // vec4 in all, a position's of y and a

@group(0) @binding(0) var<storage, read_write> y: array<vec4f>;    // [h, w, c]
@group(0) @binding(1) var<storage, read> a: array<vec4f>;          // [h, w, any]
@group(0) @binding(2) var<storage, read> b: array<vec4f>;          // [c]
@group(0) @binding(3) var<storage, read> residual: array<vec4f>;   // as y; if RESIDUAL
@group(0) @binding(4) var<storage, read> mask: array<vec4f>;       // as y; if MASK
@group(0) @binding(5) var<uniform> p: Params;
//#import epilogue

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * 64u + id.x;
  if (i >= p.count) { return; }
  y[i] = epilogue(a[i / p.c4 * p.a4].x * b[i % p.c4], i, p.flags);
}
