//! Activations with one channel set to zero.

use crate::operation::AblateChannelParams;

/// y = x [positions, c] without `channel`; below 0 it is none.
pub fn ablate_channel(y: &mut [f32], x: &[f32], channel: f32, p: &AblateChannelParams) {
    let (count, c) = (4 * p.count as usize, 4 * p.c4 as usize);
    for (i, (y, &x)) in y.iter_mut().zip(x).take(count).enumerate() {
        *y = if (i % c) as f32 == channel { 0.0 } else { x };
    }
}
