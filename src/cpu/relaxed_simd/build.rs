//! Cargo's build script: compiles `kernel.rs`, for the page, before the crate.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-changed=.");
    if env::var("CARGO_CFG_TARGET_ARCH").as_deref() != Ok("wasm32") {
        return;
    }
    let [rustc, folder, target] =
        ["RUSTC", "OUT_DIR", "TARGET"].map(|name| env::var(name).expect("cargo sets it"));
    let source = "relaxed_simd/kernel.rs";
    let kernel = Path::new(&folder).join("relaxed_simd_kernel.wasm");
    let status = Command::new(rustc)
        .arg(source)
        .args(["--edition=2024", "--crate-type=cdylib", "--target", &target, "-o"])
        .arg(&kernel)
        .args(["-Copt-level=3", "-Cpanic=abort", "-Cstrip=symbols"])
        .arg("-Ctarget-feature=+simd128,+relaxed-simd")
        // The caller's memory, which is larger than this; no stack in it.
        .args(["-Clink-arg=--import-memory", "-Clink-arg=--initial-memory=65536"])
        .arg("-Clink-arg=-zstack-size=0")
        .status()
        .expect("cargo's rustc starts");
    assert!(status.success(), "rustc could not compile {source}");
    let module = fs::read(&kernel).expect("rustc wrote it");
    if wants_memory(&module) {
        // No browser validates nothing, so that the crate's own loops are used.
        fs::write(&kernel, []).expect("as rustc did");
        println!("cargo::warning={source}, compiled, wants a stack or data: left out");
    }
}

/// Whether a WebAssembly module has data, which would overwrite its caller's, or a stack, for which
/// there is no room.
fn wants_memory(module: &[u8]) -> bool {
    /// A section that is written into memory when the module is loaded.
    const DATA: u8 = 11;
    /// `global.get 0`, the stack pointer, as linkers write it.
    const STACK_POINTER: [u8; 6] = [0x23, 0x80, 0x80, 0x80, 0x80, 0x00];
    sections(module).contains(&DATA) || module.windows(6).any(|bytes| bytes == STACK_POINTER)
}

/// The kinds of a module's sections, in order.
fn sections(module: &[u8]) -> Vec<u8> {
    let (mut kinds, mut at) = (Vec::new(), 8);
    while at < module.len() {
        kinds.push(module[at]);
        let (mut size, mut shift) = (0, 0);
        loop {
            at += 1;
            size |= usize::from(module[at] & 0x7f) << shift;
            shift += 7;
            if module[at] < 0x80 {
                break;
            }
        }
        at += 1 + size;
    }
    kinds
}
