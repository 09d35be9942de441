//! Weights as the shaders read them: packed from a checkpoint's order, and uploaded in pieces.

use half::f16;

use super::{Precision, pad4};
use crate::checkpoint::{Conv, Dtype, Values};
use crate::error::{Error, Result};
use crate::gpu::{Buffer, Gpu, Uploader};

/// Of a weight as checkpoints have it: [c_out, c_in/groups, ksize, ksize].
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub c_out: usize,
    pub c_in: usize,
    pub ksize: usize,
    /// Positions from one tap to the next; zeros are multiplied between them.
    pub dilation: usize,
    pub groups: usize,
    /// Each channel has a filter of its own: c_in, c_out and groups are the same.
    pub depthwise: bool,
}

impl Shape {
    pub fn of(conv: &Conv) -> Shape {
        let &Conv { c_out, c_in, ksize, dilation, groups, depthwise, .. } = conv;
        Shape { c_out, c_in, ksize, dilation, groups, depthwise }
    }

    pub fn of_linear(classes: usize, features: usize) -> Shape {
        Shape { c_out: classes, c_in: features, ksize: 1, dilation: 1, groups: 1, depthwise: false }
    }

    /// Numbers in the buffer: see `pack`.
    fn padded(self) -> usize {
        let c_in = if self.depthwise { 1 } else { pad4(self.c_in) };
        self.reach() * self.reach() * c_in * pad4(self.c_out)
    }

    /// Side of the filter with the zeros between its taps.
    pub fn reach(self) -> usize {
        (self.ksize - 1) * self.dilation + 1
    }

    /// The tap at a place of the filter with zeros; `None`: a zero.
    fn tap(self, place: usize) -> Option<usize> {
        let [y, x] = [place / self.reach(), place % self.reach()];
        let is_tap = y.is_multiple_of(self.dilation) && x.is_multiple_of(self.dilation);
        is_tap.then(|| y / self.dilation * self.ksize + x / self.dilation)
    }

    /// Whether a buffer can hold such a weight, of numbers of so many bytes.
    pub(crate) fn check(self, uploader: &Uploader, name: &str, size: usize) -> Result<()> {
        let needed = (self.padded() * size) as u64;
        match uploader.largest_buffer() {
            available if needed <= available => Ok(()),
            available => {
                Err(Error::TensorTooLarge { name: format!("{name}.weight"), needed, available })
            }
        }
    }

    pub(crate) fn upload_values(self, uploader: &Uploader, values: &Values) -> (Precision, Buffer) {
        match values {
            Values::F32(values) => self.upload(uploader, Dtype::F32, bytemuck::cast_slice(values)),
            Values::F16(values) => {
                let bits: Vec<u16> = values.iter().map(|value| value.to_bits()).collect();
                self.upload(uploader, Dtype::F16, bytemuck::cast_slice(&bits))
            }
            Values::I8(values) => self.upload(uploader, Dtype::I8, bytemuck::cast_slice(values)),
            Values::Elsewhere => {
                unreachable!("a network without numbers comes with those that were uploaded")
            }
        }
    }

    pub(crate) fn upload(
        self,
        uploader: &Uploader,
        dtype: Dtype,
        bytes: &[u8],
    ) -> (Precision, Buffer) {
        match dtype {
            Dtype::F16 => (Precision::F16, self.pack::<2>(uploader, bytes)),
            Dtype::I8 => (Precision::I8, self.pack::<1>(uploader, bytes)),
            Dtype::F32 => (Precision::F32, self.pack::<4>(uploader, bytes)),
            Dtype::BF16 | Dtype::F64 => unreachable!("`Tensor::upload` makes them F32"),
        }
    }

