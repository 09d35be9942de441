//! Tensor names as people's files have them → the network in them, by torchvision's names
//! (`layer1.0.conv1.weight`).
//!
//! A file may hold much: a network under any prefix, its classifier beside it, a second copy of
//! averaged weights, losses, optimizers. [`choose`] finds the bodies (`bodies.rs`), to each the
//! layers behind its pooling (`heads.rs`), takes one network and leaves the rest: what only
//! training reads is passed over (`outside.rs`), and what might change what the network computes
//! stays among its tensors, so that it is refused by name. Only names, shapes and types are looked
//! at, so that a file can be judged before its numbers have arrived.

mod bodies;
mod heads;
mod outside;

use std::collections::BTreeMap;

use super::facts::Facts;
use super::{Checkpoint, Described, Dtype, Tensor, shortened};
use crate::error::{Error, Result};
use bodies::{Body, parent};
use heads::{Group, GroupKind};
pub use heads::{Head, HeadLayer};

/// The names that the means and deviations of a network's input have in a [`Checkpoint`].
pub const NORMALIZE: [&str; 2] = ["normalize.mean", "normalize.std"];

/// Keys under which training code keeps the weights that it goes on with, most telling first.
const STATE_DICTS: [&str; 8] = [
    "state_dict",
    "model_state_dict",
    "model_state",
    "model",
    "network",
    "net",
    "module",
    "weights",
];

/// Which of a file's tensors are a network's, and what is known of it beside them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    pub head: Head,
    pub facts: Facts,
    /// Linear layers behind which a ReLU was assumed, as the file calls them.
    pub relu_assumed: Vec<String>,
    /// What [`choose`] took, by a name that `choice` knows.
    pub taken: String,
    /// The file's other networks, likewise.
    pub others: Vec<String>,
    /// Tensors that were passed over, as the file calls them.
    pub ignored: Vec<String>,
    /// A tensor's name in front of which the network's names begin: "backbone.".
    pub prefix: String,
}

/// Tensors by their index in what was given to [`choose`], with the names that they will have.
pub struct Plan {
    tensors: BTreeMap<String, (usize, Kept)>,
    found: Found,
}

/// A tensor that is kept: its name in the file, short enough for a sentence.
pub struct Kept {
    pub name: String,
    pub shape: Vec<usize>,
    pub dtype: Dtype,
}

impl Plan {
    /// The checkpoint, each tensor made by `make`.
    pub fn fill(self, mut make: impl FnMut(usize, Kept) -> Result<Tensor>) -> Result<Checkpoint> {
        let tensors =
            self.tensors.into_iter().map(|(name, (index, kept))| Ok((name, make(index, kept)?)));
        Ok(Checkpoint { tensors: tensors.collect::<Result<_>>()?, found: self.found })
    }
}

/// A network in the file.
struct Candidate {
    body: Body,
    head: Head,
    /// Where the head's tensors stand.
    level: String,
    relu_assumed: Vec<String>,
    label: String,
}

/// Takes one network out of a file: the one that `choice` names ([`Found::taken`],
/// [`Found::others`]), or that which seems meant. Of a file without any that is known all tensors
/// stay, so that it can be said what they look like.
///
/// Errors: [`Error::UnknownChoice`]; [`Error::TensorUnexpected`] when two tensors map to one name;
/// [`Error::TensorType`] for a tensor of the network in integers.
pub fn choose(mut described: Vec<Described>, facts: Facts, choice: Option<&str>) -> Result<Plan> {
    // Batch norm's step counter: an integer that only training reads. Emptied instead of removed:
    // indices stay.
    for tensor in &mut described {
        if tensor.name == "num_batches_tracked" || tensor.name.ends_with(".num_batches_tracked") {
            tensor.name.clear();
        }
    }
    let bodies = bodies::find(&described);
    if bodies.is_empty() {
        return unknown(&described, facts);
    }
    let mut candidates: Vec<Candidate> =
        bodies.iter().map(|body| candidate(&described, &bodies, body, &facts)).collect();
    label(&mut candidates, &described);
    candidates
        .sort_by_cached_key(|candidate| (!candidate.head.is_whole(), rank(&candidate.body.prefix)));
    let whole: Vec<&Candidate> =
        candidates.iter().filter(|candidate| candidate.head.is_whole()).collect();
    let taken = match choice {
        Some(choice) => {
            let is_it = |candidate: &&Candidate| {
                candidate.label == choice || candidate.body.prefix.trim_end_matches('.') == choice
            };
            let known = || {
                whole.iter().map(|candidate| candidate.label.clone()).collect::<Vec<_>>().join(", ")
            };
            let unknown = || Error::UnknownChoice {
                what: "weights".into(),
                name: choice.into(),
                known: known(),
            };
            candidates.iter().find(is_it).ok_or_else(unknown)?
        }
        None => &candidates[0],
    };
    let mut others: Vec<String> = Vec::new();
    for other in whole {
        let is_new = other.label != taken.label && !others.contains(&other.label);
        if is_new && !is_copy(&described, &other.body, &taken.body) {
            others.push(other.label.clone());
        }
    }
    plan(&described, &bodies, taken, others, facts)
}

