//! Every tile of `conv2d` on every convolution shape of a ResNet-50 at 224×224: compile time, and
//! GFLOP a CPU second.
//!
//! `cargo bench --bench convolutions` prints a table; `-- --every 3` takes every third shape,
//! `--every 0` none. Then a whole ResNet-50: its forward, and how much the backwards cost on top of
//! it, with the tiles that tuning chooses or those of `--tiles "8x2/8x8w 8x2/8x8 8x2/8x8"`, as
//! `Explainer::tuning` writes them; `--cpu` computes without WebGPU. On an adapter that computes on
//! the CPU, process CPU seconds are what a busy machine does not distort; on a real GPU read the
//! wall-clock column.

use std::time::Instant;

use clap::Parser;
use gradlens::checkpoint::Block;
use gradlens::gpu::Gpu;
use gradlens::ops::{
    self, Activation, Conv2d, Fused, Padding, Precision, TILES, pack_conv_weight, pack_scale_bias,
};
use gradlens::{Checkpoint, Explainer, Method, Network};

#[path = "../tests/common/golden_weights.rs"]
mod golden_weights;
use golden_weights::{architecture, random_checkpoint};

/// Name, how many of them, input side, c_in, c_out, ksize, stride.
const SHAPES: [(&str, usize, usize, usize, usize, usize, usize); 23] = [
    ("stem", 1, 224, 3, 64, 7, 2),
    ("layer1.0.conv1", 1, 56, 64, 64, 1, 1),
    ("layer1.1.conv1", 2, 56, 256, 64, 1, 1),
    ("layer1.0.conv2", 3, 56, 64, 64, 3, 1),
    ("layer1.0.conv3", 4, 56, 64, 256, 1, 1),
    ("layer2.0.conv1", 1, 56, 256, 128, 1, 1),
    ("layer2.1.conv1", 3, 28, 512, 128, 1, 1),
    ("layer2.0.conv2", 1, 56, 128, 128, 3, 2),
    ("layer2.1.conv2", 3, 28, 128, 128, 3, 1),
    ("layer2.0.conv3", 4, 28, 128, 512, 1, 1),
    ("layer2.0.downsample", 1, 56, 256, 512, 1, 2),
    ("layer3.0.conv1", 1, 28, 512, 256, 1, 1),
    ("layer3.1.conv1", 5, 14, 1024, 256, 1, 1),
    ("layer3.0.conv2", 1, 28, 256, 256, 3, 2),
    ("layer3.1.conv2", 5, 14, 256, 256, 3, 1),
    ("layer3.0.conv3", 6, 14, 256, 1024, 1, 1),
    ("layer3.0.downsample", 1, 28, 512, 1024, 1, 2),
    ("layer4.0.conv1", 1, 14, 1024, 512, 1, 1),
    ("layer4.1.conv1", 2, 7, 2048, 512, 1, 1),
    ("layer4.0.conv2", 1, 14, 512, 512, 3, 2),
    ("layer4.1.conv2", 2, 7, 512, 512, 3, 1),
    ("layer4.0.conv3", 3, 7, 512, 2048, 1, 1),
    ("layer4.0.downsample", 1, 14, 1024, 2048, 1, 2),
];

/// Times every tile of `conv2d`, then a whole ResNet-50.
#[derive(Parser)]
struct Options {
    /// Take every n-th shape; 0 for none
    #[arg(long, default_value_t = 1)]
    every: usize,
    /// Tiles instead of tuning, as `Explainer::tuning` writes them
    #[arg(long)]
    tiles: Option<String>,
    /// Compute the network on the processor
    #[arg(long)]
    cpu: bool,
    /// What `cargo bench` says to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let options = Options::parse();
    let every = options.every;
    let taken = if every == 0 { 0 } else { SHAPES.len() };
    let gpu = pollster::block_on(Gpu::new()).expect("a GPU or a software driver");
    println!("{:?}\nGFLOP a CPU second | a second, for rows x cols, workgroup", gpu.info());
    let mut totals = [0.0; TILES.len()];
    for (name, count, side, c_in, c_out, ksize, stride) in
        SHAPES.into_iter().take(taken).step_by(every.max(1))
    {
        let padding = ksize / 2;
        let values: Vec<f32> = (0..c_out * c_in * ksize * ksize)
            .map(|i| (i * 7919 % 1000) as f32 / 1e3 - 0.5)
            .collect();
        let conv = Conv2d {
            weight: pack_conv_weight(&gpu, &values, Precision::F32, c_out, c_in, ksize),
            precision: Precision::F32,
            scale_bias: pack_scale_bias(&gpu, &vec![1.0; c_out], &vec![0.0; c_out]),
            c_in,
            c_out,
            ksize,
            stride,
            padding: Padding::Symmetric(padding),
        };
        let border = if c_in == 3 { padding } else { 0 };
        let x = gpu.tensor_with_border(side, side, c_in, border);
        let out = conv.window().out(side);
        let y = gpu.tensor(out, out, c_out);
        let gflop = (2 * out * out * c_out * c_in * ksize * ksize) as f64 / 1e9;
        let mut line = format!("{name:20} x{count}");
        for (tile, total) in TILES.iter().zip(&mut totals) {
            let compiled = Instant::now();
            let sums = gpu.scratch(tile.partial_sums_bytes(y.positions(), c_out));
            let fused = Fused { activation: Activation::Relu, ..Default::default() };
            let steps = ops::conv2d(&gpu, &y, &x, &conv, fused, *tile, &sums);
            let run = |n: usize| {
                gpu.run(std::iter::repeat_n(&steps, n).flatten());
                pollster::block_on(gpu.read(&y)).expect("a result");
            };
            run(1);
            let compile = compiled.elapsed().as_millis();
            const RUNS: usize = 4;
            let (wall, cpu) = (Instant::now(), cpu_seconds());
            run(RUNS);
            let (wall, cpu) =
                (wall.elapsed().as_secs_f64() / RUNS as f64, (cpu_seconds() - cpu) / RUNS as f64);
            *total += cpu * count as f64;
            line += &format!(
                "  {}x{},{}x{} {:5.1}|{:5.1}",
                tile.rows,
                tile.cols,
                tile.wx,
                tile.wy,
                gflop / cpu,
                gflop / wall
            );
            if name == "stem" {
                line += &format!(" ({compile} ms)");
            }
        }
        println!("{line}");
    }
    println!("CPU seconds of the whole forward's convolutions: {totals:.2?}");
    pollster::block_on(whole_network(&options)).expect("a result");
}

