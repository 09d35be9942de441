// conv2d: 2-D convolution as an implicit matrix product, with what follows it in a network fused behind it.
//   y[oy,ox,co] = activation( scale[co] * sum over ky,kx,ci of x[oy*stride+ky-pad, ox*stride+kx-pad, ci] * w[ky,kx,ci,co]
//                             + bias[co] + residual[oy,ox,co] )
// The same loops compute dL/dx (conv2d_backward_input): then x is dL/dy, w is the transposed weight, taps run backwards, and a
// stride of 2 becomes four dense products, one for each parity of the output row and column.
// One invocation owns $ROWS positions x $COLS vec4 of channels and gathers. Two forms: from registers only, each invocation
// reading what it multiplies (best on CPUs, and where caches serve well); or with SHARED, a workgroup reading each operand
// once into workgroup memory, 16 input channels at a time (what most GPUs want).
// With MATRIX, for CPUs, products are written as matrix times vector: one instruction for SwiftShader to compile and run instead of four.
// With TRANSPOSE such a product reads the weight of the forward pass as it is, [ksize, ksize, its c_in, its c_out], and dL/dy times scale:
// vector times matrix for matrix times vector. Then c_in and c_out below are dL/dy's channels and dL/dx's.
// With SUBGROUPS a subgroup's lanes, at least four, share what they read of x: each reads one channel of four and hands it round.
// Either form may sum a share of the input channels only, stored behind one another for conv2d_sum, which adds the shares and does what
// follows the sum: where there are few positions, as many times more workgroups keep a large GPU busy.
// Taps outside the image read the zeros that stand behind every tensor's data: no branch in the inner loop.
// Where x has borders of zeros left and right (the photo, with its one vec4 of channels), a row of taps is one run in memory.
//                                                        Reference: reference::conv2d
// Dispatch: ceil(c_out/4 / ($WX*$COLS)) x ceil(rows*cols / ($WY*$ROWS)) workgroups x the number of shares, 1 if all is one

struct Params {
  rows: u32, cols: u32,                      // positions (r,c) that this dispatch computes
  y_width: u32, y_step: u32, y_row: u32, y_col: u32,  // (r,c) is stored at row r*y_step + y_row, column c*y_step + y_col
  x_height: u32, x_width: u32,
  x_step: u32, x_row: i32, x_col: i32,       // its first tap reads row r*x_step + x_row, column c*x_step + x_col
  tap_rows: u32, tap_cols: u32, tap_step: i32,  // taps, and the step between them in x
  w_row: u32, w_col: u32, w_step: u32, ksize: u32,  // tap (ty,tx) uses w[w_row + ty*w_step, w_col + tx*w_step]
  c_in4: u32, c_out4: u32,                   // channels, in vec4
  run4: u32,                                 // vec4 that a tap reads side by side: c_in4, or a row of taps
  flags: u32,                                // see shared/flags.wgsl
  share4: u32,                               // how many of run4 make a share
}
//#import flags
//#import weight

@group(0) @binding(0) var<storage, read_write> y: array<vec4f>;     // [y_height, y_width, c_out], or shares [shares, rows*cols, c_out]
//#if SUBGROUPS
@group(0) @binding(1) var<storage, read> x: array<f32>;             // the same numbers, one by one
//#else
@group(0) @binding(1) var<storage, read> x: array<vec4f>;           // [x_height, x_width, c_in], then run4 zeros
//#end
@group(0) @binding(2) var<storage, read> w: array<Packed>;          // [ksize, ksize, c_in, c_out]
@group(0) @binding(3) var<storage, read> scale_bias: array<vec4f>;  // [2, c_out]; read with SCALE_BIAS
@group(0) @binding(4) var<storage, read> residual: array<vec4f>;    // as y; read with RESIDUAL
@group(0) @binding(5) var<storage, read> mask: array<vec4f>;        // as y; read with MASK
@group(0) @binding(6) var<uniform> p: Params;

