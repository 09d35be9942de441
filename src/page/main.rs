//! The page: one screen around one picture. A package of its own, compiled for size; what computes is
//! in the library.
//!
//! - `engine/`: [`Request`](engine::protocol::Request) and [`Event`](engine::protocol::Event), and
//!   the service that owns the `Explainer`;
//! - `state/`: what the page knows, as signals;
//! - `controller/`: what happens on a click and on an event of the engine;
//! - `components/`: the views; they read signals and call the controller;
//! - `platform/`: what the browser offers (fetch, caches, canvas, camera, clipboard);
//! - `archive.rs`: CSV and ZIP files;
//! - `i18n/`: every word, once a language; `styles/`: a stylesheet a concern; `public/`: files that
//!   are served as they are.
//!
//! Components know the controller, the controller knows state, engine and platform, and none of
//! these know components. To add a control: a signal in `State`, its words in `i18n`, a component
//! in the card where a visitor would look for it.

#[cfg(any(target_arch = "wasm32", test))]
mod archive;
#[cfg(target_arch = "wasm32")]
mod components;
#[cfg(target_arch = "wasm32")]
mod controller;
mod engine;
#[cfg(target_arch = "wasm32")]
mod fault;
#[cfg(target_arch = "wasm32")]
mod i18n;
#[cfg(target_arch = "wasm32")]
mod platform;
#[cfg(any(target_arch = "wasm32", test))]
mod query;
#[cfg(target_arch = "wasm32")]
mod state;

fn main() {
    #[cfg(target_arch = "wasm32")]
    components::app::start();
    #[cfg(not(target_arch = "wasm32"))]
    eprintln!(
        "This program is a web page: run scripts/serve. The native command is examples/explain.rs."
    );
}
