//! Depthwise convolutions, forward and backward: a few vec4 at a time, in registers. `row.rs`: the
//! forward's inner loop, compiled twice: see `relaxed_simd/`.

mod row;

use wide::f32x4;

use row::{OUTPUTS, row};

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

/// [`row::row`] for any window and stride.
fn sum_row(
    [ksize, stride]: [usize; 2],
    ring: &[f32x4],
    first: usize,
    w: &[f32x4],
    sums: &mut [[f32x4; OUTPUTS]],
    c4: usize,
) {
    #[cfg(target_arch = "wasm32")]
    if super::relaxed_simd::depthwise_row([ksize, stride], ring, first, w, sums, c4) {
        return;
    }
    let (length, zero) = (ring.len() / ksize, f32x4::ZERO);
    let multiply_add = |a: f32x4, b: f32x4, c: f32x4| c + a * b;
    match [ksize, stride] {
        [3, 1] => row::<_, 3, 1>(ring, length, first, w, sums, c4, zero, multiply_add),
        [3, 2] => row::<_, 3, 2>(ring, length, first, w, sums, c4, zero, multiply_add),
        [5, 1] => row::<_, 5, 1>(ring, length, first, w, sums, c4, zero, multiply_add),
        [5, 2] => row::<_, 5, 2>(ring, length, first, w, sums, c4, zero, multiply_add),
        _ => {
            for (i, sums) in sums.iter_mut().enumerate() {
                let (group, c) = (i / c4, i % c4);
                *sums = std::array::from_fn(|ox| {
                    let taps = (0..ksize).flat_map(|ky| (0..ksize).map(move |kx| (ky, kx)));
                    taps.fold(zero, |sum, (ky, kx)| {
                        let column = (group * OUTPUTS + ox) * stride + kx;
                        let x = ring[(first + ky) % ksize * length + column * c4 + c];
                        multiply_add(x, w[(ky * ksize + kx) * c4 + c], sum)
                    })
                });
            }
        }
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
    let epilogue = Epilogue::new([Some(scale_bias), residual, mask], p.flags);
    let (x, y) = (x.as_chunks::<4>().0, y.as_chunks_mut::<4>().0);
    let w: Vec<f32x4> = w.as_chunks::<4>().0.iter().map(|&w| f32x4::new(w)).collect();
    // Rows with their padding, so that no window is cut: the last `ksize` of them, row iy in the
    // place iy % ksize.
    let groups = p.w_out.div_ceil(OUTPUTS);
    let length = ((groups * OUTPUTS - 1) * stride + ksize) * c4;
    let (before, columns) = (p.left * c4, p.w_in * c4);
    let mut ring = vec![f32x4::ZERO; ksize * length];
    let mut sums = vec![[f32x4::ZERO; OUTPUTS]; groups * c4];
    let mut next = 0;
    for oy in 0..p.h_out {
        let first = oy * stride;
        for iy in next.max(first)..first + ksize {
            let row = &mut ring[iy % ksize * length..][..length];
            match iy.checked_sub(p.top).filter(|&iy| iy < p.h_in) {
                Some(iy) => {
                    let x = &x[iy * columns..][..columns];
                    row[before..].iter_mut().zip(x).for_each(|(to, &x)| *to = x.into());
                }
                None => row.fill(f32x4::ZERO),
            }
        }
        next = first + ksize;
        sum_row([ksize, stride], &ring, first % ksize, &w, &mut sums, c4);
        for ox in 0..p.w_out {
            let sums = &sums[ox / OUTPUTS * c4..][..c4];
            let at = (oy * p.w_out + ox) * c4;
            epilogue.store(y, at, sums.iter().map(|sums| sums[ox % OUTPUTS]));
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
    let epilogue = Epilogue::new([None, residual, mask], p.flags);
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
