//! Non-negative matrix factorization: X ≈ W·H with nothing below 0, so that parts add up and never
//! cancel.
//!
//! By coordinate descent (Cichocki and Phan 2009) from NNDSVD (Boutsidis and Gallopoulos 2008), with
//! the stopping rule of scikit-learn's `NMF`, whose numbers the tests compare with. The start is
//! found by power iteration instead of a random projection: the same each time.

use super::cam::{dominant, dot};

const MOST_ITERATIONS: usize = 200;
/// The share of the first sweep's violation at which a factorization is done.
const TOLERANCE: f64 = 1e-4;

/// W [n, k] and Hᵀ [m, k] of `x` [n, m], of numbers that are not below 0.
pub fn factorize(x: &[Vec<f64>], k: usize) -> (Vec<Vec<f64>>, Vec<Vec<f64>>) {
    let (mut w, mut h) = start(x, k);
    let mut first = None;
    for _ in 0..MOST_ITERATIONS {
        let violation = sweep(&mut w, &h, &|i, j| x[i][j]) + sweep(&mut h, &w, &|j, i| x[i][j]);
        if violation <= TOLERANCE * *first.get_or_insert(violation) {
            break;
        }
    }
    (w, h)
}

/// Brings each entry of w where ‖x − w·hᵀ‖ is least, given all others; returns how far their
/// gradients were from 0, where they may move.
fn sweep(w: &mut [Vec<f64>], h: &[Vec<f64>], x: &dyn Fn(usize, usize) -> f64) -> f64 {
    let k = h.first().map_or(0, Vec::len);
    let sum = |term: &dyn Fn(usize, &[f64]) -> f64| -> f64 {
        h.iter().enumerate().map(|(j, h)| term(j, h)).sum()
    };
    let gram: Vec<Vec<f64>> =
        (0..k).map(|t| (0..k).map(|r| sum(&|_, h| h[t] * h[r])).collect()).collect();
    let mut violation = 0.0;
    for (i, row) in w.iter_mut().enumerate() {
        for t in 0..k {
            let gradient = dot(&gram[t], row) - sum(&|j, h| x(i, j) * h[t]);
            violation += if row[t] == 0.0 { gradient.min(0.0).abs() } else { gradient.abs() };
            if gram[t][t] != 0.0 {
                row[t] = (row[t] - gradient / gram[t][t]).max(0.0);
            }
        }
    }
    violation
}

/// NNDSVD: of each pair of singular vectors the positive or the negative parts, whichever weigh
/// more.
fn start(x: &[Vec<f64>], k: usize) -> (Vec<Vec<f64>>, Vec<Vec<f64>>) {
    const NOTHING: f64 = 1e-6; // scikit-learn's
    let (n, m) = (x.len(), x.first().map_or(0, Vec::len));
    let (mut w, mut h) = (vec![vec![0.0; k]; n], vec![vec![0.0; k]; m]);
    let mut gram = vec![vec![0.0; m]; m]; // XᵀX: its eigenvectors are X's right singular vectors
    for row in x {
        for (a, of_a) in row.iter().zip(&mut gram) {
            of_a.iter_mut().zip(row).for_each(|(sum, b)| *sum += a * b);
        }
    }
    for t in 0..k.min(m) {
        let (right, eigenvalue) = dominant(&gram);
        for (a, of_a) in right.iter().zip(&mut gram) {
            of_a.iter_mut().zip(&right).for_each(|(sum, b)| *sum -= eigenvalue * a * b);
        }
        let left: Vec<f64> = x.iter().map(|row| dot(row, &right)).collect(); // σ·u
        let part = |values: &[f64], sign: f64| {
            let part: Vec<f64> = values.iter().map(|v| (sign * v).max(0.0)).collect();
            let length = dot(&part, &part).sqrt();
            (part, length)
        };
        let [positive, negative] = [1.0, -1.0].map(|sign| [part(&left, sign), part(&right, sign)]);
        let weight = |[left, right]: &[(Vec<f64>, f64); 2]| left.1 * right.1;
        let chosen = if weight(&positive) >= weight(&negative) { positive } else { negative };
        let scale = weight(&chosen).sqrt();
        let [(left, l), (right, r)] = chosen;
        for (rows, part, length) in [(&mut w, left, l), (&mut h, right, r)] {
            for (row, v) in rows.iter_mut().zip(part) {
                let v = if length > 0.0 { scale * v / length } else { 0.0 };
                row[t] = if v < NOTHING { 0.0 } else { v };
            }
        }
    }
    (w, h)
}
