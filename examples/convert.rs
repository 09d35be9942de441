//! For those who host the page: makes weights smaller, cuts them for hosts that limit the size of
//! files, and writes their entry into the page's list of models. `scripts/weights` fetches a listed
//! model and calls this. With `--out` it converts a file and touches no list, which is what
//! `weights/efficientnet-lite0/fetch` does. The same file in gives the same bytes out.
//!
//! Deliberately absent: downloading. Exits with 1 and one clear line on a bad argument or file.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use gradlens::catalog::models::{self, Model};
use gradlens::checkpoint::{Dtype, convert};
use gradlens::explain::LAST_LAYER;
use gradlens::{Checkpoint, Explainer, Fit, Method, Network, Photo};
use pollster::block_on;
use sha2::{Digest, Sha256};

mod command_line;

const USAGE: &str =
    "convert --entry ID [--root .] --weights FILE [--to f32|f16|i8] [--parts MEGABYTES] [--verify] [--check FOLDER]
       convert --entry ID [--root .] --urls
       convert --weights FILE [--to f32|f16|i8] --out FILE";

type Outcome<T> = std::result::Result<T, String>;

fn main() -> ExitCode {
    command_line::run(|options: Options| match &options.out {
        Some(out) => file(&options, out),
        None => run(&options),
    })
}

