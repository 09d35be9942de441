//! From photo and heatmap to pixels on a canvas and to a PNG. The arithmetic is `heatmap`'s; this file only carries it over.

use super::state::{State, View};
use crate::explain::Explanation;
use crate::heatmap::{self, ColourMap};
use crate::photo::{Photo, Rect};
use leptos::prelude::*;
use wasm_bindgen::prelude::*;
use wasm_bindgen::{Clamped, JsCast};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, CanvasRenderingContext2d, HtmlAnchorElement, HtmlCanvasElement, ImageData, Url};

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

/// The photo, or a smaller copy when a side is above [`SHOWN`].
pub fn shrink(photo: &Photo) -> Photo {
    let longest = photo.width.max(photo.height);
    if longest <= SHOWN {
        return photo.clone();
    }
    let scaled = |side: usize| ((side * SHOWN) as f64 / longest as f64).round().max(1.0) as u32;
    let (width, height) = (scaled(photo.width), scaled(photo.height));
    match image::RgbImage::from_raw(photo.width as u32, photo.height as u32, photo.rgb.clone()) {
        Some(whole) => {
            let small = image::imageops::thumbnail(&whole, width, height);
            Photo::new(width as usize, height as usize, small.into_raw())
        }
        None => photo.clone(),
    }
}

pub fn plain(photo: &Photo) -> Pixels {
    let rgba = photo.rgb.chunks_exact(3).flat_map(|rgb| [rgb[0], rgb[1], rgb[2], 255]).collect();
    Pixels { width: photo.width, height: photo.height, rgba }
}

/// The heatmap over `photo`, which is the explained photo or a copy of another size.
pub fn over(photo: &Photo, whole: &Photo, explanation: &Explanation, colours: ColourMap, opacity: f32) -> Pixels {
    let (x, y) = (photo.width as f64 / whole.width as f64, photo.height as f64 / whole.height as f64);
    let rect = &explanation.rect;
    let rect = Rect { x: rect.x * x, y: rect.y * y, width: rect.width * x, height: rect.height * y };
    let size = (explanation.height, explanation.width);
    let rgba = heatmap::blend(photo, &explanation.heatmap, size, rect, colours, opacity);
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

/// Saves what is on show, at the photo's own resolution. `None` when the browser refuses.
pub async fn save(state: &State) -> Option<()> {
    let picture = state.picture.get_untracked()?;
    let explanation = state.explanation.get_untracked();
    let (colours, opacity) = (state.colours.get_untracked(), state.opacity.get_untracked());
    let view = state.view.get_untracked();
    let photo = &picture.full;
    let overlay = |opacity| match &explanation {
        Some(explanation) => over(photo, photo, explanation, colours, opacity),
        None => plain(photo),
    };
    let parts = match view {
        View::Overlay => vec![overlay(opacity)],
        View::Photo => vec![plain(photo)],
        View::Heatmap => vec![overlay(1.0)],
        View::Both => vec![plain(photo), overlay(opacity)],
    };

    let canvas: HtmlCanvasElement = document().create_element("canvas").ok()?.dyn_into().ok()?;
    size(&canvas, parts.len() * (photo.width + GAP) - GAP, photo.height);
    for (place, part) in parts.iter().enumerate() {
        put(&canvas, part, place * (photo.width + GAP))?;
    }
    let promise = js_sys::Promise::new(&mut |resolve, reject| {
        let done = Closure::once_into_js(move |blob: JsValue| resolve.call1(&JsValue::NULL, &blob));
        if canvas.to_blob(done.unchecked_ref()).is_err() {
            let _ = reject.call0(&JsValue::NULL);
        }
    });
    let blob: Blob = JsFuture::from(promise).await.ok()?.dyn_into().ok()?;

    let stem = picture.name.rsplit_once('.').map_or(picture.name.as_str(), |(stem, _)| stem);
    let class = explanation.map(|explanation| format!("-{}-{}", state.label(explanation.class), explanation.layer));
    let name: String = format!("{stem}{}.png", class.unwrap_or_default())
        .chars()
        .map(|letter| if letter.is_alphanumeric() || ".-_".contains(letter) { letter } else { '-' })
        .collect();
    let address = Url::create_object_url_with_blob(&blob).ok()?;
    let link: HtmlAnchorElement = document().create_element("a").ok()?.dyn_into().ok()?;
    link.set_href(&address);
    link.set_download(&name);
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
