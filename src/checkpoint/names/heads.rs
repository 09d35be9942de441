//! The layers between a network's pooling and its logits, under whatever names.
//!
//! A head is a chain of linear layers and batch norms whose sizes fit, from the body's channels to
//! the classes. Layers without tensors (dropout, activation functions, softmax) show as numbers
//! that are left out.

use super::bodies::parent;
use crate::checkpoint::facts::Module;
use std::collections::BTreeMap;

/// One layer of a head, in the order of the forward pass; names are those of its tensors, without
/// `.weight`.
#[derive(Clone, Debug, PartialEq)]
pub enum HeadLayer {
    /// `nn.BatchNorm1d`
    Norm(String),
    /// `nn.Linear`
    Linear(String),
    Relu,
}

/// What was found between the pooling and the logits.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Head {
    /// The family's own classifier, under its own name.
    #[default]
    Own,
    /// Another one.
    Chain(Vec<HeadLayer>),
    /// None.
    Missing,
    /// Two linear layers that read the same features.
    Two([String; 2]),
    /// A linear layer that reads twice as many numbers as the network has channels: mean and
    /// largest value, as fastai pools.
    PoolsTwice { name: String, reads: usize },
    /// A projection of self-supervised training, which has no classes.
    Projection(String),
    /// An activation function that is not ReLU.
    Activation { name: String, class: String },
}

impl Head {
    /// Whether logits can be computed.
    pub fn is_whole(&self) -> bool {
        matches!(self, Head::Own | Head::Chain(_))
    }
}

/// Tensors of one parent.
#[derive(Clone, Debug)]
pub struct Group {
    /// Absolute, without a dot behind.
    pub name: String,
    pub kind: GroupKind,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum GroupKind {
    Linear { reads: usize, gives: usize },
    Norm(usize),
}

/// A head, and how far up its tensors stand.
pub struct Placed {
    pub head: Head,
    pub level: String,
    /// That ReLU follows was assumed: nothing tells.
    pub assumed: Vec<String>,
}

/// Looks for a head of `features` inputs among `groups`, first beside the body, then further up to
/// `top`.
///
/// `own`: the absolute name of the family's own classifier; `alone`: there is one body.
pub fn find(
    groups: &[Group],
    features: usize,
    level: &str,
    top: &str,
    own: &str,
    alone: bool,
    modules: &BTreeMap<String, Module>,
) -> Placed {
    let mut at = level;
    let mut seen = Vec::new();
    loop {
        let inside: Vec<&Group> =
            groups.iter().filter(|group| group.name.starts_with(at)).collect();
        let linear = inside.iter().filter(|group| group.is_linear()).count();
        let placed = |head| Placed { head, level: at.to_owned(), assumed: Vec::new() };
        if let [only] = &inside[..]
            && only.name == own
            && linear == 1
            && groups.len() == 1
        {
            return placed(Head::Own);
        }
        if linear > 0 {
            if let Some(mut chain) = thread(&inside, features) {
                // What stands further out may go on from here, or read the same.
                let outer: Vec<&Group> = groups
                    .iter()
                    .filter(|group| group.name.starts_with(top) && !group.name.starts_with(at))
                    .collect();
                let gives = chain.last().map_or(features, |group| group.gives());
                if let Some(more) = thread(&outer, gives).filter(|_| !outer.is_empty()) {
                    chain.extend(more);
                    at = top;
                } else if let Some(second) =
                    outer.iter().find(|group| alone && group.reads() == features)
                {
                    return placed(Head::Two([chain[0].name.clone(), second.name.clone()]));
                }
                let projects = |group: &&&Group| group.name.to_lowercase().contains("proj");
                if let Some(group) = chain.iter().find(projects) {
                    return placed(Head::Projection(group.name.clone()));
                }
                let (head, assumed) = layers(&chain, own, modules);
                return Placed { head, level: at.to_owned(), assumed };
            }
            seen = inside;
        }
        if at.len() <= top.len() {
            break;
        }
        at = parent(at);
    }
    let of =
        |reads: usize| seen.iter().filter(move |group| group.is_linear() && group.reads() == reads);
    let head = if let (Some(first), Some(second)) = (of(features).next(), of(features).nth(1)) {
        Head::Two([first.name.clone(), second.name.clone()])
    } else if let Some(twice) = of(2 * features).next() {
        Head::PoolsTwice { name: twice.name.clone(), reads: 2 * features }
    } else if groups.iter().any(|group| group.name == own) {
        Head::Own
    } else {
        Head::Missing
    };
    Placed { head, level: level.to_owned(), assumed: Vec::new() }
}

impl Group {
    fn is_linear(&self) -> bool {
        matches!(self.kind, GroupKind::Linear { .. })
    }

    fn reads(&self) -> usize {
        match self.kind {
            GroupKind::Linear { reads, .. } => reads,
            GroupKind::Norm(features) => features,
        }
    }

