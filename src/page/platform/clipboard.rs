//! Out of the page: downloads and the clipboard. `None` where the browser refuses.

use js_sys::{Array, Object, Promise, Reflect};
use leptos::prelude::{document, set_timeout, window};
use std::io::{self, BufWriter, Write};
use std::time::Duration;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, future_to_promise};
use web_sys::{Blob, Clipboard, ClipboardItem, HtmlAnchorElement, HtmlCanvasElement, Url};

/// A canvas as a PNG: a promise of a `Blob`.
pub fn png(canvas: &HtmlCanvasElement) -> Promise {
    Promise::new(&mut |resolve, reject| {
        let done = Closure::once_into_js(move |blob: JsValue| {
            // No memory for the picture: null in place of a blob.
            let (settle, value) =
                if blob.is_null() { (&reject, JsValue::NULL) } else { (&resolve, blob) };
            settle.call1(&JsValue::NULL, &value)
        });
        // It throws for a canvas with another site's pixels only, and this page paints none.
        let _ = canvas.to_blob(done.unchecked_ref());
    })
}

pub async fn png_blob(canvas: &HtmlCanvasElement) -> Option<Blob> {
    JsFuture::from(png(canvas)).await.ok()?.dyn_into().ok()
}

pub async fn download_png(canvas: &HtmlCanvasElement, name: &str) -> Option<()> {
    download(&png_blob(canvas).await?, name)
}

pub async fn bytes(blob: &Blob) -> Option<Vec<u8>> {
    Some(js_sys::Uint8Array::new(&JsFuture::from(blob.array_buffer()).await.ok()?).to_vec())
}

pub fn download_bytes(bytes: &[u8], name: &str) -> Option<()> {
    let bytes = js_sys::Uint8Array::from(bytes);
    download(&Blob::new_with_u8_array_sequence(&Array::of1(&bytes)).ok()?, name)
}

/// A file that is written piece by piece; the browser keeps each.
#[derive(Default)]
pub struct Pieces(Array);

impl Pieces {
    pub fn buffered() -> BufWriter<Pieces> {
        BufWriter::new(Pieces::default())
    }

    pub fn file(&self) -> Option<Blob> {
        Blob::new_with_u8_array_sequence(&self.0).ok()
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.push(&js_sys::Uint8Array::from(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub fn download(blob: &Blob, name: &str) -> Option<()> {
    let address = Url::create_object_url_with_blob(blob).ok()?;
    let link: HtmlAnchorElement = document().create_element("a").ok()?.dyn_into().ok()?;
    link.set_href(&address);
    link.set_download(name);
    link.click();
    // The download reads the address after this task; a minute is plenty, and then the memory is
    // given back.
    set_timeout(
        move || {
            let _ = Url::revoke_object_url(&address);
        },
        Duration::from_secs(60),
    );
    Some(())
}

/// Copies a picture that is still to be painted.
pub async fn copy_png(
    canvas: impl Future<Output = Option<HtmlCanvasElement>> + 'static,
) -> Option<()> {
    // A promise, so that the browser still counts this as the visitor's click.
    let blob =
        future_to_promise(async { JsFuture::from(png(&canvas.await.ok_or(JsValue::NULL)?)).await });
    let item = Object::new();
    Reflect::set(&item, &"image/png".into(), &blob).ok()?;
    let item = ClipboardItem::new_with_record_from_str_to_blob_promise(&item).ok()?;
    JsFuture::from(clipboard()?.write(&Array::of1(&item))).await.ok()?;
    Some(())
}

pub async fn copy_text(text: &str) -> Option<()> {
    JsFuture::from(clipboard()?.write_text(text)).await.ok()?;
    Some(())
}

/// Pages over plain http have none.
fn clipboard() -> Option<Clipboard> {
    Some(window().navigator().clipboard()).filter(|clipboard| !clipboard.is_undefined())
}
