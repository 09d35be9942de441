//! Where in a file a network's convolutions are, under whatever prefix, and what torchvision (or
//! timm) calls them.
//!
//! A body is found by the name of its first block. Known: torchvision's and timm's names; Hugging
//! Face's ResNets; `nn.Sequential(*model.children())`, whose parts are numbers; a ResNet's stem in
//! an `nn.Sequential` of its own. To extend: a naming scheme is a variant of [`Kind`] with an
//! anchor in [`find`] and an arm in [`Body::rename`].

use std::collections::BTreeSet;

use super::{hugging_face, word_starts};
use crate::checkpoint::Described;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    ResNet,
    HuggingFace,
    /// `nn.Sequential(*resnet.children())`: 0, 1, 4 to 7.
    ResNetChildren,
    MobileNet,
    /// torchvision's `mobilenet_v2().features`, whatever it is called.
    MobileNetFeatures,
    Timm,
    /// `nn.Sequential(*timm_model.children())`: 0 to 4.
    TimmChildren,
    /// `efficientnet_lite_pytorch`
    Underscored,
}

/// The convolutions of one network.
#[derive(Clone, Debug)]
pub struct Body {
    pub kind: Kind,
    /// What stands in front of the names of its parts; ends with a dot unless empty.
    pub prefix: String,
    /// In front of what stands beside the body: "" where the prefix is "features.".
    pub level: String,
    /// A ResNet's first convolution and batch norm, where they have names of their own.
    stem: Option<[String; 2]>,
}

/// What an anchor looks like in a name: its text, and how one of the words behind it begins.
const ANCHORS: [(Kind, &str, &[&str]); 10] = [
    (Kind::ResNet, "layer1.0.", &["conv", "bn", "downsample"]),
    (Kind::HuggingFace, "embedder.embedder.", &["convolution", "normalization"]),
    (Kind::ResNetChildren, "4.0.", &["conv1.", "conv2.", "bn1.", "bn2."]),
    (Kind::MobileNet, "features.1.conv.", &[""]),
    (Kind::MobileNetFeatures, "1.conv.", &["0.0.", "0.1."]),
    (Kind::Timm, "conv_stem.", &[""]),
    (Kind::Timm, "blocks.0.0.", &[""]),
    (Kind::TimmChildren, "2.0.0.", &["conv_dw.", "conv_pw.", "bn1."]),
    (Kind::Underscored, "_conv_stem.", &[""]),
    (Kind::Underscored, "_blocks.0.", &[""]),
];

/// All bodies in a file. The same network may be there several times: raw and averaged, student and
/// teacher.
pub fn find(tensors: &[Described]) -> Vec<Body> {
    let mut places = BTreeSet::new();
    for Described { name, .. } in tensors {
        for at in word_starts(name) {
            let fits = |(_, anchor, behind): &&(Kind, &str, &[&str])| {
                name[at..]
                    .strip_prefix(anchor)
                    .is_some_and(|rest| behind.iter().any(|word| rest.starts_with(word)))
            };
            if let Some(&(kind, ..)) = ANCHORS.iter().find(fits) {
                places.insert((name[..at].to_owned(), kind));
                break;
            }
        }
    }
    let of_training = |prefix: &str| {
        let mut words = prefix.split('.');
        words.any(|word| {
            let word = word.to_lowercase();
            ["optim", "exp_avg", "momentum_buffer", "scheduler", "grad"]
                .iter()
                .any(|of| word.starts_with(of))
        })
    };
    let has = |name: String| tensors.iter().any(|tensor| tensor.name == name);
    let whole = |(prefix, kind): &(String, Kind)| match kind {
        // Numbers are names of anything: the stem has to be there, too.
        Kind::ResNetChildren | Kind::TimmChildren => {
            has(format!("{prefix}0.weight")) && has(format!("{prefix}1.running_mean"))
        }
        Kind::MobileNetFeatures => {
            has(format!("{prefix}0.0.weight")) && has(format!("{prefix}2.conv.0.0.weight"))
        }
        _ => true,
    };
    let found = places.into_iter().filter(|(prefix, _)| !of_training(prefix)).filter(whole);
    found.map(|(prefix, kind)| Body::new(tensors, prefix, kind)).collect()
}

