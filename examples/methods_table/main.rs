//! Measures every method and prints two Markdown tables: where its maps point on scenes whose
//! objects are known to the pixel, and how the network answers when photos are changed where it
//! says, with what a map costs. Rows appear as they are done, the quick methods' first.
//!
//! `cargo run --example methods_table -- --scenes SCENES --photos PHOTOS`
//!
//! SCENES is a folder that `weights/emoji50/scenes_for_proof.py` wrote, PHOTOS one that
//! `weights/samples/extract.py --measured` wrote; without them the few scenes that are kept here and
//! the page's samples are taken. The processor computes, a thread a core, and figures other than
//! times are the same each time. A slow method sees only so many pictures as `--passes` allows; its
//! row says how many.
//!
//! - `measure.rs`: the maps and what is found of each; `intervals.rs`: means and how sure they are;
//!   `table.rs`: the tables.

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

/// Measures every method on scenes and photos, and prints a table of each.
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
    let is_reference = |entry: &Entry| *entry == table::REFERENCE;
    if !options.no_scenes {
        let wanted = |scene: &pointing::Scene| scene.held_out == options.held_out;
        let scenes = pointing::scenes(&options.scenes)?.into_iter().filter(wanted);
        let scenes: Vec<_> = scenes.take(options.most).collect();
        let plan = plan(&options.scenes_weights);
        println!("{}", table::head_of_scenes());
        let (mut reference, mut named) = (None, 0);
        // Quick methods share a scene's pass. The row of each slow one is printed as it is done.
        let quick = entries.iter().take_while(|entry| !entry.is_slow()).count();
        let (quick, slow) = entries.split_at(quick);
        for batch in std::iter::once(quick).chain(slow.chunks(1)) {
            let found = measure::scenes(&plan, &options.scenes, &scenes, batch)?;
            named = named.max(found.iter().filter(|(_, named)| *named).count());
            let column = |n: usize| found.iter().map(|(of, _)| of[n]).collect::<Vec<_>>();
            reference = reference.or(batch.iter().position(is_reference).map(column));
            for (n, entry) in batch.iter().enumerate() {
                println!("{}", table::of_scenes(entry, &column(n), reference.as_deref()));
            }
        }
        println!("\n{} scenes, both classes among the best five in {named}.\n", scenes.len());
    }
    if !options.no_photos {
        let photos = measure::photo_files(&options.photos)?;
        let plan = plan(&options.photos_weights);
        println!("{}", table::head_of_photos());
        let mut reference = None;
        for entry in &entries {
            let found = measure::photos(&plan, &photos, entry)?;
            println!("{}", table::of_photos(entry, &found, reference.as_deref()));
            if is_reference(entry) {
                reference = Some(found);
            }
        }
        println!("\n{} photos.\n", photos.len());
    }
    Ok(table::NOTES.into())
}
