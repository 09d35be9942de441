//! Short texts that are kept for the next visit (`localStorage`): language, model, tunings. Nothing
//! of a photo.
//!
//! A browser that denies storage costs a question or a measurement, never an error.

use web_sys::Storage;

fn storage() -> Option<Storage> {
    web_sys::window()?.local_storage().ok()?
}

pub fn get(key: &str) -> Option<String> {
    storage()?.get_item(key).ok()?
}

pub fn set(key: &str, value: &str) {
    if let Some(storage) = storage() {
        let _ = storage.set_item(key, value);
    }
}

/// All entries whose keys begin with `prefix`, without it.
pub fn with_prefix(prefix: &str) -> Vec<(String, String)> {
    let Some(storage) = storage() else { return Vec::new() };
    let keys = (0..storage.length().unwrap_or(0)).filter_map(|index| storage.key(index).ok()?);
    keys.filter_map(|key| Some((key.strip_prefix(prefix)?.to_owned(), get(&key)?))).collect()
}
