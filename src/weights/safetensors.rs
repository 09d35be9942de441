//! Safetensors files, parsed by the `safetensors` crate: 8 bytes of header length, a JSON header, the numbers.
//!
//! Deliberately absent: `__metadata__` (nothing in it is needed), sharded checkpoints (no ResNet is large enough).
//! Format: the README of the `safetensors` crate.

use std::sync::Arc;

use safetensors::SafeTensors;
use safetensors::tensor::{Dtype as Stored, SafeTensorError};

use super::{DIMENSIONS, Dtype, Tensor, names, shortened};
use crate::error::{Error, Result};

/// A ResNet-152's header has 110 kB. Parsed JSON takes some ten times its text, so the crate's own limit of 100 MB is too kind
/// to a hostile file.
const HEADER_LIMIT: u64 = 2 << 20;

/// Files that people take for a checkpoint, by their first bytes.
const LOOK_ALIKES: [(&[u8], &str); 8] = [
    (b"<", "it is a web page or XML; the download probably led to a page about the file instead of the file"),
    (b"version https://git-lfs", "it is a Git LFS pointer of a few lines, not the file that it points to"),
    (b"\x89HDF", "it is an HDF5 file as Keras writes"),
    (b"GGUF", "it is a GGUF file of a language model"),
    (b"\x93NUMPY", "it is a NumPy array"),
    (b"\x80", "it is a Python pickle that PyTorch did not write"),
    (b"\x1f\x8b", "it is compressed with gzip; unpack it first"),
    (b"\x08", "it looks like an ONNX model"),
];

/// The float tensors of `file`, in the order of their bytes.
pub fn read(file: &Arc<Vec<u8>>) -> Result<Vec<Tensor>> {
    let not_a_checkpoint = |detail: String| Error::NotACheckpoint { detail };
    let header_length = match file.first_chunk::<8>() {
        None => return Err(not_a_checkpoint(format!("it has only {} bytes", file.len()))),
        Some(length) => u64::from_le_bytes(*length),
    };
    if file.get(8) != Some(&b'{') || header_length > HEADER_LIMIT {
        let known = LOOK_ALIKES.iter().find(|(start, _)| file.starts_with(start));
        let detail = known.map_or("it does not begin with a safetensors header", |(_, detail)| detail);
        return Err(not_a_checkpoint(detail.into()));
    }
    let (header_length, header) = SafeTensors::read_metadata(file).map_err(|error| {
        not_a_checkpoint(match error {
            SafeTensorError::MetadataIncompleteBuffer | SafeTensorError::InvalidHeaderLength => {
                format!("its {} bytes are not what its header announces, so it is cut short or damaged", file.len())
            }
            error => error.to_string(),
        })
    })?;

    let mut tensors = Vec::new();
    for name in header.offset_keys() {
        let Some(info) = header.info(&name) else { continue };
        if names::is_skipped(&name) {
            continue;
        }
        if info.shape.len() > DIMENSIONS {
            let (name, count) = (shortened(&name), info.shape.len());
            return Err(not_a_checkpoint(format!("its tensor `{name}` has {count} dimensions")));
        }
        let dtype = match info.dtype {
            Stored::F32 => Dtype::F32,
            Stored::F16 => Dtype::F16,
            Stored::BF16 => Dtype::BF16,
            Stored::F64 => Dtype::F64,
            other => return Err(Error::TensorType { name: shortened(&name), found: format!("{other:?}") }),
        };
        // `read_metadata` has checked that the offsets tile the file and that each length is shape times size.
        let data = 8 + header_length;
        let range = data + info.data_offsets.0..data + info.data_offsets.1;
        tensors.push(Tensor { name, shape: info.shape.clone(), dtype, buffer: Arc::clone(file), range });
    }
    Ok(tensors)
}
