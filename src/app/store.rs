//! The few words that are kept for the next visit: the language, and how convolutions are best cut on this adapter.
//!
//! Nothing of a photo. A browser that denies storage costs a question or a measurement, never an error.

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
