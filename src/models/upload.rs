//! Weights on their way to the GPU: checked against its largest buffer, packed as the shaders read them, uploaded in pieces.
//!
//! A weight stays as precise as it was shipped: f32, f16 pairs, or i8 with a scale an output channel.

use std::collections::HashMap;

use half::f16;

use crate::checkpoint::{Conv, Dtype, Network, Values};
use crate::error::{Error, Result};
use crate::gpu::{Constant, Gpu, Uploader};
use crate::ops::{Conv2d, DepthwiseConv2d, Linear, Padding, Precision, pad4};

/// Weights on the GPU that no [`Model`](super::Model) owns yet, by the name of their convolution or classifier.
#[derive(Default)]
pub struct Uploaded(HashMap<String, (Precision, Constant)>);

/// Makes the layers of a [`Model`](super::Model): takes weights that are on the GPU already, uploads the others.
pub(super) struct Upload<'a> {
    gpu: &'a Gpu,
    uploader: Uploader,
    uploaded: Uploaded,
}

impl<'a> Upload<'a> {
    pub fn new(gpu: &'a Gpu, uploaded: Uploaded) -> Upload<'a> {
        Upload { gpu, uploader: gpu.uploader(), uploaded }
    }

    pub fn conv2d(&mut self, conv: &Conv) -> Conv2d {
        let (precision, weight) = self.weight(&conv.name, &conv.weight, Shape::of(conv));
        let scale_bias = pack_scale_bias(self.gpu, &conv.scale, &conv.bias);
        let (ksize, &Conv { c_in, c_out, stride, padding, .. }) = (conv.reach(), conv);
        Conv2d { weight, precision, scale_bias, c_in, c_out, ksize, stride, padding }
    }

    pub fn depthwise_conv2d(&mut self, conv: &Conv) -> DepthwiseConv2d {
        let (precision, weight) = self.weight(&conv.name, &conv.weight, Shape::of(conv));
        let scale_bias = pack_scale_bias(self.gpu, &conv.scale, &conv.bias);
        let &Conv { c_out: channels, ksize, stride, padding, .. } = conv;
        DepthwiseConv2d { weight, precision, scale_bias, channels, ksize, stride, padding }
    }

    pub fn linear(&mut self, fc: &crate::checkpoint::Linear) -> Linear {
        let (classes, features) = (fc.classes, fc.features);
        let (precision, weight) = self.weight(&fc.name, &fc.weight, Shape::of_linear(classes, features));
        Linear { weight, precision, scale_bias: pack_scale_bias(self.gpu, &fc.scale, &fc.bias), features, classes }
    }

    /// A linear layer as the 1×1 convolution of one position that it is.
    pub fn hidden(&mut self, linear: &crate::checkpoint::Linear) -> Conv2d {
        let Linear { weight, precision, scale_bias, features, classes } = self.linear(linear);
        let padding = Padding::Symmetric(0);
        Conv2d { weight, precision, scale_bias, c_in: features, c_out: classes, ksize: 1, stride: 1, padding }
    }

    fn weight(&mut self, name: &str, values: &Values, shape: Shape) -> (Precision, Constant) {
        let upload = || match values {
            // The processor would have to decode it again in every pass.
            Values::F16(_) if self.uploader.is_cpu() => {
                shape.upload_values(&self.uploader, &Values::F32(values.to_f32()))
            }
            _ => shape.upload_values(&self.uploader, values),
        };
        let weight = self.uploaded.0.remove(name).unwrap_or_else(upload);
        self.uploader.flush();
        weight
    }
}

impl Uploaded {
    /// Uploads a weight: little-endian numbers of `dtype`, in the order of the checkpoint.
    ///
    /// Errors: [`Error::TensorTooLarge`].
    pub fn add(&mut self, uploader: &Uploader, name: &str, shape: Shape, dtype: Dtype, bytes: &[u8]) -> Result<()> {
        shape.check(uploader, name, dtype.size())?;
        // As in `Upload::weight`.
        let decoded: Vec<f32>;
        let (dtype, bytes) = match dtype {
            Dtype::F16 if uploader.is_cpu() => {
                let (halves, _) = bytes.as_chunks::<2>();
                decoded = halves.iter().map(|&half| f16::from_le_bytes(half).to_f32()).collect();
                (Dtype::F32, bytemuck::cast_slice(&decoded))
            }
            _ => (dtype, bytes),
        };
        if let Some((_, twice)) = self.0.insert(name.into(), shape.upload(uploader, dtype, bytes)) {
            twice.free();
        }
        uploader.flush();
        Ok(())
    }
}

impl Drop for Uploaded {
    fn drop(&mut self) {
        self.0.values().for_each(|(_, weight)| weight.free());
    }
}

/// Refuses weights that need a larger buffer than the adapter allows. Errors: [`Error::TensorTooLarge`].
pub fn check_sizes(network: &Network, uploader: &Uploader) -> Result<()> {
    let linears = network
        .linears()
        .map(|linear| (&linear.name[..], &linear.weight, Shape::of_linear(linear.classes, linear.features)));
    let convs = network.convs().map(|conv| (&conv.name[..], &conv.weight, Shape::of(conv)));
    convs.chain(linears).try_for_each(|(name, values, shape)| {
        let size = match values {
            Values::F32(_) => 4,
            Values::F16(_) => 2,
            Values::I8(_) => 1,
            Values::Elsewhere => 0, // and checked when it went up
        };
        shape.check(uploader, name, size)
    })
}

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
    fn reach(self) -> usize {
        (self.ksize - 1) * self.dilation + 1
    }

