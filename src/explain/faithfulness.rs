//! Is the picture to be trusted? The photo is changed where the heatmap says it matters, and the
//! network is asked again.
//!
//! Average drop and increase: Chattopadhyay et al. 2018, arXiv 1710.11063. Deletion and insertion:
//! Petsiuk et al. 2018, arXiv 1806.07421. ROAD: Rong et al. 2022, arXiv 2202.00449, as `grad-cam`
//! does it. Sanity check by randomised weights: Adebayo et al. 2018, arXiv 1810.03292. All on one
//! photo: a spot check of this picture, not a benchmark of a method.

use crate::error::{Error, Result};
use crate::explain::ranking::largest_first;
use crate::explain::{Explainer, Explanation, Progress, Question};
use crate::gpu::Dispatch;
use serde::{Deserialize, Serialize};

/// Deletion and insertion change the photo in so many steps.
pub const STEPS: usize = 16;
/// ROAD keeps pixels below these percentiles of the heatmap, as `grad-cam` does.
pub const PERCENTILES: [usize; 9] = [10, 20, 30, 40, 50, 60, 70, 80, 90];
/// Passes of [`Explainer::trust`].
pub const PASSES: usize = 1 + 2 * (STEPS + 1) + 2 * PERCENTILES.len();
/// Standard deviation of the noise that ROAD adds to imputed pixels, of the normalised input.
pub const NOISE: f32 = 0.01;

/// How finely a map is checked: [`Checks::default`] as papers and packages do it, fewer points for
/// many maps.
#[derive(Clone, Copy, Debug)]
pub struct Checks {
    /// Of deletion and insertion.
    pub steps: usize,
    /// Of ROAD.
    pub percentiles: &'static [usize],
    /// Of ROAD's imputed pixels.
    pub noise: f32,
}

impl Default for Checks {
    fn default() -> Checks {
        Checks { steps: STEPS, percentiles: &PERCENTILES, noise: NOISE }
    }
}

/// How likely the class is, by the share of pixels that were changed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// (share 0..1, probability 0..1), shares rising.
    pub points: Vec<(f32, f32)>,
}

impl Curve {
    /// The area under the curve, by trapezoids, divided by its width.
    pub fn area(&self) -> f32 {
        let area = |pair: &[(f32, f32)]| (pair[1].0 - pair[0].0) * (pair[1].1 + pair[0].1) / 2.0;
        let width = |(first, last): (&(f32, f32), &(f32, f32))| last.0 - first.0;
        let width = self.points.first().zip(self.points.last()).map_or(0.0, width);
        if width > 0.0 { self.points.windows(2).map(area).sum::<f32>() / width } else { 0.0 }
    }

    /// The mean of the probabilities, each point counting the same.
    pub fn mean(&self) -> f32 {
        self.points.iter().map(|point| point.1).sum::<f32>() / self.points.len().max(1) as f32
    }
}

/// What the checks found; probabilities are the explained class's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Trust {
    pub class: usize,
    /// Of the photo itself.
    pub probability: f32,
    /// Of the normalised photo times the heatmap.
    pub seen: f32,
    /// The hottest pixels become grey first. A good map: a low area.
    pub deletion: Curve,
    /// The hottest pixels of a blurred photo become sharp first. A good map: a high area.
    pub insertion: Curve,
    /// ROAD: the most relevant pixels are replaced by what their neighbours suggest. A good map:
    /// low.
    pub morf: Curve,
    /// The least relevant ones. A good map: high.
    pub lerf: Curve,
}

impl Trust {
    /// The share of the probability that is lost when only what the heatmap marks is left, 0..1.
    pub fn share_lost(&self) -> f32 {
        if self.probability > 0.0 {
            ((self.probability - self.seen) / self.probability).max(0.0)
        } else {
            0.0
        }
    }

    /// Whether it rises instead.
    pub fn increase(&self) -> bool {
        self.seen > self.probability
    }

    /// ROAD combined: half of what removing the least relevant pixels leaves more than removing the
    /// most relevant ones. Above 0: the map ranks pixels better than its reverse.
    pub fn road(&self) -> f32 {
        (self.lerf.mean() - self.morf.mean()) / 2.0
    }
}

