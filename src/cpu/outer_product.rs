//! A number a position times a number a channel.

use wide::f32x4;

use super::epilogue::Epilogue;
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
    let [residual, mask] = follows;
    let epilogue = Epilogue::new([None, residual, mask], p.flags);
    let (y, b) = (y.as_chunks_mut::<4>().0, &b.as_chunks::<4>().0[..c4]);
    for position in 0..count / c4 {
        let a = f32x4::splat(a[4 * position * a4]);
        epilogue.store(y, position * c4, b.iter().map(|&b| f32x4::new(b) * a));
    }
}
