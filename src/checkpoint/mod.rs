//! Checkpoint files → named, shape-checked tensors → the numbers of a network, ready for upload.
//!
//! [`Checkpoint::read`] takes the bytes of a file as users have them (safetensors, or what
//! `torch.save` wrote) and [`Network::from_checkpoint`] recognises the network in it from the
//! tensors' names and shapes and folds its batch norm. [`Incoming`] takes the same files piece by
//! piece, so that no more than a tensor has to be held. `names/` finds the network among a file's
//! tensors, `facts.rs` is what a file says about it beside them, `notes.rs` what a person should
//! know of it. Deliberately not here: downloading, the GPU, quantisation; nothing in a file is ever
//! executed. To extend: a file format is one module that describes its tensors to [`names::choose`]
//! and one line in [`Checkpoint::read`]; a naming scheme is an anchor in `names/bodies.rs`; another
//! kind of network is another reader in `recognise/`.

mod convert;
mod facts;
mod incoming;
mod names;
mod notes;
mod pytorch;
mod recognise;
mod safetensors;
mod zip;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use half::{bf16, f16};

use crate::error::{Error, Result};
pub use convert::convert;
pub use incoming::{Arrival, Incoming};
pub use notes::Note;
pub use recognise::{
    Architecture, Block, BlockWeights, Conv, Conventions, Hidden, Linear, MobileNetConfig, Network,
    Norm, Normalisation, Padding, ResNetConfig, Stage,
};
pub(crate) use safetensors::tensors;

/// Most dimensions of a tensor that the readers accept. Convolution weights have four.
const DIMENSIONS: usize = 8;

/// The tensors of a network by their torchvision names. Their bytes stay in the file's buffer.
#[derive(Clone, Debug, Default)]
pub struct Checkpoint {
    tensors: BTreeMap<String, Tensor>,
    found: names::Found,
}

impl Checkpoint {
    /// Reads safetensors or PyTorch's formats, told apart by their first bytes, and finds the
    /// network in them: under any prefix, beside whatever else a training script saved. Names
    /// become torchvision's (timm's for EfficientNet-Lite); Hugging Face's `microsoft/resnet-50`
    /// and `nn.Sequential(*model.children())` are known, `num_batches_tracked` is left out. Nothing
    /// is executed.
    ///
    /// Errors: [`Error::NotACheckpoint`], [`Error::PyTorchFile`], [`Error::TensorType`] for weights
    /// in integers or 8-bit floats, [`Error::TensorUnexpected`] for two tensors that map to one
    /// name.
    pub fn read(bytes: Vec<u8>) -> Result<Checkpoint> {
        Checkpoint::read_choice(bytes, None)
    }

    /// The same, and of a file that holds several networks the one with the name `choice`: see
    /// [`choices`](Checkpoint::choices).
    ///
    /// Errors: also [`Error::UnknownChoice`].
    pub fn read_choice(bytes: Vec<u8>, choice: Option<&str>) -> Result<Checkpoint> {
        let file = Arc::new(bytes);
        match &file[..] {
            bytes if pytorch::begins(bytes) => pytorch::read(&file, choice),
            _ => safetensors::read(&file, choice),
        }
    }

    /// The names of the networks in the file: that of the one that was taken, then the others', of
    /// which [`read_choice`](Checkpoint::read_choice) takes one.
    pub fn choices(&self) -> (&str, &[String]) {
        (&self.found.taken, &self.found.others)
    }

    /// The tensors' torchvision names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// The tensor with this torchvision name.
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.tensors.get(name)
    }

    /// Puts a tensor that has arrived in the place of its description.
    pub fn fill(&mut self, name: String, tensor: Tensor) {
        self.tensors.insert(name, tensor);
    }
}

/// A tensor of a file before its numbers are looked at.
struct Described {
    /// Its whole path, the keys of dictionaries that lead to it among it.
    name: String,
    /// How much of that leads to the dictionary or module that holds it.
    scope: usize,
    shape: Vec<usize>,
    /// What another type than those that weights are read from is called.
    dtype: Result<Dtype, String>,
    /// Tells tensors that are the same window onto the same bytes; `None`: there are none such.
    place: Option<u64>,
}

impl Described {
    /// The dictionary's path, with a dot behind.
    fn scope(&self) -> &str {
        &self.name[..self.scope.min(self.name.len())]
    }

    /// The name within its dictionary: what the person knows it by.
    fn local(&self) -> &str {
        &self.name[self.scope.min(self.name.len())..]
    }

    /// Errors: [`Error::TensorType`].
    fn kept(&self) -> Result<names::Kept> {
        let name = shortened(self.local());
        match &self.dtype {
            Ok(dtype) => Ok(names::Kept { name, shape: self.shape.clone(), dtype: *dtype }),
            Err(found) => Err(Error::TensorType { name, found: found.clone() }),
        }
    }
}

/// How a tensor's numbers are stored, little-endian. Other types appear only as names in errors.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Dtype {
    F32,
    F16,
    BF16,
    F64,
    /// 127ths, for weights that have a `weight_scale` beside them: see
    /// [`Network::from_checkpoint`].
    I8,
}

