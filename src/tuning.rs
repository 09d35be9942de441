//! Which tile of `conv2d` this adapter runs fastest: measured on it, since no guess fits an Apple
//! GPU, an Intel iGPU and an RTX at once.
//!
//! Bounded in time: candidates are tried until the next one would probably exceed the budget, first
//! those that move least memory. The naive kernel's results are checked against sums computed here,
//! and a tile whose results differ from them never wins. Tiles that split the sum compete in the
//! class of fewest positions only. Then the tile chosen computes a 3×3 convolution directly and in
//! Winograd's form. The adapter's own clock counts where it has one: results come back to a browser
//! after milliseconds, when a GPU has long been done. The outcome is a line of text that the page
//! keeps for the next visit. To extend: another tile in [`TILES`], or another class of shapes in
//! [`BENCHES`].

use std::time::Duration;

use web_time::Instant;

use crate::error::{Error, Result};
use crate::gpu::{Dispatch, Gpu, Tensor};
use crate::ops::{
    self, CLASSES, Conv2d, DEFAULT_TILE, FEWEST, Fused, NAIVE, Padding, Precision, Scratch, TILES,
    Tile, Tuning, pack_conv_weight, pack_scale_bias,
};

/// The 1×1 convolution that stands for each class: side, c_in, c_out. 51 MFLOP each.
const BENCHES: [[usize; 3]; CLASSES.len()] = [[56, 128, 64], [28, 256, 128], [14, 512, 256]];

/// The 3×3 convolution by which Winograd's form is judged, for each class: side, c_in, c_out. As
/// many input channels as the real ones have, since that is how long its sums are; fewer positions
/// and output channels, so that it is 58 MFLOP.
const JUDGES: [[usize; 3]; CLASSES.len()] = [[28, 64, 64], [20, 128, 64], [14, 256, 64]];

/// Seconds that a trial should last, so that neither submitting nor a coarse clock counts for much.
const LONG_ENOUGH: f64 = 5e-3;

/// Times every tile that compiles and runs within `budget`; the default tile is tried in any case.
///
/// Errors: [`Error::WrongResult`] if even the naive kernel does not compute what this program does.
pub async fn measure(gpu: &Gpu, budget: Duration) -> Result<Tuning> {
    let started = Instant::now();
    let left = || budget.saturating_sub(started.elapsed()).as_secs_f64();
    let benches: Vec<Bench> =
        BENCHES.iter().map(|&[side, c_in, c_out]| Bench::new(gpu, side, c_in, c_out, 1)).collect();
    let mut expected = Vec::new();
    for bench in &benches {
        let found = bench.run(gpu, Form::Direct(NAIVE)).await?;
        bench.check(&found)?;
        expected.push(found);
    }
    let mut best: [Option<(f64, Tile)>; CLASSES.len()] = [None; CLASSES.len()];
    let mut last = 0.0; // seconds that the last tile took, compiling included
    for tile in TILES {
        if tile != DEFAULT_TILE && last > left() {
            break;
        }
        let begun = Instant::now();
        let from = if tile.split == 1 { 0 } else { FEWEST };
        for (class, bench) in benches.iter().enumerate().skip(from) {
            if !agree(&bench.run(gpu, Form::Direct(tile)).await?, &expected[class]) {
                continue;
            }
            let seconds = bench.time(gpu, Form::Direct(tile)).await?;
            if best[class].is_none_or(|(fastest, _)| seconds < fastest) {
                best[class] = Some((seconds, tile));
            }
        }
        last = begun.elapsed().as_secs_f64();
    }
    let tiles = best.map(|best| best.map_or(NAIVE, |(_, tile)| tile));
    let mut winograd = [false; CLASSES.len()];
    for (class, [side, c_in, c_out]) in JUDGES.into_iter().enumerate() {
        let Some((seconds, tile)) = best[class] else { continue };
        // One run of each form, then three trials of each.
        if 6.0 * seconds + 4.0 * LONG_ENOUGH < left() {
            let judge = Bench::new(gpu, side, c_in, c_out, 3);
            winograd[class] = judge.winograd_agrees(gpu, tile).await?
                && judge.prefers_winograd(gpu, tile).await?;
        }
    }
    Ok(Tuning { tiles, winograd })
}

/// A convolution that stands for a class, ready to run.
struct Bench {
    x: Tensor,
    y: Tensor,
    scratch: Scratch,
    conv: Conv2d,
    inputs: Vec<f32>,  // [c_in, h, w]
    weights: Vec<f32>, // [c_out, c_in]
}

/// How a convolution is computed.
#[derive(Clone, Copy)]
enum Form {
    Direct(Tile),
    Winograd(Tile),
}

