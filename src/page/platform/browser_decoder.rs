//! Photos that only the browser can decode.

use super::canvas::opaque;
use super::scope::global;
use gradlens::error::Error;
use gradlens::image::{MAX_PIXELS, Photo};
use js_sys::{Array, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Blob, ColorSpaceConversion, ImageBitmap, ImageBitmapOptions, OffscreenCanvas,
    OffscreenCanvasRenderingContext2d,
};

/// Decodes what [`left_to_the_browser`](gradlens::image::left_to_the_browser) says, as `Photo::decode`
/// would: over white, no colour management, upright, the first frame.
pub async fn decode(bytes: &[u8]) -> Result<Photo, Error> {
    match try_to_decode(bytes).await {
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

async fn try_to_decode(bytes: &[u8]) -> Result<Photo, JsValue> {
    let blob = Blob::new_with_u8_array_sequence(&Array::of1(&Uint8Array::from(bytes)))?;
    let options = ImageBitmapOptions::new();
    options.set_color_space_conversion(ColorSpaceConversion::None);
    let bitmap =
        global().create_image_bitmap_with_blob_and_image_bitmap_options(&blob, &options)?;
    let bitmap: ImageBitmap = JsFuture::from(bitmap).await?.unchecked_into();
    let (width, height) = (bitmap.width(), bitmap.height());
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(js_sys::Error::new("it has too many pixels").into()); // and its header lied
    }
    let canvas = OffscreenCanvas::new(width, height)?;
    let context = canvas.get_context("2d")?.ok_or(JsValue::NULL)?;
    let context: OffscreenCanvasRenderingContext2d = context.unchecked_into();
    let (wide, high) = (f64::from(width), f64::from(height));
    context.set_fill_style_str("#ffffff");
    context.fill_rect(0.0, 0.0, wide, high);
    context.draw_image_with_image_bitmap(&bitmap, 0.0, 0.0)?;
    let rgba = context.get_image_data(0.0, 0.0, wide, high)?.data();
    Ok(Photo::new(width as usize, height as usize, opaque(&rgba)))
}
