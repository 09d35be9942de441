//! Photos against Pillow and torchvision. Fixtures: `fixtures/make_photo_fixtures.py`; golden cases: `golden/`.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    collections::BTreeMap,
    fs, panic,
    path::PathBuf,
    sync::atomic::{AtomicUsize, Ordering},
};

use gradlens::{
    error::Error,
    image::{
        Fit, Interpolation, Photo, Prepared, Preprocessing, Rect, left_to_the_browser, looks_like_a_photo, prepare,
        webp_orientation,
    },
};
use safetensors::SafeTensors;

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

fn read(name: &str) -> Vec<u8> {
    fs::read(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Name and bytes of every fixture photo, sorted.
fn photos() -> BTreeMap<String, Vec<u8>> {
    let files =
        fs::read_dir(path("fixtures/photos")).expect("fixtures/photos").map(|entry| entry.expect("an entry").path());
    files.map(|file| (file.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&file).unwrap())).collect()
}

/// Splitmix64, as in the script.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }
}

fn seeded_photo(width: usize, height: usize) -> Photo {
    let mut noise = Noise(7 + (width * 65536 + height) as u64);
    Photo::new(width, height, (0..width * height * 3).map(|_| (noise.next() >> 56) as u8).collect())
}

/// Share of differing bytes and greatest difference.
fn difference(got: &[u8], expected: &[u8]) -> (f64, u8) {
    assert_eq!(got.len(), expected.len());
    let gaps = || got.iter().zip(expected).map(|(a, b)| a.abs_diff(*b));
    (gaps().filter(|gap| *gap > 0).count() as f64 / got.len() as f64, gaps().max().unwrap_or(0))
}

