//! Copies of the visitor's own files in this browser, so that a reload brings them back: the Cache
//! API, only once the visitor has agreed.
//!
//! Storage that is full or denied costs the copy, never the file in use.

use super::cache_storage;
use js_sys::Array;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, File, Headers, Response, ResponseInit};

/// What a file is for; there is one of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OwnFile {
    Weights,
    Labels,
    Photo,
}

const NAME: &str = "gradlens-own";

impl OwnFile {
    pub const ALL: [OwnFile; 3] = [OwnFile::Weights, OwnFile::Labels, OwnFile::Photo];

    /// Where the copy lies, relative to the page, where nothing lies.
    fn address(self) -> &'static str {
        match self {
            OwnFile::Weights => "own/weights",
            OwnFile::Labels => "own/labels",
            OwnFile::Photo => "own/photo",
        }
    }
}

pub async fn put(kind: OwnFile, file: &File) -> Result<(), JsValue> {
    let headers = Headers::new()?;
    // A header is ASCII, a name is not.
    let name = String::from(js_sys::encode_uri_component(&file.name()));
    headers.set("x-name", &name)?;
    let options = ResponseInit::new();
    options.set_headers(&headers);
    let response = Response::new_with_opt_blob_and_init(Some(file), &options)?;
    let cache = cache_storage::open(NAME).await?;
    cache_storage::put(&cache, kind.address(), &response).await
}

pub async fn get(kind: OwnFile) -> Option<File> {
    let response = cache_storage::find(NAME, kind.address()).await?;
    let read = async {
        let name = response.headers().get("x-name")?.unwrap_or_default();
        let blob: Blob = JsFuture::from(response.blob()?).await?.dyn_into()?;
        let name = String::from(js_sys::decode_uri_component(&name)?);
        File::new_with_blob_sequence(&Array::of1(&blob), &name)
    };
    read.await.ok()
}

pub async fn delete(kind: OwnFile) {
    cache_storage::delete(NAME, kind.address()).await;
}