impl Dtype {
    /// Bytes of one number.
    pub fn size(self) -> usize {
        match self {
            Dtype::I8 => 1,
            Dtype::F16 | Dtype::BF16 => 2,
            Dtype::F32 => 4,
            Dtype::F64 => 8,
        }
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// A dense row-major tensor: a window onto the file's buffer, so cloning copies no numbers.
#[derive(Clone)]
pub struct Tensor {
    /// As the file calls it, for errors: the person has that file, not torchvision's names.
    pub name: String,
    pub shape: Vec<usize>,
    pub dtype: Dtype,
    /// `None`: the tensor is described and its numbers are elsewhere.
    buffer: Option<Arc<Vec<u8>>>,
    range: Range<usize>, // within `buffer`; its length is product(shape) * dtype.size(), established by the readers
}

impl Tensor {
    /// The numbers as stored: `product(shape) * dtype.size()` little-endian bytes, row-major; none
    /// if they are elsewhere.
    pub fn bytes(&self) -> &[u8] {
        self.buffer.as_ref().map_or(&[], |buffer| &buffer[self.range.clone()])
    }

    /// The numbers as f32, row-major: F16 and BF16 exactly, F64 rounded.
    ///
    /// Errors: [`Error::TensorNotFinite`], also for an F64 beyond f32's range;
    /// [`Error::TensorType`] for I8.
    pub fn f32(&self) -> Result<Vec<f32>> {
        let values: Vec<f32> = match self.dtype {
            Dtype::F32 => self.decode(f32::from_le_bytes),
            Dtype::F16 => self.decode(|b| f16::from_le_bytes(b).to_f32()),
            Dtype::BF16 => self.decode(|b| bf16::from_le_bytes(b).to_f32()),
            Dtype::F64 => self.decode(|b| f64::from_le_bytes(b) as f32),
            Dtype::I8 => {
                return Err(Error::TensorType { name: self.name.clone(), found: "I8".into() });
            }
        };
        self.finite(values, |v| v.is_finite())
    }

    /// The numbers as little-endian bytes of the precision that the GPU is to hold: F32, F16 and I8
    /// as they are, without a copy; the others as f32. Errors as [`Tensor::f32`].
    pub fn upload(&self) -> Result<(Dtype, Cow<'_, [u8]>)> {
        let finite = |is: bool| {
            if is { Ok(()) } else { Err(Error::TensorNotFinite { name: self.name.clone() }) }
        };
        match self.dtype {
            Dtype::F32 => {
                let (numbers, _) = self.bytes().as_chunks::<4>();
                finite(
                    numbers.iter().fold(true, |all, &b| all & f32::from_le_bytes(b).is_finite()),
                )?;
            }
            Dtype::F16 => {
                let (numbers, _) = self.bytes().as_chunks::<2>();
                finite(
                    numbers.iter().fold(true, |all, &b| all & f16::from_le_bytes(b).is_finite()),
                )?;
            }
            Dtype::I8 => {}
            Dtype::BF16 | Dtype::F64 => {
                let bytes = self.f32()?.into_iter().flat_map(f32::to_le_bytes).collect();
                return Ok((Dtype::F32, Cow::Owned(bytes)));
            }
        }
        Ok((self.dtype, Cow::Borrowed(self.bytes())))
    }

    /// The numbers for batch-norm folding, which is done in f64: exact for every dtype. Errors as
    /// [`Tensor::f32`].
    fn f64(&self) -> Result<Vec<f64>> {
        match self.dtype {
            Dtype::F64 => self.finite(self.decode(f64::from_le_bytes), |v| v.is_finite()),
            _ => Ok(self.f32()?.into_iter().map(f64::from).collect()),
        }
    }

    /// The numbers for upload: F32, F16 and I8 as they are, the others as f32. Errors as
    /// [`Tensor::f32`].
    pub(crate) fn values(&self) -> Result<Values> {
        match self.dtype {
            _ if self.buffer.is_none() => Ok(Values::Elsewhere),
            Dtype::I8 => Ok(Values::I8(self.decode(|[byte]: [u8; 1]| byte as i8))),
            Dtype::F16 => {
                Ok(Values::F16(self.finite(self.decode(f16::from_le_bytes), |v| v.is_finite())?))
            }
            _ => Ok(Values::F32(self.f32()?)),
        }
    }

    fn decode<const SIZE: usize, T>(&self, from_le_bytes: impl Fn([u8; SIZE]) -> T) -> Vec<T> {
        let (numbers, _) = self.bytes().as_chunks::<SIZE>();
        numbers.iter().map(|&bytes| from_le_bytes(bytes)).collect()
    }

    fn finite<T: Copy>(&self, values: Vec<T>, is_finite: impl Fn(T) -> bool) -> Result<Vec<T>> {
        // A fold without early exit: the compiler vectorises it, and a file is good far more often
        // than not.
        if values.iter().fold(true, |finite, &value| finite & is_finite(value)) {
            return Ok(values);
        }
        Err(Error::TensorNotFinite { name: self.name.clone() })
    }
}

/// Everything but the numbers: a tensor may hold millions.
impl fmt::Debug for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} {:?}", self.name, self.dtype, self.shape)
    }
}

/// Weights as they go to the GPU: f16 stays f16 there, and i8 stays i8.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    F32(Vec<f32>),
    F16(Vec<f16>),
    /// 127ths.
    I8(Vec<i8>),
    /// The checkpoint only described the tensor.
    Elsewhere,
}

impl Values {
    pub fn len(&self) -> usize {
        match self {
            Values::F32(values) => values.len(),
            Values::F16(values) => values.len(),
            Values::I8(values) => values.len(),
            Values::Elsewhere => 0,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A copy as f32: exact, but for 127ths.
    pub fn to_f32(&self) -> Vec<f32> {
        match self {
            Values::F32(values) => values.clone(),
            Values::F16(values) => values.iter().map(|value| value.to_f32()).collect(),
            Values::I8(values) => values.iter().map(|&value| f32::from(value) / 127.0).collect(),
            Values::Elsewhere => Vec::new(),
        }
    }
}

/// A name from a stranger's file, short enough for a sentence.
fn shortened(name: &str) -> String {
    match name.char_indices().nth(100) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}
