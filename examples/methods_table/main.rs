//! Measures every method and prints one Markdown table: where its maps point on scenes whose
//! objects are known to the pixel, how the network answers when photos are changed where it says,
//! and what it costs.
//!
//! `cargo run --example methods_table -- --scenes SCENES`
//!
//! SCENES is a folder that `weights/emoji50/scenes_for_proof.py` wrote; without it the few scenes
//! are taken that are kept here, and without `--photos` the page's samples. The processor computes,
//! a thread a core, and figures other than times are the same each time. A slow method sees only so
//! many pictures as `--passes` allows; the table says how many.
//!
//! - `measure.rs`: the maps and what is found of each; `intervals.rs`: means and how sure they are;
//!   `table.rs`: the table.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use gradlens::Method;

#[path = "../command_line/mod.rs"]
mod command_line;
mod intervals;
mod measure;
#[path = "../../tests/common/pointing.rs"]
mod pointing;
mod table;

use measure::{Entry, Plan};

/// Measures every method on scenes and photos, and prints one table.
#[derive(Parser)]
#[command(name = "methods_table")]
struct Options {
    /// A folder that weights/emoji50/scenes_for_proof.py wrote
    #[arg(long, value_name = "DIR", default_value = "weights/emoji50/sample")]
    scenes: PathBuf,
    /// The network that sees the scenes
    #[arg(long, value_name = "FILE", default_value = "weights/emoji50/emoji50.safetensors")]
    scenes_weights: PathBuf,
    /// Scenes of the held-out style, not of trained ones
    #[arg(long)]
    held_out: bool,
    /// Scenes at most
    #[arg(long, value_name = "N", default_value_t = 500)]
    most: usize,
    /// A folder of photos; may be given several times
    #[arg(long, value_name = "DIR", default_value = "weights/samples")]
    photos: Vec<PathBuf>,
    /// No photos, scenes alone
    #[arg(long, conflicts_with = "no_scenes")]
    no_photos: bool,
    /// No scenes, photos alone
    #[arg(long)]
    no_scenes: bool,
    /// The network that sees the photos
    #[arg(
        long,
        value_name = "FILE",
        default_value = "weights/efficientnet-lite0/efficientnet-lite0.safetensors"
    )]
    photos_weights: PathBuf,
    /// These methods only
    #[arg(long, value_name = "METHOD", value_delimiter = ',')]
    methods: Vec<Method>,
    /// Passes of a method over all scenes, and over all photos: a slow one sees only so many, but
    /// two at least
    #[arg(long, value_name = "N", default_value_t = 1500)]
    passes: usize,
    /// Channels that Score-CAM, SS-CAM and IS-CAM try, the most important ones
    #[arg(long, value_name = "N", default_value_t = 16)]
    channels: usize,
    /// Threads, each with a network of its own
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
}

fn main() -> ExitCode {
    command_line::run(|options: Options| measure_all(&options))
}

fn measure_all(options: &Options) -> Result<String, String> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let plan = |weights| Plan {
        weights,
        threads: options.threads.unwrap_or(cores).max(1),
        passes: options.passes,
        channels: options.channels,
    };
    let wanted = |method: Method| options.methods.is_empty() || options.methods.contains(&method);
    let entries = Entry::all().into_iter().filter(|entry| entry.method.is_none_or(wanted));
    let entries: Vec<Entry> = entries.collect();
    let mut on_scenes = Vec::new();
    if !options.no_scenes {
        let wanted = |scene: &pointing::Scene| scene.held_out == options.held_out;
        let scenes = pointing::scenes(&options.scenes)?.into_iter().filter(wanted);
        let scenes: Vec<_> = scenes.take(options.most).collect();
        let plan = plan(&options.scenes_weights);
        on_scenes = measure::scenes(&plan, &options.scenes, &scenes, &entries)?;
    }
    let mut on_photos = Vec::new();
    if !options.no_photos {
        let photos = measure::photo_files(&options.photos)?;
        on_photos = measure::photos(&plan(&options.photos_weights), &photos, &entries)?;
    }
    Ok(table::table(&entries, &on_scenes, &on_photos))
}
