//! Any bytes as a photo: decoded or refused without a panic, within the memory that the stated size
//! allows, and prepared as an input.
#![no_main]

#[allow(dead_code, unused_imports)]
#[path = "../../src"]
mod engine {
    pub mod error;
    pub mod image;
}
mod heap;
// The sources say `crate::error`.
use engine::{error, image};

use engine::image::{Fit, Photo, Preprocessing, left_to_the_browser, prepare};
use error::Error;

/// Pixels above which nothing is decoded here: large ones take time and find nothing that small
/// ones do not.
const MOST: u64 = 1 << 18;
/// Bytes that may be held for a pixel: of 16 bits a channel, twice while it is turned into eight,
/// and a decoder's own rows.
const A_PIXEL: usize = 40;
/// And for each that a JPEG's blocks fill up, which reach at most this far beyond either side: the
/// coefficients of four channels.
const A_BLOCK: u64 = 32;
const OF_A_BLOCK: usize = 16;
/// And for a photo of none: decoders' tables.
const AT_LEAST: usize = 4 << 20;
/// A WebP may ask for up to 65,536 groups of prefix codes, whatever its size; its decoder is not in
/// the page.
const OF_WEBP: usize = 96 << 20;

/// Width and height by the header.
fn stated(file: &[u8]) -> Option<(u64, u64)> {
    if file.starts_with(&[0xFF, 0xD8]) {
        let mut decoder = jpeg_decoder::Decoder::new(file);
        decoder.read_info().ok()?;
        return decoder.info().map(|info| (info.width.into(), info.height.into()));
    }
    let reader = ::image::ImageReader::new(std::io::Cursor::new(file)).with_guessed_format().ok()?;
    reader.into_dimensions().ok().map(|(width, height)| (width.into(), height.into()))
}

libfuzzer_sys::fuzz_target!(|file: &[u8]| {
    let _ = left_to_the_browser(file);
    let (width, height) = stated(file).unwrap_or_default();
    let pixels = width * height;
    if (MOST..engine::image::MAX_PIXELS).contains(&pixels) {
        return;
    }
    let (decoded, held) = heap::peak(|| Photo::decode(file));
    let tables = if file.starts_with(b"RIFF") { OF_WEBP } else { AT_LEAST };
    // What states more is refused.
    let allowed = if pixels < MOST {
        let blocks = width.next_multiple_of(A_BLOCK) * height.next_multiple_of(A_BLOCK);
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
