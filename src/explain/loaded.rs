//! What the [`Explainer`](super::Explainer) keeps of a network between questions, and the passes
//! over it.

use std::collections::HashMap;

use crate::checkpoint::Network;
use crate::error::{Error, Result};
use crate::explain::Question;
use crate::explain::cam::{
    Group, Method, Recipe, kernel_principal_component, principal_component, rare_features,
    weighted_sum,
};
use crate::explain::captions::Describing;
use crate::explain::objective::{Objective, Scores, finer};
use crate::explain::questions::Asking;
use crate::explain::ranking::largest_first;
use crate::explain::smoothing::weighted;
use crate::explain::types::Progress;
use crate::gpu::{Gpu, Tensor};
use crate::image::heatmap::Cam;
use crate::image::{Preprocessing, Rect};
use crate::models::{Model, Pass, Target};
use crate::ops::{Rule, Tuning, sparse};

/// A network, and the photo that it last looked at.
pub(crate) struct Loaded {
    /// Without its weights.
    pub(super) network: Network,
    pub(crate) model: Model,
    pub(super) tuning: Tuning,
    pub(crate) preprocessing: Preprocessing,
    pub(crate) scores: Scores,
    pub(super) pass: Option<Pass>,
    pub(super) recipes: HashMap<(Target, Method), Recipe>, // of `pass`
    pub(super) seen: Option<Seen>,
    pub(super) asking: Option<Asking>,
    pub(super) describing: Option<Describing>,
}

/// What `explain` needs to know of the last photo.
pub(crate) struct Seen {
    pub(crate) logits: Vec<f32>,
    pub(crate) input: Vec<f32>, // [3, height, width]
    pub(super) rect: Rect,
}

impl Loaded {
    /// The last photo's pass.
    pub(crate) fn seen(&self) -> Result<(&Pass, &Seen)> {
        self.pass.as_ref().zip(self.seen.as_ref()).ok_or(Error::NoPhoto)
    }

    /// Runs forward over the last photo once more, with whatever the weights now are.
    pub(crate) async fn forward_again(&mut self, gpu: &Gpu) -> Result<()> {
        let (pass, _) = self.seen()?;
        pass.run_forward(gpu);
        let logits = gpu.read(&pass.logits).await?;
        if let Some(seen) = &mut self.seen {
            seen.logits = logits;
        }
        Ok(())
    }

    /// Queues d(objective of class) / d(output of a layer).
    pub(crate) fn gradient(
        &mut self,
        gpu: &Gpu,
        (class, objective): (usize, Objective),
        target: Target,
        rule: Rule,
    ) -> Result<Tensor> {
        let dlogits = objective.gradient(class, &self.seen()?.1.logits, self.scores);
        self.backward(gpu, &dlogits, target, rule)
    }

    /// Queues d(dlogits · logits) / d(output of a layer); `dlogits` [classes].
    pub(crate) fn backward(
        &mut self,
        gpu: &Gpu,
        dlogits: &[f32],
        target: Target,
        rule: Rule,
    ) -> Result<Tensor> {
        let Loaded { model, pass: Some(pass), .. } = self else { return Err(Error::NoPhoto) };
        gpu.write(&pass.dlogits, &sparse(dlogits));
        Ok(pass.run_backward(gpu, model, target, rule))
    }

