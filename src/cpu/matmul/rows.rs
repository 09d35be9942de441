//! Some rows times a panel: the loop in which nearly all of a forward pass is spent on the
//! processor.
//!
//! Cut for the sixteen 128-bit registers of x86, of which V8 keeps one: [`ROWS`] × [`COLS`] sums,
//! two vec4 of b, one number of a and a product. `relaxed_simd/kernel.rs` compiles this file,
//! too: it may
//! neither panic nor need a stack.

/// Rows and columns of c that are computed at a time.
const ROWS: usize = 4;
pub const COLS: usize = 8;

/// [`COLS`] columns of a row of b or c, in vectors of four.
type Row<V> = [V; COLS / 4];

/// sums [m, COLS] = a [m, depth] · panel [depth, COLS]; rows of a begin `stride` apart.
/// `multiply_add(a, b, c)` is a·b + c.
#[inline(always)]
pub fn rows_times_panel<V: Copy>(
    a: &[f32],
    stride: usize,
    panel: &[Row<V>],
    sums: &mut [Row<V>],
    zero: V,
    multiply_add: impl Fn(f32, V, V) -> V,
) {
    let tile = |[a0, a1, a2, a3]: [&[f32]; ROWS]| {
        let mut sums = [[zero; COLS / 4]; ROWS];
        for ((((b, a0), a1), a2), a3) in panel.iter().zip(a0).zip(a1).zip(a2).zip(a3) {
            for (sums, &a) in sums.iter_mut().zip([a0, a1, a2, a3]) {
                for (sum, &b) in sums.iter_mut().zip(b) {
                    *sum = multiply_add(a, b, *sum);
                }
            }
        }
        sums
    };
    // As long as the rest of a: the loop above ends with the panel.
    let row = |i: usize| a.get(i * stride..).unwrap_or_default();
    let (tiles, rest) = sums.as_chunks_mut::<ROWS>();
    let first_of_rest = tiles.len() * ROWS;
    for (i, sums) in (0..).step_by(ROWS).zip(tiles) {
        *sums = tile([row(i), row(i + 1), row(i + 2), row(i + 3)]);
    }
    for (i, sums) in (first_of_rest..).zip(rest) {
        *sums = tile([row(i); ROWS])[0];
    }
}
