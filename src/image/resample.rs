//! Pillow's antialiased resize, bit for bit.
//!
//! Follows `ImagingResample` of Pillow's src/libImaging/Resample.c for 8-bit channels: weights in
//! f64, rounded to 22 fractional bits, a horizontal pass that rounds to bytes, then a vertical one.
//! Only a window of the result is computed. Not done here: Pillow's `reducing_gap`, box, alpha;
//! torchvision uses none of them. To extend: a filter is an arm in [`support`] and in [`response`].

use std::ops::Range;

use super::Interpolation;

/// `32 - 8 - 2` in Resample.c: a byte and the overshoot of a bicubic sum fit beside it in an i32.
const PRECISION_BITS: u32 = 22;

/// The source pixels that one output pixel is a weighted sum of.
struct Taps {
    first: usize,
    weights: Vec<i32>, // units of 2^-PRECISION_BITS
}

/// Resizes `rgb: [h, w, 3]` to `(out_h, out_w)` and returns its window `[rows, columns, 3]`.
pub fn resample(
    rgb: &[u8],
    (h, w): (usize, usize),
    (out_h, out_w): (usize, usize),
    rows: Range<usize>,
    columns: Range<usize>,
    interpolation: Interpolation,
) -> Vec<u8> {
    let down = taps(h, out_h, rows, interpolation);
    let across = taps(w, out_w, columns, interpolation);
    let (Some(top), Some(bottom)) = (down.first(), down.last()) else { return Vec::new() };
    let (top, bottom) = (top.first, bottom.first + bottom.weights.len());

    let line = across.len() * 3;
    let mut narrow = Vec::with_capacity((bottom - top) * line); // [bottom - top, columns, 3]
    for row in rgb[top * w * 3..bottom * w * 3].chunks_exact(w * 3) {
        for tap in &across {
            let mut sum = [1 << (PRECISION_BITS - 1); 3];
            for (&weight, pixel) in tap.weights.iter().zip(row[tap.first * 3..].chunks_exact(3)) {
                for channel in 0..3 {
                    sum[channel] += weight * i32::from(pixel[channel]);
                }
            }
            narrow.extend(sum.map(to_byte));
        }
    }

    let mut out = Vec::with_capacity(down.len() * line); // [rows, columns, 3]
    let mut sums = vec![0; line];
    for tap in &down {
        sums.fill(1 << (PRECISION_BITS - 1));
        for (&weight, row) in
            tap.weights.iter().zip(narrow[(tap.first - top) * line..].chunks_exact(line))
        {
            for (sum, &value) in sums.iter_mut().zip(row) {
                *sum += weight * i32::from(value);
            }
        }
        out.extend(sums.iter().copied().map(to_byte));
    }
    out
}

/// `precompute_coeffs` and `normalize_coeffs_8bpc` for the output pixels in `window`. `as`
/// truncates as C's casts do.
fn taps(
    size: usize,
    out_size: usize,
    window: Range<usize>,
    interpolation: Interpolation,
) -> Vec<Taps> {
    let scale = size as f64 / out_size as f64;
    let filter_scale = scale.max(1.0); // enlarging interpolates, shrinking averages
    let support = support(interpolation) * filter_scale;
    let inverse = 1.0 / filter_scale;
    window
        .map(|out| {
            let centre = (out as f64 + 0.5) * scale;
            let first = (centre - support + 0.5) as usize; // saturates at 0
            let end = ((centre + support + 0.5) as usize).min(size);
            let exact: Vec<f64> = (first..end)
                .map(|x| response(interpolation, (x as f64 - centre + 0.5) * inverse))
                .collect();
            let total: f64 = exact.iter().sum();
            let weights = exact
                .iter()
                .map(|weight| to_fixed(if total != 0.0 { weight / total } else { *weight }));
            Taps { first, weights: weights.collect() }
        })
        .collect()
}

fn support(interpolation: Interpolation) -> f64 {
    match interpolation {
        Interpolation::Bilinear => 1.0,
        Interpolation::Bicubic => 2.0,
    }
}

/// `bilinear_filter` and `bicubic_filter`, written as there so that they round alike.
fn response(interpolation: Interpolation, x: f64) -> f64 {
    const A: f64 = -0.5;
    let x = x.abs();
    match interpolation {
        Interpolation::Bilinear if x < 1.0 => 1.0 - x,
        Interpolation::Bicubic if x < 1.0 => ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0,
        Interpolation::Bicubic if x < 2.0 => (((x - 5.0) * x + 8.0) * x - 4.0) * A,
        _ => 0.0,
    }
}

fn to_fixed(weight: f64) -> i32 {
    let scaled = weight * f64::from(1 << PRECISION_BITS);
    (if weight < 0.0 { scaled - 0.5 } else { scaled + 0.5 }) as i32
}

fn to_byte(sum: i32) -> u8 {
    (sum >> PRECISION_BITS).clamp(0, 255) as u8
}
