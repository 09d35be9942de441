// offsets_backward: dL/dlook of offsets.
//   dcentre = - sum over positions of dextras[position,2..4]
//   dlook[position] = (x * dcentre.x + y * dcentre.y, dextras[position,4])
// with (x, y) the position's coordinates. One workgroup does it all.
// Reference: reference::offsets_backward
// Dispatch: 1 workgroup

struct Params { height: u32, width: u32 }

@group(0) @binding(0) var<storage, read_write> dlook: array<vec4f>;  // [h, w, 2]
@group(0) @binding(1) var<storage, read> dextras: array<vec4f>;      // [h, w, 5]
@group(0) @binding(2) var<uniform> p: Params;
//#import workgroup_sum
//#import coordinates

@compute @workgroup_size(256)
fn main(@builtin(local_invocation_index) lane: u32) {
  let positions = p.height * p.width;
  var mine = vec4f(0.0);
  for (var position = lane; position < positions; position += 256u) {
    mine -= dextras[2u * position];
  }
  let dcentre = workgroup_sum(mine, lane).zw;
  for (var position = lane; position < positions; position += 256u) {
    let along = dot(coordinates(position, p.height, p.width), dcentre);
    dlook[position] = vec4f(along, dextras[2u * position + 1u].x, 0.0, 0.0);
  }
}
