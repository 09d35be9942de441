//! Convolutions: taps are gathered into a matrix, and the product is left to
//! [`matmul`](super::matmul). Gradients read the weights as rows, so nothing is transposed.

use std::sync::OnceLock;

use wide::f32x4;

use super::epilogue::Epilogue;
use super::matmul::Packed;
use crate::operation::Conv2dParams;

/// A convolution's weight as the right operand of its product.
enum Right<'a> {
    Kept(&'a Packed),
    Packed(Packed),
}

impl std::ops::Deref for Right<'_> {
    type Target = Packed;
    fn deref(&self) -> &Packed {
        match self {
            Right::Kept(packed) => packed,
            Right::Packed(packed) => packed,
        }
    }
}

/// Positions at a time: their taps, gathered, stay in the cache.
const BLOCK: usize = 256;

/// y of x and w [ksize, ksize, c_in, c_out]; `kept` is where the weight may be kept packed. With
/// `transposed`, dL/dy's scale, w is the forward pass's weight [ksize, ksize, c_out, c_in], read
/// transposed.
pub fn conv2d(
    y: &mut [f32],
    x: &[f32],
    w: &[f32],
    kept: Option<&OnceLock<Packed>>,
    transposed: Option<&[f32]>,
    follows: [Option<&[f32]>; 3],
    p: &Conv2dParams,
) {
    let [rows, cols, c_out, run, ksize] =
        [p.rows, p.cols, 4 * p.c_out4, 4 * p.run4, p.ksize].map(|n| n as usize);
    let c_in = 4 * p.c_in4 as usize;
    let [y_width, y_step, y_row, y_col] =
        [p.y_width, p.y_step, p.y_row, p.y_col].map(|n| n as usize);
    let [x_height, x_width, x_step] = [p.x_height, p.x_width, p.x_step].map(|n| n as i32);
    let positions = rows * cols;
    // Where tap (row, col) of x begins, or where the zeros do.
    let x_at = |row: i32, col: i32| {
        let inside = (0..x_height).contains(&row) && (0..x_width).contains(&col);
        let position = if inside { row * x_width + col } else { x_height * x_width };
        position as usize * c_in
    };
    // A 1×1 convolution of stride 1 reads x as it lies.
    let as_it_lies = [p.tap_rows, p.tap_cols] == [1, 1]
        && [x_step, p.x_row, p.x_col] == [1, 0, 0]
        && run == c_in;
    let as_it_lies = as_it_lies && x_width as usize == cols && x_height as usize >= rows;
    // Taps, and where their weights begin. Where those follow each other, all taps make one
    // product: a longer sum costs less than several.
    let w_at = |ty: u32, tx: u32| {
        ((p.w_row + ty * p.w_step) as usize * ksize + (p.w_col + tx * p.w_step) as usize) * c_in
    };
    let taps: Vec<_> = (0..p.tap_rows)
        .flat_map(|ty| (0..p.tap_cols).map(move |tx| (ty, tx)))
        .map(|(ty, tx)| (ty as i32 * p.tap_step, tx as i32 * p.tap_step, w_at(ty, tx)))
        .collect();
    let one_product = taps.windows(2).all(|pair| pair[0].2 + run == pair[1].2);
    // Some gradients have no tap at all: they are zero.
    let longest = if one_product && transposed.is_none() { taps.len().max(1) } else { 1 };
    let long = longest * run;
    let gathers = !as_it_lies && transposed.is_none();
    let mut gathered = vec![0.0; if gathers { BLOCK.min(positions) * long } else { 0 }];
    let mut sums = vec![0.0; BLOCK.min(positions) * c_out];
    let y = y.as_chunks_mut::<4>().0;
    let epilogue = Epilogue::new(follows, p.flags);
    let w_of = |taps: &[(i32, i32, usize)]| &w[taps[0].2 * c_out..][..long * c_out];
    // Of each product the right operand, packed once for all positions; the whole weight also for
    // the passes that follow. A gradient's is dL/dy: its weight is the left one.
    let whole = kept.filter(|_| one_product && long * c_out == w.len());
    let whole = whole.map(|kept| kept.get_or_init(|| Packed::new([long, c_out], w)));
    let rights: Vec<_> = taps
        .chunks(longest)
        .filter(|_| transposed.is_none())
        .map(|taps| match whole {
            Some(packed) => Right::Kept(packed),
            None => Right::Packed(Packed::new([long, c_out], w_of(taps))),
        })
        .collect();
    for first in (0..positions).step_by(BLOCK) {
        let count = BLOCK.min(positions - first);
        let sums = &mut sums[..count * c_out];
        if taps.is_empty() {
            sums.fill(0.0);
        }
        // Where position i of the block reads x by a tap.
        let row_of = |i: usize, &(ty, tx, _): &(i32, i32, usize)| {
            let (r, c) = (((first + i) / cols) as i32, ((first + i) % cols) as i32);
            &x[x_at(r * x_step + p.x_row + ty, c * x_step + p.x_col + tx)..][..run]
        };
        for (nth, taps) in taps.chunks(longest).enumerate() {
            let add = nth > 0;
            if let Some(scale) = transposed {
                let dy = Packed::from_columns((0..count).map(|i| row_of(i, &taps[0])), scale);
                dy.multiply_transposed(c_out, w_of(taps), sums, add);
            } else if as_it_lies {
                rights[nth].multiply(count, &x[first * run..][..count * run], sums, add);
            } else {
                for (i, row) in gathered.chunks_exact_mut(long).take(count).enumerate() {
                    for (to, tap) in row.chunks_exact_mut(run).zip(taps) {
                        to.copy_from_slice(row_of(i, tap));
                    }
                }
                rights[nth].multiply(count, &gathered[..count * long], sums, add);
            }
        }
        for (i, sums) in sums.chunks_exact(c_out).enumerate() {
            let (r, c) = ((first + i) / cols, (first + i) % cols);
            let at = ((r * y_step + y_row) * y_width + c * y_step + y_col) * (c_out / 4);
            let sums = sums.as_chunks::<4>().0.iter().map(|&sum| f32x4::new(sum));
            epilogue.store(y, at, sums);
        }
    }
}
