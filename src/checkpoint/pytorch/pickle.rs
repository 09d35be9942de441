//! The pickle inside a PyTorch file → its dictionaries of tensors.
//!
//! A pickle is a program for a stack machine that can call any Python function. This reader is no such machine: it knows the
//! opcodes and the few functions that `torch.save` emits for a state dict, rebuilds nothing but dictionaries of tensors, and refuses
//! everything else by name. A training checkpoint's other plain values (epochs, optimiser state) are walked over.
//! To extend: an opcode is an arm in [`Machine::step`], a function one in [`global`] and [`Machine::call`].
//! Sources: `pickletools.py` of CPython; `torch/serialization.py` and `torch/_utils.py` of PyTorch.

use std::collections::HashMap;

use crate::checkpoint::{DIMENSIONS, Dtype, shortened};
use crate::error::{Error, Result};

/// Opcodes of one pickle: a ResNet-152 with Adam's state takes 130 thousand. Each allocates at most some 100 bytes, so this
/// bounds what a hostile file can take.
const STEPS: usize = 1 << 20;

/// The keys under which training code keeps the state dict, most telling first.
const STATE_DICTS: [&str; 8] =
    ["state_dict", "model_state_dict", "model_state", "model", "network", "net", "module", "weights"];

pub fn refused(detail: impl Into<String>) -> Error {
    Error::PyTorchFile { detail: detail.into() }
}

/// What is on the stack. Containers live in the machine's lists and are referred to by index, so a pickle that nests or
/// repeats them a million times costs neither recursion nor copies.
#[derive(Clone, Copy)]
pub enum Value<'a> {
    /// None, a float, a huge integer: nothing that a state dict is made of.
    Plain,
    Bool(bool),
    Int(i64),
    Str(&'a str),
    /// From and to in `Machine::items`.
    Tuple(usize, usize),
    /// Index into `Machine::dicts`.
    Dict(usize),
    /// Index into `Machine::lists`.
    List(usize),
    Global(Global),
    /// Index into `Machine::storages`.
    Storage(usize),
    /// Index into `Machine::views`.
    Tensor(usize),
}

/// The Python functions and classes that a state dict names.
#[derive(Clone, Copy)]
pub enum Global {
    OrderedDict,
    RebuildTensor,
    RebuildParameter,
    Storage(Element),
}

#[derive(Clone, Copy)]
pub enum Element {
    Float(Dtype),
    /// What errors call it, and bytes of a number.
    Other(&'static str, usize),
}

impl Element {
    /// Bytes of a number.
    pub fn size(self) -> usize {
        match self {
            Element::Float(dtype) => dtype.size(),
            Element::Other(_, size) => size,
        }
    }
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
            "LongStorage" => Element::Other("I64", 8),
            "IntStorage" => Element::Other("I32", 4),
            "ShortStorage" => Element::Other("I16", 2),
            "CharStorage" => Element::Other("I8", 1),
            "ByteStorage" => Element::Other("U8", 1),
            "BoolStorage" => Element::Other("BOOL", 1),
            _ => return None,
        }),
        _ => return None,
    })
}

/// A storage of `count` numbers, which the file holds under `key`.
pub struct Storage<'a> {
    pub element: Element,
    pub key: &'a str,
    pub count: usize,
    /// Where it begins in that of the file, in numbers: before PyTorch 0.4 a storage could be part of another.
    pub offset: usize,
}

/// A tensor: a strided window onto a storage, all in numbers, not bytes.
pub struct View {
    pub storage: usize,
    pub offset: usize,
    pub shape: Vec<usize>,
    strides: Vec<usize>, // as long as `shape`
}