/// The tensors of what is no known network: those of the largest dictionary, without the prefix
/// that all of them share.
fn unknown(described: &[Described], facts: Facts) -> Result<Plan> {
    let mut sizes: BTreeMap<&str, usize> = BTreeMap::new();
    let named = || described.iter().enumerate().filter(|(_, tensor)| !tensor.name.is_empty());
    named().for_each(|(_, tensor)| *sizes.entry(tensor.scope()).or_default() += 1);
    let scope = sizes.iter().max_by_key(|(scope, size)| (**size, std::cmp::Reverse(scope.len())));
    let scope = scope.map_or("", |(scope, _)| scope);
    let inside: Vec<(usize, &Described)> =
        named().filter(|(_, tensor)| tensor.scope() == scope).collect();
    let mut prefix = scope.len();
    let first = inside.first().map_or("", |(_, tensor)| &tensor.name[..]);
    while let Some(dot) = first[prefix..].find('.') {
        let next = &first[..prefix + dot + 1];
        if inside.len() < 2 || !inside.iter().all(|(_, tensor)| tensor.name.starts_with(next)) {
            break;
        }
        prefix = next.len();
    }
    let mut tensors = BTreeMap::new();
    for (index, tensor) in inside {
        tensors.insert(tensor.name[prefix..].to_owned(), (index, tensor.kept()?));
    }
    let found = Found {
        facts,
        head: Head::Missing,
        prefix: first[..prefix].to_owned(),
        ..Default::default()
    };
    Ok(Plan { tensors, found })
}

/// A body with the head that belongs to it.
fn candidate(described: &[Described], bodies: &[Body], body: &Body, facts: &Facts) -> Candidate {
    let scope = scope_of(described, body);
    let groups = groups(described, bodies, body);
    let own = format!("{}{}", body.level, body.classifier());
    let features = features(described, body);
    let (level, alone) = (&body.level[..], bodies.len() == 1);
    let look = |top: &str| {
        let inside: Vec<Group> =
            groups.iter().filter(|group| group.name.starts_with(top)).cloned().collect();
        heads::find(&inside, features, level, top, &own, alone, &facts.modules)
    };
    // In the body's own dictionary, else in the whole file.
    let top = if level.starts_with(scope) { scope } else { level };
    let mut placed = look(top);
    if placed.head == Head::Missing && !top.is_empty() {
        placed = look("");
    }
    // MoCo: what looks like a classifier makes the vectors that its queue holds.
    if described.iter().any(|tensor| tensor.name.rsplit('.').next() == Some("queue")) {
        placed.head = Head::Projection(own);
    } else if placed.head == Head::Chain(vec![HeadLayer::Linear(own)]) {
        placed.head = Head::Own;
    }
    Candidate {
        body: body.clone(),
        head: placed.head,
        level: placed.level,
        relu_assumed: placed.assumed,
        label: String::new(),
    }
}

/// The dictionary that a body is in: its path, with a dot behind.
fn scope_of<'a>(described: &'a [Described], body: &Body) -> &'a str {
    let first = described.iter().find(|tensor| body.rename(&tensor.name).is_some());
    first.map_or("", Described::scope)
}

/// The linear layers and batch norms that may be of a body's head.
fn groups(described: &[Described], bodies: &[Body], body: &Body) -> Vec<Group> {
    let mut groups: BTreeMap<&str, GroupKind> = BTreeMap::new();
    for tensor in described {
        let Some((of, part)) = tensor.name.rsplit_once('.') else { continue };
        if tensor.dtype.is_err()
            || outside::is_of_training(&tensor.name)
            || is_of_a_body(bodies, body, &tensor.name)
        {
            continue;
        }
        match (part, &tensor.shape[..]) {
            ("weight", &[gives, reads]) => groups.insert(of, GroupKind::Linear { reads, gives }),
            ("running_mean", &[features]) => groups.insert(of, GroupKind::Norm(features)),
            _ => None,
        };
    }
    groups.into_iter().map(|(name, kind)| Group { name: name.into(), kind }).collect()
}

/// Whether a tensor is part of `body`, or of another network.
fn is_of_a_body(bodies: &[Body], body: &Body, name: &str) -> bool {
    bodies.iter().any(|other| {
        let apart = !body.level.starts_with(&other.level) && name.starts_with(&other.level);
        apart || other.rename(name).is_some()
    })
}

