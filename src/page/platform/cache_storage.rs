//! The Cache API, which keeps files for the next visit: one cache a purpose, a file an address
//! relative to the page.

use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Cache, Response};

pub async fn open(name: &str) -> Result<Cache, JsValue> {
    let caches = web_sys::window().ok_or(JsValue::NULL)?.caches()?;
    if caches.is_undefined() {
        return Err("no cache storage".into()); // plain http, or a page from the disk
    }
    Ok(JsFuture::from(caches.open(name)).await?.unchecked_into())
}

pub async fn find(name: &str, address: &str) -> Option<Response> {
    let found = JsFuture::from(open(name).await.ok()?.match_with_str(address)).await.ok()?;
    found.dyn_into().ok()
}

pub async fn delete(name: &str, address: &str) {
    if let Ok(cache) = open(name).await {
        let _ = JsFuture::from(cache.delete_with_str(address)).await;
    }
}
