//! Class activation maps and channel weights.

use crate::operation::{CAM_ELEMENT_WISE, CAM_HIRES, CAM_WEIGHTED, CamParams, WEIGHTS_XGRAD};

/// cam [positions] of activations a and gradients g [positions, c] and weights w [c].
pub fn cam(cam: &mut [f32], a: &[f32], g: &[f32], w: &[f32], p: &CamParams) {
    let (positions, c) = (p.positions as usize, 4 * p.c4 as usize);
    let rows = a.chunks_exact(c).zip(g.chunks_exact(c)).take(positions);
    for (cam, (a, g)) in cam.iter_mut().zip(rows) {
        let terms = a.iter().zip(g).enumerate().map(|(c, (&a, &g))| match p.method {
            CAM_WEIGHTED => w[c] * a,
            CAM_HIRES => g * a,
            CAM_ELEMENT_WISE => (g * a).max(0.0),
            _ => g.max(0.0) * a,
        });
        *cam = terms.sum();
    }
}

/// weights [c] of activations a and gradients g [positions, c].
pub fn cam_weights(weights: &mut [f32], a: &[f32], g: &[f32], p: &CamParams) {
    let (positions, c) = (p.positions as usize, 4 * p.c4 as usize);
    for (channel, weight) in weights[..c].iter_mut().enumerate() {
        let at = || (0..positions).map(|position| position * c + channel);
        let total: f32 = at().map(|i| a[i]).sum();
        let term = |i: usize| match (p.method, g[i]) {
            (WEIGHTS_XGRAD, g) => g * a[i] / (total + 1e-7),
            (_, g) => g.max(0.0) * g * g / (2.0 * g * g + total * g * g * g + 1e-6),
        };
        *weight = at().map(term).sum();
    }
}
