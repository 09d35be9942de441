//! Gradlens: where a neural network looks.
//!
//! Networks written by hand, forward and backward, in WGSL compute shaders, and Grad-CAM on top of
//! them. [`Explainer`] is the door: load a checkpoint, [`predict`](Explainer::predict) a photo,
//! [`explain`](Explainer::explain) a class. `ARCHITECTURE.md` shows the rooms behind it.

pub mod catalog;
pub mod checkpoint;
pub mod error;
pub mod explain;
pub mod gpu;
pub mod image;
#[cfg(all(target_arch = "wasm32", feature = "js"))]
pub mod js;
pub mod models;
pub mod ops;
pub mod reference;
pub mod shader;
pub mod tuning;

use gradlens_cpu as cpu;
pub use gradlens_cpu::operation;

pub use catalog::labels::Labels;
pub use checkpoint::{Checkpoint, Network};
pub use error::{Error, Result};
pub use explain::cam::Method;
pub use explain::guided::Guided;
pub use explain::objective::{Objective, Scores};
pub use explain::perturbation::Estimate;
pub use explain::{Explainer, Explanation, Memory, Prediction, Question, Score, Timing};
pub use image::heatmap::ColourMap;
pub use image::{Fit, Photo, Preprocessing, Rect};
pub use models::{Loader, Weights};
