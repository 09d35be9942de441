//! Maps at the size of the input: what each pixel counts for a class, with no layer between.
//!
//! By gradients of the input (input × gradient, SmoothGrad, integrated gradients), or by hiding
//! parts of the photo (occlusion sensitivity, RISE); FullGrad (`full_grad.rs`) adds the shares of
//! biases. Formulas and constants are those of their papers and, but for RISE and FullGrad, of
//! `captum` 0.9. The baseline, where a method has one, is 0: the mean colour. Maps are sums over the
//! three colours, and have the size of the input; [`clipped`] says how they are drawn.
//!
//! To add one: a variant of [`Method`] and an arm in `Loaded::pixel_map`.

use crate::error::Result;
use crate::explain::cam::Method;
use crate::explain::faithfulness::Normal;
use crate::explain::objective::Objective;
use crate::explain::ranking::largest_first;
use crate::explain::{Loaded, Progress};
use crate::gpu::Gpu;
use crate::image::heatmap::Cam;
use crate::models::Target;
use crate::ops::Rule;

/// Noisy photos of SmoothGrad, and their noise as a share of the input's range: the paper finds
/// little gain above 50, and 0.1 to 0.2 best.
pub const SAMPLES: usize = 50;
const NOISE: f32 = 0.15;
/// Points between the baseline and the photo at which gradients are taken: `captum`'s default.
pub const STEPS: usize = 50;
/// Occluded squares: a seventh of the shorter side, moved by half of it.
const SQUARES: usize = 7;
/// Masks of RISE (the paper has 4,000 to 8,000), their cells along each side, and the share of
/// cells that stays visible.
pub const MASKS: usize = 1000;
const CELLS: usize = 7;
const VISIBLE: f32 = 0.5;
/// The same noise and masks each time.
const SEED: u32 = 1;

/// How many passes a pixel-level method takes on an input [h, w].
pub fn passes(method: Method, (h, w): (usize, usize)) -> usize {
    match method {
        Method::SmoothGrad => SAMPLES,
        Method::IntegratedGradients => STEPS,
        Method::Occlusion => squares((h, w)).len(),
        Method::Rise => MASKS,
        _ => 1,
    }
}

impl Loaded {
    /// The raw map of a pixel-level method; None when `progress` says stop. The photo's own pass is
    /// run again afterwards.
    pub(crate) async fn pixel_map(
        &mut self,
        gpu: &Gpu,
        about: (usize, Objective),
        method: Method,
        progress: Progress<'_>,
    ) -> Result<Option<Cam>> {
        let (pass, seen) = self.seen()?;
        let size = (pass.input.height, pass.input.width);
        let x = seen.input.clone();
        let values = match method {
            Method::SmoothGrad => {
                let (low, high) =
                    x.iter().fold((f32::MAX, f32::MIN), |(l, h), &v| (l.min(v), h.max(v)));
                let (mut random, deviation) = (Normal(SEED), NOISE * (high - low));
                let mut noisy =
                    |_| (1.0, x.iter().map(|v| v + deviation * random.next()).collect::<Vec<_>>());
                let sum = self.gradients(gpu, about, SAMPLES, &mut noisy, progress).await?;
                sum.map(|sum| over_colours(&sum, |at| (sum[at] / SAMPLES as f64).abs()))
            }
            Method::IntegratedGradients => {
                let points = gauss_legendre(STEPS);
                let mut between = |n: usize| {
                    let (at, weight) = points[n];
                    (weight, x.iter().map(|&v| (at * f64::from(v)) as f32).collect::<Vec<_>>())
                };
                let sum = self.gradients(gpu, about, STEPS, &mut between, progress).await?;
                sum.map(|sum| over_colours(&sum, |at| f64::from(x[at]) * sum[at]))
            }
            Method::FullGrad => Some(self.full_grad(gpu, about).await?),
            Method::Occlusion => self.occluded(gpu, about, size, progress).await?,
            Method::Rise => self.rise(gpu, about, size, progress).await?,
            // Input × gradient
            _ => {
                let gradient = self.gradient(gpu, about, Target::Input, Rule::Gradient)?;
                let gradient = gpu.read(&gradient).await?;
                Some(over_colours(&x, |at| f64::from(x[at]) * f64::from(gradient[at])))
            }
        };
        Ok(values.map(|values| Cam { height: size.0, width: size.1, values }))
    }

