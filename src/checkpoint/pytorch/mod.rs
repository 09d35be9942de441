//! PyTorch's `.pt`/`.pth` files: a pickle that describes tensors, and their storages.
//!
//! Since PyTorch 1.6 they are a zip archive with the pickle, `data.pkl`, and an entry for each
//! storage, `data/0`, …. Before it, five pickles stood one behind the other (a magic number, a
//! version, the writing machine, the object, the storages' keys), then each storage: a count of 8
//! bytes and its numbers. `pickle/` reads the pickles and executes nothing; `contents.rs` finds
//! the tensors in what they hold; `view.rs`: storages and the windows onto them. A TorchScript
//! archive is read alike, its code not at all. Deliberately absent: sparse and quantised tensors.
//! Source: `_save` and `_legacy_save` in `torch/serialization.py`.

mod contents;
mod pickle;
mod view;

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;
use std::sync::Arc;

use super::names::Kept;
use super::zip::Archive;
use super::{Checkpoint, Described, Tensor, names, shortened};
use crate::error::{Error, ForeignCheckpoint, Result};
use contents::Contents;
use pickle::{Machine, Value, damaged, refused};
use view::{Element, Storage, View};

/// How a file begins that PyTorch wrote before 1.6, or today with
/// `_use_new_zipfile_serialization=False`: a pickle of `torch.serialization.MAGIC_NUMBER`.
const LEGACY: &[u8] = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.";

/// Whether the first bytes, some nine of them, are those of a file that PyTorch wrote.
pub fn begins(start: &[u8]) -> bool {
    start.starts_with(b"PK\x03\x04") || start.starts_with(&LEGACY[..9])
}

/// The network in `file`; of several the one that `choice` names.
///
/// Errors: [`Error::PyTorchFile`], and those of [`names::choose`].
pub fn read(file: &Arc<Vec<u8>>, choice: Option<&str>) -> Result<Checkpoint> {
    if file.starts_with(LEGACY) { read_legacy(file, choice) } else { read_zip(file, choice) }
}

fn read_zip(file: &Arc<Vec<u8>>, choice: Option<&str>) -> Result<Checkpoint> {
    let archive = Archive::open(file).map_err(|detail| {
        refused(format!("as a zip archive, {detail}"), format!("作为 zip 压缩包已损坏（{detail}）"))
    })?;
    let root = archive.names().find_map(|name| {
        name.strip_suffix("data.pkl")
            .filter(|root| root.is_empty() || root.find('/') == Some(root.len() - 1))
    });
    let Some(root) = root else {
        let has = |end: &str| archive.names().any(|name| name.ends_with(end));
        if has(".h5") || has("metadata.json") {
            return Err(Error::ForeignCheckpoint { what: ForeignCheckpoint::Keras });
        }
        if has(".npy") {
            return Err(Error::ForeignCheckpoint { what: ForeignCheckpoint::Numpy });
        }
        return Err(refused(
            "it is a zip archive without the entry `data.pkl`, so torch.save did not write it",
            "它是 zip 压缩包，但没有 data.pkl，因此不是由 torch.save 写入的",
        ));
    };
    let entry = |name: &str| match archive.get(&format!("{root}{name}")) {
        Some(Ok(range)) => Ok(range.clone()),
        Some(Err(problem)) => Err(refused(
            format!("its entry `{}` {problem}", shortened(name)),
            format!("其中的 {} 有问题（{problem}）", shortened(name)),
        )),
        None => Err(refused(
            format!("its entry `{}` is missing", shortened(name)),
            format!("缺少其中的 {}", shortened(name)),
        )),
    };
    // Files before PyTorch 2.1 don't say; they come from little-endian machines like nearly
    // everything.
    if archive.get(&format!("{root}byteorder")).is_some() && &file[entry("byteorder")?] != b"little"
    {
        return Err(big_endian());
    }

    let mut machine = Machine::new(&file[entry("data.pkl")?]);
    let top = machine.run()?;
    checkpoint(file, &machine, top, choice, |storage| entry(&format!("data/{}", storage.key)))
}

fn read_legacy(file: &Arc<Vec<u8>>, choice: Option<&str>) -> Result<Checkpoint> {
    let mut at = LEGACY.len();
    let mut next = || {
        let mut machine = Machine::new(&file[at..]);
        let object = machine.run()?;
        at += machine.taken();
        Ok::<_, Error>((machine, object))
    };
    if !matches!(next()?, (_, Value::Int(1001))) {
        return Err(refused(
            "its version of the format before PyTorch 1.6 is unknown",
            "它是 PyTorch 1.6 之前的格式，但版本未知",
        ));
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
        let count = file[at..]
            .first_chunk()
            .map(|bytes| u64::from_le_bytes(*bytes))
            .ok_or_else(cut_short)?;
        let bytes = usize::try_from(count).ok().and_then(|count| count.checked_mul(element.size()));
        let place = at + 8..bytes.and_then(|bytes| bytes.checked_add(at + 8)).unwrap_or(usize::MAX);
        if place.end > file.len() {
            return Err(cut_short());
        }
        at = place.end;
        places.insert(key, place);
    }
    checkpoint(file, &machine, top, choice, |storage| {
        places.get(storage.key).cloned().ok_or_else(damaged)
    })
}