    fn gives(&self) -> usize {
        match self.kind {
            GroupKind::Linear { gives, .. } => gives,
            GroupKind::Norm(features) => features,
        }
    }
}

/// All of `groups` in an order in which each reads what the one before gives, the last a linear
/// layer.
fn thread<'a>(groups: &[&'a Group], features: usize) -> Option<Vec<&'a Group>> {
    let mut left: Vec<&Group> = groups.to_vec();
    left.sort_by(|a, b| natural(&a.name).cmp(&natural(&b.name)));
    let mut chain: Vec<&Group> = Vec::new();
    let mut width = features;
    while !left.is_empty() {
        // The first that fits; a batch norm without a number before the linear layer that it may
        // stand in front of.
        let numbered = |group: &Group| group.name.ends_with(|c: char| c.is_ascii_digit());
        let norm = left
            .iter()
            .position(|group| !group.is_linear() && group.reads() == width && !numbered(group));
        let fits = norm.or_else(|| left.iter().position(|group| group.reads() == width))?;
        let group = left.remove(fits);
        width = group.gives();
        chain.push(group);
    }
    chain.last().is_some_and(|group| group.is_linear()).then_some(chain)
}

/// For sorting: numbers within names by their value.
fn natural(name: &str) -> Vec<(u64, &str)> {
    name.split('.')
        .map(|word| word.parse().map_or((u64::MAX, word), |number| (number, "")))
        .collect()
}

/// The chain with its activation functions, and the linear layers behind which one was assumed.
fn layers(chain: &[&Group], own: &str, modules: &BTreeMap<String, Module>) -> (Head, Vec<String>) {
    let mut layers = Vec::new();
    let mut assumed = Vec::new();
    let linear: Vec<usize> = (0..chain.len()).filter(|&at| chain[at].is_linear()).collect();
    let as_layer = |group: &Group| match group.kind {
        GroupKind::Linear { .. } => HeadLayer::Linear(group.name.clone()),
        GroupKind::Norm(_) => HeadLayer::Norm(group.name.clone()),
    };
    layers.extend(chain[..linear[0]].iter().map(|group| as_layer(group)));
    for (&from, to) in linear.iter().zip(linear[1..].iter().map(Some).chain([None])) {
        layers.push(as_layer(chain[from]));
        let Some(&to) = to else { break };
        let between = &chain[from + 1..to];
        let (before, unknown) = match activation(chain[from], between, chain[to], own, modules) {
            Activation::None => (None, false),
            Activation::Relu { behind, told } => (Some(behind), !told),
            Activation::Other { name, class } => {
                return (Head::Activation { name, class }, Vec::new());
            }
        };
        if unknown {
            assumed.push(chain[from].name.clone());
        }
        for (at, norm) in between.iter().enumerate() {
            if before == Some(at) {
                layers.push(HeadLayer::Relu);
            }
            layers.push(as_layer(norm));
        }
        if before == Some(between.len()) {
            layers.push(HeadLayer::Relu);
        }
    }
    (Head::Chain(layers), assumed)
}

enum Activation {
    None,
    /// Behind so many of the batch norms between the two linear layers. `told`: by a pickled
    /// module.
    Relu {
        behind: usize,
        told: bool,
    },
    Other {
        name: String,
        class: String,
    },
}

/// What stands between two linear layers of a head.
fn activation(
    from: &Group,
    between: &[&Group],
    to: &Group,
    own: &str,
    modules: &BTreeMap<String, Module>,
) -> Activation {
    let number = |group: &Group| {
        let (of, last) = group.name.rsplit_once('.').unwrap_or(("", &group.name));
        Some((of.to_owned(), last.parse::<usize>().ok()?))
    };
    let (Some((of, first)), Some((same, last))) = (number(from), number(to)) else {
        // `fc1`, `fc2`: what follows is in the code. A whole network's own classifier is followed
        // by another mostly at once.
        return if from.name == own {
            Activation::None
        } else {
            Activation::Relu { behind: between.len(), told: false }
        };
    };
    if of != same {
        return Activation::Relu { behind: between.len(), told: false };
    }
    let norms: Vec<usize> =
        between.iter().filter_map(|norm| number(norm)).map(|(_, number)| number).collect();
    for place in (first + 1..last).filter(|place| !norms.contains(place)) {
        let name = if of.is_empty() { place.to_string() } else { format!("{of}.{place}") };
        let behind = norms.iter().filter(|&&norm| norm < place).count();
        match modules.get(&name).map(|module| &module.class[..]) {
            None => return Activation::Relu { behind, told: false },
            Some("ReLU") => return Activation::Relu { behind, told: true },
            Some("Dropout" | "Identity" | "Flatten" | "AlphaDropout" | "Dropout1d") => {}
            Some(class) => return Activation::Other { name, class: class.to_owned() },
        }
    }
    Activation::None
}
