//! An explanation in words: which neurons of the last layer matter, and what they stand for.
//!
//! Section 7 of the Grad-CAM paper names neurons by their concepts and those with the highest and
//! lowest importance α explain a class. Here a neuron's name is what the loaded model itself says:
//! the classes that its weights in the fully connected layer favour. Composing the sentence is the
//! page's business.

use crate::error::{Error, Result};
use crate::explain::Explainer;
use crate::explain::objective::Objective;
use crate::explain::ranking::largest_first;
use crate::image::heatmap::Cam;
use crate::ops::Rule;
use serde::{Deserialize, Serialize};

/// A channel of the last layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Neuron {
    pub channel: usize,
    /// Its importance: the mean of its gradient.
    pub alpha: f32,
    /// The classes with the largest weights on it, largest first; behind a hidden layer those that
    /// it raises most in this photo.
    pub classes: Vec<usize>,
    /// Where it is active in this photo [h, w].
    pub map: Cam,
}

/// Those that speak most for a class and most against it, strongest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Neurons {
    pub speak_for: Vec<Neuron>,
    pub speak_against: Vec<Neuron>,
}

impl Explainer {
    /// Of the neurons that the last photo excites at all, the `count` with the highest α above 0
    /// and the `count` with the lowest below, each with the `names` classes that it favours most.
    ///
    /// Errors as [`explain`](Explainer::explain).
    pub async fn neurons(
        &mut self,
        class: Option<usize>,
        objective: Objective,
        count: usize,
        names: usize,
    ) -> Result<Neurons> {
        let class = self.class(class)?;
        let last = self.layers().pop().ok_or(Error::NoNetwork)?;
        let (gpu, loaded, target) = self.at(&last)?;
        gpu.forget_timings();
        let gradient = loaded.gradient(gpu, (class, objective), target, Rule::Gradient)?;
        let (pass, _) = loaded.seen()?;
        let layer = pass.activations(target);
        let (planes, gradient) = (gpu.read(layer).await?, gpu.read(&gradient).await?);
        let plane = |c: usize| &planes[c * layer.positions()..][..layer.positions()];
        let alphas: Vec<f32> = gradient
            .chunks_exact(layer.positions())
            .map(|g| g.iter().sum::<f32>() / layer.positions() as f32)
            .collect();
        let excited = |&channel: &usize| plane(channel).iter().any(|&a| a > 0.0);
        let found: Vec<(usize, f32)> = largest_first(&alphas)
            .into_iter()
            .filter(excited)
            .map(|channel| (channel, alphas[channel]))
            .collect();
        let best =
            found.iter().copied().take(count).filter(|&(_, alpha)| alpha > 0.0).collect::<Vec<_>>();
        let worst = found
            .iter()
            .rev()
            .copied()
            .take(count)
            .filter(|&(_, alpha)| alpha < 0.0)
            .collect::<Vec<_>>();

        // A column of the classifier's weight: the logits of this feature alone, without the bias.
        // Behind a hidden layer a feature alone means little: there it is what the logits lose
        // without it.
        let with = if pass.linear_head { 1.0 } else { 0.0 };
        let mut features = vec![0.0; layer.channels];
        if !pass.linear_head {
            let mean = |c: usize| plane(c).iter().sum::<f32>() / layer.positions() as f32;
            features.iter_mut().enumerate().for_each(|(c, feature)| *feature = mean(c));
        }
        let before = pass.logits_of_features(gpu, &features).await?;
        let mut described: [Vec<Neuron>; 2] = Default::default();
        for (neurons, chosen) in described.iter_mut().zip([best, worst]) {
            for (channel, alpha) in chosen {
                let usual = std::mem::replace(&mut features[channel], with);
                let logits = pass.logits_of_features(gpu, &features).await?;
                features[channel] = usual;
                let sign = if pass.linear_head { 1.0 } else { -1.0 };
                let weights: Vec<f32> = logits
                    .iter()
                    .zip(&before)
                    .map(|(logit, before)| (logit - before) * sign)
                    .collect();
                let classes = largest_first(&weights).into_iter().take(names).collect();
                let map = Cam {
                    height: layer.height,
                    width: layer.width,
                    values: plane(channel).to_vec(),
                };
                neurons.push(Neuron { channel, alpha, classes, map });
            }
        }
        pass.run_forward_from(gpu, target);
        let [speak_for, speak_against] = described;
        Ok(Neurons { speak_for, speak_against })
    }
}