impl Body {
    fn new(tensors: &[Described], prefix: String, kind: Kind) -> Body {
        let level = match kind {
            Kind::MobileNetFeatures => parent(&prefix).to_owned(),
            _ => prefix.clone(),
        };
        let stem = if kind == Kind::ResNet { stem(tensors, &prefix) } else { None };
        Body { kind, prefix, level, stem }
    }

    /// The torchvision (timm) name of a tensor, if it is part of this body.
    pub fn rename(&self, name: &str) -> Option<String> {
        let rest = name.strip_prefix(&self.prefix)?;
        let (first, behind) = rest.split_once('.')?;
        let own = |parts: &[&str]| parts.contains(&first).then(|| rest.to_owned());
        let numbered = |parts: &[&str]| {
            let part = parts.get(super::index(first)? as usize).filter(|part| !part.is_empty())?;
            Some(format!("{part}.{behind}"))
        };
        match self.kind {
            Kind::ResNet => {
                if let Some([conv, norm]) = &self.stem {
                    for (from, to) in [(conv, "conv1"), (norm, "bn1")] {
                        if let Some(rest) = rest.strip_prefix(&from[..]) {
                            return Some(format!("{to}.{rest}"));
                        }
                    }
                }
                own(&["conv1", "bn1", "layer1", "layer2", "layer3", "layer4"])
            }
            Kind::HuggingFace => hugging_face(rest),
            Kind::ResNetChildren => {
                numbered(&["conv1", "bn1", "", "", "layer1", "layer2", "layer3", "layer4"])
            }
            Kind::MobileNet => own(&["features"]),
            Kind::MobileNetFeatures => {
                // Stem, blocks and the last 1×1; behind them other layers may be numbered on.
                let is_own = behind.starts_with("0.")
                    || behind.starts_with("1.")
                    || behind.starts_with("conv.");
                super::index(first).filter(|_| is_own).map(|_| format!("features.{rest}"))
            }
            Kind::Timm => own(&["conv_stem", "bn1", "blocks", "conv_head", "bn2"]),
            Kind::TimmChildren => numbered(&["conv_stem", "bn1", "blocks", "conv_head", "bn2"]),
            Kind::Underscored => own(&["_conv_stem", "_bn0", "_blocks", "_conv_head", "_bn1"]),
        }
    }

    /// What the classifier is called.
    pub fn classifier(&self) -> &'static str {
        match self.kind {
            Kind::ResNet | Kind::HuggingFace | Kind::ResNetChildren => "fc",
            Kind::Underscored => "_fc",
            _ => "classifier",
        }
    }
}

/// "a.b." of "a.b.c.".
pub fn parent(prefix: &str) -> &str {
    let inner = prefix.strip_suffix('.').unwrap_or(prefix);
    inner.rfind('.').map_or("", |dot| &prefix[..dot + 1])
}

/// The stem in a part of its own: `layer0 = nn.Sequential(conv1, bn1, relu, maxpool)`, say.
fn stem(tensors: &[Described], prefix: &str) -> Option<[String; 2]> {
    let has =
        |name: &str| tensors.iter().any(|tensor| tensor.name.strip_prefix(prefix) == Some(name));
    if has("conv1.weight") || has("conv1.0.weight") && !has("conv1.1.running_mean") {
        return None;
    }
    tensors.iter().find_map(|tensor| {
        let is_large = matches!(tensor.shape[..], [_, _, k, l] if k == l && k >= 5);
        let name = tensor.name.strip_prefix(prefix).filter(|_| is_large)?.strip_suffix("weight")?;
        let (of, part) = name.strip_suffix('.')?.rsplit_once('.')?;
        let norm = match part {
            "0" => "1",
            "conv1" => "bn1",
            "conv" => "bn",
            _ => return None,
        };
        let norm = format!("{of}.{norm}.");
        (!of.contains('.') && has(&format!("{norm}running_mean"))).then(|| [name.to_owned(), norm])
    })
}
