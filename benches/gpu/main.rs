//! How much of the card the engine uses.
//!
//! `cargo bench --bench gpu` takes about a minute on a card. It prints
//! - what the card can do at most: multiply-adds of f32 and bytes of memory a second, measured;
//! - each convolution of ResNet-50 and EfficientNet-Lite0 by its shape, in every form that the
//!   engine has for it, the fastest as a share of both limits;
//! - the whole networks: tuning, a forward, gradients, another class.
//!
//! `--json FILE` writes all of it. `-- --cpu` leaves the card alone and measures the networks on the
//! processor. Random weights: times don't depend on them.

mod limits;
mod shapes;

use std::path::PathBuf;
use std::time::Instant;

use clap::Parser;
use gradlens::checkpoint::{Block, Dtype};
use gradlens::gpu::Gpu;
use gradlens::{Checkpoint, Explainer, Method, Network};
use limits::Limits;
use serde_json::{Value, json};
use shapes::{Shape, shapes};

#[path = "../../tests/common/golden_weights.rs"]
mod golden_weights;
#[path = "../../tests/common/mobilenet_weights.rs"]
#[allow(dead_code)]
mod mobilenet_weights;
use golden_weights::{architecture, random_checkpoint, to_safetensors};

/// Measures convolutions and whole networks on the machine's fastest adapter.
#[derive(Parser)]
struct Options {
    /// Take every n-th shape; 0 for none
    #[arg(long, default_value_t = 1)]
    every: usize,
    /// Tiles instead of tuning, as `Explainer::tuning` writes them: "8x2/8x8w 8x2/8x8 8x2/8x8"
    #[arg(long)]
    tiles: Option<String>,
    /// Compute the networks on the processor, and no shapes
    #[arg(long)]
    cpu: bool,
    /// Write the figures here, too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// What `cargo bench` says to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = Options::parse();
    let mut report = json!({});
    let networks = [("resnet-50", resnet50()), ("efficientnet-lite0", efficientnet_lite0())];
    if !options.cpu && options.every > 0 {
        let gpu = pollster::block_on(Gpu::new())?;
        println!("{:?}", gpu.info());
        let limits = pollster::block_on(limits::measure(gpu.info().software));
        println!(
            "at most {:.2} TFLOP/s (f32 multiply-adds), {:.0} GB/s",
            2e-12 * limits.multiply_adds_per_second,
            1e-9 * limits.bytes_per_second
        );
        report["adapter"] = json!(format!("{:?}", gpu.info()));
        report["multiply_adds_per_second"] = json!(limits.multiply_adds_per_second);
        report["bytes_per_second"] = json!(limits.bytes_per_second);
        for (name, network) in &networks {
            let mut shapes: Vec<Shape> =
                shapes(network).into_iter().step_by(options.every).collect();
            for shape in &mut shapes {
                pollster::block_on(shape.measure(&gpu))?;
            }
            print_shapes(name, &shapes, &limits);
            report[*name]["shapes"] = json!(shapes);
        }
    }
    for (name, network) in &networks {
        report[*name]["network"] = pollster::block_on(whole_network(name, network, &options))?;
    }
    if let Some(file) = options.json {
        std::fs::write(file, serde_json::to_vec_pretty(&report)?)?;
    }
    Ok(())
}

fn resnet50() -> Network {
    let resnet50 = architecture(Block::Bottleneck, [3, 4, 6, 3], 64, 1, 64, 1000);
    network(random_checkpoint(&resnet50, 1))
}

fn efficientnet_lite0() -> Network {
    let mut families = mobilenet_weights::FAMILIES.iter();
    let lite0 = families.find(|family| family.name == "tf_efficientnet_lite0").expect("a family");
    network(to_safetensors(&mobilenet_weights::random_state_dict(lite0, 1), Dtype::F32))
}

fn network(safetensors: Vec<u8>) -> Network {
    let checkpoint = Checkpoint::read(safetensors).expect("a whole file");
    Network::from_checkpoint(&checkpoint).expect("a network of a known family")
}

/// A row a shape: its fastest form, then the others by how much longer they take.
fn print_shapes(name: &str, shapes: &[Shape], limits: &Limits) {
    println!("\n{name}, each convolution of a 224×224 picture");
    println!(
        "{:24} {:>3} {:>8} {:>9} {:>10} {:>7} {:>7}  others",
        "first of its shape", "n", "MMAC", "µs", "form", "peak", "memory"
    );
    // Of the whole network: as it is, and if each shape met the nearer of its two limits.
    let (mut total, mut least) = (0.0, 0.0);
    for shape in shapes {
        let Some(((form, microseconds), others)) = shape.forms.split_first() else { continue };
        let [compute, memory] = [
            shape.multiply_adds / limits.multiply_adds_per_second,
            shape.bytes / limits.bytes_per_second,
        ]
        .map(|seconds| 1e6 * seconds / microseconds);
        total += microseconds * shape.count as f64;
        least += microseconds * compute.max(memory) * shape.count as f64;
        let others: Vec<String> = others
            .iter()
            .map(|(form, other)| format!("{form} ×{:.2}", other / microseconds))
            .collect();
        println!(
            "{:24} {:>3} {:>8.1} {microseconds:>9.1} {form:>10} {:>6.1}% {:>6.1}%  {}",
            shape.name,
            shape.count,
            1e-6 * shape.multiply_adds,
            100.0 * compute,
            100.0 * memory,
            others.join(", ")
        );
    }
    println!(
        "together {:.2} ms; {:.2} ms where each shape met the nearer of its limits: {:.0} %",
        1e-3 * total,
        1e-3 * least,
        100.0 * least / total
    );
}

