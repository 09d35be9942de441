//! The matrix product of convolutions on the processor.
//!
//! - `mod.rs`: packs the right operand, goes over both in blocks, stores the sums;
//! - `rows.rs`: the inner loop, compiled twice: see `relaxed_simd/`.
//!
//! Only b is packed, once for however many rows of a follow: [`Packed`]; rows of a are read as they
//! lie.

mod rows;

use rows::COLS;
use wide::f32x4;

/// How much of k at a time: so much of b, [`COLS`] wide, stays in the first cache.
const DEPTH: usize = 256;
/// Rows of a at a time: so many, [`DEPTH`] long, stay in the second cache while all of b passes.
const HEIGHT: usize = 64;
/// How many columns of panels are packed at a time: a row of them is four cache lines side by side.
const PANELS: usize = 8;

/// [`COLS`] columns of one row of b, or of c.
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
    fn zeros([k, n]: [usize; 2]) -> Packed {
        assert!(k > 0);
        Packed { k, n, rows: vec![[f32x4::ZERO; COLS / 4]; n.div_ceil(COLS) * k] }
    }

    /// Packs b [k, n]. n is a multiple of 4, k not 0. Panics if they are not so, or if the slice is
    /// shorter than that.
    pub fn new([k, n]: [usize; 2], b: &[f32]) -> Packed {
        assert!(n.is_multiple_of(4));
        let mut packed = Packed::zeros([k, n]);
        for (panels, j) in packed.rows.chunks_mut(PANELS * k).zip((0..n).step_by(PANELS * COLS)) {
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
        packed
    }

    /// Packs a b of which `columns` are given, each as long as `scale`, by which its numbers are
    /// multiplied. That length is a multiple of 4 and not 0. Panics if they are not so.
    pub fn from_columns<'a>(
        columns: impl ExactSizeIterator<Item = &'a [f32]>,
        scale: &[f32],
    ) -> Packed {
        let (k, mut columns) = (scale.len(), columns);
        let mut packed = Packed::zeros([k, columns.len()]);
        let (scale, rest) = scale.as_chunks::<4>();
        assert!(rest.is_empty());
        for panel in packed.rows.chunks_exact_mut(k) {
            for half in 0..COLS / 4 {
                let four: [&[f32]; 4] = std::array::from_fn(|_| columns.next().unwrap_or_default());
                let four = four.map(|column| column.as_chunks::<4>().0);
                for ((at, rows), &scale) in
                    panel.as_chunks_mut::<4>().0.iter_mut().enumerate().zip(scale)
                {
                    let columns = four.map(|column| {
                        column
                            .get(at)
                            .map_or(f32x4::ZERO, |&four| f32x4::new(four) * f32x4::new(scale))
                    });
                    for (row, four) in rows.iter_mut().zip(f32x4::transpose(columns)) {
                        row[half] = four;
                    }
                }
            }
        }
        packed
    }

    /// c [m, n] = a [m, k] · b, added to what c holds with `add`. n is a multiple of 4. Panics if
    /// it is not, or if a slice is shorter than that.
    pub fn multiply(&self, m: usize, a: &[f32], c: &mut [f32], add: bool) {
        let &Packed { n, .. } = self;
        assert!(n.is_multiple_of(4) && m * n <= c.len());
        self.products(m, m, a, |[i, j], sums, first| {
            for (row, sums) in c[i * n..].chunks_mut(n).zip(sums) {
                let to = row[j..].as_chunks_mut::<4>().0;
                for (to, &sum) in to.iter_mut().zip(sums) {
                    *to = if add || !first { f32x4::new(*to) + sum } else { sum }.to_array();
                }
            }
        });
    }

    /// c [n, m] = (a [m, k] · b)ᵀ, added to what c holds with `add`. m is a multiple of 4. Panics
    /// if it is not, or if a slice is shorter than that.
    pub fn multiply_transposed(&self, m: usize, a: &[f32], c: &mut [f32], add: bool) {
        let &Packed { n, .. } = self;
        assert!(m.is_multiple_of(4) && m * n <= c.len());
        self.products(m, HEIGHT, a, |[i, j], sums, first| {
            for (i, sums) in (i..).step_by(4).zip(sums.as_chunks::<4>().0) {
                let columns =
                    (0..COLS / 4).flat_map(|at| f32x4::transpose(sums.map(|row| row[at])));
                for (row, sum) in c[j * m..].chunks_mut(m).zip(columns) {
                    let to = &mut row[i..].as_chunks_mut::<4>().0[0];
                    *to = if add || !first { f32x4::new(*to) + sum } else { sum }.to_array();
                }
            }
        });
    }

    /// Products of a [m, k] and b in parts: up to `height` rows from row i, [`COLS`] columns from
    /// column j, [`DEPTH`] of k. `store` gets [i, j], the sums, and whether they are the first for
    /// their place.
    fn products(
        &self,
        m: usize,
        height: usize,
        a: &[f32],
        mut store: impl FnMut([usize; 2], &[Row], bool),
    ) {
        let k = self.k;
        let mut sums = vec![Row::default(); height.min(m)];
        for (i, a) in (0..m).step_by(height).zip(a[..m * k].chunks(height * k)) {
            let sums = &mut sums[..a.len() / k];
            for k0 in (0..k).step_by(DEPTH) {
                for (panel, j) in self.rows.chunks_exact(k).zip((0..self.n).step_by(COLS)) {
                    rows_times_panel(&a[k0..], k, &panel[k0..k.min(k0 + DEPTH)], sums);
                    store([i, j], sums, k0 == 0);
                }
            }
        }
    }
}

