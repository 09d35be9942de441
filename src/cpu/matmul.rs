//! The matrix product of convolutions on the processor.
//!
//! Cut for the sixteen 128-bit registers of x86, of which V8 keeps one: [`ROWS`] × [`COLS`] sums,
//! two vec4 of b, one number of a and a product. Only b is packed, once for however many rows of a
//! follow: [`Packed`]; rows of a are read as they lie. A b that lies transposed is not packed
//! either: its columns are rows, and sums of [`DOT_ROWS`] × 4 of them run along k, four side by
//! side.

use wide::f32x4;

/// Rows and columns of c that [`multiply`] computes at a time.
const ROWS: usize = 4;
const COLS: usize = 8;
/// How much of k at a time: so much of b, [`COLS`] wide, stays in the first cache.
const DEPTH: usize = 256;
/// How many columns of panels are packed at a time: a row of them is four cache lines side by side.
const PANELS: usize = 8;

/// Rows of a that [`multiply_transposed`] reads at a time.
const DOT_ROWS: usize = 2;

/// [`COLS`] columns of one row of b.
type Row = [f32x4; COLS / 4];

/// b [k, n], its columns gathered [`COLS`] at a time: [n / COLS, k, COLS], zeros behind the last
/// column.
#[derive(Debug)]
pub struct Packed {
    k: usize,
    n: usize,
    rows: Vec<Row>,
}

impl Packed {
    /// Packs b [k, n]. n is a multiple of 4, k not 0. Panics if they are not so, or if the slice is
    /// shorter than that.
    pub fn new([k, n]: [usize; 2], b: &[f32]) -> Packed {
        assert!(n.is_multiple_of(4) && k > 0);
        let mut rows = vec![[f32x4::ZERO; COLS / 4]; n.div_ceil(COLS) * k];
        for (panels, j) in rows.chunks_mut(PANELS * k).zip((0..n).step_by(PANELS * COLS)) {
            let width = (PANELS * COLS).min(n - j);
            for (at, row) in b[..k * n].chunks_exact(n).enumerate() {
                let (pairs, last) = row[j..j + width].as_chunks::<4>().0.as_chunks::<2>();
                for (panel, &[left, right]) in pairs.iter().enumerate() {
                    panels[panel * k + at] = [left.into(), right.into()];
                }
                if let Some(&left) = last.first() {
                    panels[pairs.len() * k + at] = [left.into(), f32x4::ZERO];
                }
            }
        }
        Packed { k, n, rows }
    }

    /// c [m, n] = a [m, k] · b, added to what c holds with `add`. Panics if a slice is shorter than
    /// that.
    pub fn multiply(&self, m: usize, a: &[f32], c: &mut [f32], add: bool) {
        let &Packed { k, n, .. } = self;
        assert!(m * k <= a.len() && m * n <= c.len());
        for k0 in (0..k).step_by(DEPTH) {
            let depth = DEPTH.min(k - k0);
            for (panel, j) in self.rows.chunks_exact(k).zip((0..n).step_by(COLS)) {
                for i in (0..m).step_by(ROWS) {
                    // Beyond the last row it is the last again, computed and not stored.
                    let rows = std::array::from_fn(|r| &a[(i + r).min(m - 1) * k + k0..][..depth]);
                    let left = [m - i, n - j];
                    multiply(
                        &panel[k0..][..depth],
                        rows,
                        &mut c[i * n + j..],
                        n,
                        left,
                        add || k0 > 0,
                    );
                }
            }
        }
    }
}

/// The right operand.
#[derive(Clone, Copy)]
pub enum Right<'a> {
    /// b [k, n]
    Plain(&'a [f32]),
    /// weights [k / run, n, run], each run transposed and scaled: b[k, j] = weights[k / run, j, k %
    /// run] · scale[k % run].
    Transposed { weights: &'a [f32], scale: &'a [f32] },
}

/// c [m, n] = a [m, k] · b [k, n], added to what c holds with `add`. n is a multiple of 4, k not 0;
/// with [`Right::Transposed`] k is a multiple of its run, and that one of 4.
///
/// Panics if they are not so, or if a slice is shorter than that.
pub fn matmul([m, k, n]: [usize; 3], a: &[f32], b: Right, c: &mut [f32], add: bool) {
    assert!(n.is_multiple_of(4) && k > 0 && m * k <= a.len() && m * n <= c.len());
    match b {
        Right::Plain(b) => Packed::new([k, n], b).multiply(m, a, c, add),
        Right::Transposed { weights, scale } => {
            matmul_transposed([m, k, n], a, weights, scale, c, add)
        }
    }
}

/// [`matmul`] with [`Right::Transposed`].
fn matmul_transposed(
    [m, k, n]: [usize; 3],
    a: &[f32],
    weights: &[f32],
    scale: &[f32],
    c: &mut [f32],
    add: bool,
) {
    let run = scale.len();
    assert!(run.is_multiple_of(4) && k.is_multiple_of(run) && k * n <= weights.len());
    let fours = scale.as_chunks().0;
    let scaled = a.as_chunks().0.iter().take(m * k / 4).enumerate();
    let scaled: Vec<f32x4> =
        scaled.map(|(i, &a)| f32x4::new(a) * f32x4::new(fours[i % fours.len()])).collect();
    for (nth, weights) in weights.chunks_exact(n * run).take(k / run).enumerate() {
        for first in (0..run).step_by(DEPTH) {
            let (depth, k0) = (DEPTH.min(run - first), nth * run + first);
            for j in (0..n).step_by(4) {
                let weights = std::array::from_fn(|column| {
                    weights[(j + column) * run + first..][..depth].as_chunks().0
                });
                for i in (0..m).step_by(DOT_ROWS) {
                    let rows = std::array::from_fn(|r| {
                        &scaled[((i + r).min(m - 1) * k + k0) / 4..][..depth / 4]
                    });
                    multiply_transposed(
                        weights,
                        rows,
                        &mut c[i * n + j..],
                        n,
                        m - i,
                        add || k0 > 0,
                    );
                }
            }
        }
    }
}

