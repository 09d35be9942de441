//! Shuffling weights in place, for the sanity check of Adebayo et al. 2018, arXiv 1810.03292.

use crate::gpu::{Buffer, Dispatch, Gpu, grid};
use crate::operation::{Operation, RandomizeParams, hash};
use crate::shader;

/// Dispatches that shuffle numbers in place, one a round of [`randomize_rounds`]; in reverse order
/// they put everything back: `shaders/randomize.wgsl`. `within`: where not all may change places
/// with all, a power of two, and each run of so many is shuffled within itself.
pub fn randomize(gpu: &Gpu, words: &Buffer, within: Option<usize>, seed: u32) -> Vec<Dispatch> {
    let count = (words.bytes() / 4) as usize;
    let dispatch = |(mask, seed)| {
        let operation = Operation::Randomize(RandomizeParams { count: count as u32, mask, seed });
        gpu.dispatch(shader::randomize(), operation, &[words], grid(count.div_ceil(64)))
    };
    randomize_rounds(within.unwrap_or(count), seed).into_iter().map(dispatch).collect()
}

/// (mask, seed) of each round: two a bit of the index, so that each number may end up anywhere.
pub fn randomize_rounds(count: usize, seed: u32) -> Vec<(u32, u32)> {
    let bits = usize::BITS - count.saturating_sub(1).leading_zeros();
    let below = (1u64 << bits) as u32 - 1;
    let round = |n: u32| {
        let seed = hash(seed.wrapping_mul(64).wrapping_add(n + 1));
        ((hash(seed) & below).max(1), seed)
    };
    (0..2 * bits).map(round).collect()
}
