//! What the opcodes of a pickle work on: containers, the stack with its marks, and the bytes.

use super::{Machine, Object, Value, damaged};
use crate::error::Result;

impl<'a> Machine<'a> {
    pub(super) fn new_list(&mut self, values: Vec<Value<'a>>) -> Value<'a> {
        self.lists.push(values);
        Value::List(self.lists.len() - 1)
    }

    pub(super) fn new_dict(&mut self, entries: Vec<Value<'a>>) -> Value<'a> {
        self.dicts.push(Vec::new());
        let index = self.dicts.len() - 1;
        self.fill(index, &entries);
        Value::Dict(index)
    }

    pub(super) fn new_object(&mut self, class: Value<'a>) -> Value<'a> {
        let class = if let Value::Global(index) = class { Some(index) } else { None };
        self.objects.push(Object { class, state: Value::Plain, entries: None });
        Value::Object(self.objects.len() - 1)
    }

    pub(super) fn global(&mut self, module: &'a str, name: &'a str) -> Value<'a> {
        self.globals.push((module, name));
        Value::Global(self.globals.len() - 1)
    }

    pub(super) fn tuple(&mut self, values: Vec<Value<'a>>) -> Value<'a> {
        let start = self.items.len();
        self.items.extend(values);
        Value::Tuple(start, self.items.len())
    }

    /// Adds key-value pairs to the dictionary below.
    pub(super) fn set_items(&mut self, entries: &[Value<'a>]) -> Result<Value<'a>> {
        if entries.len() % 2 == 1 {
            return Err(damaged());
        }
        let to = self.pop()?;
        match to {
            Value::Dict(index) => self.fill(index, entries),
            Value::Object(object) => {
                let index = self.objects[object].entries.unwrap_or_else(|| {
                    self.dicts.push(Vec::new());
                    self.dicts.len() - 1
                });
                self.objects[object].entries = Some(index);
                self.fill(index, entries);
            }
            Value::Plain => {}
            _ => return Err(damaged()),
        }
        Ok(to)
    }

    pub(super) fn fill(&mut self, dict: usize, entries: &[Value<'a>]) {
        let (pairs, _) = entries.as_chunks::<2>();
        let named = pairs.iter().filter(|[key, _]| matches!(key, Value::Str(_) | Value::Int(_)));
        self.dicts[dict].extend(named.map(|&[key, value]| (key, value)));
    }

    /// Appends values to the list below; what objects do with them is of no interest.
    pub(super) fn append(&mut self, values: Vec<Value<'a>>) -> Result<Value<'a>> {
        let to = self.pop()?;
        match to {
            Value::List(index) => self.lists[index].extend(values),
            Value::Object(_) | Value::Plain => {}
            _ => return Err(damaged()),
        }
        Ok(to)
    }

    /// The values above the last mark, which goes with them.
    pub(super) fn above_mark(&mut self) -> Result<Vec<Value<'a>>> {
        let from = self.marks.pop().ok_or_else(damaged)?;
        Ok(self.stack.split_off(from))
    }

    /// Below the last mark nothing may be taken.
    pub(super) fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    pub(super) fn pop(&mut self) -> Result<Value<'a>> {
        if self.stack.len() <= self.floor() {
            return Err(damaged());
        }
        self.stack.pop().ok_or_else(damaged)
    }

    /// The key of a memo opcode: as a line, a byte (the two of `short`) or four bytes.
    pub(super) fn memo_key(&mut self, opcode: u8, short: [u8; 2]) -> Result<u32> {
        match opcode {
            _ if opcode == short[0] => self.line()?.parse().map_err(|_| damaged()),
            _ if opcode == short[1] => Ok(self.u8()?.into()),
            _ => Ok(u32::from_le_bytes(self.take()?)),
        }
    }

    /// A little-endian integer of `length` bytes in two's complement.
    pub(super) fn long(&mut self, length: usize) -> Result<Value<'a>> {
        Ok(match *self.bytes(length)? {
            [] => Value::Int(0),
            ref bytes @ [.., top] if length <= 8 => {
                let mut wide = [if top >= 0x80 { 0xff } else { 0 }; 8];
                wide[..length].copy_from_slice(bytes);
                Value::Int(i64::from_le_bytes(wide))
            }
            _ => Value::Plain,
        })
    }

    pub(super) fn length_8(&mut self) -> Result<usize> {
        usize::try_from(u64::from_le_bytes(self.take()?)).map_err(|_| damaged())
    }

    pub(super) fn bytes(&mut self, length: usize) -> Result<&'a [u8]> {
        let bytes = self.pickle[self.at..].get(..length).ok_or_else(damaged)?;
        self.at += length;
        Ok(bytes)
    }

    pub(super) fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        self.bytes(N)?.try_into().map_err(|_| damaged())
    }

    pub(super) fn u8(&mut self) -> Result<u8> {
        Ok(self.take::<1>()?[0])
    }

    /// Up to the end of the line, which is consumed.
    pub(super) fn line(&mut self) -> Result<&'a str> {
        let rest = &self.pickle[self.at..];
        let length = rest.iter().position(|&byte| byte == b'\n').ok_or_else(damaged)?;
        self.at += length + 1;
        str::from_utf8(&rest[..length]).map_err(|_| damaged())
    }
}