/// Tuning, forward, gradients and another class. Wall time; on an adapter that computes on the
/// processor also CPU seconds, which a busy machine distorts less.
async fn whole_network(
    name: &str,
    network: &Network,
    options: &Options,
) -> gradlens::Result<Value> {
    let mut explainer = if options.cpu { Explainer::on_cpu() } else { Explainer::new().await? };
    let started = Clock::start();
    let given = options.tiles.as_ref().is_some_and(|tiles| explainer.set_tuning(tiles));
    if !given {
        explainer.tune().await?;
    }
    let tuned = started.elapsed();
    explainer.load(network, Default::default()).await?;
    // No two neighbours alike: of a plain surface the pool's maxima would all be ties.
    let input: Vec<f32> =
        (0..3 * 224 * 224).map(|i| (i * 7919 % 1000) as f32 / 250.0 - 2.0).collect();
    let mut layers = network.architecture.main_layers();
    layers.reverse(); // the nearest to the classes first
    layers.push("input".into());
    // In turns, each divided by the forward of its own turn: a machine that slows down does so for
    // all of them. The first does not count.
    const RUNS: usize = 9;
    let (mut forwards, mut shares) = (Vec::new(), vec![Vec::new(); layers.len()]);
    for run in 0..=RUNS {
        let clock = Clock::start();
        explainer.logits_of(&input, 224, 224).await?;
        let forward = clock.elapsed();
        if run > 0 {
            forwards.push(forward);
        }
        for (layer, shares) in layers.iter().zip(&mut shares) {
            let clock = Clock::start();
            explainer.gradient(Some(run), layer).await?;
            if run > 0 {
                shares.push(clock.elapsed().work() / forward.work());
            }
        }
    }
    let mut another = Vec::new();
    for class in 0..21 {
        let clock = Clock::start();
        explainer.explain(Some(class), "last", Method::GradCam).await?;
        another.push(1e3 * clock.elapsed().wall);
    }
    let [wall, cpu] = [|time: &Elapsed| time.wall, |time: &Elapsed| time.cpu]
        .map(|of| 1e3 * median(forwards.iter().map(of).collect()));
    let another = median(another);
    println!("\n{name}, the whole network, tiles {}", explainer.tuning());
    if !given {
        println!("  tuning {:.0} ms, {:.0} ms of the processor", 1e3 * tuned.wall, 1e3 * tuned.cpu);
    }
    println!("  forward {wall:.2} ms, {cpu:.0} ms of the processor");
    println!("  Grad-CAM of another class at the last layer {another:.2} ms");
    let mut gradients = json!({});
    for (layer, shares) in layers.iter().zip(shares) {
        let share = median(shares);
        println!("  gradient at {layer}, read back: {:.0} % of a forward", 100.0 * share);
        gradients[layer] = json!(share);
    }
    for layer in [None, layers.get(1).map(String::as_str)] {
        explainer.set_timings(true);
        match layer {
            None => drop(explainer.logits_of(&input, 224, 224).await?),
            Some(layer) => drop(explainer.gradient(Some(0), layer).await?),
        }
        let timings = explainer.timings().await?;
        explainer.set_timings(false);
        if !timings.is_empty() {
            println!("  by the adapter's clock, {}:", layer.unwrap_or("forward"));
        }
        for timing in timings {
            println!("    {} x{}: {:.3} ms", timing.name, timing.count, 1e-3 * timing.microseconds);
        }
    }
    Ok(json!({
        "tiles": explainer.tuning(),
        "tuning_ms": (!given).then_some(1e3 * tuned.wall),
        "forward_ms": wall,
        "forward_cpu_ms": cpu,
        "another_class_ms": another,
        "gradient_shares_of_a_forward": gradients,
    }))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Wall time and this process's time of the processor.
struct Clock {
    wall: Instant,
    cpu: f64,
}

#[derive(Clone, Copy)]
struct Elapsed {
    wall: f64,
    cpu: f64,
}

impl Clock {
    fn start() -> Clock {
        Clock { wall: Instant::now(), cpu: cpu_seconds() }
    }
    fn elapsed(&self) -> Elapsed {
        Elapsed { wall: self.wall.elapsed().as_secs_f64(), cpu: cpu_seconds() - self.cpu }
    }
}

impl Elapsed {
    /// Of a software adapter, whose threads are this process's, what it computed; of a card, how
    /// long it took.
    fn work(self) -> f64 {
        if self.cpu > self.wall / 2.0 { self.cpu } else { self.wall }
    }
}

/// User and system time of this process, on Linux; else 0.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks = |n: usize| stat.rsplit(')').next()?.split_whitespace().nth(n)?.parse::<f64>().ok();
    (ticks(11).unwrap_or(0.0) + ticks(12).unwrap_or(0.0)) / 100.0
}