/// How many channels a body puts out: rows of its last convolution, or numbers of the batch norm
/// behind it.
fn features(described: &[Described], body: &Body) -> usize {
    let mut last: Option<(u64, usize)> = None;
    for tensor in described {
        let Some(name) = body.rename(&tensor.name) else { continue };
        let (Some(&rows), Some((of, _))) = (tensor.shape.first(), name.rsplit_once('.')) else {
            continue;
        };
        let place = if let Some((block, part)) =
            of.strip_prefix("layer4.").and_then(|rest| rest.split_once('.'))
        {
            let part = ["conv1", "bn1", "conv2", "bn2", "conv3", "bn3"]
                .iter()
                .position(|known| *known == part);
            index(block).zip(part).map(|(block, part)| 8 * u64::from(block) + part as u64 / 2)
        } else if let Some(layer) = of.strip_prefix("features.") {
            // The last 1×1 and its batch norm stand in the last layer, side by side.
            layer
                .split_once('.')
                .filter(|(_, part)| ["0", "1"].contains(part))
                .and_then(|(layer, _)| index(layer))
                .map(u64::from)
        } else {
            ["conv_head", "bn2", "_conv_head", "_bn1"].contains(&of).then_some(0)
        };
        if let Some(place) = place
            && last.is_none_or(|(before, _)| place >= before)
        {
            last = Some((place, rows));
        }
    }
    last.map_or(0, |(_, rows)| rows)
}

/// Names for the candidates: the dictionary that each is in, or its prefix where one dictionary has
/// several.
fn label(candidates: &mut [Candidate], described: &[Described]) {
    let scopes: Vec<String> = candidates
        .iter()
        .map(|candidate| scope_of(described, &candidate.body).trim_end_matches('.').to_owned())
        .collect();
    for (index, candidate) in candidates.iter_mut().enumerate() {
        let alone = scopes.iter().filter(|scope| **scope == scopes[index]).count() == 1;
        let label =
            if alone { &scopes[index] } else { candidate.body.prefix.trim_end_matches('.') };
        candidate.label = if label.is_empty() { "root".into() } else { label.to_owned() };
    }
}

/// In which order networks of a file are preferred: averaged weights, which training code
/// evaluates; those that it goes on with; copies for other ends.
fn rank(prefix: &str) -> (usize, usize, usize, String) {
    let lower = prefix.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let averaged = has(&["ema", "averag", "avg", "swa", "shadow", "polyak"]);
    let other = has(&[
        "teacher",
        "momentum",
        "target",
        "attack",
        "encoder_k",
        "discriminator",
        "last",
        "init",
        "old",
    ]);
    let key = lower.split('.').next().unwrap_or_default();
    let known = STATE_DICTS.iter().position(|known| *known == key).unwrap_or(STATE_DICTS.len());
    let kind = if averaged { 0 } else { 1 + usize::from(other) };
    (kind, known, prefix.len(), prefix.to_owned())
}

/// Whether two bodies have the same numbers, each tensor a window onto the same bytes.
fn is_copy(described: &[Described], one: &Body, other: &Body) -> bool {
    let places = |body: &Body| {
        let own =
            described.iter().filter_map(|tensor| Some((body.rename(&tensor.name)?, tensor.place?)));
        own.collect::<BTreeMap<_, _>>()
    };
    let (one, other) = (places(one), places(other));
    !one.is_empty() && one == other
}

