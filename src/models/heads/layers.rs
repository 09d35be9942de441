//! A head's layers, made of its file's tensors.

use super::HeadFile;
use crate::checkpoint::{self, Conv, Norm, Values};
use crate::error::Result;
use crate::gpu::Gpu;
use crate::models::upload::{Upload, Uploaded};
use crate::ops::{Conv2d, Linear, Padding};

/// `torch.nn.BatchNorm2d`'s.
const EPSILON: f32 = 1e-5;

/// Makes layers of a file's tensors.
pub(super) struct Layers<'a> {
    pub file: &'a HeadFile,
    up: Upload<'a>,
}

impl<'a> Layers<'a> {
    pub fn new(gpu: &'a Gpu, file: &'a HeadFile) -> Layers<'a> {
        Layers { file, up: Upload::new(gpu, Uploaded::default()) }
    }

    /// Scale and bias of features that the file's `mean` and `std` [channels] standardise.
    pub fn standardised(&self, channels: usize) -> Result<[Vec<f32>; 2]> {
        let mean = self.file.f32("mean", &[channels])?;
        let std = self.file.f32("std", &[channels])?;
        let scale: Vec<f32> = std.iter().map(|std| 1.0 / std).collect();
        let bias = mean.iter().zip(&scale).map(|(mean, scale)| -mean * scale).collect();
        Ok([scale, bias])
    }

    /// Scale and bias [width] of a batch norm, which may have a weight and a bias of its own.
    pub fn norm(&self, name: &str, width: usize) -> Result<[Vec<f32>; 2]> {
        let of = |of: &str| self.file.f32(&format!("{name}.{of}"), &[width]);
        let mut scale: Vec<f32> =
            of("running_var")?.iter().map(|variance| (variance + EPSILON).powf(-0.5)).collect();
        let mut shift = vec![0.0; width];
        if self.file.has(&format!("{name}.weight")) {
            scale.iter_mut().zip(of("weight")?).for_each(|(scale, weight)| *scale *= weight);
            shift = of("bias")?;
        }
        let mean = of("running_mean")?;
        let bias = shift.iter().zip(mean).zip(&scale).map(|((b, mean), scale)| b - mean * scale);
        let bias = bias.collect();
        Ok([scale, bias])
    }

    /// Rows `first` up to `first + count` of a linear layer [rows, units], times `scale`.
    pub fn linear(
        &mut self,
        name: &str,
        [rows, units]: [usize; 2],
        (first, count): (usize, usize),
        scale: f32,
    ) -> Result<Linear> {
        let weight = self.file.f32(&format!("{name}.weight"), &[rows, units])?;
        let bias = self.file.f32(&format!("{name}.bias"), &[rows])?;
        let weight = weight[first * units..][..count * units].to_vec();
        Ok(self.up.linear(&checkpoint::Linear {
            name: format!("{name}.{first}"),
            classes: count,
            features: units,
            weight: Values::F32(weight),
            scale: vec![scale; count],
            bias: bias[first..][..count].iter().map(|bias| scale * bias).collect(),
        }))
    }

    /// A convolution [c_out, c_in, ksize, ksize] that keeps the grid's size.
    pub fn conv(
        &mut self,
        name: &str,
        shape: [usize; 3],
        scale: Vec<f32>,
        bias: Vec<f32>,
    ) -> Result<Conv2d> {
        let [c_out, c_in, ksize] = shape;
        let weight = self.file.values(&format!("{name}.weight"), &[c_out, c_in, ksize, ksize])?;
        let weight = weight.clone();
        Ok(self.upload(name, weight, shape, scale, bias))
    }

    /// The same of a weight that was cut out of a tensor.
    pub fn conv_of(
        &mut self,
        name: &str,
        weight: Vec<f32>,
        shape: [usize; 3],
        scale: Vec<f32>,
        bias: Vec<f32>,
    ) -> Conv2d {
        self.upload(name, Values::F32(weight), shape, scale, bias)
    }

    fn upload(
        &mut self,
        name: &str,
        weight: Values,
        [c_out, c_in, ksize]: [usize; 3],
        scale: Vec<f32>,
        bias: Vec<f32>,
    ) -> Conv2d {
        self.up.conv2d(&Conv {
            name: name.into(),
            c_out,
            c_in,
            ksize,
            stride: 1,
            dilation: 1,
            padding: Padding::Symmetric(ksize / 2),
            groups: 1,
            depthwise: false,
            weight,
            norm: Norm::Bias { bias: bias.clone(), factors: None },
            scale,
            bias,
        })
    }
}
