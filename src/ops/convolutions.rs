//! How a network's convolutions are computed at one input size: the kernel for each, and the memory
//! that they share.

use super::Fused;
use super::choice::Tuning;
use super::conv2d::{Conv2d, conv2d, conv2d_backward_input};
use super::winograd::{Scratch, conv2d_winograd, conv2d_winograd_backward_input, winograd_bytes};
use crate::gpu::{Buffer, Dispatch, Gpu, Tensor};

/// Kernels and scratch memory for convolutions whose sizes are known.
pub struct Convolutions {
    tuning: Tuning,
    scratch: Scratch,
    /// The transposed weight of whichever convolution is being run backwards.
    transposed: Buffer,
}

/// Bytes that convolutions need beside their tensors.
pub struct ScratchBytes {
    /// Of the parts of [`Scratch`].
    parts: [u64; 3],
    transposed: u64,
}

impl ScratchBytes {
    /// Of `convs`, each with height and width of what it reads, forward and backward.
    pub fn of(gpu: &Gpu, tuning: &Tuning, convs: &[(&Conv2d, [usize; 2])]) -> ScratchBytes {
        let mut parts = [0; 3];
        for &(conv, [h, w]) in convs {
            let out = [h, w].map(|side| conv.window().out(side));
            let needed = if tuning.winograd(conv, out).is_some() {
                // Forward and backward differ in the order of c_in and c_out only.
                let wider = conv.c_in.max(conv.c_out);
                winograd_bytes(out, wider, wider)
            } else {
                let positions = out[0] * out[1];
                let forward = tuning.tile(positions).partial_sums_bytes(positions, conv.c_out);
                let dense = h.div_ceil(conv.stride) * w.div_ceil(conv.stride);
                [
                    forward.max(
                        tuning.tile_backward(conv, h * w).partial_sums_bytes(dense, conv.c_in),
                    ),
                    0,
                    0,
                ]
            };
            parts.iter_mut().zip(needed).for_each(|(most, needed)| *most = needed.max(*most));
        }
        // The processor reads the weights as they are.
        let transposed =
            convs.iter().map(|(conv, _)| conv.transposed_bytes()).max().filter(|_| !gpu.is_cpu());
        ScratchBytes { parts, transposed: transposed.unwrap_or(0) }
    }

    /// The largest buffer but for the transposed weight, which is no larger than the weights
    /// themselves in f32.
    pub fn largest(&self) -> u64 {
        self.parts.into_iter().max().unwrap_or(0)
    }
}

impl Convolutions {
    /// Allocates what [`ScratchBytes::of`] the same convolutions and tuning found.
    pub fn new(gpu: &Gpu, tuning: Tuning, bytes: &ScratchBytes) -> Convolutions {
        let transposed = gpu.scratch(bytes.transposed);
        Convolutions { tuning, scratch: Scratch::new(gpu, bytes.parts), transposed }
    }

    /// y = conv(x), and what is fused behind it.
    pub fn conv2d(
        &self,
        gpu: &Gpu,
        y: &Tensor,
        x: &Tensor,
        conv: &Conv2d,
        fused: Fused,
    ) -> Vec<Dispatch> {
        match self.tuning.winograd(conv, [y.height, y.width]) {
            Some(tile) => conv2d_winograd(gpu, y, x, conv, fused, tile, &self.scratch),
            None => {
                let tile = self.tuning.tile(y.positions());
                conv2d(gpu, y, x, conv, fused, tile, &self.scratch.partial_sums)
            }
        }
    }

    /// dx of dy through conv, and what is fused behind it.
    pub fn conv2d_backward_input(
        &self,
        gpu: &Gpu,
        dx: &Tensor,
        dy: &Tensor,
        conv: &Conv2d,
        fused: Fused,
    ) -> Vec<Dispatch> {
        let Convolutions { tuning, scratch, transposed } = self;
        match tuning.winograd(conv, [dx.height, dx.width]) {
            Some(tile) => {
                conv2d_winograd_backward_input(gpu, dx, dy, conv, transposed, fused, tile, scratch)
            }
            None => {
                let tile = tuning.tile_backward(conv, dx.positions());
                conv2d_backward_input(
                    gpu,
                    dx,
                    dy,
                    conv,
                    transposed,
                    fused,
                    tile,
                    &scratch.partial_sums,
                )
            }
        }
    }

    /// Bytes of partial sums and of Winograd's form.
    pub fn scratch_bytes(&self) -> u64 {
        self.scratch.parts().into_iter().map(Buffer::bytes).sum()
    }

    /// Bytes of the largest weight's transposed copy, which backwards need.
    pub fn transposed_bytes(&self) -> u64 {
        self.transposed.bytes()
    }

    pub(crate) fn free(&self) {
        self.scratch.parts().into_iter().chain([&self.transposed]).for_each(Buffer::free);
    }
}
