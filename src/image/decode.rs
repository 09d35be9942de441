//! From the bytes of a file to a [`Photo`]: upright, without transparency, eight bits a channel.
//!
//! JPEG, PNG, WebP, GIF and BMP, in the page as in the native command: the `image` crate, but for
//! JPEG (see [`super::jpeg`]).
//! Not done here: colour management (a wide gamut is said and not converted, as torchvision ignores
//! it), animation beyond the first frame, formats that would need C libraries (see
//! [`left_to_the_browser`]).
//! To extend: a format is a feature of `image` in `Cargo.toml` and an entry in [`FORMATS`].

use std::io::Cursor;

use image::metadata::Orientation;
use image::{ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

use super::photo::{Note, Photo};
use super::{foreign, jpeg, metadata};
use crate::error::{Error, Foreign, Result};

/// Most pixels that are decoded. The header states them, so a decompression bomb is refused before
/// it is opened.
pub const MAX_PIXELS: u64 = 100_000_000;
/// Most bytes that a decoded picture may take; binds 16-bit photos only.
pub const MAX_BYTES: u64 = 512 << 20;
/// Bits of a 16-bit picture's values up to which it is called nearly black: an eighth of full
/// brightness.
const NEARLY_BLACK: u32 = 13;

/// A PNG's last chunk: no content, and its sum.
const PNG_END: [u8; 12] = *b"\0\0\0\0IEND\xAE\x42\x60\x82";

const FORMATS: [ImageFormat; 5] =
    [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP, ImageFormat::Gif, ImageFormat::Bmp];

/// A picture as its decoder gives it.
pub(super) struct Decoded {
    pub width: usize,
    pub height: usize,
    pub samples: Samples,
    pub orientation: Orientation,
    /// ICC, if any; may be empty.
    pub profile: Option<Vec<u8>>,
}

/// [height, width, channels]: one or three of colour, and perhaps one of opacity.
pub(super) enum Samples {
    Eight {
        samples: Vec<u8>,
        channels: usize,
    },
    /// Two bytes a sample, in the machine's order.
    Sixteen {
        samples: Vec<u8>,
        channels: usize,
    },
}

impl Photo {
    /// Reads a file's bytes: JPEG, PNG, WebP, GIF (first frame) or BMP, whatever its name ends in;
    /// 8 or 16 bits, grey, palette, CMYK. Transparency is laid over white; the EXIF orientation is
    /// applied.
    ///
    /// # Errors
    /// [`Error::PhotoFormat`] for anything else, with what it is; [`Error::PhotoCorrupt`] for a
    /// damaged or cut file; [`Error::PhotoTooLarge`] above [`MAX_PIXELS`] or [`MAX_BYTES`], before
    /// anything of that size is allocated.
    pub fn decode(bytes: &[u8]) -> Result<Photo> {
        let decoded = match readable(bytes) {
            Some(ImageFormat::Jpeg) => jpeg::decode(bytes)?,
            Some(format) => decode(bytes, format)?,
            None => return Err(Error::PhotoFormat { what: foreign::describe(bytes) }),
        };
        let wide = decoded.profile.as_deref().and_then(metadata::wide_gamut);
        let wide = wide.map(|profile| Note::WideGamut { profile });
        let bits = decoded.samples.bits_in_use().filter(|bits| *bits <= NEARLY_BLACK);
        let dark = bits.map(|bits| Note::NearlyBlack { bits });
        let mut photo = Photo::new(decoded.width, decoded.height, decoded.samples.flatten());
        photo.notes = wide.into_iter().chain(dark).collect();
        Ok(photo.turned(decoded.orientation))
    }
}

/// The format of bytes that are decoded here. DICOM goes first: what stands before its magic word
/// may be another format's.
fn readable(bytes: &[u8]) -> Option<ImageFormat> {
    let format = image::guess_format(bytes).ok().filter(|format| FORMATS.contains(format))?;
    (!foreign::is_dicom(bytes)).then_some(format)
}

/// Whether the page asks the browser to decode these bytes: formats that no decoder here reads and
/// some browser does.
///
/// # Errors
/// [`Error::PhotoTooLarge`] where the header states more than [`MAX_PIXELS`]: the browser is not
/// even asked.
pub fn left_to_the_browser(bytes: &[u8]) -> Result<bool> {
    let theirs = match readable(bytes) {
        Some(ImageFormat::Jpeg) => jpeg::is_foreign(bytes),
        Some(_) => false,
        None => matches!(
            foreign::describe(bytes),
            Foreign::Heic | Foreign::Avif | Foreign::JpegXl | Foreign::Jpeg2000 | Foreign::Tiff
        ),
    };
    if theirs && let Some((width, height)) = iso_media_size(bytes) {
        check_size(width, height, 1)?;
    }
    Ok(theirs)
}

/// Whether these are the bytes of a picture, readable or not: a photo whose name ends like another
/// kind of file. Text is none, though it may begin as a picture does ("BMW").
pub fn looks_like_a_photo(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err()
        && (image::guess_format(bytes).is_ok() || matches!(foreign::describe(bytes), Foreign::Heic))
}

/// Refuses pictures of more pixels or bytes than are decoded.
pub(super) fn check_size(width: u64, height: u64, bytes_per_pixel: u64) -> Result<()> {
    let limit = MAX_PIXELS.min(MAX_BYTES / bytes_per_pixel);
    if width.saturating_mul(height) > limit {
        return Err(Error::PhotoTooLarge { width, height, limit: limit / 1_000_000 });
    }
    Ok(())
}

/// Every format but JPEG, by the `image` crate.
fn decode(bytes: &[u8], format: ImageFormat) -> Result<Decoded> {
    match format {
        ImageFormat::Png => match png_with_end(bytes) {
            Some(mended) => decode_whole(&mended, format).map_err(|error| match error {
                Error::PhotoCorrupt { .. } => Error::photo_ends_early(),
                other => other,
            }),
            None => decode_whole(bytes, format),
        },
        _ => decode_whole(bytes, format),
    }
}

fn decode_whole(bytes: &[u8], format: ImageFormat) -> Result<Decoded> {
    match format {
        ImageFormat::WebP => check_webp(bytes)?,
        ImageFormat::Png if !png_palette_is_whole(bytes) => {
            return Err(Error::PhotoCorrupt {
                detail: "its palette is not made of whole colours".into(),
            });
        }
        _ => {}
    }
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MAX_BYTES);
    reader.limits(limits.clone());
    let mut decoder = reader.into_decoder().map_err(decoding_error)?;
    let ((width, height), colour) = (decoder.dimensions(), decoder.color_type());
    check_size(width.into(), height.into(), colour.bytes_per_pixel().into())?;
    if format == ImageFormat::Gif {
        // A frame may be larger than the picture, and its decoder makes room for all of it.
        limits.max_alloc = Some(4 * decoder.total_bytes() + (1 << 20));
        decoder.set_limits(limits).map_err(decoding_error)?;
    }
    let (exif, xmp) =
        (decoder.exif_metadata().ok().flatten(), decoder.xmp_metadata().ok().flatten());
    let profile = decoder.icc_profile().ok().flatten();
    let mut samples = vec![0; decoder.total_bytes() as usize];
    decoder.read_image(&mut samples).map_err(decoding_error)?;
    let channels = usize::from(colour.channel_count());
    let samples = match usize::from(colour.bytes_per_pixel()) / channels {
        1 => Samples::Eight { samples, channels },
        _ => Samples::Sixteen { samples, channels },
    };
    let orientation = metadata::orientation(exif.as_deref(), xmp.as_deref());
    Ok(Decoded { width: width as usize, height: height as usize, samples, orientation, profile })
}

