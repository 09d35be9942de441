// conv2d_shared: conv2d through workgroup memory. One invocation owns $ROWS positions x $COLS vec4
// of channels; its workgroup reads each operand once into workgroup memory, 16 input channels at a
// time, which is what GPUs with small caches want. A workgroup of split-k sums one part of the
// input channels and leaves it for conv2d_sum, as in conv2d_registers.
// Reference: conv2d, reference::conv2d
// Dispatch: ceil(c_out/4 / ($WX*$COLS)) x ceil(rows*cols / ($WY*$ROWS)) workgroups x the number of
// partial sums
//#import conv2d

var<workgroup> xs: array<vec4f, $X_TILE>;  // [$WY*$ROWS positions, 4]
var<workgroup> ws: array<vec4f, $W_TILE>;  // [16 input channels, $WX*$COLS]

@compute @workgroup_size($LANES)  // $WX invocations along channels, $WY along positions
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let positions = p.rows * p.cols;
  let local = vec2u(lane % $WXu, lane / $WXu);
  // Positions out0, out1, … and channels c0, c1, … (in vec4). Beyond the end, the last one is
  // computed again and not stored.
//#for i in ROWS
  let out$i = group.y * $WY_ROWSu + local.y + $iu * $WYu;
//#end
//#for j in COLS
  let c$j = group.x * $WX_COLSu + local.x + $ju * $WXu;
//#for i in ROWS
  var sum$i_$j = vec4f(0.0);
//#end
//#end
  // What this invocation fetches: vec4 (lane & 3) of positions slot0, slot1, … of the workgroup.
//#for l in X_LOADS
  let slot$l = lane / 4u + $lu * ($LANESu / 4u);
  let first$l = first_tap(min(group.y * $WY_ROWSu + slot$l, positions - 1u));
//#end
  let begin = group.z * p.part4;
  let end = min(begin + p.part4, p.run4);
  for (var ty = 0u; ty < p.tap_rows; ty++) {
    for (var tx = 0u; tx < p.tap_cols; tx++) {
//#for l in X_LOADS
      let x$l = x_at(first$l.x + i32(ty) * p.tap_step, first$l.y + i32(tx) * p.tap_step);
//#end
      let wi = w_at(ty, tx);
      for (var k = begin; k < end; k += 4u) {
        let kx = k + lane % 4u;
        let read = min(kx, p.run4 - 1u);
//#for l in X_LOADS
        xs[slot$l * 4u + lane % 4u] = select(vec4f(0.0), x[x$l + read], kx < p.run4);
//#end
        for (var i = lane; i < $W_TILEu; i += $LANESu) {
          // Beyond the last channel xs is zero.
          let ci = min(k * 4u + i / $WX_COLSu, p.run4 * 4u - 1u);
          let co = min(group.x * $WX_COLSu + i % $WX_COLSu, p.c_out4 - 1u);
          ws[i] = unpack(w[wi + ci * p.c_out4 + co]);
        }
        workgroupBarrier();
        for (var kk = 0u; kk < 4u; kk++) {
//#for i in ROWS
          let v$i = xs[(local.y + $iu * $WYu) * 4u + kk];
//#end
//#for j in COLS
          let wj$j = kk * 4u * $WX_COLSu + local.x + $ju * $WXu;
          let w0_$j = ws[wj$j];
          let w1_$j = ws[wj$j + $WX_COLSu];
          let w2_$j = ws[wj$j + 2u * $WX_COLSu];
          let w3_$j = ws[wj$j + 3u * $WX_COLSu];
//#for i in ROWS
          sum$i_$j = fma(vec4f(v$i.x), w0_$j, sum$i_$j);
          sum$i_$j = fma(vec4f(v$i.y), w1_$j, sum$i_$j);
          sum$i_$j = fma(vec4f(v$i.z), w2_$j, sum$i_$j);
          sum$i_$j = fma(vec4f(v$i.w), w3_$j, sum$i_$j);
//#end
//#end
        }
        workgroupBarrier();
      }
    }
  }
  let part = group.z * positions * p.c_out4;
//#for i in ROWS
  if (out$i < positions) {
    let at = part + y_at(out$i);
//#for j in COLS
    if (c$j < p.c_out4) { store(sum$i_$j, at, c$j); }
//#end
  }
//#end
}
