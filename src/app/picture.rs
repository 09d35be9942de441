//! From photo and heatmap to pixels on a canvas, and out of the page as PNG, .npy or link. The arithmetic is `heatmap`'s; this file only carries it over.

use super::asked;
use super::link::Link;
use super::state::{State, View};
use super::text::{self, fill};
use crate::error::Error;
use crate::explain::Explanation;
use crate::image::heatmap::{self, ColourMap, Look};
use crate::image::{MAX_PIXELS, Photo, Rect};
use js_sys::Reflect;
use leptos::prelude::*;
use wasm_bindgen::prelude::*;
use wasm_bindgen::{Clamped, JsCast};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Blob, CanvasRenderingContext2d, Clipboard, ClipboardItem, HtmlAnchorElement, HtmlCanvasElement, ImageData, Url,
};

/// Longest side of what is painted while one plays with the page: twice the canvas's largest width, for sharp screens.
/// The PNG is made from the whole photo.
pub const SHOWN: usize = 1536;

/// Pixels between the two halves of a side-by-side PNG.
const GAP: usize = 16;

/// RGBA, 4 bytes a pixel.
pub struct Pixels {
    pub width: usize,
    pub height: usize,
    pub rgba: Vec<u8>,
}

/// Longest side of a photo in the tray, and of a channel's map.
pub const THUMB: usize = 160;

/// Decodes what [`left_to_the_browser`](crate::image::left_to_the_browser) says, as `Photo::decode` would: over white, no colour
/// management, upright, the first frame.
pub async fn decoded_by_the_browser(bytes: &[u8]) -> Result<Photo, Error> {
    match decode(bytes).await {
        Ok(photo) => Ok(photo),
        Err(error) => {
            let words = error.dyn_ref::<js_sys::Error>().map(|error| String::from(error.message()));
            let damaged = Error::PhotoCorrupt { detail: words.unwrap_or_default().trim_end_matches('.').to_owned() };
            // A format that this browser does not know has a sentence of its own.
            Err(Photo::decode(bytes)
                .err()
                .filter(|error| matches!(error, Error::PhotoFormat { .. }))
                .unwrap_or(damaged))
        }
    }
}

async fn decode(bytes: &[u8]) -> Result<Photo, JsValue> {
    let blob = Blob::new_with_u8_array_sequence(&js_sys::Array::of1(&js_sys::Uint8Array::from(bytes)))?;
    let options = js_sys::JSON::parse(r#"{"colorSpaceConversion":"none"}"#)?;
    let method = |of: &JsValue, name: &str| Reflect::get(of, &name.into())?.dyn_into::<js_sys::Function>();
    let create = method(&window(), "createImageBitmap")?;
    let bitmap = JsFuture::from(create.call2(&window(), &blob, &options)?.unchecked_into::<js_sys::Promise>()).await?;
    let side = |name: &str| Reflect::get(&bitmap, &name.into()).ok().and_then(|side| side.as_f64()).unwrap_or(0.0);
    let (width, height) = (side("width"), side("height"));
    if width * height > MAX_PIXELS as f64 {
        return Err(js_sys::Error::new("it has too many pixels").into()); // and its header lied
    }
    let canvas: HtmlCanvasElement = document().create_element("canvas")?.unchecked_into();
    size(&canvas, width as usize, height as usize);
    let context = canvas.get_context("2d")?.ok_or(JsValue::NULL)?;
    let context: CanvasRenderingContext2d = context.unchecked_into();
    context.set_fill_style_str("#ffffff");
    context.fill_rect(0.0, 0.0, width, height);
    method(&context, "drawImage")?.call3(&context, &bitmap, &0.into(), &0.into())?;
    let rgba = context.get_image_data(0.0, 0.0, width, height)?.data();
    Ok(Photo::new(width as usize, height as usize, opaque(&rgba)))
}

/// RGBA to RGB.
pub fn opaque(rgba: &[u8]) -> Vec<u8> {
    rgba.chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect()
}

pub fn plain(photo: &Photo) -> Pixels {
    let rgba = photo.rgb.chunks_exact(3).flat_map(|rgb| [rgb[0], rgb[1], rgb[2], 255]).collect();
    Pixels { width: photo.width, height: photo.height, rgba }
}

/// The heatmap over `photo`, which is the explained photo or a copy of another size.
pub fn over(photo: &Photo, whole: &Photo, explanation: &Explanation, look: Look) -> Pixels {
    let (x, y) = (photo.width as f64 / whole.width as f64, photo.height as f64 / whole.height as f64);
    let rect = &explanation.rect;
    let rect = Rect { x: rect.x * x, y: rect.y * y, width: rect.width * x, height: rect.height * y };
    let size = (explanation.height, explanation.width);
    let rgba = heatmap::blend(photo, &explanation.heatmap, size, rect, look);
    Pixels { width: photo.width, height: photo.height, rgba }
}

/// The colour table, lowest value first, one pixel high.
pub fn ramp(colours: ColourMap) -> Pixels {
    let rgba = colours.table().iter().flat_map(|rgb| [rgb[0], rgb[1], rgb[2], 255]).collect();
    Pixels { width: 256, height: 1, rgba }
}

fn put(canvas: &HtmlCanvasElement, pixels: &Pixels, x: usize) -> Option<()> {
    let context: CanvasRenderingContext2d = canvas.get_context("2d").ok()??.dyn_into().ok()?;
    let data =
        ImageData::new_with_u8_clamped_array_and_sh(Clamped(&pixels.rgba), pixels.width as u32, pixels.height as u32);
    context.put_image_data(&data.ok()?, x as f64, 0.0).ok()
}

fn size(canvas: &HtmlCanvasElement, width: usize, height: usize) {
    // Setting a size clears the canvas, which flickers on every step of a slider.
    if (canvas.width(), canvas.height()) != (width as u32, height as u32) {
        canvas.set_width(width as u32);
        canvas.set_height(height as u32);
    }
}

pub fn paint(canvas: &HtmlCanvasElement, pixels: &Pixels) {
    size(canvas, pixels.width, pixels.height);
    // A canvas without a 2D context exists only where memory has run out; the next repaint tries again.
    let _ = put(canvas, pixels, 0);
}

/// What can be taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// What is on show, as PNG.
    Shown,
    Heatmap,
    /// Photo and overlay with a line of words, as PNG.
    Captioned,
    /// The raw map, as NumPy's .npy.
    Raw,
    /// What is on show, to the clipboard.
    Copy,
    /// Address and settings, to the clipboard.
    Link,
}

