//! The list of models that the page offers: `weights/models.json`, parsed and checked.
//!
//! Pure data: no network, no browser. Which file is present, and fetching it, is the page's
//! business (`page/engine/loading.rs`). To add a model, add an entry to `weights/models.json`; the
//! tests below and the page read the same file.

use crate::image::Preprocessing;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// One entry of `weights/models.json`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// Short and stable: what scripts and links name.
    pub id: String,
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name_zh: Option<String>,
    /// What it knows, in one short sentence: it stands beside the name where models are chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub knows: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub knows_zh: Option<String>,
    /// The weights, relative to the page.
    pub file: String,
    /// Other hosts with the very same file, asked in this order, and only after the visitor has
    /// agreed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub urls: Vec<String>,
    /// Bytes of the weights file; about as many where `sha256` is absent.
    pub size: u64,
    /// SHA-256 of the weights file, lower-case hexadecimal: another file is refused. Absent: nobody
    /// has vouched for the file yet, and the page says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// For hosts that limit the size of files: the file lies there in parts of so many bytes each,
    /// the last may be shorter, called `file.part0`, `file.part1`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part_size: Option<u64>,
    /// How the network's training saw its photos; absent means torchvision's ImageNet recipe.
    #[serde(default)]
    pub preprocessing: Preprocessing,
    /// The class names, relative to the page.
    pub labels: String,
    /// How many classes: a visitor's own weights with as many borrow these names.
    pub classes: usize,
    /// A head that answers questions about the photo.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub questions: Option<HeadFiles>,
    /// A head that describes the photo.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub captions: Option<HeadFiles>,
    pub licence: String,
    /// Where the licence says more than its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub licence_zh: Option<String>,
    pub source: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_zh: Option<String>,
    /// What one should know before believing it.
    pub note: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note_zh: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub samples: Vec<Sample>,
}

/// What reads a layer of the network and says something else, relative to the page.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct HeadFiles {
    /// The weights.
    pub file: String,
    /// What it can be asked, or say: `catalog/questions.rs` and `catalog/captions.rs` read it.
    pub words: String,
}

/// A picture one click away.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    pub id: String,
    /// Relative to the page.
    pub file: String,
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name_zh: Option<String>,
    /// Author and licence, shown with the picture.
    pub source: String,
}

/// Why a model list was refused.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum ModelsError {
    #[error("not a list of models: {0}")]
    Format(String),
    #[error("two models are called `{0}`")]
    Twice(String),
    #[error("model `{model}`: `{address}` is neither a relative path nor an https address")]
    Address { model: String, address: String },
    #[error("model `{model}`: sha256 must be 64 lower-case hexadecimal digits")]
    Digest { model: String },
    #[error("model `{model}`: parts must have a size, and the whole a digest")]
    Parts { model: String },
}

/// Reads the list; every address and digest in it is well-formed afterwards.
pub fn parse(text: &str) -> Result<Vec<Model>, ModelsError> {
    let models: Vec<Model> =
        serde_json::from_str(text).map_err(|error| ModelsError::Format(error.to_string()))?;
    for (index, model) in models.iter().enumerate() {
        if models[..index].iter().any(|other| other.id == model.id) {
            return Err(ModelsError::Twice(model.id.clone()));
        }
        let local = [&model.file, &model.labels]
            .into_iter()
            .chain(
                model
                    .questions
                    .iter()
                    .chain(&model.captions)
                    .flat_map(|head| [&head.file, &head.words]),
            )
            .chain(model.samples.iter().map(|sample| &sample.file));
        let wrong = local
            .filter(|path| !is_relative(path))
            .chain(model.urls.iter().filter(|url| !url.starts_with("https://")))
            .next();
        if let Some(address) = wrong {
            return Err(ModelsError::Address { model: model.id.clone(), address: address.clone() });
        }
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if model
            .sha256
            .as_ref()
            .is_some_and(|digest| digest.len() != 64 || !digest.bytes().all(is_hex))
        {
            return Err(ModelsError::Digest { model: model.id.clone() });
        }
        if model.part_size.is_some_and(|size| size == 0 || model.sha256.is_none()) {
            return Err(ModelsError::Parts { model: model.id.clone() });
        }
    }
    Ok(models)
}

impl Model {
    /// Bytes of the file, where that is certain.
    pub fn exact_size(&self) -> Option<u64> {
        self.sha256.as_ref().map(|_| self.size)
    }

    /// Where at `base`, [`file`](Model::file) or one of [`urls`](Model::urls), the byte at `offset`
    /// is: an address and the offset there.
    pub fn place(&self, base: &str, offset: u64) -> (String, u64) {
        match self.part_size {
            None => (base.to_owned(), offset),
            Some(size) => (format!("{base}.part{}", offset / size), offset % size),
        }
    }
}

