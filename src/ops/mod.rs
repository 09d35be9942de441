//! One function an operation: checks shapes and records a [`Dispatch`](crate::gpu::Dispatch).
//! Outputs first, then inputs, then parameters.
//!
//! - a file an operation, forward and backward; `winograd.rs`: another form of 3×3 convolutions;
//! - `convolutions.rs`: [`Convolutions`], which the networks' code calls: it knows kernels and
//!   scratch memory; `tile.rs`: how the conv2d kernels cut their work; `choice.rs`: which of them
//!   computes what;
//! - `fused.rs`: what follows an operation in the same dispatch, since addition and ReLU are never
//!   dispatches of their own;
//! - `weights.rs`: weights as the shaders read them.
//!
//! Shapes that do not fit are bugs of the caller, hence panics; what comes from outside was checked
//! in [`checkpoint`](crate::checkpoint) and [`image`](crate::image). To add an operation: a file
//! here, a shader, a variant of [`Operation`](crate::operation::Operation), twins in
//! [`cpu`](crate::cpu) and [`reference`](crate::reference).

mod ablate_channel;
mod attention;
mod cam;
mod choice;
mod conv2d;
mod convolutions;
mod depthwise_conv2d;
mod film;
mod fused;
mod global_average_pool;
mod gru_cell;
mod gru_gates;
mod linear;
mod max_pool2d;
mod offsets;
mod outer_product;
mod randomize;
mod tile;
mod weighted_sum;
mod weights;
mod window;
mod winograd;

pub use ablate_channel::ablate_channel;
pub use attention::{attention, attention_backward};
pub use cam::{cam, cam_weights};
pub use choice::Tuning;
pub(crate) use choice::{CLASSES, FEWEST};
pub use conv2d::{Conv2d, conv2d, conv2d_backward_input, conv2d_transpose_weight};
pub use convolutions::{Convolutions, ScratchBytes};
pub use depthwise_conv2d::{DepthwiseConv2d, depthwise_conv2d, depthwise_conv2d_backward_input};
pub use film::{film, film_backward};
pub use fused::{Activation, Fused, Mask, Rule, Through};
pub use global_average_pool::{global_average_pool, global_average_pool_backward};
pub use gru_cell::{GruCell, gru_cell, pack_gru_weight};
pub use gru_gates::{GATES, gru_gates, gru_gates_backward};
pub use linear::{Linear, linear, linear_backward, sparse};
pub use max_pool2d::{max_pool2d, max_pool2d_backward};
pub use offsets::{EXTRAS, offsets, offsets_backward};
pub use outer_product::outer_product;
pub use randomize::{randomize, randomize_rounds};
pub use tile::{DEFAULT_TILE, Kernel, NAIVE, NARROW_TILE, TILES, Tile};
pub use weighted_sum::{weighted_sum, weighted_sum_backward};
pub use weights::{
    Shape, pack_conv_weight, pack_depthwise_weight, pack_linear_weight, pack_scale_bias,
};
pub use window::{Padding, Window};
pub use winograd::{
    Scratch, conv2d_winograd, conv2d_winograd_backward_input, suits_winograd, winograd_bytes,
};

pub use crate::operation::Precision;

/// The next multiple of 4.
pub fn pad4(channels: usize) -> usize {
    channels.next_multiple_of(4)
}
