//! The mean of each channel, forward and backward.

use super::epilogue::through_activation;
use crate::operation::GlobalAveragePoolParams;

/// y [c] of x [positions, c].
pub fn global_average_pool(y: &mut [f32], x: &[f32], p: &GlobalAveragePoolParams) {
    let (positions, c) = (p.positions as usize, 4 * p.c4 as usize);
    let y = &mut y[..c];
    y.fill(0.0);
    for row in x.chunks_exact(c).take(positions) {
        y.iter_mut().zip(row).for_each(|(y, x)| *y += x);
    }
    y.iter_mut().for_each(|y| *y /= positions as f32);
}

/// dx [positions, c] of dy [c], through the activation function that put out x.
pub fn global_average_pool_backward(
    dx: &mut [f32],
    dy: &[f32],
    x: &[f32],
    p: &GlobalAveragePoolParams,
) {
    let (positions, c) = (p.positions as usize, 4 * p.c4 as usize);
    for (i, (dx, &x)) in dx[..positions * c].iter_mut().zip(x).enumerate() {
        *dx = through_activation(dy[i % c] / positions as f32, x, p.through);
    }
}
