//! The native command as a person runs it: what it writes, and what it says when something is wrong.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use gradlens::weights::Block;
use safetensors::SafeTensors;

mod common;
use common::golden_weights::{architecture, random_checkpoint};

/// `cargo test` builds the examples beside the tests.
fn explain(arguments: &[&str]) -> Output {
    let test = std::env::current_exe().unwrap();
    let command = test.ancestors().nth(2).unwrap().join("examples/explain");
    Command::new(&command).args(arguments).output().unwrap_or_else(|e| panic!("{}: {e}", command.display()))
}

/// A folder of its own for each test, with a tiny network and its labels in it.
fn folder(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    std::fs::create_dir_all(&folder).unwrap();
    let network = architecture(Block::Bottleneck, [1, 1, 1, 1], 16, 1, 16, 5);
    std::fs::write(folder.join("tiny.safetensors"), random_checkpoint(&network, 11)).unwrap();
    std::fs::write(folder.join("labels.txt"), "cat\ndog\nbird\nfish\nhorse\n").unwrap();
    folder
}

const PHOTO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/images/chelsea.png");

#[test]
fn writes_result_tensors_and_overlay() {
    let folder = folder("writes");
    let at = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (weights, labels, out) = (at("tiny.safetensors"), at("labels.txt"), at("out"));
    for (fit, class, size, layer, cam) in
        [("whole", "Dog", [300, 451], "layer3.0", [19, 29]), ("crop", "3", [224, 224], "layer4", [7, 7])]
    {
        let output = explain(&[
            "--weights",
            &weights,
            "--image",
            PHOTO,
            "--labels",
            &labels,
            "--class",
            class,
            "--layer",
            layer,
            "--fit",
            fit,
            "--out",
            &out,
        ]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let result: serde_json::Value = serde_json::from_slice(&std::fs::read(at("out/result.json")).unwrap()).unwrap();
        let index = if fit == "whole" { 1 } else { 3 };
        assert_eq!(result["class"]["index"], index);
        assert_eq!(result["class"]["label"], ["cat", "dog", "bird", "fish", "horse"][index]);
        assert_eq!(result["layer"], layer);
        assert_eq!(result["top5"].as_array().unwrap().len(), 5);
        assert_eq!([&result["input"]["height"], &result["input"]["width"]], [size[0], size[1]]);
        assert!(!result["adapter"]["name"].as_str().unwrap().is_empty());

        let file = std::fs::read(at("out/tensors.safetensors")).unwrap();
        let tensors = SafeTensors::deserialize(&file).unwrap();
        assert_eq!(tensors.tensor("input").unwrap().shape(), [3, size[0], size[1]]);
        assert_eq!(tensors.tensor("logits").unwrap().shape(), [5]);
        assert_eq!(tensors.tensor("cam").unwrap().shape(), cam);
        assert_eq!(tensors.tensor("heatmap").unwrap().shape(), size);
        // The overlay is the photo's size, whatever part of it the network saw.
        let overlay = image::open(at("out/overlay.png")).unwrap();
        assert_eq!([overlay.width(), overlay.height()], [451, 300]);
    }
}

#[test]
fn says_what_is_wrong_in_one_line() {
    let folder = folder("says");
    let at = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (weights, labels, out) = (at("tiny.safetensors"), at("labels.txt"), at("out"));
    std::fs::write(at("four.txt"), "a\nb\nc\nd\n").unwrap();
    std::fs::write(at("nonsense.bin"), "nonsense").unwrap();
    let good = ["--weights", &weights, "--image", PHOTO, "--out", &out];
    let with = |more: &[&str]| explain(&[&good[..], more].concat());
    let cases = [
        (explain(&["--image", PHOTO, "--out", &out]), "`--weights` is missing"),
        (with(&["--colour", "blue"]), "`--colour` is not an option"),
        (with(&["--class"]), "`--class` needs a value"),
        (with(&["--class", "5"]), "no class `5` among the 5"),
        (with(&["--labels", &labels, "--class", "cow"]), "no class `cow`"),
        (with(&["--labels", &at("four.txt")]), "4 names, the network has 5 classes"),
        (with(&["--layer", "layer9"]), "no layer `layer9`"),
        (with(&["--method", "magic"]), "no method `magic`"),
        (with(&["--fit", "loose"]), "`loose`"),
        (
            explain(&["--weights", &weights, "--image", &at("absent.png"), "--out", &out]),
            "absent.png could not be read",
        ),
        (explain(&["--weights", &weights, "--image", &at("nonsense.bin"), "--out", &out]), "not an image"),
        (explain(&["--weights", &at("nonsense.bin"), "--image", PHOTO, "--out", &out]), "not a checkpoint"),
    ];
    for (output, sentence) in cases {
        let said = String::from_utf8_lossy(&output.stderr);
        // Drivers print lines of their own: ours is the last one, or the one before the usage.
        assert!(said.contains(sentence), "{sentence:?} is not in {said:?}");
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(!said.contains("panicked"), "{said}");
    }
}
