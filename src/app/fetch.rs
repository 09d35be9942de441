//! Files from this site, from a model's other hosts, and from the visitor's disk: streamed, counted, checked.
//!
//! Requests are plain GETs without body, cookies or referrer; nothing about a photo is ever part of one.

use super::inside;
use super::state::Fault;
use crate::error::Error;
use js_sys::{Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AbortController, AbortSignal, File, ReadableStreamDefaultReader, ReferrerPolicy, RequestCredentials, RequestInit,
    Response,
};

/// Shows more than a browser's “[object Object]”.
fn words(value: &JsValue) -> String {
    match value.dyn_ref::<js_sys::Error>() {
        Some(error) => String::from(error.message()),
        None => value.as_string().unwrap_or_else(|| format!("{value:?}")),
    }
}

fn fault(address: &str, detail: impl Into<String>) -> Fault {
    Fault::Fetch { file: address.into(), detail: detail.into() }
}

/// A download that can be called off.
#[derive(Clone)]
pub struct Abort(AbortController);

impl Abort {
    pub fn new() -> Abort {
        Abort(AbortController::new().expect("every browser with WebGPU has AbortController"))
    }

    pub fn abort(&self) {
        self.0.abort();
    }

    pub fn aborted(&self) -> bool {
        self.0.signal().aborted()
    }

    fn signal(&self) -> AbortSignal {
        self.0.signal()
    }
}

/// Opens `address`; `None` when the host has no such file.
///
/// A page in place of a file counts as absent: development servers answer every unknown path with the index page.
pub async fn open(address: &str, abort: &Abort) -> Result<Option<Response>, Fault> {
    let init = RequestInit::new();
    init.set_referrer_policy(ReferrerPolicy::NoReferrer);
    init.set_credentials(RequestCredentials::SameOrigin);
    init.set_signal(Some(&abort.signal()));
    let Some(place) = inside::address(address) else { return Ok(None) };
    let window = web_sys::window().expect("a page has a window");
    let response: Response = JsFuture::from(window.fetch_with_str_and_init(&place, &init))
        .await
        .map_err(|error| fault(address, words(&error)))?
        .unchecked_into();
    let is_page = response.headers().get("content-type").ok().flatten().is_some_and(|kind| kind.contains("text/html"));
    match response.status() {
        404 | 410 => Ok(None),
        _ if response.ok() && !is_page => Ok(Some(response)),
        _ if response.ok() => Ok(None),
        status => Err(fault(address, format!("HTTP {status}"))),
    }
}

/// Reads a response to its end, calling `progress(received, total)` on the way; `total` is `expected` when the host gives none.
pub async fn read(
    address: &str,
    response: Response,
    expected: u64,
    mut progress: impl FnMut(u64, u64),
) -> Result<Vec<u8>, Fault> {
    let length = response.headers().get("content-length").ok().flatten().and_then(|value| value.parse().ok());
    // A compressed transfer's length is not the file's.
    let total = if response.headers().has("content-encoding").unwrap_or(false) { None } else { length };
    let total = total.unwrap_or(expected);
    let stream = response.body().ok_or_else(|| fault(address, "empty answer"))?;
    let reader: ReadableStreamDefaultReader = stream.get_reader().unchecked_into();
    // At most what is expected is reserved ahead: a host's header is only a claim.
    let mut bytes = Vec::with_capacity(total.min(expected.max(1 << 20)) as usize);
    loop {
        let chunk = JsFuture::from(reader.read()).await.map_err(|error| fault(address, words(&error)))?;
        let done = Reflect::get(&chunk, &"done".into()).is_ok_and(|done| done.is_truthy());
        if done {
            return Ok(bytes);
        }
        let value = Reflect::get(&chunk, &"value".into()).map_err(|error| fault(address, words(&error)))?;
        let chunk: Uint8Array = value.unchecked_into();
        let start = bytes.len();
        bytes.resize(start + chunk.length() as usize, 0);
        chunk.copy_to(&mut bytes[start..]);
        progress(bytes.len() as u64, total);
    }
}

/// A whole small file from this site.
pub async fn whole(address: &str) -> Result<Vec<u8>, Fault> {
    match open(address, &Abort::new()).await? {
        Some(response) => read(address, response, 0, |_, _| ()).await,
        None => Err(fault(address, "HTTP 404")),
    }
}

/// A small text from this site.
pub async fn text(address: &str) -> Result<String, Fault> {
    String::from_utf8(whole(address).await?).map_err(|error| fault(address, error.to_string()))
}

/// A file that the visitor chose, dropped or pasted.
pub async fn file(file: &File) -> Result<Vec<u8>, Fault> {
    let buffer = JsFuture::from(file.array_buffer())
        .await
        .map_err(|error| Error::File { file: file.name(), detail: words(&error) })?;
    Ok(Uint8Array::new(&buffer).to_vec())
}

/// SHA-256 as lower-case hexadecimal, by the browser's own implementation.
pub async fn sha256(bytes: &[u8]) -> Result<String, Fault> {
    let failed = |error: JsValue| fault("SHA-256", words(&error));
    let crypto = web_sys::window().expect("a page has a window").crypto().map_err(failed)?;
    let digest = crypto.subtle().digest_with_str_and_u8_array("SHA-256", bytes).map_err(failed)?;
    let digest = Uint8Array::new(&JsFuture::from(digest).await.map_err(failed)?).to_vec();
    Ok(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Lets the browser paint and take clicks before the next piece of work.
///
/// A zero timeout, not an animation frame: those stop in a hidden tab, and work should go on there.
pub async fn breathe() {
    let promise = js_sys::Promise::new(&mut |resolve, _| {
        let window = web_sys::window().expect("a page has a window");
        if window.set_timeout_with_callback(&resolve).is_err() {
            let _ = resolve.call0(&JsValue::NULL);
        }
    });
    let _ = JsFuture::from(promise).await;
}
