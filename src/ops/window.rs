//! Windows that slide over an image.

pub use crate::checkpoint::Padding;

/// A window that slides over an image.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    pub ksize: usize,
    pub stride: usize,
    pub padding: Padding,
}

impl Window {
    /// Output rows (or columns) for `size` input rows (or columns).
    pub fn out(&self, size: usize) -> usize {
        self.padding.out(size, self.ksize, self.stride)
    }
    /// Rows (or columns) of zeros before the first of `size` input rows (or columns).
    pub fn before(&self, size: usize) -> usize {
        self.padding.before(size, self.ksize, self.stride)
    }
}
