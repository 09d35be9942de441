//! Files of photos against Pillow; damaged and hostile ones. Fixtures:
//! `fixtures/make_photo_fixtures.py`. Photos that few programs write: `odd_photos.rs`.

use std::alloc::{GlobalAlloc, Layout, System};
use std::panic;
use std::sync::atomic::{AtomicUsize, Ordering};

use gradlens::error::Error;
use gradlens::image::{
    Fit, Photo, Preprocessing, left_to_the_browser, looks_like_a_photo, prepare,
};

mod common;
use common::photos::{compare_with_pillow, photos, read};
use common::random::Random;

#[test]
fn decodes_what_pillow_decodes() {
    compare_with_pillow("photos", |name| match name {
        // JPEG leaves the rounding of its inverse transform and colour conversion to the decoder
        // (libjpeg-turbo in Pillow, jpeg-decoder here): one step each, two in sum; enlarging halved
        // colour planes adds two steps of blue. The rest is exact.
        "subsampled.jpg" | "progressive.jpg" => 4,
        name if name.ends_with(".jpg") => 2,
        _ => 0,
    });
}

#[test]
fn refuses_what_is_no_photo_and_says_what_it_is() {
    let mut heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic".to_vec();
    heic.resize(200, 0);
    let cases: [(&[u8], &str); 17] = [
        (b"", "the file is empty"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG drawing"),
        (b"<?xml version='1.0'?>\n<!-- drawn by hand -->\n<SVG/>", "an SVG drawing"),
        (b"<!DOCTYPE html><html><svg/></html>", "a web page"),
        (&heic, "a HEIC photo"),
        (b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf", "an AVIF picture"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0avifmif1miaf", "an AVIF picture"),
        (b"\0\0\0\x18ftypisom\0\0\x02\0isomiso2mp41", "a video"),
        (b"%PDF-1.7\n", "a PDF document"),
        (b"II*\0\x08\0\0\0", "a TIFF picture"),
        (b"8BPS\0\x01", "a Photoshop document"),
        (b"\xFF\x0A\0\0", "a JPEG XL picture"),
        (b"\0\0\x01\0\x01\0", "an icon"),
        (b"PK\x03\x04", "a ZIP archive"),
        (b"\x40\0\0\0\0\0\0\0{\"fc.bias\":{\"dtype\":\"F32\"", "a checkpoint"),
        (b"hello", "no known image"),
        (b"\0", "no known image"),
    ];
    for (bytes, words) in cases {
        match Photo::decode(bytes) {
            Err(error @ Error::PhotoFormat { .. }) => {
                assert!(error.to_string().contains(words), "{error} — expected “{words}”")
            }
            other => panic!("{words}: {other:?}"),
        }
    }
}

/// What is missing may be a trailer or a second frame, where the pixels are all there.
fn may_lack_its_tail(name: &str) -> bool {
    [".png", ".gif", ".jpg"].iter().any(|ending| name.ends_with(ending))
}

#[test]
fn a_cut_file_is_an_error_or_the_whole_picture() {
    let mut failures = Vec::new();
    let odd = photos("odd").into_iter().filter(|(name, _)| !name.contains("_end"));
    for (name, bytes) in photos("photos").into_iter().chain(odd) {
        let whole = Photo::decode(&bytes).unwrap();
        for length in 0..bytes.len() {
            match Photo::decode(&bytes[..length]) {
                Err(Error::PhotoFormat { .. }) if length < 16 => {} // too short to tell what it was going to be
                Err(Error::PhotoCorrupt { .. }) => {}
                Ok(photo)
                    if length > bytes.len() / 2 && photo == whole && may_lack_its_tail(&name) => {}
                other => {
                    failures.push(format!("{name} cut to {length} of {}: {other:?}", bytes.len()))
                }
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn refuses_bombs_by_their_headers() {
    let patched = |name: &str, at: usize, size: &[u8]| {
        let mut bytes = read(&format!("fixtures/photos/{name}"));
        bytes[at..at + size.len()].copy_from_slice(size);
        bytes
    };
    let png = |name: &str, side: u32| {
        let side = side.to_be_bytes();
        let mut bytes = patched(name, 16, &[side, side].concat());
        let sum = crc32fast::hash(&bytes[12..29]).to_be_bytes();
        bytes[29..33].copy_from_slice(&sum);
        bytes
    };
    let jpeg = read("fixtures/photos/full.jpg");
    let frame = jpeg.windows(2).position(|marker| marker == [0xFF, 0xC0]).unwrap();
    let cases = [
        (
            "BMP",
            patched("rgb.bmp", 18, &[30_000_u32.to_le_bytes(), 30_000_u32.to_le_bytes()].concat()),
            30_000,
            100,
        ),
        ("GIF", patched("still.gif", 6, &[0xFF; 4]), 65_535, 100),
        ("JPEG", patched("full.jpg", frame + 5, &[0xFF, 0xDC, 0xFF, 0xDC]), 65_500, 100),
        ("WebP", patched("lossy_alpha.webp", 24, &[0xFE, 0x3F, 0, 0xFE, 0x3F, 0]), 16_383, 100),
        ("PNG", png("rgb.png", 30_000), 30_000, 100),
        // 8 bytes a pixel: the limit of 512 MB lies below that of 100 megapixels.
        ("16-bit PNG", png("rgba16.png", 9_000), 9_000, 67),
    ];
    for (name, bytes, side, limit) in cases {
        let expected = Error::PhotoTooLarge { width: side, height: side, limit };
        assert_eq!(Photo::decode(&bytes), Err(expected), "{name}");
    }
}

/// What the page leaves to the browser is held to the same limit, by a header that is read without
/// a decoder.
#[test]
fn refuses_bombs_before_the_browser_is_asked() {
    let avif = read("fixtures/foreign/picture.avif");
    assert_eq!(left_to_the_browser(&avif), Ok(true));
    let ispe = avif.windows(4).position(|tag| tag == b"ispe").unwrap() + 8;
    let mut bomb = avif.clone();
    bomb[ispe..ispe + 8].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
    let error = Error::PhotoTooLarge { width: 65_536, height: 65_536, limit: 100 };
    assert_eq!(left_to_the_browser(&bomb), Err(error));
    for length in 0..avif.len() {
        let _ = left_to_the_browser(&avif[..length]);
    }
    for (name, bytes) in photos("photos") {
        assert_eq!(left_to_the_browser(&bytes), Ok(false), "{name} has a decoder here");
    }
    let theirs =
        [&b"\xFF\x0A\xFA\x1F"[..], b"II*\0\x08\0\0\0", &read("fixtures/foreign/arithmetic.jpg")];
    for bytes in theirs {
        assert_eq!(left_to_the_browser(bytes), Ok(true), "{bytes:?}");
    }
    for strange in [
        &b""[..],
        b"GIF89a",
        b"BM",
        b"RIFF\0\0\0\0WEBPVP8X",
        b"\xFF\xD8\xFF",
        &[0; 4096],
        &[0xFF; 4096],
    ] {
        assert!(
            left_to_the_browser(strange).is_ok(),
            "{strange:?}: nothing is stated, so nothing is too large"
        );
    }
}

/// Found by fuzzing: decoders make room for what a frame claims before they compare that with the
/// picture.
#[test]
fn a_bomb_inside_a_small_picture_is_refused_too() {
    let inside = |name: &str, tag: &[u8], after: usize, size: [u8; 4]| {
        let mut bytes = read(&format!("fixtures/photos/{name}"));
        let at = bytes.windows(tag.len()).position(|window| window == tag).unwrap() + after;
        bytes[at..at + 4].copy_from_slice(&size);
        bytes
    };
    for bytes in [
        inside("lossy_alpha.webp", b"VP8 ", 14, [0xFF, 0x3F, 0xFF, 0x3F]),
        inside("lossless_alpha.webp", b"VP8L", 9, [0xFF, 0xFF, 0xFF, 0x0F]),
        inside("still.gif", b"\x2C\0\0\0\0\x18\0", 5, [0xFF; 4]),
        inside("animated.gif", b"\x2C\0\0\0\0\x18\0", 5, [0xFF; 4]),
    ] {
        match Photo::decode(&bytes) {
            Err(Error::PhotoTooLarge { .. } | Error::PhotoCorrupt { .. }) => assert_little_memory(),
            other => panic!("{other:?}"),
        }
    }
}

/// Found by fuzzing: a frame of 76 megapixels, fewer than are refused, in a picture of 24×16.
#[test]
fn a_frame_larger_than_its_picture_is_refused_before_it_gets_room() {
    let whole = read("fixtures/photos/lossy_alpha.webp");
    let at = whole.windows(4).position(|window| window == b"VP8 ").unwrap() + 14;
    for size in [[0x18, 0x22, 0x22, 0x22], [25, 0, 16, 0], [24, 0, 17, 0]] {
        let mut bytes = whole.clone();
        bytes[at..at + 4].copy_from_slice(&size);
        match Photo::decode(&bytes) {
            Err(Error::PhotoCorrupt { detail }) => assert!(detail.contains("larger"), "{detail}"),
            other => panic!("{size:?}: {other:?}"),
        }
    }
    assert!(Photo::decode(&whole).is_ok());
}

/// Counts the largest piece of memory that was asked for: the decoders' own limits do not see
/// everything.
struct Counting;
static LARGEST: AtomicUsize = AtomicUsize::new(0);

unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.fetch_max(layout.size(), Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Less at once than any bomb asks for; other tests of this file, 100 megapixels among them, may
/// run at the same time.
fn assert_little_memory() {
    let largest = LARGEST.load(Ordering::Relaxed);
    assert!(largest < 1_000_000_000, "{largest} bytes at once");
}

/// Found by fuzzing: a chunk of metadata that claims 2 GB of a file of some hundred bytes.
#[test]
fn metadata_reserves_nothing() {
    let mut bytes = read("fixtures/photos/orientation6.webp");
    let exif = bytes.windows(4).position(|tag| tag == b"EXIF").unwrap() + 4;
    bytes[exif..exif + 4].copy_from_slice(&2_000_000_001_u32.to_le_bytes());
    assert!(matches!(Photo::decode(&bytes), Err(Error::PhotoCorrupt { .. })));
    assert_little_memory();
}

/// Found by fuzzing: the decoder panics over such palettes.
#[test]
fn a_palette_of_broken_colours_is_refused() {
    let whole = read("fixtures/photos/palette.png");
    let at = whole.windows(4).position(|tag| tag == b"PLTE").unwrap();
    let old = u32::from_be_bytes(whole[at - 4..at].try_into().unwrap()) as usize;
    for length in [0_usize, 1, 2, 49, 767, 769, 771, 3000] {
        let mut body = whole[at..at + 4 + old].to_vec();
        body.resize(4 + length, 7);
        let chunk =
            [&(length as u32).to_be_bytes()[..], &body, &crc32fast::hash(&body).to_be_bytes()]
                .concat();
        let bytes = [&whole[..at - 4], &chunk, &whole[at + 8 + old..]].concat();
        assert!(matches!(Photo::decode(&bytes), Err(Error::PhotoCorrupt { .. })), "{length}");
    }
}

#[test]
fn a_webp_is_turned_as_its_exif_says() {
    let plain = Photo::decode(&read("fixtures/photos/lossless.webp")).unwrap();
    let turned = Photo::decode(&read("fixtures/photos/orientation6.webp")).unwrap();
    assert_eq!((turned.width, turned.height), (plain.height, plain.width));
    let corner =
        |photo: &Photo, x: usize, y: usize| photo.rgb[(y * photo.width + x) * 3..][..3].to_vec();
    assert_eq!(
        corner(&turned, turned.width - 1, 0),
        corner(&plain, 0, 0),
        "the upper left is now the upper right"
    );
}

/// Of an animation the first frame, which is not always the picture's default: but in PNG it is, or
/// stands before it.
#[test]
fn an_animated_png_is_its_default_picture() {
    let still = read("fixtures/photos/rgb.png");
    let chunk = |kind: &[u8], data: &[u8]| {
        let body = [kind, data].concat();
        [&(data.len() as u32).to_be_bytes()[..], &body, &crc32fast::hash(&body).to_be_bytes()]
            .concat()
    };
    let (head, rest) = still.split_at(33); // signature and IHDR
    let frame = |number: u32| {
        let numbers = [number, 24, 16, 0, 0].map(u32::to_be_bytes).concat();
        chunk(b"fcTL", &[&numbers[..], &[0, 1, 0, 10, 0, 0]].concat())
    };
    let end = rest.len() - 12; // IEND
    let idat = rest.windows(4).position(|tag| tag == b"IDAT").unwrap();
    let length = u32::from_be_bytes(rest[idat - 4..idat].try_into().unwrap()) as usize;
    let second = chunk(b"fdAT", &[&2_u32.to_be_bytes()[..], &rest[idat + 4..][..length]].concat());
    let control = chunk(b"acTL", &[0, 0, 0, 2, 0, 0, 0, 0]);
    let animated =
        [head, &control, &frame(0), &rest[..end], &frame(1), &second, &rest[end..]].concat();
    assert_eq!(Photo::decode(&animated), Photo::decode(&still));
}

#[test]
fn strips_and_the_largest_photo_are_read() {
    let bmp = |width: u32, height: u32| {
        let row = (width * 3).next_multiple_of(4);
        let sizes = [54 + row * height, 0, 54, 40, width, height].map(u32::to_le_bytes).concat();
        let mut bytes = [b"BM", &sizes[..], &[1, 0, 24, 0], &[0; 24]].concat();
        bytes.resize(54 + (row * height) as usize, 200);
        bytes
    };
    for (width, height) in [(30_000, 1), (1, 30_000), (1, 1)] {
        let photo = Photo::decode(&bmp(width, height)).unwrap();
        assert_eq!((photo.width as u32, photo.height as u32), (width, height));
    }
    // 100 megapixels are allowed, and one row more is not, though the file is whole.
    let photo = Photo::decode(&bmp(10_000, 10_000)).unwrap();
    assert_eq!(photo.rgb.len(), 300_000_000);
    let prepared = prepare(&photo, Fit::Whole, &Preprocessing::default()).unwrap();
    assert_eq!((prepared.width, prepared.height), (512, 512));
    assert!(prepared.rgb.iter().all(|&value| value == 200));
    let error = Photo::decode(&bmp(10_000, 10_001)[..100]).unwrap_err();
    assert_eq!(error, Error::PhotoTooLarge { width: 10_000, height: 10_001, limit: 100 });
}

#[test]
fn a_photo_is_known_whatever_its_name_ends_in() {
    for (name, bytes) in photos("photos") {
        assert!(looks_like_a_photo(&bytes), "{name}");
    }
    for text in [
        "cat\ndog\n",
        "[\"cat\", \"dog\"]",
        "{\"0\": \"cat\"}",
        "\u{feff}猫\n狗\n",
        "",
        "BMW\nGIF\n",
    ] {
        assert!(!looks_like_a_photo(text.as_bytes()), "{text:?}");
    }
}

#[test]
fn no_mutation_panics() {
    let each = std::env::var("MUTATIONS")
        .map_or(400, |each| each.parse().expect("MUTATIONS: how many of each file"));
    let mut noise = Random::new(1);
    let (mut decoded, mut refused) = (0, 0);
    for (name, original) in photos("photos").into_iter().chain(photos("odd")) {
        for round in 0..each {
            let mut bytes = original.clone();
            let mut below = |limit: usize| (noise.bits() % limit as u64) as usize;
            for _ in 0..=below(4) {
                let at = below(bytes.len());
                match below(6) {
                    0 => bytes[at] ^= 1 << below(8),
                    1 => bytes[at] = below(256) as u8,
                    2 => bytes[at] = [0x00, 0x7F, 0x80, 0xFF][below(4)],
                    3 => bytes.truncate(at + 1),
                    4 => drop(bytes.drain(at..(at + 1 + below(8)).min(bytes.len() - 1).max(at))),
                    _ => {
                        let from = below(bytes.len());
                        let piece = bytes[from..(from + 1 + below(16)).min(bytes.len())].to_vec();
                        bytes.splice(at..at, piece);
                    }
                }
            }
            // PNG checks sums before it reads: without repair nothing but sums would be tested.
            if name.ends_with("png") && round % 4 != 0 {
                repair_png(&mut bytes);
            }
            let outcome = panic::catch_unwind(|| match Photo::decode(&bytes) {
                Ok(photo) => {
                    assert_eq!(photo.rgb.len(), photo.width * photo.height * 3);
                    let _ = prepare(&photo, Fit::Crop, &Preprocessing::default());
                    true
                }
                Err(error) => error.to_string().is_empty(),
            });
            match outcome {
                Ok(true) => decoded += 1,
                Ok(false) => refused += 1,
                Err(_) => panic!("{name}, mutation {round}: {bytes:?}"),
            }
        }
    }
    println!("{decoded} mutations decoded, {refused} refused");
    assert!(
        decoded > 1000 && refused > 1000,
        "the mutations are too mild or too wild: {decoded}, {refused}"
    );
}

/// Sets each chunk's checksum as far as the chunks can be followed.
fn repair_png(bytes: &mut [u8]) {
    let mut at = 8;
    while let Some(length) = bytes.get(at..at + 4) {
        let end = at + 8 + u32::from_be_bytes(length.try_into().unwrap()) as usize;
        if end + 4 > bytes.len() {
            return;
        }
        let sum = crc32fast::hash(&bytes[at + 4..end]).to_be_bytes();
        bytes[end..end + 4].copy_from_slice(&sum);
        at = end + 4;
    }
}
