//! What several tests share.
#![allow(dead_code)] // each test binary uses its part

pub mod golden_weights;
pub mod mobilenet_weights;
pub mod random;
pub mod torch_file;
