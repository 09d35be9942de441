//! What is asked of a class: the number that is differentiated, as a vector over the logits; and
//! how logits become probabilities.
//!
//! To add one: a variant of [`Objective`] with its name, its score and its gradient.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::explain::ranking::largest_first;

/// How logits become probabilities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Scores {
    /// One of the classes is right: they share a probability of 1.
    #[default]
    Softmax,
    /// Each class is a question of its own: 1 / (1 + exp(−z)). Networks with one output, and
    /// independent labels.
    Sigmoid,
}

impl Scores {
    pub const ALL: [Scores; 2] = [Scores::Softmax, Scores::Sigmoid];

    /// What a network of so many outputs means where nobody says otherwise.
    pub fn usual(classes: usize) -> Scores {
        if classes == 1 { Scores::Sigmoid } else { Scores::Softmax }
    }

    pub fn name(self) -> &'static str {
        match self {
            Scores::Softmax => "softmax",
            Scores::Sigmoid => "sigmoid",
        }
    }

    /// Of `logits` [classes]: [classes].
    pub fn probabilities(self, logits: &[f32]) -> Vec<f32> {
        match self {
            Scores::Softmax => softmax(logits),
            Scores::Sigmoid => logits.iter().map(|&z| sigmoid(z)).collect(),
        }
    }

    /// That of one class.
    pub fn probability(self, class: usize, logits: &[f32]) -> f32 {
        match self {
            Scores::Softmax => softmax(logits)[class],
            Scores::Sigmoid => sigmoid(logits[class]),
        }
    }
}

impl fmt::Display for Scores {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Scores {
    type Err = Error;

    fn from_str(name: &str) -> Result<Scores> {
        let known = || Scores::ALL.map(Scores::name).join(", ");
        let found = Scores::ALL.into_iter().find(|scores| scores.name() == name);
        found.ok_or_else(|| Error::UnknownChoice {
            what: "scores".into(),
            name: name.into(),
            known: known(),
        })
    }
}

/// A number that the logits and a class give; maps show what raises it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Objective {
    /// The class's logit, as in the paper.
    #[default]
    Logit,
    /// Its probability: of softmax it also falls when another class rises.
    /// `ClassifierOutputSoftmaxTarget` of `grad-cam`.
    Probability,
    /// Its logit minus another's: why this rather than that.
    Contrast { than: usize },
    /// Its negated logit, a counterfactual: what speaks against it. Section 7 of the paper, arXiv
    /// 1610.02391
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
    pub fn score(self, class: usize, logits: &[f32], scores: Scores) -> f32 {
        match self {
            Objective::Logit => logits[class],
            Objective::Probability => scores.probability(class, logits),
            Objective::Contrast { than } => logits[class] - logits[than],
            Objective::Against => -logits[class],
        }
    }

