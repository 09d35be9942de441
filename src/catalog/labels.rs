//! Class names, in English and perhaps Chinese, in the order of the network's classes.
//!
//! A name is text and nothing else: no markup, no paths, no splitting at commas; the page must show
//! it as text. Deliberately absent: WordNet ids (skipped where a file has them) and hierarchies of
//! classes. To extend: a file layout is an arm of [`json`] or [`entry`]; a language is a field of
//! [`Label`].

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::{Error, Result};

/// More classes than any published classifier has (ImageNet-21k: 21,843), fewer than could hang a
/// page.
const MOST_NAMES: usize = 100_000;

/// Characters of one name. ImageNet's longest list of synonyms has 131.
const LONGEST_NAME: usize = 500;

/// One class.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Label {
    pub en: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zh: Option<String>,
    /// Other names, in lower case, and what it is a kind of: for the search alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
    /// The sounds of its Chinese names, a space between syllables: "hu ban mao".
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pinyin: Vec<String>,
}

/// The names of a network's classes; the index is the class.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Labels {
    pub names: Vec<Label>,
}

impl Labels {
    /// Reads a labels file: one name a line, a JSON array of names or of `{"en": "…", "zh": "…"}`,
    /// or a JSON object `{"0": "…", "1": "…"}` (also `{"0": ["n01440764", "tench"]}` and `{"tench":
    /// 0}`).
    ///
    /// Errors: [`Error::LabelFormat`] with the line or class that is wrong.
    pub fn parse(text: &str) -> Result<Labels> {
        let text = text.trim_start_matches('\u{feff}').trim_end();
        let names =
            if text.trim_start().starts_with(['[', '{']) { json(text)? } else { lines(text) };
        if names.is_empty() {
            return Err(malformed("it is empty"));
        }
        if names.len() > MOST_NAMES {
            return Err(malformed(format!(
                "it has {} names, and at most {MOST_NAMES} are read",
                names.len()
            )));
        }
        let names = names
            .into_iter()
            .enumerate()
            .map(|(class, label)| checked(class, label))
            .collect::<Result<_>>()?;
        Ok(Labels { names })
    }

    /// For a network whose names nobody knows: "class 0", "class 1", ….
    pub fn numbered(classes: usize) -> Labels {
        let label = |class| Label {
            en: format!("class {class}"),
            zh: Some(format!("类别 {class}")),
            ..Label::default()
        };
        Labels { names: (0..classes).map(label).collect() }
    }

    /// Errors: [`Error::LabelCount`] unless there is one name for each of the network's classes.
    pub fn check(&self, classes: usize) -> Result<()> {
        match self.names.len() {
            found if found == classes => Ok(()),
            found => Err(Error::LabelCount { expected: classes, found }),
        }
    }

    /// The class that `query` names: its index, or its exact English or Chinese name in any case.
    pub fn find(&self, query: &str) -> Option<usize> {
        let query = query.trim().to_lowercase();
        if let Ok(class) = query.parse::<usize>()
            && class < self.names.len()
        {
            return Some(class);
        }
        self.names.iter().position(|label| label.lowercase().any(|name| name == query))
    }

    /// The class that another network calls `name`: its class of the number `class`, if that has the
    /// name here too (two of ImageNet's classes are called crane), else the first of that name.
    pub fn called(&self, name: &str, class: usize) -> Option<usize> {
        let name = name.to_lowercase();
        let has = |label: &Label| label.lowercase().any(|known| known == name);
        let same = Some(class).filter(|&class| self.names.get(class).is_some_and(has));
        same.or_else(|| self.names.iter().position(has))
    }

