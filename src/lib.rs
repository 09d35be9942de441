//! Gradlens: where a neural network looks.
//!
//! A ResNet written by hand, forward and backward, in WGSL compute shaders, and Grad-CAM on top of it.
//! [`Explainer`] is the door: load a checkpoint, [`predict`](Explainer::predict) a photo, [`explain`](Explainer::explain) a
//! class. `ARCHITECTURE.md` shows the rooms behind it.

#[cfg(all(target_arch = "wasm32", feature = "page"))]
pub mod app;
pub mod cam;
pub mod channels;
pub mod error;
pub mod explain;
pub mod gpu;
pub mod heatmap;
#[cfg(all(target_arch = "wasm32", feature = "js"))]
pub mod js;
pub mod labels;
pub mod loader;
pub mod models;
pub mod ops;
pub mod outline;
pub mod photo;
pub mod reference;
pub mod resnet;
pub mod shader;
pub mod tune;
pub mod weights;

pub use cam::Method;
pub use error::{Error, Result};
pub use explain::{Explainer, Explanation, Memory, Prediction, Score, Timing};
pub use heatmap::ColourMap;
pub use labels::Labels;
pub use loader::{Loader, Weights};
pub use photo::{Fit, Photo, Preprocessing, Rect};
pub use weights::{Checkpoint, Network};
