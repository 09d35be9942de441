//! 3×3 convolutions by Winograd's F(2×2, 3×3): 16 products for 4 outputs instead of 36. Lavin &
//! Gray 2016, arXiv 1509.09308.

use super::conv2d::{Conv2d, conv2d_transpose_weight};
use super::fused::epilogue;
use super::tile::{Kernel, Tile};
use super::{Fused, Precision, pad4};
use crate::gpu::{Buffer, Dispatch, Gpu, Tensor, grid};
use crate::operation::{Conv2dParams, Operation, WinogradParams, WinogradWeightParams};
use crate::shader;

/// What convolutions leave between their dispatches: one for all of a network.
#[derive(Clone, Debug)]
pub struct Scratch {
    /// Of split-k; in Winograd's form the products [16, tiles, c_out].
    pub partial_sums: Buffer,
    /// Winograd's form: the transformed weight [16, c_in, c_out].
    pub weight: Buffer,
    /// Winograd's form: the transformed image [tiles, 16, c_in].
    pub image: Buffer,
}

impl Scratch {
    /// Room for so many bytes of each, in the order of the fields.
    pub fn new(gpu: &Gpu, bytes: [u64; 3]) -> Scratch {
        let [partial_sums, weight, image] = bytes.map(|bytes| gpu.scratch(bytes));
        Scratch { partial_sums, weight, image }
    }
    pub fn parts(&self) -> [&Buffer; 3] {
        [&self.partial_sums, &self.weight, &self.image]
    }
}

/// Bytes of the parts of [`Scratch`] for Winograd's form of a convolution with so many outputs.
pub fn winograd_bytes([height, width]: [usize; 2], c_in: usize, c_out: usize) -> [u64; 3] {
    let (tiles, c_in, c_out) = (height.div_ceil(2) * width.div_ceil(2), pad4(c_in), pad4(c_out));
    [tiles * c_out, c_in * c_out, tiles * c_in].map(|count| (16 * 4 * count) as u64)
}

/// Whether Winograd's form, its products by `tile`, can compute a convolution with an output of
/// this size and needs fewer products, by a fifth, than `tile` does directly.
///
/// A kernel computes whole tiles of positions, and the form has a quarter as many: of 7×7 the
/// padding would cost more than the form gains.
pub fn suits_winograd(conv: &Conv2d, [height, width]: [usize; 2], tile: Tile) -> bool {
    let Conv2d { c_in, c_out, .. } = *conv;
    // Sixteen partial sums are left, which the naive kernel can't; through workgroup memory go 16
    // channels at a time, which must belong to one of them.
    let tile_can = match tile.kernel {
        Kernel::Naive => false,
        Kernel::Registers => true,
        Kernel::Shared => c_in.is_multiple_of(16) && c_out.is_multiple_of(16),
    };
    let whole_tiles = |positions: usize| positions.next_multiple_of(tile.wy * tile.rows);
    let direct = 9 * whole_tiles(height * width);
    let winograd = 16 * whole_tiles(height.div_ceil(2) * width.div_ceil(2));
    is_of_the_form(conv) && tile_can && 4 * direct >= 5 * winograd
}

/// Whether a convolution has 3×3 windows of stride 1 and an output as large as its input.
fn is_of_the_form(conv: &Conv2d) -> bool {
    [conv.ksize, conv.stride] == [3, 1] && conv.padding.is_half(3, 1)
}

/// [`conv2d`] for 3×3 windows of stride 1 by Winograd's F(2×2, 3×3): 16 products for 4 outputs
/// instead of 36. Lavin & Gray 2016.
///
/// Four dispatches: weight and image are transformed (`shaders/winograd_weight.wgsl`,
/// `winograd_input`), multiplied as sixteen matrix products, which to `conv2d` are the sixteen
/// partial sums of a sum over 16·c_in channels, and transformed back (`winograd_output`). f32
/// results differ from those of the direct form by some 1e-6 of the largest.
pub fn conv2d_winograd(
    gpu: &Gpu,
    y: &Tensor,
    x: &Tensor,
    conv: &Conv2d,
    fused: Fused,
    tile: Tile,
    scratch: &Scratch,
) -> Vec<Dispatch> {
    conv.assert_shapes(y, x);
    record(gpu, y, x, conv, None, fused, tile, scratch)
}

