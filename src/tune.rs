//! Which tile of `conv2d` this adapter runs fastest: measured on it, since no guess fits an Apple GPU, an Intel iGPU, an RTX
//! and a software adapter at once.
//!
//! Bounded in time: the plainest tile's speed says whether the adapter computes on a CPU, and then only tiles meant for such,
//! or only the others, are tried, small ones first. A tile whose results differ from the plainest's never wins. Tiles that split
//! the sum compete in the class of fewest positions only. The outcome is a line of text that the page keeps for the next visit.
//! To extend: another tile in [`TILES`], or another class of shapes in [`CLASSES`].

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use web_time::Instant;

use crate::error::{Error, Result};
use crate::gpu::{AdapterInfo, Constant, Gpu, Tensor};
use crate::ops::{self, Conv2d, DEFAULT_TILE, Fused, Precision, TILES, Tile};
use crate::resnet::{pack_conv_weight, pack_scale_bias};

/// A class of convolutions: those with at least so many output positions, and the 1×1 convolution that stands for them.
struct Class {
    positions: usize,
    side: usize,
    c_in: usize,
    c_out: usize,
}

/// Of a 224×224 photo: the stem and layer1 (56×56), layer2 (28×28), layer3 and layer4 (14×14, 7×7). 51 MFLOP each.
const CLASSES: [Class; 3] = [
    Class { positions: 1568, side: 56, c_in: 128, c_out: 64 },
    Class { positions: 392, side: 28, c_in: 256, c_out: 128 },
    Class { positions: 0, side: 14, c_in: 512, c_out: 256 },
];

/// The class of fewest positions.
const FEWEST: usize = CLASSES.len() - 1;

/// The tile for each class of convolutions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tuning {
    tiles: [Tile; CLASSES.len()],
}

impl Tuning {
    /// Without measuring.
    pub fn guess(info: &AdapterInfo) -> Tuning {
        // llvmpipe takes seconds to compile larger tiles, and runs them no faster.
        let large = Tile { rows: 14, cols: 4, wx: 4, wy: 1, shared: false, split: 1 };
        let swiftshader = info.name.to_lowercase().contains("swiftshader");
        Tuning { tiles: [if swiftshader { large } else { DEFAULT_TILE }; CLASSES.len()] }
    }

    /// The tile for a convolution with so many output positions.
    pub fn tile(&self, positions: usize) -> Tile {
        let class = CLASSES.iter().position(|class| positions >= class.positions);
        self.tiles[class.unwrap_or(FEWEST)]
    }

    /// Times every tile that compiles and runs within `budget`.
    ///
    /// Errors: [`Error::WrongResult`] if even the plainest tile does not compute what the CPU does.
    pub async fn measure(gpu: &Gpu, budget: Duration) -> Result<Tuning> {
        let started = Instant::now();
        let benches: Vec<Bench> = CLASSES.iter().map(|class| Bench::new(gpu, class)).collect();
        let mut best: Vec<Option<(f64, Tile)>> = vec![None; CLASSES.len()];
        let mut expected: Vec<Vec<f32>> = Vec::new();
        let mut tiles = TILES;
        tiles.sort_by_key(|tile| (*tile != DEFAULT_TILE, tile.split, tile.rows * tile.cols));
        // The time that one accumulator costs to compile, from the tiles so far; compilers take somewhat longer than linearly.
        let mut compile_rate = 0.0f64;
        let mut on_cpu = false;
        for tile in tiles {
            let area = (tile.rows * tile.cols) as f64;
            let left = budget.saturating_sub(started.elapsed()).as_secs_f64();
            let possible = tile.for_cpu() == on_cpu && 1.2 * compile_rate * area < left;
            if tile != DEFAULT_TILE && !possible {
                continue;
            }
            let from = if tile.split == 1 { 0 } else { FEWEST };
            for (class, bench) in benches.iter().enumerate().skip(from) {
                let first = Instant::now();
                let found = bench.run(gpu, tile, 1).await?;
                if class == from {
                    compile_rate = compile_rate.max(first.elapsed().as_secs_f64() / area);
                }
                if tile == DEFAULT_TILE {
                    bench.check(&found)?;
                    expected.push(found);
                } else if !agree(&found, &expected[class]) {
                    continue;
                }
                let seconds = bench.time(gpu, tile).await?;
                if tile == DEFAULT_TILE && class == 0 {
                    // 51 MFLOP: 25 GFLOP a second is more than a few CPU cores make of WGSL, and less than any GPU does.
                    on_cpu = seconds > 2e-3;
                }
                if best[class].is_none_or(|(fastest, _)| seconds < fastest) {
                    best[class] = Some((seconds, tile));
                }
            }
        }
        let mut tuning = Tuning { tiles: [DEFAULT_TILE; CLASSES.len()] };
        for (tile, best) in tuning.tiles.iter_mut().zip(best) {
            *tile = best.map_or(DEFAULT_TILE, |(_, tile)| tile);
        }
        Ok(tuning)
    }
}

