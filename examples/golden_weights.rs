//! Writes the golden ResNet-50 (untrained, deterministic; see `tests/golden/README.md`) as a
//! safetensors file, for trying the program without trained weights and for benchmarks.
//!
//! ```sh
//! cargo run --release --example golden_weights -- --dtype f16 --out golden.safetensors
//! ```

mod command_line;
#[path = "../tests/common/golden_weights.rs"]
mod golden_weights;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use gradlens::checkpoint::Dtype;

/// Writes the golden ResNet-50 as a safetensors file.
#[derive(Parser)]
#[command(name = "golden_weights")]
struct Options {
    /// f32, f16 or bf16
    #[arg(long, value_name = "TYPE", default_value = "f32", value_parser = dtype)]
    dtype: Dtype,
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

fn dtype(text: &str) -> Result<Dtype, String> {
    match text {
        "f32" => Ok(Dtype::F32),
        "f16" => Ok(Dtype::F16),
        "bf16" => Ok(Dtype::BF16),
        _ => Err(format!("`--dtype {text}`: f32, f16 and bf16 are known.")),
    }
}

fn main() -> ExitCode {
    command_line::run(|Options { dtype, out }| {
        let bytes = golden_weights::checkpoint_bytes(dtype);
        std::fs::write(&out, &bytes).map_err(|error| format!("{}: {error}", out.display()))?;
        Ok(format!("{}: {} bytes, {dtype}", out.display(), bytes.len()))
    })
}
