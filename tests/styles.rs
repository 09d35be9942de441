//! The page's stylesheets, read as text.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Classes of the elements that a stylesheet's rules are for; not of those that they stand in.
fn classes(css: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let selectors = css
        .split('}')
        .filter_map(|rule| rule.rsplit_once('{'))
        .flat_map(|(selectors, _)| selectors.split(','));
    for element in selectors.filter_map(|selector| selector.split_whitespace().last()) {
        for part in element.split('.').skip(1) {
            let name: String =
                part.chars().take_while(|c| c.is_ascii_lowercase() || *c == '-').collect();
            if !name.is_empty() {
                names.insert(name);
            }
        }
    }
    names
}

/// Of one component's class the rules are in one file, so that no other file changes what it looks
/// like. Once a `.progress` of a panel covered the page's header.
#[test]
fn a_component_is_styled_in_one_stylesheet() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/page/styles");
    let mut homes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut shared = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        let names = classes(&fs::read_to_string(&path).unwrap());
        // Made to be combined with: text styles, controls, and the modifiers of a state.
        if file == "base.css" || file == "widgets.css" || file == "layout.css" {
            shared.extend(names);
        } else {
            names.into_iter().for_each(|name| homes.entry(name).or_default().push(file.clone()));
        }
    }
    assert!(homes.len() > 50, "only {} classes found", homes.len());
    for modifier in ["shown", "empty", "open", "bad", "unknown"] {
        shared.insert(modifier.into());
    }
    let several: Vec<_> =
        homes.iter().filter(|(name, files)| files.len() > 1 && !shared.contains(*name)).collect();
    assert!(several.is_empty(), "classes styled in several files: {several:?}");
}
