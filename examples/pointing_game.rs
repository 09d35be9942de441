//! Measures a model's heatmaps on scenes whose objects' places are known, and prints a table for
//! its model card: `cargo run --release --example pointing_game --
//! weights/emoji50/emoji50.safetensors SCENES` SCENES is a folder that
//! `weights/emoji50/scenes_for_proof.py` wrote. `--processor` has the processor compute, which is
//! several times faster than a software adapter.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use gradlens::catalog::layer_summary::{main_layers_with_strides, one_layer_per_stride};
use gradlens::explain::LAST_LAYER;
use gradlens::{Checkpoint, Error, Explainer, Method, Network, Result};
use pollster::block_on;

mod command_line;
#[path = "../tests/common/pointing.rs"]
mod pointing;
use pointing::{Score, play, scenes};

/// Measures a model's heatmaps on scenes whose objects' places are known.
#[derive(Parser)]
#[command(name = "pointing_game")]
struct Options {
    /// A checkpoint: .safetensors, .pt, .pth
    weights: PathBuf,
    /// A folder that weights/emoji50/scenes_for_proof.py wrote
    scenes: PathBuf,
    /// Compute on the processor
    #[arg(long)]
    processor: bool,
}

fn main() -> ExitCode {
    command_line::run(|options: Options| measure(&options).map_err(|error| error.to_string()))
}

fn measure(options: &Options) -> Result<String> {
    let unread = |error: std::io::Error| Error::File {
        file: options.weights.display().to_string(),
        detail: error.to_string(),
    };
    let network = Network::from_checkpoint(&Checkpoint::read(
        std::fs::read(&options.weights).map_err(unread)?,
    )?)?;
    let mut explainer =
        if options.processor { Explainer::on_cpu() } else { block_on(Explainer::new())? };
    block_on(explainer.load(&network, Default::default()))?;

    // One layer for each size of the grid; deeper backwards cost more: below the last only the
    // methods that people use there.
    let earlier = one_layer_per_stride(&main_layers_with_strides(&network.architecture));
    let mut games: Vec<(&str, Method)> =
        Method::quick().map(|method| (LAST_LAYER, method)).collect();
    for (layer, _) in earlier.iter().rev().skip(1).take(2) {
        games.extend(
            [Method::GradCam, Method::HiResCam, Method::LayerCam]
                .map(|method| (layer.as_str(), method)),
        );
    }
    let mut lines = Vec::new();
    for held_out in [false, true] {
        let kept: Vec<_> = scenes(&options.scenes)
            .into_iter()
            .filter(|scene| scene.held_out == held_out)
            .collect();
        if kept.is_empty() {
            continue;
        }
        let mut scores = vec![Score::default(); games.len()];
        let play = |scene| play(&mut explainer, &options.scenes, scene, &games, &mut scores);
        let both = kept.iter().map(play).filter(|&both| both).count();
        let style = if held_out { "the held-out style" } else { "trained styles" };
        lines.push(format!(
            "\n{} scenes of {style}; both classes among the best five in {both}\n",
            kept.len()
        ));
        lines.push(
            "| layer | method | maximum on the object | within 15 pixels | heat on it | heat on the other | ratio | blank maps |"
                .into(),
        );
        lines.push("|---|---|---|---|---|---|---|---|".into());
        let rows = games.iter().zip(&scores);
        lines.extend(
            rows.map(|((layer, method), score)| {
                format!("| {layer} | {method} | {} |", score.row())
            }),
        );
    }
    Ok(lines.join("\n"))
}
