//! Safetensors files, parsed by the `safetensors` crate: 8 bytes of header length, a JSON header,
//! the numbers.
//!
//! Deliberately absent: `__metadata__` (nothing in it is needed), sharded checkpoints (no ResNet is
//! large enough). Format: the README of the `safetensors` crate.

use std::ops::Range;
use std::sync::Arc;

use safetensors::tensor::{Dtype as Stored, Metadata};

use super::facts::Facts;
use super::names::Kept;
use super::{Checkpoint, DIMENSIONS, Described, Dtype, Tensor, names, shortened};
use crate::error::{Detail, Error, ForeignCheckpoint, Result};

/// A ResNet-152's header has 110 kB. Parsed JSON takes some ten times its text, so the crate's own
/// limit of 100 MB is too kind to a hostile file.
const HEADER_LIMIT: u64 = 2 << 20;

/// Files that people take for a checkpoint, by their first bytes and where these begin.
const LOOK_ALIKES: [(usize, &[u8], ForeignCheckpoint); 16] = [
    (0, b"<", ForeignCheckpoint::WebPage),
    (0, b"version https://git-lfs", ForeignCheckpoint::GitLfs),
    (0, b"\x89HDF", ForeignCheckpoint::Hdf5),
    (4, b"TFL3", ForeignCheckpoint::TensorFlowLite),
    (0, b"GGUF", ForeignCheckpoint::Gguf),
    (0, b"\x93NUMPY", ForeignCheckpoint::Numpy),
    (0, b"\x80", ForeignCheckpoint::Pickle),
    (0, b"\x1f\x8b", ForeignCheckpoint::Gzip),
    (0, b"7z\xbc\xaf", ForeignCheckpoint::Archive),
    (0, b"\xfd7zXZ", ForeignCheckpoint::Archive),
    (0, b"Rar!", ForeignCheckpoint::Archive),
    (0, b"{", ForeignCheckpoint::Json),
    (0, b"[", ForeignCheckpoint::Json),
    (0, b"\x08\x01\x12", ForeignCheckpoint::TensorFlow),
    (0, b"\x0a", ForeignCheckpoint::TensorFlow),
    (0, b"\x08", ForeignCheckpoint::Onnx),
];

/// Bytes that the header's length takes, and the first of the header.
pub const START: usize = 9;

/// Bytes of the header of a file that begins with `start`: [`START`] bytes, or the whole of a
/// shorter file.
pub fn header_length(start: &[u8]) -> Result<usize> {
    let Some(length) = start.first_chunk::<8>().map(|length| u64::from_le_bytes(*length)) else {
        return Err(not_a_checkpoint(
            format!("it has only {} bytes", start.len()),
            format!("它只有 {} 字节", start.len()),
        ));
    };
    if start.get(8) != Some(&b'{') || length == 0 || length > HEADER_LIMIT {
        let begins = |(at, magic, _): &&(usize, &[u8], ForeignCheckpoint)| {
            start
                .get(*at..)
                .is_some_and(|start| start.starts_with(&magic[..magic.len().min(START - at)]))
        };
        return Err(match LOOK_ALIKES.iter().find(begins) {
            Some(&(_, _, what)) => Error::ForeignCheckpoint { what },
            None => not_a_checkpoint(
                "it does not begin with a safetensors header",
                "它的开头不是 safetensors 文件头",
            ),
        });
    }
    Ok(length as usize)
}

