//! The GPU adapter's name: wgpu passes none on from a browser.

use super::scope::global;
use js_sys::{Function, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

/// `navigator.gpu`, where there is one.
pub fn gpu() -> Option<JsValue> {
    let navigator = global().navigator();
    Reflect::get(&navigator, &"gpu".into()).ok().filter(JsValue::is_object)
}

/// Description, or vendor and architecture: whatever this browser is willing to say, empty when
/// nothing.
pub async fn name() -> String {
    info().await.unwrap_or_default()
}

async fn info() -> Option<String> {
    let gpu = gpu()?;
    let request: Function = Reflect::get(&gpu, &"requestAdapter".into()).ok()?.dyn_into().ok()?;
    let promise: Promise = request.call0(&gpu).ok()?.dyn_into().ok()?;
    let adapter = JsFuture::from(promise).await.ok()?;
    let info = Reflect::get(&adapter, &"info".into()).ok()?;
    let word = |key: &str| {
        Reflect::get(&info, &key.into())
            .ok()
            .and_then(|value| value.as_string())
            .unwrap_or_default()
    };
    let description = word("description");
    if !description.is_empty() {
        return Some(description);
    }
    Some([word("vendor"), word("architecture")].join(" ").trim().to_owned())
}

/// Whether the page came over https or from this computer: browsers offer WebGPU only there.
pub fn is_secure_context() -> bool {
    global().is_secure_context()
}
