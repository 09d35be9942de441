//! What the browser offers. Nothing here knows of signals or of the engine's service.
//!
//! `fetch.rs`, `embedded.rs`: files; `weights_cache.rs`, `own_files.rs`, over
//! `cache_storage.rs`, and `storage.rs`: what is kept for the next visit; `canvas.rs`: pixels in and out; `camera.rs`; `clipboard.rs`: out of the page; `dropped.rs`: folders;
//! `adapter.rs`: the GPU's name; `fullscreen.rs`; `pointer.rs`; `popover.rs`; `timer.rs`.

pub mod adapter;
pub mod browser_decoder;
pub mod cache_storage;
pub mod camera;
pub mod canvas;
pub mod clipboard;
pub mod crash;
pub mod dropped;
pub mod embedded;
pub mod fetch;
pub mod fullscreen;
pub mod own_files;
pub mod pointer;
pub mod popover;
pub mod scope;
pub mod storage;
pub mod timer;
pub mod weights_cache;
