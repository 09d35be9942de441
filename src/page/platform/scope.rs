//! The global object, which is a window on the page and another one in a worker.

use js_sys::Reflect;
use wasm_bindgen::JsCast;
use web_sys::{Url, WorkerGlobalScope};

/// What page and worker both have: `fetch`, `caches`, `setTimeout`, `createImageBitmap`, …
///
/// A `Window` can stand in, since methods are called by their names.
pub fn global() -> WorkerGlobalScope {
    js_sys::global().unchecked_into()
}

/// Whether this is the page, and not its worker.
pub fn is_page() -> bool {
    web_sys::window().is_some()
}

/// A path of this site as an address that can be fetched from here.
///
/// A worker that was started from a blob has no address of its own to begin from: the page hands
/// it one (`start.js`).
pub fn absolute(path: &str) -> String {
    let base = Reflect::get(&global(), &"gradlensBase".into()).ok();
    base.and_then(|base| Url::new_with_base(path, &base.as_string()?).ok())
        .map_or_else(|| path.to_owned(), |url| url.href())
}
