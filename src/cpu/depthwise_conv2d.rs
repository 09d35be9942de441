//! Depthwise convolutions, forward and backward: a few vec4 of channels at a time, in registers.

use wide::f32x4;

use super::epilogue::epilogue;
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

/// The taps of output position `o` that lie inside `size` inputs, and the input of the first.
fn taps(o: usize, before: usize, size: usize, p: &Sizes) -> (std::ops::Range<usize>, usize) {
    let at = o * p.stride;
    let first = before.saturating_sub(at);
    let end = p.ksize.min(size + before - at);
    (first..end, at + first - before)
}

/// How many vec4 of channels are summed at a time: a cache line of each tap.
const DEPTHWISE_COLS: usize = 4;

/// x of `positions` neighbouring outputs times w, over taps that are the same for all of them; of
/// `C` vec4 of channels, in registers. `taps`: where each begins in x, for the first output, and in
/// w; `next`: from there to the next output's.
#[inline(always)]
fn depthwise_sums<const P: usize, const C: usize>(
    x: &[[f32; 4]],
    w: &[[f32; 4]],
    taps: &[[usize; 2]],
    next: usize,
    c: usize,
) -> [[f32x4; C]; P] {
    let mut sums = [[f32x4::ZERO; C]; P];
    for &[x_at, w_at] in taps {
        let w: &[[f32; 4]; C] = w[w_at + c..].first_chunk().expect("C vec4 of channels");
        for (p, sums) in sums.iter_mut().enumerate() {
            let x: &[[f32; 4]; C] =
                x[x_at + p * next + c..].first_chunk().expect("C vec4 of channels");
            for i in 0..C {
                sums[i] += f32x4::new(x[i]) * f32x4::new(w[i]);
            }
        }
    }
    sums
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
    let c4 = p.c4;
    let (x, w) = (x.as_chunks::<4>().0, w.as_chunks::<4>().0);
    let (scale, bias) = scale_bias.as_chunks::<4>().0.split_at(c4);
    let [residual, mask] =
        [residual, mask].map(|words| words.map(|words| words.as_chunks::<4>().0));
    let y = y.as_chunks_mut::<4>().0;
    let mut store = |at: usize, c: usize, sum: f32x4| {
        let sum = sum * f32x4::new(scale[c]) + f32x4::new(bias[c]);
        y[at + c] =
            epilogue(sum, residual.map(|r| r[at + c]), mask.map(|m| m[at + c]), p.flags).to_array();
    };
    let mut places = Vec::new();
    for oy in 0..p.h_out {
        let (kys, iy) = taps(oy, p.top, p.h_in, p);
        let mut ox = 0;
        while ox < p.w_out {
            let (kxs, ix) = taps(ox, p.left, p.w_in, p);
            // Two outputs share their weights where neither's taps leave the row.
            let whole = |ox: usize| ox < p.w_out && taps(ox, p.left, p.w_in, p).0 == (0..p.ksize);
            let outputs = if whole(ox) && whole(ox + 1) { 2 } else { 1 };
            places.clear();
            for (ky, iy) in kys.clone().zip(iy..) {
                places.extend(
                    kxs.clone()
                        .zip(ix..)
                        .map(|(kx, ix)| [(iy * p.w_in + ix) * c4, (ky * p.ksize + kx) * c4]),
                );
            }
            let at = (oy * p.w_out + ox) * c4;
            let mut c = 0;
            while c < c4 {
                let next = p.stride * c4;
                match (outputs, c4 - c >= DEPTHWISE_COLS) {
                    (2, true) => {
                        let sums = depthwise_sums::<2, DEPTHWISE_COLS>(x, w, &places, next, c);
                        for (o, sums) in sums.into_iter().enumerate() {
                            sums.into_iter()
                                .zip(c..)
                                .for_each(|(sum, c)| store(at + o * c4, c, sum));
                        }
                        c += DEPTHWISE_COLS;
                    }
                    (_, true) => {
                        let [sums] = depthwise_sums::<1, DEPTHWISE_COLS>(x, w, &places, next, c);
                        sums.into_iter().zip(c..).for_each(|(sum, c)| store(at, c, sum));
                        c += DEPTHWISE_COLS;
                    }
                    (outputs, false) => {
                        let sums = depthwise_sums::<2, 1>(
                            x,
                            w,
                            &places,
                            if outputs == 2 { next } else { 0 },
                            c,
                        );
                        for (o, [sum]) in sums.into_iter().enumerate().take(outputs) {
                            store(at + o * c4, c, sum);
                        }
                        c += 1;
                    }
                }
            }
            ox += outputs;
        }
    }
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
    let (dy, w, scale) =
        (dy.as_chunks::<4>().0, w.as_chunks::<4>().0, scale_bias.as_chunks::<4>().0);
    let [residual, mask] =
        [residual, mask].map(|words| words.map(|words| words.as_chunks::<4>().0));
    let dx = dx.as_chunks_mut::<4>().0;
    let mut store = |at: usize, c: usize, sum: f32x4| {
        let sum = sum * f32x4::new(scale[c]);
        dx[at + c] =
            epilogue(sum, residual.map(|r| r[at + c]), mask.map(|m| m[at + c]), p.flags).to_array();
    };
    // The windows that padded position `i` lies in.
    let windows = |i: usize, outs: usize| {
        (i + p.stride).saturating_sub(p.ksize) / p.stride..(i / p.stride + 1).min(outs)
    };
    let mut places = Vec::new();
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
        let (at, mut c) = (i * c4, 0);
        while c4 - c >= DEPTHWISE_COLS {
            let [sums] = depthwise_sums::<1, DEPTHWISE_COLS>(dy, w, &places, 0, c);
            sums.into_iter().zip(c..).for_each(|(sum, c)| store(at, c, sum));
            c += DEPTHWISE_COLS;
        }
        for c in c..c4 {
            let [[sum]] = depthwise_sums::<1, 1>(dy, w, &places, 0, c);
            store(at, c, sum);
        }
    }
}
