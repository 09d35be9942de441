//! The pickle inside a PyTorch file → its dictionaries, lists, objects and tensors.
//!
//! A pickle is a program for a stack machine that can call any Python function. This reader calls
//! none: it knows the opcodes of protocols 0 to 5 and the few functions that rebuild tensors and
//! dictionaries; what any other function or class would make is an [`Object`] of which only its
//! name and the values that it was given are kept. So whatever a training script saves beside the
//! weights is passed over. To extend: an opcode is an arm in [`Machine::step`], a function one in
//! [`Machine::call`]. Sources: `pickletools.py` of CPython; `torch/serialization.py` and
//! `torch/_utils.py` of PyTorch.

mod stack;

use std::collections::HashMap;

use super::view::{Element, Storage, View};
use crate::checkpoint::{DIMENSIONS, Dtype};
use crate::error::{Detail, Error, Result};

/// Opcodes of one pickle: a ResNet-152 with Adam's state takes 130 thousand. Each allocates at most
/// some 100 bytes, so this bounds what a hostile file can take.
pub const STEPS: usize = 1 << 20;

pub fn refused(english: impl Into<String>, chinese: impl Into<String>) -> Error {
    Error::PyTorchFile { detail: Detail::new(english, chinese) }
}

pub fn damaged() -> Error {
    refused(
        "its pickle is damaged or was not written by torch.save",
        "其中的 pickle 已损坏，或不是由 torch.save 写入的",
    )
}

/// What is on the stack. Containers live in the machine's lists and are referred to by index, so a
/// pickle that nests or repeats them a million times costs neither recursion nor copies.
#[derive(Clone, Copy)]
pub enum Value<'a> {
    /// None, bytes, a set, a huge integer: nothing that weights are made of.
    Plain,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(&'a str),
    /// From and to in `Machine::items`.
    Tuple(usize, usize),
    /// Index into `Machine::dicts`.
    Dict(usize),
    /// Index into `Machine::lists`.
    List(usize),
    /// A class or function: index into `Machine::globals`.
    Global(usize),
    /// Index into `Machine::objects`.
    Object(usize),
    /// Index into `Machine::storages`.
    Storage(usize),
    /// Index into `Machine::views`.
    Tensor(usize),
}

/// An instance of a class that this reader does not know: never made, only described.
pub struct Object<'a> {
    /// Index into `Machine::globals`; `None`: made by something that has no name.
    pub class: Option<usize>,
    /// What BUILD gave it: usually the dictionary of its attributes.
    pub state: Value<'a>,
    /// The entries of a subclass of `dict`: index into `Machine::dicts`.
    pub entries: Option<usize>,
}