async fn whole_network(options: &Options) -> gradlens::Result<()> {
    let resnet50 = architecture(Block::Bottleneck, [3, 4, 6, 3], 64, 1, 64, 1000);
    let checkpoint = Checkpoint::read(random_checkpoint(&resnet50, 1))?;
    let mut explainer = if options.cpu { Explainer::on_cpu() } else { Explainer::new().await? };
    let (started, cpu) = (Instant::now(), cpu_seconds());
    if !options.tiles.as_ref().is_some_and(|tiles| explainer.set_tuning(tiles)) {
        explainer.tune().await?;
        println!(
            "tuned in {:.1} s, {:.1} CPU seconds",
            started.elapsed().as_secs_f64(),
            cpu_seconds() - cpu
        );
    }
    explainer.load(&Network::from_checkpoint(&checkpoint)?, Default::default()).await?;
    // No two neighbours alike: of a plain surface the pool's maxima would all be ties.
    let input: Vec<f32> =
        (0..3 * 224 * 224).map(|i| (i * 7919 % 1000) as f32 / 250.0 - 2.0).collect();
    const RUNS: usize = 9;
    const LAYERS: [&str; 5] = ["layer4", "layer3", "layer2", "layer1", "input"];
    // In turns, each divided by the forward of its own turn: a machine that slows down does so for
    // all of them. The first does not count.
    let (mut forwards, mut shares): (Vec<f64>, [Vec<f64>; LAYERS.len()]) = Default::default();
    for run in 0..=RUNS {
        let cpu = cpu_seconds();
        explainer.logits_of(&input, 224, 224).await?;
        let forward = cpu_seconds() - cpu;
        if run > 0 {
            forwards.push(forward);
        }
        for (layer, shares) in LAYERS.iter().zip(&mut shares) {
            let cpu = cpu_seconds();
            explainer.gradient(Some(run), layer).await?;
            if run > 0 {
                shares.push((cpu_seconds() - cpu) / forward);
            }
        }
    }
    println!("tiles {}: forward {:.2} CPU seconds", explainer.tuning(), median(forwards));
    for (layer, shares) in LAYERS.iter().zip(shares) {
        println!("gradient at {layer}, read back: {:.0} % of a forward", 100.0 * median(shares));
    }
    let mut another = Vec::new();
    for class in 0..21 {
        let started = Instant::now();
        explainer.explain(Some(class), "layer4", Method::GradCam).await?;
        another.push(1e3 * started.elapsed().as_secs_f64());
    }
    println!("Grad-CAM of another class at layer4: {:.1} ms of wall time", median(another));
    explainer.set_timings(true);
    explainer.logits_of(&input, 224, 224).await?;
    print_timings(&mut explainer).await?;
    for layer in ["layer3", "input"] {
        explainer.set_timings(true);
        explainer.gradient(Some(0), layer).await?;
        println!("gradient at {layer}");
        print_timings(&mut explainer).await?;
    }
    Ok(())
}

async fn print_timings(explainer: &mut Explainer) -> gradlens::Result<()> {
    for timing in explainer.timings().await? {
        println!(
            "  {} x{}: {:.1} ms of wall time",
            timing.name,
            timing.count,
            timing.microseconds / 1e3
        );
    }
    explainer.set_timings(false);
    Ok(())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// User and system time of this process; the software drivers compute in it.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks = |n: usize| stat.rsplit(')').next()?.split_whitespace().nth(n)?.parse::<f64>().ok();
    (ticks(11).unwrap_or(f64::NAN) + ticks(12).unwrap_or(f64::NAN)) / 100.0
}
