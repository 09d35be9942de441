//! Photos in, pictures out: decoding and preprocessing, heatmaps and their painting.

pub mod heatmap;
mod photo;
mod resample;

pub use photo::*;