/// Makes `way` happen, at the photo's own resolution. `None` when the browser refuses.
pub async fn take(state: &State, way: Way) -> Option<()> {
    let view = match way {
        Way::Link => return copy_link(state).await,
        Way::Raw => {
            let explanation = state.explanation.get_untracked()?;
            let bytes = js_sys::Uint8Array::from(&heatmap::npy(&explanation.cam)[..]);
            let blob = Blob::new_with_u8_array_sequence(&js_sys::Array::of1(&bytes)).ok()?;
            return download(&blob, &file_name(state, "npy"));
        }
        Way::Heatmap => View::Heatmap,
        Way::Captioned => View::Both,
        Way::Shown | Way::Copy => state.view.get_untracked(),
    };
    let canvas = compose(state, view, way == Way::Captioned)?;
    let blob = js_sys::Promise::new(&mut |resolve, reject| {
        let done = Closure::once_into_js(move |blob: JsValue| {
            // No memory for the picture: null in place of a blob.
            let (settle, value) = if blob.is_null() { (&reject, JsValue::NULL) } else { (&resolve, blob) };
            settle.call1(&JsValue::NULL, &value)
        });
        // A canvas of this page's own pixels is never tainted, the one reason to refuse at once.
        let _ = canvas.to_blob(done.unchecked_ref());
    });
    if way == Way::Copy {
        // The promise itself, so that the browser still counts this as the visitor's click.
        let item = js_sys::Object::new();
        js_sys::Reflect::set(&item, &"image/png".into(), &blob).ok()?;
        let item = ClipboardItem::new_with_record_from_str_to_blob_promise(&item).ok()?;
        JsFuture::from(clipboard()?.write(&js_sys::Array::of1(&item))).await.ok()?;
        return Some(());
    }
    let blob: Blob = JsFuture::from(blob).await.ok()?.dyn_into().ok()?;
    download(&blob, &file_name(state, "png"))
}

