// attention: how well each position's features match a query, in two ways.
//   s[position] = sum over c of x[position,c] * query[c]
//   y[position] = (softmax over positions of s, sigmoid(s + threshold))
// One workgroup does it all.
// Reference: reference::attention
// Dispatch: 1 workgroup

struct Params { positions: u32, c4: u32 }

@group(0) @binding(0) var<storage, read_write> y: array<vec4f>;     // [h, w, 2]
@group(0) @binding(1) var<storage, read> x: array<vec4f>;           // [h, w, c]
@group(0) @binding(2) var<storage, read> query: array<vec4f>;       // [c]
@group(0) @binding(3) var<storage, read> threshold: array<vec4f>;   // [1]
@group(0) @binding(4) var<uniform> p: Params;
//#import workgroup_sum

var<workgroup> largest: array<f32, 256>;

@compute @workgroup_size(256)
fn main(@builtin(local_invocation_index) lane: u32) {
  // Each invocation reads again what it has written itself.
  largest[lane] = -3.0e38;
  for (var position = lane; position < p.positions; position += 256u) {
    var sum = vec4f(0.0);
    for (var c = 0u; c < p.c4; c++) { sum += x[position * p.c4 + c] * query[c]; }
    let s = sum.x + sum.y + sum.z + sum.w;
    y[position] = vec4f(s, 1.0 / (1.0 + exp(-(s + threshold[0].x))), 0.0, 0.0);
    largest[lane] = max(largest[lane], s);
  }
  for (var half = 128u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { largest[lane] = max(largest[lane], largest[lane + half]); }
  }
  workgroupBarrier();
  let most = largest[0];
  var mine = 0.0;
  for (var position = lane; position < p.positions; position += 256u) {
    let weight = exp(y[position].x - most);
    y[position].x = weight;
    mine += weight;
  }
  let total = workgroup_sum(vec4f(mine), lane).x;
  for (var position = lane; position < p.positions; position += 256u) {
    y[position].x /= total;
  }
}