/// Converts weights, and enters them into the page's list of models.
#[derive(Parser)]
#[command(override_usage = USAGE)]
struct Options {
    /// The entry of weights/models.json that the weights are of; what is written becomes a new
    /// entry before it
    #[arg(long, value_name = "ID", required_unless_present = "out")]
    entry: Option<String>,
    /// The folder that holds weights/models.json
    #[arg(long, value_name = "DIR", default_value = ".")]
    root: PathBuf,
    /// A checkpoint: .safetensors, .pt, .pth
    #[arg(long, value_name = "FILE", required_unless_present = "urls")]
    weights: Option<PathBuf>,
    /// How weights are stored: f16 halves them, i8 (a scale an output channel) quarters them, f32
    /// keeps them
    #[arg(long, value_name = "TYPE", default_value = "f16", value_parser = dtype)]
    to: Dtype,
    /// Cut into files of so many megabytes (10^6 bytes)
    #[arg(long = "parts", value_name = "MEGABYTES", value_parser = megabytes)]
    part_size: Option<u64>,
    /// Say how far the results on a folder's photos are from those of the unconverted weights
    #[arg(long, value_name = "FOLDER")]
    check: Option<PathBuf>,
    /// Refuse other weights than those that the entry names by their digest
    #[arg(long)]
    verify: bool,
    /// Only print where the entry's weights can be had, one address a line
    #[arg(long)]
    urls: bool,
    /// Without an entry: write the converted weights to this file and touch no list
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

fn dtype(text: &str) -> Outcome<Dtype> {
    match text {
        "f16" => Ok(Dtype::F16),
        "f32" => Ok(Dtype::F32),
        "i8" => Ok(Dtype::I8),
        _ => Err(format!("`--to {text}`: f32, f16 and i8 are known.")),
    }
}

/// Megabytes as bytes.
fn megabytes(text: &str) -> Outcome<u64> {
    match text.parse::<u64>() {
        Ok(megabytes @ 1..=10_000) => Ok(megabytes * 1_000_000),
        _ => Err("`--parts` needs a number of megabytes.".into()),
    }
}

/// One file from another, and no list.
fn file(options: &Options, out: &Path) -> Outcome<String> {
    let of_an_entry = [
        ("--entry", options.entry.is_some()),
        ("--parts", options.part_size.is_some()),
        ("--check", options.check.is_some()),
        ("--verify", options.verify),
        ("--urls", options.urls),
    ];
    if let Some((other, _)) = of_an_entry.into_iter().find(|(_, given)| *given) {
        return Err(format!(
            "`{other}` is about an entry of the list, `--out` about a file alone.\nUsage: {USAGE}"
        ));
    }
    let source = weights(options)?;
    let bytes = std::fs::read(source).map_err(|error| failed(source, error))?;
    let checkpoint = Checkpoint::read(bytes).map_err(|error| failed(source, error))?;
    let network = Network::from_checkpoint(&checkpoint).map_err(|error| failed(source, error))?;
    let converted = convert(&checkpoint, options.to).map_err(|error| failed(source, error))?;
    std::fs::write(out, &converted).map_err(|error| failed(out, error))?;
    Ok(format!(
        "{}: {} bytes ({}), SHA-256 {}",
        out.display(),
        converted.len(),
        network.architecture.name(),
        sha256(&converted)
    ))
}

/// clap lets them be left out beside `--urls` only.
fn weights(options: &Options) -> Outcome<&PathBuf> {
    options.weights.as_ref().ok_or_else(|| format!("`--weights` is missing.\nUsage: {USAGE}"))
}

fn run(options: &Options) -> Outcome<String> {
    let list = options.root.join("weights/models.json");
    let text = std::fs::read_to_string(&list).map_err(|error| failed(&list, error))?;
    let mut models = models::parse(&text).map_err(|error| failed(&list, error))?;
    let known = models.iter().map(|model| model.id.as_str()).collect::<Vec<_>>().join(", ");
    let wanted = options.entry.as_deref().unwrap_or_default();
    let place = models.iter().position(|model| model.id == wanted);
    let place = place
        .ok_or_else(|| format!("{} has no entry `{wanted}`, only {known}.", list.display()))?;
    let listed = models[place].clone();
    if options.urls {
        return Ok(listed.urls.join("\n"));
    }

    let source = weights(options)?;
    let bytes = std::fs::read(source).map_err(|error| failed(source, error))?;
    let digest = sha256(&bytes);
    if options.verify && listed.sha256.as_ref().is_some_and(|wanted| *wanted != digest) {
        return Err(format!(
            "{} is not the file that the entry `{}` names: its SHA-256 is {digest}.",
            source.display(),
            listed.id
        ));
    }
    let checkpoint = Checkpoint::read(bytes).map_err(|error| failed(source, error))?;
    let network = Network::from_checkpoint(&checkpoint).map_err(|error| failed(source, error))?;
    if network.fc.classes != listed.classes {
        return Err(format!(
            "{} has {} classes, the entry `{}` {}.",
            source.display(),
            network.fc.classes,
            listed.id,
            listed.classes
        ));
    }
    let converted = convert(&checkpoint, options.to).map_err(|error| failed(source, error))?;

    let suffix = options.to.to_string().to_lowercase();
    let entry = entry(&listed, &suffix, &converted, options.part_size);
    write(&options.root, &entry, &converted)?;
    models.retain(|model| model.id != entry.id);
    let place = models.iter().position(|model| model.id == listed.id).unwrap_or(0);
    models.insert(place, entry.clone());
    let text = serde_json::to_string_pretty(&models).map_err(|error| failed(&list, error))?;
    models::parse(&text).map_err(|error| failed(&list, error))?;
    std::fs::write(&list, text + "\n").map_err(|error| failed(&list, error))?;
    let written = format!(
        "{}: {} bytes ({}), entry `{}` in {}",
        entry.file,
        entry.size,
        network.architecture.name(),
        entry.id,
        list.display()
    );

    match &options.check {
        Some(folder) => Ok(format!("{written}\n{}", check(&network, converted, &listed, folder)?)),
        None => Ok(written),
    }
}

/// The entry for a converted file: as the listed one, but with this file, and only on this site.
fn entry(listed: &Model, suffix: &str, converted: &[u8], part_size: Option<u64>) -> Model {
    let stem = listed.file.trim_end_matches(".safetensors");
    Model {
        id: format!("{}-{suffix}", listed.id),
        name: format!("{} ({suffix})", listed.name),
        name_zh: listed.name_zh.as_ref().map(|name| format!("{name}（{suffix}）")),
        file: format!("{stem}-{suffix}.safetensors"),
        urls: Vec::new(),
        size: converted.len() as u64,
        sha256: Some(sha256(converted)),
        part_size,
        source: format!("{}, converted to {suffix}", listed.source),
        ..listed.clone()
    }
}

fn write(root: &Path, entry: &Model, converted: &[u8]) -> Outcome<()> {
    let mut offset = 0;
    while offset < entry.size {
        let (file, _) = entry.place(&entry.file, offset);
        let end = entry.part_size.map_or(entry.size, |size| entry.size.min(offset + size));
        let path = root.join(file);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
        }
        std::fs::write(&path, &converted[offset as usize..end as usize])
            .map_err(|error| failed(&path, error))?;
        offset = end;
    }
    Ok(())
}

