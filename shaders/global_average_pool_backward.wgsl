// global_average_pool_backward: dL/dx of global_average_pool, and of the activation function before
// it when asked for.
//   dx[position, c] = dy[c] / (h*w)
// One invocation owns one vec4 of dx.
// Reference: reference::global_average_pool_backward
// Dispatch: ceil(h*w*c/4 / 64) workgroups in x

struct Params {
  positions: u32, c4: u32,
  through: u32,  // see shared/through.wgsl
}
//#import through

@group(0) @binding(0) var<storage, read_write> dx: array<vec4f>;  // [h, w, c]
@group(0) @binding(1) var<storage, read> dy: array<vec4f>;        // [c]
@group(0) @binding(2) var<storage, read> x: array<vec4f>;         // [h, w, c]
@group(0) @binding(3) var<uniform> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * 64u + id.x;
  if (i >= p.positions * p.c4) { return; }
  dx[i] = through_activation(dy[i % p.c4] / f32(p.positions), x[i], p.through);
}
