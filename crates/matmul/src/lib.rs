//! The matrix product of convolutions on the processor, for WebAssembly on a computer without a GPU. A crate of its own because the page
//! is compiled for size, and this for speed.
//!
//! Cut for the sixteen 128-bit registers of x86, of which V8 keeps one: [`ROWS`] × [`COLS`] sums, two vec4 of b, one number of a and a
//! product. Only b is packed; rows of a are read as they lie.

use wide::f32x4;

/// Rows and columns of c that [`multiply`] computes at a time.
const ROWS: usize = 4;
const COLS: usize = 8;
/// How much of k at a time: so much of b, [`COLS`] wide, stays in the first cache.
const DEPTH: usize = 256;
/// How many such panels of b are packed at a time: a row of them is four cache lines side by side.
const PANELS: usize = 8;

/// [depth, COLS]
type Panel = [[f32x4; COLS / 4]; DEPTH];

/// The right operand.
#[derive(Clone, Copy)]
pub enum Right<'a> {
    /// b [k, n]
    Plain(&'a [f32]),
    /// weights [k / run, n, run], each run transposed and scaled as it is packed: b[k, j] = weights[k / run, j, k % run] · scale[k % run].
    Transposed { weights: &'a [f32], scale: &'a [f32] },
}

/// c [m, n] = a [m, k] · b [k, n], added to what c holds with `add`. n is a multiple of 4, k not 0; with [`Right::Transposed`] k is a multiple
/// of its run, and that one of 4.
///
/// Panics if they are not so, or if a slice is shorter than that.
pub fn matmul([m, k, n]: [usize; 3], a: &[f32], b: Right, c: &mut [f32], add: bool) {
    assert!(n.is_multiple_of(4) && k > 0 && m * k <= a.len() && m * n <= c.len());
    let mut panels = vec![[[f32x4::ZERO; COLS / 4]; DEPTH]; PANELS];
    for k0 in (0..k).step_by(DEPTH) {
        let depth = DEPTH.min(k - k0);
        for j0 in (0..n).step_by(PANELS * COLS) {
            let width = (PANELS * COLS).min(n - j0);
            match b {
                Right::Plain(b) => pack(&mut panels, &b[k0 * n + j0..], n, depth, width),
                Right::Transposed { weights, scale } => {
                    pack_transposed(&mut panels, weights, scale, n, [k0, k0 + depth], [j0, j0 + width]);
                }
            }
            for (panel, j) in panels.iter().zip((j0..j0 + width).step_by(COLS)) {
                for i in (0..m).step_by(ROWS) {
                    // Beyond the last row it is the last again, computed and not stored.
                    let rows = std::array::from_fn(|r| &a[(i + r).min(m - 1) * k + k0..][..depth]);
                    let left = [m - i, n - j];
                    multiply(&panel[..depth], rows, &mut c[i * n + j..], n, left, add || k0 > 0);
                }
            }
        }
    }
}

/// Copies b [depth, width], its rows `n` apart, to panels side by side.
fn pack(panels: &mut [Panel], b: &[f32], n: usize, depth: usize, width: usize) {
    for (k, row) in b.chunks(n).take(depth).enumerate() {
        let (pairs, last) = row[..width].as_chunks::<4>().0.as_chunks::<2>();
        for (panel, &[left, right]) in panels.iter_mut().zip(pairs) {
            panel[k] = [left.into(), right.into()];
        }
        if let Some(&left) = last.first() {
            panels[pairs.len()][k] = [left.into(), f32x4::ZERO];
        }
    }
}

/// Likewise columns `j0` to `j1` of rows `k0` to `k1` of [`Right::Transposed`], four by four.
fn pack_transposed(
    panels: &mut [Panel],
    weights: &[f32],
    scale: &[f32],
    n: usize,
    [k0, k1]: [usize; 2],
    [j0, j1]: [usize; 2],
) {
    let run = scale.len();
    for j in (j0..j1).step_by(4) {
        let (panel, half) = (&mut panels[(j - j0) / COLS], (j - j0) % COLS / 4);
        let mut k = k0;
        while k < k1 {
            // As far as this run goes.
            let (nth, first) = (k / run, k % run);
            let count = (run - first).min(k1 - k);
            let row = |r: usize| &weights[(nth * n + j + r) * run + first..][..count];
            let rows = [row(0), row(1), row(2), row(3)].map(|row| row.as_chunks::<4>().0);
            let scale = scale[first..][..count].as_chunks::<4>().0;
            for (at, to) in panel[k - k0..][..count].as_chunks_mut::<4>().0.iter_mut().enumerate() {
                let scale = f32x4::new(scale[at]);
                let columns = f32x4::transpose(rows.map(|row| f32x4::new(row[at]) * scale));
                for (to, column) in to.iter_mut().zip(columns) {
                    to[half] = column;
                }
            }
            k += count;
        }
    }
}

/// c [ROWS, COLS] = rows · panel, of which `left` rows and columns are stored; rows of c are `n` apart.
#[inline(never)] // into its caller's loops, its sums would not stay in registers
fn multiply(panel: &[[f32x4; COLS / 4]], rows: [&[f32]; ROWS], c: &mut [f32], n: usize, left: [usize; 2], add: bool) {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Fractions of the golden ratio: spread evenly over [-0.5, 0.5).
    fn values(count: usize, seed: usize) -> Vec<f32> {
        (0..count).map(|i| ((i + seed) as f64 * 0.618_033_988_749_895).fract() as f32 - 0.5).collect()
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
        for [m, k, n] in [[1, 1, 4], [1, 2048, 1000], [49, 300, 68], [4, 256, 8], [7, 513, 12], [5, 4, 64]] {
            let b = values(k * n, 1000);
            check([m, k, n], Right::Plain(&b), |k, j| b[k * n + j] as f64);
        }
    }

    #[test]
    fn is_the_product_of_the_transposed() {
        for ([m, runs, n], run) in
            [([1, 1, 4], 4), ([49, 9, 68], 64), ([6, 3, 132], 300), ([3, 2, 12], 512), ([9, 7, 64], 20)]
        {
            let (weights, scale) = (values(runs * run * n, 1000), values(run, 3));
            let b = |k: usize, j: usize| weights[(k / run * n + j) * run + k % run] as f64 * scale[k % run] as f64;
            check([m, runs * run, n], Right::Transposed { weights: &weights, scale: &scale }, b);
        }
    }
}
