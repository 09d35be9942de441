//! The layers between the pooling and the logits: the family's own classifier, or a chain of linear
//! layers and batch norms that [`names`](crate::checkpoint::names) found. A batch norm is folded
//! into the linear layer before it, or, where a ReLU or nothing is, into the one behind it, whose
//! weight is then computed and no longer the file's.

use super::reader::{Reader, unlike};
use super::{Affine, Conventions, Hidden, Linear};
use crate::checkpoint::names::{Head, HeadLayer};
use crate::checkpoint::{Tensor, Values};
use crate::error::{Error, Result, Unlike};

pub fn no_classifier<T>(own: &str) -> Result<T> {
    unlike(Unlike::NoClassifier { name: format!("{own}.weight") })
}

impl Reader<'_> {
    /// The head that reads `features` channels; `own` is the name of the family's own classifier.
    pub fn head(&mut self, own: &str, features: usize) -> Result<(Vec<Hidden>, Linear)> {
        let layers = match &self.checkpoint.found.head {
            Head::Chain(layers) => layers.clone(),
            Head::Own => vec![HeadLayer::Linear(own.into())],
            Head::Missing
                if self
                    .shape(&format!("{own}.weight"))
                    .or(self.shape(&format!("{own}.bias")))
                    .is_some() =>
            {
                vec![HeadLayer::Linear(own.into())]
            }
            Head::Missing => {
                return no_classifier(own);
            }
            Head::Two(names) => return unlike(Unlike::TwoClassifiers { names: names.clone() }),
            Head::PoolsTwice { name, reads } => {
                return unlike(Unlike::PoolsTwice {
                    name: name.clone(),
                    reads: *reads,
                    channels: features,
                });
            }
            Head::Projection(name) => return unlike(Unlike::Projection { name: name.clone() }),
            Head::Activation { name, class } => {
                let (name, class) = (name.clone(), class.clone());
                return unlike(Unlike::Activation { name, class, expected: "ReLU".into() });
            }
        };
        let mut width = features;
        let mut hidden: Vec<Hidden> = Vec::new();
        let mut before: Option<Affine> = None;
        for layer in &layers {
            match layer {
                HeadLayer::Linear(name) => {
                    let mut linear = self.linear(name, width)?;
                    if let Some(affine) = before.take() {
                        self.fold_before(&mut linear, &affine)?;
                    }
                    width = linear.classes;
                    hidden.push(Hidden { linear, relu: false });
                }
                HeadLayer::Relu => {
                    if let Some(last) = hidden.last_mut() {
                        last.relu = true;
                    }
                }
                HeadLayer::Norm(name) => {
                    let affine = self.affine(name, width)?;
                    match hidden.last_mut().filter(|last| !last.relu) {
                        Some(Hidden { linear, .. }) => {
                            let pairs = affine.scale.iter().zip(&affine.shift);
                            for ((scale, bias), (by, shift)) in
                                linear.scale.iter_mut().zip(&mut linear.bias).zip(pairs)
                            {
                                *bias = (f64::from(*bias) * by + shift) as f32;
                                *scale = (f64::from(*scale) * by) as f32;
                            }
                        }
                        None => before = Some(affine),
                    }
                }
            }
        }
        match hidden.pop() {
            Some(last) => Ok((hidden, last.linear)),
            None => no_classifier(own),
        }
    }

    /// The classifier `name`, fed with `features` channels; without a bias, zeros.
    fn linear(&mut self, name: &str, features: usize) -> Result<Linear> {
        let [weight, bias] = ["weight", "bias"].map(|part| format!("{name}.{part}"));
        let rows = |name: &str| self.shape(name).and_then(|shape| shape.first().copied());
        let classes = rows(&weight).or(rows(&bias)).unwrap_or(0).max(1);
        let weight = self.take(&weight, &[classes, features])?.values()?;
        let mut scale = vec![1.0; classes];
        for (scale, factor) in scale.iter_mut().zip(self.factors(name, classes)?.iter().flatten()) {
            *scale = 127.0 * factor;
        }
        let mut biases = vec![0.0; classes];
        if self.shape(&bias).is_some() {
            biases
                .iter_mut()
                .zip(self.take(&bias, &[classes])?.f32()?)
                .for_each(|(to, from)| *to = from);
        }
        Ok(Linear { name: name.to_owned(), classes, features, weight, scale, bias: biases })
    }

    /// `nn.BatchNorm1d`, whose scale and shift may be left out.
    fn affine(&mut self, name: &str, features: usize) -> Result<Affine> {
        let of = |part: &str| format!("{name}.{part}");
        let mean = self.take(&of("running_mean"), &[features])?.f64()?;
        let variance = self.variance(name, features)?;
        let mut optional = |part: &str, default: f64| match self.shape(&of(part)) {
            Some(_) => self.take(&of(part), &[features]).and_then(Tensor::f64),
            None => Ok(vec![default; mean.len()]),
        };
        let (gamma, beta) = (optional("weight", 1.0)?, optional("bias", 0.0)?);
        let told = self.checkpoint.found.facts.epsilon(name);
        let epsilon = told.unwrap_or(Conventions::PYTORCH.epsilon);
        Ok(Affine::of_batch_norm([&gamma, &beta, &mean, &variance], epsilon))
    }

    /// Makes `linear` read what `affine` reads: W (s·x + t) + b = (W·s) x + (W t + b). Where its
    /// numbers are elsewhere they are told from the file once more when they have arrived.
    fn fold_before(&mut self, linear: &mut Linear, affine: &Affine) -> Result<()> {
        self.computed.push(linear.name.clone());
        if let Values::Elsewhere = linear.weight {
            return Ok(());
        }
        let mut weight = linear.weight.to_f32();
        let rows =
            weight.chunks_exact_mut(linear.features).zip(linear.scale.iter().zip(&mut linear.bias));
        for (row, (scale, bias)) in rows {
            let terms = row.iter().zip(&affine.shift).map(|(w, t)| f64::from(*w) * t);
            *bias = (f64::from(*bias) + f64::from(*scale) * terms.sum::<f64>()) as f32;
            row.iter_mut().zip(&affine.scale).for_each(|(w, s)| *w = (f64::from(*w) * s) as f32);
        }
        if weight.iter().chain(&linear.bias).any(|value| !value.is_finite()) {
            return Err(Error::TensorNotFinite { name: format!("{}.weight", linear.name) });
        }
        linear.weight = Values::F32(weight);
        Ok(())
    }
}
