//! Heads: small networks that read a layer of a trained one, and say something else about a photo
//! than its classifier does.
//!
//! A head has a file of weights of its own, which fits one network. Like a [`Pass`](super::Pass),
//! its pass is recorded once for an input size and replayed: forward from the layer's activations,
//! and backward to their gradient. What gradients are for is not known here.
//!
//! - `file.rs`: a head's weights as named tensors; `layers.rs`: layers made of them; `record.rs`: what
//!   passes are recorded with;
//! - `caption.rs`: descriptions, word by word; `caption_pass.rs`: its forward and backward;
//! - `question.rs`: answers to questions; `question_pass.rs`: its forward and backward.
//!
//! To extend: a head is its layers in one file and its pass in another. Words and answers are data:
//! see [`Questions`](crate::catalog::questions::Questions).

mod caption;
mod caption_pass;
mod file;
mod layers;
mod question;
mod question_pass;
mod record;

pub use caption::CaptionHead;
pub use caption_pass::{CaptionPass, Said};
pub use file::HeadFile;
pub use question::QuestionHead;
pub use question_pass::QuestionPass;

/// Positions along a side of the grid that a head reads at most:
/// [`max_pool2d_backward`](crate::ops::max_pool2d_backward) has its windows' places in bytes.
pub const LARGEST_GRID: usize = 16;
