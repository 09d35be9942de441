//! What a gated recurrent unit makes of its sums, forward and backward.

use crate::operation::GruGatesParams;

/// r, z, n, m and h of a unit, of s [5 · units]: see `shaders/gru_gates.wgsl`.
fn gates(s: &[f32], unit: usize, units: usize) -> [f32; 5] {
    let sigmoid = |v: f32| 1.0 / (1.0 + (-v).exp());
    let [r, z, n, m, h] = [0, 1, 2, 3, 4].map(|gate| s[gate * units + unit]);
    let (r, z) = (sigmoid(r), sigmoid(z));
    [r, z, (n + r * m).tanh(), m, h]
}

/// y [units] of s [5 · units].
pub fn gru_gates(y: &mut [f32], s: &[f32], p: &GruGatesParams) {
    let units = p.units as usize;
    for (unit, y) in y[..units].iter_mut().enumerate() {
        let [_, z, n, _, h] = gates(s, unit, units);
        *y = (1.0 - z) * n + z * h;
    }
}

/// ds [5 · units] of dy [units] and s [5 · units].
pub fn gru_gates_backward(ds: &mut [f32], dy: &[f32], s: &[f32], p: &GruGatesParams) {
    let units = p.units as usize;
    for (unit, &d) in dy[..units].iter().enumerate() {
        let [r, z, n, m, h] = gates(s, unit, units);
        let dn = (1.0 - z) * (1.0 - n * n) * d;
        let each = [m * r * (1.0 - r) * dn, (h - n) * z * (1.0 - z) * d, dn, r * dn, z * d];
        each.into_iter().enumerate().for_each(|(gate, d)| ds[gate * units + unit] = d);
    }
}
