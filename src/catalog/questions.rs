//! What a question head can be asked, in English and Chinese: `questions.json` beside its weights.
//!
//! The file says which words the head knows, in which order, and in how many ways a person may put
//! a question; nothing of a language is known here but that Chinese has no spaces. What is typed is
//! understood whole or not at all: a word that the head doesn't know is named, not guessed.
//!
//! Deliberately absent: the network. To extend: another way to say something is a pattern in the
//! file, another language a field of each of its entries and a variant of [`Language`].

use serde::{Deserialize, Serialize};

use crate::error::{Detail, Error, Result};

/// Letters of a question: three times what the longest pattern takes with the longest names.
const LONGEST: usize = 200;

/// A language that questions are put in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    En,
    Zh,
}

/// What can be asked and answered.
#[derive(Clone, Debug, Deserialize)]
pub struct Questions {
    /// The network whose layer the head reads.
    pub base: String,
    pub layer: String,
    /// Pixels of the input's side, for which it was trained.
    pub side: usize,
    words: Vec<String>,
    places: Places,
    templates: Vec<Template>,
    nouns: Vec<Noun>,
    answers: Vec<Answer>,
}

/// An answer's names.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Answer {
    pub id: String,
    pub en: String,
    pub zh: String,
}

/// A question as the head reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    numbers: Vec<usize>,
    language: Language,
    /// As it was typed.
    text: String,
}

/// What something is called, in each language the plainest first.
#[derive(Clone, Debug, Deserialize)]
struct Names {
    en: Vec<String>,
    zh: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
struct Places {
    left: Names,
    right: Names,
    above: Names,
    below: Names,
}

/// A kind of question in one language.
#[derive(Clone, Debug, Deserialize)]
struct Template {
    language: Language,
    /// What the head reads: words, and slots in braces.
    words: Vec<String>,
    /// What a person may say, slots in braces; in lower case and without punctuation.
    patterns: Vec<String>,
    /// One such question as it is suggested, slots in braces: `{nouns}` and `{others}` are plurals.
    suggestion: String,
}

/// A thing that can be asked about.
#[derive(Clone, Debug, Deserialize)]
struct Noun {
    /// As a class of the network.
    id: String,
    /// Names as those of a place.
    en: Vec<String>,
    zh: Vec<String>,
    /// Chinese counts with it.
    measure: String,
}

/// What stands in a template's slots: numbers in the lists of nouns and places.
#[derive(Clone, Copy, Debug, Default)]
struct Slots {
    noun: Option<usize>,
    other: Option<usize>,
    place: Option<usize>,
}

impl Words {
    /// Numbers of words, at least one, each below [`Questions::words`] of those that read it.
    pub fn numbers(&self) -> &[usize] {
        &self.numbers
    }

    pub fn language(&self) -> Language {
        self.language
    }

    /// The question as it was typed.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl Names {
    fn forms(&self, language: Language) -> &[String] {
        language.choose(&self.en, &self.zh)
    }
}

impl Noun {
    fn forms(&self, language: Language) -> &[String] {
        language.choose(&self.en, &self.zh)
    }
}

impl Language {
    fn choose<'a>(self, english: &'a [String], chinese: &'a [String]) -> &'a [String] {
        match self {
            Language::En => english,
            Language::Zh => chinese,
        }
    }
}

impl Questions {
    /// Reads a questions file. Errors: [`Error::File`].
    pub fn parse(text: &str) -> Result<Questions> {
        let failed = |detail: String| Error::File { file: "questions.json".into(), detail };
        let questions: Questions = serde_json::from_str(text).map_err(|e| failed(e.to_string()))?;
        // Every template's words must be known, whatever stands in its slots.
        for template in &questions.templates {
            let some = Slots { noun: Some(0), other: Some(0), place: Some(0) };
            if template.patterns.is_empty()
                || template.words.is_empty()
                || questions.nouns.is_empty()
                || questions.numbers(template, some).is_none()
            {
                return Err(failed(format!("the template {:?} does not fit", template.words)));
            }
        }
        Ok(questions)
    }

    /// How many words there are, nouns included.
    pub fn words(&self) -> usize {
        self.words.len() + 2 * self.nouns.len()
    }

    /// Words of the longest question.
    pub fn longest(&self) -> usize {
        self.templates.iter().map(|template| template.words.len()).max().unwrap_or(0)
    }

    /// How many things it can be asked about: the classes of the network that it belongs to.
    pub fn classes(&self) -> usize {
        self.nouns.len()
    }

    pub fn answers(&self) -> &[Answer] {
        &self.answers
    }

    /// One question of each kind about two of the [`classes`](Questions::classes).
    pub fn about(&self, language: Language, [noun, other]: [usize; 2]) -> Vec<String> {
        let (Some(noun), Some(other)) = (self.nouns.get(noun), self.nouns.get(other)) else {
            return Vec::new();
        };
        let name = |noun: &Noun, form: usize| {
            let forms = noun.forms(language);
            forms.get(form).or(forms.first()).cloned().unwrap_or_default()
        };
        let slots = [
            ("{noun}", name(noun, 0)),
            ("{nouns}", name(noun, 1)),
            ("{other}", name(other, 0)),
            ("{others}", name(other, 1)),
            ("{measure}", noun.measure.clone()),
        ];
        let fill = |template: &Template| {
            let suggestion = template.suggestion.clone();
            slots.iter().fold(suggestion, |text, (slot, name)| text.replace(slot, name))
        };
        self.templates.iter().filter(|t| t.language == language).map(fill).collect()
    }

    /// One question of each kind, for whoever wants to know what can be asked.
    pub fn examples(&self, language: Language) -> Vec<String> {
        let place = |id| self.nouns.iter().position(|noun| noun.id == id).unwrap_or(0);
        self.about(language, [place("cat"), place("dog")])
    }

