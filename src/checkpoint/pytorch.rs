//! PyTorch's `.pt`/`.pth` files (since 1.6): a zip archive with a pickle, `data.pkl`, and one entry a storage, `data/0`, ….
//!
//! A pickle is a program for a stack machine that can call any Python function. This reader is no such machine: it knows the
//! opcodes and the few functions that `torch.save` emits for a state dict, rebuilds nothing but dictionaries of tensors, and refuses
//! everything else by name. A training checkpoint's other plain values (epochs, optimiser state) are walked over.
//! Deliberately absent: executing anything, pickled modules, TorchScript, the format before 1.6, sparse and quantised tensors.
//! To extend: an opcode is an arm in [`Machine::step`], a function one in [`global`] and [`Machine::call`].
//! Sources: `pickletools.py` of CPython; `torch/serialization.py` and `torch/_utils.py` of PyTorch.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::zip::Archive;
use super::{DIMENSIONS, Dtype, Tensor, names, shortened};
use crate::error::{Error, Result};

/// Opcodes of one pickle: a ResNet-152 with Adam's state takes 130 thousand. Each allocates at most some 100 bytes, so this
/// bounds what a hostile file can take.
const STEPS: usize = 1 << 20;

/// The keys under which training code keeps the state dict, most telling first.
const STATE_DICTS: [&str; 8] =
    ["state_dict", "model_state_dict", "model_state", "model", "network", "net", "module", "weights"];

