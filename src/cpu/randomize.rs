//! One round of shuffling numbers in place.

use crate::operation::{RandomizeParams, hash};

/// Numbers i and i ^ mask change places where a hash of the smaller one's place says so.
pub fn randomize(words: &mut [u32], p: &RandomizeParams) {
    for i in 0..p.count {
        let j = i ^ p.mask;
        if i < j && j < p.count && hash(i ^ p.seed) & 1 == 1 {
            words.swap(i as usize, j as usize);
        }
    }
}