impl Samples {
    /// How many bits the values of a picture of 16 bits use, opacity aside, and all but the
    /// brightest thousandth: a label or a broken pixel may be white.
    fn bits_in_use(&self) -> Option<u32> {
        let Samples::Sixteen { samples, channels } = self else { return None };
        let colours = if channels.is_multiple_of(2) { channels - 1 } else { *channels };
        let mut of_bits = [0_usize; 17];
        for pixel in samples.chunks_exact(2 * channels) {
            for sample in &pixel.as_chunks::<2>().0[..colours] {
                of_bits[(16 - u16::from_ne_bytes(*sample).leading_zeros()) as usize] += 1;
            }
        }
        let most = of_bits.iter().sum::<usize>() / 1000;
        (0..=16).find(|&bits| of_bits[bits as usize + 1..].iter().sum::<usize>() <= most)
    }

    /// Lays a picture over white and rounds it to eight bits a channel: red, green, blue.
    fn flatten(self) -> Vec<u8> {
        match self {
            Samples::Eight { samples, channels: 3 } => samples,
            Samples::Eight { samples, channels } => {
                flattened::<255>(&samples, channels, |sample| sample[0].into())
            }
            Samples::Sixteen { samples, channels } => {
                flattened::<65535>(&samples, 2 * channels, |sample| {
                    u16::from_ne_bytes([sample[0], sample[1]]).into()
                })
            }
        }
    }
}

