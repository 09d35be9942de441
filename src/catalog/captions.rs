//! What a caption head can say, in English and Chinese: `captions.json` beside its weights.
//!
//! The file has the words in the head's order and what each thing is called. The head says one word
//! for a thing whatever its number: articles, plurals and spaces are made here.
//!
//! Deliberately absent: the network. To extend: another language is a field of each noun, and words.

use serde::Deserialize;

use crate::catalog::questions::Language;
use crate::error::{Error, Result};

/// How many words the head reads before it says the first one: [`Captions::start`].
pub const START: usize = 3;

/// Words and nouns.
#[derive(Clone, Debug, Deserialize)]
pub struct Captions {
    /// The network whose layer the head reads.
    pub base: String,
    pub layer: String,
    /// Pixels of the input's side, for which it was trained.
    pub side: usize,
    /// Words of the longest caption, its end among them.
    pub longest: usize,
    /// In the head's order; nouns follow, all in English, then all in Chinese.
    words: Vec<String>,
    numbers: Numbers,
    nouns: Vec<Noun>,
}

/// From one on.
#[derive(Clone, Debug, Deserialize)]
struct Numbers {
    en: Vec<String>,
}

/// A thing.
#[derive(Clone, Debug, Deserialize)]
struct Noun {
    /// One, several.
    en: [String; 2],
    article: String,
    zh: String,
}

/// A word of a caption as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    pub text: String,
    /// What stands between it and the one before.
    pub space: &'static str,
    /// Of a noun the class that it names.
    pub class: Option<usize>,
}

impl Captions {
    /// Reads a captions file. Errors: [`Error::File`].
    pub fn parse(text: &str) -> Result<Captions> {
        let failed = |detail: String| Error::File { file: "captions.json".into(), detail };
        let captions: Captions = serde_json::from_str(text).map_err(|e| failed(e.to_string()))?;
        for word in ["<end>", "<look>", "<en>", "<zh>"] {
            if !captions.words.iter().any(|known| known == word) {
                return Err(failed(format!("there is no word {word}")));
            }
        }
        match captions.nouns.is_empty() || captions.longest == 0 {
            true => Err(failed("nothing can be said".into())),
            false => Ok(captions),
        }
    }

    /// How many words there are, nouns included.
    pub fn words(&self) -> usize {
        self.words.len() + 2 * self.nouns.len()
    }

    /// How many things there are: the classes of the network that it belongs to.
    pub fn classes(&self) -> usize {
        self.nouns.len()
    }

    /// What the head reads before the first word: it looks twice in silence, and learns which
    /// language to speak.
    pub fn start(&self, language: Language) -> [usize; START] {
        let language = match language {
            Language::En => "<en>",
            Language::Zh => "<zh>",
        };
        let look = self.number("<look>");
        [look, look, self.number(language)]
    }

    /// What the head says behind the last word.
    pub fn end(&self) -> usize {
        self.number("<end>")
    }

    /// Of a word that is a noun the class that it names.
    pub fn class(&self, word: usize) -> Option<usize> {
        Some(word.checked_sub(self.words.len())? % self.nouns.len())
    }

    /// Words as they are written. Numbers of words that there aren't are left out.
    pub fn pieces(&self, words: &[usize]) -> Vec<Piece> {
        let mut pieces: Vec<Piece> = Vec::new();
        let mut several = false;
        for (i, &word) in words.iter().enumerate() {
            let english = |word: usize| {
                self.class(word).is_some_and(|class| word == self.words.len() + class)
            };
            let class = self.class(word).filter(|_| word < self.words());
            let (text, spaced) = match (class, self.words.get(word)) {
                (Some(class), _) if english(word) => {
                    (&self.nouns[class].en[usize::from(several)], true)
                }
                (Some(class), _) => (&self.nouns[class].zh, false),
                (None, Some(text)) => {
                    let number = self.numbers.en.iter().position(|number| number == text);
                    several = number.is_some_and(|number| number > 0);
                    // "a" is what the noun behind it wants.
                    let next = words.get(i + 1).filter(|&&next| english(next));
                    let noun = next.and_then(|&next| self.class(next)).map(|c| &self.nouns[c]);
                    match noun {
                        Some(noun) if number == Some(0) => (&noun.article, true),
                        _ => (text, text.starts_with(|c: char| c.is_ascii_alphabetic())),
                    }
                }
                (None, None) => continue,
            };
            let space = if spaced && !pieces.is_empty() { " " } else { "" };
            pieces.push(Piece { text: text.clone(), space, class });
        }
        pieces
    }

    /// The same in one.
    pub fn text(&self, words: &[usize]) -> String {
        self.pieces(words).into_iter().flat_map(|piece| [piece.space.into(), piece.text]).collect()
    }

    fn number(&self, word: &str) -> usize {
        self.words.iter().position(|known| known == word).unwrap_or(0)
    }
}
