//! Names and sentences in the page's language, for components and for what leaves the page.

use super::State;
use super::tracking::get_until_cleanup;
use crate::engine::protocol::Described;
use crate::i18n::{self, Language, Text, fill};
use crate::query::ObjectiveKind;
use gradlens::catalog::labels::Labels;
use gradlens::catalog::models::{Model, Sample};
use gradlens::explain::cam::Method;
use gradlens::explain::objective::Objective;
use gradlens::explain::{Asked, Explanation};
use leptos::prelude::*;
use std::sync::Arc;

impl State {
    pub fn language(&self) -> Language {
        get_until_cleanup(self.language)
    }

    /// The target layer, or several that are fused.
    pub fn target_layer(&self) -> String {
        get_until_cleanup(self.layer)
    }

    fn labels(&self) -> Arc<Labels> {
        get_until_cleanup(self.labels)
    }

    /// The page's strings; whoever reads them is run again when the language changes.
    pub fn text(&self) -> &'static Text {
        self.language().text()
    }

    pub fn text_untracked(&self) -> &'static Text {
        self.language.get_untracked().text()
    }

    /// A whole number with the language's separators: 12,345.
    pub fn number(&self, number: usize) -> String {
        js_sys::Number::from(number as f64).to_locale_string(self.language().tag()).into()
    }

    /// A share from 0 to 1 as a percentage: 12.3 %, in Chinese 12.3%.
    pub fn percent(&self, share: f32, digits: usize) -> String {
        let space = if self.language() == Language::English { " " } else { "" };
        format!("{:.digits$}{space}%", 100.0 * share)
    }

    /// What layers of a stride respond to, in a word.
    pub fn stage_name(&self, stride: usize) -> &'static str {
        let place = stride.max(2).ilog2() as usize - 1;
        self.text().stages[place.min(4)]
    }

    pub fn model_name<'a>(&self, model: &'a Model) -> &'a str {
        self.language().choose(&model.name, model.name_zh.as_deref())
    }

    /// A listed model's licence and source, and a warning where its file cannot be verified.
    pub fn model_origin(&self, model: &Model) -> String {
        let text = self.text();
        let language = self.language();
        let licence = language.choose(&model.licence, model.licence_zh.as_deref());
        let source = language.choose(&model.source, model.source_zh.as_deref());
        let mut words = format!("{} · {source}", fill(text.licence, &[licence]));
        if model.sha256.is_none() {
            words = format!("{words} · {}", text.weights.unverified);
        }
        words
    }

    /// A class's name; its number when the list has none.
    pub fn label(&self, class: usize) -> String {
        match self.labels().names.get(class) {
            Some(label) => self.language().choose(&label.en, label.zh.as_deref()).to_owned(),
            None => class.to_string(),
        }
    }

    /// A class's name in the other language, where that is another word.
    pub fn second_label(&self, class: usize) -> Option<String> {
        let labels = self.labels();
        let label = labels.names.get(class)?;
        let chinese = label.zh.as_ref().filter(|chinese| **chinese != label.en)?;
        Some(match self.language() {
            Language::English => chinese.clone(),
            Language::Chinese => label.en.clone(),
        })
    }

    /// A method's name, the same in every language; its identifier where the table has none yet.
    pub fn method_name(&self, method: Method) -> &'static str {
        let (name, _) = i18n::method(self.language.get_untracked(), method.name());
        if name.is_empty() { method.name() } else { name }
    }

    /// The method that a map was made by, and whether it was smoothed.
    pub fn method_of(&self, known: &Explanation) -> String {
        let smoothed = known.aug_smooth || known.eigen_smooth;
        if let Some(Asked::Attention(_)) = known.asked {
            return self.language.get_untracked().text().describe.attention.to_owned();
        }
        let suffix = if smoothed { self.language.get_untracked().text().smoothed } else { "" };
        format!("{}{suffix}", self.method_name(known.method))
    }

    pub fn sample_name(&self, sample: &Sample) -> String {
        self.language().choose(&sample.name, sample.name_zh.as_deref()).to_owned()
    }

    /// How large a model's weights are, in megabytes, and which other hosts have them.
    pub fn model_hosts(&self, model: &Model) -> [String; 2] {
        let hosts: Vec<_> = model.urls.iter().filter_map(|url| url.split('/').nth(2)).collect();
        [format!("{:.0}", model.size as f64 / 1e6), hosts.join(" / ")]
    }

    /// One plain sentence about a method.
    pub fn method_hint(&self, method: Method) -> &'static str {
        i18n::method(self.language(), method.name()).1
    }

    /// The place of an objective in the tables of `text.analysis`, and the name of a contrast's
    /// class.
    fn objective_parts(&self, objective: Objective) -> (usize, String) {
        let other = match objective {
            Objective::Contrast { than } => self.label(than),
            _ => String::new(),
        };
        (ObjectiveKind::from_name(objective.name()).unwrap_or_default() as usize, other)
    }

    /// What of a class is explained: “its score”, “rather than cat”.
    pub fn objective_name(&self, objective: Objective) -> String {
        let (place, other) = self.objective_parts(objective);
        fill(self.text().analysis.targets[place], &[&other])
    }

    /// The same, but empty for the logit, which goes without saying.
    pub fn objective_words(&self, objective: Objective) -> String {
        if objective == Objective::Logit { String::new() } else { self.objective_name(objective) }
    }

    /// The same of a heatmap; of what a head said there is nothing else to explain.
    pub fn objective_of(&self, explanation: &Explanation) -> String {
        match explanation.asked {
            Some(_) => String::new(),
            None => self.objective_words(explanation.objective),
        }
    }

    /// An answer's name.
    pub fn answer_name(&self, answer: usize) -> String {
        let known = get_until_cleanup(self.ask.known);
        match known.as_ref().and_then(|known| known.answers().get(answer)) {
            Some(name) => self.language().choose(&name.en, Some(&name.zh)).to_owned(),
            None => answer.to_string(),
        }
    }

    /// How probable what is on show is: a class, an answer, a word or a whole sentence.
    pub fn probability_of(&self, explanation: &Explanation) -> Option<f32> {
        let class = explanation.class;
        match explanation.asked {
            None => self.prediction.with(|known| Some(known.as_ref()?.score(class)?.probability)),
            Some(Asked::Question(_)) => self.ask.answered.with(|answered| {
                let mut scores = answered.as_ref()?.scores.iter();
                Some(scores.find(|score| score.class == class)?.probability)
            }),
            Some(Asked::Caption(_) | Asked::Attention(_)) => {
                self.describe.described.with(|known| {
                    let Described { caption, word, .. } = &**known.as_ref()?;
                    let logs = &caption.log_probabilities;
                    let log = match word {
                        Some(word) => *logs.get(*word)?,
                        None => logs.iter().sum(),
                    };
                    Some(log.exp())
                })
            }
        }
    }

    /// A word of a description as it is written there; `None` for all of them.
    fn word(&self) -> Option<String> {
        let known = get_until_cleanup(self.describe.known)?;
        let described = get_until_cleanup(self.describe.described)?;
        Some(known.pieces(&described.caption.words).into_iter().nth(described.word?)?.text)
    }

    /// What a heatmap is of: a class, an answer and its question, or a sentence and its word.
    pub fn name_of(&self, explanation: &Explanation) -> String {
        match &explanation.asked {
            Some(Asked::Question(question)) => {
                format!("{question} {}", self.answer_name(explanation.class))
            }
            Some(Asked::Caption(said) | Asked::Attention(said)) => match self.word() {
                Some(word) => format!("{said} · {word}"),
                None => said.clone(),
            },
            None => self.label(explanation.class),
        }
    }

    /// What the warm places of a heatmap do: “speaks for …”.
    pub fn evidence(&self, explanation: &Explanation) -> String {
        let text = self.text();
        let of_head = match (&explanation.asked, self.word()) {
            (None, _) => None,
            (Some(Asked::Question(_)), _) => {
                Some((text.ask.speaks, self.answer_name(explanation.class)))
            }
            (Some(Asked::Attention(_)), word) => {
                Some((text.describe.looks, word.unwrap_or_default()))
            }
            (Some(Asked::Caption(_)), Some(word)) => Some((text.describe.speaks, word)),
            (Some(Asked::Caption(_)), None) => Some((text.describe.speaks_all, String::new())),
        };
        if let Some((words, what)) = of_head {
            return fill(words, &[&what]);
        }
        let (place, other) = self.objective_parts(explanation.objective);
        fill(self.text().analysis.speaks[place], &[&self.label(explanation.class), &other])
    }

    /// Why a heatmap is blank, for a caption; empty for one that is not.
    pub fn blank_note(&self, explanation: &Explanation) -> String {
        match explanation.blank {
            true => fill(self.text().analysis.blank, &[&self.evidence(explanation)]),
            false => String::new(),
        }
    }
}
