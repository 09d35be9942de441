//! What is known of models and classes beside the weights: the list of models, class names, links,
//! lessons, how well methods did, a network's layers in numbers, what is on show as a Python script,
//! what can be asked of a question head and what a caption head says.

pub mod captions;
pub mod labels;
pub mod layer_summary;
pub mod lessons;
pub mod method_scores;
pub mod models;
pub mod notebook;
pub mod permalink;
pub mod questions;
