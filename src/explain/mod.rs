//! From a prediction to its explanation.
//!
//! - `explainer.rs`: [`Explainer`], through which everybody asks;
//! - `cam.rs`: the CAM methods; `objective.rs`: what a class's evidence is; `perturbation.rs`: methods that run the network again;
//! - `inputs.rs`: how photos become a network's inputs where nobody says otherwise;
//! - `guided.rs`, `neurons.rs`, `channels.rs`: other pictures of what the network reads;
//! - `faithfulness.rs`, `localization.rs`: how far a map can be believed.

pub mod cam;
pub mod channels;
mod explainer;
pub mod faithfulness;
pub mod guided;
mod inputs;
pub mod localization;
pub mod neurons;
pub mod objective;
pub mod perturbation;

pub use explainer::*;
