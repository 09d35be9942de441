//! Max pooling, forward and backward.

use wide::f32x4;

use super::epilogue::through_activation;
use super::{four, fours};
use crate::operation::MaxPoolParams;

pub fn max_pool2d(y: &mut [f32], x: &[f32], p: &MaxPoolParams) {
    let [h_out, w_out, h_in, w_in, c, ksize, stride, padding] = sizes(p);
    for (o, best) in y.chunks_exact_mut(c).take(h_out * w_out).enumerate() {
        best.fill(f32::MIN);
        for (ky, kx) in (0..ksize).flat_map(|ky| (0..ksize).map(move |kx| (ky, kx))) {
            let (iy, ix) = (o / w_out * stride + ky, o % w_out * stride + kx);
            if (padding..h_in + padding).contains(&iy) && (padding..w_in + padding).contains(&ix) {
                let tap = &x[((iy - padding) * w_in + ix - padding) * c..];
                for (c, best) in fours(best).enumerate() {
                    *best = f32x4::from(*best).fast_max(four(tap, c)).to_array();
                }
            }
        }
    }
}

pub fn max_pool2d_indices(indices: &mut [u32], x: &[f32], p: &MaxPoolParams) {
    let [h_out, w_out, h_in, w_in, c, ksize, stride, padding] = sizes(p);
    let mut best = vec![0.0; c];
    for (o, words) in indices.chunks_exact_mut(c / 4).take(h_out * w_out).enumerate() {
        best.fill(f32::MIN);
        let indices: &mut [u8] = bytemuck::cast_slice_mut(words);
        indices.fill(0);
        for k in 0..ksize * ksize {
            let (iy, ix) = (o / w_out * stride + k / ksize, o % w_out * stride + k % ksize);
            if (padding..h_in + padding).contains(&iy) && (padding..w_in + padding).contains(&ix) {
                let tap = &x[((iy - padding) * w_in + ix - padding) * c..][..c];
                for ((index, best), &value) in indices.iter_mut().zip(&mut best).zip(tap) {
                    if value > *best {
                        (*best, *index) = (value, k as u8);
                    }
                }
            }
        }
    }
}

pub fn max_pool2d_backward(
    dx: &mut [f32],
    dy: &[f32],
    x: &[f32],
    indices: &[u32],
    p: &MaxPoolParams,
) {
    let [h_out, w_out, h_in, w_in, c, ksize, stride, padding] = sizes(p);
    let dx = &mut dx[..h_in * w_in * c];
    dx.fill(0.0);
    for (o, words) in indices.chunks_exact(c / 4).take(h_out * w_out).enumerate() {
        let indices: &[u8] = bytemuck::cast_slice(words);
        for (channel, (&k, &dy)) in indices.iter().zip(&dy[o * c..]).enumerate() {
            let (ky, kx) = (k as usize / ksize, k as usize % ksize);
            let (iy, ix) = (o / w_out * stride + ky, o % w_out * stride + kx);
            // A window of NaN has no maximum, and its first tap may lie outside.
            if (padding..h_in + padding).contains(&iy) && (padding..w_in + padding).contains(&ix) {
                dx[((iy - padding) * w_in + ix - padding) * c + channel] += dy;
            }
        }
    }
    dx.iter_mut().zip(x).for_each(|(dx, &x)| *dx = through_activation(*dx, x, p.through));
}

/// As indices, channels in numbers.
fn sizes(p: &MaxPoolParams) -> [usize; 8] {
    [p.h_out, p.w_out, p.h_in, p.w_in, 4 * p.c4, p.ksize, p.stride, p.padding].map(|n| n as usize)
}
