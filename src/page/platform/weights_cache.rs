//! Copies of downloaded weights in this browser, so that the next visit downloads nothing: the
//! Cache API, which every browser with WebGPU has, and which takes a file as it arrives.
//!
//! A copy is finished only after the digest of all its bytes has been found right; one that was
//! broken off leaves nothing. No copy is believed: whoever reads one checks its digest again.
//! Storage that is full or denied costs the copy, never the model.

use super::cache_storage;
use super::fetch::message;
use futures_channel::oneshot;
use gradlens::catalog::models::Model;
use js_sys::{Array, Promise, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{
    Headers, Request, Response, ResponseInit, TransformStream, WritableStreamDefaultWriter,
};

/// A copy of weights in this browser.
#[derive(Clone, Debug, PartialEq)]
pub struct CachedWeights {
    /// Of the list's entry, which may no longer be there.
    pub id: String,
    pub address: String,
    pub bytes: u64,
    /// The copy is of the file that the list names now.
    pub current: bool,
}

const NAME: &str = "gradlens-weights";
/// The copies' addresses, relative to the page, where nothing lies.
const FOLDER: &str = "weights/kept/";
const DIGESTS: &str = "weights/kept-digests/";

/// Where the digest lies that was found when a copy was made, for files that the list has none of.
fn first_digest(model: &Model) -> String {
    format!("{DIGESTS}{}", model.id)
}

fn address(model: &Model) -> String {
    format!("{FOLDER}{}/{}", model.id, model.sha256.as_deref().unwrap_or("unlisted"))
}

/// The digest that a copy of this model must have.
pub async fn digest(model: &Model) -> Option<String> {
    if model.sha256.is_some() {
        return model.sha256.clone();
    }
    let kept = cache_storage::find(NAME, &first_digest(model)).await?;
    JsFuture::from(kept.text().ok()?).await.ok()?.as_string()
}

/// This browser's copy of a model, if it has one.
pub async fn open(model: &Model) -> Option<Response> {
    cache_storage::find(NAME, &address(model)).await
}

pub async fn delete(model: &Model) {
    delete_at(&address(model)).await;
}

pub async fn delete_at(address: &str) {
    cache_storage::delete(NAME, address).await;
}

/// All copies, also of models that the list no longer has.
pub async fn list(models: &[Model]) -> Vec<CachedWeights> {
    let mut list = Vec::new();
    let Ok(cache) = cache_storage::open(NAME).await else { return list };
    let Ok(keys) = JsFuture::from(cache.keys()).await else { return list };
    for key in keys.unchecked_into::<Array>().iter() {
        let url = key.unchecked_into::<Request>().url();
        let Some(id) = url.split(FOLDER).nth(1).and_then(|rest| rest.split('/').next()) else {
            continue;
        };
        let bytes = cache_storage::find(NAME, &url)
            .await
            .and_then(|response| super::fetch::length(&response))
            .unwrap_or(0);
        let current = models.iter().any(|model| model.id == id && url.ends_with(&address(model)));
        list.push(CachedWeights { id: id.to_owned(), address: url, bytes, current });
    }
    list
}

/// A copy that is being made.
pub struct CacheWriter {
    writer: WritableStreamDefaultWriter,
    stored: oneshot::Receiver<bool>,
}

impl CacheWriter {
    /// Begins a copy of `bytes` bytes; `None` where the browser denies storage.
    pub async fn begin(model: &Model, bytes: u64) -> Option<CacheWriter> {
        let begin = async || {
            let cache = cache_storage::open(NAME).await?;
            let pipe = TransformStream::new()?;
            let headers = Headers::new()?;
            headers.set("content-type", "application/octet-stream")?;
            headers.set("content-length", &bytes.to_string())?;
            let init = ResponseInit::new();
            init.set_headers(&headers);
            let response =
                Response::new_with_opt_readable_stream_and_init(Some(&pipe.readable()), &init)?;
            let (sender, stored) = oneshot::channel();
            let address = address(model);
            spawn_local(async move {
                let put = cache_storage::put(&cache, &address, &response).await;
                let _ = sender.send(put.is_ok()); // nobody waits for a copy that was given up
            });
            Ok::<_, JsValue>(CacheWriter { writer: pipe.writable().get_writer()?, stored })
        };
        match begin().await {
            Ok(keeper) => Some(keeper),
            Err(error) => {
                web_sys::console::info_1(&format!("no copy is kept: {}", message(&error)).into());
                None
            }
        }
    }

    /// False once the browser takes no more: the quota is full.
    pub async fn write(&self, bytes: &Uint8Array) -> bool {
        settled(self.writer.write_with_chunk(bytes)).await
    }

    /// The file was the right one. False if there is no copy after all.
    pub async fn finish(self, model: &Model, digest: &str) -> bool {
        let stored = settled(self.writer.close()).await && self.stored.await.unwrap_or(false);
        if stored && model.sha256.is_none() {
            return keep_digest(model, digest).await.is_ok();
        }
        stored
    }

    /// It was not, or did not come to its end: no copy, false.
    pub async fn give_up(self) -> bool {
        settled(self.writer.abort()).await;
        false
    }
}

async fn keep_digest(model: &Model, digest: &str) -> Result<(), JsValue> {
    let response = Response::new_with_opt_str(Some(digest))?;
    let cache = cache_storage::open(NAME).await?;
    cache_storage::put(&cache, &first_digest(model), &response).await
}

async fn settled(promise: Promise) -> bool {
    JsFuture::from(promise).await.is_ok()
}

/// Asks that the browser keep the copies when it runs short of room. Some ask the visitor, and
/// nothing waits for that.
pub fn ask_to_persist() {
    let Some(window) = web_sys::window() else { return };
    let storage = window.navigator().storage();
    if storage.is_undefined() {
        return;
    }
    if let Ok(promise) = storage.persist() {
        spawn_local(async move {
            settled(promise).await;
        });
    }
}
