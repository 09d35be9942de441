//! A head's weights, read from safetensors.

use std::collections::HashMap;

use crate::checkpoint::{self, Values};
use crate::error::{Error, Result};

/// Named tensors, f32 or f16. What a head's layers need is taken from it by name and shape.
pub struct HeadFile(HashMap<String, (Vec<usize>, Values)>);

impl HeadFile {
    /// Errors: [`Error::NotACheckpoint`], [`Error::TensorType`], [`Error::TensorNotFinite`].
    pub fn read(bytes: &[u8]) -> Result<HeadFile> {
        let mut tensors = HashMap::new();
        for tensor in checkpoint::tensors(bytes.to_vec())? {
            let values = tensor.values()?;
            if let Values::I8(_) = values {
                let (name, found) = (tensor.name, tensor.dtype.to_string());
                return Err(Error::TensorType { name, found });
            }
            tensors.insert(tensor.name, (tensor.shape, values));
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
