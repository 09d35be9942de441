//! The Cache API, which keeps files for the next visit: one cache a purpose, a file an address
//! relative to the page.

use super::scope::{absolute, global};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Cache, Response};

pub async fn open(name: &str) -> Result<Cache, JsValue> {
    let caches = global().caches()?;
    if caches.is_undefined() {
        return Err("no cache storage".into()); // plain http, or a page from the disk
    }
    Ok(JsFuture::from(caches.open(name)).await?.unchecked_into())
}

pub async fn find(name: &str, address: &str) -> Option<Response> {
    let found =
        JsFuture::from(open(name).await.ok()?.match_with_str(&absolute(address))).await.ok()?;
    found.dyn_into().ok()
}

pub async fn delete(name: &str, address: &str) {
    if let Ok(cache) = open(name).await {
        let _ = JsFuture::from(cache.delete_with_str(&absolute(address))).await;
    }
}

/// Keeps `response` at `address` once it has come whole.
pub async fn put(cache: &Cache, address: &str, response: &Response) -> Result<(), JsValue> {
    JsFuture::from(cache.put_with_str(&absolute(address), response)).await.map(drop)
}
