//! A checkpoint file that arrives piece by piece, from the network or a disk.
//!
//! Of a safetensors file no more is held than the tensor that is arriving. PyTorch's files have
//! their directory at the end, so they are held whole. Nothing is known of digests here: what
//! arrived is to be used only once its source has been trusted.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Checkpoint, Tensor, pytorch, safetensors};
use crate::error::Result;

/// What [`Incoming`] hands on.
#[derive(Debug)]
pub enum Arrival {
    /// First: names, shapes and types of all tensors, without their numbers.
    Described(Checkpoint),
    /// Then each tensor, by its torchvision name, in the file's order.
    Tensor(String, Tensor),
}

/// Takes a file's bytes in pieces of any size.
pub struct Incoming {
    state: State,
    received: usize,
    size: Option<usize>,
    choice: Option<String>,
}

enum State {
    /// Until the header is complete.
    Head(Vec<u8>),
    Tensors {
        /// Of the first byte behind the header.
        data: usize,
        /// Of the whole file.
        end: usize,
        waiting: BTreeMap<String, Tensor>,
        arriving: Option<(String, Tensor, Vec<u8>)>,
    },
    Whole(Vec<u8>),
}

impl Incoming {
    /// `size`: the file's bytes, where they are known. Memory is reserved ahead only then; a
    /// header's word is no reason to.
    pub fn new(size: Option<usize>) -> Incoming {
        Incoming { state: State::Head(Vec::new()), received: 0, size, choice: None }
    }

    /// Takes, of a file that holds several networks, the one with this name: see
    /// [`Checkpoint::choices`].
    pub fn choose(&mut self, name: &str) {
        self.choice = Some(name.into());
    }

    /// Takes the next bytes and calls `arrived` with all that is complete now.
    ///
    /// Errors: as [`Checkpoint::read`], as soon as they can be known, and those of `arrived`.
    /// Nothing more may be pushed then.
    pub fn push(
        &mut self,
        mut bytes: &[u8],
        arrived: &mut dyn FnMut(Arrival) -> Result<()>,
    ) -> Result<()> {
        while !bytes.is_empty() {
            let taken = self.take(bytes, arrived)?;
            self.received += taken;
            bytes = &bytes[taken..];
        }
        Ok(())
    }

    /// The file is at its end. Errors: as [`Checkpoint::read`] for a file that is cut short, and
    /// those of `arrived`.
    pub fn finish(self, arrived: &mut dyn FnMut(Arrival) -> Result<()>) -> Result<()> {
        match self.state {
            State::Tensors { end, waiting, .. } if end == self.received => {
                waiting.into_iter().try_for_each(|(name, tensor)| {
                    let empty = Tensor { buffer: Some(Arc::default()), range: 0..0, ..tensor };
                    arrived(Arrival::Tensor(name, empty))
                })
            }
            State::Tensors { .. } => Err(safetensors::cut_short(self.received)),
            // For a safetensors file this says what is wrong with so few bytes.
            State::Head(file) | State::Whole(file) => {
                let Checkpoint { tensors, found } =
                    Checkpoint::read_choice(file, self.choice.as_deref())?;
                let described = tensors.iter().map(|(name, tensor)| {
                    (name.clone(), Tensor { buffer: None, ..tensor.clone() })
                });
                arrived(Arrival::Described(Checkpoint { tensors: described.collect(), found }))?;
                tensors
                    .into_iter()
                    .try_for_each(|(name, tensor)| arrived(Arrival::Tensor(name, tensor)))
            }
        }
    }

    /// Takes some of `bytes` and says how many.
    fn take(
        &mut self,
        bytes: &[u8],
        arrived: &mut dyn FnMut(Arrival) -> Result<()>,
    ) -> Result<usize> {
        match &mut self.state {
            State::Whole(file) => {
                file.extend_from_slice(bytes);
                Ok(bytes.len())
            }
            State::Head(head) => {
                let started = head.len() >= safetensors::START;
                let wanted = match started {
                    false => safetensors::START,
                    true => 8 + safetensors::header_length(&head[..safetensors::START])?,
                };
                let taken = bytes.len().min(wanted - head.len());
                head.extend_from_slice(&bytes[..taken]);
                if head.len() < wanted {
                    return Ok(taken);
                }
                if pytorch::begins(head) {
                    let mut file = std::mem::take(head);
                    file.reserve_exact(self.size.unwrap_or(0).saturating_sub(file.len()));
                    self.state = State::Whole(file);
                } else if started {
                    let (checkpoint, length) =
                        safetensors::describe(&head[8..], self.choice.as_deref())?;
                    let waiting = checkpoint.tensors.clone();
                    let end = wanted
                        .checked_add(length)
                        .filter(|&end| self.size.is_none_or(|size| size == end));
                    let end =
                        end.ok_or_else(|| safetensors::cut_short(self.size.unwrap_or(wanted)))?;
                    arrived(Arrival::Described(checkpoint))?;
                    self.state = State::Tensors { data: wanted, end, waiting, arriving: None };
                } else {
                    safetensors::header_length(head)?;
                }
                Ok(taken)
            }
            State::Tensors { data, end, waiting, arriving } => {
                if self.received >= *end {
                    return Err(safetensors::cut_short(self.received + bytes.len()));
                }
                if arriving.is_none() {
                    // By place and not sorted: there are hundreds at most, and this is less code.
                    let next = waiting
                        .iter()
                        .min_by_key(|(_, tensor)| (tensor.range.start, tensor.range.end));
                    let next = next.map(|(name, _)| name.clone());
                    *arriving = next
                        .and_then(|name| waiting.remove_entry(&name))
                        .map(|(name, tensor)| (name, tensor, Vec::new()));
                }
                let Some((_, tensor, buffer)) = arriving else {
                    return Ok(bytes.len().min(*end - self.received)); // behind the last one: a counter that is skipped
                };
                let start = *data + tensor.range.start;
                if self.received < start {
                    return Ok(bytes.len().min(start - self.received)); // before it
                }
                let missing = tensor.range.len() - buffer.len();
                let taken = bytes.len().min(missing);
                if self.size.is_some() {
                    buffer.reserve_exact(missing);
                }
                buffer.extend_from_slice(&bytes[..taken]);
                if taken == missing
                    && let Some((name, mut tensor, buffer)) = arriving.take()
                {
                    tensor.range = 0..buffer.len();
                    tensor.buffer = Some(Arc::new(buffer));
                    arrived(Arrival::Tensor(name, tensor))?;
                }
                Ok(taken)
            }
        }
    }
}
