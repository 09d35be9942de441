// cam_weights: the importance of each channel, where a method has one beyond the mean gradient (that is global_average_pool).
//   XGRAD:      weight[c] = sum of g*a / (sum of a + 1e-7)            XGrad-CAM, Fu et al. 2020, arXiv 2008.02312
//   PLUS_PLUS:  weight[c] = sum of relu(g) * g^2 / (2 g^2 + g^3 * (sum of a) + 1e-6), 0 where g is 0
//                                                                     Grad-CAM++, Chattopadhyay et al. 2018, arXiv 1710.11063
// with a = activations, g = gradients, sums over positions; constants as in the Python package grad-cam.
// One invocation owns one vec4 of channels.              Reference: reference::cam_weights
// Dispatch: ceil(c/4 / 64) workgroups in x

struct Params { positions: u32, c4: u32, method: u32 }
const XGRAD = 0u;
const PLUS_PLUS = 1u;

@group(0) @binding(0) var<storage, read_write> weights: array<vec4f>;   // [c]
@group(0) @binding(1) var<storage, read> activations: array<vec4f>;     // [h, w, c]
@group(0) @binding(2) var<storage, read> gradients: array<vec4f>;       // [h, w, c]
@group(0) @binding(3) var<uniform> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= p.c4) { return; }
  var total = vec4f(0.0);
  for (var i = 0u; i < p.positions; i++) { total += activations[i * p.c4 + id.x]; }
  var sum = vec4f(0.0);
  for (var i = 0u; i < p.positions; i++) {
    let g = gradients[i * p.c4 + id.x];
    if (p.method == XGRAD) {
      sum += g * activations[i * p.c4 + id.x] / (total + 1e-7);
    } else {
      sum += max(g, vec4f(0.0)) * g * g / (2.0 * g * g + total * g * g * g + 1e-6);
    }
  }
  weights[id.x] = sum;
}
