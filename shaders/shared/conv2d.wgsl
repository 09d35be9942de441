// What the three conv2d kernels share: parameters, bindings, addresses, and what follows a sum.
struct Params {
  rows: u32, cols: u32,     // positions (r,c) that this dispatch computes
  // (r,c) is stored at row r*y_step + y_row, column c*y_step + y_col
  y_width: u32, y_step: u32, y_row: u32, y_col: u32,
  x_height: u32, x_width: u32,
  // Its first tap reads row r*x_step + x_row, column c*x_step + x_col
  x_step: u32, x_row: i32, x_col: i32,
  // Taps, and the step between them in x: 1, or -1 for a gradient
  tap_rows: u32, tap_cols: u32, tap_step: i32,
  // Tap (ty,tx) uses w[w_row + ty*w_step, w_col + tx*w_step]
  w_row: u32, w_col: u32, w_step: u32, ksize: u32,
  c_in4: u32, c_out4: u32,  // channels, in vec4
  run4: u32,                // vec4 of x that a tap reads side by side: c_in4, or a row of taps
  flags: u32,               // see flags.wgsl
  part4: u32,               // how many of run4 go into one partial sum
}
//#import weight

// [y_height, y_width, c_out], or the partial sums [split, rows*cols, c_out]
@group(0) @binding(0) var<storage, read_write> y: array<vec4f>;
// [x_height, x_width, c_in], then run4 zeros
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> w: array<Packed>;          // [ksize, ksize, c_in, c_out]
@group(0) @binding(3) var<storage, read> scale_bias: array<vec4f>;  // [2, c_out]; if SCALE_BIAS
@group(0) @binding(4) var<storage, read> residual: array<vec4f>;    // as y; if RESIDUAL
@group(0) @binding(5) var<storage, read> mask: array<vec4f>;        // as y; if MASK
@group(0) @binding(6) var<uniform> p: Params;
//#import epilogue

// Where tap (row, col) of x begins. A tap outside the image reads the zeros behind x: no branch in
// the inner loop.
fn x_at(row: i32, col: i32) -> u32 {
  // A negative index wraps to a huge one.
  let inside = u32(row) < p.x_height && u32(col) < p.x_width;
  return select(p.x_height * p.x_width, u32(row) * p.x_width + u32(col), inside) * p.c_in4;
}

// Where the weights of tap (ty, tx) begin.
fn w_at(ty: u32, tx: u32) -> u32 {
  return ((p.w_row + ty * p.w_step) * p.ksize + p.w_col + tx * p.w_step) * p.c_in4 * 4u * p.c_out4;
}

// Where the channels of an output position begin in y.
fn y_at(position: u32) -> u32 {
  let row = position / p.cols * p.y_step + p.y_row;
  let col = position % p.cols * p.y_step + p.y_col;
  return (row * p.y_width + col) * p.c_out4;
}

// Row and column of x that the first tap of an output position reads.
fn first_tap(position: u32) -> vec2i {
  let row = position / p.cols * p.x_step;
  let col = position % p.cols * p.x_step;
  return vec2i(i32(row) + p.x_row, i32(col) + p.x_col);
}

// Stores a sum of output channels co; `at` is where the channels of its position begin.
fn store(sum: vec4f, at: u32, co: u32) {
  var value = sum;
  if ((p.flags & SCALE_BIAS) != 0u) {
    value = fma(scale_bias[co], value, scale_bias[p.c_out4 + co]);
  }
  y[at + co] = epilogue(value, at + co, p.flags);
}