/// The map after a part of the network was randomized, with all parts above it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Randomized {
    /// One of [`Architecture::parts`](crate::checkpoint::Architecture::parts): "fc", "layer4", …,
    /// "conv1".
    pub part: String,
    /// Spearman's rank correlation with the original map, -1..1; 0 when either is the same
    /// everywhere.
    pub correlation: f32,
    /// Structural similarity with the original map, -1..1; 0 when this one is blank, and by that
    /// alike in all that is cold.
    pub ssim: f32,
    /// [height, width] in 0..1
    pub heatmap: Vec<f32>,
}

/// Changed photos, in the order in which they are looked at.
enum Change {
    Seen,
    Deletion(usize),
    Insertion(usize),
    Morf(usize),
    Lerf(usize),
}

impl Explainer {
    /// Checks a heatmap of the last photo; `noise` is ROAD's, [`NOISE`] for its authors. Some fifty
    /// passes: None when `progress` says stop, and for a blank heatmap, in which no place comes
    /// before another. The photo stays the last one.
    ///
    /// Errors as [`explain`](Explainer::explain); [`Error::NoPhoto`] also for a heatmap of another
    /// photo's size.
    pub async fn trust(
        &mut self,
        explanation: &Explanation,
        noise: f32,
        progress: Progress<'_>,
    ) -> Result<Option<Trust>> {
        self.trust_by(explanation, Checks { noise, ..Checks::default() }, progress).await
    }

    /// [`trust`](Explainer::trust) as finely as `checks` has it.
    pub async fn trust_by(
        &mut self,
        explanation: &Explanation,
        Checks { steps, percentiles, noise }: Checks,
        progress: Progress<'_>,
    ) -> Result<Option<Trust>> {
        let (gpu, loaded, _) = self.at("input")?;
        let class = explanation.class;
        let (_, seen) = loaded.seen()?;
        let scores = loaded.scores;
        let (heat, size) = (&explanation.heatmap, (explanation.height, explanation.width));
        if seen.input.len() != 3 * heat.len() || class >= seen.logits.len() {
            return Err(Error::NoPhoto);
        }
        if explanation.blank {
            return Ok(None);
        }
        let order = largest_first(heat);
        let blurred = blur(&seen.input, size);
        let each_step = || 0..=steps;
        let changes: Vec<Change> = std::iter::once(Change::Seen)
            .chain(each_step().map(Change::Deletion))
            .chain(each_step().map(Change::Insertion))
            .chain(percentiles.iter().copied().map(Change::Morf))
            .chain(percentiles.iter().copied().map(Change::Lerf))
            .collect();
        let colder: Vec<f32> = heat.iter().map(|heat| 1.0 - heat).collect();
        let hottest =
            |step: usize| &order[..((step * order.len()) as f64 / steps as f64).round() as usize];
        let mut input = |n: usize| match changes[n] {
            Change::Seen => {
                seen.input.iter().zip(heat.iter().cycle()).map(|(x, heat)| x * heat).collect()
            }
            Change::Deletion(step) => replaced(&seen.input, hottest(step), |_| 0.0),
            Change::Insertion(step) => replaced(&blurred, hottest(step), |at| seen.input[at]),
            Change::Morf(percentile) => impute(&seen.input, size, &below(heat, percentile), noise),
            Change::Lerf(percentile) => {
                impute(&seen.input, size, &below(&colder, percentile), noise)
            }
        };
        let Some(logits) =
            loaded.logits_of_inputs(gpu, changes.len(), &mut input, progress).await?
        else {
            return Ok(None);
        };
        let probability = scores.probability(class, &seen.logits);
        let mut trust = Trust { class, probability, ..Default::default() };
        for (change, logits) in changes.iter().zip(logits) {
            let p = scores.probability(class, &logits);
            let of_steps = |step: usize| (step as f32 / steps as f32, p);
            // Above the p-th percentile are 100 − p of a hundred pixels.
            let of_percentile = |percentile: usize| (1.0 - percentile as f32 / 100.0, p);
            match *change {
                Change::Seen => trust.seen = p,
                Change::Deletion(step) => trust.deletion.points.push(of_steps(step)),
                Change::Insertion(step) => trust.insertion.points.push(of_steps(step)),
                Change::Morf(percentile) => trust.morf.points.insert(0, of_percentile(percentile)),
                Change::Lerf(percentile) => trust.lerf.points.insert(0, of_percentile(percentile)),
            }
        }
        Ok(Some(trust))
    }