#[test]
fn decodes_what_pillow_decodes() {
    let expected = read("fixtures/photos.safetensors");
    let expected = SafeTensors::deserialize(&expected).unwrap();
    let mut failures = Vec::new();
    for (name, bytes) in photos() {
        // JPEG leaves the rounding of its inverse transform and colour conversion to the decoder (libjpeg-turbo in
        // Pillow, zune-jpeg here): one step each, two in sum; enlarging halved colour planes adds two steps of blue.
        // The rest is exact.
        let tolerance = match name.as_str() {
            "subsampled.jpg" | "progressive.jpg" => 4,
            name if name.ends_with(".jpg") => 2,
            _ => 0,
        };
        let tensor = expected.tensor(&name).unwrap();
        match Photo::decode(&bytes) {
            Ok(photo) if tensor.shape() != [photo.height, photo.width, 3] => {
                failures.push(format!("{name}: {photo:?}, expected {:?}", tensor.shape()));
            }
            Ok(photo) => {
                let (share, worst) = difference(&photo.rgb, tensor.data());
                println!("{name}: {:.1} % of the bytes differ, by at most {worst}", share * 100.0);
                if worst > tolerance {
                    failures.push(format!("{name}: bytes differ by up to {worst}, allowed {tolerance}"));
                }
            }
            Err(error) => failures.push(format!("{name}: {error}")),
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert_eq!(photos().len(), expected.names().len());
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

fn may_lack_its_tail(name: &str) -> bool {
    name.ends_with(".png") || name.ends_with(".gif")
}

#[test]
fn a_cut_file_is_an_error_or_the_whole_picture() {
    let mut failures = Vec::new();
    for (name, bytes) in photos() {
        let whole = Photo::decode(&bytes).unwrap();
        for length in 0..bytes.len() {
            match Photo::decode(&bytes[..length]) {
                Err(Error::PhotoFormat { .. }) if length < 16 => {} // too short to tell what it was going to be
                Err(Error::PhotoCorrupt { .. }) => {}
                // What is missing is a trailer or a second frame: the pixels are all there.
                Ok(photo) if length > bytes.len() / 2 && photo == whole && may_lack_its_tail(&name) => {}
                other => failures.push(format!("{name} cut to {length} of {}: {other:?}", bytes.len())),
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
        let sum = crc32(&bytes[12..29]).to_be_bytes();
        bytes[29..33].copy_from_slice(&sum);
        bytes
    };
    let jpeg = read("fixtures/photos/full.jpg");
    let frame = jpeg.windows(2).position(|marker| marker == [0xFF, 0xC0]).unwrap();
    let cases = [
        ("BMP", patched("rgb.bmp", 18, &[30_000_u32.to_le_bytes(), 30_000_u32.to_le_bytes()].concat()), 30_000, 100),
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

/// What the page leaves to the browser is held to the same limit, by a header that is read without a decoder.
#[test]
fn refuses_bombs_before_the_browser_is_asked() {
    let patched = |name: &str, at: usize, size: &[u8]| {
        let mut bytes = read(&format!("fixtures/{name}"));
        bytes[at..at + size.len()].copy_from_slice(size);
        bytes
    };
    let old_bmp = [&b"BM"[..], &[0; 12], &12_u32.to_le_bytes(), &[0xFF; 4]].concat();
    let avif = read("fixtures/foreign/picture.avif");
    let ispe = avif.windows(4).position(|tag| tag == b"ispe").unwrap() + 8;
    let upside_down = [30_000_u32.to_le_bytes(), (-30_000_i32).to_le_bytes()].concat();
    let cases = [
        ("BMP", patched("photos/rgb.bmp", 18, &upside_down), (30_000, 30_000)),
        ("BMP of OS/2", old_bmp, (65_535, 65_535)),
        ("GIF", patched("photos/still.gif", 6, &[0xFF; 4]), (65_535, 65_535)),
        ("WebP", patched("photos/lossy_alpha.webp", 24, &[0xFE, 0x3F, 0, 0xFE, 0x3F, 0]), (16_383, 16_383)),
        ("lossy WebP", patched("photos/lossy.webp", 26, &[0xFF, 0x3F, 0xFF, 0x3F]), (16_383, 16_383)),
        ("lossless WebP", patched("photos/lossless.webp", 21, &[0xFF, 0xFF, 0xFF, 0x0F]), (16_384, 16_384)),
        ("AVIF", patched("foreign/picture.avif", ispe, &[0, 1, 0, 0, 0, 1, 0, 0]), (65_536, 65_536)),
    ];
    for (name, bytes, (width, height)) in cases {
        assert_eq!(left_to_the_browser(&bytes), Err(Error::PhotoTooLarge { width, height, limit: 100 }), "{name}");
    }
    for (name, bytes) in photos() {
        let theirs = [".webp", ".gif", ".bmp"].iter().any(|ending| name.ends_with(ending));
        assert_eq!(left_to_the_browser(&bytes), Ok(theirs), "{name}");
        for length in 0..bytes.len() {
            let _ = left_to_the_browser(&bytes[..length]);
        }
    }
    assert_eq!(left_to_the_browser(&avif), Ok(true));
    for strange in [&b""[..], b"GIF89a", b"BM", b"RIFF\0\0\0\0WEBPVP8X", &[0; 4096], &[0xFF; 4096]] {
        assert!(left_to_the_browser(strange).is_ok(), "{strange:?}: nothing is stated, so nothing is too large");
    }
}

/// Found by fuzzing: decoders make room for what a frame claims before they compare that with the picture.
#[test]
fn a_bomb_inside_a_small_picture_is_refused_too() {
    let inside = |name: &str, tag: &[u8], after: usize, size: [u8; 4]| {
        let mut bytes = read(&format!("fixtures/photos/{name}"));
        let at = bytes.windows(tag.len()).position(|window| window == tag).unwrap() + after;
        bytes[at..at + 4].copy_from_slice(&size);
        bytes
    };
    let cases = [
        (inside("lossy_alpha.webp", b"VP8 ", 14, [0xFF, 0x3F, 0xFF, 0x3F]), 16_383),
        (inside("lossless_alpha.webp", b"VP8L", 9, [0xFF, 0xFF, 0xFF, 0x0F]), 16_384),
        (inside("still.gif", b"\x2C\0\0\0\0\x18\0", 5, [0xFF; 4]), 65_535),
        (inside("animated.gif", b"\x2C\0\0\0\0\x18\0", 5, [0xFF; 4]), 65_535),
    ];
    for (bytes, side) in cases {
        let error = Error::PhotoTooLarge { width: side, height: side, limit: 100 };
        assert_eq!(Photo::decode(&bytes), Err(error.clone()));
        assert_eq!(left_to_the_browser(&bytes), Err(error));
    }
}

/// Counts the largest piece of memory that was asked for: the decoders' own limits do not see everything.
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

/// Found by fuzzing: a chunk of metadata that claims 2 GB of a file of some hundred bytes.
#[test]
fn metadata_reserves_nothing() {
    let mut bytes = read("fixtures/photos/orientation6.webp");
    let exif = bytes.windows(4).position(|tag| tag == b"EXIF").unwrap() + 4;
    bytes[exif..exif + 4].copy_from_slice(&2_000_000_001_u32.to_le_bytes());
    let _ = Photo::decode(&bytes);
    // Other tests of this file, 100 megapixels among them, may run at the same time.
    let largest = LARGEST.load(Ordering::Relaxed);
    assert!(largest < 1_000_000_000, "{largest} bytes at once");
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
        let chunk = [&(length as u32).to_be_bytes()[..], &body, &crc32(&body).to_be_bytes()].concat();
        let bytes = [&whole[..at - 4], &chunk, &whole[at + 8 + old..]].concat();
        assert!(matches!(Photo::decode(&bytes), Err(Error::PhotoCorrupt { .. })), "{length}");
    }
}

/// What the native decoder does by itself, the page does for browsers that do not.
#[test]
fn a_webp_is_turned_as_its_exif_says() {
    let plain = Photo::decode(&read("fixtures/photos/lossless.webp")).unwrap();
    let bytes = read("fixtures/photos/orientation6.webp");
    let orientation = webp_orientation(&bytes).unwrap();
    assert_eq!(orientation, image::metadata::Orientation::Rotate90);
    let turned = plain.clone().turned(orientation);
    assert_eq!((turned.width, turned.height), (plain.height, plain.width));
    let corner = |photo: &Photo, x: usize, y: usize| photo.rgb[(y * photo.width + x) * 3..][..3].to_vec();
    assert_eq!(corner(&turned, turned.width - 1, 0), corner(&plain, 0, 0), "the upper left is now the upper right");
    assert_eq!(Photo::decode(&bytes).unwrap().width, turned.width);
    assert_eq!(webp_orientation(&read("fixtures/photos/lossy.webp")), None);
    assert_eq!(webp_orientation(&read("fixtures/photos/orientation6.jpg")), None, "the decoder has turned it");
    for length in 0..bytes.len() {
        let _ = webp_orientation(&bytes[..length]);
    }
}

/// Of an animation the first frame, which is not always the picture's default: but in PNG it is, or stands before it.
#[test]
fn an_animated_png_is_its_default_picture() {
    let still = read("fixtures/photos/rgb.png");
    let chunk = |kind: &[u8], data: &[u8]| {
        let body = [kind, data].concat();
        [&(data.len() as u32).to_be_bytes()[..], &body, &crc32(&body).to_be_bytes()].concat()
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
    let animated = [head, &control, &frame(0), &rest[..end], &frame(1), &second, &rest[end..]].concat();
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
    for (name, bytes) in photos() {
        assert!(looks_like_a_photo(&bytes), "{name}");
    }
    for text in ["cat\ndog\n", "[\"cat\", \"dog\"]", "{\"0\": \"cat\"}", "\u{feff}猫\n狗\n", "", "BMW\nGIF\n"] {
        assert!(!looks_like_a_photo(text.as_bytes()), "{text:?}");
    }
}

/// PNG's checksum.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0xEDB8_8320 & (sum & 1).wrapping_neg()))
    })
}

#[test]
fn no_mutation_panics() {
    let each = std::env::var("MUTATIONS").map_or(400, |each| each.parse().expect("MUTATIONS: how many of each file"));
    let mut noise = Noise(1);
    let (mut decoded, mut refused) = (0, 0);
    for (name, original) in photos() {
        for round in 0..each {
            let mut bytes = original.clone();
            for _ in 0..=noise.below(4) {
                let at = noise.below(bytes.len());
                match noise.below(6) {
                    0 => bytes[at] ^= 1 << noise.below(8),
                    1 => bytes[at] = noise.next() as u8,
                    2 => bytes[at] = [0x00, 0x7F, 0x80, 0xFF][noise.below(4)],
                    3 => bytes.truncate(at + 1),
                    4 => drop(bytes.drain(at..(at + 1 + noise.below(8)).min(bytes.len() - 1).max(at))),
                    _ => {
                        let from = noise.below(bytes.len());
                        let piece = bytes[from..(from + 1 + noise.below(16)).min(bytes.len())].to_vec();
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
    assert!(decoded > 1000 && refused > 1000, "the mutations are too mild or too wild: {decoded}, {refused}");
}

/// Sets each chunk's checksum as far as the chunks can be followed.
fn repair_png(bytes: &mut [u8]) {
    let mut at = 8;
    while let Some(length) = bytes.get(at..at + 4) {
        let end = at + 8 + u32::from_be_bytes(length.try_into().unwrap()) as usize;
        if end + 4 > bytes.len() {
            return;
        }
        let sum = crc32(&bytes[at + 4..end]).to_be_bytes();
        bytes[end..end + 4].copy_from_slice(&sum);
        at = end + 4;
    }
}

#[test]
fn prepares_as_pillow_and_torchvision_do() {
    let expected = read("fixtures/prepared.safetensors");
    let expected = SafeTensors::deserialize(&expected).unwrap();
    let mut failures = Vec::new();
    for name in expected.names() {
        let parts: Vec<&str> = name.split(['/', 'x']).collect();
        let number = |at: usize| parts[at].parse::<usize>().unwrap();
        let interpolation = if parts[0] == "bicubic" { Interpolation::Bicubic } else { Interpolation::Bilinear };
        let mut preprocessing = Preprocessing { interpolation, ..Default::default() };
        let fit: Fit = parts[1].parse().unwrap();
        match fit {
            Fit::Crop => (preprocessing.resize, preprocessing.crop) = (number(4), number(5)),
            Fit::Whole => preprocessing.longest = number(4),
        }
        let got = prepare(&seeded_photo(number(2), number(3)), fit, &preprocessing).unwrap();
        let tensor = expected.tensor(name).unwrap();
        assert_eq!(tensor.shape(), [got.height, got.width, 3], "{name}");
        let (share, worst) = difference(&got.rgb, tensor.data());
        if worst > 0 {
            failures.push(format!("{name}: {:.2} % of the bytes differ, by up to {worst}", share * 100.0));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert_eq!(expected.names().len(), 56);
}

#[test]
fn golden_crops_are_byte_exact() {
    for name in ["astronaut", "both", "chelsea", "coffee", "rocket"] {
        let photo = Photo::decode(&read(&format!("golden/images/{name}.png"))).unwrap();
        let got = prepare(&photo, Fit::Crop, &Preprocessing::default()).unwrap();
        check_golden(&format!("case_{name}_imagenet"), &got);
    }
}

#[test]
fn golden_whole_photos_are_byte_exact() {
    for name in ["both", "chelsea", "astronaut"] {
        let photo = Photo::decode(&read(&format!("golden/images/{name}.png"))).unwrap();
        let got = prepare(&photo, Fit::Whole, &Preprocessing::default()).unwrap();
        check_golden(&format!("case_{name}_seed"), &got);
        assert_eq!(got.rect, Rect { x: 0.0, y: 0.0, width: photo.width as f64, height: photo.height as f64 });
    }
}

/// Bytes and, where stored, the f32 input: equal bit for bit, since both are the same IEEE operations in the same
/// order.
fn check_golden(case: &str, got: &Prepared) {
    let file = read(&format!("golden/{case}.safetensors"));
    let file = SafeTensors::deserialize(&file).unwrap();
    let image = file.tensor("image").unwrap();
    assert_eq!(image.shape(), [got.height, got.width, 3], "{case}");
    assert_eq!(difference(&got.rgb, image.data()), (0.0, 0), "{case}");
    if let Ok(input) = file.tensor("input") {
        let expected: Vec<u32> = input.data().as_chunks::<4>().0.iter().map(|bits| u32::from_le_bytes(*bits)).collect();
        let differing = got.input.iter().zip(&expected).filter(|(got, expected)| got.to_bits() != **expected).count();
        assert_eq!((got.input.len(), differing), (expected.len(), 0), "{case}: input");
    }
}

#[test]
fn the_rectangle_is_where_the_crop_lies() {
    // 400×300: shorter side to 256 gives 341×256; offsets round(58.5) = 58 (half to even) and 16.
    let got = prepare(&seeded_photo(400, 300), Fit::Crop, &Preprocessing::default()).unwrap();
    let (across, down) = (400.0 / 341.0, 300.0 / 256.0);
    let expected = Rect { x: 58.0 * across, y: 16.0 * down, width: 224.0 * across, height: 224.0 * down };
    assert_eq!(got.rect, expected);
    // Shrunk whole photos lie on all of the photo.
    let got = prepare(&seeded_photo(1030, 515), Fit::Whole, &Preprocessing::default()).unwrap();
    assert_eq!((got.width, got.height), (512, 256));
    assert_eq!(got.rect, Rect { x: 0.0, y: 0.0, width: 1030.0, height: 515.0 });
}

#[test]
fn strips_and_specks() {
    let standard = Preprocessing::default();
    let errors =
        |width, height| [Fit::Whole, Fit::Crop].map(|fit| prepare(&seeded_photo(width, height), fit, &standard).err());
    let small = |width, height| Some(Error::PhotoTooSmall { width, height, minimum: 32 });
    let narrow = |width, height, limit| Some(Error::PhotoTooNarrow { width, height, limit });

    // Neither fit helps: the sentence must not advise the other.
    assert_eq!(errors(30_000, 1), [narrow(30_000, 1, 100), narrow(30_000, 1, 100)]);
    assert_eq!(errors(1, 30_000), [narrow(1, 30_000, 100), narrow(1, 30_000, 100)]);
    assert_eq!(errors(31, 3_100), [small(31, 3_100), None]);
    assert_eq!(errors(3_300, 33), [narrow(3_300, 33, 16), None]);
    assert_eq!(errors(512, 32), [None, None]);
    assert_eq!(errors(31, 32), [small(31, 32), None]);
    assert_eq!(errors(1, 1), [small(1, 1), None]);
    assert_eq!(errors(0, 0), [small(0, 0), Some(Error::PhotoTooSmall { width: 0, height: 0, minimum: 1 })]);
}

#[test]
fn a_crop_above_the_resize_enlarges_instead_of_padding() {
    let preprocessing = Preprocessing { resize: 40, crop: 64, ..Default::default() };
    let got = prepare(&seeded_photo(100, 50), Fit::Crop, &preprocessing).unwrap();
    assert_eq!((got.width, got.height), (64, 64));
    assert_eq!(got.rect, Rect { x: 25.0, y: 0.0, width: 50.0, height: 50.0 });
}

#[test]
fn half_the_size_is_half_of_what_the_network_saw() {
    let standard = Preprocessing::default();
    let side = |fit, width, height| standard.halved(fit, &seeded_photo(width, height)).map(|halved| halved.side(fit));
    assert_eq!(side(Fit::Whole, 1000, 700), Some(256), "of the 512 that it is shrunk to");
    assert_eq!(side(Fit::Whole, 150, 300), Some(150), "of its own");
    assert_eq!(side(Fit::Whole, 120, 100), None, "too little would be left");
    assert_eq!(side(Fit::Crop, 120, 100), Some(112));
    let halved = standard.halved(Fit::Crop, &seeded_photo(120, 100)).unwrap();
    assert_eq!(prepare(&seeded_photo(120, 100), Fit::Crop, &halved).unwrap().input.len(), 3 * 112 * 112);
    assert_eq!(halved.longest, 512, "the other fit's size is left alone");
}

#[test]
fn refuses_a_senseless_preprocessing() {
    let standard = Preprocessing::default;
    let cases = [
        Preprocessing { resize: 0, ..standard() },
        Preprocessing { crop: 31, ..standard() },
        Preprocessing { crop: usize::MAX, ..standard() },
        Preprocessing { longest: 0, ..standard() },
        Preprocessing { mean: [0.0, f32::NAN, 0.0], ..standard() },
        Preprocessing { std: [1.0, 0.0, 1.0], ..standard() },
    ];
    for preprocessing in cases {
        let outcome = prepare(&seeded_photo(64, 64), Fit::Crop, &preprocessing);
        assert!(matches!(outcome, Err(Error::File { .. })), "{preprocessing:?}: {outcome:?}");
    }
}

#[test]
fn manifests_and_arguments_name_the_choices() {
    let partial: Preprocessing = serde_json::from_str(r#"{"resize": 232, "interpolation": "bicubic"}"#).unwrap();
    assert_eq!(partial, Preprocessing { resize: 232, interpolation: Interpolation::Bicubic, ..Default::default() });
    assert_eq!(serde_json::to_string(&Fit::ALL).unwrap(), r#"["whole","crop"]"#);
    assert_eq!("crop".parse(), Ok(Fit::Crop));
    let error = "stretch".parse::<Fit>().unwrap_err();
    assert_eq!(error.to_string(), "There is no fit `stretch`. Known: whole, crop.");
}
