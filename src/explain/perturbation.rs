//! Maps without gradients: change something, look again, a pass a channel. Score-CAM, SS-CAM and
//! IS-CAM change the photo, Ablation-CAM a layer.
//!
//! Formulas are those of `grad-cam` 1.5, of SS-CAM and IS-CAM those of `torchcam` 0.5. Passes are
//! queued in batches and read back together; between batches the caller hears how far it is and may
//! stop. What was changed is put back in any case, so that other questions about the photo can
//! follow.

use serde::{Deserialize, Serialize};
use web_time::Instant;

use crate::error::Result;
use crate::explain::cam::{Group, Method};
use crate::explain::faithfulness::Normal;
use crate::explain::objective::{Objective, softmax};
use crate::explain::smoothing::AUGMENTED;
use crate::explain::{Explainer, Loaded, Progress, Question, pixels};
use crate::gpu::{Gpu, Tensor};
use crate::image::heatmap::resize;
use crate::models::{Pass, Target};
use crate::operation::hash;
use crate::ops::Rule;

/// How long a batch should take: what one waits for a “stop” to be heard.
const BATCH_MS: f64 = 200.0;
/// Logits that are read back together at most.
const MOST_AT_ONCE: usize = 64;

/// SS-CAM's masks with noise of each channel, and the noise's standard deviation; IS-CAM's masks:
/// `torchcam`'s.
const NOISY_MASKS: usize = 35;
const NOISE: f32 = 2.0;
const MASKS: usize = 10;

/// Passes for each channel of a layer.
fn passes_a_channel(method: Method) -> usize {
    match method {
        Method::SsCam => NOISY_MASKS,
        Method::IsCam => MASKS,
        _ => 1,
    }
}

impl Pass {
    /// The logits [classes] of `count` runs of what follows `from`; `prepare` queues what the n-th
    /// run is to see there. None when `progress` said stop. Leaves whatever the last run left.
    pub(crate) async fn probe(
        &self,
        gpu: &Gpu,
        from: Target,
        count: usize,
        prepare: &mut dyn FnMut(usize),
        progress: Progress<'_>,
    ) -> Result<Option<Vec<Vec<f32>>>> {
        let rows = gpu.tensor(MOST_AT_ONCE, 1, self.logits.channels);
        let mut results = Vec::with_capacity(count);
        let mut at_once = 1;
        let outcome = loop {
            if !progress(results.len(), count) {
                break Ok(None);
            }
            if results.len() == count {
                break Ok(Some(results));
            }
            let started = Instant::now();
            let batch = at_once.min(count - results.len());
            for row in 0..batch {
                prepare(results.len() + row);
                self.run_forward_from(gpu, from);
                gpu.copy(&rows, row, &self.logits);
            }
            match gpu.read(&rows).await {
                Err(error) => break Err(error),
                // [classes, rows]
                Ok(planes) => results.extend((0..batch).map(|row| {
                    planes.iter().skip(row).step_by(MOST_AT_ONCE).copied().collect::<Vec<f32>>()
                })),
            }
            let each = started.elapsed().as_secs_f64() * 1e3 / batch as f64;
            at_once = ((BATCH_MS / each.max(0.1)) as usize).clamp(1, MOST_AT_ONCE);
        };
        rows.free();
        outcome
    }
}

impl Loaded {
    /// Logits of other inputs [3, h, w] of the photo's size, one after the other; the photo's own
    /// pass is run again afterwards.
    pub(crate) async fn logits_of_inputs(
        &self,
        gpu: &Gpu,
        count: usize,
        input: &mut dyn FnMut(usize) -> Vec<f32>,
        progress: Progress<'_>,
    ) -> Result<Option<Vec<Vec<f32>>>> {
        let (pass, _) = self.seen()?;
        let mut prepare = |n| gpu.write(&pass.input, &input(n));
        let logits = pass.probe(gpu, Target::Input, count, &mut prepare, progress).await;
        self.put_back(gpu)?;
        logits
    }