    /// The sanity check: the weights are shuffled part by part, from the last layer to the first,
    /// and the map is made anew each time. If it looks the same, it does not show what the network
    /// learned. The network is put back, bit by bit, also when `progress` says stop (then the
    /// result is None, as it is for a blank map, which cannot change).
    ///
    /// Errors as [`explain`](Explainer::explain).
    pub async fn randomise(
        &mut self,
        question: &Question,
        progress: Progress<'_>,
    ) -> Result<Option<Vec<Randomized>>> {
        let class = self.class(question.class)?;
        let question = Question { class: Some(class), ..question.clone() };
        let mut rounds = Vec::new();
        let outcome = self.randomize_and_ask(&question, &mut rounds, progress).await;
        let (gpu, loaded, _) = self.at("input")?;
        gpu.run(rounds.iter().rev());
        loaded.forward_again(gpu).await?;
        outcome
    }

    async fn randomize_and_ask(
        &mut self,
        question: &Question,
        rounds: &mut Vec<Dispatch>,
        progress: Progress<'_>,
    ) -> Result<Option<Vec<Randomized>>> {
        let original = self.ask(question, &mut |_, _| true).await?;
        let Some(original) = original.filter(|map| !map.blank) else { return Ok(None) };
        let mut found = Vec::new();
        let parts = self.parts();
        for (n, part) in parts.iter().enumerate() {
            if !progress(n, parts.len()) {
                return Ok(None);
            }
            let (gpu, loaded, _) = self.at("input")?;
            let dispatches = loaded.model.randomize(gpu, part);
            gpu.run(&dispatches);
            rounds.extend(dispatches);
            loaded.forward_again(gpu).await?;
            let Some(map) = self.ask(question, &mut |_, _| true).await? else { return Ok(None) };
            let correlation = rank_correlation(&original.heatmap, &map.heatmap);
            let ssim =
                if map.blank { 0.0 } else { ssim(&original.heatmap, &map.heatmap, original.width) };
            found.push(Randomized { part: part.clone(), correlation, ssim, heatmap: map.heatmap });
        }
        progress(parts.len(), parts.len());
        Ok(Some(found))
    }
}

/// `input` [3, h·w] with all three channels of `pixels` replaced.
fn replaced(input: &[f32], pixels: &[usize], by: impl Fn(usize) -> f32) -> Vec<f32> {
    let mut changed = input.to_vec();
    for channel in 0..3 {
        for &pixel in pixels {
            let at = channel * input.len() / 3 + pixel;
            changed[at] = by(at);
        }
    }
    changed
}

/// Which values are below a percentile, which is interpolated as NumPy does it.
fn below(values: &[f32], percentile: usize) -> Vec<bool> {
    let order: Vec<usize> = largest_first(values).into_iter().rev().collect();
    let at = percentile as f64 / 100.0 * (order.len() - 1) as f64;
    let (low, high) =
        (values[order[at as usize]], values[order[(at as usize + 1).min(order.len() - 1)]]);
    let threshold = (f64::from(low) + f64::from(high - low) * at.fract()) as f32;
    values.iter().map(|&value| value < threshold).collect()
}

/// Gaussian blur of `input` [3, h, w] over 11 pixels with sigma 5, mirrored at the border without
/// repeating it: the constants of Petsiuk et al.
fn blur(input: &[f32], (h, w): (usize, usize)) -> Vec<f32> {
    const REACH: isize = 5;
    const SIGMA: f64 = 5.0;
    let weights: Vec<f64> =
        (-REACH..=REACH).map(|d| (-0.5 * (d as f64 / SIGMA).powi(2)).exp()).collect();
    let total: f64 = weights.iter().sum();
    let mirrored = |at: isize, size: usize| {
        let last = size as isize - 1;
        let at = at.abs();
        (if at > last { 2 * last - at } else { at }).clamp(0, last) as usize
    };
    let along = |values: &[f32], size: usize, stride: usize, at: usize, from: usize| {
        let taps = (-REACH..=REACH).zip(&weights);
        let sum = taps.map(|(d, weight)| {
            weight * f64::from(values[from + mirrored(at as isize + d, size) * stride])
        });
        (sum.sum::<f64>() / total) as f32
    };
    let mut out = Vec::with_capacity(input.len());
    for plane in input.chunks_exact(h * w) {
        let wide: Vec<f32> = (0..h * w).map(|i| along(plane, w, 1, i % w, i / w * w)).collect();
        out.extend((0..h * w).map(|i| along(&wide, h, w, i / w, i % w)));
    }
    out
}

