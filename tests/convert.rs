//! What those who host the page run: smaller weights, in parts, and the entry that the page finds
//! them by.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use gradlens::catalog::models::{self, Model};
use gradlens::{Checkpoint, Network};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// `cargo test` builds the examples beside the tests.
fn convert(folder: &Path, arguments: &[&str]) -> Output {
    let test = std::env::current_exe().unwrap();
    let command = test.ancestors().nth(2).unwrap().join("examples/convert");
    let output =
        Command::new(&command).args(["--root", folder.to_str().unwrap()]).args(arguments).output();
    output.unwrap_or_else(|e| panic!("{}: {e}", command.display()))
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// A folder of its own for each test, with the shipped list in it.
fn folder(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(folder.join("weights")).unwrap();
    std::fs::copy(Path::new(ROOT).join("weights/models.json"), folder.join("weights/models.json"))
        .unwrap();
    folder
}

fn list(folder: &Path) -> Vec<Model> {
    models::parse(&std::fs::read_to_string(folder.join("weights/models.json")).unwrap()).unwrap()
}

const WEIGHTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/weights/emoji50/emoji50.safetensors");

#[test]
fn i8_in_parts_with_an_entry_that_leads_to_them() {
    let folder = folder("convert_i8");
    let photos = Path::new(ROOT).join("weights/emoji50/samples");
    let arguments =
        ["--entry", "emoji50", "--weights", WEIGHTS, "--verify", "--to", "i8", "--parts", "2"];
    let output =
        convert(&folder, &[&arguments[..], &["--check", photos.to_str().unwrap()]].concat());
    assert!(output.status.success(), "{}", said(&output));
    println!("{}", said(&output));
    // A trained network on pictures of its own kind; each of six stays what it was.
    assert!(said(&output).contains("6 photos: the same likeliest class in 6"), "{}", said(&output));

    let models = list(&folder);
    let place = models.iter().position(|model| model.id == "emoji50-i8").expect("the new entry");
    let (entry, listed) = (&models[place], &models[place + 1]);
    assert_eq!(listed.id, "emoji50", "the new entry stands before the one that it was made from");
    assert!(entry.name.contains("i8") && entry.urls.is_empty() && entry.samples == listed.samples);
    assert_eq!(entry.part_size, Some(2_000_000));
    let mut file = Vec::new();
    while (file.len() as u64) < entry.size {
        let (part, offset) = entry.place(&entry.file, file.len() as u64);
        assert_eq!(offset, 0);
        let bytes =
            std::fs::read(folder.join(&part)).unwrap_or_else(|error| panic!("{part}: {error}"));
        assert!(bytes.len() <= 2_000_000);
        file.extend(bytes);
    }
    assert_eq!(file.len() as u64, entry.size);
    assert!(
        entry.size * 10 < listed.size * 6,
        "{} of {}: i8 has half the bytes of f16",
        entry.size,
        listed.size
    );
    let network = Network::from_checkpoint(&Checkpoint::read(file).unwrap()).unwrap();
    assert_eq!(network.architecture.classes(), entry.classes);

    // Again, without parts and in f16: another entry; the first is replaced when it is made anew.
    for to in ["f16", "i8"] {
        let output = convert(&folder, &["--entry", "emoji50", "--weights", WEIGHTS, "--to", to]);
        assert!(output.status.success(), "{}", said(&output));
    }
    let models = list(&folder);
    let ids: Vec<&str> = models.iter().map(|model| model.id.as_str()).collect();
    assert_eq!(ids[place..place + 3], ["emoji50-f16", "emoji50-i8", "emoji50"]);
    let i8 = &models[place + 1];
    assert_eq!(i8.part_size, None);
    assert_eq!(std::fs::metadata(folder.join(&i8.file)).unwrap().len(), i8.size);
}

#[test]
fn a_file_alone_is_the_same_bytes_each_time_and_touches_no_list() {
    let folder = folder("convert_file");
    let before = std::fs::read(folder.join("weights/models.json")).unwrap();
    let out = folder.join("small.safetensors");
    let arguments = ["--weights", WEIGHTS, "--to", "f16", "--out", out.to_str().unwrap()];
    let output = convert(&folder, &arguments);
    assert!(output.status.success(), "{}", said(&output));
    let first = std::fs::read(&out).unwrap();
    assert!(
        said(&output).contains(&format!("{} bytes (ResNet-50", first.len())),
        "{}",
        said(&output)
    );
    assert!(convert(&folder, &arguments).status.success());
    assert!(first == std::fs::read(&out).unwrap(), "a second time gave other bytes");
    let network = Network::from_checkpoint(&Checkpoint::read(first).unwrap()).unwrap();
    assert_eq!(network.architecture.classes(), 149);
    assert_eq!(std::fs::read(folder.join("weights/models.json")).unwrap(), before);
}

#[test]
fn says_what_is_wrong_and_writes_nothing() {
    let folder = folder("convert_wrong");
    let before = std::fs::read(folder.join("weights/models.json")).unwrap();
    for (arguments, sentence) in [
        (&["--entry", "resnet", "--weights", WEIGHTS][..], "no entry `resnet`"),
        (
            &["--entry", "imagenet", "--weights", WEIGHTS, "--verify"],
            "not the file that the entry `imagenet` names",
        ),
        (&["--entry", "imagenet", "--weights", WEIGHTS], "149 classes"),
        (&["--entry", "emoji50", "--weights", "nowhere.pt"], "nowhere.pt"),
        (
            &["--entry", "emoji50", "--weights", concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")],
            "not a checkpoint",
        ),
        (&["--entry", "emoji50", "--weights", WEIGHTS, "--to", "i4"], "f32, f16 and i8"),
        (&["--entry", "emoji50", "--weights", WEIGHTS, "--parts", "0"], "megabytes"),
        (&["--entry", "emoji50"], "`--weights` is missing"),
        (&["--weights", WEIGHTS], "`--entry` is missing"),
        (&["--out", "nowhere/x.safetensors"], "`--weights` is missing"),
        (&["--out", "nowhere/x.safetensors", "--weights", WEIGHTS], "nowhere/x.safetensors"),
        (
            &["--out", "nowhere/x.safetensors", "--weights", WEIGHTS, "--parts", "2"],
            "`--parts` is about an entry",
        ),
    ] {
        let output = convert(&folder, arguments);
        assert!(!output.status.success(), "{arguments:?}");
        assert!(said(&output).contains(sentence), "{arguments:?}: {}", said(&output));
    }
    assert_eq!(std::fs::read(folder.join("weights/models.json")).unwrap(), before);
    assert_eq!(std::fs::read_dir(folder.join("weights")).unwrap().count(), 1);
    let urls = convert(&folder, &["--entry", "imagenet", "--urls"]);
    let models = list(&folder);
    let listed = models.iter().find(|model| model.id == "imagenet").unwrap();
    assert_eq!(String::from_utf8(urls.stdout).unwrap().lines().collect::<Vec<_>>(), listed.urls);
}
