//! Pixels on canvases, and photos that only the browser can decode.
//!
//! The arithmetic of heatmaps is `image::heatmap`'s; this file only carries pixels over.

use crate::error::Error;
use crate::explain::Explanation;
use crate::image::heatmap::{self, ColourMap, Look};
use crate::image::{MAX_PIXELS, Photo, Rect};
use leptos::prelude::{document, window};
use wasm_bindgen::{Clamped, JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Blob, CanvasRenderingContext2d, ColorSpaceConversion, HtmlCanvasElement, ImageBitmap,
    ImageBitmapOptions, ImageData,
};

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

/// Decodes what [`left_to_the_browser`](crate::image::left_to_the_browser) says, as `Photo::decode`
/// would: over white, no colour management, upright, the first frame.
pub async fn decoded_by_the_browser(bytes: &[u8]) -> Result<Photo, Error> {
    match decode(bytes).await {
        Ok(photo) => Ok(photo),
        Err(error) => {
            let words = error.dyn_ref::<js_sys::Error>().map(|error| String::from(error.message()));
            let damaged = Error::PhotoCorrupt {
                detail: words.unwrap_or_default().trim_end_matches('.').to_owned(),
            };
            // A format that this browser does not know has a sentence of its own.
            Err(Photo::decode(bytes)
                .err()
                .filter(|error| matches!(error, Error::PhotoFormat { .. }))
                .unwrap_or(damaged))
        }
    }
}

async fn decode(bytes: &[u8]) -> Result<Photo, JsValue> {
    let blob =
        Blob::new_with_u8_array_sequence(&js_sys::Array::of1(&js_sys::Uint8Array::from(bytes)))?;
    let options = ImageBitmapOptions::new();
    options.set_color_space_conversion(ColorSpaceConversion::None);
    let bitmap =
        window().create_image_bitmap_with_blob_and_image_bitmap_options(&blob, &options)?;
    let bitmap: ImageBitmap = JsFuture::from(bitmap).await?.unchecked_into();
    let (width, height) = (f64::from(bitmap.width()), f64::from(bitmap.height()));
    if width * height > MAX_PIXELS as f64 {
        return Err(js_sys::Error::new("it has too many pixels").into()); // and its header lied
    }
    let canvas: HtmlCanvasElement = document().create_element("canvas")?.unchecked_into();
    resize(&canvas, width as usize, height as usize);
    let context = canvas.get_context("2d")?.ok_or(JsValue::NULL)?;
    let context: CanvasRenderingContext2d = context.unchecked_into();
    context.set_fill_style_str("#ffffff");
    context.fill_rect(0.0, 0.0, width, height);
    context.draw_image_with_image_bitmap(&bitmap, 0.0, 0.0)?;
    let rgba = context.get_image_data(0.0, 0.0, width, height)?.data();
    Ok(Photo::new(width as usize, height as usize, opaque(&rgba)))
}

/// RGBA to RGB.
pub fn opaque(rgba: &[u8]) -> Vec<u8> {
    rgba.chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect()
}

/// A photo as it is.
pub fn plain(photo: &Photo) -> Pixels {
    from_rgb(&photo.rgb, photo.width, photo.height)
}

/// The heatmap over `photo`, which is the explained photo or a copy of another size.
pub fn over(photo: &Photo, whole: &Photo, explanation: &Explanation, look: Look) -> Pixels {
    let (x, y) =
        (photo.width as f64 / whole.width as f64, photo.height as f64 / whole.height as f64);
    let rect = &explanation.rect;
    let rect =
        Rect { x: rect.x * x, y: rect.y * y, width: rect.width * x, height: rect.height * y };
    let size = (explanation.height, explanation.width);
    let rgba = heatmap::blend(photo, &explanation.heatmap, size, rect, look);
    Pixels { width: photo.width, height: photo.height, rgba }
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
pub fn put(canvas: &HtmlCanvasElement, pixels: &Pixels, x: usize) -> Option<()> {
    let context: CanvasRenderingContext2d = canvas.get_context("2d").ok()??.dyn_into().ok()?;
    let data = ImageData::new_with_u8_clamped_array_and_sh(
        Clamped(&pixels.rgba),
        pixels.width as u32,
        pixels.height as u32,
    );
    context.put_image_data(&data.ok()?, x as f64, 0.0).ok()
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
    let _ = put(canvas, pixels, 0);
}
