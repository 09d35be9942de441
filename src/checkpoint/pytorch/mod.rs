//! PyTorch's `.pt`/`.pth` files: a pickle that describes tensors, and their storages.
//!
//! Since PyTorch 1.6 they are a zip archive with the pickle, `data.pkl`, and an entry for each storage, `data/0`, ….
//! Before it, five pickles stood one behind the other (a magic number, a version, the writing machine, the object, the storages' keys),
//! then each storage: a count of 8 bytes and its numbers.
//! `pickle.rs` reads the pickles and executes nothing.
//! Deliberately absent: pickled modules, TorchScript, sparse and quantised tensors.
//! Source: `_save` and `_legacy_save` in `torch/serialization.py`.

mod pickle;

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

use super::zip::Archive;
use super::{Tensor, names, shortened};
use crate::error::{Error, Result};
use pickle::{Element, Machine, Storage, Value, damaged, refused};

/// How a file begins that PyTorch wrote before 1.6, or today with `_use_new_zipfile_serialization=False`: a pickle of
/// `torch.serialization.MAGIC_NUMBER`.
const LEGACY: &[u8] = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.";

/// Whether the first bytes, some nine of them, are those of a file that PyTorch wrote.
pub fn begins(start: &[u8]) -> bool {
    start.starts_with(b"PK\x03\x04") || start.starts_with(&LEGACY[..9])
}

/// The float tensors of the state dict in `file`, sorted by name.
///
/// Errors: [`Error::PyTorchFile`], and [`Error::TensorType`] for tensors of integers.
pub fn read(file: &Arc<Vec<u8>>) -> Result<Vec<Tensor>> {
    if file.starts_with(LEGACY) { read_legacy(file) } else { read_zip(file) }
}

fn read_zip(file: &Arc<Vec<u8>>) -> Result<Vec<Tensor>> {
    let archive = Archive::open(file).map_err(|detail| refused(format!("as a zip archive, {detail}")))?;
    let root = archive.names().find_map(|name| {
        name.strip_suffix("data.pkl").filter(|root| root.is_empty() || root.find('/') == Some(root.len() - 1))
    });
    let Some(root) = root else {
        return Err(refused("it is a zip archive without the entry `data.pkl`, so torch.save did not write it"));
    };
    let entry = |name: &str| match archive.get(&format!("{root}{name}")) {
        Some(Ok(range)) => Ok(range.clone()),
        Some(Err(problem)) => Err(refused(format!("its entry `{}` {problem}", shortened(name)))),
        None => Err(refused(format!("its entry `{}` is missing", shortened(name)))),
    };
    if archive.get(&format!("{root}constants.pkl")).is_some() {
        return Err(refused("it is a TorchScript program; save `model.state_dict()` with torch.save instead"));
    }
    // Files before PyTorch 2.1 don't say; they come from little-endian machines like nearly everything.
    if archive.get(&format!("{root}byteorder")).is_some() && &file[entry("byteorder")?] != b"little" {
        return Err(big_endian());
    }

    let mut machine = Machine::new(&file[entry("data.pkl")?]);
    let top = machine.run()?;
    tensors(file, &machine, top, |storage| entry(&format!("data/{}", storage.key)))
}

fn read_legacy(file: &Arc<Vec<u8>>) -> Result<Vec<Tensor>> {
    let mut at = LEGACY.len();
    let mut next = || {
        let mut machine = Machine::new(&file[at..]);
        let object = machine.run()?;
        at += machine.taken();
        Ok::<_, Error>((machine, object))
    };
    if !matches!(next()?, (_, Value::Int(1001))) {
        return Err(refused("its version of the format before PyTorch 1.6 is unknown"));
    }
    let (machine, system) = next()?;
    if matches!(machine.entry(system, "little_endian"), Some(Value::Bool(false))) {
        return Err(big_endian());
    }
    let (machine, top) = next()?;
    let (keys, list) = next()?;

    // How large a number is, only the tensors say.
    let elements: HashMap<&str, Element> =
        machine.storages.iter().map(|storage| (storage.key, storage.element)).collect();
    let mut places = HashMap::new();
    for key in keys.strings(list)? {
        let element = elements.get(key).ok_or_else(damaged)?;
        let count = file[at..].first_chunk().map(|bytes| u64::from_le_bytes(*bytes)).ok_or_else(cut_short)?;
        let bytes = usize::try_from(count).ok().and_then(|count| count.checked_mul(element.size()));
        let place = at + 8..bytes.and_then(|bytes| bytes.checked_add(at + 8)).unwrap_or(usize::MAX);
        if place.end > file.len() {
            return Err(cut_short());
        }
        at = place.end;
        places.insert(key, place);
    }
    tensors(file, &machine, top, |storage| places.get(storage.key).cloned().ok_or_else(damaged))
}

fn cut_short() -> Error {
    refused("its numbers end early, so the file is cut short")
}

fn big_endian() -> Error {
    refused("its numbers are big-endian; load and save it on a little-endian machine")
}

/// The float tensors of the state dict within `top`. `place`: where the bytes of a storage lie in the file.
fn tensors<'a>(
    file: &Arc<Vec<u8>>,
    machine: &Machine<'a>,
    top: Value<'a>,
    place: impl Fn(&Storage) -> Result<Range<usize>>,
) -> Result<Vec<Tensor>> {
    let mut copied = 0;
    let mut tensors = Vec::new();
    // As in Python, the last of several entries with one name counts.
    let entries: BTreeMap<_, _> = machine.state_dict(top)?.iter().copied().collect();
    for (name, value) in entries {
        let Value::Tensor(index) = value else { continue };
        if names::is_skipped(name) {
            continue;
        }
        let view = &machine.views[index];
        let storage = &machine.storages[view.storage];
        let dtype = match storage.element {
            Element::Float(dtype) => dtype,
            Element::Other(found, _) => return Err(Error::TensorType { name: shortened(name), found: found.into() }),
        };
        let damaged =
            || refused(format!("tensor `{}` lies beyond its storage, so the file is damaged", shortened(name)));
        let whole = place(storage)?;
        let in_bytes = |count: usize| count.checked_mul(dtype.size());
        let range = match (in_bytes(storage.offset), in_bytes(storage.count)) {
            (Some(offset), Some(bytes)) if offset.checked_add(bytes).is_some_and(|end| end <= whole.len()) => {
                whole.start + offset..whole.end
            }
            _ => return Err(damaged()),
        };
        let count = view.check(storage.count).ok_or_else(damaged)?;
        let (buffer, range) = if view.is_contiguous() {
            let start = range.start + view.offset * dtype.size();
            (Arc::clone(file), start..start + count * dtype.size())
        } else {
            // Views of one storage can be many; together they may take no more than the file itself.
            copied = count.saturating_mul(dtype.size()).saturating_add(copied);
            if copied > file.len() {
                return Err(refused("its tensors overlap each other; save a state dict of contiguous tensors"));
            }
            let dense = view.gather(&file[range], count, dtype.size());
            let range = 0..dense.len();
            (Arc::new(dense), range)
        };
        tensors.push(Tensor { name: name.into(), shape: view.shape.clone(), dtype, buffer: Some(buffer), range });
    }
    Ok(tensors)
}