    /// As the shaders read it: [ksize, ksize, c_in, c_out], channels padded with zeros to vec4, and
    /// zeros between the groups, at the price of multiplying them; of a depthwise convolution
    /// [ksize, ksize, c]. Goes up in pieces, so that no second copy of the weight is held here.
    fn pack<const SIZE: usize>(self, uploader: &Uploader, bytes: &[u8]) -> Buffer {
        const PIECE: usize = 256 << 10; // bytes
        const BLOCK: usize = 16; // output channels that are gathered side by side: their rows of the checkpoint stay in the cache
        let Shape { c_out, ksize, .. } = self;
        // A depthwise weight is packed like that of one input channel, which has no neighbours to
        // be padded with.
        let (c_in, groups, ci_padded) = match self.depthwise {
            true => (1, 1, 1),
            false => (self.c_in, self.groups, pad4(self.c_in)),
        };
        let (numbers, _) = bytes.as_chunks::<SIZE>();
        let (taps, per_group) = (ksize * ksize, c_in / groups);
        assert_eq!(numbers.len(), c_out * per_group * taps, "{self:?}");
        let co_padded = pad4(c_out);
        let rows = self.reach() * self.reach() * ci_padded;
        let weight = uploader.buffer(rows * co_padded * SIZE);
        let at_once = (PIECE / (co_padded * SIZE)).max(1);
        let mut piece = vec![[0; SIZE]; at_once.min(rows) * co_padded];
        for first in (0..rows).step_by(at_once) {
            piece.truncate((rows - first) * co_padded);
            piece.fill([0; SIZE]);
            for block in (0..c_out).step_by(BLOCK) {
                for (row, out) in piece.chunks_exact_mut(co_padded).enumerate() {
                    let ci = (first + row) % ci_padded;
                    let Some(tap) = self.tap((first + row) / ci_padded).filter(|_| ci < c_in)
                    else {
                        continue;
                    };
                    let group =
                        ci / per_group * (c_out / groups)..(ci / per_group + 1) * (c_out / groups);
                    for co in block.max(group.start)..(block + BLOCK).min(group.end) {
                        out[co] = numbers[(co * per_group + ci % per_group) * taps + tap];
                    }
                }
            }
            uploader.write(&weight, first * co_padded * SIZE, piece.as_flattened());
        }
        weight
    }
}

/// A weight [c_out, c_in, ksize, ksize] on the GPU; with [`Precision::I8`] its values are rounded
/// to 127ths.
pub fn pack_conv_weight(
    gpu: &Gpu,
    weight: &[f32],
    precision: Precision,
    c_out: usize,
    c_in: usize,
    ksize: usize,
) -> Buffer {
    pack(
        gpu,
        weight,
        precision,
        Shape { c_out, c_in, ksize, dilation: 1, groups: 1, depthwise: false },
    )
}

fn pack(gpu: &Gpu, weight: &[f32], precision: Precision, shape: Shape) -> Buffer {
    let values = match precision {
        Precision::F32 => Values::F32(weight.to_vec()),
        Precision::F16 => Values::F16(weight.iter().map(|&v| f16::from_f32(v)).collect()),
        Precision::I8 => Values::I8(weight.iter().map(|&v| (127.0 * v).round() as i8).collect()),
    };
    let uploader = gpu.uploader();
    let (_, weight) = shape.upload_values(&uploader, &values);
    uploader.flush();
    weight
}

/// A depthwise weight [channels, 1, ksize, ksize] on the GPU, likewise.
pub fn pack_depthwise_weight(
    gpu: &Gpu,
    weight: &[f32],
    precision: Precision,
    channels: usize,
    ksize: usize,
) -> Buffer {
    let shape = Shape {
        c_out: channels,
        c_in: channels,
        ksize,
        dilation: 1,
        groups: channels,
        depthwise: true,
    };
    pack(gpu, weight, precision, shape)
}

/// A weight [classes, features] on the GPU.
pub fn pack_linear_weight(
    gpu: &Gpu,
    weight: &[f32],
    precision: Precision,
    classes: usize,
    features: usize,
) -> Buffer {
    pack(gpu, weight, precision, Shape::of_linear(classes, features))
}

/// [2, c]: scale, then bias, each padded with zeros to vec4.
pub fn pack_scale_bias(gpu: &Gpu, scale: &[f32], bias: &[f32]) -> Buffer {
    let mut packed = vec![0.0; 2 * pad4(scale.len())];
    packed[..scale.len()].copy_from_slice(scale);
    packed[pad4(scale.len())..][..bias.len()].copy_from_slice(bias);
    gpu.buffer(&packed)
}
