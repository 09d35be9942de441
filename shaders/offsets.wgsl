// offsets: what each position knows of its place.
//   centre = sum over positions of look[position,0] * (x, y)
//   extras[position] = (x, y, x - centre.x, y - centre.y, look[position,1])
// with (x, y) the position's coordinates. One workgroup does it all.
// Reference: reference::offsets
// Dispatch: 1 workgroup

struct Params { height: u32, width: u32 }

@group(0) @binding(0) var<storage, read_write> extras: array<vec4f>;  // [h, w, 5]
@group(0) @binding(1) var<storage, read> look: array<vec4f>;          // [h, w, 2]: attention's
@group(0) @binding(2) var<uniform> p: Params;
//#import workgroup_sum
//#import coordinates

@compute @workgroup_size(256)
fn main(@builtin(local_invocation_index) lane: u32) {
  let positions = p.height * p.width;
  var mine = vec2f(0.0);
  for (var position = lane; position < positions; position += 256u) {
    mine += look[position].x * coordinates(position, p.height, p.width);
  }
  let centre = workgroup_sum(vec4f(mine, 0.0, 0.0), lane).xy;
  for (var position = lane; position < positions; position += 256u) {
    let xy = coordinates(position, p.height, p.width);
    extras[2u * position] = vec4f(xy, xy - centre);
    extras[2u * position + 1u] = vec4f(look[position].y, 0.0, 0.0, 0.0);
  }
}
