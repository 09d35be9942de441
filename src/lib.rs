//! Gradlens: where a neural network looks.
//!
//! Networks written by hand, forward and backward, in WGSL compute shaders, and Grad-CAM on top of them.
//! [`Explainer`] is the door: load a checkpoint, [`predict`](Explainer::predict) a photo, [`explain`](Explainer::explain) a
//! class. `ARCHITECTURE.md` shows the rooms behind it.

#[cfg(all(target_arch = "wasm32", feature = "page"))]
pub mod app;
pub mod cam;
pub mod catalog;
pub mod channels;
pub mod checkpoint;
mod cpu;
pub mod error;
pub mod explain;
pub mod faithfulness;
pub mod gpu;
pub mod guided;
pub mod heatmap;
#[cfg(all(target_arch = "wasm32", feature = "js"))]
pub mod js;
pub mod loader;
pub mod localise;
pub mod models;
pub mod neurons;
pub mod objective;
pub mod ops;
pub mod perturb;
pub mod photo;
pub mod reference;
pub mod shader;
pub mod tune;

pub use cam::Method;
pub use catalog::labels::Labels;
pub use checkpoint::{Checkpoint, Network};
pub use error::{Error, Result};
pub use explain::{Explainer, Explanation, Memory, Prediction, Question, Score, Timing};
pub use guided::Guided;
pub use heatmap::ColourMap;
pub use loader::{Loader, Weights};
pub use objective::Objective;
pub use perturb::Estimate;
pub use photo::{Fit, Photo, Preprocessing, Rect};
