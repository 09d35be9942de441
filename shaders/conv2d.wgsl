// conv2d: 2-D convolution, with what follows it in a network fused behind it. The plain kernel, to
// be read first: conv2d_registers and conv2d_shared compute the same faster and are tested against
// it.
//   sum[oy,ox,co] = sum over ky,kx,ci of x[oy*stride+ky-pad, ox*stride+kx-pad, ci] * w[ky,kx,ci,co]
//   y[oy,ox,co] = activation( scale[co] * sum[oy,ox,co] + bias[co] + residual[oy,ox,co] )
// The same loops compute dL/dx (conv2d_backward_input): then x is dL/dy, w is the transposed
// weight, taps run backwards, and a stride of 2 becomes four dense convolutions, one for each
// parity of the output row and column. One invocation owns one vec4 of y and gathers: nothing is
// written twice, so results are repeatable.
// Reference: reference::conv2d
// Dispatch: ceil(rows*cols*c_out/4 / 64) workgroups
//#import conv2d

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * 64u + id.x;
  if (i >= p.rows * p.cols * p.c_out4) { return; }
  let position = i / p.c_out4;
  let co = i % p.c_out4;
  let first = first_tap(position);
  var sum = vec4f(0.0);
  for (var ty = 0u; ty < p.tap_rows; ty++) {
    for (var tx = 0u; tx < p.tap_cols; tx++) {
      let xi = x_at(first.x + i32(ty) * p.tap_step, first.y + i32(tx) * p.tap_step);
      var wi = w_at(ty, tx) + co;
      for (var k = 0u; k < p.run4; k++) {
        let v = x[xi + k];  // four input channels, each with its row of weights
        sum += v.x * unpack(w[wi]);
        sum += v.y * unpack(w[wi + p.c_out4]);
        sum += v.z * unpack(w[wi + 2u * p.c_out4]);
        sum += v.w * unpack(w[wi + 3u * p.c_out4]);
        wi += 4u * p.c_out4;
      }
    }
  }
  store(sum, y_at(position), co);
}