    /// Queues the photo's own pass again, after others.
    pub(crate) fn put_back(&self, gpu: &Gpu) -> Result<()> {
        let (pass, seen) = self.seen()?;
        gpu.write(&pass.input, &seen.input);
        pass.run_forward(gpu);
        Ok(())
    }

    /// Weights [C] of a layer's channels by what changes without a channel or with it alone; those
    /// of channels that are not among `channels` are zero.
    pub(crate) async fn perturbed_weights(
        &self,
        gpu: &Gpu,
        (class, objective): (usize, Objective),
        target: Target,
        method: Method,
        channels: &[usize],
        progress: Progress<'_>,
    ) -> Result<Option<Vec<f32>>> {
        let (pass, seen) = self.seen()?;
        let layer = pass.activations(target);
        let found = match method {
            _ if method.masks_the_photo() => {
                let planes = gpu.read(layer).await?;
                let each = passes_a_channel(method);
                let size = (pass.input.height, pass.input.width);
                let plane = |c: usize| &planes[c * layer.positions()..][..layer.positions()];
                let mut seen_through = |n: usize| {
                    let (c, sample) = (channels[n / each], n % each);
                    let (plane, of) = (plane(c), (layer.height, layer.width));
                    let mask = match method {
                        Method::SsCam => noisy(resize(&unit(plane), of, size), c, sample),
                        Method::IsCam => stronger(resize(&unit(plane), of, size), sample),
                        _ => stretched(plane, of, size),
                    };
                    seen.input.iter().zip(mask.iter().cycle()).map(|(x, m)| x * m).collect()
                };
                let count = each * channels.len();
                let logits = self.logits_of_inputs(gpu, count, &mut seen_through, progress).await?;
                let score = |logits: &Vec<f32>| objective.score(class, logits, self.scores);
                let mean = |of: &[Vec<f32>]| of.iter().map(score).sum::<f32>() / each as f32;
                logits.map(|logits| softmax(&logits.chunks(each).map(mean).collect::<Vec<_>>()))
            }
            _ => {
                let logits = ablated(gpu, pass, target, layer, channels, progress).await?;
                // w_c = (y − y without c) / y. Desai and Ramaswamy 2020, doi
                // 10.1109/WACV45572.2020.9093360
                let score = |logits: &[f32]| objective.score(class, logits, self.scores);
                let whole = score(&seen.logits);
                logits.map(|logits| {
                    logits.iter().map(|logits| (whole - score(logits)) / whole).collect()
                })
            }
        };
        Ok(found.map(|found| {
            let mut weights = vec![0.0; layer.channels];
            channels.iter().zip(found).for_each(|(&c, weight)| weights[c] = weight);
            weights
        }))
    }
}

/// The logits without each of `channels` of a layer. The layer itself is put back, and what follows
/// it.
async fn ablated(
    gpu: &Gpu,
    pass: &Pass,
    target: Target,
    layer: &Tensor,
    channels: &[usize],
    progress: Progress<'_>,
) -> Result<Option<Vec<Vec<f32>>>> {
    let kept = gpu.tensor(layer.height, layer.width, layer.channels);
    let channel = gpu.tensor(1, 1, 1);
    gpu.copy(&kept, 0, layer);
    let ablate = [crate::ops::ablate_channel(gpu, layer, &kept, &channel)];
    let mut prepare = |n: usize| {
        gpu.write(&channel, &[channels[n] as f32]);
        gpu.run(&ablate);
    };
    let logits = pass.probe(gpu, target, channels.len(), &mut prepare, progress).await;
    gpu.copy(layer, 0, &kept);
    pass.run_forward_from(gpu, target);
    [kept, channel].iter().for_each(Tensor::free);
    logits
}

/// A plane minus its minimum, divided by its range (+ 1e-8).
fn unit(plane: &[f32]) -> Vec<f32> {
    let min = plane.iter().copied().fold(f32::INFINITY, f32::min);
    let max = plane.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    plane.iter().map(|v| (v - min) / (max - min + 1e-8)).collect()
}