/// How far results move: the likeliest class, the logits, and the heatmap of the class that the
/// unconverted weights find likeliest.
fn check(network: &Network, converted: Vec<u8>, listed: &Model, folder: &Path) -> Outcome<String> {
    let sentence = |error: gradlens::Error| error.to_string();
    let mut photos: Vec<PathBuf> = std::fs::read_dir(folder)
        .map_err(|error| failed(folder, error))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.extension().is_some_and(|ending| {
                ["png", "jpg", "jpeg", "webp"].iter().any(|known| ending == *known)
            })
        })
        .collect();
    photos.sort();
    let small = Network::from_checkpoint(&Checkpoint::read(converted).map_err(sentence)?)
        .map_err(sentence)?;
    let mut results = Vec::new();
    let mut explainer = block_on(Explainer::new()).map_err(sentence)?;
    for network in [network, &small] {
        block_on(explainer.load(network, listed.preprocessing.clone())).map_err(sentence)?;
        for (index, path) in photos.iter().enumerate() {
            let photo = std::fs::read(path).map_err(|error| failed(path, error))?;
            let photo = Photo::decode(&photo).map_err(|error| failed(path, error))?;
            let logits = block_on(explainer.predict(&photo, Fit::Crop))
                .map_err(|error| failed(path, error))?
                .logits;
            let before: Option<&(Vec<f32>, usize, Vec<f32>)> = results.get(index);
            let class = before.map(|(_, class, _)| *class);
            let explanation = block_on(explainer.explain(class, LAST_LAYER, Method::GradCam))
                .map_err(sentence)?;
            results.push((logits, explanation.class, explanation.heatmap));
        }
    }
    let (exact, rounded) = results.split_at(photos.len());
    let top = |logits: &[f32]| (0..logits.len()).max_by(|&a, &b| logits[a].total_cmp(&logits[b]));
    let (mut same, mut of_logits, mut of_maps, mut worst) = (0, 0.0, 0.0, 0f32);
    for ((exact, _, map), (logits, _, other)) in exact.iter().zip(rounded) {
        same += usize::from(top(exact) == top(logits));
        let spread = exact.iter().fold(f32::MIN, |a, &b| a.max(b))
            - exact.iter().fold(f32::MAX, |a, &b| a.min(b));
        let miss = exact.iter().zip(logits).fold(0f32, |most, (a, b)| most.max((a - b).abs()));
        of_logits += f64::from(miss / spread);
        let differences = map.iter().zip(other).map(|(a, b)| (a - b).abs());
        worst = differences.clone().fold(worst, f32::max);
        of_maps += f64::from(differences.sum::<f32>()) / map.len() as f64;
    }
    let count = photos.len();
    Ok(format!(
        "{count} photos: the same likeliest class in {same}; logits within {:.2} % of their spread (mean of the worst); \
         heatmaps of Grad-CAM at the last layer, 0 to 1: {:.4} apart on average, {worst:.3} at most",
        100.0 * of_logits / count as f64,
        of_maps / count as f64,
    ))
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn failed(path: &Path, error: impl std::fmt::Display) -> String {
    format!("{}: {error}", path.display())
}
