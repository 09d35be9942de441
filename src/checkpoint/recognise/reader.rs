//! What the families' readers share: taking tensors by name, checking their shapes, folding batch
//! norm.

use std::collections::BTreeSet;

use super::{Conv, Conventions, Network, Norm, Normalisation};
use crate::checkpoint::names::NORMALIZE;
use crate::checkpoint::{Checkpoint, Dtype, Tensor, Values, shortened};
use crate::error::{Detail, Error, Result, Unlike};

/// Which filter sizes a convolution may have.
#[derive(Clone, Copy)]
pub enum Ksize {
    Exactly(usize),
    /// Odd and at least `least`; `usual` where the tensor is missing and a sentence names its
    /// shape.
    Odd {
        least: usize,
        usual: usize,
    },
}

impl Ksize {
    fn fits(self, ksize: usize) -> bool {
        match self {
            Ksize::Exactly(exactly) => ksize == exactly,
            Ksize::Odd { least, .. } => ksize >= least && ksize % 2 == 1,
        }
    }

    fn usual(self) -> usize {
        match self {
            Ksize::Exactly(ksize) | Ksize::Odd { usual: ksize, .. } => ksize,
        }
    }
}

/// What a convolution's surroundings ask of it.
#[derive(Clone, Copy)]
pub struct Expect {
    pub c_in: usize,
    /// `None`: free, the tensor decides.
    pub c_out: Option<usize>,
    pub ksize: Ksize,
    pub stride: usize,
    pub groups: usize,
}

/// Takes a network's tensors out of a checkpoint and remembers which.
pub struct Reader<'a> {
    pub checkpoint: &'a Checkpoint,
    pub conventions: Conventions,
    used: BTreeSet<String>,
    /// Layers whose weights are computed from several tensors.
    pub computed: Vec<String>,
}

impl<'a> Reader<'a> {
    pub fn new(checkpoint: &'a Checkpoint, conventions: Conventions) -> Reader<'a> {
        Reader { checkpoint, conventions, used: BTreeSet::new(), computed: Vec::new() }
    }

    pub fn shape(&self, name: &str) -> Option<&'a [usize]> {
        self.checkpoint.get(name).map(|tensor| &tensor.shape[..])
    }

    /// The convolution `name` with the batch norm `norm` folded.
    pub fn conv(&mut self, name: &str, norm: &str, expect: Expect) -> Result<Conv> {
        let Expect { c_in, stride, groups, .. } = expect;
        let fits = |k: usize| expect.ksize.fits(k);
        let full_name = format!("{name}.weight");
        let Some(tensor) = self.checkpoint.get(&full_name) else {
            let from_norm = || {
                self.shape(&format!("{norm}.weight"))
                    .and_then(|gamma| gamma.first().copied())
                    .unwrap_or(c_in)
            };
            let ksize = expect.ksize.usual();
            let expected =
                vec![expect.c_out.unwrap_or_else(from_norm), c_in / groups, ksize, ksize];
            return Err(Error::TensorMissing { name: full_name, expected });
        };
        let (c_out, ksize) = match tensor.shape[..] {
            [c_out, per_group, k, k2]
                if k == k2
                    && fits(k)
                    && per_group.checked_mul(groups) == Some(c_in)
                    && c_out > 0
                    && c_out.is_multiple_of(groups)
                    && expect.c_out.is_none_or(|expected| c_out == expected) =>
            {
                (c_out, k)
            }
            ref found => {
                let c_out = expect.c_out.unwrap_or(found.first().copied().unwrap_or(c_in));
                let ksize =
                    found.get(2).copied().filter(|&k| fits(k)).unwrap_or(expect.ksize.usual());
                return Err(Error::TensorShape {
                    name: tensor.name.clone(),
                    expected: vec![c_out, c_in / groups, ksize, ksize],
                    found: found.to_vec(),
                });
            }
        };
        let weight = self.take(&full_name, &tensor.shape)?.values()?;
        let gamma = self.checkpoint.get(&format!("{norm}.weight"));
        let norm = self.norm(name, norm, c_out)?;
        let (scale, bias) = norm.fold(self.conventions.epsilon);
        // Finite numbers can still multiply beyond f32; the largest culprit is gamma or what it is
        // divided by.
        if let (Some(gamma), true) =
            (gamma, scale.iter().chain(&bias).any(|value| !value.is_finite()))
        {
            return Err(Error::TensorNotFinite { name: gamma.name.clone() });
        }
        let (name, padding) = (name.to_owned(), self.conventions.padding(ksize));
        Ok(Conv {
            name,
            c_out,
            c_in,
            ksize,
            stride,
            dilation: 1,
            padding,
            groups,
            depthwise: false,
            weight,
            scale,
            bias,
            norm,
        })
    }

