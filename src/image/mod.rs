//! Photos in, pictures out.
//!
//! - `decode`: bytes to a [`Photo`]; `jpeg`, `metadata` and `foreign` (what a refused file is)
//!   belong to it
//! - `photo`: the [`Photo`] and its notes
//! - `preprocess`: a photo to the network's input, with `resample`
//! - `heatmap`: a network's map to a picture

mod decode;
mod foreign;
pub mod heatmap;
mod jpeg;
mod metadata;
mod photo;
mod preprocess;
mod resample;

pub use decode::{MAX_BYTES, MAX_PIXELS, left_to_the_browser, looks_like_a_photo};
pub use photo::{Note, Photo};
pub use preprocess::{Fit, Interpolation, MIN_SIDE, Prepared, Preprocessing, Rect, prepare};
