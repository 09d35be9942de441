//! Heads: small networks that read a layer of a trained one, and say something else about a photo
//! than its classifier does.
//!
//! A head has a file of weights of its own, which fits one network. Like a [`Pass`](super::Pass),
//! its pass is recorded once for an input size and replayed: forward from the layer's activations,
//! and backward to their gradient. What gradients are for is not known here.
//!
//! - `file.rs`: a head's weights as named tensors;
//! - `question.rs`: answers to questions; `question_pass.rs`: its forward and backward.
//!
//! To extend: a head is its layers in one file and its pass in another. Words and answers are data:
//! see [`Questions`](crate::catalog::questions::Questions).

mod file;
mod question;
mod question_pass;

pub use file::HeadFile;
pub use question::QuestionHead;
pub use question_pass::QuestionPass;
