//! A step of a gated recurrent unit.

use crate::operation::GruCellParams;

/// y [units] of x [inputs], h [units], and weights [inputs, 3 · units], [units, 3 · units] and
/// [2, 3 · units].
pub fn gru_cell(y: &mut [f32], x: &[f32], h: &[f32], weights: [&[f32]; 3], p: &GruCellParams) {
    let (inputs, units) = (p.inputs as usize, p.units as usize);
    let gates = 3 * units;
    let [of_input, of_state, bias] = weights;
    let product = |x: &[f32], w: &[f32], bias: &[f32]| {
        let mut sums = vec![0.0; gates];
        for (&x, row) in x.iter().zip(w.chunks_exact(gates)) {
            sums.iter_mut().zip(row).for_each(|(sum, w)| *sum = w.mul_add(x, *sum));
        }
        sums.iter_mut().zip(bias).for_each(|(sum, bias)| *sum += bias);
        sums
    };
    let a = product(&x[..inputs], of_input, bias);
    let b = product(&h[..units], of_state, &bias[gates..]);
    let sigmoid = |v: f32| 1.0 / (1.0 + (-v).exp());
    for unit in 0..units {
        let [r, z] = [unit, units + unit].map(|gate| sigmoid(a[gate] + b[gate]));
        let n = (a[2 * units + unit] + r * b[2 * units + unit]).tanh();
        y[unit] = (1.0 - z) * n + z * h[unit];
    }
}
