//! Every error is reached by what reaches it in life, and says so in both languages.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use gradlens::catalog::questions::Questions;
use gradlens::checkpoint::{Block, Conventions, Dtype, ResNetConfig};
use gradlens::gpu::Gpu;
use gradlens::image::prepare;
use gradlens::{
    Checkpoint, ColourMap, Error, Explainer, Fit, Labels, Method, Network, Photo, Preprocessing,
    Result,
};
use pollster::block_on;

mod common;
use common::golden_weights::{
    StateDict, architecture, random_checkpoint, random_state_dict, to_safetensors,
};

/// Reached elsewhere, since it takes an adapter that is broken: the file, and the words of its
/// test.
const ELSEWHERE: [(&str, &str, &str); 2] = [
    ("WrongResult", "src/tuning.rs", "results_that_are_not_the_cpus_are_not_believed"),
    ("GpuMemory", "src/gpu/device.rs", "memory_that_runs_out_has_a_sentence_of_its_own"),
];

fn small() -> ResNetConfig {
    architecture(Block::Basic, [1, 1, 1, 1], 8, 1, 8, 3)
}

fn network() -> Network {
    Network::from_checkpoint(&Checkpoint::read(random_checkpoint(&small(), 1)).unwrap()).unwrap()
}

/// A small network with one change, as a file.
fn changed(change: impl FnOnce(&mut StateDict)) -> Result<Network> {
    let mut state = random_state_dict(&small(), 1);
    change(&mut state);
    Network::from_checkpoint(&Checkpoint::read(to_safetensors(&state, Dtype::F32))?)
}

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)).unwrap()
}

fn photo(width: usize, height: usize) -> Photo {
    Photo::new(width, height, vec![100; width * height * 3])
}

/// What a machine without any adapter makes the native command say.
fn without_an_adapter() -> Error {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let weights = folder.join("errors.safetensors");
    std::fs::write(&weights, random_checkpoint(&small(), 1)).unwrap();
    let image = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/images/chelsea.png");
    let test = std::env::current_exe().unwrap();
    let command = test.ancestors().nth(2).unwrap().join("examples/explain"); // `cargo test` builds the examples, too
    let output = Command::new(command)
        .arg("--weights")
        .arg(&weights)
        .args(["--image", image, "--out"])
        .arg(folder)
        .envs([("VK_ICD_FILENAMES", "/nowhere"), ("VK_DRIVER_FILES", "/nowhere")])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains(&Error::NoAdapter.to_string()) && !output.status.success(), "{said}");
    Error::NoAdapter
}

fn on_device(largest: u64, work: impl FnOnce(&mut Explainer) -> Result<()>) -> Error {
    let mut explainer = block_on(Explainer::with_buffers(largest))
        .expect("the tests need a Vulkan, Metal or DX12 driver");
    work(&mut explainer).unwrap_err()
}

