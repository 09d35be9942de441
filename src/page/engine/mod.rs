//! The engine behind a typed protocol: the page sends requests and gets events, and never holds an
//! `Explainer`.
//!
//! - `protocol.rs`: [`Request`](protocol::Request) and [`Event`](protocol::Event);
//! - `slots.rs`: one waiting request a kind, the latest wins;
//! - `client.rs`: the page's end; `worker.rs`: the other one, in a worker; `message.rs`: what is
//!   posted between them;
//! - `service.rs`: owns the `Explainer` and serves one request at a time;
//! - `loading.rs`, `download.rs`: weights from the site, other hosts, the cache or a disk, beside
//!   the service's loop; `photos.rs`: photos, in the same way;
//! - `analysis.rs`: what is asked beside the main heatmap; `other.rs`: other photos and networks beside
//!   those on show; `questions.rs`: questions about the photo, `captions.rs`: descriptions of it,
//!   `heads.rs`: the files of both.
//!
//! Every prediction has a generation. Results of an older one are dropped by whoever gets them:
//! nothing has to be called off.

#[cfg(target_arch = "wasm32")]
mod analysis;
#[cfg(target_arch = "wasm32")]
mod captions;
#[cfg(target_arch = "wasm32")]
pub mod client;
#[cfg(target_arch = "wasm32")]
mod download;
#[cfg(target_arch = "wasm32")]
mod heads;
#[cfg(target_arch = "wasm32")]
mod loading;
#[cfg(target_arch = "wasm32")]
mod message;
#[cfg(target_arch = "wasm32")]
mod other;
#[cfg(target_arch = "wasm32")]
mod photos;
#[cfg(target_arch = "wasm32")]
pub mod protocol;
#[cfg(target_arch = "wasm32")]
mod questions;
#[cfg(target_arch = "wasm32")]
mod service;
#[cfg(any(target_arch = "wasm32", test))]
mod slots;
#[cfg(target_arch = "wasm32")]
mod worker;

#[cfg(target_arch = "wasm32")]
pub use message::Attached;