    /// The classes that a folder's name means: those of that name, else those that it is another
    /// name or a kind of. `dogs`, `polar_bear`, `狗`; empty where it means none.
    pub fn meant_by(&self, folder: &str) -> Vec<usize> {
        let folder = folder.trim().to_lowercase().replace(['_', '-'], " ");
        let mut words = vec![folder.clone()];
        // One of them, where the folder is called by all.
        words.extend(folder.strip_suffix("ies").map(|stem| format!("{stem}y")));
        words.extend(
            ["es", "s"].iter().filter_map(|end| Some(folder.strip_suffix(end)?.to_owned())),
        );
        words.retain(|word| !word.is_empty());
        let plain = |name: &str| name.replace(['_', '-'], " ");
        let named = |label: &Label, word: &str| label.lowercase().any(|name| plain(&name) == word);
        let kind = |label: &Label, word: &str| label.also.iter().any(|name| plain(name) == word);
        let each = |word: &str, means: &dyn Fn(&Label, &str) -> bool| -> Vec<usize> {
            (0..self.names.len()).filter(|&class| means(&self.names[class], word)).collect()
        };
        let found = words.iter().flat_map(|word| [each(word, &named), each(word, &kind)]);
        found.into_iter().find(|classes| !classes.is_empty()).unwrap_or_default()
    }

    /// The other class that `query` names, where [`find`](Labels::find) took it as an index: the
    /// one that is called so, as folders with numbers for names are.
    pub fn second_meaning(&self, query: &str) -> Option<usize> {
        let query = query.trim().to_lowercase();
        let taken = query.parse::<usize>().ok().filter(|&class| class < self.names.len())?;
        self.names
            .iter()
            .position(|label| label.lowercase().any(|name| name == query))
            .filter(|&named| named != taken)
    }

    /// Up to `limit` classes for a search box: `query` is an index, or a part of a name in any
    /// case, or begins a word of another name or of its sound. The class of that index comes first,
    /// then its [second meaning](Labels::second_meaning), names that it begins, names with a word
    /// that it begins, other parts of names, other names and sounds; in class order within each.
    pub fn search(&self, query: &str, limit: usize) -> Vec<usize> {
        let query = query.trim().to_lowercase();
        let (index, second) = (query.parse::<usize>().ok(), self.second_meaning(&query));
        let rank = |class: usize| {
            let label = &self.names[class];
            let named = |name: String| match at_word(&name, &query) {
                Some(0) => Some(5),
                Some(_) => Some(4),
                None => name.contains(&query).then_some(3),
            };
            // Of other names or sounds: with their beginning, or with a later word or syllable.
            let begins = |terms: &[String], at: fn(&str, &str) -> Option<usize>| {
                let found = terms.iter().filter_map(|term| at(term, &query));
                found.min().map(|at| if at == 0 { 2 } else { 1 })
            };
            match Some(class) {
                class if class == index => Some(7),
                class if class == second => Some(6),
                _ => (label.lowercase().filter_map(named).max())
                    .or_else(|| begins(&label.also, at_word))
                    .or_else(|| begins(&label.pinyin, at_syllable)),
            }
        };
        let mut found: Vec<(u8, usize)> =
            (0..self.names.len()).filter_map(|class| Some((rank(class)?, class))).collect();
        found.sort_by_key(|&(rank, _)| Reverse(rank));
        found.into_iter().take(limit).map(|(_, class)| class).collect()
    }
}

/// Where in `name` a word begins with `query`.
fn at_word(name: &str, query: &str) -> Option<usize> {
    let begins_a_word =
        |at: &usize| name[..*at].chars().next_back().is_none_or(|c| !c.is_alphanumeric());
    name.match_indices(query).map(|(at, _)| at).find(begins_a_word)
}

/// At which syllable of `sound` what is typed begins, with or without spaces: `hubanmao`, `mao`.
fn at_syllable(sound: &str, query: &str) -> Option<usize> {
    let query: String = query.split_whitespace().collect();
    let syllables: Vec<&str> = sound.split(' ').collect();
    (0..syllables.len())
        .find(|&at| !query.is_empty() && syllables[at..].concat().starts_with(&query))
}

