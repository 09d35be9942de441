//! The lessons that the page offers: `lessons/lessons.json`, parsed and checked.
//!
//! Pure data. `lessons/README.md` says how to write one; the tests below and the page read the same
//! file.

use super::permalink;
use serde::Deserialize;
use thiserror::Error;

/// A view of the page with a question to pupils. Without Chinese the English is shown.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Lesson {
    /// The settings, as a link of the page has them after its `#`.
    pub link: String,
    pub title: String,
    pub title_zh: Option<String>,
    /// What the pupils are asked.
    pub question: String,
    pub question_zh: Option<String>,
    /// What to look for and what it shows, for the teacher.
    pub notes: String,
    pub notes_zh: Option<String>,
}

/// Why a list of lessons was refused.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum LessonsError {
    #[error("not a list of lessons: {0}")]
    Format(String),
    #[error("the link of “{0}” names no model")]
    NoModel(String),
}

pub fn parse(text: &str) -> Result<Vec<Lesson>, LessonsError> {
    let lessons: Vec<Lesson> =
        serde_json::from_str(text).map_err(|error| LessonsError::Format(error.to_string()))?;
    match lessons.iter().find(|lesson| lesson.model().is_none()) {
        Some(lesson) => Err(LessonsError::NoModel(lesson.title.clone())),
        None => Ok(lessons),
    }
}

impl Lesson {
    /// The id of its model in `weights/models.json`.
    pub fn model(&self) -> Option<String> {
        self.setting("model")
    }

    fn setting(&self, key: &str) -> Option<String> {
        permalink::read(&self.link).find(|(name, _)| name == key).map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::models;

    const SHIPPED: &str = include_str!("../../lessons/lessons.json");

    #[test]
    fn the_shipped_lessons_open_what_there_is() {
        let models = models::parse(include_str!("../../weights/models.json")).unwrap();
        let lessons = parse(SHIPPED).unwrap();
        assert!(lessons.len() >= 7);
        for lesson in &lessons {
            let (model, sample) = (lesson.model(), lesson.setting("sample"));
            let known = models.iter().any(|listed| Some(&listed.id) == model.as_ref());
            assert!(known, "{}: no such model", lesson.title);
            // Any network's: some lessons show one what it does not know.
            let mut samples = models.iter().flat_map(|model| &model.samples);
            let known = samples.any(|listed| Some(&listed.id) == sample.as_ref());
            assert!(known, "{}: no such sample", lesson.title);
            let chinese = [&lesson.title_zh, &lesson.question_zh, &lesson.notes_zh];
            assert!(chinese.iter().all(|words| words.is_some()), "{}: no Chinese", lesson.title);
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let one = r#"[{"link": "model=a&sample=b", "title": "T", "question": "Q", "notes": "N"}]"#;
        assert_eq!(parse(one).unwrap()[0].title_zh, None);
        assert!(matches!(parse("{}"), Err(LessonsError::Format(_))));
        assert!(matches!(parse(&one.replace("title", "tittle")), Err(LessonsError::Format(_))));
        assert_eq!(parse(&one.replace("model=a", "")), Err(LessonsError::NoModel("T".into())));
    }
}