    /// The raw map of one layer.
    pub(crate) async fn cam(
        &mut self,
        gpu: &Gpu,
        about: (usize, Objective),
        target: Target,
        &Question { method, channels, eigen_smooth, .. }: &Question,
        progress: Progress<'_>,
    ) -> Result<Option<Cam>> {
        if method.group() == Group::Pixels {
            return self.pixel_map(gpu, about, method, progress).await;
        }
        let activations = self.seen()?.0.activations(target).clone();
        let values = if method.is_slow() {
            let channels = self.channels(gpu, about, target, channels).await?;
            let weights =
                self.perturbed_weights(gpu, about, target, method, &channels, progress).await?;
            let Some(weights) = weights else { return Ok(None) };
            let (mut planes, positions) = (gpu.read(&activations).await?, activations.positions());
            if eigen_smooth {
                let each = planes.chunks_exact_mut(positions).zip(&weights);
                each.for_each(|(plane, w)| plane.iter_mut().for_each(|a| *a *= w));
                principal_component(&planes, positions)
            } else {
                weighted_sum(&planes, &weights, positions)
            }
        } else {
            // Grad-CAM takes the mean over positions, and of the last layer's gradient that is all
            // there is.
            let means = method.is_of_means() && self.seen()?.0.is_pooled(target);
            let from = if means { Target::Pooled } else { target };
            let gradient = match method {
                Method::FinerCam => {
                    let dlogits = finer(about.0, &self.seen()?.1.logits);
                    self.backward(gpu, &dlogits, from, Rule::Gradient)?
                }
                Method::ShapleyCam => {
                    let dlogits = self.second_order(gpu, about, from).await?;
                    self.backward(gpu, &dlogits, from, Rule::Gradient)?
                }
                _ if method.needs_gradients() => self.gradient(gpu, about, from, Rule::Gradient)?,
                _ => activations.clone(),
            };
            if !self.recipes.contains_key(&(target, method))
                && let Some(recipe) = Recipe::of(method, gpu, &activations, &gradient)
            {
                self.recipes.insert((target, method), recipe);
            }
            match self.recipes.get(&(target, method)) {
                Some(_) if eigen_smooth => {
                    let planes = gpu.read(&activations).await?;
                    let (gradient, positions) =
                        (gpu.read(&gradient).await?, activations.positions());
                    principal_component(&weighted(method, &planes, &gradient, positions), positions)
                }
                Some(recipe) => recipe.run(gpu).await?,
                None => {
                    let mut planes = gpu.read(&activations).await?;
                    if method.needs_gradients() {
                        let gradient = gpu.read(&gradient).await?;
                        planes.iter_mut().zip(gradient).for_each(|(a, g)| *a *= g);
                    }
                    let positions = activations.positions();
                    match method {
                        Method::Fem => {
                            weighted_sum(&planes, &rare_features(&planes, positions), positions)
                        }
                        Method::KpcaCam => kernel_principal_component(&planes, positions),
                        _ => principal_component(&planes, positions),
                    }
                }
            }
        };
        Ok(Some(Cam { height: activations.height, width: activations.width, values }))
    }

    /// The `most` channels of a layer that matter most: those whose mean gradient times mean
    /// activation, which is what losing the channel would change to first order, is largest in
    /// size. All where `most` is None.
    async fn channels(
        &mut self,
        gpu: &Gpu,
        about: (usize, Objective),
        target: Target,
        most: Option<usize>,
    ) -> Result<Vec<usize>> {
        let activations = self.seen()?.0.activations(target).clone();
        if let Some(most) = most.filter(|&most| most < activations.channels) {
            let gradient = self.gradient(gpu, about, target, Rule::Gradient)?;
            let sum = |planes: &[f32]| {
                planes.chunks_exact(activations.positions()).map(|p| p.iter().sum()).collect()
            };
            let a: Vec<f32> = sum(&gpu.read(&activations).await?);
            let g: Vec<f32> = sum(&gpu.read(&gradient).await?);
            let sizes: Vec<f32> = a.iter().zip(&g).map(|(a, g)| (a * g).abs()).collect();
            return Ok(largest_first(&sizes).into_iter().take(most).collect());
        }
        Ok((0..activations.channels).collect())
    }

    /// Runs forward; buffers and dispatches are made anew only when the size has changed.
    pub(super) async fn forward(
        &mut self,
        gpu: &Gpu,
        input: &[f32],
        height: usize,
        width: usize,
    ) -> Result<Vec<f32>> {
        gpu.forget_timings();
        self.seen = None;
        self.asking.iter_mut().for_each(Asking::forget_question);
        self.describing.iter_mut().for_each(Describing::forget_caption);
        if self
            .pass
            .as_ref()
            .is_none_or(|pass| [pass.input.height, pass.input.width] != [height, width])
        {
            self.recipes.clear();
            gpu.forget_queued();
            self.asking.iter_mut().for_each(Asking::forget_pass);
            self.describing.iter_mut().for_each(Describing::forget_pass);
            self.pass = None; // frees the other size's buffers before these need room
            self.pass = Some(Pass::new(gpu, &self.model, self.tuning, height, width)?);
        }
        let pass = self.pass.as_ref().ok_or(Error::NoPhoto)?;
        gpu.write(&pass.input, input);
        pass.run_forward(gpu);
        gpu.read(&pass.logits).await
    }
}