    /// Understands a question as a person types it, in either language; capitals, punctuation and
    /// spaces don't matter.
    ///
    /// Errors: [`Error::UnknownWord`] where all but what is asked about is understood,
    /// [`Error::UnknownQuestion`].
    pub fn read(&self, text: &str) -> Result<Words> {
        let chinese = text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
        let language = if chinese { Language::Zh } else { Language::En };
        let (typed, text) = (text.trim(), normal(text, language));
        let known = || self.known();
        if text.chars().count() > LONGEST {
            return Err(Error::UnknownQuestion { known: known() });
        }
        let mut unknown: Option<String> = None;
        for template in self.templates.iter().filter(|t| t.language == language) {
            for pattern in &template.patterns {
                let mut miss = None;
                if let Some(slots) = self.fit(pattern, &text, language, Slots::default(), &mut miss)
                    && let Some(numbers) = self.numbers(template, slots)
                {
                    return Ok(Words { numbers, language, text: typed.into() });
                }
                // The shortest miss is of the pattern that understood most.
                if let Some(word) = miss
                    && unknown.as_ref().is_none_or(|before| word.len() < before.len())
                {
                    unknown = Some(word);
                }
            }
        }
        Err(match unknown {
            Some(word) => Error::UnknownWord { word, known: known() },
            None => Error::UnknownQuestion { known: known() },
        })
    }

    /// What can be asked, for a sentence.
    pub(crate) fn known(&self) -> Detail {
        let list = |language| self.examples(language);
        let (things, base) = (self.nouns.len(), &self.base);
        Detail::new(
            format!(
                "{} It can be asked about the {things} classes of {base}",
                list(Language::En).join(" ")
            ),
            format!("{}可以问 {base} 的 {things} 个类别", list(Language::Zh).concat()),
        )
    }

    fn places(&self) -> [&Names; 4] {
        let Places { left, right, above, below } = &self.places;
        [left, right, above, below]
    }

    /// What stands in the slots of `pattern`, if it is `text`; else in `miss` what would be in the
    /// slot of a noun if there were such a noun.
    fn fit(
        &self,
        pattern: &str,
        text: &str,
        language: Language,
        slots: Slots,
        miss: &mut Option<String>,
    ) -> Option<Slots> {
        let Some((before, after)) = pattern.split_once('{') else {
            return (pattern == text).then_some(slots);
        };
        let text = text.strip_prefix(before)?;
        let (slot, rest) = after.split_once('}')?;
        // Whatever fills the slot ends where the pattern goes on: a name within a name doesn't
        // count, as the rest has to fit, too.
        let tail = |form: &str| {
            let left = text.strip_prefix(form)?;
            let whole = language == Language::Zh || left.is_empty() || left.starts_with(' ');
            whole.then_some(left)
        };
        match slot {
            "place" => self.places().into_iter().enumerate().find_map(|(i, place)| {
                place.forms(language).iter().find_map(|form| {
                    let slots = Slots { place: Some(i), ..slots };
                    self.fit(rest, tail(&normal(form, language))?, language, slots, miss)
                })
            }),
            "measure" => {
                self.nouns.iter().map(|noun| noun.measure.as_str()).chain(["个"]).find_map(
                    |measure| self.fit(rest, text.strip_prefix(measure)?, language, slots, miss),
                )
            }
            _ => {
                let found = self.nouns.iter().enumerate().find_map(|(i, noun)| {
                    noun.forms(language).iter().find_map(|form| {
                        let slots = match slot {
                            "noun" => Slots { noun: Some(i), ..slots },
                            _ => Slots { other: Some(i), ..slots },
                        };
                        self.fit(rest, tail(&normal(form, language))?, language, slots, miss)
                    })
                });
                if found.is_none() && miss.is_none() {
                    *miss = self.unknown_noun(rest, text, language);
                }
                found
            }
        }
    }

    /// What of `text` would have to be a noun for the `rest` of the pattern to fit.
    fn unknown_noun(&self, rest: &str, text: &str, language: Language) -> Option<String> {
        let ends = text.char_indices().map(|(i, _)| i).chain([text.len()]).skip(1);
        let known = |word: &str| {
            self.nouns
                .iter()
                .flat_map(|noun| noun.forms(language))
                .any(|form| normal(form, language) == word)
        };
        let found = ends.map(|end| text.split_at(end)).find(|(word, left)| {
            let fits = self.fit(rest, left, language, Slots::default(), &mut None).is_some();
            fits && !word.starts_with(' ') && !known(word)
        });
        found.map(|(word, _)| word.trim().to_owned())
    }

    /// The numbers of a template's words.
    fn numbers(&self, template: &Template, slots: Slots) -> Option<Vec<usize>> {
        let number = |word: &str| self.words.iter().position(|known| known == word);
        let nouns = match template.language {
            Language::En => self.words.len(),
            Language::Zh => self.words.len() + self.nouns.len(),
        };
        let numbers = template.words.iter().map(|word| match word.as_str() {
            "{noun}" => Some(nouns + slots.noun?),
            "{other}" => Some(nouns + slots.other?),
            "{place}" => number(self.places()[slots.place?].forms(template.language).first()?),
            "{measure}" => number(&self.nouns[slots.noun?].measure),
            word => number(word),
        });
        numbers.collect()
    }
}

/// Lower case, without punctuation, with single spaces; Chinese without spaces.
fn normal(text: &str, language: Language) -> String {
    let lower = text.to_lowercase().replace('’', "'");
    // Within words: jack-o'-lantern, high-heeled.
    let kept = |c: char| c.is_alphanumeric() || c == '-' || c == '\'';
    let words = lower.split(|c: char| !kept(c)).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(if language == Language::Zh { "" } else { " " })
}
