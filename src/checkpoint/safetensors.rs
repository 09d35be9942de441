//! Safetensors files, parsed by the `safetensors` crate: 8 bytes of header length, a JSON header, the numbers.
//!
//! Deliberately absent: `__metadata__` (nothing in it is needed), sharded checkpoints (no ResNet is large enough).
//! Format: the README of the `safetensors` crate.

use std::sync::Arc;

use safetensors::tensor::{Dtype as Stored, Metadata};

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

/// Bytes that the header's length takes, and the first of the header.
pub const START: usize = 9;

/// Bytes of the header of a file that begins with `start`: [`START`] bytes, or the whole of a shorter file.
pub fn header_length(start: &[u8]) -> Result<usize> {
    let Some(length) = start.first_chunk::<8>().map(|length| u64::from_le_bytes(*length)) else {
        return Err(not_a_checkpoint(format!("it has only {} bytes", start.len())));
    };
    if start.get(8) != Some(&b'{') || length == 0 || length > HEADER_LIMIT {
        let known = LOOK_ALIKES.iter().find(|(magic, _)| start.starts_with(&magic[..magic.len().min(START)]));
        let detail = known.map_or("it does not begin with a safetensors header", |(_, detail)| detail);
        return Err(not_a_checkpoint(detail));
    }
    Ok(length as usize)
}

/// The tensors that a header describes, in the order of their bytes and without them, and how many bytes follow the header.
///
/// A tensor's range counts from the end of the header.
pub fn describe(header: &[u8]) -> Result<(Vec<Tensor>, usize)> {
    // Parsing checks that the offsets tile the data and that each length is shape times size.
    let header = str::from_utf8(header).map_err(|error| not_a_checkpoint(error.to_string()))?;
    let header: Metadata = serde_json::from_str(header).map_err(|error| not_a_checkpoint(error.to_string()))?;
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
            Stored::I8 => Dtype::I8,
            other => return Err(Error::TensorType { name: shortened(&name), found: format!("{other:?}") }),
        };
        let range = info.data_offsets.0..info.data_offsets.1;
        tensors.push(Tensor { name, shape: info.shape.clone(), dtype, buffer: None, range });
    }
    Ok((tensors, header.data_len()))
}

/// What to say of a file of `bytes` bytes that has more or fewer than its header announces.
pub fn cut_short(bytes: usize) -> Error {
    not_a_checkpoint(format!("its {bytes} bytes are not what its header announces, so it is cut short or damaged"))
}

/// The tensors of `file`, in the order of their bytes.
pub fn read(file: &Arc<Vec<u8>>) -> Result<Vec<Tensor>> {
    let length = header_length(&file[..file.len().min(START)])?;
    let header = file.get(8..8 + length).ok_or_else(|| cut_short(file.len()))?;
    let (mut tensors, data) = describe(header)?;
    if data.checked_add(8 + length) != Some(file.len()) {
        return Err(cut_short(file.len()));
    }
    for tensor in &mut tensors {
        tensor.buffer = Some(Arc::clone(file));
        tensor.range = 8 + length + tensor.range.start..8 + length + tensor.range.end;
    }
    Ok(tensors)
}

fn not_a_checkpoint(detail: impl Into<String>) -> Error {
    Error::NotACheckpoint { detail: detail.into() }
}
