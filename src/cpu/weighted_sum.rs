//! The features that a look sees, forward and backward.

use crate::operation::{AttentionParams, WeightedSumBackwardParams};

/// y [c] of look [positions, 2], padded to vec4, and x [positions, c].
pub fn weighted_sum(y: &mut [f32], look: &[f32], x: &[f32], p: &AttentionParams) {
    let (positions, c) = (p.positions as usize, 4 * p.c4 as usize);
    let y = &mut y[..c];
    y.fill(0.0);
    for (look, row) in look.chunks_exact(4).zip(x.chunks_exact(c)).take(positions) {
        y.iter_mut().zip(row).for_each(|(y, x)| *y = x.mul_add(look[0], *y));
    }
}

/// dlook [positions, 2], padded to vec4, of dy [c] and x [positions, c]; `residual` as dlook.
pub fn weighted_sum_backward(
    dlook: &mut [f32],
    dy: &[f32],
    x: &[f32],
    residual: Option<&[f32]>,
    p: &WeightedSumBackwardParams,
) {
    let (positions, c) = (p.positions as usize, 4 * p.c4 as usize);
    let dlook = &mut dlook[..4 * positions];
    match residual {
        Some(residual) => dlook.copy_from_slice(&residual[..4 * positions]),
        None => dlook.fill(0.0),
    }
    for (dlook, row) in dlook.chunks_exact_mut(4).zip(x.chunks_exact(c)) {
        dlook[0] += row.iter().zip(dy).map(|(x, dy)| x * dy).sum::<f32>();
    }
}