impl Label {
    fn lowercase(&self) -> impl Iterator<Item = String> {
        [Some(&self.en), self.zh.as_ref()].into_iter().flatten().map(|name| name.to_lowercase())
    }
}

fn malformed(detail: impl Into<String>) -> Error {
    Error::LabelFormat { detail: detail.into() }
}

/// Every line is a class: an empty one in the middle stays, and is refused by `checked`, because
/// dropping it would shift the rest.
fn lines(text: &str) -> Vec<Label> {
    text.lines().map(|line| Label { en: line.to_owned(), ..Label::default() }).collect()
}

/// The layouts of JSON files. By hand: derived, with an enum for them, it would be four times the
/// code.
fn json(text: &str) -> Result<Vec<Label>> {
    let value: Value =
        serde_json::from_str(text).map_err(|error| malformed(format!("as JSON, {error}")))?;
    let entries = |map: &Map<String, Value>| -> Option<Vec<(String, Label)>> {
        map.iter().map(|(class, value)| Some((class.clone(), entry(value)?))).collect()
    };
    let found = match &value {
        Value::Array(names) => names.iter().map(entry).collect::<Option<Vec<_>>>().map(Ok),
        Value::Object(map) => {
            // Hugging Face's `config.json`, whose other fields say nothing about names.
            let named = map
                .get("id2label")
                .and_then(Value::as_object)
                .and_then(entries)
                .or_else(|| entries(map));
            // torchvision's `ImageFolder.class_to_idx`.
            let class = |(name, class): (&String, &Value)| {
                let label = Label { en: name.clone(), ..Label::default() };
                Some((usize::try_from(class.as_u64()?).ok()?, label))
            };
            match named {
                Some(named) => {
                    let numbered =
                        named.into_iter().map(|(class, label)| Some((class.parse().ok()?, label)));
                    let keys = || malformed("its JSON object has keys that are no numbers");
                    Some(numbered.collect::<Option<_>>().ok_or_else(keys).and_then(in_order))
                }
                None => map.iter().map(class).collect::<Option<_>>().map(in_order),
            }
        }
        _ => None,
    };
    found.unwrap_or_else(|| {
        Err(malformed("its JSON is neither a list nor a numbered object of names"))
    })
}

/// A class in a JSON file: its name, both names, or WordNet id and name as in torchvision's and
/// Keras' `imagenet_class_index.json`.
fn entry(value: &Value) -> Option<Label> {
    match value {
        Value::String(en) => Some(Label { en: en.clone(), ..Label::default() }),
        Value::Array(pair) => match &pair[..] {
            [Value::String(_), Value::String(en)] => {
                Some(Label { en: en.clone(), ..Label::default() })
            }
            _ => None,
        },
        Value::Object(_) => Label::deserialize(value).ok(),
        _ => None,
    }
}

/// Labels by class, which must be 0, 1, 2, … without a gap.
fn in_order(mut labels: Vec<(usize, Label)>) -> Result<Vec<Label>> {
    labels.sort_by_key(|&(class, _)| class);
    match labels.iter().enumerate().find(|&(expected, &(class, _))| expected != class) {
        Some((expected, _)) => {
            Err(malformed(format!("class {expected} is missing or named twice")))
        }
        None => Ok(labels.into_iter().map(|(_, label)| label).collect()),
    }
}

/// Trimmed, not empty, not absurdly long.
fn checked(class: usize, label: Label) -> Result<Label> {
    let name = |name: String| match name.trim() {
        "" => Err(malformed(format!("the name of class {class}, counted from 0, is empty"))),
        long if long.chars().count() > LONGEST_NAME => Err(malformed(format!(
            "the name of class {class} has more than {LONGEST_NAME} characters"
        ))),
        name => Ok(name.to_owned()),
    };
    Ok(Label { en: name(label.en)?, zh: label.zh.map(name).transpose()?, ..label })
}
