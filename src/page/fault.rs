//! What can go wrong on the page, and the way on.

use gradlens::error::Error;
use serde::{Deserialize, Serialize};

/// What went wrong. The sentences are in `i18n::sentence`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Fault {
    /// The engine's own error.
    Engine(Error),
    /// The page came over plain http, where browsers hide WebGPU.
    Insecure,
    NoWebGpu,
    /// A file could not be fetched.
    Fetch {
        file: String,
        detail: String,
    },
    /// A file's digest is not the listed one.
    Altered {
        file: String,
    },
    /// `weights/models.json` can't be read.
    Models {
        detail: String,
    },
    /// `lessons/lessons.json` can't be read.
    Lessons {
        detail: String,
    },
    /// Something other than a file was dropped.
    NothingDropped,
    Camera {
        detail: String,
    },
    /// The browser made no picture to save.
    Save,
}

impl Fault {
    /// Whether the device is lost or unusable, so that only connecting again helps.
    pub fn is_of_the_device(&self) -> bool {
        matches!(self, Fault::Engine(error) if error.is_of_the_device())
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        // Firefox reports "… is invalid" for objects of a lost device before it reports the loss.
        // Objects that were refused when they were made have reported that first.
        Fault::Engine(match error {
            Error::Gpu { detail } if detail.contains("is invalid") => Error::DeviceLost { detail },
            error => error,
        })
    }
}

/// What “Try again” does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Nothing: another file is needed.
    None,
    /// Connects again and fetches the model in use; photo and choices stay.
    Start,
    /// Fetches the model that was asked for last.
    Model,
}

/// A fault on show.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    pub fault: Fault,
    pub retry: Retry,
    /// It is about weights, so that other weights are the way on; else about a photo.
    pub of_weights: bool,
}
