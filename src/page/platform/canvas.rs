//! Pixels on canvases.
//!
//! The arithmetic of heatmaps is `image::heatmap`'s; this file only carries pixels over.

use gradlens::explain::Explanation;
use gradlens::image::heatmap::{self, ColourMap, Look};
use gradlens::image::{Photo, Rect};
use leptos::prelude::document;
use wasm_bindgen::{Clamped, JsCast};
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, ImageData};

/// Longest side of what is painted while one plays with the page: twice the canvas's largest width,
/// for sharp screens. The PNG is made from the whole photo.
pub const SHOWN: usize = 1536;

/// RGBA, 4 bytes a pixel.
pub struct Pixels {
    pub width: usize,
    pub height: usize,
    pub rgba: Vec<u8>,
}

/// Longest side of a photo in the tray, and of a channel's map.
pub const THUMB: usize = 160;

/// RGBA to RGB.
pub fn opaque(rgba: &[u8]) -> Vec<u8> {
    rgba.chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect()
}

/// A photo as it is.
pub fn plain(photo: &Photo) -> Pixels {
    from_rgb(&photo.rgb, photo.width, photo.height)
}

/// The heatmap over `photo`, which is the explained photo, of `whole` (width, height), or a copy of
/// another size.
pub fn over(photo: &Photo, whole: (usize, usize), explanation: &Explanation, look: Look) -> Pixels {
    let rect = on_copy(explanation.rect, photo, whole);
    let size = (explanation.height, explanation.width);
    let rgba = heatmap::blend(photo, &explanation.heatmap, size, rect, look);
    Pixels { width: photo.width, height: photo.height, rgba }
}

/// Where a part of a photo of `whole` (width, height) lies on a copy of another size.
pub fn on_copy(rect: Rect, copy: &Photo, whole: (usize, usize)) -> Rect {
    rect.scaled(copy.width as f64 / whole.0 as f64, copy.height as f64 / whole.1 as f64)
}

/// The colour table, lowest value first, one pixel high.
pub fn ramp(colours: ColourMap) -> Pixels {
    from_rgb(colours.table().as_flattened(), 256, 1)
}

/// RGB [height, width, 3], opaque.
pub fn from_rgb(rgb: &[u8], width: usize, height: usize) -> Pixels {
    let rgba = rgb.chunks_exact(3).flat_map(|rgb| [rgb[0], rgb[1], rgb[2], 255]).collect();
    Pixels { width, height, rgba }
}

/// Paints at column `x`; `None` where memory has run out.
pub fn put(canvas: &HtmlCanvasElement, pixels: &ImageData, x: usize) -> Option<()> {
    let context: CanvasRenderingContext2d = canvas.get_context("2d").ok()??.dyn_into().ok()?;
    context.put_image_data(pixels, x as f64, 0.0).ok()
}

/// One that is not in the document.
pub fn new(width: usize, height: usize) -> Option<HtmlCanvasElement> {
    let canvas: HtmlCanvasElement = document().create_element("canvas").ok()?.dyn_into().ok()?;
    resize(&canvas, width, height);
    Some(canvas)
}

pub fn resize(canvas: &HtmlCanvasElement, width: usize, height: usize) {
    // Setting a size clears the canvas, which flickers on every step of a slider.
    if (canvas.width(), canvas.height()) != (width as u32, height as u32) {
        canvas.set_width(width as u32);
        canvas.set_height(height as u32);
    }
}

pub fn paint(canvas: &HtmlCanvasElement, pixels: &Pixels) {
    resize(canvas, pixels.width, pixels.height);
    // A canvas without a 2D context exists only where memory has run out; the next repaint tries
    // again.
    let data = ImageData::new_with_u8_clamped_array_and_sh(
        Clamped(&pixels.rgba),
        pixels.width as u32,
        pixels.height as u32,
    );
    let _ = data.map(|data| put(canvas, &data, 0));
}
