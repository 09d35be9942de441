//! A number a position times a number a channel.

use wide::f32x4;

use super::epilogue::epilogue;
use super::{four, fours};
use crate::operation::OuterProductParams;

/// y [positions, c] of a [positions, any] and b [c]; `follows`: residual and mask as y, where the
/// flags name them.
pub fn outer_product(
    y: &mut [f32],
    a: &[f32],
    b: &[f32],
    follows: [Option<&[f32]>; 2],
    p: &OuterProductParams,
) {
    let (count, c4, a4) = (p.count as usize, p.c4 as usize, p.a4 as usize);
    for (i, y) in fours(y).take(count).enumerate() {
        let product = four(b, i % c4) * f32x4::splat(a[4 * (i / c4 * a4)]);
        let [residual, mask] = follows.map(|values| values.map(|values| values.as_chunks().0[i]));
        *y = epilogue(product, residual, mask, p.flags).to_array();
    }
}
