//! A head's weights, read from safetensors.

use std::collections::HashMap;

use half::f16;
use safetensors::SafeTensors;
use safetensors::tensor::Dtype;

use crate::checkpoint::Values;
use crate::error::{Detail, Error, Result};

/// Named tensors, f32 or f16. What a head's layers need is taken from it by name and shape.
pub struct HeadFile(HashMap<String, (Vec<usize>, Values)>);

impl HeadFile {
    /// Errors: [`Error::NotACheckpoint`], [`Error::TensorType`], [`Error::TensorNotFinite`].
    pub fn read(bytes: &[u8]) -> Result<HeadFile> {
        let file = SafeTensors::deserialize(bytes).map_err(|e| Error::NotACheckpoint {
            detail: Detail::new(
                format!("it is no safetensors file ({e})"),
                format!("它不是 safetensors 文件（{e}）"),
            ),
        })?;
        let mut tensors = HashMap::new();
        for (name, view) in file.tensors() {
            let values = match view.dtype() {
                Dtype::F32 => {
                    let (numbers, _) = view.data().as_chunks::<4>();
                    Values::F32(numbers.iter().map(|&b| f32::from_le_bytes(b)).collect())
                }
                Dtype::F16 => {
                    let (numbers, _) = view.data().as_chunks::<2>();
                    Values::F16(numbers.iter().map(|&b| f16::from_le_bytes(b)).collect())
                }
                other => return Err(Error::TensorType { name, found: format!("{other:?}") }),
            };
            if values.to_f32().iter().any(|value| !value.is_finite()) {
                return Err(Error::TensorNotFinite { name });
            }
            tensors.insert(name, (view.shape().to_vec(), values));
        }
        Ok(HeadFile(tensors))
    }

    /// A tensor's size along its dimensions, of which there must be `N`, none of 0. Errors:
    /// [`Error::TensorMissing`], [`Error::TensorShape`].
    pub fn shape<const N: usize>(&self, name: &str) -> Result<[usize; N]> {
        let (name, expected) = (name.to_owned(), vec![1; N]);
        match self.0.get(&name) {
            None => Err(Error::TensorMissing { name, expected }),
            Some((found, _)) => match found[..].try_into() {
                Ok(shape) if !found.contains(&0) => Ok(shape),
                _ => Err(Error::TensorShape { name, expected, found: found.clone() }),
            },
        }
    }

    /// Whether there is such a tensor.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// A tensor of this shape. Errors: [`Error::TensorMissing`], [`Error::TensorShape`].
    pub fn values(&self, name: &str, expected: &[usize]) -> Result<&Values> {
        let (name, expected) = (name.to_owned(), expected.to_vec());
        match self.0.get(&name) {
            None => Err(Error::TensorMissing { name, expected }),
            Some((found, _)) if *found != expected => {
                Err(Error::TensorShape { name, expected, found: found.clone() })
            }
            Some((_, values)) => Ok(values),
        }
    }

    /// The same as f32, row-major.
    pub fn f32(&self, name: &str, expected: &[usize]) -> Result<Vec<f32>> {
        self.values(name, expected).map(Values::to_f32)
    }
}