/// ROAD's imputation: each pixel of `input` [3, h, w] that is not `kept` becomes the weighted mean
/// of its eight neighbours (1/6 beside it, 1/12 across corners), which for all of them together is
/// a linear system, plus noise.
fn impute(input: &[f32], (h, w): (usize, usize), kept: &[bool], noise: f32) -> Vec<f32> {
    // A frame of one pixel around the image, whose zeros neighbours outside read.
    let row = w + 2;
    let framed = |of: &dyn Fn(usize) -> f64| {
        let mut values = vec![0.0; (h + 2) * row];
        (0..h * w).for_each(|pixel| values[(pixel / w + 1) * row + pixel % w + 1] = of(pixel));
        values
    };
    let missing = framed(&|pixel| f64::from(u8::from(!kept[pixel])));
    let diagonal = around(&framed(&|_| 1.0), row);
    let mut random = Normal(1);
    let mut out = input.to_vec();
    for plane in out.chunks_exact_mut(h * w) {
        let known = framed(&|pixel| if kept[pixel] { f64::from(plane[pixel]) } else { 0.0 });
        let where_missing = |mut values: Vec<f64>| {
            values.iter_mut().zip(&missing).for_each(|(v, missing)| *v *= missing);
            values
        };
        let solved = conjugate_gradient(&where_missing(around(&known, row)), |x| {
            let mut product = around(x, row);
            let terms = product.iter_mut().zip(x).zip(&diagonal);
            terms.for_each(|((p, x), d)| *p = d * x - *p);
            where_missing(product)
        });
        for pixel in (0..h * w).filter(|&pixel| !kept[pixel]) {
            let value = solved[(pixel / w + 1) * row + pixel % w + 1];
            plane[pixel] = value as f32 + noise * random.next();
        }
    }
    out
}

/// The weighted sum of each pixel's neighbours; `values` and result have rows of `row` and a frame
/// of one pixel, which becomes 0.
fn around(values: &[f64], row: usize) -> Vec<f64> {
    let mut sums = vec![0.0; values.len()];
    let rows = values.chunks_exact(row).collect::<Vec<_>>();
    for (three, sums) in rows.windows(3).zip(sums.chunks_exact_mut(row).skip(1)) {
        let [above, here, below] = [0, 1, 2].map(|n| three[n].windows(3));
        for (sum, ((a, x), b)) in sums[1..].iter_mut().zip(above.zip(here).zip(below)) {
            let (beside, corners) = (a[1] + x[0] + x[2] + b[1], a[0] + a[2] + b[0] + b[2]);
            *sum = beside * (1.0 / 6.0) + corners * (1.0 / 12.0);
        }
    }
    sums
}

/// Solves A x = b for a symmetric, positive definite A, to a millionth of b.
fn conjugate_gradient(b: &[f64], a_times: impl Fn(&[f64]) -> Vec<f64>) -> Vec<f64> {
    const MOST_ITERATIONS: usize = 2000;
    const CONVERGED: f64 = 1e-12; // of the squared length
    // Eight sums: one alone waits for each addition before the next.
    let dot = |a: &[f64], b: &[f64]| {
        let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
        let mut sums = [0.0; 8];
        for (a, b) in a.iter().zip(b) {
            (0..8).for_each(|lane| sums[lane] += a[lane] * b[lane]);
        }
        let rest = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f64>();
        sums.iter().sum::<f64>() + rest
    };
    let mut x = vec![0.0; b.len()];
    let (mut rest, mut towards) = (b.to_vec(), b.to_vec());
    let goal = CONVERGED * dot(b, b);
    let mut length = dot(&rest, &rest);
    for _ in 0..MOST_ITERATIONS {
        if length <= goal {
            break;
        }
        let product = a_times(&towards);
        let curvature = dot(&towards, &product);
        if curvature <= 0.0 {
            break; // nothing is known anywhere: any constant solves it
        }
        let step = length / curvature;
        x.iter_mut().zip(&towards).for_each(|(x, t)| *x += step * t);
        rest.iter_mut().zip(&product).for_each(|(r, p)| *r -= step * p);
        let next = dot(&rest, &rest);
        towards.iter_mut().zip(&rest).for_each(|(t, r)| *t = r + next / length * *t);
        length = next;
    }
    x
}

