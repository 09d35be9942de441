//! What is asked of a class: the number that is differentiated, as a vector over the logits.
//!
//! To add one: a variant of [`Objective`] with its name, its score and its gradient.

use std::fmt;

/// A number that the logits and a class give; maps show what raises it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Objective {
    /// The class's logit, as in the paper.
    #[default]
    Logit,
    /// Its probability after softmax: also falls when another class rises. `ClassifierOutputSoftmaxTarget` of `grad-cam`.
    Probability,
    /// Its logit minus another's: why this rather than that.
    Contrast { than: usize },
    /// Its negated logit, a counterfactual: what speaks against it. Section 7 of the paper, arXiv 1610.02391
    Against,
}

impl Objective {
    pub fn name(self) -> &'static str {
        match self {
            Objective::Logit => "logit",
            Objective::Probability => "probability",
            Objective::Contrast { .. } => "contrast",
            Objective::Against => "against",
        }
    }

    /// The number itself. `logits` [classes].
    pub fn score(self, class: usize, logits: &[f32]) -> f32 {
        match self {
            Objective::Logit => logits[class],
            Objective::Probability => softmax(logits)[class],
            Objective::Contrast { than } => logits[class] - logits[than],
            Objective::Against => -logits[class],
        }
    }

    /// d(score) / d(logits) [classes].
    pub fn gradient(self, class: usize, logits: &[f32]) -> Vec<f32> {
        let mut gradient = vec![0.0; logits.len()];
        match self {
            Objective::Logit => gradient[class] = 1.0,
            // p = softmax(z): dp_c/dz_k = p_c · ([k = c] − p_k)
            Objective::Probability => {
                let p = softmax(logits);
                for (k, gradient) in gradient.iter_mut().enumerate() {
                    // 1 − p_c of a class that is almost certain is lost to rounding: the others' sum is not.
                    let rest = |c: usize| p.iter().enumerate().filter(|&(i, _)| i != c).map(|(_, p)| p).sum::<f32>();
                    *gradient = if k == class { p[class] * rest(class) } else { -p[class] * p[k] };
                }
            }
            Objective::Contrast { than } => {
                gradient[class] += 1.0;
                gradient[than] -= 1.0;
            }
            Objective::Against => gradient[class] = -1.0,
        }
        gradient
    }
}

impl fmt::Display for Objective {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// exp(z) / Σ exp(z) over `logits` [classes].
pub fn softmax(logits: &[f32]) -> Vec<f32> {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f64> = logits.iter().map(|&z| f64::from(z - largest).exp()).collect();
    let total: f64 = powers.iter().sum();
    powers.iter().map(|power| (power / total) as f32).collect()
}