    /// What stands behind the convolution `name`: the batch norm `norm`, or a bias.
    fn norm(&mut self, name: &str, norm: &str, c_out: usize) -> Result<Norm> {
        // A convolution with a bias and no batch norm: somebody folded it before.
        let bias = format!("{name}.bias");
        if self.checkpoint.get(&bias).is_some()
            && self.checkpoint.get(&format!("{norm}.weight")).is_none()
        {
            let bias = self.take(&bias, &[c_out])?.f32()?;
            return Ok(Norm::Bias { bias, factors: self.factors(name, c_out)? });
        }
        let gamma = self.take(&format!("{norm}.weight"), &[c_out])?.f64()?;
        let beta = self.take(&format!("{norm}.bias"), &[c_out])?.f64()?;
        let mut mean = self.take(&format!("{norm}.running_mean"), &[c_out])?.f64()?;
        if self.checkpoint.get(&bias).is_some() {
            // γ (x + b − μ) / σ + β: a bias before the batch norm is a smaller mean.
            let bias = self.take(&bias, &[c_out])?.f64()?;
            mean.iter_mut().zip(bias).for_each(|(mean, bias)| *mean -= bias);
        }
        let variance = self.variance(norm, c_out)?;
        Ok(Norm::Batch { gamma, beta, mean, variance, factors: self.factors(name, c_out)? })
    }

    /// The variances [channels] of the batch norm `norm`.
    pub fn variance(&mut self, norm: &str, channels: usize) -> Result<Vec<f64>> {
        let tensor = self.take(&format!("{norm}.running_var"), &[channels])?;
        let variance = tensor.f64()?;
        match variance.iter().any(|&variance| variance < 0.0) {
            true => Err(Error::TensorNegative { name: tensor.name.clone() }),
            false => Ok(variance),
        }
    }

    /// What an I8 weight is to be multiplied with [c_out]; `None` for other types.
    pub fn factors(&mut self, name: &str, c_out: usize) -> Result<Option<Vec<f32>>> {
        let is_i8 = |weight: &Tensor| weight.dtype == Dtype::I8;
        if !self.checkpoint.get(&format!("{name}.weight")).is_some_and(is_i8) {
            return Ok(None);
        }
        self.take(&format!("{name}.weight_scale"), &[c_out])?.f32().map(Some)
    }

