//! Files from this site, from a model's other hosts, and from the visitor's disk, whole or
//! streamed.
//!
//! Requests are plain GETs without body, cookies or referrer; nothing about a photo is ever part of
//! one.

use super::super::fault::Fault;
use super::embedded;
use super::scope::global;
use gradlens::error::Error;
use js_sys::Uint8Array;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AbortController, AbortSignal, File, Headers, ReadableStream, ReadableStreamDefaultReader,
    ReadableStreamReadResult, ReferrerPolicy, RequestCredentials, RequestInit, Response,
};

/// An error's message, or what else was thrown.
pub fn message(value: &JsValue) -> String {
    match value.dyn_ref::<js_sys::Error>() {
        Some(error) => String::from(error.message()),
        None => value.as_string().unwrap_or_else(|| format!("{value:?}")),
    }
}

pub fn fault(address: &str, detail: impl Into<String>) -> Fault {
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
/// A page in place of a file counts as absent: development servers answer every unknown path with
/// the index page.
pub async fn open(address: &str, abort: &Abort) -> Result<Option<Response>, Fault> {
    ask(address, None, abort).await
}

/// Opens `address` again, and says how many bytes of the answer are to be passed over to come to
/// `offset`: all of them, where the host does not know how to begin in the middle, or does not let
/// this page ask.
pub async fn open_at(
    address: &str,
    offset: u64,
    abort: &Abort,
) -> Result<Option<(Response, u64)>, Fault> {
    if offset > 0 {
        let range = format!("bytes={offset}-");
        if let Ok(Some(response)) = ask(address, Some(&range), abort).await {
            let skip = if response.status() == 206 { 0 } else { offset };
            return Ok(Some((response, skip)));
        }
    }
    Ok(open(address, abort).await?.map(|response| (response, offset)))
}

async fn ask(address: &str, range: Option<&str>, abort: &Abort) -> Result<Option<Response>, Fault> {
    let init = RequestInit::new();
    init.set_referrer_policy(ReferrerPolicy::NoReferrer);
    init.set_credentials(RequestCredentials::SameOrigin);
    init.set_signal(Some(&abort.signal()));
    if let Some(range) = range {
        let headers = Headers::new().map_err(|error| fault(address, message(&error)))?;
        headers.set("range", range).map_err(|error| fault(address, message(&error)))?;
        init.set_headers(&headers);
    }
    let Some(place) = embedded::address(address) else { return Ok(None) };
    let response: Response = JsFuture::from(global().fetch_with_str_and_init(&place, &init))
        .await
        .map_err(|error| fault(address, message(&error)))?
        .unchecked_into();
    let is_page = response
        .headers()
        .get("content-type")
        .ok()
        .flatten()
        .is_some_and(|kind| kind.contains("text/html"));
    match response.status() {
        404 | 410 => Ok(None),
        _ if response.ok() && !is_page => Ok(Some(response)),
        _ if response.ok() => Ok(None),
        status => Err(fault(address, format!("HTTP {status}"))),
    }
}

/// The bytes that an answer announces; `None` where it does not, or where they are not the file's,
/// as in a compressed transfer.
pub fn length(response: &Response) -> Option<u64> {
    let header = |name| response.headers().get(name).ok().flatten();
    if header("content-encoding").is_some() { None } else { header("content-length")?.parse().ok() }
}

/// Bytes on their way: of an answer, or of a file.
pub struct Body {
    address: String,
    reader: ReadableStreamDefaultReader,
}

impl Body {
    pub fn of(address: &str, stream: Option<ReadableStream>) -> Result<Body, Fault> {
        let stream = stream.ok_or_else(|| fault(address, "empty answer"))?;
        Ok(Body { address: address.into(), reader: stream.get_reader().unchecked_into() })
    }

    /// The next bytes; `None` at the end.
    pub async fn next(&self) -> Result<Option<Uint8Array>, Fault> {
        let failed = |error: JsValue| fault(&self.address, message(&error));
        let chunk = JsFuture::from(self.reader.read()).await.map_err(failed)?;
        let chunk: ReadableStreamReadResult = chunk.unchecked_into();
        let ended = chunk.get_done() == Some(true);
        Ok((!ended).then(|| chunk.get_value().unchecked_into()))
    }
}

/// A whole small file from this site.
pub async fn whole(address: &str) -> Result<Vec<u8>, Fault> {
    match open(address, &Abort::new()).await? {
        Some(response) => {
            let bytes = response.array_buffer().map_err(|error| fault(address, message(&error)))?;
            Ok(Uint8Array::new(
                &JsFuture::from(bytes).await.map_err(|error| fault(address, message(&error)))?,
            )
            .to_vec())
        }
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
        .map_err(|error| Error::File { file: file.name(), detail: message(&error) })?;
    Ok(Uint8Array::new(&buffer).to_vec())
}