/// c [ROWS, COLS] = rows · panel, of which `left` rows and columns are stored; rows of c are `n`
/// apart.
#[inline(never)] // into its caller's loops, its sums would not stay in registers
fn multiply(
    panel: &[Row],
    rows: [&[f32]; ROWS],
    c: &mut [f32],
    n: usize,
    left: [usize; 2],
    add: bool,
) {
    let mut sums = [[f32x4::ZERO; COLS / 4]; ROWS];
    let [a0, a1, a2, a3] = rows;
    for ((((b, a0), a1), a2), a3) in panel.iter().zip(a0).zip(a1).zip(a2).zip(a3) {
        for (sums, &a) in sums.iter_mut().zip([a0, a1, a2, a3]) {
            for (sum, &b) in sums.iter_mut().zip(b) {
                *sum += f32x4::splat(a) * b;
            }
        }
    }
    for (r, sums) in sums.into_iter().enumerate() {
        if r < left[0] {
            let to = c[r * n..].as_chunks_mut::<4>().0;
            for (at, sum) in sums.into_iter().enumerate() {
                if 4 * at < left[1] {
                    to[at] = if add { f32x4::from(to[at]) + sum } else { sum }.to_array();
                }
            }
        }
    }
}

/// c [DOT_ROWS, 4] = rows · columns, of which `left` rows are stored; rows of c are `n` apart.
#[inline(never)] // as above
fn multiply_transposed(
    columns: [&[[f32; 4]]; 4],
    rows: [&[f32x4]; DOT_ROWS],
    c: &mut [f32],
    n: usize,
    left: usize,
    add: bool,
) {
    let mut sums = [[f32x4::ZERO; 4]; DOT_ROWS];
    let ([a0, a1], [b0, b1, b2, b3]) = (rows, columns);
    for (((((a0, a1), b0), b1), b2), b3) in a0.iter().zip(a1).zip(b0).zip(b1).zip(b2).zip(b3) {
        let columns = [b0, b1, b2, b3].map(|&b| f32x4::new(b));
        for (sums, &a) in sums.iter_mut().zip([a0, a1]) {
            for (sum, b) in sums.iter_mut().zip(columns) {
                *sum += a * b;
            }
        }
    }
    for (r, sums) in sums.into_iter().enumerate().take(left) {
        let [s0, s1, s2, s3] = f32x4::transpose(sums);
        let (sum, to) = ((s0 + s1) + (s2 + s3), &mut c[r * n..].as_chunks_mut::<4>().0[0]);
        *to = if add { f32x4::from(*to) + sum } else { sum }.to_array();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fractions of the golden ratio: spread evenly over [-0.5, 0.5).
    fn values(count: usize, seed: usize) -> Vec<f32> {
        (0..count)
            .map(|i| ((i + seed) as f64 * 0.618_033_988_749_895).fract() as f32 - 0.5)
            .collect()
    }

    fn check([m, k, n]: [usize; 3], right: Right, b: impl Fn(usize, usize) -> f64) {
        let a = values(m * k, 7);
        for add in [false, true] {
            let before = if add { values(m * n, 99) } else { vec![f32::NAN; m * n] };
            let mut c = before.clone();
            matmul([m, k, n], &a, right, &mut c, add);
            for (at, (&found, &before)) in c.iter().zip(&before).enumerate() {
                let (i, j) = (at / n, at % n);
                let sum: f64 = (0..k).map(|k0| a[i * k + k0] as f64 * b(k0, j)).sum();
                let expected = if add { before as f64 + sum } else { sum };
                assert!(
                    (found as f64 - expected).abs() < 1e-4,
                    "{m}x{k}x{n} add {add} [{i}, {j}]: {found}, {expected}"
                );
            }
        }
    }

    #[test]
    fn is_the_product() {
        for [m, k, n] in
            [[1, 1, 4], [1, 2048, 1000], [49, 300, 68], [4, 256, 8], [7, 513, 12], [5, 4, 64]]
        {
            let b = values(k * n, 1000);
            check([m, k, n], Right::Plain(&b), |k, j| b[k * n + j] as f64);
        }
    }

    #[test]
    fn is_the_product_of_the_transposed() {
        for ([m, runs, n], run) in [
            ([1, 1, 4], 4),
            ([49, 9, 68], 64),
            ([6, 3, 132], 300),
            ([3, 2, 12], 512),
            ([9, 7, 64], 20),
        ] {
            let (weights, scale) = (values(runs * run * n, 1000), values(run, 3));
            let b = |k: usize, j: usize| {
                weights[(k / run * n + j) * run + k % run] as f64 * scale[k % run] as f64
            };
            check([m, runs * run, n], Right::Transposed { weights: &weights, scale: &scale }, b);
        }
    }
}
