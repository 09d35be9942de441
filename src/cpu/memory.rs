//! Memory in the place of a GPU's buffers.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, OnceLock, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::matmul::Packed;

/// A buffer: 32-bit words, of which most hold an f32.
#[derive(Clone, Debug)]
pub struct Memory(Arc<RwLock<Contents>>);

/// Reads as its words. Writing to them drops what was made of them.
#[derive(Debug)]
pub(super) struct Contents {
    words: Vec<u32>,
    /// A convolution's weight as products read it: packed in the first pass, kept for those that
    /// follow.
    pub packed: OnceLock<Packed>,
}

impl From<Vec<u32>> for Contents {
    fn from(words: Vec<u32>) -> Contents {
        Contents { words, packed: OnceLock::new() }
    }
}

impl Deref for Contents {
    type Target = Vec<u32>;
    fn deref(&self) -> &Vec<u32> {
        &self.words
    }
}

impl DerefMut for Contents {
    fn deref_mut(&mut self) -> &mut Vec<u32> {
        self.packed.take();
        &mut self.words
    }
}

impl Memory {
    /// Zeros, `bytes` of them rounded up to words.
    pub fn new(bytes: u64) -> Memory {
        Memory(Arc::new(RwLock::new(vec![0; bytes.div_ceil(4) as usize].into())))
    }
    pub fn bytes(&self) -> u64 {
        4 * self.words().len() as u64
    }
    pub fn write(&self, offset: usize, bytes: &[u8]) {
        bytemuck::cast_slice_mut::<u32, u8>(&mut self.words_mut())[offset..][..bytes.len()]
            .copy_from_slice(bytes);
    }
    pub fn read<T: bytemuck::Pod>(&self, count: usize) -> Vec<T> {
        bytemuck::pod_collect_to_vec(
            &bytemuck::cast_slice::<u32, u8>(&self.words())[..count * size_of::<T>()],
        )
    }
    /// Copies `count` bytes of `from` to `offset`.
    pub fn copy(&self, offset: usize, from: &Memory, count: usize) {
        let bytes: Vec<u8> = from.read(count);
        self.write(offset, &bytes);
    }
    /// Gives it back, whoever still holds a handle.
    pub fn free(&self) {
        *self.words_mut() = Vec::new().into();
    }
    // A panic while it was locked was a bug, and ended the program.
    pub(super) fn words(&self) -> RwLockReadGuard<'_, Contents> {
        self.0.read().unwrap_or_else(|e| e.into_inner())
    }
    pub(super) fn words_mut(&self) -> RwLockWriteGuard<'_, Contents> {
        self.0.write().unwrap_or_else(|e| e.into_inner())
    }
}
