//! Measures a model's heatmaps on scenes whose objects' places are known, and prints a table for its model card:
//! `cargo run --release --example pointing_game -- weights/emoji50/emoji50.safetensors SCENES`
//! SCENES is a folder that `weights/emoji50/scenes_for_proof.py` wrote. A third argument, `--processor`, has the processor compute, which
//! is several times faster than a software adapter.

use std::path::Path;

use gradlens::catalog::layer_summary::{main_layers_with_strides, one_a_stride};
use gradlens::explain::LAST_LAYER;
use gradlens::{Checkpoint, Explainer, Method, Network};
use pollster::block_on;

#[path = "../tests/common/pointing.rs"]
mod pointing;
use pointing::{Score, play, scenes};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let usage = "usage: pointing_game WEIGHTS SCENES [--processor]";
    let [weights, folder, processor @ ..] = &arguments[..] else { panic!("{usage}") };
    assert!(processor.is_empty() || processor == ["--processor"], "{usage}");
    let network = Network::from_checkpoint(&Checkpoint::read(std::fs::read(weights).unwrap()).unwrap()).unwrap();
    let mut explainer = if processor.is_empty() { block_on(Explainer::new()).unwrap() } else { Explainer::on_cpu() };
    block_on(explainer.load(&network, Default::default())).unwrap();

    // One layer for each size of the grid; deeper backwards cost more: below the last only the methods that people use there.
    let earlier = one_a_stride(&main_layers_with_strides(&network.architecture));
    let mut games: Vec<(&str, Method)> = Method::quick().map(|method| (LAST_LAYER, method)).collect();
    for (layer, _) in earlier.iter().rev().skip(1).take(2) {
        games.extend([Method::GradCam, Method::HiResCam, Method::LayerCam].map(|method| (layer.as_str(), method)));
    }
    for held_out in [false, true] {
        let kept: Vec<_> = scenes(Path::new(folder)).into_iter().filter(|scene| scene.held_out == held_out).collect();
        if kept.is_empty() {
            continue;
        }
        let mut scores = vec![Score::default(); games.len()];
        let play = |scene| play(&mut explainer, Path::new(folder), scene, &games, &mut scores);
        let both = kept.iter().map(play).filter(|&both| both).count();
        let style = if held_out { "the held-out style" } else { "trained styles" };
        println!("\n{} scenes of {style}; both classes among the best five in {both}\n", kept.len());
        println!(
            "| layer | method | maximum on the object | within 15 pixels | heat on it | heat on the other | ratio | blank maps |"
        );
        println!("|---|---|---|---|---|---|---|---|");
        for ((layer, method), score) in games.iter().zip(&scores) {
            println!("| {layer} | {method} | {} |", score.row());
        }
    }
}
