//! Any bytes as a checkpoint file: safetensors, or what begins otherwise.
#![no_main]

#[allow(dead_code)]
#[path = "../../src/error/mod.rs"]
mod error;
mod heap;
mod reading;
#[allow(dead_code, unused_imports)]
#[path = "../../src/checkpoint/mod.rs"]
mod checkpoint;

libfuzzer_sys::fuzz_target!(|file: &[u8]| reading::check(file));
