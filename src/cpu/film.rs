//! Feature-wise linear modulation, forward and backward.

use crate::operation::FilmParams;

/// y [positions, c] = x + relu(gamma · t + beta).
pub fn film(y: &mut [f32], x: &[f32], t: &[f32], [gamma, beta]: [&[f32]; 2], p: &FilmParams) {
    let (count, c) = (4 * p.count as usize, 4 * p.c4 as usize);
    for (i, (y, (&x, &t))) in y[..count].iter_mut().zip(x.iter().zip(t)).enumerate() {
        *y = x + (gamma[i % c] * t + beta[i % c]).max(0.0);
    }
}

/// dt [positions, c] of dy.
pub fn film_backward(
    dt: &mut [f32],
    dy: &[f32],
    t: &[f32],
    [gamma, beta]: [&[f32]; 2],
    p: &FilmParams,
) {
    let (count, c) = (4 * p.count as usize, 4 * p.c4 as usize);
    for (i, (dt, (&dy, &t))) in dt[..count].iter_mut().zip(dy.iter().zip(t)).enumerate() {
        let open = gamma[i % c] * t + beta[i % c] > 0.0;
        *dt = if open { dy * gamma[i % c] } else { 0.0 };
    }
}
