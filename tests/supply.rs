//! What is built into the program comes from where `deny.toml` says and under the licences that it allows; asked of cargo itself, so that
//! no other tool is needed. `cargo deny check` also knows advisories.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// The quoted words of one list in `deny.toml`.
fn listed(deny: &str, key: &str) -> BTreeSet<String> {
    let list = deny.split_once(&format!("\n{key} = [")).unwrap_or_else(|| panic!("deny.toml has no {key}")).1;
    list.split_once(']').unwrap().0.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Whether an SPDX expression can be met by `allowed` alone. "A/B" is an old way of writing "A OR B".
fn met(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let all = expression.replace('/', " OR ");
    let any = |part: &str| part.trim_matches(['(', ')', ' ']).split(" OR ").any(|name| allowed.contains(name.trim()));
    all.split(" AND ").all(any)
}

#[test]
fn dependencies_are_of_allowed_licences_and_sources() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let deny = std::fs::read_to_string(root.join("deny.toml")).unwrap();
    let (licences, registries) = (listed(&deny, "allow"), listed(&deny, "allow-registry"));
    let command = ["metadata", "--locked", "--all-features", "--format-version", "1"];
    let output = Command::new(env!("CARGO")).args(command).current_dir(root).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    assert!(packages.len() > 100, "{} packages", packages.len());
    for package in packages {
        let text = |key: &str| package[key].as_str().unwrap_or_default();
        let name = format!("{} {}", text("name"), text("version"));
        assert!(met(text("license"), &licences), "{name} is under {:?}", package["license"]);
        let source = text("source").strip_prefix("registry+").unwrap_or_default();
        let own = text("manifest_path").starts_with(env!("CARGO_MANIFEST_DIR"));
        assert!(own || registries.contains(source), "{name} comes from {:?}", package["source"]);
    }
    for (expression, is_met) in [
        ("MIT", true),
        ("GPL-3.0", false),
        ("GPL-3.0 OR MIT", true),
        ("MIT AND GPL-3.0", false),
        ("(GPL-3.0 OR Zlib) AND Unicode-3.0", true),
        ("Apache-2.0/GPL-2.0", true),
        ("", false),
    ] {
        assert_eq!(met(expression, &licences), is_met, "{expression}");
    }
}

/// Two versions of one crate are two to watch, and sometimes two to download.
#[test]
fn few_crates_come_twice() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let deny = std::fs::read_to_string(root.join("deny.toml")).unwrap();
    let lock = std::fs::read_to_string(root.join("Cargo.lock")).unwrap();
    let names: Vec<&str> = lock.lines().filter_map(|line| line.strip_prefix("name = ")).collect();
    let twice: BTreeSet<&str> = names.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
    let skipped: BTreeSet<&str> =
        deny.lines().filter_map(|line| line.strip_prefix("  { crate = ")?.split(',').next()).collect();
    assert_eq!(twice, skipped, "in Cargo.lock, and with a reason in deny.toml");
}

/// npm is for tests and for making the page smaller: nothing of it is in the page, and its versions are locked.
#[test]
fn npm_is_for_tests_only() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("index.html")).unwrap();
    assert!(
        !page.contains("node_modules") && !page.contains("<script"),
        "the page has no script of its own but trunk's"
    );
    for folder in ["tests/browser", "benches/browser"] {
        let lock = std::fs::read_to_string(root.join(folder).join("package-lock.json")).unwrap();
        let lock: Value = serde_json::from_str(&lock).unwrap();
        for (name, package) in lock["packages"].as_object().unwrap().iter().filter(|(name, _)| !name.is_empty()) {
            assert!(package["integrity"].is_string(), "{folder}: {name} has no digest");
        }
    }
}