/// SS-CAM's mask: the same noise each time for a channel's n-th.
fn noisy(mask: Vec<f32>, channel: usize, sample: usize) -> Vec<f32> {
    let mut random = Normal(hash((channel * NOISY_MASKS + sample + 1) as u32) | 1);
    mask.iter().map(|m| m + NOISE * random.next()).collect()
}

/// IS-CAM's mask, (1 + 2 + … + n) / 10 times the channel's.
fn stronger(mask: Vec<f32>, sample: usize) -> Vec<f32> {
    let strength = (sample + 1) * (sample + 2) / 2;
    mask.iter().map(|m| m * strength as f32 / MASKS as f32).collect()
}

/// Score-CAM's mask: bilinear to the input's size with aligned corners, as torch's
/// `UpsamplingBilinear2d`, then minus the minimum, divided by the range (+ 1e-8). `plane` [h, w].
/// Wang et al. 2020, arXiv 1910.01279
pub fn stretched(
    plane: &[f32],
    (h, w): (usize, usize),
    (out_h, out_w): (usize, usize),
) -> Vec<f32> {
    let between = |out: usize, size: usize, o: usize| {
        let at = if out > 1 { o as f64 * (size - 1) as f64 / (out - 1) as f64 } else { 0.0 };
        let low = (at as usize).min(size - 1);
        (low, (low + 1).min(size - 1), (at - low as f64) as f32)
    };
    let across: Vec<_> = (0..out_w).map(|x| between(out_w, w, x)).collect();
    let mut out = Vec::with_capacity(out_h * out_w);
    for y in 0..out_h {
        let (upper, lower, down) = between(out_h, h, y);
        out.extend(across.iter().map(|&(left, right, over)| {
            let row = |y: usize| plane[y * w + left] * (1.0 - over) + plane[y * w + right] * over;
            row(upper) * (1.0 - down) + row(lower) * down
        }));
    }
    unit(&out)
}

/// How long a slow method would take.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Of a layer's methods one for each channel that is tried, of every layer.
    pub passes: usize,
    pub milliseconds: f64,
}

impl Explainer {
    /// What a question to a method that needs a pass a channel would cost, all its layers together,
    /// from passes that are run now. Errors as [`explain`](Explainer::explain).
    pub async fn estimate(&mut self, question: &Question) -> Result<Estimate> {
        let mut estimate = Estimate { passes: 0, milliseconds: 0.0 };
        let class = self.class(question.class)?;
        for layer in &self.layers_of(question)? {
            let passes = self.passes(question.method, layer, question.channels)?;
            let (gpu, loaded, target) = self.at(layer)?;
            let (pass, _) = loaded.seen()?;
            let from = if question.method.masks_the_photo() { Target::Input } else { target };
            let started = Instant::now();
            // The photo itself, so that nothing has to be put back; the first is what warms up.
            const TRIED: usize = 3;
            pass.probe(gpu, from, TRIED, &mut |_| {}, &mut |_, _| true).await?;
            if matches!(question.method, Method::SmoothGrad | Method::IntegratedGradients) {
                for _ in 0..TRIED {
                    let about = (class, question.objective);
                    let gradient = loaded.gradient(gpu, about, target, Rule::Gradient)?;
                    gpu.read(&gradient).await?;
                }
            }
            let each = started.elapsed().as_secs_f64() * 1e3 / TRIED as f64;
            estimate.passes += passes;
            estimate.milliseconds += each * passes as f64;
        }
        if question.aug_smooth {
            estimate.passes *= AUGMENTED.len();
            estimate.milliseconds *= AUGMENTED.len() as f64;
        }
        Ok(estimate)
    }

    /// Of a slow method at one layer.
    pub(crate) fn passes(
        &mut self,
        method: Method,
        layer: &str,
        channels: Option<usize>,
    ) -> Result<usize> {
        let (_, loaded, target) = self.at(layer)?;
        let (pass, _) = loaded.seen()?;
        if method.group() == Group::Pixels {
            return Ok(pixels::passes(method, (pass.input.height, pass.input.width)));
        }
        let tried = pass.activations(target).channels.min(channels.unwrap_or(usize::MAX));
        Ok(passes_a_channel(method) * tried)
    }
}
