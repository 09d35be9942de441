//! Weights on their way to the GPU: checked against its largest buffer, packed and uploaded, a
//! tensor at a time.
//!
//! A weight stays as precise as it was shipped: f32, f16 pairs, or i8 with a scale an output
//! channel.

use std::collections::HashMap;

use half::f16;

use crate::checkpoint::{Conv, Dtype, Network, Values};
use crate::error::Result;
use crate::gpu::{Buffer, Gpu, Uploader};
use crate::ops::{Conv2d, DepthwiseConv2d, Linear, Padding, Precision, Shape, pack_scale_bias};

/// Weights on the GPU that no [`Model`](super::Model) owns yet, by the name of their convolution or
/// classifier.
#[derive(Default)]
pub struct Uploaded(HashMap<String, (Precision, Buffer)>);

/// Makes the layers of a [`Model`](super::Model): takes weights that are on the GPU already,
/// uploads the others.
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
        let shape = Shape::of(conv);
        let (precision, weight) = self.weight(&conv.name, &conv.weight, shape);
        let scale_bias = pack_scale_bias(self.gpu, &conv.scale, &conv.bias);
        let (ksize, &Conv { c_in, c_out, stride, padding, .. }) = (shape.reach(), conv);
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
        let (precision, weight) =
            self.weight(&fc.name, &fc.weight, Shape::of_linear(classes, features));
        Linear {
            weight,
            precision,
            scale_bias: pack_scale_bias(self.gpu, &fc.scale, &fc.bias),
            features,
            classes,
        }
    }

    /// A linear layer as the 1×1 convolution of one position that it is.
    pub fn hidden(&mut self, linear: &crate::checkpoint::Linear) -> Conv2d {
        let Linear { weight, precision, scale_bias, features, classes } = self.linear(linear);
        let padding = Padding::Symmetric(0);
        Conv2d {
            weight,
            precision,
            scale_bias,
            c_in: features,
            c_out: classes,
            ksize: 1,
            stride: 1,
            padding,
        }
    }

    fn weight(&mut self, name: &str, values: &Values, shape: Shape) -> (Precision, Buffer) {
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
    pub fn add(
        &mut self,
        uploader: &Uploader,
        name: &str,
        shape: Shape,
        dtype: Dtype,
        bytes: &[u8],
    ) -> Result<()> {
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

/// Refuses weights that need a larger buffer than the adapter allows. Errors:
/// [`Error::TensorTooLarge`].
pub fn check_sizes(network: &Network, uploader: &Uploader) -> Result<()> {
    let linears = network.linears().map(|linear| {
        (&linear.name[..], &linear.weight, Shape::of_linear(linear.classes, linear.features))
    });
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
