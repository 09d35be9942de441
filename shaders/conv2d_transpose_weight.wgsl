// conv2d_transpose_weight: the weight that conv2d_backward_input multiplies dL/dy with.
//   wt[ky,kx,co,ci] = scale[co] * w[ky,kx,ci,co]
// scale is batch norm's share of y = scale * conv(x) + bias, so that dL/dy enters the product as it
// is. One invocation owns 16 x 4 numbers: what it writes fills whole cache lines, what a workgroup
// reads are 256 bytes in a row.
// Reference: reference::conv2d_transpose_weight
// Dispatch: ceil(c_out/4 / 16) x ceil(c_in/4 / 16) x ksize*ksize workgroups

struct Params {
  c_in4: u32, c_out4: u32,
}
//#import weight

@group(0) @binding(0) var<storage, read_write> wt: array<vec4f>;    // [ksize, ksize, c_out, c_in]
@group(0) @binding(1) var<storage, read> w: array<Packed>;          // [ksize, ksize, c_in, c_out]
@group(0) @binding(2) var<storage, read> scale_bias: array<vec4f>;  // [2, c_out]
@group(0) @binding(3) var<uniform> p: Params;

@compute @workgroup_size(16, 4)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let co4 = id.x;
  if (co4 >= p.c_out4) { return; }
  let scale = scale_bias[co4];
  for (var ci4 = id.y * 4u; ci4 < min(id.y * 4u + 4u, p.c_in4); ci4++) {
    let source = (id.z * p.c_in4 + ci4) * 4u * p.c_out4 + co4;
    let block = transpose(mat4x4f(
      scale * unpack(w[source]),
      scale * unpack(w[source + p.c_out4]),
      scale * unpack(w[source + 2u * p.c_out4]),
      scale * unpack(w[source + 3u * p.c_out4])));
    let at = (id.z * p.c_out4 + co4) * 4u * p.c_in4 + ci4;
    wt[at] = block[0];
    wt[at + p.c_in4] = block[1];
    wt[at + 2u * p.c_in4] = block[2];
    wt[at + 3u * p.c_in4] = block[3];
  }
}