/// The convolution that stands for a class, ready to run.
struct Bench {
    x: Tensor,
    y: Tensor,
    shares: Constant,
    conv: Conv2d,
    inputs: Vec<f32>,  // [c_in, h, w]
    weights: Vec<f32>, // [c_out, c_in]
}

impl Bench {
    fn new(gpu: &Gpu, class: &Class) -> Bench {
        let &Class { side, c_in, c_out, .. } = class;
        // Fractions of the golden ratio: spread evenly over [-0.5, 0.5), and no two rows alike.
        let values =
            |count: usize| (0..count).map(|i| (i as f64 * 0.618_033_988_749_895).fract() as f32 - 0.5).collect();
        let (inputs, weights): (Vec<f32>, Vec<f32>) = (values(c_in * side * side), values(c_out * c_in));
        let x = gpu.tensor(side, side, c_in);
        gpu.write(&x, &inputs);
        let weight = pack_conv_weight(gpu, &weights, Precision::F32, c_out, c_in, 1);
        let scale_bias = pack_scale_bias(gpu, &vec![1.0; c_out], &vec![0.0; c_out]);
        let conv =
            Conv2d { weight, precision: Precision::F32, scale_bias, c_in, c_out, ksize: 1, stride: 1, padding: 0 };
        let y = gpu.tensor(side, side, c_out);
        let most = TILES.iter().map(|tile| tile.shares_bytes(y.positions(), c_out)).max();
        let shares = gpu.scratch(most.unwrap_or(0));
        Bench { x, y, shares, conv, inputs, weights }
    }

    async fn run(&self, gpu: &Gpu, tile: Tile, times: usize) -> Result<Vec<f32>> {
        let steps = ops::conv2d(gpu, &self.y, &self.x, &self.conv, Fused::default(), tile, &self.shares);
        gpu.run(std::iter::repeat_n(&steps, times).flatten());
        gpu.read(&self.y).await
    }

    /// Seconds a run: so many runs that submitting and reading back, a few milliseconds in a browser, hardly count; the better of
    /// two trials.
    async fn time(&self, gpu: &Gpu, tile: Tile) -> Result<f64> {
        const LONG_ENOUGH: f64 = 25e-3;
        const MOST_RUNS: f64 = 64.0;
        let trial = async |times: usize| -> Result<f64> {
            let started = Instant::now();
            self.run(gpu, tile, times).await?;
            Ok(started.elapsed().as_secs_f64() / times as f64)
        };
        let times = (LONG_ENOUGH / trial(1).await?.max(1e-6)).ceil().clamp(2.0, MOST_RUNS) as usize;
        Ok(trial(times).await?.min(trial(times).await?))
    }

    /// Holds some results against the CPU's: an adapter that answers wrongly must not be believed.
    fn check(&self, found: &[f32]) -> Result<()> {
        let positions = self.y.positions();
        for sample in 0..64 {
            let i = sample * (found.len() - 1) / 63;
            let (co, position) = (i / positions, i % positions);
            let row = &self.weights[co * self.conv.c_in..][..self.conv.c_in];
            let expected: f64 =
                row.iter().enumerate().map(|(ci, &w)| w as f64 * self.inputs[ci * positions + position] as f64).sum();
            if !close(found[i], expected as f32) {
                return Err(Error::WrongResult { found: found[i], expected: expected as f32 });
            }
        }
        Ok(())
    }
}

/// f32 sums of 512 products of size 1/12 in another order differ by 1e-5 at most; a wrong index by far more.
fn close(a: f32, b: f32) -> bool {
    (a - b).abs() < 1e-3
}

/// Rows x columns / workgroup, `s` with workgroup memory, `k4` with the sum split into four.
fn name(Tile { rows, cols, wx, wy, shared, split }: Tile) -> String {
    let shared = if shared { "s" } else { "" };
    let split = if split > 1 { format!("k{split}") } else { String::new() };
    format!("{rows}x{cols}/{wx}x{wy}{shared}{split}")
}

fn agree(a: &[f32], b: &[f32]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(&a, &b)| close(a, b))
}

/// As `8x2/8x8 14x4/4x1 4x1/8x8sk4`.
impl fmt::Display for Tuning {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.tiles.map(name).join(" "))
    }
}

impl FromStr for Tuning {
    type Err = ();
    /// Only tiles of [`TILES`] are taken: what was kept by another version, or by hand, is measured again.
    fn from_str(text: &str) -> Result<Tuning, ()> {
        let known = |text: &str| TILES.into_iter().find(|&tile| name(tile) == text);
        let tiles: Vec<Tile> = text.split(' ').map(known).collect::<Option<_>>().ok_or(())?;
        let tiles: [Tile; CLASSES.len()] = tiles.try_into().map_err(|_| ())?;
        let splits_rightly = tiles[..FEWEST].iter().all(|tile| tile.split == 1);
        splits_rightly.then_some(Tuning { tiles }).ok_or(())
    }
}
