//! The second-order term of ShapleyCAM (Cai 2025, arXiv 2501.06261).
//!
//! Its channel weights are the mean of g − ½·H·a, with g and H the first and second derivative of
//! the score s by the layer's activations a. Between the jumps of their activation functions the
//! networks here are linear in a: logits z = J·a + a constant, so g = Jᵀ·d and H·a = Jᵀ·S·J·a with
//! d and S the derivatives of s by z. One ordinary backward of d − ½·S·J·a gives what `grad-cam`
//! gets from PyTorch by differentiating twice.

use crate::error::Result;
use crate::explain::Loaded;
use crate::explain::objective::{Objective, Scores, softmax};
use crate::explain::ranking::largest_first;
use crate::gpu::Gpu;
use crate::models::Target;
use crate::ops::Rule;

/// Classes, the likeliest ones, whose logits' derivative along a is found by a backward each. Of
/// the others one backward finds the mean, weighted by probability, and a difference of two forward
/// passes how each deviates from it.
const ONE_BY_ONE: usize = 128;
/// Fewer where what is left of the others' probability is this share of it.
const ENOUGH: f32 = 1e-3;

impl Loaded {
    /// d − ½·S·J·a [classes] of the activations a at `target`.
    pub(crate) async fn second_order(
        &mut self,
        gpu: &Gpu,
        (class, objective): (usize, Objective),
        target: Target,
    ) -> Result<Vec<f32>> {
        let (pass, seen) = self.seen()?;
        let (logits, tensor) = (seen.logits.clone(), pass.activations(target).clone());
        let mut dlogits = objective.gradient(class, &logits, self.scores);
        if objective != Objective::Probability {
            return Ok(dlogits); // S is 0
        }
        let activations = gpu.read(&tensor).await?;
        let curvature = match self.scores {
            // d²p/dz² = p·(1 − p)·(1 − 2p)
            Scores::Sigmoid => {
                let own = one_hot(&[(class, 1.0)], &logits);
                let along = self.along(gpu, &own, target, &activations).await?;
                let p = Scores::Sigmoid.probability(class, &logits);
                one_hot(&[(class, dlogits[class] * (1.0 - 2.0 * p) * along)], &logits)
            }
            // With u_k the derivative of z_k − z_c along a and ū = Σ p_k·u_k:
            // (S·J·a)_k = p_c·p_k·(2ū − u_k), and (S·J·a)_c is what makes the sum 0.
            Scores::Softmax => {
                let p = softmax(&logits);
                let others: Vec<usize> =
                    largest_first(&p).into_iter().filter(|&k| k != class).collect();
                let mut unlikely: f32 = others.iter().map(|&k| p[k]).sum();
                let enough = unlikely * ENOUGH;
                let takes = |&&k: &&usize| {
                    let takes = unlikely > enough;
                    unlikely -= p[k];
                    takes
                };
                let count = others.iter().take(ONE_BY_ONE).take_while(takes).count();
                let (likely, rest) = others.split_at(count);
                let mut u = vec![0.0; p.len()];
                for &k in likely {
                    let towards = one_hot(&[(k, 1.0), (class, -1.0)], &logits);
                    u[k] = self.along(gpu, &towards, target, &activations).await?;
                }
                let share: f32 = rest.iter().map(|&k| p[k]).sum();
                if share > 0.0 {
                    let mut towards: Vec<_> = rest.iter().map(|&k| (k, p[k] / share)).collect();
                    towards.push((class, -1.0));
                    let towards = one_hot(&towards, &logits);
                    let mean = self.along(gpu, &towards, target, &activations).await?;
                    let rough = self.roughly_along(gpu, target, &activations).await?;
                    let rough_mean: f32 = rest.iter().map(|&k| p[k] / share * rough[k]).sum();
                    rest.iter().for_each(|&k| u[k] = mean + rough[k] - rough_mean);
                }
                let mean: f32 = p.iter().zip(&u).map(|(p, u)| p * u).sum();
                let mut curvature: Vec<f32> =
                    (0..p.len()).map(|k| p[class] * p[k] * (2.0 * mean - u[k])).collect();
                curvature[class] = 0.0;
                curvature[class] = -curvature.iter().sum::<f32>();
                curvature
            }
        };
        dlogits.iter_mut().zip(curvature).for_each(|(d, c)| *d -= 0.5 * c);
        Ok(dlogits)
    }

    /// direction · J·a: the derivative of the logits' weighted sum along the activations a.
    async fn along(
        &mut self,
        gpu: &Gpu,
        direction: &[f32],
        target: Target,
        activations: &[f32],
    ) -> Result<f32> {
        let gradient = self.backward(gpu, direction, target, Rule::Gradient)?;
        let products = gpu.read(&gradient).await?.into_iter().zip(activations);
        Ok(products.map(|(g, &a)| f64::from(g) * f64::from(a)).sum::<f64>() as f32)
    }

    /// J·a [classes] to some thousandths: what the logits change by when a is scaled by little. The
    /// layer and what follows it are put back.
    async fn roughly_along(
        &self,
        gpu: &Gpu,
        target: Target,
        activations: &[f32],
    ) -> Result<Vec<f32>> {
        const STEP: f32 = 1.0 / 1024.0; // smaller ones lose more to f32's rounding
        let (pass, _) = self.seen()?;
        let scaled = |by: f32| {
            let values: Vec<f32> = activations.iter().map(|a| a * by).collect();
            gpu.write(pass.activations(target), &values);
            pass.run_forward_from(gpu, target);
        };
        scaled(1.0 + STEP);
        let more = gpu.read(&pass.logits).await?;
        scaled(1.0 - STEP);
        let less = gpu.read(&pass.logits).await?;
        scaled(1.0);
        Ok(more.iter().zip(less).map(|(more, less)| (more - less) / (2.0 * STEP)).collect())
    }
}

/// As long as `like`, 0 but for `entries`.
fn one_hot(entries: &[(usize, f32)], like: &[f32]) -> Vec<f32> {
    let mut values = vec![0.0; like.len()];
    entries.iter().for_each(|&(at, value)| values[at] = value);
    values
}