fn reached() -> Vec<Error> {
    let mut all = Vec::new();
    if cfg!(target_os = "linux") {
        all.push(without_an_adapter());
    } else {
        all.push(Error::NoAdapter); // elsewhere drivers cannot be hidden
    }

    // The device. Each is the first failure of a device of its own.
    all.push(block_on(Explainer::with_buffers(u64::MAX)).err().unwrap());
    all.push(on_device(64 << 20, |explainer| {
        block_on(explainer.load(&network(), Preprocessing::default()))?;
        block_on(explainer.predict(&photo(64, 64), Fit::Whole))?;
        explainer.lose_device();
        block_on(explainer.predict(&photo(64, 64), Fit::Whole)).map(|_| ())
    }));
    let gpu = block_on(Gpu::with_buffers(Some(1 << 20))).unwrap();
    gpu.scratch(2 << 20); // nobody asks how large a buffer may be
    all.push(gpu.check().unwrap_err());
    all.push(on_device(1 << 20, |explainer| {
        block_on(
            explainer.load(&network(), Preprocessing { longest: 2048, ..Default::default() }),
        )?;
        block_on(explainer.predict(&photo(1200, 1200), Fit::Whole)).map(|_| ())
    }));
    all.push(on_device(64 << 10, |explainer| {
        block_on(explainer.load(&network(), Preprocessing::default()))
    }));

    // Files of weights.
    all.push(Checkpoint::read(b"Dear reader, these are no weights.".to_vec()).unwrap_err());
    all.push(Checkpoint::read(fixture("weights/basic.pt")[..400].to_vec()).unwrap_err());
    all.push(Checkpoint::read(fixture("weights/refused_int32.safetensors")).unwrap_err());
    all.push(changed(|state| drop(state.remove("layer3.0.conv2.weight"))).unwrap_err());
    all.push(
        changed(|state| drop(state.insert("se.weight".into(), (vec![1], vec![0.5])))).unwrap_err(),
    );
    all.push(
        changed(|state| {
            drop(state.insert("conv1.weight".into(), (vec![8, 4, 7, 7], vec![0.5; 1568])))
        })
        .unwrap_err(),
    );
    all.push(
        changed(|state| drop(state.insert("fc.bias".into(), (vec![9], vec![0.5; 9])))).unwrap_err(),
    );
    all.push(changed(|state| state.get_mut("fc.weight").unwrap().1[0] = f32::NAN).unwrap_err());
    all.push(changed(|state| state.get_mut("bn1.running_var").unwrap().1[0] = -1.0).unwrap_err());
    all.push(changed(|state| state.retain(|name, _| name.starts_with("fc"))).unwrap_err());
    all.push(changed(|state| state.retain(|name, _| !name.starts_with("fc"))).unwrap_err());
    all.push(Checkpoint::read(b"\x89HDF\r\n\x1a\n and so on".to_vec()).unwrap_err());
    all.push(Labels::numbered(2).check(3).unwrap_err());
    all.push(Labels::parse("").unwrap_err());

    // Photos.
    all.push(Photo::decode(b"<svg xmlns='http://www.w3.org/2000/svg'/>").unwrap_err());
    all.push(Photo::decode(&fixture("photos/full.jpg")[..300]).unwrap_err());
    let mut bomb = fixture("photos/still.gif");
    bomb[6..10].fill(0xFF);
    all.push(Photo::decode(&bomb).unwrap_err());
    let standard = Preprocessing::default();
    all.push(prepare(&photo(20, 20), Fit::Whole, &standard).unwrap_err());
    all.push(prepare(&photo(30_000, 1), Fit::Whole, &standard).unwrap_err());
    all.push(
        prepare(&photo(64, 64), Fit::Crop, &Preprocessing { crop: 0, ..standard.clone() })
            .unwrap_err(),
    );

    // Questions.
    let mut explainer = Explainer::on_cpu();
    all.push(block_on(explainer.predict(&photo(64, 64), Fit::Whole)).unwrap_err());
    block_on(explainer.load(&network(), standard)).unwrap();
    all.push(block_on(explainer.explain(None, "layer4", Method::GradCam)).unwrap_err());
    let dilated = Conventions { output_stride: 16, ..Conventions::PYTORCH };
    all.push(explainer.set_conventions(dilated).unwrap_err());
    block_on(explainer.predict(&photo(64, 64), Fit::Whole)).unwrap();
    all.push(block_on(explainer.explain(Some(3), "layer4", Method::GradCam)).unwrap_err());
    all.push(block_on(explainer.explain(None, "layer9", Method::GradCam)).unwrap_err());
    all.push("magic".parse::<Method>().unwrap_err());
    all.push("rainbow".parse::<ColourMap>().unwrap_err());

    // Questions in words.
    let weights = |name: &str| {
        std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("weights").join(name)).unwrap()
    };
    let questions = || {
        let file = weights("emoji50-questions/questions.json");
        Questions::parse(&String::from_utf8(file).unwrap()).unwrap()
    };
    all.push(questions().read("Is there a wombat?").unwrap_err());
    all.push(questions().read("Why?").unwrap_err());
    let head = weights("emoji50-questions/emoji50-questions.safetensors");
    all.push(explainer.load_questions(&head, questions()).unwrap_err());
    let emoji50 = Checkpoint::read(weights("emoji50/emoji50.safetensors")).unwrap();
    let emoji50 = Network::from_checkpoint(&emoji50).unwrap();
    block_on(explainer.load(&emoji50, Preprocessing::default())).unwrap();
    explainer.load_questions(&head, questions()).unwrap();
    block_on(explainer.predict(&photo(64, 64), Fit::Whole)).unwrap();
    let largest = questions().read("What is largest?").unwrap();
    all.push(block_on(explainer.answer(&largest)).unwrap_err());
    all.push(block_on(explainer.explain_answer(0, Method::GradCam)).unwrap_err());
    all.push(block_on(explainer.explain_caption(None, Method::GradCam)).unwrap_err());
    all
}