/// Normally distributed numbers, the same each time: the sum of twelve uniform ones minus 6. From a
/// seed that is not 0.
pub(crate) struct Normal(pub(crate) u32);

impl Normal {
    /// 0..=1
    pub(crate) fn uniform(&mut self) -> f32 {
        // xorshift32
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 as f32 / u32::MAX as f32
    }

    pub(crate) fn next(&mut self) -> f32 {
        (0..12).map(|_| self.uniform()).sum::<f32>() - 6.0
    }
}

/// How few places hold the heat: the Gini index of a map's absolute values, 0 where all are alike,
/// near 1 where one has all. Chalasani et al. 2020, arXiv 1810.06583. 0 of a blank map.
pub fn sparseness(heatmap: &[f32]) -> f32 {
    let mut sorted: Vec<f64> = heatmap.iter().map(|&heat| f64::from(heat).abs()).collect();
    sorted.sort_by(f64::total_cmp);
    let (n, total) = (sorted.len() as f64, sorted.iter().sum::<f64>());
    let ranked = sorted.iter().enumerate().map(|(i, heat)| (2.0 * i as f64 + 1.0 - n) * heat);
    if total > 0.0 { (ranked.sum::<f64>() / (n * total)) as f32 } else { 0.0 }
}

/// Spearman's: Pearson's correlation of the ranks, equal values sharing the mean of theirs. 0 where
/// one is the same everywhere.
pub fn rank_correlation(a: &[f32], b: &[f32]) -> f32 {
    let ranks = |values: &[f32]| {
        let order = largest_first(values);
        let mut ranks = vec![0.0f64; values.len()];
        let mut first = 0;
        for group in order.chunk_by(|&i, &j| values[i] == values[j]) {
            let mean = first as f64 + (group.len() - 1) as f64 / 2.0;
            group.iter().for_each(|&i| ranks[i] = mean);
            first += group.len();
        }
        ranks
    };
    let (a, b) = (ranks(a), ranks(b));
    let mean = (a.len() as f64 - 1.0) / 2.0;
    let product =
        |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - mean) * (b - mean)).sum::<f64>();
    let scale = (product(&a, &a) * product(&b, &b)).sqrt();
    if scale > 0.0 { (product(&a, &b) / scale) as f32 } else { 0.0 }
}

/// The structural similarity of two maps [height, width] of values in 0..1: the mean over all
/// windows of 7 × 7, with the constants of Wang et al. 2004, as
/// `skimage.metrics.structural_similarity(a, b, data_range=1)` of scikit-image. 1 where maps are
/// smaller.
pub fn ssim(a: &[f32], b: &[f32], width: usize) -> f32 {
    const SIDE: usize = 7;
    const C1: f64 = 0.01 * 0.01;
    const C2: f64 = 0.03 * 0.03;
    let count = (SIDE * SIDE) as f64;
    let (height, across) = (a.len() / width.max(1), (width + 1).saturating_sub(SIDE));
    let mut total = 0.0;
    let mut windows = 0;
    for y in 0..(height + 1).saturating_sub(SIDE) {
        for x in 0..across {
            let [mut sum_a, mut sum_b, mut squares, mut product] = [0.0f64; 4];
            for row in y..y + SIDE {
                let at = row * width + x;
                for (&a, &b) in a[at..at + SIDE].iter().zip(&b[at..at + SIDE]) {
                    let (a, b) = (f64::from(a), f64::from(b));
                    sum_a += a;
                    sum_b += b;
                    squares += a * a + b * b;
                    product += a * b;
                }
            }
            let (a, b) = (sum_a / count, sum_b / count);
            // Of a sample: divided by one less.
            let variances = (squares / count - a * a - b * b) * count / (count - 1.0);
            let covariance = (product / count - a * b) * count / (count - 1.0);
            total += (2.0 * a * b + C1) * (2.0 * covariance + C2)
                / ((a * a + b * b + C1) * (variances + C2));
            windows += 1;
        }
    }
    if windows > 0 { (total / f64::from(windows)) as f32 } else { 1.0 }
}
