//! Storages and the strided windows onto them that PyTorch calls tensors. All counts are numbers,
//! not bytes.

use crate::checkpoint::Dtype;

/// How a storage's numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq)]
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

    /// Of a storage class of the module `torch`. Source: `torch/__init__.py`.
    pub fn of_storage(class: &str) -> Option<Element> {
        Some(match class {
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
            "ComplexFloatStorage" => Element::Other("C64", 8),
            "ComplexDoubleStorage" => Element::Other("C128", 16),
            "QInt8Storage" => Element::Other("QINT8", 1),
            "QUInt8Storage" => Element::Other("QUINT8", 1),
            "QInt32Storage" => Element::Other("QINT32", 4),
            "UntypedStorage" => Element::Other("bytes", 1),
            _ => return None,
        })
    }
}

/// A storage of `count` numbers, which the file holds under `key`.
pub struct Storage<'a> {
    pub element: Element,
    pub key: &'a str,
    pub count: usize,
    /// Where it begins in that of the file: before PyTorch 0.4 a storage could be part of another.
    pub offset: usize,
}

/// A tensor: a strided window onto a storage.
pub struct View {
    pub storage: usize,
    pub offset: usize,
    pub shape: Vec<usize>,
    pub strides: Vec<usize>, // as long as `shape`
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
            _ => {
                self.shape.iter().zip(&self.strides).try_fold(self.offset, reach)?.checked_add(1)?
            }
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

    /// The `count` numbers of `size` bytes in row-major order: what `.contiguous()` would store.
    /// `check` came before.
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
