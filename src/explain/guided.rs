//! Guided backpropagation and Guided Grad-CAM: fine detail, down to the pixels.
//!
//! As `grad-cam`'s `GuidedBackpropReLUModel` and its `deprocess_image`. The backward is the
//! [`models`](crate::models)' with another rule at each ReLU; it looks sharp and is hardly faithful
//! (see Adebayo et al. 2018, arXiv 1810.03292), which the page says.

use crate::error::Result;
use crate::explain::objective::Objective;
use crate::explain::{Explainer, Explanation};
use crate::models::Target;
use crate::ops::Rule;
use serde::{Deserialize, Serialize};

/// A value a pixel and channel: [height, width, 3].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Guided {
    pub height: usize,
    pub width: usize,
    pub values: Vec<f32>,
}

impl Guided {
    /// Guided Grad-CAM: every value times the heatmap [height, width] there. Both are to be of the
    /// same class.
    ///
    /// # Panics
    /// When the sizes differ.
    pub fn times(&self, explanation: &Explanation) -> Guided {
        assert_eq!([self.height, self.width], [explanation.height, explanation.width]);
        let heat = explanation.heatmap.iter().flat_map(|&heat| [heat; 3]);
        Guided { values: self.values.iter().zip(heat).map(|(v, heat)| v * heat).collect(), ..*self }
    }

    /// `deprocess_image` of pytorch_grad_cam/utils/image.py: mean 0.5, standard deviation 0.1, cut
    /// to 0..1, as bytes.
    pub fn pixels(&self) -> Vec<u8> {
        let count = self.values.len() as f64;
        let mean = self.values.iter().map(|&v| f64::from(v)).sum::<f64>() / count;
        let spread = (self.values.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>()
            / count)
            .sqrt();
        let byte = |v: f32| {
            (255.0 * ((f64::from(v) - mean) / (spread + 1e-5) * 0.1 + 0.5).clamp(0.0, 1.0)) as u8
        };
        self.values.iter().map(|&v| byte(v)).collect()
    }
}

impl Explainer {
    /// Guided backpropagation of `class` (`None`: the one with the largest logit) to the last
    /// photo.
    ///
    /// Errors as [`explain`](Explainer::explain).
    pub async fn guided(&mut self, class: Option<usize>, objective: Objective) -> Result<Guided> {
        let class = self.class(class)?;
        let (gpu, loaded, _) = self.at("input")?;
        gpu.forget_timings();
        let gradient = loaded.gradient(gpu, (class, objective), Target::Input, Rule::Guided)?;
        let planes = gpu.read(&gradient).await?;
        let positions = gradient.positions();
        let values =
            (0..positions).flat_map(|p| [0, 1, 2].map(|c| planes[c * positions + p])).collect();
        Ok(Guided { height: gradient.height, width: gradient.width, values })
    }
}
