//! Gradlens: where a neural network looks.
//!
//! A ResNet written by hand, forward and backward, in WGSL compute shaders, and Grad-CAM on top of it.
//! [`Explainer`] is the door: load a checkpoint, [`predict`](Explainer::predict) a photo, [`explain`](Explainer::explain) a
//! class. `ARCHITECTURE.md` shows the rooms behind it.

#[cfg(all(target_arch = "wasm32", feature = "page"))]
pub mod app;
pub mod cam;
pub mod channels;
mod cpu;
pub mod error;
pub mod explain;
pub mod faithfulness;
mod few;
pub mod gpu;
pub mod guided;
pub mod heatmap;
#[cfg(all(target_arch = "wasm32", feature = "js"))]
pub mod js;
pub mod labels;
pub mod link;
pub mod loader;
pub mod localise;
pub mod models;
pub mod neurons;
pub mod objective;
pub mod ops;
pub mod order;
pub mod outline;
pub mod perturb;
pub mod photo;
pub mod reference;
pub mod resnet;
pub mod shader;
pub mod tune;
pub mod weights;

pub use cam::Method;
pub use error::{Error, Result};
pub use explain::{Explainer, Explanation, Memory, Prediction, Question, Score, Timing};
pub use guided::Guided;
pub use heatmap::ColourMap;
pub use labels::Labels;
pub use loader::{Loader, Weights};
pub use objective::Objective;
pub use perturb::Estimate;
pub use photo::{Fit, Photo, Preprocessing, Rect};
pub use weights::{Checkpoint, Network};
