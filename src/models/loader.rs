//! Weights from a file that arrives piece by piece to the GPU, a tensor at a time.
//!
//! A [`Loader`] works beside the [`Explainer`](crate::Explainer), which goes on with the network
//! that it has: only [`Explainer::install`](crate::Explainer::install) of what [`Loader::finish`]
//! gave changes that. Here no more is held than the tensor that is arriving and the small ones
//! (batch norm, biases), but for PyTorch files, which are held whole. Deliberately absent: where
//! the bytes come from, and whether to trust them; whoever pushes them checks digests before
//! installing.

use std::collections::HashMap;

use super::upload::Uploaded;
use crate::checkpoint::{Architecture, Arrival, Checkpoint, Conventions, Incoming, Network};
use crate::error::Result;
use crate::gpu::Uploader;
use crate::ops::Shape;

/// Takes the bytes of a checkpoint file.
pub struct Loader {
    incoming: Incoming,
    received: Received,
}

struct Received {
    uploader: Uploader,
    architecture: Option<Architecture>,
    /// Descriptions, in whose places the small tensors come.
    checkpoint: Checkpoint,
    /// The weights that go up, by the tensor's name, with the name that the network has for them.
    shapes: HashMap<String, (String, Shape)>,
    uploaded: Uploaded,
    conventions: Option<Conventions>,
}

/// A network whose weights are on the GPU, and in use nowhere.
pub struct Weights {
    pub(crate) network: Network,
    pub(crate) uploaded: Uploaded,
    pub(crate) uploader: Uploader,
}

impl Loader {
    /// `size`: the file's bytes, where they are known: see [`Incoming::new`].
    pub fn new(uploader: Uploader, size: Option<usize>) -> Loader {
        let (architecture, checkpoint, shapes, uploaded) = Default::default();
        let received =
            Received { uploader, architecture, checkpoint, shapes, uploaded, conventions: None };
        Loader { incoming: Incoming::new(size), received }
    }

    /// Takes, of a file that holds several networks, the one with this name: see
    /// [`Checkpoint::choices`].
    pub fn choose(&mut self, name: &str) {
        self.incoming.choose(name);
    }

    /// By which conventions the network is to run. To be called before the first bytes: dilated
    /// weights take more room.
    pub fn set_conventions(&mut self, conventions: Conventions) {
        self.received.conventions = Some(conventions);
    }

    /// Takes the file's next bytes.
    ///
    /// Errors: as [`Checkpoint::read`] and [`Network::from_checkpoint`], as soon as they can be
    /// known; [`Error::DeviceLost`](crate::Error::DeviceLost). Nothing more may be pushed then.
    pub fn push(&mut self, bytes: &[u8]) -> Result<()> {
        let received = &mut self.received;
        received.uploader.check()?;
        self.incoming.push(bytes, &mut |arrival| received.take(arrival))
    }

    /// What the header said the network is; `None` until it has arrived.
    pub fn architecture(&self) -> Option<&Architecture> {
        self.received.architecture.as_ref()
    }

    /// The file is at its end. Errors: as [`push`](Loader::push).
    pub fn finish(self) -> Result<Weights> {
        let Loader { incoming, mut received } = self;
        incoming.finish(&mut |arrival| received.take(arrival))?;
        let network = received.network(&received.checkpoint)?;
        let Received { uploaded, uploader, .. } = received;
        uploader.check()?;
        Ok(Weights { network, uploaded, uploader })
    }
}

impl Received {
    fn network(&self, checkpoint: &Checkpoint) -> Result<Network> {
        let mut network = Network::from_checkpoint(checkpoint)?;
        if let Some(conventions) = self.conventions {
            network.set_conventions(conventions);
        }
        Ok(network)
    }

    fn take(&mut self, arrival: Arrival) -> Result<()> {
        match arrival {
            Arrival::Described(checkpoint) => {
                // Refused here, a file need not be read to its end.
                let network = self.network(&checkpoint)?;
                let mut named = |name: &str, shape| {
                    if !network.computed.iter().any(|computed| computed == name) {
                        self.shapes.insert(format!("{name}.weight"), (name.to_owned(), shape));
                    }
                };
                network.convs().for_each(|conv| named(&conv.name, Shape::of(conv)));
                let linears = network.linears();
                linears.for_each(|linear| {
                    named(&linear.name, Shape::of_linear(linear.classes, linear.features))
                });
                self.architecture = Some(network.architecture);
                self.checkpoint = checkpoint;
            }
            Arrival::Tensor(name, tensor) => match self.shapes.get(&name) {
                Some((layer, shape)) => {
                    let (dtype, bytes) = tensor.upload()?;
                    self.uploaded.add(&self.uploader, layer, *shape, dtype, &bytes)?;
                }
                None => self.checkpoint.fill(name, tensor),
            },
        }
        Ok(())
    }
}

impl Weights {
    pub fn architecture(&self) -> &Architecture {
        &self.network.architecture
    }

    /// The network, without its large weights: its notes and what photos should be for it.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// By which conventions the network runs, and whether they had to be assumed.
    pub fn conventions(&self) -> (Conventions, bool) {
        (self.network.conventions, self.network.conventions_assumed)
    }
}
