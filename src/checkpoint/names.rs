//! Tensor names as people's files have them → torchvision's names (`layer1.0.conv1.weight`).
//!
//! Known: wrappers that training frameworks put in front of every name, Hugging Face's ResNet names, a classifier inside
//! `nn.Sequential` (`fc.1.weight`). timm's ResNets use torchvision's names.
//! To extend: a wrapper is one entry of [`WRAPPERS`]; a naming scheme is one function like [`hugging_face`].

use std::collections::BTreeMap;

use super::{Tensor, shortened};
use crate::error::{Error, Result};

/// Attribute names under which training code keeps the network: DataParallel, Lightning and friends, mmcv, torch.compile.
const WRAPPERS: [&str; 8] = ["module.", "model.", "backbone.", "encoder.", "network.", "net.", "resnet.", "_orig_mod."];

/// Batch norm's step counter, an integer scalar that only training reads. Skipped whatever its type.
pub fn is_skipped(name: &str) -> bool {
    name == "num_batches_tracked" || name.ends_with(".num_batches_tracked")
}

/// `tensors` by torchvision name. Names of no known scheme stay as they are: recognising the network comes later.
///
/// Errors: [`Error::TensorUnexpected`] when two tensors map to one name.
pub fn to_torchvision(tensors: Vec<Tensor>) -> Result<BTreeMap<String, Tensor>> {
    let mut prefix = 0;
    while let Some(wrapper) = WRAPPERS
        .iter()
        .find(|wrapper| !tensors.is_empty() && tensors.iter().all(|t| t.name[prefix..].starts_with(**wrapper)))
    {
        prefix += wrapper.len();
    }

    let is_hugging_face = tensors.iter().any(|t| t.name.ends_with("embedder.embedder.convolution.weight"));
    let mut renamed = BTreeMap::new();
    for mut tensor in tensors {
        let name = &tensor.name[prefix..];
        let name = if is_hugging_face { hugging_face(name) } else { None }.unwrap_or_else(|| name.to_owned());
        // From here on the file's own name is only for sentences.
        tensor.name = shortened(&tensor.name);
        if let Some(second) = renamed.insert(name, tensor) {
            return Err(Error::TensorUnexpected { name: second.name, found: second.shape });
        }
    }
    unwrap_classifier(&mut renamed);
    Ok(renamed)
}

/// `resnet.encoder.stages.0.layers.1.layer.2.convolution.weight` → `layer1.1.conv3.weight`.
/// Source: `transformers/models/resnet/modeling_resnet.py`. `None` for a name outside the scheme.
fn hugging_face(name: &str) -> Option<String> {
    let name = name.strip_prefix("resnet.").unwrap_or(name);
    if let Some(rest) = name.strip_prefix("classifier.1.") {
        return Some(format!("fc.{rest}"));
    }
    if let Some(rest) = name.strip_prefix("embedder.embedder.") {
        let (part, rest) = rest.split_once('.')?;
        return match part {
            "convolution" => Some(format!("conv1.{rest}")),
            "normalization" => Some(format!("bn1.{rest}")),
            _ => None,
        };
    }
    let (stage, rest) = name.strip_prefix("encoder.stages.")?.split_once(".layers.")?;
    let (block, rest) = rest.split_once('.')?;
    let (stage, block) = (1 + u32::from(index(stage)?), index(block)?);
    let (place, part, rest) = match rest.strip_prefix("shortcut.") {
        Some(rest) => {
            let (part, rest) = rest.split_once('.')?;
            (None, part, rest)
        }
        None => {
            let (layer, rest) = rest.strip_prefix("layer.")?.split_once('.')?;
            let (part, rest) = rest.split_once('.')?;
            (Some(1 + u32::from(index(layer)?)), part, rest)
        }
    };
    let part = match (part, place) {
        ("convolution", Some(layer)) => format!("conv{layer}"),
        ("normalization", Some(layer)) => format!("bn{layer}"),
        ("convolution", None) => "downsample.0".into(),
        ("normalization", None) => "downsample.1".into(),
        _ => return None,
    };
    Some(format!("layer{stage}.{block}.{part}.{rest}"))
}

/// A decimal index as Python writes it: `+1` and `01` are no indices.
fn index(text: &str) -> Option<u16> {
    text.parse::<u16>().ok().filter(|number| number.to_string() == text)
}

/// `fc = nn.Sequential(nn.Dropout(), nn.Linear(…))` is how tutorials fit a new head; dropout does nothing at inference.
/// With one linear layer in it, `fc.1.weight` is `fc.weight`; with more it is another network and stays as it is.
fn unwrap_classifier(tensors: &mut BTreeMap<String, Tensor>) {
    let heads = tensors.keys().filter(|name| name.starts_with("fc.")).cloned().collect::<Vec<_>>();
    let numbered = |name: &str| {
        let (number, part) = name.strip_prefix("fc.")?.split_once('.')?;
        Some((index(number)?, part.to_owned()))
    };
    let Some(parts) = heads.iter().map(|name| numbered(name)).collect::<Option<Vec<_>>>() else { return };
    if matches!(&parts[..], [(a, bias), (b, weight)] if a == b && bias == "bias" && weight == "weight") {
        for (old, (_, part)) in heads.iter().zip(parts) {
            if let Some(tensor) = tensors.remove(old) {
                tensors.insert(format!("fc.{part}"), tensor);
            }
        }
    }
}
