//! What was wrong in particular, in both languages.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A part of a sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detail {
    pub english: String,
    pub chinese: String,
}

impl Detail {
    pub fn new(english: impl Into<String>, chinese: impl Into<String>) -> Detail {
        Detail { english: english.into(), chinese: chinese.into() }
    }
}

/// The English words.
impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.english)
    }
}