    /// The tensor `name`, which must have this shape.
    pub fn take(&mut self, name: &str, expected: &[usize]) -> Result<&'a Tensor> {
        let Some(tensor) = self.checkpoint.get(name) else {
            return Err(Error::TensorMissing {
                name: name.to_owned(),
                expected: expected.to_vec(),
            });
        };
        if tensor.shape != expected {
            let (name, found) = (tensor.name.clone(), tensor.shape.clone());
            return Err(Error::TensorShape { name, expected: expected.to_vec(), found });
        }
        self.used.insert(name.to_owned());
        Ok(tensor)
    }

    /// The first convolution, of one grey channel or three colours. A grey one is spread over
    /// three, each a third of it, so that it reads a grey photo's three equal channels.
    pub fn stem(&mut self, name: &str, norm: &str, expect: Expect) -> Result<(Conv, bool)> {
        let channels = match self.shape(&format!("{name}.weight")) {
            Some(&[_, channels, ..]) if channels > 0 => channels,
            _ => 3,
        };
        if ![1, 3].contains(&channels) {
            return Err(Error::StemChannels { name: format!("{name}.weight"), channels });
        }
        let mut stem = self.conv(name, norm, Expect { c_in: channels, ..expect })?;
        if channels == 1 {
            self.computed.push(name.to_owned());
            stem.c_in = 3;
            if !stem.weight.is_empty() {
                let filters = stem.weight.to_f32();
                let thirds = |filter: &[f32]| {
                    filter.iter().map(|weight| weight / 3.0).collect::<Vec<_>>().repeat(3)
                };
                let spread = filters.chunks_exact(stem.ksize * stem.ksize).flat_map(thirds);
                stem.weight = Values::F32(spread.collect());
            }
        }
        Ok((stem, channels == 1))
    }

    /// The means and deviations by which the network itself normalises its input, of channels in
    /// 0..1.
    pub fn normalisation(&mut self) -> Result<Option<Normalisation>> {
        let [means, deviations] = NORMALIZE;
        let (Some(mean), Some(std)) = (self.checkpoint.get(means), self.checkpoint.get(deviations))
        else {
            return Ok(None);
        };
        self.used.extend(NORMALIZE.map(String::from));
        let [m, s] = [mean.f32()?, std.f32()?];
        if m.is_empty() || s.is_empty() {
            return Ok(None); // only described
        }
        if s.iter().any(|&deviation| deviation <= 0.0) {
            return Err(Error::TensorNegative { name: std.name.clone() });
        }
        // Of channels in 0..255, as Detectron2 has them.
        let scale = if m.iter().chain(&s).any(|&value| value > 4.0) { 255.0 } else { 1.0 };
        let three = |values: &[f32]| {
            std::array::from_fn(|channel| values[channel.min(values.len() - 1)] / scale)
        };
        Ok(Some(Normalisation { mean: three(&m), std: three(&s) }))
    }

    /// `network`, if all tensors are part of it: one that nothing used would silently be left out.
    pub fn finish(self, network: Network) -> Result<Network> {
        match self.checkpoint.tensors.iter().find(|(name, _)| !self.used.contains(*name)) {
            Some((_, tensor)) => Err(Error::TensorUnexpected {
                name: tensor.name.clone(),
                found: tensor.shape.clone(),
            }),
            None => Ok(network),
        }
    }
}

/// A refusal that says what was found.
pub fn unsupported<T>(english: impl Into<String>, chinese: impl Into<String>) -> Result<T> {
    Err(Error::UnsupportedNetwork { detail: Detail::new(english, chinese) })
}

/// The same of a kind that has words of its own.
pub fn unlike<T>(why: Unlike) -> Result<T> {
    Err(Error::OtherNetwork { why })
}

/// How many of `prefix`0., `prefix`1., … have a tensor: any tensor counts, so that a block that
/// lost one is told which.
pub fn count_blocks(checkpoint: &Checkpoint, prefix: &str) -> usize {
    (0..).take_while(|index| has_any(checkpoint, &format!("{prefix}{index}."))).count()
}

/// Whether a tensor's name begins with `prefix`.
pub fn has_any(checkpoint: &Checkpoint, prefix: &str) -> bool {
    checkpoint
        .tensors
        .range(prefix.to_owned()..)
        .next()
        .is_some_and(|(name, _)| name.starts_with(prefix))
}

/// Up to four names, each of another part of the network: "`classifier.6.bias`, `features.0.bias`,
/// …".
pub fn a_few_names(checkpoint: &Checkpoint) -> String {
    let mut parts = BTreeSet::new();
    let mut names = checkpoint
        .names()
        .filter(|name| parts.insert(name.split('.').next().unwrap_or_default().to_owned()));
    let mut few: Vec<String> =
        names.by_ref().take(4).map(|name| format!("`{}`", shortened(name))).collect();
    let last = checkpoint.names().last().map(|name| format!("`{}`", shortened(name)));
    few.extend(last.filter(|last| few.len() < 4 && !few.contains(last)));
    if few.len() < checkpoint.names().count() {
        few.push("…".into());
    }
    few.join(", ")
}