fn compose(state: &State, view: View, captioned: bool) -> Option<HtmlCanvasElement> {
    let picture = state.picture.get_untracked()?;
    let explanation = state.explanation.get_untracked();
    let look = untrack(|| state.look());
    let photo = &picture.full;
    let overlay = |look| match &explanation {
        Some(explanation) => over(photo, photo, explanation, look),
        None => plain(photo),
    };
    let parts = match view {
        View::Overlay => vec![overlay(look)],
        View::Photo => vec![plain(photo)],
        View::Heatmap => vec![overlay(Look { opacity: 1.0, ..look })],
        View::Both => vec![plain(photo), overlay(look)],
    };
    let width = parts.len() * (photo.width + GAP) - GAP;
    let line = (width as f64 / 45.0).max(14.0).round();
    let canvas: HtmlCanvasElement = document().create_element("canvas").ok()?.dyn_into().ok()?;
    size(&canvas, width, photo.height + if captioned { (3.6 * line) as usize } else { 0 });
    if captioned {
        let context: CanvasRenderingContext2d = canvas.get_context("2d").ok()??.dyn_into().ok()?;
        context.set_fill_style_str("#ffffff");
        context.fill_rect(0.0, 0.0, f64::from(canvas.width()), f64::from(canvas.height()));
        for (place, (words, colour)) in caption(state).iter().zip(["#15171c", "#565c67"]).enumerate() {
            let size = line * if place == 0 { 1.0 } else { 0.75 };
            context.set_fill_style_str(colour);
            context.set_font(&format!("{size:.0}px system-ui, \"Noto Sans CJK SC\", sans-serif"));
            let y = photo.height as f64 + line * (1.5 + 1.35 * place as f64);
            context.fill_text_with_max_width(words, line / 2.0, y, width as f64 - line).ok()?;
        }
    }
    for (place, part) in parts.iter().enumerate() {
        put(&canvas, part, place * (photo.width + GAP))?;
    }
    Some(canvas)
}

/// What a picture that leaves the page must say of itself.
fn caption(state: &State) -> [String; 2] {
    let text = &state.text_untracked().tools;
    let (Some(known), Some(prediction)) = (state.explanation.get_untracked(), state.prediction.get_untracked()) else {
        return Default::default();
    };
    let probability = prediction.top(prediction.logits.len()).into_iter().find(|score| score.class == known.class);
    let percent = format!("{:.1}", 100.0 * probability.map_or(0.0, |score| score.probability));
    let (class, asked) = untrack(|| (state.label(known.class), asked::words(state, known.objective)));
    let called = if asked.is_empty() { class } else { format!("{class} · {asked}") };
    let (method, _) = text::method(state.language.get_untracked(), &known.method.to_string());
    let model = state
        .model
        .with_untracked(|model| model.as_ref().map(|model| format!("{}, {}", model.architecture, model.file)));
    let photo = state.picture.with_untracked(|picture| picture.as_ref().map(|picture| picture.name.clone()));
    [
        fill(text.caption, &[&called, &percent, method, &known.layer]),
        fill(text.made_with, &[&model.unwrap_or_default(), &photo.unwrap_or_default()]),
    ]
}

/// photo-class-layer, in letters that every disk takes.
fn file_name(state: &State, extension: &str) -> String {
    let name = state
        .picture
        .with_untracked(|picture| picture.as_ref().map(|picture| picture.name.clone()))
        .unwrap_or_default();
    let stem = name.rsplit_once('.').map_or(name.as_str(), |(stem, _)| stem);
    let known = state.explanation.get_untracked();
    let class = known.map(|known| format!("-{}-{}", untrack(|| state.label(known.class)), known.layer));
    format!("{stem}{}.{extension}", class.unwrap_or_default())
        .chars()
        .map(|letter| if letter.is_alphanumeric() || ".-_".contains(letter) { letter } else { '-' })
        .collect()
}

fn download(blob: &Blob, name: &str) -> Option<()> {
    let address = Url::create_object_url_with_blob(blob).ok()?;
    let link: HtmlAnchorElement = document().create_element("a").ok()?.dyn_into().ok()?;
    link.set_href(&address);
    link.set_download(name);
    link.click();
    // The download reads the address after this task; a minute is plenty, and then the memory is given back.
    set_timeout(
        move || {
            let _ = Url::revoke_object_url(&address);
        },
        std::time::Duration::from_secs(60),
    );
    Some(())
}

async fn copy_link(state: &State) -> Option<()> {
    let location = window().location();
    let page = location.href().ok()?;
    let page = page.split('#').next().unwrap_or_default();
    let link = format!("{page}#{}", Link::of(state).fragment());
    JsFuture::from(clipboard()?.write_text(&link)).await.ok()?;
    Some(())
}

/// Pages over plain http have none.
fn clipboard() -> Option<Clipboard> {
    Some(window().navigator().clipboard()).filter(|clipboard| !clipboard.is_undefined())
}
