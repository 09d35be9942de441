//! The views. They read the state's signals and call the controller; no view computes.
//!
//! - `app.rs`: the page as a whole; `notices.rs`, `status.rs`: what it says about itself;
//! - `stage.rs`: the picture, with `inspector.rs`, `camera_bar.rs`, `tray.rs` and
//!   `own_files.rs`; `model.rs`,
//!   `preprocessing.rs`: the network in use;
//! - `classes.rs`, `describe.rs`, `ask.rs`, `explanation_settings.rs`, `query.rs`: what is explained; `analysis/`: panels
//!   for other questions;
//! - `network_view.rs`, `timings.rs`: inside the network; `tour/`, `teach/`, `presenter.rs`: lessons;
//!   `glossary.rs`: terms in texts; `shortcuts.rs`; `widgets.rs`: controls used more than once.

mod analysis;
pub mod app;
mod ask;
mod camera_bar;
mod classes;
mod describe;
mod explanation_settings;
mod glossary;
mod inspector;
mod model;
mod network_view;
mod notices;
mod own_files;
mod preprocessing;
mod presenter;
mod query;
mod shortcuts;
mod stage;
mod status;
mod teach;
mod thumbnails;
mod timings;
mod tour;
mod tray;
mod widgets;