impl View {
    /// The tensor's count of numbers, if all of them lie within a storage of `available`.
    pub fn check(&self, available: usize) -> Option<usize> {
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
    pub fn is_contiguous(&self) -> bool {
        let mut dense = 1usize;
        self.shape.iter().zip(&self.strides).rev().all(|(&size, &stride)| {
            let fits = size <= 1 || stride == dense;
            dense = dense.saturating_mul(size);
            fits
        })
    }

    /// The `count` numbers of `size` bytes in row-major order: what `.contiguous()` would store. `check` came before.
    pub fn gather(&self, storage: &[u8], count: usize, size: usize) -> Vec<u8> {
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

pub struct Machine<'a> {
    pickle: &'a [u8],
    at: usize,
    stack: Vec<Value<'a>>,
    marks: Vec<usize>, // stack heights
    memo: HashMap<u32, Value<'a>>,
    items: Vec<Value<'a>>,                 // of all tuples
    dicts: Vec<Vec<(&'a str, Value<'a>)>>, // entries with a string key, in order
    lists: Vec<Vec<Value<'a>>>,
    pub storages: Vec<Storage<'a>>,
    pub views: Vec<View>,
}

impl<'a> Machine<'a> {
    pub fn new(pickle: &'a [u8]) -> Machine<'a> {
        Machine {
            pickle,
            at: 0,
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
            items: Vec::new(),
            dicts: Vec::new(),
            lists: Vec::new(),
            storages: Vec::new(),
            views: Vec::new(),
        }
    }

    /// The object that the pickle describes.
    pub fn run(&mut self) -> Result<Value<'a>> {
        for _ in 0..STEPS {
            if let Some(result) = self.step()? {
                return Ok(result);
            }
        }
        Err(refused(format!("its description has more than {STEPS} steps, so it is no state dict of such a network")))
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
            b'N' => Value::Plain,
            0x88 | 0x89 => Value::Bool(opcode == 0x88),
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
            // EMPTY_LIST, APPEND, APPENDS
            b']' => {
                self.lists.push(Vec::new());
                Value::List(self.lists.len() - 1)
            }
            b'a' => {
                let from = self.stack.len().checked_sub(1).ok_or_else(damaged)?;
                self.append(from)?
            }
            b'e' => {
                let from = self.marks.pop().ok_or_else(damaged)?;
                self.append(from)?
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

    /// BINPERSID: `("storage", type, key, location, count)` stands for a storage. Before PyTorch 1.6 it also has what it is part of, if
    /// anything: a key of its own, an offset and a count.
    fn storage(&mut self) -> Result<Value<'a>> {
        let Value::Tuple(from, to) = self.pop()? else { return Err(damaged()) };
        let [
            Value::Str("storage"),
            Value::Global(Global::Storage(element)),
            Value::Str(key),
            Value::Str(_),
            Value::Int(count),
            ref part @ ..,
        ] = self.items[from..to]
        else {
            return Err(damaged());
        };
        let (offset, count) = match *part {
            [] | [Value::Plain] => (0, count),
            [Value::Tuple(from, to)] => match self.items[from..to] {
                [Value::Str(_), Value::Int(offset), Value::Int(count)] => (offset, count),
                _ => return Err(damaged()),
            },
            _ => return Err(damaged()),
        };
        let [offset, count] = [offset, count].map(usize::try_from);
        match (offset, count) {
            (Ok(offset), Ok(count)) if key.len() < 32 => {
                self.storages.push(Storage { element, key, count, offset });
                Ok(Value::Storage(self.storages.len() - 1))
            }
            _ => Err(damaged()),
        }
    }

    /// The entries of the state dict within `top`: `top` itself, or what it keeps under one of the usual keys.
    pub fn state_dict(&self, top: Value<'a>) -> Result<&[(&'a str, Value<'a>)]> {
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

    /// The entry `key` of a dictionary.
    pub fn entry(&self, dict: Value<'a>, key: &str) -> Option<Value<'a>> {
        let Value::Dict(index) = dict else { return None };
        self.dicts[index].iter().rev().find(|(name, _)| *name == key).map(|&(_, value)| value)
    }

    /// A list of strings.
    pub fn strings(&self, list: Value<'a>) -> Result<Vec<&'a str>> {
        let Value::List(index) = list else { return Err(damaged()) };
        let string = |value: &Value<'a>| if let Value::Str(string) = *value { Ok(string) } else { Err(damaged()) };
        self.lists[index].iter().map(string).collect()
    }

    /// Bytes that the pickle has taken so far.
    pub fn taken(&self) -> usize {
        self.at
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

    /// Appends the values above `from` to the list below.
    fn append(&mut self, from: usize) -> Result<Value<'a>> {
        if from < self.floor() {
            return Err(damaged());
        }
        let items: Vec<Value> = self.stack.drain(from..).collect();
        match self.pop()? {
            list @ Value::List(index) => {
                self.lists[index].extend(items);
                Ok(list)
            }
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

pub fn damaged() -> Error {
    refused("its pickle is damaged or was not written by torch.save")
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
