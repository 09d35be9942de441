//! The native command as a person runs it: what it writes, and what it says when something is
//! wrong.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use gradlens::checkpoint::Block;
use safetensors::SafeTensors;

mod common;
use common::golden_weights::{architecture, random_checkpoint};

/// `cargo test` builds the examples beside the tests.
fn explain(arguments: &[&str]) -> Output {
    let test = std::env::current_exe().unwrap();
    let command = test.ancestors().nth(2).unwrap().join("examples/explain");
    Command::new(&command)
        .args(arguments)
        .output()
        .unwrap_or_else(|e| panic!("{}: {e}", command.display()))
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
    for (fit, class, size, layer, cam) in [
        ("whole", "Dog", [300, 451], "layer3.0", [19, 29]),
        ("crop", "3", [224, 224], "layer4", [7, 7]),
    ] {
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
        let result: serde_json::Value =
            serde_json::from_slice(&std::fs::read(at("out/result.json")).unwrap()).unwrap();
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

/// Everything that can be asked beside one map, in one run.
#[test]
fn writes_what_else_is_asked_for() {
    let folder = folder("also");
    let at = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (weights, labels, out) = (at("tiny.safetensors"), at("labels.txt"), at("out"));
    let arguments = [
        "--weights",
        &weights,
        "--image",
        PHOTO,
        "--labels",
        &labels,
        "--fit",
        "crop",
        "--out",
        &out,
    ];
    let more = [
        ["--class", "dog"],
        ["--layer", "layer3,layer4"],
        ["--target", "contrast:cat"],
        ["--method", "ablation-cam"],
        ["--channels", "8"],
        ["--also", "guided,box,cover,neurons,trust,sanity"],
        ["--truth", "150,50,200,200"],
    ];
    let output = explain(&[&arguments[..], more.as_flattened()].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let result: serde_json::Value =
        serde_json::from_slice(&std::fs::read(at("out/result.json")).unwrap()).unwrap();
    assert_eq!([&result["layer"], &result["method"]], ["layer3+layer4", "ablation-cam"]);
    assert_eq!(
        [&result["target"]["name"], &result["target"]["than"]["label"]],
        ["contrast", "cat"]
    );
    let number = |value: &serde_json::Value| {
        value.as_f64().unwrap_or_else(|| panic!("{value} in {result:#}"))
    };
    // The crop is the middle of the photo: what was found there lies on it.
    let found = &result["box"]["rect"];
    assert!(
        number(&found["x"]) >= number(&result["input"]["rect"]["x"])
            && number(&found["width"]) <= 300.0
    );
    for share in
        [&result["truth"]["iou"], &result["truth"]["energy_share"], &result["cover"]["probability"]]
    {
        assert!((0.0..=1.0).contains(&number(share)));
    }
    assert!(result["truth"]["points_into"].is_boolean());
    assert_eq!(result["neurons"]["for"][0]["favours"].as_array().unwrap().len(), 3);
    let road = &result["trust"]["road"];
    let means = [number(&road["lerf"]["mean"]), number(&road["morf"]["mean"])];
    assert!((number(&road["combined"]) - (means[0] - means[1]) / 2.0).abs() < 1e-6);
    assert_eq!(result["trust"]["deletion"]["points"].as_array().unwrap().len(), 17);
    assert_eq!(result["sanity"].as_array().unwrap().len(), 6);

    let file = std::fs::read(at("out/tensors.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&file).unwrap();
    let shape = |name: &str| {
        tensors.tensor(name).unwrap_or_else(|e| panic!("{name}: {e}")).shape().to_vec()
    };
    assert_eq!([shape("cam/layer3"), shape("cam/layer4")], [[14, 14], [7, 7]]);
    assert_eq!([shape("guided"), shape("guided_cam")], [[224, 224, 3]; 2]);
    assert_eq!([shape("scrambled/fc"), shape("scrambled/conv1")], [[224, 224]; 2]);
    let neuron = number(&result["neurons"]["for"][0]["channel"]);
    assert_eq!(shape(&format!("neuron/{neuron}")), [7, 7]);
    for picture in ["guided.png", "guided_cam.png", "covered.png"] {
        assert_eq!(
            image::open(folder.join("out").join(picture)).unwrap().width(),
            224,
            "{picture}"
        );
    }
}

/// A question in either language: the answer, and a map whose maximum lies on it.
#[test]
fn answers_a_question() {
    let root = env!("CARGO_MANIFEST_DIR");
    let weights = format!("{root}/weights/emoji50/emoji50.safetensors");
    let image = format!("{root}/weights/emoji50/sample/000.png"); // a basketball above a whale
    let out = folder("answers").join("out").to_str().unwrap().to_owned();
    let ask = |more: &[&str]| {
        let good = ["--weights", &weights, "--image", &image, "--out", &out];
        explain(&[&good[..], more].concat())
    };
    for (question, method, answer) in [
        ("What is above the whale?", "grad-cam", "basketball"),
        ("鲸鱼的上方是什么？", "hires-cam", "篮球"),
    ] {
        let output = ask(&["--ask", question, "--method", method, "--fit", "whole"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.contains(&format!("000.png: {answer} (")), "{said}");
        let folder = Path::new(&out);
        let result: serde_json::Value =
            serde_json::from_slice(&std::fs::read(folder.join("result.json")).unwrap()).unwrap();
        assert_eq!(result["answers"][0]["answer"], answer);
        assert_eq!(result["answers"].as_array().unwrap().len(), 3);
        assert_eq!([&result["layer"], &result["method"]], ["layer3", method]);
        assert_eq!(result["question"], question);

        let file = std::fs::read(folder.join("tensors.safetensors")).unwrap();
        let tensors = SafeTensors::deserialize(&file).unwrap();
        assert_eq!(tensors.tensor("cam").unwrap().shape(), [14, 14]);
        let heatmap = tensors.tensor("heatmap").unwrap();
        let heat: Vec<f32> = bytemuck::pod_collect_to_vec(heatmap.data());
        let most = (0..heat.len()).max_by(|&a, &b| heat[a].total_cmp(&heat[b])).unwrap();
        let (x, y) = (most % 224, most / 224);
        // The basketball's box in scenes.json.
        assert!((158..204).contains(&x) && (55..100).contains(&y), "{question}: {x}, {y}");
        assert_eq!(image::open(folder.join("overlay.png")).unwrap().width(), 224);
    }
    for (more, sentence) in [
        (&["--ask", "What is above the wombat?"][..], "about “wombat”"),
        (&["--ask", "Why?"], "not a question that these weights can answer"),
        (&["--ask", "What is largest?", "--class", "3"], "do not go together"),
        (&["--ask", "What is largest?", "--method", "score-cam"], "no method `score-cam`"),
        (
            &["--ask", "What is largest?", "--questions", "/nowhere"],
            "questions.json could not be read",
        ),
        (&["--questions", "/nowhere"], "`--ask` is missing"),
    ] {
        let output = ask(more);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(sentence), "{sentence:?} is not in {said:?}");
        assert_eq!(output.status.code(), Some(1), "{said}");
    }
}

/// A caption in both languages, and maps of what it names.
#[test]
fn describes_a_picture() {
    let root = env!("CARGO_MANIFEST_DIR");
    let weights = format!("{root}/weights/emoji50/emoji50.safetensors");
    let image = format!("{root}/weights/emoji50/sample/001.png");
    let out = folder("captions").join("out").to_str().unwrap().to_owned();
    let describe = |more: &[&str]| {
        let good = ["--weights", &weights, "--image", &image, "--out", &out, "--describe"];
        explain(&[&good[..], more].concat())
    };
    let output = describe(&["--fit", "whole", "--method", "hires-cam"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("a fire engine above a croissant\n牛角面包的上方有一辆消防车"), "{said}");
    let file = |name: &str| std::fs::read(Path::new(&out).join(name)).unwrap();
    let result: serde_json::Value = serde_json::from_slice(&file("result.json")).unwrap();
    let english = result["captions"]["en"]["words"].as_array().unwrap();
    assert_eq!(english.len(), 5);
    assert!(english.iter().all(|word| word["log_probability"].as_f64().unwrap() < 0.0));
    for name in ["en-2-hires-cam.png", "en-2-attention.png", "zh-1-hires-cam.png", "overlay.png"] {
        assert_eq!(image::load_from_memory(&file(name)).unwrap().width(), 224, "{name}");
    }
    assert_eq!(
        [&english[1]["map"], &english[1]["blank"]],
        [&serde_json::json!("en-2-hires-cam.png"), &false.into()]
    );
    for (more, sentence) in [
        (&["--class", "3"][..], "do not go together"),
        (&["--method", "score-cam"], "no method `score-cam`"),
        (&["--captions", "/nowhere"], "captions.json could not be read"),
    ] {
        let output = describe(more);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(sentence), "{sentence:?} is not in {said:?}");
        assert_eq!(output.status.code(), Some(1), "{said}");
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
        (with(&["--weights", &weights]), "`--weights` stands there twice"),
        (with(&["--class", "5"]), "no class `5` among the 5"),
        (with(&["--labels", &labels, "--class", "cow"]), "no class `cow`"),
        (with(&["--labels", &at("four.txt")]), "4 names, the network has 5 classes"),
        (with(&["--layer", "layer9"]), "no layer `layer9`"),
        (with(&["--method", "magic"]), "no method `magic`"),
        (with(&["--fit", "loose"]), "`loose`"),
        (with(&["--target", "guess"]), "no target `guess`"),
        (with(&["--target", "contrast:9"]), "no class `9`"),
        (with(&["--also", "guided,coffee"]), "no `coffee` for --also"),
        (with(&["--channels", "0"]), "`0` is not a number above 0"),
        (with(&["--truth", "1,2,3"]), "`1,2,3` is not a box"),
        (
            explain(&["--weights", &weights, "--image", &at("absent.png"), "--out", &out]),
            "absent.png could not be read",
        ),
        (
            explain(&["--weights", &weights, "--image", &at("nonsense.bin"), "--out", &out]),
            "not an image",
        ),
        (
            explain(&["--weights", &at("nonsense.bin"), "--image", PHOTO, "--out", &out]),
            "not a checkpoint",
        ),
    ];
    for (output, sentence) in cases {
        let said = String::from_utf8_lossy(&output.stderr);
        // Drivers print lines of their own: ours is the last one, or the one before the usage.
        assert!(said.contains(sentence), "{sentence:?} is not in {said:?}");
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(!said.contains("panicked"), "{said}");
    }
}
