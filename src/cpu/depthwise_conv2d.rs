//! Depthwise convolutions, forward and backward: a few vec4 at a time, in registers.

use wide::f32x4;

use super::epilogue::Epilogue;
use crate::operation::DepthwiseParams;

/// [`DepthwiseParams`] as indices.
struct Sizes {
    h_out: usize,
    w_out: usize,
    h_in: usize,
    w_in: usize,
    c4: usize,
    ksize: usize,
    stride: usize,
    top: usize,
    left: usize,
    flags: u32,
}

impl Sizes {
    fn of(
        &DepthwiseParams { h_out, w_out, h_in, w_in, c4, ksize, stride, top, left, flags }: &DepthwiseParams,
    ) -> Sizes {
        let [h_out, w_out, h_in, w_in, c4] = [h_out, w_out, h_in, w_in, c4].map(|n| n as usize);
        let [ksize, stride, top, left] = [ksize, stride, top, left].map(|n| n as usize);
        Sizes { h_out, w_out, h_in, w_in, c4, ksize, stride, top, left, flags }
    }
}

/// Outputs side by side that are summed at a time: neighbours share most of their inputs.
const OUTPUTS: usize = 4;

/// [`OUTPUTS`] sums for each vec4 of channels, with a window of K×K and stride S. `rows`: of the
/// inputs, from the first window's column on, the row of each tap.
fn sum<const K: usize, const S: usize>(
    sums: &mut [[f32x4; OUTPUTS]],
    rows: &[&[[f32; 4]]],
    w: &[[f32; 4]],
) {
    let c4 = sums.len();
    for (c, sums) in sums.iter_mut().enumerate() {
        let mut found = [f32x4::ZERO; OUTPUTS];
        for (row, w) in rows.iter().zip(w.chunks_exact(K * c4)) {
            let w: [f32x4; K] = std::array::from_fn(|kx| w[kx * c4 + c].into());
            for ix in 0..(OUTPUTS - 1) * S + K {
                let x = f32x4::new(row[ix * c4 + c]);
                for (ox, sum) in found.iter_mut().enumerate() {
                    if (ox * S..ox * S + K).contains(&ix) {
                        *sum += x * w[ix - ox * S];
                    }
                }
            }
        }
        *sums = found;
    }
}

/// The same for any window and stride.
fn sum_any(
    sums: &mut [[f32x4; OUTPUTS]],
    rows: &[&[[f32; 4]]],
    w: &[[f32; 4]],
    [ksize, stride]: [usize; 2],
) {
    let c4 = sums.len();
    for (c, sums) in sums.iter_mut().enumerate() {
        *sums = std::array::from_fn(|ox| {
            let mut sum = f32x4::ZERO;
            for (row, w) in rows.iter().zip(w.chunks_exact(ksize * c4)) {
                for kx in 0..ksize {
                    let x = f32x4::new(row[(ox * stride + kx) * c4 + c]);
                    sum += x * f32x4::new(w[kx * c4 + c]);
                }
            }
            sum
        });
    }
}

/// y [h_out, w_out, c] of x [h_in, w_in, c] and w [ksize, ksize, c].
pub fn depthwise_conv2d(
    y: &mut [f32],
    x: &[f32],
    w: &[f32],
    scale_bias: &[f32],
    residual: Option<&[f32]>,
    mask: Option<&[f32]>,
    p: &DepthwiseParams,
) {
    let p = &Sizes::of(p);
    let &Sizes { c4, ksize, stride, .. } = p;
    let [x, w, scale_bias] = [x, w, scale_bias].map(|words| words.as_chunks::<4>().0);
    let [residual, mask] =
        [residual, mask].map(|words| words.map(|words| words.as_chunks::<4>().0));
    let epilogue = Epilogue { scale_bias: Some(scale_bias), residual, mask, flags: p.flags };
    let y = y.as_chunks_mut::<4>().0;
    // Rows with their padding, so that no window is cut: the last `ksize` of them, row iy in the
    // place iy % ksize.
    let width = (p.w_out.next_multiple_of(OUTPUTS) - 1) * stride + ksize;
    let columns = p.w_in.min(width - p.left);
    let mut padded = vec![vec![[0.0; 4]; width * c4]; ksize];
    let mut sums = vec![[f32x4::ZERO; OUTPUTS]; c4];
    let mut next = 0;
    for oy in 0..p.h_out {
        let taps = oy * stride..oy * stride + ksize;
        for iy in next.max(taps.start)..taps.end {
            let row = &mut padded[iy % ksize];
            match iy.checked_sub(p.top).filter(|&iy| iy < p.h_in) {
                Some(iy) => row[p.left * c4..][..columns * c4]
                    .copy_from_slice(&x[iy * p.w_in * c4..][..columns * c4]),
                None => row.fill([0.0; 4]),
            }
        }
        next = taps.end;
        for ox in (0..p.w_out).step_by(OUTPUTS) {
            let rows = taps.clone().map(|iy| &padded[iy % ksize][ox * stride * c4..]);
            let rows: Vec<_> = rows.collect();
            match [ksize, stride] {
                [3, 1] => sum::<3, 1>(&mut sums, &rows, w),
                [3, 2] => sum::<3, 2>(&mut sums, &rows, w),
                [5, 1] => sum::<5, 1>(&mut sums, &rows, w),
                [5, 2] => sum::<5, 2>(&mut sums, &rows, w),
                any => sum_any(&mut sums, &rows, w, any),
            }
            for o in 0..OUTPUTS.min(p.w_out - ox) {
                let at = (oy * p.w_out + ox + o) * c4;
                epilogue.store(y, at, sums.iter().map(|sums| sums[o]));
            }
        }
    }
}

