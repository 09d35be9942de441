//! From a prediction to its explanation.
//!
//! - `explainer.rs`: [`Explainer`], through which everybody asks; `loaded.rs`: the network that it
//!   holds, and passes over it; `types.rs`: what is asked and answered; `timings.rs`,
//!   `preprocessing.rs`: its smaller parts;
//! - `cam.rs`: the CAM methods; `objective.rs`: what a class's evidence is; `shapley.rs`: its second
//!   derivative; `perturbation.rs`: methods that run the network again;
//! - `ranking.rs`: which values are the largest;
//! - `pixels.rs`, `full_grad.rs`: methods without a layer; `smoothing.rs`: two switches for all;
//! - `questions.rs`: answers to questions, `captions.rs`: descriptions; `heads.rs`: their maps;
//! - `concepts.rs`, by `nmf.rs`: what the last layer found in the photo, as coloured regions;
//! - `guided.rs`, `neurons.rs`, `channels.rs`: other pictures of what the network reads;
//! - `faithfulness.rs`, `localization.rs`: how far a map can be believed; `drawing.rs`: how well
//!   somebody's guess agrees with it.

pub mod cam;
mod captions;
pub mod channels;
pub mod concepts;
pub mod drawing;
mod explainer;
pub mod faithfulness;
pub mod full_grad;
pub mod guided;
mod heads;
mod loaded;
pub mod localization;
pub mod neurons;
pub mod nmf;
pub mod objective;
pub mod perturbation;
pub mod pixels;
mod preprocessing;
mod questions;
mod ranking;
mod shapley;
mod smoothing;
mod timings;
mod types;

pub use captions::Caption;
pub use explainer::*;
pub use heads::ANSWER_METHODS;
use loaded::Loaded;
pub use questions::Answers;
pub use timings::Timing;
pub use types::{Asked, Explanation, Memory, Planes, Prediction, Progress, Question, Score, top};
