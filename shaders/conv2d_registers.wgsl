// conv2d_registers: conv2d from registers. One invocation owns $ROWS positions x $COLS vec4 of
// channels, so that a value of x serves $COLS products and a weight $ROWS. Each invocation reads
// its own operands and relies on the caches. A workgroup of split-k sums one part of the input
// channels and leaves it for conv2d_sum: where there are few positions, that is as many times more
// workgroups for a large GPU. Where x has borders of zeros left and right (the photo, with its one
// vec4 of channels), a row of taps is one run in memory.
// Reference: conv2d, reference::conv2d
// Dispatch: ceil(c_out/4 / ($WX*$COLS)) x ceil(rows*cols / ($WY*$ROWS)) workgroups x the number of
// partial sums
//#import conv2d

@compute @workgroup_size($LANES)  // $WX invocations along channels, $WY along positions
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let positions = p.rows * p.cols;
  // Positions out0, out1, … and channels c0, c1, … (in vec4). Beyond the end, the last one is
  // computed again and not stored.
//#for i in ROWS
  let out$i = (group.y * $WYu + lane / $WXu) * $ROWSu + $iu;
  let first$i = first_tap(min(out$i, positions - 1u));
//#end
//#for j in COLS
  let c$j = group.x * $WX_COLSu + lane % $WXu + $ju * $WXu;
  let in$j = min(c$j, p.c_out4 - 1u);
//#for i in ROWS
  var sum$i_$j = vec4f(0.0);
//#end
//#end
  let begin = group.z * p.part4;
  let end = min(begin + p.part4, p.run4);
  for (var ty = 0u; ty < p.tap_rows; ty++) {
    for (var tx = 0u; tx < p.tap_cols; tx++) {
//#for i in ROWS
      let x$i = x_at(first$i.x + i32(ty) * p.tap_step, first$i.y + i32(tx) * p.tap_step);
//#end
      var wi = w_at(ty, tx) + begin * 4u * p.c_out4;
      for (var k = begin; k < end; k++) {
//#for i in ROWS
        let v$i = x[x$i + k];
//#end
//#for j in COLS
        let w0_$j = unpack(w[wi + in$j]);
        let w1_$j = unpack(w[wi + p.c_out4 + in$j]);
        let w2_$j = unpack(w[wi + 2u * p.c_out4 + in$j]);
        let w3_$j = unpack(w[wi + 3u * p.c_out4 + in$j]);
//#for i in ROWS
        sum$i_$j = fma(vec4f(v$i.x), w0_$j, sum$i_$j);
        sum$i_$j = fma(vec4f(v$i.y), w1_$j, sum$i_$j);
        sum$i_$j = fma(vec4f(v$i.z), w2_$j, sum$i_$j);
        sum$i_$j = fma(vec4f(v$i.w), w3_$j, sum$i_$j);
//#end
//#end
        wi += 4u * p.c_out4;
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
