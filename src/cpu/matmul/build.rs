//! Cargo's build script: compiles `kernel.rs` for the page, before the crate.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

fn main() {
    let sources = Path::new("src/cpu/matmul");
    println!("cargo::rerun-if-changed={}", sources.display());
    if env::var("CARGO_CFG_TARGET_ARCH").as_deref() != Ok("wasm32") {
        return;
    }
    let [rustc, folder, target] =
        ["RUSTC", "OUT_DIR", "TARGET"].map(|name| env::var(name).expect("cargo sets it"));
    let kernel = Path::new(&folder).join("relaxed_simd_kernel.wasm");
    let status = Command::new(rustc)
        .arg(sources.join("kernel.rs"))
        .args(["--edition=2024", "--crate-type=cdylib", "--target", &target, "-o"])
        .arg(&kernel)
        .args(["-Copt-level=3", "-Cpanic=abort", "-Cstrip=symbols"])
        .arg("-Ctarget-feature=+simd128,+relaxed-simd")
        // The caller's memory, which is larger than this; no stack in it.
        .args(["-Clink-arg=--import-memory", "-Clink-arg=--initial-memory=65536"])
        .arg("-Clink-arg=-zstack-size=0")
        .status()
        .expect("cargo's rustc starts");
    assert!(status.success(), "rustc could not compile {}", sources.join("kernel.rs").display());
    let kernel = fs::read(kernel).expect("rustc wrote it");
    assert!(
        !sections(&kernel).contains(&DATA),
        "the kernel has data, which would overwrite memory"
    );
}

/// A section of a WebAssembly module that is written into memory when it is loaded.
const DATA: u8 = 11;

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