/// How many vec4 of channels are summed at a time: a cache line of each tap.
const COLS: usize = 4;

/// x times w over `taps`, of which each begins there in x and in w; C vec4 of channels from c on.
#[inline(always)]
fn sums_over<const C: usize>(
    x: &[[f32; 4]],
    w: &[[f32; 4]],
    taps: &[[usize; 2]],
    c: usize,
) -> [f32x4; C] {
    let mut sums = [f32x4::ZERO; C];
    for &[x_at, w_at] in taps {
        let [x, w]: [&[[f32; 4]; C]; 2] = [&x[x_at + c..], &w[w_at + c..]]
            .map(|fours| fours.first_chunk().expect("C vec4 of channels"));
        for ((sum, &x), &w) in sums.iter_mut().zip(x).zip(w) {
            *sum += f32x4::new(x) * f32x4::new(w);
        }
    }
    sums
}

/// dx [h_in, w_in, c] of dy [h_out, w_out, c]: each position gathers from the windows that it lies
/// in.
pub fn depthwise_conv2d_backward_input(
    dx: &mut [f32],
    dy: &[f32],
    w: &[f32],
    scale_bias: &[f32],
    residual: Option<&[f32]>,
    mask: Option<&[f32]>,
    p: &DepthwiseParams,
) {
    let p = &Sizes::of(p);
    let c4 = p.c4;
    let [dy, w, scale] = [dy, w, scale_bias].map(|words| words.as_chunks::<4>().0);
    let [residual, mask] =
        [residual, mask].map(|words| words.map(|words| words.as_chunks::<4>().0));
    let epilogue = Epilogue { scale_bias: None, residual, mask, flags: p.flags };
    let dx = dx.as_chunks_mut::<4>().0;
    // The windows that padded position `i` lies in.
    let windows = |i: usize, outs: usize| {
        (i + p.stride).saturating_sub(p.ksize) / p.stride..(i / p.stride + 1).min(outs)
    };
    let mut places = Vec::new();
    let mut sums = vec![f32x4::ZERO; c4];
    for i in 0..p.h_in * p.w_in {
        let (row, col) = (i / p.w_in + p.top, i % p.w_in + p.left);
        places.clear();
        for oy in windows(row, p.h_out) {
            let ky = row - oy * p.stride;
            places.extend(
                windows(col, p.w_out).map(|ox| {
                    [(oy * p.w_out + ox) * c4, (ky * p.ksize + col - ox * p.stride) * c4]
                }),
            );
        }
        let (chunks, rest) = sums.as_chunks_mut::<COLS>();
        for (sums, c) in chunks.iter_mut().zip((0..).step_by(COLS)) {
            *sums = sums_over(dy, w, &places, c);
        }
        for (sum, c) in rest.iter_mut().zip(c4 - c4 % COLS..) {
            [*sum] = sums_over(dy, w, &places, c);
        }
        let scaled = sums.iter().zip(scale).map(|(&sum, &scale)| sum * f32x4::new(scale));
        epilogue.store(dx, i * c4, scaled);
    }
}