impl Bench {
    fn new(gpu: &Gpu, side: usize, c_in: usize, c_out: usize, ksize: usize) -> Bench {
        // Fractions of the golden ratio: spread evenly over [-0.5, 0.5), and no two rows alike.
        let values = |count: usize| {
            (0..count).map(|i| (i as f64 * 0.618_033_988_749_895).fract() as f32 - 0.5).collect()
        };
        let (inputs, weights): (Vec<f32>, Vec<f32>) =
            (values(c_in * side * side), values(c_out * c_in * ksize * ksize));
        let x = gpu.tensor(side, side, c_in);
        gpu.write(&x, &inputs);
        let weight = pack_conv_weight(gpu, &weights, Precision::F32, c_out, c_in, ksize);
        let scale_bias = pack_scale_bias(gpu, &vec![1.0; c_out], &vec![0.0; c_out]);
        let precision = Precision::F32;
        let padding = Padding::Symmetric(ksize / 2);
        let conv = Conv2d { weight, precision, scale_bias, c_in, c_out, ksize, stride: 1, padding };
        let y = gpu.tensor(side, side, c_out);
        let mut bytes =
            if ksize == 3 { ops::winograd_bytes([side, side], c_in, c_out) } else { [0; 3] };
        let most = TILES.iter().map(|tile| tile.partial_sums_bytes(y.positions(), c_out)).max();
        bytes[0] = bytes[0].max(most.unwrap_or(0));
        Bench { x, y, scratch: Scratch::new(gpu, bytes), conv, inputs, weights }
    }

    fn dispatches(&self, gpu: &Gpu, form: Form) -> Vec<Dispatch> {
        let Bench { x, y, conv, scratch, .. } = self;
        match form {
            Form::Direct(tile) => {
                ops::conv2d(gpu, y, x, conv, Fused::default(), tile, &scratch.partial_sums)
            }
            Form::Winograd(tile) => {
                ops::conv2d_winograd(gpu, y, x, conv, Fused::default(), tile, scratch)
            }
        }
    }

    async fn run(&self, gpu: &Gpu, form: Form) -> Result<Vec<f32>> {
        gpu.run(&self.dispatches(gpu, form));
        gpu.read(&self.y).await
    }

    /// Whether Winograd's form computes what `tile` does directly.
    async fn winograd_agrees(&self, gpu: &Gpu, tile: Tile) -> Result<bool> {
        let expected = self.run(gpu, Form::Direct(tile)).await?;
        Ok(agree(&self.run(gpu, Form::Winograd(Tile { split: 1, ..tile })).await?, &expected))
    }

    /// Whether Winograd's form is faster than `tile`.
    async fn prefers_winograd(&self, gpu: &Gpu, tile: Tile) -> Result<bool> {
        let winograd = self.time(gpu, Form::Winograd(Tile { split: 1, ..tile })).await?;
        Ok(winograd < self.time(gpu, Form::Direct(tile)).await?)
    }

    /// Seconds a run: so many runs that they last [`LONG_ENOUGH`] (browsers round time stamps to
    /// 100 µs); the best of two trials, or three where one run is long enough.
    async fn time(&self, gpu: &Gpu, form: Form) -> Result<f64> {
        const MOST_RUNS: f64 = 64.0;
        let dispatches = self.dispatches(gpu, form);
        let trial = async |times: usize| -> Result<f64> {
            let dispatches: Vec<&Dispatch> =
                std::iter::repeat_n(&dispatches, times).flatten().collect();
            let started = Instant::now();
            let seconds = match gpu.seconds(&dispatches).await? {
                Some(seconds) => seconds,
                None => {
                    gpu.run(dispatches);
                    gpu.read(&self.y).await?;
                    started.elapsed().as_secs_f64()
                }
            };
            Ok(seconds / times as f64)
        };
        let once = trial(1).await?;
        let times = (LONG_ENOUGH / once.max(1e-6)).ceil().clamp(1.0, MOST_RUNS) as usize;
        let seconds = trial(times).await?.min(trial(times).await?);
        Ok(if times == 1 { seconds.min(once) } else { seconds })
    }

    /// Holds some results against the CPU's: an adapter that answers wrongly must not be believed.
    fn check(&self, found: &[f32]) -> Result<()> {
        let positions = self.y.positions();
        for sample in 0..64 {
            let i = sample * (found.len() - 1) / 63;
            let (co, position) = (i / positions, i % positions);
            let row = &self.weights[co * self.conv.c_in..][..self.conv.c_in];
            let expected: f64 = row
                .iter()
                .enumerate()
                .map(|(ci, &w)| w as f64 * self.inputs[ci * positions + position] as f64)
                .sum();
            if !close(found[i], expected as f32) {
                return Err(Error::WrongResult { found: found[i], expected: expected as f32 });
            }
        }
        Ok(())
    }
}

/// f32 sums of 512 products of size 1/12 in another order differ by 1e-5 at most; a wrong index by
/// far more.
fn close(a: f32, b: f32) -> bool {
    (a - b).abs() < 1e-3
}

fn agree(a: &[f32], b: &[f32]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(&a, &b)| close(a, b))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Zeros are known in the wild.
    #[test]
    fn results_that_are_not_the_cpus_are_not_believed() {
        let gpu = Gpu::cpu();
        let [side, c_in, c_out] = BENCHES[FEWEST];
        let bench = Bench::new(&gpu, side, c_in, c_out, 1);
        let right = pollster::block_on(bench.run(&gpu, Form::Direct(DEFAULT_TILE))).unwrap();
        bench.check(&right).unwrap();
        let refused = bench.check(&vec![0.0; right.len()]);
        assert!(matches!(refused, Err(Error::WrongResult { found: 0.0, .. })), "{refused:?}");
        let unknown = bench.check(&vec![f32::NAN; right.len()]);
        assert!(matches!(unknown, Err(Error::WrongResult { .. })), "{unknown:?}");
    }
}
