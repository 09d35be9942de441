//! Any text as a list of labels, a list of models, or a link. The first byte says which.
#![no_main]

#[allow(dead_code, unused_imports)]
#[path = "../../src"]
mod engine {
    pub mod catalog {
        pub mod labels;
        pub mod models;
        pub mod permalink;
    }
    pub mod error;
    pub mod image;
}
mod heap;
// The sources say `crate::error`.
use engine::{error, image};

use engine::catalog::labels::Labels;
use engine::catalog::{models, permalink};
use error::Error;

/// Bytes that may be held for a byte: a bracket of JSON, or an empty line, becomes a value.
const A_BYTE: usize = 512;
/// And for a text of none.
const AT_LEAST: usize = 1 << 20;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let [kind, text @ ..] = input else { return };
    let text = String::from_utf8_lossy(text); // as the page reads files
    let ((), held) = heap::peak(|| match kind % 3 {
        0 => labels(&text),
        1 => list(&text),
        _ => read_link(&text),
    });
    assert!(held <= AT_LEAST + A_BYTE * input.len(), "{held} bytes held for {}", input.len());
});

fn labels(text: &str) {
    match Labels::parse(text) {
        Ok(labels) => {
            let trimmed = |name: &str| !name.is_empty() && name.trim() == name && name.chars().count() <= 500;
            assert!(!labels.names.is_empty());
            assert!(labels.names.iter().all(|label| trimmed(&label.en) && label.zh.as_deref().is_none_or(trimmed)));
            let name = labels.names[0].en.clone();
            assert!(labels.find(&name).is_some());
            assert!(labels.search(&name, 3).len() <= 3);
            assert!(labels.search(text.get(..7).unwrap_or(""), 9).iter().all(|&class| class < labels.names.len()));
        }
        Err(error) => assert!(matches!(error, Error::LabelFormat { .. }), "{error}"),
    }
}

fn list(text: &str) {
    let Ok(models) = models::parse(text) else { return };
    for model in &models {
        for path in [&model.file, &model.labels].into_iter().chain(model.samples.iter().map(|sample| &sample.file)) {
            assert!(!path.starts_with('/') && !path.contains(':') && !path.split('/').any(|part| part == ".."), "{path}");
        }
        assert!(model.urls.iter().all(|url| url.starts_with("https://")));
        for offset in [0, 1, u64::MAX] {
            let (_, at) = model.place(&model.file, offset);
            assert!(at <= offset);
        }
    }
}

fn read_link(text: &str) {
    // What it says survives being written.
    let pairs: Vec<(String, String)> = permalink::read(text).filter(|(key, _)| !key.is_empty() && !key.starts_with('#')).collect();
    let written = permalink::write(pairs.iter().map(|(key, value)| (&key[..], Some(value.clone()))));
    assert!(permalink::read(&written).eq(pairs.iter().cloned()), "{written}");
}
