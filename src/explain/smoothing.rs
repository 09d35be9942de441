//! Two switches of `grad-cam` that make maps calmer: augmentation smoothing, for any method, and
//! eigen smoothing, for those that add up channels.

use crate::error::Result;
use crate::explain::cam::Method;
use crate::explain::{Explainer, Explanation, Loaded, Progress, Question};
use crate::gpu::Gpu;

/// What augmentation smoothing looks at: the photo and its mirror image, each with its normalised
/// values times three factors. `tta_transforms` of `grad-cam`.
pub(super) const AUGMENTED: [(bool, f32); 6] =
    [(false, 0.9), (false, 1.0), (false, 1.1), (true, 0.9), (true, 1.0), (true, 1.1)];

impl Explainer {
    /// The explanation of the photo itself, with the mean of the heatmaps of [`AUGMENTED`] photos,
    /// each mirrored back. The photo stays the last one.
    pub(super) async fn augmented(
        &mut self,
        question: &Question,
        progress: Progress<'_>,
    ) -> Result<Option<Explanation>> {
        let class = Some(self.class(question.class)?);
        let question = Question { class, aug_smooth: false, ..question.clone() };
        let (_, loaded, _) = self.at("input")?;
        let (pass, seen) = loaded.seen()?;
        let (input, width) = (seen.input.clone(), pass.input.width);
        let outcome = self.mean_of_augmented(&question, (&input, width), progress).await;
        let (gpu, loaded, _) = self.at("input")?;
        loaded.look_at(gpu, input).await?;
        outcome
    }

    async fn mean_of_augmented(
        &mut self,
        question: &Question,
        (input, width): (&[f32], usize),
        progress: Progress<'_>,
    ) -> Result<Option<Explanation>> {
        let (mut found, mut sum) = (None, Vec::new());
        for (n, &(mirrored, factor)) in AUGMENTED.iter().enumerate() {
            let scaled = input.iter().map(|v| v * factor).collect::<Vec<f32>>();
            let (gpu, loaded, _) = self.at("input")?;
            loaded.look_at(gpu, if mirrored { mirror(&scaled, width) } else { scaled }).await?;
            let mut hear = |done, of| progress(n * of + done, AUGMENTED.len() * of);
            let Some(one) = self.ask_once(question, &mut hear).await? else { return Ok(None) };
            let heatmap = if mirrored { mirror(&one.heatmap, width) } else { one.heatmap.clone() };
            sum.resize(heatmap.len(), 0.0);
            sum.iter_mut().zip(heatmap).for_each(|(sum, heat)| *sum += heat);
            if (mirrored, factor) == (false, 1.0) {
                found = Some(one);
            }
        }
        let heatmap: Vec<f32> = sum.into_iter().map(|v| v / AUGMENTED.len() as f32).collect();
        let blank = heatmap.iter().all(|&heat| heat == 0.0);
        Ok(found.map(|found| Explanation { aug_smooth: true, heatmap, blank, ..found }))
    }
}

impl Loaded {
    /// Takes another input [3, h, w] of the photo's size for the photo.
    pub(super) async fn look_at(&mut self, gpu: &Gpu, input: Vec<f32>) -> Result<()> {
        let (pass, _) = self.seen()?;
        gpu.write(&pass.input, &input);
        if let Some(seen) = &mut self.seen {
            seen.input = input;
        }
        self.forward_again(gpu).await
    }
}

/// Planes or a map with rows of `width`, left and right exchanged.
fn mirror(values: &[f32], width: usize) -> Vec<f32> {
    values.chunks_exact(width).flat_map(|row| row.iter().rev().copied()).collect()
}

/// What eigen smoothing takes the first principal component of, in the place of adding it up over
/// channels: `activations` [channels, positions], each weighted as `method` has it. `gradients` as
/// they are, or of one position where all are the same share of it.
pub(super) fn weighted(
    method: Method,
    activations: &[f32],
    gradients: &[f32],
    positions: usize,
) -> Vec<f32> {
    let of_each = gradients.len() * positions / activations.len();
    let planes = activations.chunks_exact(positions).zip(gradients.chunks_exact(of_each));
    let weighted = |(a, g): (&[f32], &[f32])| -> Vec<f32> {
        let sum = |term: &dyn Fn(f64, f64) -> f64| -> f64 {
            a.iter().zip(g).map(|(&a, &g)| term(a.into(), g.into())).sum()
        };
        let total = sum(&|a, _| a);
        let everywhere = |weight: f64| a.iter().map(|&a| (weight * f64::from(a)) as f32).collect();
        let each =
            |term: &dyn Fn(f32, f32) -> f32| a.iter().zip(g).map(|(&a, &g)| term(a, g)).collect();
        match method {
            Method::XGradCam => everywhere(sum(&|a, g| g * a) / (total + 1e-7)),
            Method::GradCamPlusPlus | Method::RefineCam => everywhere(sum(&|_, g| {
                g.max(0.0) * g * g / (2.0 * g * g + total * g * g * g + 1e-6)
            })),
            Method::HiResCam => each(&|a, g| g * a),
            Method::GradCamElementWise => each(&|a, g| (g * a).max(0.0)),
            Method::LayerCam => each(&|a, g| g.max(0.0) * a),
            // Grad-CAM and its like: the mean over positions.
            _ => everywhere(g.iter().map(|&g| f64::from(g)).sum::<f64>() / positions as f64),
        }
    };
    planes.flat_map(weighted).collect()
}