/// Samples of `size` bytes a pixel, one or three of colour and perhaps one of opacity, each of
/// 0..=`MAX`.
fn flattened<const MAX: u64>(samples: &[u8], size: usize, read: fn(&[u8]) -> u64) -> Vec<u8> {
    let bytes = if MAX > 255 { 2 } else { 1 };
    let channels = size / bytes;
    let pixels = samples.chunks_exact(size);
    let flat = |pixel: &[u8]| {
        let sample = |channel: usize| read(&pixel[channel * bytes..]);
        let alpha = if channels.is_multiple_of(2) { sample(channels - 1) } else { MAX };
        [0, 1, 2]
            .map(|colour| over_white::<MAX>(sample(if channels < 3 { 0 } else { colour }), alpha))
    };
    pixels.flat_map(flat).collect()
}

/// `colour` of opacity `alpha`, both in `0..=MAX`, over white, rounded to the nearest of 0..=255
/// once.
fn over_white<const MAX: u64>(colour: u64, alpha: u64) -> u8 {
    let blended = colour * alpha + MAX * (MAX - alpha); // 0..=MAX²
    ((blended * 255 + MAX * MAX / 2) / (MAX * MAX)) as u8
}

/// Whether a PNG's palette has 1 to 256 colours of three bytes: the decoder (png 0.18) panics over
/// any other.
fn png_palette_is_whole(bytes: &[u8]) -> bool {
    let mut at = 8;
    while let Some(&[a, b, c, d, ref kind @ ..]) = bytes.get(at..at + 8) {
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        match kind {
            b"PLTE" if !(3..=768).contains(&length) || !length.is_multiple_of(3) => return false,
            b"IDAT" => return true,
            _ => at = at.saturating_add(12).saturating_add(length),
        }
        if at > bytes.len() {
            return true; // and the decoder says that it is cut
        }
    }
    true
}

/// A PNG that ends behind its pixels, with the end that it lacks: Pillow needs neither the end nor
/// the last sum. None where it has its end, and where pixels are missing.
fn png_with_end(bytes: &[u8]) -> Option<Vec<u8>> {
    let (mut at, mut has_pixels) = (8, false);
    while let Some(&[a, b, c, d, ref kind @ ..]) = bytes.get(at..at + 8) {
        let end_of_data = (at + 8).saturating_add(u32::from_be_bytes([a, b, c, d]) as usize);
        let end = end_of_data.saturating_add(4);
        if end > bytes.len() {
            if kind == b"IDAT" {
                let sum = crc32fast::hash(bytes.get(at + 4..end_of_data)?).to_be_bytes();
                return Some([&bytes[..end_of_data], &sum, &PNG_END].concat());
            }
            break;
        }
        if kind == b"IEND" {
            return None;
        }
        has_pixels |= kind == b"IDAT";
        at = end;
    }
    has_pixels.then(|| [&bytes[..at], &PNG_END].concat())
}

