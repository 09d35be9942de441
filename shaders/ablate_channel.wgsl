// ablate_channel: activations with one channel set to zero.
//   y[position, c] = x[position, c], or 0 where c is the channel
// One invocation owns one vec4 of y.
// Reference: reference::ablate_channel
// Dispatch: ceil(h*w*c/4 / 64) workgroups in x

struct Params { count: u32, c4: u32 }  // vec4 in all, and a position's

@group(0) @binding(0) var<storage, read_write> y: array<vec4f>;   // [h, w, c]
@group(0) @binding(1) var<storage, read> x: array<vec4f>;         // [h, w, c]
@group(0) @binding(2) var<storage, read> channel: array<vec4f>;   // [1]: a number, below 0 for none
@group(0) @binding(3) var<uniform> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * 64u + id.x;
  if (i >= p.count) { return; }
  let first = f32(i % p.c4 * 4u);
  let channels = vec4f(first, first + 1.0, first + 2.0, first + 3.0);
  y[i] = select(x[i], vec4f(0.0), channels == vec4f(channel[0].x));
}