    /// The tap at a place of the filter with zeros; `None`: a zero.
    fn tap(self, place: usize) -> Option<usize> {
        let [y, x] = [place / self.reach(), place % self.reach()];
        let is_tap = y.is_multiple_of(self.dilation) && x.is_multiple_of(self.dilation);
        is_tap.then(|| y / self.dilation * self.ksize + x / self.dilation)
    }

    /// Whether a buffer can hold such a weight, of numbers of so many bytes.
    fn check(self, uploader: &Uploader, name: &str, size: usize) -> Result<()> {
        let needed = (self.padded() * size) as u64;
        match uploader.largest_buffer() {
            available if needed <= available => Ok(()),
            available => Err(Error::TensorTooLarge { name: format!("{name}.weight"), needed, available }),
        }
    }

    fn upload_values(self, uploader: &Uploader, values: &Values) -> (Precision, Constant) {
        match values {
            Values::F32(values) => self.upload(uploader, Dtype::F32, bytemuck::cast_slice(values)),
            Values::F16(values) => {
                let bits: Vec<u16> = values.iter().map(|value| value.to_bits()).collect();
                self.upload(uploader, Dtype::F16, bytemuck::cast_slice(&bits))
            }
            Values::I8(values) => self.upload(uploader, Dtype::I8, bytemuck::cast_slice(values)),
            Values::Elsewhere => unreachable!("a network without numbers comes with those that were uploaded"),
        }
    }

    fn upload(self, uploader: &Uploader, dtype: Dtype, bytes: &[u8]) -> (Precision, Constant) {
        match dtype {
            Dtype::F16 => (Precision::F16, self.pack::<2>(uploader, bytes)),
            Dtype::I8 => (Precision::I8, self.pack::<1>(uploader, bytes)),
            Dtype::F32 => (Precision::F32, self.pack::<4>(uploader, bytes)),
            Dtype::BF16 | Dtype::F64 => unreachable!("`Tensor::upload` makes them F32"),
        }
    }

    /// As the shaders read it: [ksize, ksize, c_in, c_out], channels padded with zeros to vec4, and zeros between the groups, at
    /// the price of multiplying them; of a depthwise convolution [ksize, ksize, c]. Goes up in pieces, so that no second copy of the weight is held here.
    fn pack<const SIZE: usize>(self, uploader: &Uploader, bytes: &[u8]) -> Constant {
        const PIECE: usize = 256 << 10; // bytes
        const BLOCK: usize = 16; // output channels that are gathered side by side: their rows of the checkpoint stay in the cache
        let Shape { c_out, ksize, .. } = self;
        // A depthwise weight is packed like that of one input channel, which has no neighbours to be padded with.
        let (c_in, groups, ci_padded) = match self.depthwise {
            true => (1, 1, 1),
            false => (self.c_in, self.groups, pad4(self.c_in)),
        };
        let (numbers, _) = bytes.as_chunks::<SIZE>();
        let (taps, per_group) = (ksize * ksize, c_in / groups);
        assert_eq!(numbers.len(), c_out * per_group * taps, "{self:?}");
        let co_padded = pad4(c_out);
        let rows = self.reach() * self.reach() * ci_padded;
        let weight = uploader.constant(rows * co_padded * SIZE);
        let at_once = (PIECE / (co_padded * SIZE)).max(1);
        let mut piece = vec![[0; SIZE]; at_once.min(rows) * co_padded];
        for first in (0..rows).step_by(at_once) {
            piece.truncate((rows - first) * co_padded);
            piece.fill([0; SIZE]);
            for block in (0..c_out).step_by(BLOCK) {
                for (row, out) in piece.chunks_exact_mut(co_padded).enumerate() {
                    let ci = (first + row) % ci_padded;
                    let Some(tap) = self.tap((first + row) / ci_padded).filter(|_| ci < c_in) else { continue };
                    let group = ci / per_group * (c_out / groups)..(ci / per_group + 1) * (c_out / groups);
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

/// A weight [c_out, c_in, ksize, ksize] on the GPU; with [`Precision::I8`] its values are rounded to 127ths.
pub fn pack_conv_weight(
    gpu: &Gpu,
    weight: &[f32],
    precision: Precision,
    c_out: usize,
    c_in: usize,
    ksize: usize,
) -> Constant {
    pack(gpu, weight, precision, Shape { c_out, c_in, ksize, dilation: 1, groups: 1, depthwise: false })
}

fn pack(gpu: &Gpu, weight: &[f32], precision: Precision, shape: Shape) -> Constant {
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
) -> Constant {
    let shape = Shape { c_out: channels, c_in: channels, ksize, dilation: 1, groups: channels, depthwise: true };
    pack(gpu, weight, precision, shape)
}

/// A weight [classes, features] on the GPU.
pub fn pack_linear_weight(
    gpu: &Gpu,
    weight: &[f32],
    precision: Precision,
    classes: usize,
    features: usize,
) -> Constant {
    pack_conv_weight(gpu, weight, precision, classes, features, 1)
}

/// [2, c]: scale, then bias, each padded with zeros to vec4.
pub fn pack_scale_bias(gpu: &Gpu, scale: &[f32], bias: &[f32]) -> Constant {
    let mut packed = vec![0.0; 2 * pad4(scale.len())];
    packed[..scale.len()].copy_from_slice(scale);
    packed[pad4(scale.len())..][..bias.len()].copy_from_slice(bias);
    gpu.constant(&packed)
}
