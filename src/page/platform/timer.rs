//! Waiting, without blocking the page.

use super::scope;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;

/// Lets the browser paint and take clicks before the next piece of work.
///
/// A timeout of zero, not an animation frame: those stop in a hidden tab, and work should go on
/// there.
pub async fn yield_to_browser() {
    sleep(0).await;
}

pub async fn sleep(milliseconds: i32) {
    let promise = js_sys::Promise::new(&mut |resolve, _| {
        if scope::global()
            .set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, milliseconds)
            .is_err()
        {
            let _ = resolve.call0(&JsValue::NULL);
        }
    });
    let _ = JsFuture::from(promise).await;
}