fn cut_short() -> Error {
    refused("its numbers end early, so the file is cut short", "其中的数值不完整，文件被截断")
}

fn big_endian() -> Error {
    refused(
        "its numbers are big-endian; load and save it on a little-endian machine",
        "其中的数值是大端序；请在小端序的机器上重新读取并保存",
    )
}

/// The tensors of the network within `top`. `place`: where the bytes of a storage lie in the file.
fn checkpoint<'a>(
    file: &Arc<Vec<u8>>,
    machine: &Machine<'a>,
    top: Value<'a>,
    choice: Option<&str>,
    place: impl Fn(&Storage) -> Result<Range<usize>>,
) -> Result<Checkpoint> {
    let Contents { tensors, facts, .. } = Contents::of(machine, top)?;
    if tensors.is_empty() {
        return Err(nothing(machine, top));
    }
    let views: Vec<usize> = tensors.values().map(|(view, _)| *view).collect();
    let described = tensors.into_iter().map(|(name, (view, scope))| {
        let dtype = match machine.storages[machine.views[view].storage].element {
            Element::Float(dtype) => Ok(dtype),
            Element::Other(found, _) => Err(found.to_owned()),
        };
        let View { storage, offset, ref shape, .. } = machine.views[view];
        let mut place = DefaultHasher::new();
        (machine.storages[storage].key, offset).hash(&mut place);
        Described { name, scope, shape: shape.clone(), dtype, place: Some(place.finish()) }
    });
    let mut copied = 0;
    names::choose(described.collect(), facts, choice)?.fill(|index, kept| {
        let view = &machine.views[views[index]];
        let storage = &machine.storages[view.storage];
        let Kept { name, dtype, shape } = kept;
        let damaged = || {
            refused(
                format!(
                    "tensor `{}` lies beyond its storage, so the file is damaged",
                    shortened(&name)
                ),
                format!("张量 {} 超出了它的存储范围，文件已损坏", shortened(&name)),
            )
        };
        let whole = place(storage)?;
        let in_bytes = |count: usize| count.checked_mul(dtype.size());
        let range = match (in_bytes(storage.offset), in_bytes(storage.count)) {
            (Some(offset), Some(bytes))
                if offset.checked_add(bytes).is_some_and(|end| end <= whole.len()) =>
            {
                whole.start + offset..whole.end
            }
            _ => return Err(damaged()),
        };
        let count = view.check(storage.count).ok_or_else(damaged)?;
        let (buffer, range) = if view.is_contiguous() {
            let start = range.start + view.offset * dtype.size();
            (Arc::clone(file), start..start + count * dtype.size())
        } else {
            // Views of one storage can be many; together they may take no more than the file
            // itself.
            copied = count.saturating_mul(dtype.size()).saturating_add(copied);
            if copied > file.len() {
                return Err(refused(
                    "its tensors overlap each other; save a state dict of contiguous tensors",
                    "其中的张量相互重叠；请保存由连续张量组成的 state dict",
                ));
            }
            let dense = view.gather(&file[range], count, dtype.size());
            let range = 0..dense.len();
            (Arc::new(dense), range)
        };
        Ok(Tensor { name, shape, dtype, buffer: Some(buffer), range })
    })
}

/// What to say of a file without tensors.
fn nothing(machine: &Machine, top: Value) -> Error {
    let Value::Dict(index) = top else {
        return refused(
            "it holds no dictionary of tensors; save `model.state_dict()` with torch.save",
            "其中没有张量字典；请用 torch.save 保存 model.state_dict()",
        );
    };
    let keys = machine.dicts[index].iter().filter_map(|(key, _)| match key {
        Value::Str(key) => Some(format!("`{}`", shortened(key))),
        _ => None,
    });
    match &keys.take(6).collect::<Vec<_>>()[..] {
        [] => refused("its dictionary holds no tensors", "其中的字典没有张量"),
        keys => refused(
            format!("it holds no state dict; its keys are {}", keys.join(", ")),
            format!("其中没有 state dict；它的键是 {}", keys.join("、")),
        ),
    }
}
