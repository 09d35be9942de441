//! How well positions match a query, forward and backward.

use crate::operation::AttentionParams;

/// y [positions, 2], padded to vec4, of x [positions, c] and query [c].
pub fn attention(y: &mut [f32], x: &[f32], query: &[f32], threshold: f32, p: &AttentionParams) {
    let (positions, c) = (p.positions as usize, 4 * p.c4 as usize);
    let scores: Vec<f32> = x
        .chunks_exact(c)
        .take(positions)
        .map(|x| x.iter().zip(query).map(|(x, q)| x * q).sum())
        .collect();
    let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let total: f32 = scores.iter().map(|s| (s - most).exp()).sum();
    for (y, s) in y.chunks_exact_mut(4).zip(scores) {
        y.copy_from_slice(&[
            (s - most).exp() / total,
            1.0 / (1.0 + (-(s + threshold)).exp()),
            0.0,
            0.0,
        ]);
    }
}

/// ds [positions, 1] of dy and y [positions, 2], all padded to vec4.
pub fn attention_backward(ds: &mut [f32], dy: &[f32], y: &[f32], p: &AttentionParams) {
    let rows = || y.chunks_exact(4).zip(dy.chunks_exact(4)).take(p.positions as usize);
    let mean: f32 = rows().map(|(y, dy)| y[0] * dy[0]).sum();
    for (ds, (y, dy)) in ds.chunks_exact_mut(4).zip(rows()) {
        let along = y[0] * (dy[0] - mean) + y[1] * (1.0 - y[1]) * dy[1];
        ds.copy_from_slice(&[along, 0.0, 0.0, 0.0]);
    }
}
