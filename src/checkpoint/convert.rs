//! A checkpoint made smaller: weights in f16, or in i8 with a scale an output channel; all else in
//! F32, as safetensors.

use safetensors::tensor::{Dtype as Stored, TensorView, serialize};

use super::{Checkpoint, Dtype, Tensor};
use crate::error::{Error, Result};
use half::f16;

/// `checkpoint` as a safetensors file with torchvision's names. Matrices and convolutions are
/// stored as `dtype`:
///
/// - F32: as they are;
/// - F16: rounded to nearest;
/// - I8: rounded to nearest 127ths of the largest absolute value of each output channel. That value
///   / 127 is `weight_scale` [c_out], F32, so that a weight is its I8 number times its channel's
///   `weight_scale`.
///
/// Errors: [`Error::TensorNotFinite`], also for what F16 can't hold; [`Error::TensorType`] for I8
/// in, and for any other `dtype`.
pub fn convert(checkpoint: &Checkpoint, dtype: Dtype) -> Result<Vec<u8>> {
    let mut tensors: Vec<(String, Stored, Vec<usize>, Vec<u8>)> = Vec::new();
    for (name, tensor) in &checkpoint.tensors {
        let values = tensor.f32()?;
        let shape = tensor.shape.clone();
        let le_bytes =
            |values: &[f32]| values.iter().flat_map(|value| value.to_le_bytes()).collect();
        match dtype {
            Dtype::F32 => tensors.push((name.clone(), Stored::F32, shape, le_bytes(&values))),
            _ if shape.len() < 2 => {
                tensors.push((name.clone(), Stored::F32, shape, le_bytes(&values)))
            }
            Dtype::F16 => {
                tensors.push((name.clone(), Stored::F16, shape, halves(tensor, &values)?))
            }
            Dtype::I8 => {
                let (bytes, scales) = quantise(&values, shape[0]);
                tensors.push((
                    format!("{name}_scale"),
                    Stored::F32,
                    vec![shape[0]],
                    le_bytes(&scales),
                ));
                tensors.push((name.clone(), Stored::I8, shape, bytes));
            }
            Dtype::BF16 | Dtype::F64 => {
                return Err(Error::TensorType {
                    name: tensor.name.clone(),
                    found: dtype.to_string(),
                });
            }
        }
    }
    let views = tensors.iter().map(|(name, dtype, shape, bytes)| {
        let view = TensorView::new(*dtype, shape.clone(), bytes);
        (name, view.expect("as many bytes as the shape says"))
    });
    Ok(serialize(views, None).expect("names, shapes and bytes are all that is serialized"))
}

fn halves(tensor: &Tensor, values: &[f32]) -> Result<Vec<u8>> {
    let halves = values.iter().map(|&value| f16::from_f32(value));
    if halves.clone().any(|half| !half.is_finite()) {
        return Err(Error::TensorNotFinite { name: tensor.name.clone() });
    }
    Ok(halves.flat_map(f16::to_le_bytes).collect())
}

/// [c_out, …] as I8 and what its channels are to be multiplied with [c_out].
fn quantise(values: &[f32], c_out: usize) -> (Vec<u8>, Vec<f32>) {
    let mut bytes = Vec::with_capacity(values.len());
    let mut scales = Vec::with_capacity(c_out);
    for channel in values.chunks(values.len().checked_div(c_out).unwrap_or(0).max(1)) {
        let scale = channel.iter().fold(0f32, |most, value| most.max(value.abs())) / 127.0;
        // A channel of zeros, or of numbers too small for a scale, is zeros.
        let of_scale = if scale.is_normal() { 1.0 / scale } else { 0.0 };
        bytes.extend(channel.iter().map(|value| (value * of_scale).round() as i8 as u8));
        scales.push(scale);
    }
    (bytes, scales)
}
