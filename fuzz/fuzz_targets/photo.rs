//! Any bytes as a photo: decoded or refused without a panic, within the memory that the stated size allows, and prepared as an input.
#![no_main]

#[allow(dead_code)]
#[path = "../../src"]
mod engine {
    pub mod error;
    pub mod image;
}
mod heap;
// The sources say `crate::error`.
use engine::{error, image};

use engine::image::{Fit, Photo, Preprocessing, left_to_the_browser, prepare, stated_size, webp_orientation};
use error::Error;

/// Pixels above which nothing is decoded here: large ones take time and find nothing that small ones do not.
const MOST: u64 = 1 << 18;
/// Bytes that may be held for a pixel: of 16 bits a channel, twice while it is turned into eight, and a decoder's own rows.
const A_PIXEL: usize = 40;
/// And for each that a JPEG's blocks fill up, which reach at most this far beyond either side: the coefficients of four channels.
const A_BLOCK: u64 = 32;
const OF_A_BLOCK: usize = 16;
/// And for a photo of none: decoders' tables.
const AT_LEAST: usize = 4 << 20;
/// A WebP may ask for up to 65,536 groups of prefix codes, whatever its size; its decoder is not in the page.
const OF_WEBP: usize = 96 << 20;

libfuzzer_sys::fuzz_target!(|file: &[u8]| {
    let _ = webp_orientation(file);
    let _ = left_to_the_browser(file);
    let stated = ::image::ImageReader::new(std::io::Cursor::new(file)).with_guessed_format();
    let stated = stated.ok().and_then(|reader| reader.into_dimensions().ok());
    let (width, height) = stated.unwrap_or_default();
    let (wide, high) = stated_size(file).unwrap_or_default();
    let pixels = wide.max(width.into()) * high.max(height.into());
    if (MOST..engine::image::MAX_PIXELS).contains(&pixels) {
        return;
    }
    let (decoded, held) = heap::peak(|| Photo::decode(file));
    let tables = if file.starts_with(b"RIFF") { OF_WEBP } else { AT_LEAST };
    // What states more is refused.
    let allowed = if pixels < MOST {
        let blocks = wide.max(width.into()).next_multiple_of(A_BLOCK) * high.max(height.into()).next_multiple_of(A_BLOCK);
        A_PIXEL * pixels as usize + OF_A_BLOCK * blocks as usize
    } else {
        0
    };
    let most = tables + allowed + 16 * file.len();
    assert!(held <= most, "{held} bytes held for {pixels} pixels of a file of {}", file.len());
    match decoded {
        Ok(photo) => {
            assert_eq!(photo.rgb.len(), photo.width * photo.height * 3);
            // Never an input larger than was asked for, whatever the photo.
            let small = Preprocessing { resize: 40, crop: 32, longest: 64, ..Preprocessing::default() };
            for fit in Fit::ALL {
                if let Ok(prepared) = prepare(&photo, fit, &small) {
                    assert_eq!(prepared.input.len(), 3 * prepared.width * prepared.height);
                    assert!(prepared.width.max(prepared.height) <= 64 && prepared.input.iter().all(|value| value.is_finite()));
                    let rect = prepared.rect;
                    assert!(rect.x >= 0.0 && rect.x + rect.width <= photo.width as f64 + 1e-6);
                    assert!(rect.y >= 0.0 && rect.y + rect.height <= photo.height as f64 + 1e-6);
                }
            }
        }
        Err(Error::PhotoFormat { .. } | Error::PhotoCorrupt { .. } | Error::PhotoTooLarge { .. }) => {}
        Err(other) => panic!("{other}"),
    }
});
