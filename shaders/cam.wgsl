// cam: the class activation map of one layer, before ReLU and scaling.
//   WEIGHTED:      cam[position] = sum over c of weight[c] * a[position,c]
//   HIRES:         sum over c of g * a          HiResCAM, Draelos and Carin 2020, arXiv 2011.08891
//   ELEMENT_WISE:  sum over c of relu(g * a)    grad-cam's GradCAMElementWise
//   LAYER:         sum over c of relu(g) * a    LayerCAM, Jiang et al. 2021,
//                                               doi 10.1109/TIP.2021.3089943
// with a = activations, g = gradients. A workgroup owns one position, its invocations share the
// channels.
// Reference: reference::cam
// Dispatch: h*w workgroups

struct Params { positions: u32, c4: u32, method: u32 }
const WEIGHTED = 0u;
const HIRES = 1u;
const ELEMENT_WISE = 2u;
const LAYER = 3u;

@group(0) @binding(0) var<storage, read_write> cam: array<f32>;         // [h, w]
@group(0) @binding(1) var<storage, read> activations: array<vec4f>;     // [h, w, c]
@group(0) @binding(2) var<storage, read> gradients: array<vec4f>;       // [h, w, c]
@group(0) @binding(3) var<storage, read> weights: array<vec4f>;         // [c]; read with WEIGHTED
@group(0) @binding(4) var<uniform> p: Params;

var<workgroup> sums: array<f32, 64>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let wanted = group.y * groups.x + group.x;
  // No early return: the barrier below needs every invocation.
  let position = min(wanted, p.positions - 1u);
  var sum = vec4f(0.0);
  for (var c = lane; c < p.c4; c += 64u) {
    let i = position * p.c4 + c;
    let a = activations[i];
    let g = gradients[i];
    switch (p.method) {
      case WEIGHTED: { sum += weights[c] * a; }
      case HIRES: { sum += g * a; }
      case ELEMENT_WISE: { sum += max(g * a, vec4f(0.0)); }
      default: { sum += max(g, vec4f(0.0)) * a; }
    }
  }
  sums[lane] = sum.x + sum.y + sum.z + sum.w;
  workgroupBarrier();
  if (lane != 0u || wanted >= p.positions) { return; }
  var total = 0.0;
  for (var i = 0u; i < 64u; i++) { total += sums[i]; }
  cam[position] = total;
}
