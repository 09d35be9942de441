// film: feature-wise linear modulation, ReLU, and the shortcut around it.
//   y[position,c] = x[position,c] + relu(gamma[c] * t[position,c] + beta[c])
// Perez et al. 2018, arXiv 1709.07871, section 2. One invocation owns one vec4 of y.
// Reference: reference::film
// Dispatch: ceil(h*w*c/4 / 64) workgroups in x

struct Params { count: u32, c4: u32 }  // vec4 in all, and a position's

@group(0) @binding(0) var<storage, read_write> y: array<vec4f>;  // [h, w, c]
@group(0) @binding(1) var<storage, read> x: array<vec4f>;        // [h, w, c]
@group(0) @binding(2) var<storage, read> t: array<vec4f>;        // [h, w, c]
@group(0) @binding(3) var<storage, read> gamma: array<vec4f>;    // [c]
@group(0) @binding(4) var<storage, read> beta: array<vec4f>;     // [c]
@group(0) @binding(5) var<uniform> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * 64u + id.x;
  if (i >= p.count) { return; }
  let c = i % p.c4;
  y[i] = x[i] + max(gamma[c] * t[i] + beta[c], vec4f(0.0));
}
