//! The fully connected layer, forward and backward.

use crate::operation::LinearParams;

/// y [classes] of x [features] and w [features, classes].
pub fn linear(y: &mut [f32], x: &[f32], w: &[f32], scale_bias: &[f32], p: &LinearParams) {
    let (features, classes) = (4 * p.k4 as usize, 4 * p.n4 as usize);
    let (y, (scale, bias)) = (&mut y[..classes], scale_bias.split_at(classes));
    y.fill(0.0);
    for (&x, row) in x[..features].iter().zip(w.chunks_exact(classes)) {
        y.iter_mut().zip(row).for_each(|(y, w)| *y += x * w);
    }
    y.iter_mut().zip(scale).zip(bias).for_each(|((y, scale), bias)| *y = scale.mul_add(*y, *bias));
}

/// dx [features] of dy [classes + 1, 4], a list: for each class whose gradient is not zero a row of
/// its number, its gradient and padding; the first row of zeros ends it.
pub fn linear_backward(
    dx: &mut [f32],
    dy: &[f32],
    w: &[f32],
    scale_bias: &[f32],
    p: &LinearParams,
) {
    let (features, classes) = (4 * p.k4 as usize, 4 * p.n4 as usize);
    let listed: Vec<(usize, f32)> = dy
        .chunks_exact(4)
        .take_while(|dy| dy[1] != 0.0)
        .map(|dy| (dy[0] as usize, dy[1] * scale_bias[dy[0] as usize]))
        .collect();
    for (dx, row) in dx[..features].iter_mut().zip(w.chunks_exact(classes)) {
        *dx = listed.iter().map(|&(n, scaled)| row[n] * scaled).sum();
    }
}