/// What the decoder (image-webp 0.2) takes on trust: a cut file is filled with grey, a chunk of
/// metadata gets the room that it claims, and a lossy frame the room of its own size before that is
/// compared with the picture's, which `VP8X` states.
fn check_webp(bytes: &[u8]) -> Result<()> {
    let cut = Error::photo_ends_early;
    let number =
        |bytes: &[u8]| bytes.iter().rev().fold(0_u64, |sum, &byte| sum << 8 | u64::from(byte));
    let stated = bytes.get(4..8).map(number).ok_or_else(cut)?;
    let mut canvas = None;
    let mut at = 12;
    while let Some(head) = bytes.get(at..at + 8).filter(|_| (at as u64) < 8 + stated) {
        let content = bytes
            .get(at + 8..)
            .and_then(|rest| rest.get(..number(&head[4..]) as usize))
            .ok_or_else(cut)?;
        // An animation's frame is a chunk again, behind 16 bytes.
        let chunk = if head.starts_with(b"ANMF") {
            content.get(16..).unwrap_or_default()
        } else {
            &bytes[at..]
        };
        if head.starts_with(b"VP8X")
            && let Some(sides) = content.get(4..10)
        {
            canvas = Some([number(&sides[..3]) + 1, number(&sides[3..]) + 1]);
        }
        if chunk.starts_with(b"VP8 ")
            && let Some(sides) = chunk.get(14..18)
        {
            let [width, height] = [&sides[..2], &sides[2..]].map(|side| number(side) & 0x3FFF);
            check_size(width, height, 4)?;
            if canvas.is_some_and(|[most_wide, most_high]| width > most_wide || height > most_high)
            {
                return Err(Error::photo_frame_too_large());
            }
        }
        at += 8 + content.len() + content.len() % 2;
    }
    if (bytes.len() as u64) < 8 + stated { Err(cut()) } else { Ok(()) }
}

/// The largest width and height in an ISO media file's box of metadata (HEIC, AVIF), since a
/// picture may be made of tiles.
fn iso_media_size(bytes: &[u8]) -> Option<(u64, u64)> {
    let mut at = 0_usize;
    loop {
        let head = bytes.get(at..at.checked_add(8)?)?;
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        if &head[4..] == b"meta" {
            let meta = bytes.get(at..)?;
            let sizes = meta[..length.min(meta.len())]
                .windows(16)
                .filter(|window| window.starts_with(b"ispe"));
            let side = |at: &[u8]| u64::from(u32::from_be_bytes([at[0], at[1], at[2], at[3]]));
            return sizes
                .map(|ispe| (side(&ispe[8..]), side(&ispe[12..])))
                .max_by_key(|(w, h)| w.saturating_mul(*h));
        }
        at = at.checked_add(length.max(8))?;
    }
}

/// A decoder's error in this program's words.
fn decoding_error(error: ImageError) -> Error {
    let detail = match &error {
        ImageError::Unsupported(_) => {
            return Error::PhotoFormat { what: Foreign::Kind(one_line(&error)) };
        }
        ImageError::IoError(io) if io.kind() == std::io::ErrorKind::UnexpectedEof => {
            return Error::photo_ends_early();
        }
        ImageError::Limits(_) => format!("decoding it would take more than {} MB", MAX_BYTES >> 20),
        _ => one_line(&error),
    };
    Error::PhotoCorrupt { detail }
}

/// The first line of a decoder's message, short enough for a sentence.
pub(super) fn one_line(error: &dyn std::error::Error) -> String {
    let message = error.to_string();
    message.lines().next().unwrap_or_default().trim_end_matches('.').chars().take(160).collect()
}
