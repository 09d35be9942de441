//! What the tests of photos share: fixtures, seeded photos, comparisons.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use gradlens::Photo;

use super::random::Random;

pub fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

pub fn read(name: &str) -> Vec<u8> {
    fs::read(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Name and bytes of every photo in a folder of `fixtures/`, sorted.
pub fn photos(folder: &str) -> BTreeMap<String, Vec<u8>> {
    let folder = path("fixtures").join(folder);
    let files = fs::read_dir(folder)
        .expect("a folder of fixtures")
        .map(|entry| entry.expect("an entry").path());
    files
        .map(|file| {
            (file.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&file).unwrap())
        })
        .collect()
}

/// The photo of `fixtures/make_photo_fixtures.py` of the same name.
pub fn seeded_photo(width: usize, height: usize) -> Photo {
    let mut noise = Random::new(7 + (width * 65536 + height) as u64);
    Photo::new(width, height, (0..width * height * 3).map(|_| (noise.bits() >> 56) as u8).collect())
}

/// Share of differing bytes and greatest difference.
pub fn difference(got: &[u8], expected: &[u8]) -> (f64, u8) {
    assert_eq!(got.len(), expected.len());
    let gaps = || got.iter().zip(expected).map(|(a, b)| a.abs_diff(*b));
    (gaps().filter(|gap| *gap > 0).count() as f64 / got.len() as f64, gaps().max().unwrap_or(0))
}
