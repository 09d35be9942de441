//! What is known of models and classes beside the weights: the list of models, class names, links,
//! and a network's layers in numbers.

pub mod labels;
pub mod layer_summary;
pub mod models;
pub mod permalink;
