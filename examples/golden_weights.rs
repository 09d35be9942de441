//! Writes the golden ResNet-50 (untrained, deterministic; see `tests/golden/README.md`) as a safetensors file, for trying the
//! program without trained weights and for benchmarks.
//!
//! ```sh
//! cargo run --release --example golden_weights -- --dtype f16 --out golden.safetensors
//! ```

#[path = "../tests/common/golden_weights.rs"]
mod golden_weights;

use std::process::ExitCode;

use gradlens::checkpoint::Dtype;

const USAGE: &str = "usage: golden_weights [--dtype f32|f16|bf16] --out FILE";

fn main() -> ExitCode {
    match run(std::env::args().skip(1)) {
        Ok(done) => {
            println!("{done}");
            ExitCode::SUCCESS
        }
        Err(sentence) => {
            eprintln!("{sentence}");
            ExitCode::FAILURE
        }
    }
}

fn run(mut args: impl Iterator<Item = String>) -> Result<String, String> {
    let (mut dtype, mut out) = (Dtype::F32, None);
    while let Some(option) = args.next() {
        let value = args.next().ok_or(USAGE)?;
        match (&option[..], &value[..]) {
            ("--dtype", "f32") => dtype = Dtype::F32,
            ("--dtype", "f16") => dtype = Dtype::F16,
            ("--dtype", "bf16") => dtype = Dtype::BF16,
            ("--out", path) => out = Some(path.to_owned()),
            _ => return Err(format!("`{option} {value}` is not understood; {USAGE}")),
        }
    }
    let out = out.ok_or(USAGE)?;
    let bytes = golden_weights::checkpoint_bytes(dtype);
    std::fs::write(&out, &bytes).map_err(|error| format!("{out}: {error}"))?;
    Ok(format!("{out}: {} bytes, {dtype}", bytes.len()))
}
