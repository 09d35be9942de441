//! Everything that can go wrong, one enum: each variant carries what a sentence about it needs.
//!
//! `Display` is the English sentence: what was wrong, what was expected, what to do. It is written for the person at the page,
//! not for a log. An error is handled once: the engine returns it, the page or the command shows it.
//! To extend: add a variant with its sentence here.

use thiserror::Error;

/// Shorthand for results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong between a photo, a checkpoint file and a picture.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum Error {
    /// The browser has no `navigator.gpu`, or the machine offers no adapter.
    #[error(
        "No WebGPU adapter was found. Use a current Chrome, Edge, Firefox or Safari with hardware acceleration switched on."
    )]
    NoAdapter,
    /// The adapter answered, its device did not.
    #[error("The graphics adapter refused to open ({detail}). Reload the page, or try another browser.")]
    NoDevice { detail: String },
    /// The device went away: driver reset, sleep, another tab that took all memory.
    #[error("The graphics device was lost ({detail}). Your photo is still here: press “Try again”.")]
    DeviceLost { detail: String },
    /// A shader or a command was refused: a bug here or in a driver.
    #[error("The graphics driver refused a step ({detail}). Try another browser, and please report this sentence.")]
    Gpu { detail: String },
    /// The adapter computes something else than the CPU: zeros are known in the wild.
    #[error(
        "This graphics adapter computes wrong results ({found} instead of {expected}), so it is not used. Update its driver, or try another browser."
    )]
    WrongResult { found: f32, expected: f32 },
    /// A photo of this size needs more than the adapter gives.
    #[error(
        "A {width}×{height} input needs a {needed}-byte buffer, and this graphics adapter allows {available}. Use a smaller photo or the “crop” fit."
    )]
    AdapterLimit { width: usize, height: usize, needed: u64, available: u64 },

    /// The bytes are no checkpoint file.
    #[error(
        "This is not a checkpoint that can be read here: {detail}. Choose a `.safetensors` or PyTorch `.pt`/`.pth` file with the weights of a ResNet."
    )]
    NotACheckpoint { detail: String },
    /// The bytes are PyTorch's, and not a plain state dict in today's format.
    #[error("This PyTorch file cannot be read: {detail}.")]
    PyTorchFile { detail: String },
    /// A tensor that the network needs is absent.
    #[error(
        "The checkpoint has no tensor `{name}` (expected shape {expected:?}). It may be cut short or belong to another network."
    )]
    TensorMissing { name: String, expected: Vec<usize> },
    /// A tensor that no part of the network uses.
    #[error(
        "The checkpoint has a tensor `{name}` of shape {found:?} that a ResNet with these layers does not use. Is it another network?"
    )]
    TensorUnexpected { name: String, found: Vec<usize> },
    /// A tensor whose shape does not fit the others.
    #[error("Tensor `{name}` has shape {found:?}; this network needs {expected:?}.")]
    TensorShape { name: String, expected: Vec<usize>, found: Vec<usize> },
    /// A tensor of a type that weights are not read from.
    #[error("Tensor `{name}` is stored as {found}; F32, F16, BF16 and F64 can be read.")]
    TensorType { name: String, found: String },
    /// A tensor holds NaN or infinity.
    #[error("Tensor `{name}` holds values that are not finite numbers: the file is damaged or its training diverged.")]
    TensorNotFinite { name: String },
    /// A batch norm's variance is below zero.
    #[error("Tensor `{name}` holds negative variances: the file is damaged.")]
    TensorNegative { name: String },
    /// The tensors are those of another kind of network.
    #[error("This checkpoint is not a ResNet that can be run here: {detail}.")]
    NotAResnet { detail: String },
    /// The label list and the network disagree.
    #[error("The label list has {found} names, the network has {expected} classes.")]
    LabelCount { expected: usize, found: usize },
    /// The label list can't be read.
    #[error("The label list cannot be read: {detail}. One name a line, or a JSON array of names.")]
    LabelFormat { detail: String },

    /// The bytes are no image of a format that is decoded here.
    #[error("This file is not an image that can be read here ({detail}). JPEG, PNG, WebP, GIF and BMP work.")]
    PhotoFormat { detail: String },
    /// The image starts well and breaks.
    #[error("The image is damaged: {detail}. Try to open and save it again with another program.")]
    PhotoCorrupt { detail: String },
    /// More pixels than are decoded here.
    #[error("The image has {width}×{height} pixels; at most {limit} million are read. Save a smaller copy.")]
    PhotoTooLarge { width: u64, height: u64, limit: u64 },
    /// Fewer pixels than the network can take.
    #[error(
        "The image has {width}×{height} pixels; at least {minimum}×{minimum} are needed. Choose “crop”, which enlarges it, or a larger photo."
    )]
    PhotoTooSmall { width: usize, height: usize, minimum: usize },
    /// A strip of a photo.
    #[error(
        "The image has {width}×{height} pixels: one side is more than {limit} times the other. Cut out the part that matters."
    )]
    PhotoTooNarrow { width: usize, height: usize, limit: usize },

    /// A layer name that this network does not have.
    #[error("There is no layer `{name}`. This network has {known}.")]
    UnknownLayer { name: String, known: String },
    /// A class index or name that this network does not have.
    #[error("There is no class `{name}` among the {classes} of this network.")]
    UnknownClass { name: String, classes: usize },
    /// A method that is not built here.
    #[error("There is no method `{name}`. Known: {known}.")]
    UnknownMethod { name: String, known: String },
    /// A name that stands for none of the choices.
    #[error("There is no {what} `{name}`. Known: {known}.")]
    UnknownChoice { what: &'static str, name: String, known: String },
    /// `predict` before `load`.
    #[error("No network is loaded yet. Load a checkpoint first.")]
    NoNetwork,
    /// `explain` before `predict`.
    #[error("No photo has been looked at yet. Choose a photo first.")]
    NoPhoto,
    /// A file that can't be fetched or read.
    #[error("{file} could not be read: {detail}.")]
    File { file: String, detail: String },
}