/// Relative to the page and inside its folder: `dist/` must work under any path of a static host.
fn is_relative(path: &str) -> bool {
    !path.is_empty()
        && !path.starts_with('/')
        && !path.contains(':')
        && !path.split('/').any(|part| part == "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHIPPED: &str = include_str!("../../weights/models.json");

    fn changed(from: &str, to: &str) -> Result<Vec<Model>, ModelsError> {
        assert!(SHIPPED.contains(from), "the shipped list no longer holds {from}");
        parse(&SHIPPED.replace(from, to))
    }

    #[test]
    fn the_shipped_list_is_well_formed() {
        let models = parse(SHIPPED).unwrap();
        assert!(models.iter().any(|model| model.id == "imagenet" && model.classes == 1000));
        for model in &models {
            assert!(
                !model.licence.is_empty() && !model.source.is_empty() && !model.note.is_empty(),
                "{}",
                model.id
            );
            let chinese = [&model.name_zh, &model.note_zh, &model.source_zh];
            assert!(
                chinese.iter().all(|text| text.is_some()),
                "{} speaks one language only",
                model.id
            );
            for knows in [&model.knows, &model.knows_zh] {
                let length = knows.as_ref().expect("a sentence on what it knows").chars().count();
                assert!(
                    (1..=50).contains(&length),
                    "{}: {length} characters fit on no line of a phone",
                    model.id
                );
            }
        }
    }

    #[test]
    fn what_the_list_names_is_there() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        for model in parse(SHIPPED).unwrap() {
            let labels = std::fs::read_to_string(root.join(&model.labels)).expect(&model.labels);
            let labels = crate::catalog::labels::Labels::parse(&labels).expect(&model.labels);
            assert_eq!(labels.names.len(), model.classes, "{}", model.labels);
            if let Some(head) = &model.questions {
                assert!(root.join(&head.file).is_file(), "{}", head.file);
                let words = std::fs::read_to_string(root.join(&head.words)).expect(&head.words);
                let questions = crate::catalog::questions::Questions::parse(&words).unwrap();
                assert_eq!((questions.base, model.classes), (model.id.clone(), labels.names.len()));
            }
            if let Some(head) = &model.captions {
                assert!(root.join(&head.file).is_file(), "{}", head.file);
                let words = std::fs::read_to_string(root.join(&head.words)).expect(&head.words);
                let captions = crate::catalog::captions::Captions::parse(&words).unwrap();
                assert_eq!((captions.classes(), &captions.base), (model.classes, &model.id));
            }
            for sample in &model.samples {
                assert!(root.join(&sample.file).is_file(), "{}", sample.file);
            }
            assert!(
                model.sha256.is_some() || !model.urls.is_empty(),
                "{} is vouched for by nobody",
                model.id
            );
            // Weights with no other host are in the repository, or a script beside them gets them
            // when the page is built.
            let file = root.join(&model.file);
            let is_fetched = file.with_file_name("fetch").is_file();
            if model.urls.is_empty() && (file.is_file() || !is_fetched) {
                assert!(model.sha256.is_some(), "{} is vouched for by nobody", model.id);
                assert_eq!(
                    std::fs::metadata(&file).expect(&model.file).len(),
                    model.size,
                    "{}",
                    model.file
                );
            }
        }
    }

    #[test]
    fn a_bad_list_is_refused() {
        assert!(matches!(parse("{}"), Err(ModelsError::Format(_))));
        assert_eq!(
            changed("\"imagenet\"", "\"emoji50\"").unwrap_err(),
            ModelsError::Twice("emoji50".into())
        );
        assert!(matches!(
            changed("weights/imagenet/labels.json", "/labels.json"),
            Err(ModelsError::Address { .. })
        ));
        assert!(matches!(changed("https://", "http://"), Err(ModelsError::Address { .. })));
        assert!(matches!(changed("5d061a3c", "5D061A3C"), Err(ModelsError::Digest { .. })));
        let parts = |size: u64| {
            changed("\"size\": 102469840", &format!("\"size\": 102469840, \"part_size\": {size}"))
        };
        assert!(matches!(parts(0), Err(ModelsError::Parts { .. })));
        let list = parts(20_000_000).unwrap();
        let model = list.iter().find(|model| model.id == "imagenet").unwrap();
        assert_eq!(model.place("w/x", 0), ("w/x.part0".into(), 0));
        assert_eq!(model.place("w/x", 60_000_001), ("w/x.part3".into(), 1));
        assert_eq!(parse(SHIPPED).unwrap()[0].place("w/x", 7), ("w/x".into(), 7));
    }

    /// What `examples/convert.rs` writes back is the same list.
    #[test]
    fn a_list_survives_writing() {
        let models = parse(SHIPPED).unwrap();
        let written = serde_json::to_string_pretty(&models).unwrap();
        assert!(!written.contains("null"), "{written}");
        assert_eq!(format!("{models:?}"), format!("{:?}", parse(&written).unwrap()));
    }

    #[test]
    fn relative_paths() {
        assert!(is_relative("weights/emoji50/labels.json"));
        for path in ["", "/etc", "../up", "a/../../b", "https://host/x", "data:text/plain,"] {
            assert!(!is_relative(path), "{path}");
        }
    }
}