/// How a file begins that PyTorch wrote before 1.6, or today with `_use_new_zipfile_serialization=False`: a pickle of
/// `torch.serialization.MAGIC_NUMBER`.
pub fn is_legacy(file: &[u8]) -> bool {
    file.starts_with(b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.")
}

/// Whether the first bytes, some nine of them, are those of a file that PyTorch wrote.
pub fn begins(start: &[u8]) -> bool {
    start.starts_with(b"PK\x03\x04") || start.starts_with(b"\x80\x02\x8a\x0al\xfc\x9cF\xf9")
}

/// What to say about such a file.
pub fn legacy() -> Error {
    refused("it was saved in the format before PyTorch 1.6; load it with torch.load and save it again with torch.save")
}

/// The float tensors of the state dict in `file`, sorted by name.
///
/// Errors: [`Error::PyTorchFile`], and [`Error::TensorType`] for tensors of integers.
pub fn read(file: &Arc<Vec<u8>>) -> Result<Vec<Tensor>> {
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
        return Err(refused("its numbers are big-endian; load and save it on a little-endian machine"));
    }

    let pickle = &file[entry("data.pkl")?];
    let mut machine = Machine::new(pickle);
    let top = machine.run()?;
    let mut copied = 0;
    let mut tensors = Vec::new();
    // As in Python, the last of several entries with one name counts.
    let mut entries = BTreeMap::new();
    for &(name, value) in machine.state_dict(top)? {
        entries.insert(name, value);
    }
    for (name, value) in entries {
        let Value::Tensor(index) = value else { continue };
        if names::is_skipped(name) {
            continue;
        }
        let view = &machine.views[index];
        let storage = &machine.storages[view.storage];
        let dtype = match storage.element {
            Element::Float(dtype) => dtype,
            Element::Other(found) => return Err(Error::TensorType { name: shortened(name), found: found.into() }),
        };
        let range = entry(&format!("data/{}", storage.key))?;
        let damaged =
            || refused(format!("tensor `{}` lies beyond its storage, so the file is damaged", shortened(name)));
        if storage.count.checked_mul(dtype.size()).is_none_or(|bytes| bytes > range.len()) {
            return Err(damaged());
        }
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

fn refused(detail: impl Into<String>) -> Error {
    Error::PyTorchFile { detail: detail.into() }
}

/// What is on the stack. Containers live in the machine's lists and are referred to by index, so a pickle that nests or
/// repeats them a million times costs neither recursion nor copies.
#[derive(Clone, Copy)]
enum Value<'a> {
    /// None, a bool, a float, a huge integer, a list: nothing that a state dict is made of.
    Plain,
    Int(i64),
    Str(&'a str),
    /// From and to in `Machine::items`.
    Tuple(usize, usize),
    /// Index into `Machine::dicts`.
    Dict(usize),
    List,
    Global(Global),
    /// Index into `Machine::storages`.
    Storage(usize),
    /// Index into `Machine::views`.
    Tensor(usize),
}

/// The Python functions and classes that a state dict names.
#[derive(Clone, Copy)]
enum Global {
    OrderedDict,
    RebuildTensor,
    RebuildParameter,
    Storage(Element),
}

#[derive(Clone, Copy)]
enum Element {
    Float(Dtype),
    Other(&'static str),
}

fn global(module: &str, name: &str) -> Option<Global> {
    Some(match (module, name) {
        ("collections", "OrderedDict") => Global::OrderedDict,
        ("torch._utils", "_rebuild_tensor_v2") => Global::RebuildTensor,
        ("torch._utils", "_rebuild_parameter") => Global::RebuildParameter,
        ("torch", storage) => Global::Storage(match storage {
            "FloatStorage" => Element::Float(Dtype::F32),
            "HalfStorage" => Element::Float(Dtype::F16),
            "BFloat16Storage" => Element::Float(Dtype::BF16),
            "DoubleStorage" => Element::Float(Dtype::F64),
            "LongStorage" => Element::Other("I64"),
            "IntStorage" => Element::Other("I32"),
            "ShortStorage" => Element::Other("I16"),
            "CharStorage" => Element::Other("I8"),
            "ByteStorage" => Element::Other("U8"),
            "BoolStorage" => Element::Other("BOOL"),
            _ => return None,
        }),
        _ => return None,
    })
}

/// An entry `data/{key}` of `count` numbers.
struct Storage<'a> {
    element: Element,
    key: &'a str,
    count: usize,
}

/// A tensor: a strided window onto a storage, all in numbers, not bytes.
struct View {
    storage: usize,
    offset: usize,
    shape: Vec<usize>,
    strides: Vec<usize>, // as long as `shape`
}

impl View {
    /// The tensor's count of numbers, if all of them lie within a storage of `available`.
    fn check(&self, available: usize) -> Option<usize> {
        let count = self.shape.iter().try_fold(1usize, |count, &size| count.checked_mul(size))?;
        let reach = |last: usize, (&size, &stride): (&usize, &usize)| {
            last.checked_add(size.checked_sub(1)?.checked_mul(stride)?)
        };
        let end = match count {
            0 => self.offset,
            _ => self.shape.iter().zip(&self.strides).try_fold(self.offset, reach)?.checked_add(1)?,
        };
        (end <= available).then_some(count)
    }

    /// Row-major without gaps. The stride of a dimension of size 1 means nothing.
    fn is_contiguous(&self) -> bool {
        let mut dense = 1usize;
        self.shape.iter().zip(&self.strides).rev().all(|(&size, &stride)| {
            let fits = size <= 1 || stride == dense;
            dense = dense.saturating_mul(size);
            fits
        })
    }

    /// The `count` numbers of `size` bytes in row-major order: what `.contiguous()` would store. `check` came before.
    fn gather(&self, storage: &[u8], count: usize, size: usize) -> Vec<u8> {
        let mut dense = Vec::with_capacity(count * size);
        for index in 0..count {
            let (mut rest, mut at) = (index, self.offset);
            for (&size, &stride) in self.shape.iter().zip(&self.strides).rev() {
                at += rest % size * stride;
                rest /= size;
            }
            dense.extend_from_slice(&storage[at * size..(at + 1) * size]);
        }
        dense
    }
}

struct Machine<'a> {
    pickle: &'a [u8],
    at: usize,
    stack: Vec<Value<'a>>,
    marks: Vec<usize>, // stack heights
    memo: HashMap<u32, Value<'a>>,
    items: Vec<Value<'a>>,                 // of all tuples
    dicts: Vec<Vec<(&'a str, Value<'a>)>>, // entries with a string key, in order
    storages: Vec<Storage<'a>>,
    views: Vec<View>,
}

impl<'a> Machine<'a> {
    fn new(pickle: &'a [u8]) -> Machine<'a> {
        Machine {
            pickle,
            at: 0,
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
            items: Vec::new(),
            dicts: Vec::new(),
            storages: Vec::new(),
            views: Vec::new(),
        }
    }

    fn run(&mut self) -> Result<Value<'a>> {
        for _ in 0..STEPS {
            if let Some(result) = self.step()? {
                return Ok(result);
            }
        }
        Err(refused(format!("its description has more than {STEPS} steps, so it is no state dict of a ResNet")))
    }

    /// One opcode; the result at STOP. Names as in `pickletools`.
    fn step(&mut self) -> Result<Option<Value<'a>>> {
        let opcode = self.u8()?;
        let value = match opcode {
            // PROTO
            0x80 => match self.u8()? {
                2 => return Ok(None),
                other => {
                    return Err(refused(format!("it uses pickle protocol {other}; torch.save's default, 2, is read")));
                }
            },
            // STOP
            b'.' => return self.pop().map(Some),
            // MARK
            b'(' => {
                self.marks.push(self.stack.len());
                return Ok(None);
            }
            // BINPUT, LONG_BINPUT, BINGET, LONG_BINGET
            b'q' | b'r' => {
                let key = if opcode == b'q' { u32::from(self.u8()?) } else { u32::from_le_bytes(self.take()?) };
                let value = self.pop()?;
                self.memo.insert(key, value);
                value
            }
            b'h' | b'j' => {
                let key = if opcode == b'h' { u32::from(self.u8()?) } else { u32::from_le_bytes(self.take()?) };
                *self.memo.get(&key).ok_or_else(damaged)?
            }
            // NONE, NEWTRUE, NEWFALSE
            b'N' | 0x88 | 0x89 => Value::Plain,
            // BINFLOAT
            b'G' => {
                self.take::<8>()?;
                Value::Plain
            }
            // BININT, BININT1, BININT2, LONG1
            b'J' => Value::Int(i32::from_le_bytes(self.take()?).into()),
            b'K' => Value::Int(self.u8()?.into()),
            b'M' => Value::Int(u16::from_le_bytes(self.take()?).into()),
            0x8a => {
                let length = self.u8()?.into();
                match *self.bytes(length)? {
                    [] => Value::Int(0),
                    ref bytes @ [.., top] if length <= 8 => {
                        let mut wide = [if top >= 0x80 { 0xff } else { 0 }; 8];
                        wide[..length].copy_from_slice(bytes);
                        Value::Int(i64::from_le_bytes(wide))
                    }
                    _ => Value::Plain,
                }
            }
            // BINUNICODE
            b'X' => {
                let length = u32::from_le_bytes(self.take()?);
                let bytes = self.bytes(length as usize)?;
                Value::Str(str::from_utf8(bytes).map_err(|_| damaged())?)
            }
            // EMPTY_TUPLE, TUPLE1, TUPLE2, TUPLE3, TUPLE
            b')' => Value::Tuple(0, 0),
            0x85..=0x87 => {
                let count = usize::from(opcode - 0x84);
                let from =
                    self.stack.len().checked_sub(count).filter(|&from| from >= self.floor()).ok_or_else(damaged)?;
                self.tuple(from)
            }
            b't' => {
                let from = self.marks.pop().ok_or_else(damaged)?;
                self.tuple(from)
            }
            // EMPTY_LIST, APPEND, APPENDS: no list is part of a state dict, so its items are forgotten.
            b']' => Value::List,
            b'a' => {
                self.pop()?;
                self.pop_list()?
            }
            b'e' => {
                let from = self.marks.pop().ok_or_else(damaged)?;
                self.stack.truncate(from);
                self.pop_list()?
            }
            // EMPTY_DICT, SETITEM, SETITEMS
            b'}' => self.new_dict(),
            b's' => {
                let from = self.stack.len().checked_sub(2).ok_or_else(damaged)?;
                self.set_items(from)?
            }
            b'u' => {
                let from = self.marks.pop().ok_or_else(damaged)?;
                self.set_items(from)?
            }
            // GLOBAL
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                Value::Global(global(module, name).ok_or_else(|| {
                    let object = shortened(&format!("{module}.{name}"));
                    refused(format!(
                        "it contains the Python object `{object}`, and only plain state dicts are read; \
                         save `model.state_dict()` with torch.save"
                    ))
                })?)
            }
            // BINPERSID
            b'Q' => self.storage()?,
            // REDUCE
            b'R' => self.call()?,
            // BUILD: `state_dict()` hangs its `_metadata` onto its OrderedDict. Attributes hold no weights.
            b'b' => {
                self.pop()?;
                match self.pop()? {
                    dict @ Value::Dict(_) => dict,
                    _ => return Err(refused("its pickle sets attributes of something that is no dictionary")),
                }
            }
            other => {
                let name = opcode_name(other);
                return Err(refused(format!("its pickle uses the opcode {name}, which no state dict needs")));
            }
        };
        self.stack.push(value);
        Ok(None)
    }

    /// REDUCE: the function below the arguments, applied to them; only those that rebuild a state dict's parts.
    fn call(&mut self) -> Result<Value<'a>> {
        let Value::Tuple(from, to) = self.pop()? else { return Err(damaged()) };
        let Value::Global(function) = self.pop()? else { return Err(damaged()) };
        match (function, &self.items[from..to]) {
            (Global::OrderedDict, []) => Ok(self.new_dict()),
            // storage, offset, size, stride, requires_grad, backward_hooks, and since 2.0 sometimes metadata
            (
                Global::RebuildTensor,
                &[
                    Value::Storage(storage),
                    Value::Int(offset),
                    Value::Tuple(size, size_end),
                    Value::Tuple(stride, stride_end),
                    ..,
                ],
            ) => {
                let sizes = |from: usize, to: usize| -> Option<Vec<usize>> {
                    let size =
                        |value: &Value| if let Value::Int(size) = *value { usize::try_from(size).ok() } else { None };
                    (to - from <= DIMENSIONS).then(|| self.items[from..to].iter().map(size).collect())?
                };
                let shape = sizes(size, size_end).ok_or_else(damaged)?;
                let strides =
                    sizes(stride, stride_end).filter(|strides| strides.len() == shape.len()).ok_or_else(damaged)?;
                let offset = usize::try_from(offset).map_err(|_| damaged())?;
                self.views.push(View { storage, offset, shape, strides });
                Ok(Value::Tensor(self.views.len() - 1))
            }
            // data, requires_grad, backward_hooks
            (Global::RebuildParameter, &[tensor @ Value::Tensor(_), ..]) => Ok(tensor),
            _ => Err(damaged()),
        }
    }

    /// BINPERSID: `("storage", type, key, location, count)` stands for an entry of the archive.
    fn storage(&mut self) -> Result<Value<'a>> {
        let Value::Tuple(from, to) = self.pop()? else { return Err(damaged()) };
        match self.items[from..to] {
            [
                Value::Str("storage"),
                Value::Global(Global::Storage(element)),
                Value::Str(key),
                Value::Str(_),
                Value::Int(count),
            ] if key.len() < 32 => {
                let count = usize::try_from(count).map_err(|_| damaged())?;
                self.storages.push(Storage { element, key, count });
                Ok(Value::Storage(self.storages.len() - 1))
            }
            _ => Err(damaged()),
        }
    }

    /// The entries of the state dict within `top`: `top` itself, or what it keeps under one of the usual keys.
    fn state_dict(&self, top: Value<'a>) -> Result<&[(&'a str, Value<'a>)]> {
        let Value::Dict(mut index) = top else {
            return Err(refused("it holds no dictionary; save `model.state_dict()` with torch.save"));
        };
        // Dictionaries can contain themselves, so the descent is bounded; real files need two steps.
        for _ in 0..4 {
            let child = |key: &&str| {
                self.dicts[index].iter().rev().find_map(|(name, value)| match value {
                    Value::Dict(child) if name == key && !self.dicts[*child].is_empty() => Some(*child),
                    _ => None,
                })
            };
            match STATE_DICTS.iter().find_map(child) {
                Some(child) => index = child,
                None => break,
            }
        }
        let entries = &self.dicts[index];
        if entries.iter().any(|(_, value)| matches!(value, Value::Tensor(_))) {
            return Ok(entries);
        }
        let keys: Vec<String> = entries.iter().take(6).map(|(key, _)| format!("`{}`", shortened(key))).collect();
        Err(refused(match &keys[..] {
            [] => "its dictionary holds no tensors".into(),
            keys => format!("it holds no state dict; its keys are {}", keys.join(", ")),
        }))
    }

    fn new_dict(&mut self) -> Value<'a> {
        self.dicts.push(Vec::new());
        Value::Dict(self.dicts.len() - 1)
    }

    /// The values above `from` as a tuple.
    fn tuple(&mut self, from: usize) -> Value<'a> {
        let start = self.items.len();
        self.items.extend(self.stack.drain(from..));
        Value::Tuple(start, self.items.len())
    }

    /// Adds the key-value pairs above `from` to the dictionary below. Optimisers use integers as keys: of no interest here.
    fn set_items(&mut self, from: usize) -> Result<Value<'a>> {
        if from < self.floor() || (self.stack.len() - from) % 2 == 1 {
            return Err(damaged());
        }
        let pairs: Vec<Value> = self.stack.drain(from..).collect();
        let dict = self.pop()?;
        let Value::Dict(index) = dict else { return Err(damaged()) };
        let (pairs, _) = pairs.as_chunks::<2>();
        self.dicts[index].extend(pairs.iter().filter_map(|&[key, value]| match key {
            Value::Str(key) => Some((key, value)),
            _ => None,
        }));
        Ok(dict)
    }

    fn pop_list(&mut self) -> Result<Value<'a>> {
        match self.pop()? {
            Value::List => Ok(Value::List),
            _ => Err(damaged()),
        }
    }

    /// Below the last mark nothing may be taken.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn pop(&mut self) -> Result<Value<'a>> {
        if self.stack.len() <= self.floor() {
            return Err(damaged());
        }
        self.stack.pop().ok_or_else(damaged)
    }

    fn bytes(&mut self, length: usize) -> Result<&'a [u8]> {
        let bytes = self.pickle[self.at..].get(..length).ok_or_else(damaged)?;
        self.at += length;
        Ok(bytes)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        self.bytes(N)?.try_into().map_err(|_| damaged())
    }

    fn u8(&mut self) -> Result<u8> {
        Ok(self.take::<1>()?[0])
    }

    /// Up to the end of the line, which is consumed.
    fn line(&mut self) -> Result<&'a str> {
        let rest = &self.pickle[self.at..];
        let length = rest.iter().position(|&byte| byte == b'\n').ok_or_else(damaged)?;
        self.at += length + 1;
        str::from_utf8(&rest[..length]).map_err(|_| damaged())
    }
}

fn damaged() -> Error {
    refused("its pickle `data.pkl` is damaged or was not written by torch.save")
}

/// For the refusal: the opcodes that turn up in files that somebody meets.
fn opcode_name(opcode: u8) -> String {
    let name = match opcode {
        b'i' => "INST",
        b'o' => "OBJ",
        0x81 => "NEWOBJ",
        0x92 => "NEWOBJ_EX",
        0x93 => "STACK_GLOBAL",
        0x82..=0x84 => "EXT",
        b'P' => "PERSID",
        b'0' => "POP",
        b'1' => "POP_MARK",
        b'2' => "DUP",
        b'B' | b'C' => "BINBYTES",
        b'T' | b'U' => "BINSTRING",
        0x8b => "LONG4",
        _ => return format!("0x{opcode:02x}"),
    };
    format!("{name} (0x{opcode:02x})")
}
