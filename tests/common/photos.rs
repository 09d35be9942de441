//! What the tests of photos share: fixtures, seeded photos, comparisons.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use gradlens::Photo;
use safetensors::SafeTensors;

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

/// Decodes every photo in a folder of `fixtures/` and compares it with Pillow's pixels, the tensors
/// of `<folder>.safetensors`; `tolerance` of a file's name is the difference that is allowed.
pub fn compare_with_pillow(folder: &str, tolerance: impl Fn(&str) -> u8) {
    let expected = read(&format!("fixtures/{folder}.safetensors"));
    let expected = SafeTensors::deserialize(&expected).unwrap();
    let photos = photos(folder);
    let mut failures = Vec::new();
    for (name, bytes) in &photos {
        let tolerance = tolerance(name);
        let tensor = expected.tensor(name).unwrap();
        match Photo::decode(bytes) {
            Ok(photo) if tensor.shape() != [photo.height, photo.width, 3] => {
                failures.push(format!("{name}: {photo:?}, expected {:?}", tensor.shape()));
            }
            Ok(photo) => {
                let (share, worst) = difference(&photo.rgb, tensor.data());
                println!("{name}: {:.1} % of the bytes differ, by at most {worst}", share * 100.0);
                if worst > tolerance {
                    failures.push(format!(
                        "{name}: bytes differ by up to {worst}, allowed {tolerance}"
                    ));
                }
            }
            Err(error) => failures.push(format!("{name}: {error}")),
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert_eq!(photos.len(), expected.names().len());
}