    /// Σ weight · d(score)/d(input) [3, h, w] over `count` inputs, each with its weight.
    async fn gradients(
        &mut self,
        gpu: &Gpu,
        (class, objective): (usize, Objective),
        count: usize,
        point: &mut dyn FnMut(usize) -> (f64, Vec<f32>),
        progress: Progress<'_>,
    ) -> Result<Option<Vec<f64>>> {
        let (_, seen) = self.seen()?;
        let (mut sum, logits) = (Some(vec![0.0; seen.input.len()]), seen.logits.clone());
        for n in 0..count {
            if !progress(n, count) {
                sum = None;
                break;
            }
            let (weight, values) = point(n);
            let (pass, _) = self.seen()?;
            gpu.write(&pass.input, &values);
            pass.run_forward(gpu);
            // Only a probability's derivative depends on the logits.
            let logits = match objective {
                Objective::Probability => &gpu.read(&pass.logits).await?,
                _ => &logits,
            };
            let dlogits = objective.gradient(class, logits, self.scores);
            let gradient = self.backward(gpu, &dlogits, Target::Input, Rule::Gradient)?;
            let gradient = gpu.read(&gradient).await?;
            let terms = sum.iter_mut().flatten().zip(gradient);
            terms.for_each(|(sum, g)| *sum += weight * f64::from(g));
        }
        self.put_back(gpu)?;
        let stopped = sum.is_none() || !progress(count, count);
        Ok(sum.filter(|_| !stopped))
    }

    /// What the score loses when a square is hidden, at each pixel the mean of the squares that
    /// hide it: [h·w]. Zeiler and Fergus 2013, arXiv 1311.2901
    async fn occluded(
        &self,
        gpu: &Gpu,
        (class, objective): (usize, Objective),
        (h, w): (usize, usize),
        progress: Progress<'_>,
    ) -> Result<Option<Vec<f32>>> {
        let (_, seen) = self.seen()?;
        let squares = squares((h, w));
        let pixels = |n: usize| {
            let (top, left, side): (usize, usize, usize) = squares[n];
            let rows = top..(top + side).min(h);
            rows.flat_map(move |y| (left..(left + side).min(w)).map(move |x| y * w + x))
        };
        let mut hidden = |n: usize| {
            let mut input = seen.input.clone();
            (0..3).for_each(|c| pixels(n).for_each(|at| input[c * h * w + at] = 0.0));
            input
        };
        let Some(logits) = self.logits_of_inputs(gpu, squares.len(), &mut hidden, progress).await?
        else {
            return Ok(None);
        };
        let score = |logits: &[f32]| f64::from(objective.score(class, logits, self.scores));
        let (whole, mut sums) = (score(&seen.logits), vec![(0.0, 0); h * w]);
        for (n, logits) in logits.iter().enumerate() {
            let lost = whole - score(logits);
            pixels(n).for_each(|at| sums[at] = (sums[at].0 + lost, sums[at].1 + 1));
        }
        Ok(Some(sums.into_iter().map(|(sum, count)| (sum / f64::from(count)) as f32).collect()))
    }

    /// The mean of random masks, each times the score of the photo seen through it, divided by what
    /// share of the photo they leave visible: [h·w]. Petsiuk et al. 2018, arXiv 1806.07421
    async fn rise(
        &self,
        gpu: &Gpu,
        (class, objective): (usize, Objective),
        (h, w): (usize, usize),
        progress: Progress<'_>,
    ) -> Result<Option<Vec<f32>>> {
        let (_, seen) = self.seen()?;
        let mut random = Normal(SEED);
        let mut through = |_| {
            let mask = random_mask(&mut random, (h, w));
            seen.input.iter().zip(mask.iter().cycle()).map(|(x, m)| x * m).collect()
        };
        let logits = self.logits_of_inputs(gpu, MASKS, &mut through, progress).await?;
        Ok(logits.map(|logits| {
            let (mut random, mut sums) = (Normal(SEED), vec![0.0f64; h * w]);
            for logits in logits {
                let score = f64::from(objective.score(class, &logits, self.scores));
                let mask = random_mask(&mut random, (h, w));
                sums.iter_mut().zip(mask).for_each(|(sum, m)| *sum += score * f64::from(m));
            }
            let scale = f64::from(VISIBLE) * MASKS as f64;
            sums.into_iter().map(|sum| (sum / scale) as f32).collect()
        }))
    }
}