// Where tap (row, col) of x begins, or where the zeros do.
fn tap(row: i32, col: i32) -> u32 {
  let inside = u32(row) < p.x_height && u32(col) < p.x_width;  // a negative index wraps round to a huge one
  return select(p.x_height * p.x_width, u32(row) * p.x_width + u32(col), inside) * p.c_in4;
}

// Where the channels of an output position begin in y.
fn stored_at(position: u32) -> u32 {
  let row = position / p.cols * p.y_step + p.y_row;
  let col = position % p.cols * p.y_step + p.y_col;
  return (row * p.y_width + col) * p.c_out4;
}

//#if SHARED
var<workgroup> xs: array<vec4f, $X_TILE>;  // [$WY*$ROWS positions, 4]
var<workgroup> ws: array<vec4f, $W_TILE>;  // [16 input channels, $WX*$COLS]
//#end

//#if TALL
@compute @workgroup_size($WY, $WX)  // some CPU drivers compute side by side only what lies along x
//#else
@compute @workgroup_size($WX, $WY)
//#end
fn main(
//#if SUBGROUPS
  @builtin(subgroup_invocation_id) channel: u32,  // 0 to 3: a workgroup is four invocations side by side
//#end
  @builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) id: vec3u, @builtin(local_invocation_index) lane: u32) {
//#if TALL
  let local = id.yx;
//#else
  let local = id.xy;
//#end
  let positions = p.rows * p.cols;
  // What this invocation computes: positions out0, out1, …, channels c0, c1, … (in vec4). What lies beyond the end is computed
  // as a copy of the last and not stored, but for MATRIX.
//#for i in ROWS
//#if SHARED
  let out$i = group.y * $WY_ROWSu + local.y + $iu * $WYu;
//#else
  let out$i = (group.y * $WYu + local.y) * $ROWSu + $iu;
//#end
//#end
//#for j in COLS
  let c$j = group.x * $WX_COLSu + local.x + $ju * $WXu;
//#if MATRIX
  let in$j = select(min(c0, p.c_out4 - 1u), c$j, c$j < p.c_out4);  // beyond the end its own first again: storing it again harms nobody
//#else
  let in$j = min(c$j, p.c_out4 - 1u);
//#end
//#for i in ROWS
  var sum$i_$j = vec4f(0.0);
//#end
//#end

  // The vec4 of each tap that this workgroup sums, and where its share begins in y.
  let first = group.z * p.share4;
  let end = min(first + p.share4, p.run4);
  let share = group.z * positions * p.c_out4;

//#if SHARED
  // What this invocation fetches: vec4 (lane & 3) of positions slot0, slot1, … of the workgroup.
//#for l in X_LOADS
  let slot$l = lane / 4u + $lu * ($WX_WYu / 4u);
  let position$l = min(group.y * $WY_ROWSu + slot$l, positions - 1u);
//#end
//#for l in X_LOADS
  let row$l = i32(position$l / p.cols * p.x_step) + p.x_row;
  let col$l = i32(position$l % p.cols * p.x_step) + p.x_col;
//#end
  for (var ty = 0u; ty < p.tap_rows; ty++) {
    for (var tx = 0u; tx < p.tap_cols; tx++) {
//#for l in X_LOADS
      let x$l = tap(row$l + i32(ty) * p.tap_step, col$l + i32(tx) * p.tap_step);
//#end
      let wi = ((p.w_row + ty * p.w_step) * p.ksize + p.w_col + tx * p.w_step) * p.c_in4 * 4u * p.c_out4;
      for (var k = first; k < end; k += 4u) {
        let kx = k + lane % 4u;
//#for l in X_LOADS
        xs[slot$l * 4u + lane % 4u] = select(vec4f(0.0), x[x$l + min(kx, p.run4 - 1u)], kx < p.run4);
//#end
        for (var i = lane; i < $W_TILEu; i += $WX_WYu) {
          let ci = min(k * 4u + i / $WX_COLSu, p.run4 * 4u - 1u);  // beyond the last channel xs is zero
          ws[i] = unpack(w[wi + ci * p.c_out4 + min(group.x * $WX_COLSu + i % $WX_COLSu, p.c_out4 - 1u)]);
        }
        workgroupBarrier();
        for (var kk = 0u; kk < 4u; kk++) {
//#for i in ROWS
          let v$i = xs[(local.y + $iu * $WYu) * 4u + kk];
//#end
//#for j in COLS
          let w0_$j = ws[kk * 4u * $WX_COLSu + local.x + $ju * $WXu];
          let w1_$j = ws[(kk * 4u + 1u) * $WX_COLSu + local.x + $ju * $WXu];
          let w2_$j = ws[(kk * 4u + 2u) * $WX_COLSu + local.x + $ju * $WXu];
          let w3_$j = ws[(kk * 4u + 3u) * $WX_COLSu + local.x + $ju * $WXu];
//#for i in ROWS
          sum$i_$j = fma(vec4f(v$i.w), w3_$j, fma(vec4f(v$i.z), w2_$j, fma(vec4f(v$i.y), w1_$j, fma(vec4f(v$i.x), w0_$j, sum$i_$j))));
//#end
//#end
        }
        workgroupBarrier();
      }
    }
  }
//#else
//#for i in ROWS
  let row$i = i32(min(out$i, positions - 1u) / p.cols * p.x_step) + p.x_row;
  let col$i = i32(min(out$i, positions - 1u) % p.cols * p.x_step) + p.x_col;
//#end
  for (var ty = 0u; ty < p.tap_rows; ty++) {
    for (var tx = 0u; tx < p.tap_cols; tx++) {
//#for i in ROWS
      let x$i = tap(row$i + i32(ty) * p.tap_step, col$i + i32(tx) * p.tap_step);
//#end
      var wi = (((p.w_row + ty * p.w_step) * p.ksize + p.w_col + tx * p.w_step) * p.c_in4 + first) * 4u * p.c_out4;
      for (var k = first; k < end; k++) {
//#if SUBGROUPS
//#if TRANSPOSE
        let scale = scale_bias[k][channel];
//#for i in ROWS
        let one$i = scale * x[(x$i + k) * 4u + channel];
//#end
//#else
//#for i in ROWS
        let one$i = x[(x$i + k) * 4u + channel];
//#end
//#end
//#for i in ROWS
        let v$i = vec4f(subgroupBroadcast(one$i, 0u), subgroupBroadcast(one$i, 1u), subgroupBroadcast(one$i, 2u), subgroupBroadcast(one$i, 3u));
//#end
//#else
//#if TRANSPOSE
        let scale = scale_bias[k];
//#for i in ROWS
        let v$i = scale * x[x$i + k];
//#end
//#else
//#for i in ROWS
        let v$i = x[x$i + k];
//#end
//#end
//#end
//#if TRANSPOSE
//#for j in COLS
        let at$j = wi + in$j * 4u * p.c_in4 + k;
        let w_$j = mat4x4f(unpack(w[at$j]), unpack(w[at$j + p.c_in4]), unpack(w[at$j + 2u * p.c_in4]), unpack(w[at$j + 3u * p.c_in4]));
//#for i in ROWS
        sum$i_$j += v$i * w_$j;
//#end
//#end
//#else
//#for j in COLS
        let w0_$j = unpack(w[wi + in$j]);
        let w1_$j = unpack(w[wi + p.c_out4 + in$j]);
        let w2_$j = unpack(w[wi + 2u * p.c_out4 + in$j]);
        let w3_$j = unpack(w[wi + 3u * p.c_out4 + in$j]);
//#if MATRIX
        let w_$j = mat4x4f(w0_$j, w1_$j, w2_$j, w3_$j);
//#end
//#for i in ROWS
//#if MATRIX
        sum$i_$j += w_$j * v$i;
//#else
        sum$i_$j = fma(vec4f(v$i.w), w3_$j, fma(vec4f(v$i.z), w2_$j, fma(vec4f(v$i.y), w1_$j, fma(vec4f(v$i.x), w0_$j, sum$i_$j))));
//#end
//#end
//#end
        wi += 4u * p.c_out4;
//#end
      }
    }
  }
//#end

//#if MATRIX
  // Written out are only stores without conditions: drivers on a CPU take each apart into its lanes' loads and stores, branches
  // included, and would take thrice as long to compile all of what follows a sum. A residual or a mask is a second pass over what this
  // invocation has stored.
  if (out0 < positions && c0 < p.c_out4) {
//#for i in ROWS
    let y$i = share + stored_at(min(out$i, positions - 1u));
//#end
//#for j in COLS
    if ((p.flags & SCALE_BIAS) != 0u) {
      let scale = scale_bias[in$j];
      let bias = scale_bias[p.c_out4 + in$j];
//#for i in ROWS
      sum$i_$j = fma(scale, sum$i_$j, bias);
//#end
    }
    if ((p.flags & (RELU | RESIDUAL)) == RELU) {
//#for i in ROWS
      sum$i_$j = max(sum$i_$j, vec4f(0.0));
//#end
    }
    if ((p.flags & (RELU6 | RESIDUAL)) == RELU6) {
//#for i in ROWS
      sum$i_$j = min(sum$i_$j, vec4f(6.0));
//#end
    }
//#for i in ROWS
    y[y$i + in$j] = sum$i_$j;
//#end
//#end
    if ((p.flags & (RESIDUAL | MASK)) != 0u) {
      let out_end = min(out0 + $ROWSu, positions);
      let c_end = min(c0 + $WX_COLSu, p.c_out4);
      for (var out = out0; out < out_end; out++) {
        let row = stored_at(out);
        for (var c = c0; c < c_end; c += $WXu) {
          var sum = y[row + c];
          if ((p.flags & RESIDUAL) != 0u) { sum += residual[row + c]; }
          if ((p.flags & RELU) != 0u) { sum = max(sum, vec4f(0.0)); }
          if ((p.flags & RELU6) != 0u) { sum = min(sum, vec4f(6.0)); }
          if ((p.flags & MASK) != 0u) { sum = select(vec4f(0.0), sum, mask[row + c] > vec4f(0.0)); }
          if ((p.flags & MASK_BELOW_6) != 0u) { sum = select(vec4f(0.0), sum, mask[row + c] < vec4f(6.0)); }
          y[row + c] = sum;
        }
      }
    }
  }
//#else
//#for i in ROWS
  let y$i = share + stored_at(min(out$i, positions - 1u));
//#end
//#for j in COLS
  if ((p.flags & SCALE_BIAS) != 0u) {
    let scale = scale_bias[in$j];
    let bias = scale_bias[p.c_out4 + in$j];
//#for i in ROWS
    sum$i_$j = fma(scale, sum$i_$j, bias);
//#end
  }
  if ((p.flags & RESIDUAL) != 0u) {
//#for i in ROWS
    sum$i_$j += residual[y$i + in$j];
//#end
  }
  if ((p.flags & RELU) != 0u) {
//#for i in ROWS
    sum$i_$j = max(sum$i_$j, vec4f(0.0));
//#end
  }
  if ((p.flags & RELU6) != 0u) {
//#for i in ROWS
    sum$i_$j = min(sum$i_$j, vec4f(6.0));
//#end
  }
  if ((p.flags & MASK) != 0u) {
//#for i in ROWS
    sum$i_$j = select(vec4f(0.0), sum$i_$j, mask[y$i + in$j] > vec4f(0.0));
//#end
  }
  if ((p.flags & MASK_BELOW_6) != 0u) {
//#for i in ROWS
    sum$i_$j = select(vec4f(0.0), sum$i_$j, mask[y$i + in$j] < vec4f(6.0));
//#end
  }
  if (c$j < p.c_out4) {
//#for i in ROWS
    if (out$i < positions) { y[y$i + c$j] = sum$i_$j; }
//#end
  }
//#end
//#end
}
