//! 2-D convolution, and its backward to the input by the same kernels.

use super::fused::epilogue;
use super::tile::{Kernel, NAIVE, Tile};
use super::{Fused, Padding, Precision, Window, pad4};
use crate::gpu::{Buffer, Dispatch, Gpu, Tensor, grid};
use crate::operation::{Conv2dParams, Conv2dSumParams, Operation, TransposeWeightParams};
use crate::shader;

/// A convolution's numbers on the GPU.
#[derive(Clone, Debug)]
pub struct Conv2d {
    /// [ksize, ksize, c_in, c_out], channels padded to vec4.
    pub weight: Buffer,
    pub precision: Precision,
    /// [2, c_out]: what the sum is multiplied with, what is added then.
    pub scale_bias: Buffer,
    pub c_in: usize,
    pub c_out: usize,
    pub ksize: usize,
    pub stride: usize,
    pub padding: Padding,
}

impl Conv2d {
    /// As a window.
    pub fn window(&self) -> Window {
        Window { ksize: self.ksize, stride: self.stride, padding: self.padding }
    }
    /// Columns of zeros that a tensor needs on either side for this convolution to read a row of
    /// taps in one run.
    pub fn border(&self) -> usize {
        self.ksize / 2
    }
    /// Bytes of the transposed weight that its backward needs.
    pub fn transposed_bytes(&self) -> u64 {
        (self.ksize * self.ksize * pad4(self.c_in) * pad4(self.c_out) * 4) as u64
    }

    /// Panics unless x is [h_in, w_in, c_in], of any size, and y the [h_out, w_out, c_out] of it.
    pub(super) fn assert_shapes(&self, y: &Tensor, x: &Tensor) {
        let [h_out, w_out] = [x.height, x.width].map(|side| self.window().out(side));
        assert_eq!([y.height, y.width, y.channels], [h_out, w_out, self.c_out]);
        assert_eq!(x.channels, self.c_in);
    }
}

/// y = relu(scale · conv(x, w) + bias + residual): `shaders/conv2d.wgsl`. y [h_out, w_out, c_out],
/// x [h_in, w_in, c_in].
///
/// One dispatch; with a tile that splits the sum two, the first leaving
/// [`Tile::partial_sums_bytes`] in `partial_sums`.
pub fn conv2d(
    gpu: &Gpu,
    y: &Tensor,
    x: &Tensor,
    conv: &Conv2d,
    fused: Fused,
    tile: Tile,
    partial_sums: &Buffer,
) -> Vec<Dispatch> {
    conv.assert_shapes(y, x);
    let window = conv.window();
    // With a border at least as wide as the padding, the taps of one row lie side by side and never
    // leave the row.
    let bordered = x.border > 0;
    let [top, left] = [x.height, x.width].map(|side| window.before(side));
    let right = ((y.width - 1) * conv.stride + conv.ksize).saturating_sub(left + x.width);
    assert!(!bordered || (left.max(right) <= x.border && y.border == 0));
    let params = Conv2dParams {
        rows: y.height as u32,
        cols: y.width as u32,
        y_width: y.width as u32,
        y_step: 1,
        x_height: x.height as u32,
        x_width: (x.width + 2 * x.border) as u32,
        x_step: conv.stride as u32,
        x_row: -(top as i32),
        x_col: x.border as i32 - left as i32,
        tap_rows: conv.ksize as u32,
        tap_cols: if bordered { 1 } else { conv.ksize as u32 },
        tap_step: 1,
        w_step: 1,
        ksize: conv.ksize as u32,
        c_in4: x.c4() as u32,
        c_out4: y.c4() as u32,
        run4: (if bordered { conv.ksize * x.c4() } else { x.c4() }) as u32,
        ..Default::default()
    };
    let scale = Scale::OfY(&conv.scale_bias);
    record(gpu, y, x, &conv.weight, conv.precision, scale, fused, params, tile, partial_sums)
}