/// [`conv2d_backward_input`] likewise: the same convolution with the transposed weight, its taps
/// read backwards.
#[allow(clippy::too_many_arguments)]
pub fn conv2d_winograd_backward_input(
    gpu: &Gpu,
    dx: &Tensor,
    dy: &Tensor,
    conv: &Conv2d,
    transposed: &Buffer,
    fused: Fused,
    tile: Tile,
    scratch: &Scratch,
) -> Vec<Dispatch> {
    conv.assert_shapes(dy, dx);
    record(gpu, dx, dy, conv, Some(transposed), fused, tile, scratch)
}

#[allow(clippy::too_many_arguments)]
fn record(
    gpu: &Gpu,
    y: &Tensor,
    x: &Tensor,
    conv: &Conv2d,
    transposed: Option<&Buffer>,
    fused: Fused,
    tile: Tile,
    scratch: &Scratch,
) -> Vec<Dispatch> {
    assert!(is_of_the_form(conv));
    assert_eq!([x.border, y.border], [0, 0]);
    let bytes = winograd_bytes([y.height, y.width], x.channels, y.channels);
    assert!(scratch.parts().iter().zip(bytes).all(|(part, bytes)| part.bytes() >= bytes));

    let (c_in4, c_out4) = (x.c4() as u32, y.c4() as u32);
    let [height, width] = [y.height, y.width].map(|side| side as u32);
    let [tiles_y, tiles_x] = [height, width].map(|side| side.div_ceil(2));
    let tiles = tiles_y * tiles_x;
    let (weight, precision) = transposed
        .map_or((&conv.weight, conv.precision), |transposed| (transposed, Precision::F32));
    let count = c_in4 * 4 * c_out4;
    let transform_weight = gpu.dispatch(
        shader::winograd_weight().with_precision(precision),
        Operation::WinogradWeight(WinogradWeightParams {
            count,
            flipped: transposed.is_some() as u32,
        }),
        &[&scratch.weight, weight],
        grid((count as usize).div_ceil(64)),
    );
    let sizes = WinogradParams { height, width, tiles_y, tiles_x, c4: c_in4, flags: 0 };
    let transform_image = gpu.dispatch(
        shader::winograd_input(),
        Operation::WinogradInput(sizes),
        &[&scratch.image, &x.buffer],
        grid(((tiles * c_in4) as usize).div_ceil(64)),
    );

    // A 1×1 convolution of `tiles` positions with 16·c_in channels, its sum left in sixteen parts.
    let split = Tile { split: 16, ..tile };
    let params = Conv2dParams {
        rows: 1,
        cols: tiles,
        y_width: tiles,
        y_step: 1,
        x_height: 1,
        x_width: tiles,
        x_step: 1,
        tap_rows: 1,
        tap_cols: 1,
        ksize: 1,
        c_in4: 16 * c_in4,
        c_out4,
        run4: 16 * c_in4,
        part4: c_in4,
        ..Default::default()
    };
    let Scratch { partial_sums, weight, image } = scratch;
    let multiply = gpu.dispatch(
        split.shader(),
        Operation::Conv2d { params, precision: Precision::F32, transposed: false },
        &[partial_sums, image, weight, weight, weight, weight], // the last three are not read
        split.workgroups(tiles as usize, y.c4()),
    );

    let scale_bias = transposed.is_none().then_some(&conv.scale_bias);
    let (flags, follows) = epilogue(y, scale_bias, &fused, partial_sums);
    let transform_back = gpu.dispatch(
        shader::winograd_output(),
        Operation::WinogradOutput(WinogradParams { c4: c_out4, flags, ..sizes }),
        &[&[&y.buffer, partial_sums], &follows[..]].concat(),
        grid(((tiles * c_out4) as usize).div_ceil(64)),
    );
    let transpose = transposed.map(|transposed| conv2d_transpose_weight(gpu, transposed, conv));
    transpose
        .into_iter()
        .chain([transform_weight, transform_image, multiply, transform_back])
        .collect()
}