pub struct Machine<'a> {
    pickle: &'a [u8],
    at: usize,
    stack: Vec<Value<'a>>,
    marks: Vec<usize>, // stack heights
    memo: HashMap<u32, Value<'a>>,
    memoized: u32,
    pub items: Vec<Value<'a>>,                   // of all tuples
    pub dicts: Vec<Vec<(Value<'a>, Value<'a>)>>, // entries whose key is a string or an integer, in order
    pub lists: Vec<Vec<Value<'a>>>,
    pub globals: Vec<(&'a str, &'a str)>, // module and name
    pub objects: Vec<Object<'a>>,
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
            memoized: 0,
            items: Vec::new(),
            dicts: Vec::new(),
            lists: Vec::new(),
            globals: Vec::new(),
            objects: Vec::new(),
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
        Err(refused(
            format!(
                "its description has more than {STEPS} steps, so it is no state dict of such a network"
            ),
            format!("它的描述超过 {STEPS} 步，不会是这类网络的 state dict"),
        ))
    }

    /// One opcode; the result at STOP. Names as in `pickletools`.
    fn step(&mut self) -> Result<Option<Value<'a>>> {
        let opcode = self.u8()?;
        let value = match opcode {
            // PROTO, FRAME, READONLY_BUFFER
            0x80 => match self.u8()? {
                0..=5 => return Ok(None),
                other => {
                    return Err(refused(
                        format!("it uses pickle protocol {other}; 0 to 5 are known"),
                        format!("它使用 pickle 协议 {other}；只认得 0 到 5"),
                    ));
                }
            },
            0x95 => {
                self.take::<8>()?;
                return Ok(None);
            }
            0x98 => return Ok(None),
            // STOP
            b'.' => return self.pop().map(Some),
            // MARK, POP, POP_MARK, DUP
            b'(' => {
                self.marks.push(self.stack.len());
                return Ok(None);
            }
            b'0' => {
                match self.stack.len() > self.floor() {
                    true => drop(self.stack.pop()),
                    false => drop(self.marks.pop().ok_or_else(damaged)?),
                }
                return Ok(None);
            }
            b'1' => {
                self.above_mark()?;
                return Ok(None);
            }
            b'2' => {
                let value = self.pop()?;
                self.stack.push(value);
                value
            }
            // PUT, BINPUT, LONG_BINPUT, MEMOIZE; GET, BINGET, LONG_BINGET
            b'p' | b'q' | b'r' | 0x94 => {
                let key = if opcode == 0x94 {
                    self.memoized
                } else {
                    self.memo_key(opcode, [b'p', b'q'])?
                };
                self.memoized += 1;
                let value = self.pop()?;
                self.memo.insert(key, value);
                value
            }
            b'g' | b'h' | b'j' => {
                let key = self.memo_key(opcode, [b'g', b'h'])?;
                *self.memo.get(&key).ok_or_else(damaged)?
            }
            // NONE, NEWTRUE, NEWFALSE
            b'N' => Value::Plain,
            0x88 | 0x89 => Value::Bool(opcode == 0x88),
            // FLOAT, BINFLOAT
            b'F' => self.line()?.parse().map_or(Value::Plain, Value::Float),
            b'G' => Value::Float(f64::from_be_bytes(self.take()?)),
            // INT, LONG, BININT, BININT1, BININT2, LONG1, LONG4
            b'I' => match self.line()? {
                "00" => Value::Bool(false),
                "01" => Value::Bool(true),
                number => number.trim().parse().map_or(Value::Plain, Value::Int),
            },
            b'L' => self.line()?.trim_end_matches('L').parse().map_or(Value::Plain, Value::Int),
            b'J' => Value::Int(i32::from_le_bytes(self.take()?).into()),
            b'K' => Value::Int(self.u8()?.into()),
            b'M' => Value::Int(u16::from_le_bytes(self.take()?).into()),
            0x8a => {
                let length = self.u8()?.into();
                self.long(length)?
            }
            0x8b => {
                let length = u32::from_le_bytes(self.take()?);
                self.long(length as usize)?
            }
            // STRING, UNICODE; BINUNICODE, SHORT_BINUNICODE, BINUNICODE8; BINSTRING,
            // SHORT_BINSTRING
            b'S' => Value::Str(self.line()?.trim_matches(['\'', '"'])),
            b'V' => Value::Str(self.line()?),
            b'X' | b'T' | 0x8c | b'U' | 0x8d => {
                let length = match opcode {
                    b'X' | b'T' => u32::from_le_bytes(self.take()?) as usize,
                    0x8d => self.length_8()?,
                    _ => self.u8()?.into(),
                };
                str::from_utf8(self.bytes(length)?).map_or(Value::Plain, Value::Str)
            }
            // BINBYTES, SHORT_BINBYTES, BINBYTES8, BYTEARRAY8, NEXT_BUFFER
            b'B' | b'C' | 0x8e | 0x96 => {
                let length = match opcode {
                    b'B' => u32::from_le_bytes(self.take()?) as usize,
                    b'C' => self.u8()?.into(),
                    _ => self.length_8()?,
                };
                self.bytes(length)?;
                Value::Plain
            }
            0x97 => Value::Plain,
            // EMPTY_TUPLE, TUPLE1, TUPLE2, TUPLE3, TUPLE
            b')' => Value::Tuple(0, 0),
            0x85..=0x87 => {
                let count = usize::from(opcode - 0x84);
                let from = self
                    .stack
                    .len()
                    .checked_sub(count)
                    .filter(|&from| from >= self.floor())
                    .ok_or_else(damaged)?;
                let values = self.stack.split_off(from);
                self.tuple(values)
            }
            b't' => {
                let values = self.above_mark()?;
                self.tuple(values)
            }
            // EMPTY_LIST, LIST, APPEND, APPENDS
            b']' => self.new_list(Vec::new()),
            b'l' => {
                let values = self.above_mark()?;
                self.new_list(values)
            }
            b'a' => {
                let value = self.pop()?;
                self.append(vec![value])?
            }
            b'e' => {
                let values = self.above_mark()?;
                self.append(values)?
            }
            // EMPTY_SET, ADDITEMS, FROZENSET
            0x8f => Value::Plain,
            0x90 => {
                self.above_mark()?;
                self.pop()?
            }
            0x91 => {
                self.above_mark()?;
                Value::Plain
            }
            // EMPTY_DICT, DICT, SETITEM, SETITEMS
            b'}' => self.new_dict(Vec::new()),
            b'd' => {
                let entries = self.above_mark()?;
                self.new_dict(entries)
            }
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.set_items(&[key, value])?
            }
            b'u' => {
                let entries = self.above_mark()?;
                self.set_items(&entries)?
            }
            // GLOBAL, STACK_GLOBAL, INST; OBJ; EXT1, EXT2, EXT4
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.global(module, name)
            }
            0x93 => match (self.pop()?, self.pop()?) {
                (Value::Str(name), Value::Str(module)) => self.global(module, name),
                _ => return Err(damaged()),
            },
            b'i' => {
                let (module, name) = (self.line()?, self.line()?);
                self.above_mark()?;
                let class = self.global(module, name);
                self.new_object(class)
            }
            b'o' => {
                let values = self.above_mark()?;
                self.new_object(values.first().copied().unwrap_or(Value::Plain))
            }
            0x82..=0x84 => {
                self.bytes([1, 2, 4][usize::from(opcode - 0x82)])?;
                Value::Plain
            }
            // PERSID, BINPERSID
            b'P' => {
                self.line()?;
                Value::Plain
            }
            b'Q' => self.persistent()?,
            // REDUCE, NEWOBJ, NEWOBJ_EX
            b'R' => {
                let (arguments, function) = (self.pop()?, self.pop()?);
                self.call(function, arguments)?
            }
            0x81 => {
                let (_, class) = (self.pop()?, self.pop()?);
                self.made(class)
            }
            0x92 => {
                let (_, _, class) = (self.pop()?, self.pop()?, self.pop()?);
                self.made(class)
            }
            // BUILD: the attributes of the object below. A state dict hangs its `_metadata` onto
            // its OrderedDict.
            b'b' => {
                let state = self.pop()?;
                let object = self.pop()?;
                if let Value::Object(index) = object {
                    self.objects[index].state = state;
                }
                object
            }
            _ => return Err(damaged()),
        };
        self.stack.push(value);
        Ok(None)
    }

    /// What `function` would return for `arguments`, without calling anything.
    fn call(&mut self, function: Value<'a>, arguments: Value<'a>) -> Result<Value<'a>> {
        let (Value::Global(index), Value::Tuple(from, to)) = (function, arguments) else {
            return Ok(self.new_object(function));
        };
        let arguments = &self.items[from..to];
        match (self.globals[index], arguments) {
            (
                ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2" | "_rebuild_tensor_v3"),
                _,
            ) => self.tensor(from, to),
            // data, requires_grad, backward_hooks
            (
                ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state"),
                &[tensor @ Value::Tensor(_), ..],
            ) => Ok(tensor),
            // function, type, arguments, state: of a subclass of Tensor
            (
                ("torch._tensor", "_rebuild_from_type_v2"),
                &[function @ Value::Global(inner), _, arguments, ..],
            ) if self.globals[inner].0 == "torch._utils" => self.call(function, arguments),
            // class, base, state
            (("copyreg" | "copy_reg", "_reconstructor"), &[class, ..]) => Ok(self.made(class)),
            (("copyreg" | "copy_reg", "__newobj__" | "__newobj_ex__"), &[class, ..]) => {
                Ok(self.made(class))
            }
            (_, first) if self.is_dict(index) => {
                // A list of pairs, as PyTorch wrote it under Python 2.
                let pairs = match first.first() {
                    Some(&Value::List(list)) => self.lists[list].clone(),
                    _ => Vec::new(),
                };
                let mut entries = Vec::new();
                for pair in pairs {
                    match pair {
                        Value::Tuple(from, to) => entries.extend(&self.items[from..to]),
                        Value::List(list) => entries.extend(&self.lists[list]),
                        _ => {}
                    }
                    if entries.len() % 2 == 1 {
                        return Err(damaged());
                    }
                }
                Ok(self.new_dict(entries))
            }
            _ => Ok(self.new_object(function)),
        }
    }

    /// An instance of `class` whose constructor was not called.
    fn made(&mut self, class: Value<'a>) -> Value<'a> {
        match class {
            Value::Global(index) if self.is_dict(index) => self.new_dict(Vec::new()),
            _ => self.new_object(class),
        }
    }

    fn is_dict(&self, global: usize) -> bool {
        matches!(
            self.globals[global],
            ("collections", "OrderedDict" | "defaultdict" | "Counter")
                | ("builtins" | "__builtin__", "dict")
        )
    }

    /// `_rebuild_tensor*`: storage, offset, size, stride, then what is of no interest here.
    /// `_rebuild_tensor_v3` has a type behind three more, for a storage that is only bytes.
    fn tensor(&mut self, from: usize, to: usize) -> Result<Value<'a>> {
        let &[
            Value::Storage(mut storage),
            Value::Int(offset),
            Value::Tuple(size, size_end),
            Value::Tuple(stride, stride_end),
            ref rest @ ..,
        ] = &self.items[from..to]
        else {
            return Err(damaged());
        };
        let sizes = |from: usize, to: usize| -> Option<Vec<usize>> {
            let size = |value: &Value| {
                if let Value::Int(size) = *value { usize::try_from(size).ok() } else { None }
            };
            (to - from <= DIMENSIONS).then(|| self.items[from..to].iter().map(size).collect())?
        };
        let shape = sizes(size, size_end).ok_or_else(damaged)?;
        let strides = sizes(stride, stride_end)
            .filter(|strides| strides.len() == shape.len())
            .ok_or_else(damaged)?;
        let offset = usize::try_from(offset).map_err(|_| damaged())?;
        let Storage { element, key, count, offset: begins } = self.storages[storage];
        if element == Element::Other("bytes", 1) {
            let of = match rest {
                &[_, _, Value::Global(index), ..] => self.globals[index].1,
                _ => "",
            };
            let element = match of {
                "float32" | "float" => Element::Float(Dtype::F32),
                "float16" | "half" => Element::Float(Dtype::F16),
                "bfloat16" => Element::Float(Dtype::BF16),
                "float64" | "double" => Element::Float(Dtype::F64),
                _ => Element::Other("a type of its own", 1),
            };
            self.storages.push(Storage {
                element,
                key,
                count: count / element.size(),
                offset: begins,
            });
            storage = self.storages.len() - 1;
        }
        self.views.push(View { storage, offset, shape, strides });
        Ok(Value::Tensor(self.views.len() - 1))
    }

    /// BINPERSID: `("storage", type, key, location, count)` stands for a storage. Before PyTorch
    /// 1.6 it also has what it is part of, if anything (a key of its own, an offset and a count),
    /// and `("module", class, file, text)` stands for a class.
    fn persistent(&mut self) -> Result<Value<'a>> {
        let Value::Tuple(from, to) = self.pop()? else { return Ok(Value::Plain) };
        let (class, key, count, part) = match self.items[from..to] {
            [Value::Str("module"), class @ Value::Global(_), ..] => return Ok(class),
            [
                Value::Str("storage"),
                Value::Global(class),
                Value::Str(key),
                _,
                Value::Int(count),
                ref part @ ..,
            ] => (class, key, count, part),
            _ => return Ok(Value::Plain),
        };
        let class = self.globals[class];
        let element = matches!(class.0, "torch" | "torch.storage" | "torch.cuda")
            .then(|| Element::of_storage(class.1))
            .flatten();
        let element = element.ok_or_else(|| {
            refused(
                format!("its storage type `{}` is unknown", class.1),
                format!("不认得它的存储类型 {}", class.1),
            )
        })?;
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

    /// The entry `key` of a dictionary; of several the last, as in Python.
    pub fn entry(&self, dict: Value<'a>, key: &str) -> Option<Value<'a>> {
        let Value::Dict(index) = dict else { return None };
        let of_key = |(name, _): &&(Value, Value)| matches!(name, Value::Str(name) if *name == key);
        self.dicts[index].iter().rev().find(of_key).map(|&(_, value)| value)
    }

    /// A list of strings.
    pub fn strings(&self, list: Value<'a>) -> Result<Vec<&'a str>> {
        let Value::List(index) = list else { return Err(damaged()) };
        let string = |value: &Value<'a>| {
            if let Value::Str(string) = *value { Ok(string) } else { Err(damaged()) }
        };
        self.lists[index].iter().map(string).collect()
    }

    /// Bytes that the pickle has taken so far.
    pub fn taken(&self) -> usize {
        self.at
    }
}
