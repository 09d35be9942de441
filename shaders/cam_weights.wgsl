// cam_weights: the importance of each channel, where a method has one beyond the mean gradient
// (that is global_average_pool).
//   XGRAD:      weight[c] = sum of g*a / (sum of a + 1e-7)
//       XGrad-CAM, Fu et al. 2020, arXiv 2008.02312
//   PLUS_PLUS:  weight[c] = sum of relu(g) * g^2 / (2 g^2 + g^3 * (sum of a) + 1e-6), 0 where g = 0
//       Grad-CAM++, Chattopadhyay et al. 2018, arXiv 1710.11063
// with a = activations, g = gradients, sums over positions; constants as in the Python package
// grad-cam. A workgroup owns eight vec4 of channels, and eight invocations share the positions of
// each.
// Reference: reference::cam_weights
// Dispatch: ceil(c/4 / 8) workgroups in x

struct Params { positions: u32, c4: u32, method: u32 }
const XGRAD = 0u;
const PLUS_PLUS = 1u;

@group(0) @binding(0) var<storage, read_write> weights: array<vec4f>;   // [c]
@group(0) @binding(1) var<storage, read> activations: array<vec4f>;     // [h, w, c]
@group(0) @binding(2) var<storage, read> gradients: array<vec4f>;       // [h, w, c]
@group(0) @binding(3) var<uniform> p: Params;

var<workgroup> sums: array<vec4f, 64>;

@compute @workgroup_size(8, 8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let c = group.x * 8u + local.x;
  let read = min(c, p.c4 - 1u);
  let lane = local.y * 8u + local.x;
  var total = vec4f(0.0);
  for (var i = local.y; i < p.positions; i += 8u) { total += activations[i * p.c4 + read]; }
  sums[lane] = total;
  workgroupBarrier();
  total = vec4f(0.0);
  for (var part = 0u; part < 8u; part++) { total += sums[part * 8u + local.x]; }
  workgroupBarrier();
  var sum = vec4f(0.0);
  for (var i = local.y; i < p.positions; i += 8u) {
    let g = gradients[i * p.c4 + read];
    if (p.method == XGRAD) {
      sum += g * activations[i * p.c4 + read] / (total + 1e-7);
    } else {
      sum += max(g, vec4f(0.0)) * g * g / (2.0 * g * g + total * g * g * g + 1e-6);
    }
  }
  sums[lane] = sum;
  workgroupBarrier();
  if (local.y != 0u || c >= p.c4) { return; }
  for (var part = 1u; part < 8u; part++) { sum += sums[part * 8u + local.x]; }
  weights[c] = sum;
}