/// sums [m, COLS] = a [m, depth] · panel [depth, COLS]; rows of a begin `stride` apart.
#[inline(never)] // into its callers' loops, its sums would not stay in registers
fn rows_times_panel(a: &[f32], stride: usize, panel: &[Row], sums: &mut [Row]) {
    #[cfg(target_arch = "wasm32")]
    if super::relaxed_simd::rows_times_panel(a, stride, panel, sums) {
        return;
    }
    rows::rows_times_panel(a, stride, panel, sums, f32x4::ZERO, |a, b, sum| {
        sum + f32x4::splat(a) * b
    });
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

    /// `multiply` gets a [m, k] and c [m, n], of which element (i, j) is at `place(i, j)`.
    fn check(
        [m, k, n]: [usize; 3],
        b: impl Fn(usize, usize) -> f64,
        place: impl Fn(usize, usize) -> usize,
        multiply: impl Fn(&[f32], &mut [f32], bool),
    ) {
        let a = values(m * k, 7);
        for add in [false, true] {
            let before = if add { values(m * n, 99) } else { vec![f32::NAN; m * n] };
            let mut c = before.clone();
            multiply(&a, &mut c, add);
            for (i, j) in (0..m).flat_map(|i| (0..n).map(move |j| (i, j))) {
                let sum: f64 = (0..k).map(|k0| a[i * k + k0] as f64 * b(k0, j)).sum();
                let (found, before) = (c[place(i, j)] as f64, before[place(i, j)] as f64);
                let expected = if add { before + sum } else { sum };
                assert!(
                    (found - expected).abs() < 1e-4,
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
            let packed = Packed::new([k, n], &b);
            let place = |i, j| i * n + j;
            check(
                [m, k, n],
                |k, j| b[k * n + j] as f64,
                place,
                |a, c, add| packed.multiply(m, a, c, add),
            );
        }
    }

    #[test]
    fn is_the_transpose_of_the_product_with_scaled_columns() {
        for [m, k, n] in
            [[4, 4, 1], [68, 300, 49], [132, 512, 6], [12, 516, 7], [64, 20, 9], [256, 64, 70]]
        {
            let (b, scale) = (values(k * n, 1000), values(k, 3));
            let packed = Packed::from_columns(b.chunks_exact(k), &scale);
            let place = |i, j| j * m + i;
            check(
                [m, k, n],
                |k0, j| b[j * k + k0] as f64 * scale[k0] as f64,
                place,
                |a, c, add| packed.multiply_transposed(m, a, c, add),
            );
        }
    }
}