/// What a convolution's scale and bias are for.
#[derive(Clone, Copy)]
enum Scale<'a> {
    None,
    /// Applied to the sum.
    OfY(&'a Buffer),
    /// The scale, applied to what is read, and the weight read transposed: on the processor.
    OfX(&'a Buffer),
}

/// dL/dx of [`conv2d`]'s convolution, by the same kernels on the weight that
/// [`conv2d_transpose_weight`] leaves in `transposed`; the processor reads the weight as it is.
///
/// dx [h_in, w_in, c_in], dy [h_out, w_out, c_out]. A position of dx at row iy meets tap ky where
/// (iy + padding − ky) is a multiple of the stride: one dispatch for each remainder of iy and ix
/// (two with a tile that splits the sum), each a dense product over its own taps.
#[allow(clippy::too_many_arguments)] // one argument for each operand of the formula
pub fn conv2d_backward_input(
    gpu: &Gpu,
    dx: &Tensor,
    dy: &Tensor,
    conv: &Conv2d,
    transposed: &Buffer,
    fused: Fused,
    tile: Tile,
    partial_sums: &Buffer,
) -> Vec<Dispatch> {
    conv.assert_shapes(dy, dx);
    let window = conv.window();
    let Window { ksize, stride, .. } = window;
    let [top, left] = [dx.height, dx.width].map(|side| window.before(side));
    // For rows iy = first, first + stride, …: the first tap ky that meets them, how many do, and
    // the row of dy that it reads.
    let phase = |first: usize, before: usize| {
        let tap = (first + before) % stride;
        let taps = if tap < ksize { (ksize - tap).div_ceil(stride) } else { 0 };
        let origin = (first + before) as i32 - tap as i32;
        (tap as u32, taps as u32, origin / stride as i32)
    };
    let mut dispatches = Vec::new();
    let (weight, precision, scale) = if gpu.is_cpu() {
        (&conv.weight, conv.precision, Scale::OfX(&conv.scale_bias))
    } else {
        dispatches.push(conv2d_transpose_weight(gpu, transposed, conv));
        (transposed, Precision::F32, Scale::None)
    };
    for first_row in 0..stride.min(dx.height) {
        for first_col in 0..stride.min(dx.width) {
            let (w_row, tap_rows, x_row) = phase(first_row, top);
            let (w_col, tap_cols, x_col) = phase(first_col, left);
            let params = Conv2dParams {
                rows: (dx.height - first_row).div_ceil(stride) as u32,
                cols: (dx.width - first_col).div_ceil(stride) as u32,
                y_width: dx.width as u32,
                y_step: stride as u32,
                y_row: first_row as u32,
                y_col: first_col as u32,
                x_height: dy.height as u32,
                x_width: dy.width as u32,
                x_step: 1,
                x_row,
                x_col,
                tap_rows,
                tap_cols,
                tap_step: -1,
                w_row,
                w_col,
                w_step: stride as u32,
                ksize: ksize as u32,
                c_in4: dy.c4() as u32,
                c_out4: dx.c4() as u32,
                run4: dy.c4() as u32,
                ..Default::default()
            };
            dispatches.extend(record(
                gpu,
                dx,
                dy,
                weight,
                precision,
                scale,
                fused,
                params,
                tile,
                partial_sums,
            ));
        }
    }
    dispatches
}

/// y of x and `weight` by `params`, whose flags and part size are yet to be set: one dispatch, or
/// two for split-k.
#[allow(clippy::too_many_arguments)] // one argument for each operand of the formula
fn record(
    gpu: &Gpu,
    y: &Tensor,
    x: &Tensor,
    weight: &Buffer,
    precision: Precision,
    scale: Scale,
    fused: Fused,
    mut params: Conv2dParams,
    tile: Tile,
    partial_sums: &Buffer,
) -> Vec<Dispatch> {
    let tile = if gpu.is_cpu() { NAIVE } else { tile }; // the processor has no tiles
    let of_y = if let Scale::OfY(scale_bias) = scale { Some(scale_bias) } else { None };
    let (flags, mut follows) = epilogue(y, of_y, &fused, weight);
    params.flags = flags;
    let shader = tile.shader().with_precision(precision);
    let mut transposed = false;
    if let Scale::OfX(scale_bias) = scale {
        (follows[0], transposed) = (scale_bias, true);
    }
    let positions = (params.rows * params.cols) as usize;
    let part4 = (params.run4 as usize).div_ceil(tile.split);
    // Through workgroup memory go 16 channels at a time.
    params.part4 =
        (if tile.kernel == Kernel::Shared { part4.next_multiple_of(4) } else { part4 }) as u32;
    let workgroups = tile.workgroups(positions, y.c4());
    let operation = |params| Operation::Conv2d { params, precision, transposed };
    if tile.split == 1 {
        let bindings = [&[&y.buffer, &x.buffer, weight], &follows[..]].concat();
        return vec![gpu.dispatch(shader, operation(params), &bindings, workgroups)];
    }

    assert!(partial_sums.bytes() >= tile.partial_sums_bytes(positions, y.channels));
    let bindings = [partial_sums, &x.buffer, weight, weight, weight, weight]; // the last three are not read
    let parts =
        Conv2dParams { y_width: params.cols, y_step: 1, y_row: 0, y_col: 0, flags: 0, ..params };
    let products = gpu.dispatch(shader, operation(parts), &bindings, workgroups);
    let Conv2dParams { rows, cols, y_width, y_step, y_row, y_col, c_out4, flags, .. } = params;
    let split = tile.split as u32;
    let sum = Conv2dSumParams { rows, cols, y_width, y_step, y_row, y_col, c_out4, split, flags };
    let bindings = [&[&y.buffer, partial_sums], &follows[..]].concat();
    let workgroups = grid((positions * y.c4()).div_ceil(64));
    vec![
        products,
        gpu.dispatch(shader::conv2d_sum(), Operation::Conv2dSum(sum), &bindings, workgroups),
    ]
}

/// wt [ksize, ksize, c_out, c_in] = scale · w, transposed: `shaders/conv2d_transpose_weight.wgsl`.
pub fn conv2d_transpose_weight(gpu: &Gpu, transposed: &Buffer, conv: &Conv2d) -> Dispatch {
    assert!(transposed.bytes() >= conv.transposed_bytes());
    let [c_in4, c_out4] = [conv.c_in, conv.c_out].map(|c| c.div_ceil(4) as u32);
    let taps = (conv.ksize * conv.ksize) as u32;
    let shader = shader::conv2d_transpose_weight().with_precision(conv.precision);
    let operation = Operation::Conv2dTransposeWeight(TransposeWeightParams { c_in4, c_out4 });
    let workgroups = [c_out4.div_ceil(16), c_in4.div_ceil(16), taps];
    gpu.dispatch(shader, operation, &[transposed, &conv.weight, &conv.scale_bias], workgroups)
}