fn plan(
    described: &[Described],
    bodies: &[Body],
    taken: &Candidate,
    others: Vec<String>,
    mut facts: Facts,
) -> Result<Plan> {
    let Candidate { body, head, level, .. } = taken;
    let mut names: BTreeMap<String, usize> = BTreeMap::new();
    let mut ignored = Vec::new();
    let chain: Vec<&str> = match head {
        Head::Chain(layers) => layers
            .iter()
            .filter_map(|layer| match layer {
                HeadLayer::Norm(name) | HeadLayer::Linear(name) => Some(&name[..]),
                HeadLayer::Relu => None,
            })
            .collect(),
        _ => Vec::new(),
    };
    let own = format!("{}{}", body.level, body.classifier());
    // What a layer of the head is called from here on: the family's name for a classifier that is
    // one layer.
    let of_head = |name: &str| -> String {
        let local = name.strip_prefix(&level[..]).unwrap_or(name);
        let inside =
            local.split_once('.').is_some_and(|(of, at)| of == "classifier" && index(at).is_some());
        match &chain[..] {
            [_] if body.classifier() == "classifier" && (inside || local == "classifier") => {
                local.to_owned()
            }
            [_] => body.classifier().to_owned(),
            _ => local.to_owned(),
        }
    };
    let normalize = normalize(described, &body.level);
    for (index, tensor) in described.iter().enumerate() {
        let name = &tensor.name[..];
        let of = name.rsplit_once('.').map_or("", |(of, _)| of);
        let has_bias = || described.iter().any(|bias| bias.name == format!("{of}.bias"));
        let to = if name.is_empty() {
            continue;
        } else if let Some(own) = body.rename(name) {
            own
        } else if let Some(which) =
            normalize.iter().flatten().position(|&normalize| normalize == index)
        {
            NORMALIZE[which].to_owned()
        } else if chain.contains(&of) {
            format!("{}.{}", of_head(of), &name[of.len() + 1..])
        } else if matches!(head, Head::Own | Head::Missing) && of == own {
            format!("{}.{}", body.classifier(), &name[of.len() + 1..])
        } else if is_of_a_body(bodies, body, name) {
            continue;
        } else if !name.starts_with(&level[..]) && !name.starts_with(&body.level) {
            // Of something else in the file.
            if tensor.scope().starts_with(&level[..]) || level.starts_with(tensor.scope()) {
                ignored.push(shortened(tensor.local()));
            }
            continue;
        } else if outside::is_of_training(name) || tensor.dtype.is_err() {
            ignored.push(shortened(tensor.local()));
            continue;
        } else if name.starts_with(&body.level)
            || outside::may_compute(name, &tensor.shape, has_bias())
        {
            // Nothing uses it, so it will be refused by its name; a classifier's must not be taken
            // for that of the head.
            let local = name.strip_prefix(&body.level).unwrap_or(name);
            if of == own { format!("unused.{local}") } else { local.to_owned() }
        } else {
            ignored.push(shortened(tensor.local()));
            continue;
        };
        if names.insert(to, index).is_some() {
            return Err(Error::TensorUnexpected {
                name: shortened(tensor.local()),
                found: tensor.shape.clone(),
            });
        }
    }
    let tensors =
        names.into_iter().map(|(name, index)| Ok((name, (index, described[index].kept()?))));
    let tensors = tensors.collect::<Result<_>>()?;
    let modules = std::mem::take(&mut facts.modules);
    facts.modules = modules
        .into_iter()
        .filter_map(|(name, module)| {
            let part =
                body.rename(&format!("{name}.")).map(|own| own.trim_end_matches('.').to_owned());
            // Layers without tensors beside the body: activation functions, poolings.
            let part = part.or_else(|| name.strip_prefix(&body.level).map(str::to_owned));
            Some((part?, module))
        })
        .collect();
    let layers = |layers: &Vec<HeadLayer>| {
        let renamed = layers.iter().map(|layer| match layer {
            HeadLayer::Norm(name) => HeadLayer::Norm(of_head(name)),
            HeadLayer::Linear(name) => HeadLayer::Linear(of_head(name)),
            HeadLayer::Relu => HeadLayer::Relu,
        });
        Head::Chain(renamed.collect())
    };
    let head = match head {
        Head::Chain(chain) => layers(chain),
        head => head.clone(),
    };
    let found = Found {
        head,
        facts,
        relu_assumed: taken.relu_assumed.clone(),
        taken: taken.label.clone(),
        others,
        ignored,
        prefix: body.prefix.clone(),
    };
    Ok(Plan { tensors, found })
}

/// The means and deviations by which a network normalises its input: the nearest that stand beside
/// it or above.
fn normalize(described: &[Described], level: &str) -> Option<[usize; 2]> {
    let mut at = level;
    loop {
        let pairs = described.iter().enumerate().filter_map(|(index, means)| {
            let fits = |tensor: &Described| {
                tensor.dtype.is_ok() && outside::is_a_channel_each(&tensor.shape)
            };
            let other = outside::deviations_of(&means.name)
                .filter(|_| means.name.starts_with(at) && fits(means))?;
            let other = described.iter().position(|tensor| tensor.name == other && fits(tensor))?;
            Some([index, other])
        });
        let nearest = pairs.min_by_key(|pair| described[pair[0]].name.len());
        if nearest.is_some() || at.is_empty() {
            return nearest;
        }
        at = parent(at);
    }
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

/// Where the words of a dotted name begin.
pub fn word_starts(name: &str) -> impl Iterator<Item = usize> {
    std::iter::once(0).chain(name.match_indices('.').map(|(dot, _)| dot + 1))
}

/// A decimal index as Python writes it: `+1` and `01` are no indices.
fn index(text: &str) -> Option<u16> {
    text.parse::<u16>().ok().filter(|number| number.to_string() == text)
}