/// A mask of RISE [h·w]: CELLS² cells, visible or not, stretched without aligned corners to a cell
/// more than the photo and cut out of it at a random place.
fn random_mask(random: &mut Normal, (h, w): (usize, usize)) -> Vec<f32> {
    let cells: Vec<f32> =
        (0..CELLS * CELLS).map(|_| f32::from(random.uniform() < VISIBLE)).collect();
    let mut along = |side: usize| -> Vec<(usize, usize, f32)> {
        let cell = side.div_ceil(CELLS);
        let shift = ((random.uniform() * cell as f32) as usize).min(cell - 1);
        let (stretched, last) = (((CELLS + 1) * cell) as f32, (CELLS - 1) as f32);
        let place = |o: usize| {
            let at = ((o + shift) as f32 + 0.5) * CELLS as f32 / stretched - 0.5;
            // Beyond the outermost centres the cells are mirrored, as in the authors' pictures.
            let at = if at > last { 2.0 * last - at } else { at.abs() };
            (at as usize, (at as usize + 1).min(CELLS - 1), at.fract())
        };
        (0..side).map(place).collect()
    };
    let (down, across) = (along(h), along(w));
    let mut mask = Vec::with_capacity(h * w);
    for &(upper, lower, below) in &down {
        mask.extend(across.iter().map(|&(left, right, over)| {
            let row =
                |y: usize| cells[y * CELLS + left] * (1.0 - over) + cells[y * CELLS + right] * over;
            row(upper) * (1.0 - below) + row(lower) * below
        }));
    }
    mask
}

/// Top, left and side of each square that is hidden; the last of a row may reach over the border,
/// as `captum`'s do.
fn squares((h, w): (usize, usize)) -> Vec<(usize, usize, usize)> {
    let side = (h.min(w) / SQUARES).max(2);
    let step = side / 2;
    let starts = |length: usize| (0..=(length - side).div_ceil(step)).map(move |n| n * step);
    starts(h).flat_map(|top| starts(w).map(move |left| (top, left, side))).collect()
}

/// Sums of `term` over the three colours of `planes` [3, pixels]: [pixels].
fn over_colours<T>(planes: &[T], term: impl Fn(usize) -> f64) -> Vec<f32> {
    let pixels = planes.len() / 3;
    (0..pixels).map(|p| (0..3).map(|c| term(c * pixels + p)).sum::<f64>() as f32).collect()
}

/// The points of 0..1 and their weights by which a polynomial of degree 2·count − 1 is integrated
/// exactly: the zeros of the Legendre polynomial, by Newton's method.
fn gauss_legendre(count: usize) -> Vec<(f64, f64)> {
    let n = count as f64;
    let point = |i: usize| {
        let mut x = (std::f64::consts::PI * (i as f64 + 0.75) / (n + 0.5)).cos();
        let mut slope = 1.0;
        for _ in 0..20 {
            let (mut before, mut value) = (1.0, x);
            for k in 2..=count {
                let k = k as f64;
                (before, value) = (value, ((2.0 * k - 1.0) * x * value - (k - 1.0) * before) / k);
            }
            slope = n * (x * value - before) / (x * x - 1.0);
            x -= value / slope;
        }
        ((1.0 + x) / 2.0, 1.0 / ((1.0 - x * x) * slope * slope))
    };
    (0..count).map(point).collect()
}

/// A pixel-level map as it is drawn: of what is above 0, values above the 99th percentile are that
/// percentile, as in the SmoothGrad authors' own pictures. A few pixels would leave all others
/// black.
pub fn clipped(cam: &Cam) -> Cam {
    let positive: Vec<f32> = cam.values.iter().copied().filter(|&v| v > 0.0).collect();
    let last = positive.len().saturating_sub(1);
    let percentile = largest_first(&positive).get(last - last * 99 / 100).copied();
    let most = percentile.map_or(0.0, |place| positive[place]);
    Cam { values: cam.values.iter().map(|v| v.min(most)).collect(), ..*cam }
}