/// What a header says of its tensors, each with its bytes' range from the end of the header, and how
/// many bytes follow.
fn parse(header: &[u8]) -> Result<(Vec<Described>, Vec<Range<usize>>, usize)> {
    // Parsing checks that the offsets tile the data and that each length is shape times size.
    let unreadable = |error: String| {
        let chinese = format!("它的 safetensors 文件头无法解析（{error}）");
        not_a_checkpoint(error, chinese)
    };
    let header = str::from_utf8(header).map_err(|error| unreadable(error.to_string()))?;
    let header: Metadata =
        serde_json::from_str(header).map_err(|error| unreadable(error.to_string()))?;
    let mut described = Vec::new();
    let mut ranges = Vec::new();
    for name in header.offset_keys() {
        let Some(info) = header.info(&name) else { continue };
        if info.shape.len() > DIMENSIONS {
            let (name, count) = (shortened(&name), info.shape.len());
            return Err(not_a_checkpoint(
                format!("its tensor `{name}` has {count} dimensions"),
                format!("其中的张量 {name} 有 {count} 个维度"),
            ));
        }
        let dtype = match info.dtype {
            Stored::F32 => Ok(Dtype::F32),
            Stored::F16 => Ok(Dtype::F16),
            Stored::BF16 => Ok(Dtype::BF16),
            Stored::F64 => Ok(Dtype::F64),
            Stored::I8 => Ok(Dtype::I8),
            other => Err(format!("{other:?}")),
        };
        described.push(Described { name, scope: 0, shape: info.shape.clone(), dtype, place: None });
        ranges.push(info.data_offsets.0..info.data_offsets.1);
    }
    Ok((described, ranges, header.data_len()))
}

/// The network that a header describes, its tensors without their bytes, and how many bytes follow
/// the header.
///
/// A tensor's range counts from the end of the header.
pub fn describe(header: &[u8], choice: Option<&str>) -> Result<(Checkpoint, usize)> {
    let (described, ranges, data) = parse(header)?;
    let plan = names::choose(described, Facts::default(), choice)?;
    let checkpoint = plan.fill(|index, Kept { name, shape, dtype }| {
        Ok(Tensor { name, shape, dtype, buffer: None, range: ranges[index].clone() })
    })?;
    Ok((checkpoint, data))
}

/// What to say of a file of `bytes` bytes that has more or fewer than its header announces.
pub fn cut_short(bytes: usize) -> Error {
    not_a_checkpoint(
        format!(
            "its {bytes} bytes are not what its header announces, so it is cut short or damaged"
        ),
        format!("它的 {bytes} 字节与文件头所说的不符，文件不完整或已损坏"),
    )
}

/// The network in `file`; of several the one that `choice` names.
pub fn read(file: &Arc<Vec<u8>>, choice: Option<&str>) -> Result<Checkpoint> {
    let header = header(file)?;
    let (mut checkpoint, data) = describe(header, choice)?;
    let start = data_start(file, header, data)?;
    for tensor in checkpoint.tensors.values_mut() {
        tensor.buffer = Some(Arc::clone(file));
        tensor.range = start + tensor.range.start..start + tensor.range.end;
    }
    Ok(checkpoint)
}

/// All tensors in `file` by their own names, whatever network they are of.
pub fn tensors(file: Vec<u8>) -> Result<Vec<Tensor>> {
    let file = Arc::new(file);
    let header = header(&file)?;
    let (described, ranges, data) = parse(header)?;
    let start = data_start(&file, header, data)?;
    let tensor = |(described, range): (Described, Range<usize>)| {
        let Kept { name, shape, dtype } = described.kept()?;
        let range = start + range.start..start + range.end;
        Ok(Tensor { name, shape, dtype, buffer: Some(Arc::clone(&file)), range })
    };
    described.into_iter().zip(ranges).map(tensor).collect()
}

fn header(file: &[u8]) -> Result<&[u8]> {
    let length = header_length(&file[..file.len().min(START)])?;
    file.get(8..8 + length).ok_or_else(|| cut_short(file.len()))
}

/// Where the numbers begin in a file with `data` bytes of them.
fn data_start(file: &[u8], header: &[u8], data: usize) -> Result<usize> {
    let start = 8 + header.len();
    if data.checked_add(start) == Some(file.len()) { Ok(start) } else { Err(cut_short(file.len())) }
}

fn not_a_checkpoint(english: impl Into<String>, chinese: impl Into<String>) -> Error {
    Error::NotACheckpoint { detail: Detail::new(english, chinese) }
}
