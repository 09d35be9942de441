// global_average_pool: the mean of each channel over the image.
//   y[c] = sum over positions of x[position, c] / (h*w)
// One invocation owns one vec4 of channels.              Reference: reference::global_average_pool
// Dispatch: ceil(c/4 / 64) workgroups in x

struct Params { positions: u32, c4: u32 }

@group(0) @binding(0) var<storage, read_write> y: array<vec4f>;  // [c]
@group(0) @binding(1) var<storage, read> x: array<vec4f>;        // [h, w, c]
@group(0) @binding(2) var<uniform> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= p.c4) { return; }
  var sum = vec4f(0.0);
  for (var position = 0u; position < p.positions; position++) { sum += x[position * p.c4 + id.x]; }
  y[id.x] = sum / f32(p.positions);
}