/// The names between an enum's braces.
fn variants(source: &str, of: &str) -> BTreeSet<String> {
    let body =
        source.split_once(&format!("pub enum {of} {{")).unwrap().1.split_once("\n}").unwrap().0;
    let named = body
        .lines()
        .filter_map(|line| line.strip_prefix("    "))
        .filter(|line| line.starts_with(char::is_uppercase));
    named
        .map(|line| line.split(|letter: char| !letter.is_alphanumeric()).next().unwrap().to_owned())
        .collect()
}

fn name(error: &Error) -> String {
    format!("{error:?}").split(|letter: char| !letter.is_alphanumeric()).next().unwrap().to_owned()
}

#[test]
fn each_is_reached_and_speaks_both_languages() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let errors = reached();
    let mut names: BTreeSet<String> = errors.iter().map(name).collect();
    for (name, file, test) in ELSEWHERE {
        let source = std::fs::read_to_string(root.join(file)).unwrap();
        assert!(source.contains(&format!("fn {test}")), "{file} no longer has {test}");
        assert!(names.insert(name.into()), "{name} is reached here");
    }
    assert_eq!(
        names,
        variants(include_str!("../src/error/mod.rs"), "Error"),
        "reached, and all that there are"
    );

    let mut sentences = BTreeSet::new();
    for error in &errors {
        let (english, chinese) = (error.to_string(), error.chinese());
        println!("{english}\n    {chinese}");
        assert!(
            english.ends_with(['.', '?']) && english.starts_with(char::is_alphanumeric),
            "{english}"
        );
        let han =
            chinese.chars().filter(|letter| ('\u{4e00}'..='\u{9fff}').contains(letter)).count();
        assert!(han >= 4 && chinese.ends_with(['。', '？']), "{chinese}");
        assert!(sentences.insert(english) && sentences.insert(chinese), "the same sentence twice");
    }
}

/// Whatever the adapter's limits are, a photo is computed or refused in words: the driver is never
/// asked for the impossible.
#[test]
fn small_adapters_refuse_in_words() {
    let bottleneck = architecture(Block::Bottleneck, [1, 1, 1, 1], 16, 1, 16, 3);
    let network =
        Network::from_checkpoint(&Checkpoint::read(random_checkpoint(&bottleneck, 2)).unwrap())
            .unwrap();
    let (mut computed, mut refused) = (0, 0);
    for largest in [600 << 10, 1 << 20, 3 << 20] {
        // Winograd's form has the largest scratch.
        for tuning in [None, Some("8x2/8x8w 8x2/8x8w 8x2/8x8w")] {
            let mut explainer = block_on(Explainer::with_buffers(largest)).unwrap();
            assert!(tuning.is_none_or(|tuning| explainer.set_tuning(tuning)));
            block_on(
                explainer.load(&network, Preprocessing { longest: 1024, ..Default::default() }),
            )
            .unwrap();
            for side in [96, 320, 640] {
                match block_on(explainer.predict(&photo(side, side), Fit::Whole)) {
                    Ok(_) => {
                        block_on(explainer.explain(None, "layer1", Method::GradCam)).unwrap();
                        block_on(explainer.gradient(None, "input")).unwrap();
                        computed += 1;
                    }
                    Err(Error::AdapterLimit { needed, available, .. })
                        if needed > available && available == largest =>
                    {
                        refused += 1
                    }
                    Err(error) => {
                        panic!("{side} pixels with buffers of {largest} bytes, {tuning:?}: {error}")
                    }
                }
            }
        }
    }
    assert!(computed >= 4 && refused >= 4, "{computed} computed, {refused} refused");
}

/// After its device failed, an explainer says so for good, and a new one computes.
#[test]
fn a_device_that_failed_says_so_for_good() {
    let mut explainer = Explainer::on_cpu();
    explainer.lose_device();
    for _ in 0..2 {
        assert!(explainer.check().unwrap_err().is_of_the_device());
        assert!(
            block_on(explainer.load(&network(), Preprocessing::default()))
                .unwrap_err()
                .is_of_the_device()
        );
    }
    assert!(Explainer::on_cpu().check().is_ok());
}
