//! What a pickle holds → its tensors by their whole path, and what the file says about them.
//!
//! Dictionaries, lists, whole modules and objects of any class are walked alike: a path is the keys
//! to a tensor, joined by dots. Of a pickled `nn.Module` the weights lie in `_parameters` and
//! `_buffers` and its parts in `_modules`; of a TorchScript module all of them are attributes.
//! Which of the tensors are a network's is the business of [`names`](crate::checkpoint::names).

use std::collections::BTreeMap;

use super::pickle::{Machine, STEPS, Value, refused};
use crate::checkpoint::facts::{Facts, Module};
use crate::error::Result;

/// Longer paths are no tensors' names.
const LONGEST_PATH: usize = 200;
/// A module in a module, and so on. torchvision's ResNets need six.
const DEEPEST: usize = 48;
/// Keys under which training code keeps a network's name.
const NAME_KEYS: [&str; 10] = [
    "arch",
    "architecture",
    "model",
    "model_name",
    "model_type",
    "backbone",
    "net",
    "network",
    "encoder",
    "base_model",
];

#[derive(Default)]
pub struct Contents {
    /// By path: the view, and how much of the path leads to the dictionary or module that holds the
    /// tensor.
    pub tensors: BTreeMap<String, (usize, usize)>,
    pub facts: Facts,
    visited: usize,
}

impl Contents {
    /// Errors: [`Error::PyTorchFile`](crate::Error::PyTorchFile) for what is no checkpoint's size.
    pub fn of<'a>(machine: &Machine<'a>, top: Value<'a>) -> Result<Contents> {
        let mut contents = Contents::default();
        contents.walk(machine, top, &mut Path::default(), 0)?;
        Ok(contents)
    }

    fn walk<'a>(
        &mut self,
        machine: &Machine<'a>,
        value: Value<'a>,
        path: &mut Path,
        depth: usize,
    ) -> Result<()> {
        self.visited += 1;
        // An object may be reached by several ways, so this is not bounded by the file's size
        // alone.
        if self.visited > STEPS || self.tensors.len() > 4 * machine.views.len() + 16 {
            return Err(refused(
                "its values refer to each other in too many ways",
                "其中的值相互引用过多",
            ));
        }
        if depth > DEEPEST {
            return Ok(());
        }
        match value {
            Value::Tensor(view) if !path.text.is_empty() => {
                self.tensors.insert(path.text.clone(), (view, path.scope));
            }
            Value::Dict(index) => {
                let scope = path.scope;
                path.scope = path.root();
                self.entries(machine, index, path, depth)?;
                path.scope = scope;
            }
            Value::List(index) => self.elements(machine, &machine.lists[index], path, depth)?,
            Value::Tuple(from, to) => {
                self.elements(machine, &machine.items[from..to], path, depth)?
            }
            Value::Object(index) => {
                let object = &machine.objects[index];
                let before = (path.scope, path.in_module);
                if !path.in_module {
                    path.scope = path.root();
                }
                for part in std::iter::once(object.state).chain(object.entries.map(Value::Dict)) {
                    let parts = match part {
                        Value::Tuple(from, to) => &machine.items[from..to], // attributes, and those in slots
                        _ => &[part][..],
                    };
                    for &part in parts {
                        if let Value::Dict(attributes) = part {
                            let class = object.class.map_or("", |class| machine.globals[class].1);
                            self.object(machine, class, attributes, path, depth)?;
                        }
                    }
                }
                (path.scope, path.in_module) = before;
            }
            _ => {}
        }
        Ok(())
    }

    fn entries<'a>(
        &mut self,
        machine: &Machine<'a>,
        dict: usize,
        path: &mut Path,
        depth: usize,
    ) -> Result<()> {
        for &(key, value) in &machine.dicts[dict] {
            match (key, value) {
                (Value::Str(key), Value::Str(text)) => {
                    self.facts.say(NAME_KEYS.contains(&key), text)
                }
                (Value::Str(key), _) => self.below(machine, value, key, path, depth)?,
                (Value::Int(key), Value::Dict(_) | Value::Object(_)) => {
                    self.below(machine, value, &key.to_string(), path, depth)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn elements<'a>(
        &mut self,
        machine: &Machine<'a>,
        elements: &[Value<'a>],
        path: &mut Path,
        depth: usize,
    ) -> Result<()> {
        for (index, &element) in elements.iter().enumerate() {
            if matches!(element, Value::Dict(_) | Value::Object(_)) {
                self.below(machine, element, &index.to_string(), path, depth)?;
            }
        }
        Ok(())
    }

    /// The attributes of an object of the class `class`.
    fn object<'a>(
        &mut self,
        machine: &Machine<'a>,
        class: &str,
        attributes: usize,
        path: &mut Path,
        depth: usize,
    ) -> Result<()> {
        const OF_A_MODULE: [&str; 3] = ["_parameters", "_buffers", "_modules"];
        let dict = Value::Dict(attributes);
        if machine.entry(dict, "_modules").is_none() {
            // TorchScript's modules have their class' path under `__torch__`; here only its end is
            // left.
            if path.in_module {
                self.facts.modules.insert(
                    path.text.clone(),
                    Module { class: class.into(), ..Default::default() },
                );
            }
            path.in_module |= machine.entry(dict, "training").is_some();
            return self.entries(machine, attributes, path, depth);
        }
        let sizes = |key: &str| match machine.entry(dict, key) {
            Some(Value::Int(size)) => Some(size),
            // A square's sides are the same; others are told by being none.
            Some(Value::Tuple(from, to)) => match machine.items[from..to] {
                [Value::Int(a), Value::Int(b)] if a == b => Some(a),
                _ => None,
            },
            _ => None,
        };
        let epsilon = match machine.entry(dict, "eps") {
            Some(Value::Float(epsilon)) => Some(epsilon),
            _ => None,
        };
        self.facts.modules.insert(
            path.text.clone(),
            Module {
                class: class.into(),
                epsilon,
                ksize: sizes("kernel_size"),
                stride: sizes("stride"),
                padding: sizes("padding"),
                dilation: sizes("dilation"),
            },
        );
        path.in_module = true;
        for part in OF_A_MODULE {
            match machine.entry(dict, part) {
                Some(Value::Dict(entries)) => self.entries(machine, entries, path, depth)?,
                Some(Value::Object(object)) => {
                    if let Some(entries) = machine.objects[object].entries {
                        self.entries(machine, entries, path, depth)?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn below<'a>(
        &mut self,
        machine: &Machine<'a>,
        value: Value<'a>,
        key: &str,
        path: &mut Path,
        depth: usize,
    ) -> Result<()> {
        let length = path.text.len();
        if length + 1 + key.len() > LONGEST_PATH {
            return Ok(());
        }
        if length > 0 {
            path.text.push('.');
        }
        path.text.push_str(key);
        self.walk(machine, value, path, depth + 1)?;
        path.text.truncate(length);
        Ok(())
    }
}

#[derive(Default)]
struct Path {
    text: String,
    scope: usize,
    in_module: bool,
}

impl Path {
    /// Where names within what stands here begin.
    fn root(&self) -> usize {
        if self.text.is_empty() { 0 } else { self.text.len() + 1 }
    }
}