    /// d(score) / d(logits) [classes].
    pub fn gradient(self, class: usize, logits: &[f32], scores: Scores) -> Vec<f32> {
        let mut gradient = vec![0.0; logits.len()];
        match self {
            Objective::Logit => gradient[class] = 1.0,
            // p = 1 / (1 + exp(−z)): dp/dz = p · (1 − p), and 1 − p is the sigmoid of −z
            Objective::Probability if scores == Scores::Sigmoid => {
                gradient[class] = sigmoid(logits[class]) * sigmoid(-logits[class]);
            }
            // p = softmax(z): dp_c/dz_k = p_c · ([k = c] − p_k)
            Objective::Probability => {
                let p = softmax(logits);
                for (k, gradient) in gradient.iter_mut().enumerate() {
                    // 1 − p_c of a class that is almost certain is lost to rounding: the others'
                    // sum is not.
                    let rest = |c: usize| {
                        p.iter().enumerate().filter(|&(i, _)| i != c).map(|(_, p)| p).sum::<f32>()
                    };
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

/// FinerCAM's derivative by the logits [classes]: that of F = Σ p_k·(z_c − z_k) / (Σ p_k + 1e-9),
/// where k runs over the three classes whose logits are nearest to z_c, and p_k are their softmax
/// probabilities. Zhang et al. 2025, arXiv 2501.11309, as `FinerWeightedTarget` of `grad-cam`,
/// which differentiates the weights p_k, too. Of a network with one output it is the logit's.
pub fn finer(class: usize, logits: &[f32]) -> Vec<f32> {
    const NEAREST: usize = 3;
    let z: Vec<f64> = logits.iter().map(|&z| f64::from(z)).collect();
    let above = |k: usize| z[class] - z[k];
    let nearness: Vec<f32> = (0..z.len()).map(|k| -above(k).abs() as f32).collect();
    let others = largest_first(&nearness).into_iter().filter(|&k| k != class);
    let nearest: Vec<usize> = others.take(NEAREST).collect();
    let p = softmax(logits);
    let total: f64 = nearest.iter().map(|&k| f64::from(p[k])).sum();
    let share = |k: usize| f64::from(p[k]) / (total + 1e-9);
    let weighted: f64 = nearest.iter().map(|&k| share(k) * above(k)).sum();
    // dp_i/dz_k = p_i·([i = k] − p_k), so dF/dz_k has −p_k·F·(1 − Σ share) everywhere, share_k·(z_c
    // − z_k − F − 1) at the nearest, and Σ share at the class.
    let shares: f64 = nearest.iter().map(|&k| share(k)).sum();
    let everywhere = |&p: &f32| -f64::from(p) * weighted * (1.0 - shares);
    let mut gradient: Vec<f64> = p.iter().map(everywhere).collect();
    nearest.iter().for_each(|&k| gradient[k] += share(k) * (above(k) - weighted - 1.0));
    gradient[class] += if nearest.is_empty() { 1.0 } else { shares };
    gradient.into_iter().map(|v| v as f32).collect()
}

impl fmt::Display for Objective {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// 1 / (1 + exp(−z))
fn sigmoid(z: f32) -> f32 {
    (1.0 / (1.0 + (-f64::from(z)).exp())) as f32
}

/// exp(z) / Σ exp(z) over `logits` [classes].
pub fn softmax(logits: &[f32]) -> Vec<f32> {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f64> = logits.iter().map(|&z| f64::from(z - largest).exp()).collect();
    let total: f64 = powers.iter().sum();
    powers.iter().map(|power| (power / total) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against central differences in f64 of FinerCAM's number, with its classes held.
    #[test]
    fn finer_has_its_gradient() {
        let logits = [1.5f32, -0.25, 0.75, 2.0, -3.0, 1.25];
        let nearest = [5, 3, 2];
        let number = |logits: &[f64]| {
            let powers: Vec<f64> = logits.iter().map(|z| z.exp()).collect();
            let total: f64 = powers.iter().sum();
            let sum = |of: &dyn Fn(usize) -> f64| nearest.iter().map(|&k| of(k)).sum::<f64>();
            let weight = |k: usize| powers[k] / total;
            sum(&|k| weight(k) * (logits[0] - logits[k])) / (sum(&weight) + 1e-9)
        };
        for (k, gradient) in finer(0, &logits).into_iter().enumerate() {
            let at = |step: f64| {
                let mut logits: Vec<f64> = logits.iter().map(|&z| f64::from(z)).collect();
                logits[k] += step;
                number(&logits)
            };
            let measured = (at(1e-5) - at(-1e-5)) / 2e-5;
            // f32 rounds the probabilities.
            assert!((measured - f64::from(gradient)).abs() < 1e-6, "{k}: {gradient} {measured}");
        }
        assert_eq!(finer(0, &[2.0]), [1.0]);
    }

    /// Against central differences in f64 of the score itself.
    #[test]
    fn probabilities_have_their_gradients() {
        let logits = [1.5f32, -0.25, 0.75];
        for scores in Scores::ALL {
            for class in 0..3 {
                let gradient = Objective::Probability.gradient(class, &logits, scores);
                for (k, gradient) in gradient.into_iter().enumerate() {
                    let at = |step: f32| {
                        let mut logits = logits;
                        logits[k] += step;
                        f64::from(Objective::Probability.score(class, &logits, scores))
                    };
                    // f32's scores leave four digits of a difference over a step of 0.02.
                    let measured = (at(0.01) - at(-0.01)) / 0.02;
                    assert!(
                        (measured - f64::from(gradient)).abs() < 2e-5,
                        "{scores} {class} {k}: {gradient} {measured}"
                    );
                }
            }
        }
        assert_eq!(Scores::Sigmoid.probabilities(&[0.0]), [0.5]);
        assert!(Scores::Sigmoid.probability(0, &[-200.0]) >= 0.0);
        assert_eq!([Scores::usual(1), Scores::usual(2)], [Scores::Sigmoid, Scores::Softmax]);
        assert_eq!("sigmoid".parse(), Ok(Scores::Sigmoid));
        assert!("tanh".parse::<Scores>().is_err());
    }
}
