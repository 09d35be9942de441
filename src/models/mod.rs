//! The networks on the GPU, forward and backward, written out by hand.
//!
//! [`Model`] holds a network's weights; [`Pass`] holds what one input size needs: every activation,
//! the gradients' buffers, and the recorded dispatches, built once and replayed for each photo.
//! Numbers (depths, widths, classes) come from the checkpoint. Nothing here knows what the
//! gradients are for (see [`cam`](crate::explain::cam)) or how a convolution is computed (see
//! [`ops`](crate::ops)).
//!
//! - `resnet.rs`, `mobilenet.rs`: a family each, with forward and backward of a block on one
//!   screen;
//! - `classifier.rs`: what reads the pooled features, hidden layers included;
//! - `recorder.rs`: what both families write their dispatches with; `layers.rs`: convolutions of
//!   either kind;
//! - `model.rs`: either family, a `match`; `pass.rs`: activations, gradients and dispatches of one
//!   input size;
//! - `heads/`: small networks that read a layer, with weights of their own;
//! - `upload.rs`, `loader.rs`: weights on their way to the GPU, also from a file that arrives in
//!   pieces.
//!
//! To extend: a new family is a file here, a variant of [`Model`], and one in
//! `checkpoint/recognise/`.

mod classifier;
pub mod heads;
mod layers;
mod loader;
mod mobilenet;
mod model;
mod pass;
mod recorder;
mod resnet;
mod upload;

pub use loader::{Loader, Weights};
pub use model::Model;
pub(crate) use pass::ConvOutput;
pub use pass::{Pass, Target};
pub use upload::{Uploaded, check_sizes};
