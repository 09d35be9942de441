//! Photos: from the bytes of a file to the network's input.
//!
//! [`Photo::decode`] reads JPEG, PNG, WebP, GIF and BMP: upright, without transparency, eight bits a channel. In the page it reads
//! JPEG and PNG, and the browser the others: see [`left_to_the_browser`].
//! [`prepare`] resizes, crops and normalises as torchvision does on Pillow images, byte for byte, and keeps the
//! rectangle of the photo that the network saw.
//!
//! Not done here: colour management (ICC profiles are ignored, as torchvision ignores them), animation beyond the first
//! frame, formats that the `image` crate would need C libraries for (HEIC, AVIF: in the page the browser may know them).
//! To extend: a format is a feature of `image` in `Cargo.toml` and an entry in `FORMATS`; a filter is an arm in
//! `resample`.

use std::{fmt, io::Cursor, str::FromStr};

use image::{ColorType, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, metadata::Orientation};
use serde::{Deserialize, Serialize};

use crate::error::{ENDS_EARLY, Error, Foreign, Result};

/// Most pixels that are decoded. The header states them, so a decompression bomb is refused before it is opened.
pub const MAX_PIXELS: u64 = 100_000_000;
/// Most bytes that a decoded picture may take; binds 16-bit photos only.
pub const MAX_BYTES: u64 = 512 << 20;
/// Least side of [`Fit::Whole`]: a ResNet divides its input by 32.
pub const MIN_SIDE: usize = 32;
/// Greatest ratio of the sides of [`Fit::Crop`]: beyond it, the centre crop is a sliver of the photo.
const MAX_RATIO: usize = 100;
/// Greatest side of the input that a [`Preprocessing`] may ask for.
const MAX_SIDE: usize = 4096;

const FORMATS: [ImageFormat; 5] =
    [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP, ImageFormat::Gif, ImageFormat::Bmp];

/// Whether the page asks the browser to decode these bytes: lossless formats but for WebP, whose decoders agree to a level or
/// two, and far from what most photos are. The decoders would take a tenth of the page. HEIC and AVIF, too: it may know them.
///
/// # Errors
/// [`Error::PhotoTooLarge`] where the header states more than [`MAX_PIXELS`]: the browser is not even asked.
pub fn left_to_the_browser(bytes: &[u8]) -> Result<bool> {
    let format = image::guess_format(bytes).ok();
    let theirs = matches!(format, Some(ImageFormat::WebP | ImageFormat::Gif | ImageFormat::Bmp))
        || (!format.is_some_and(|format| FORMATS.contains(&format))
            && matches!(describe_foreign(bytes), Foreign::Heic | Foreign::Avif));
    match stated_size(bytes).filter(|_| theirs) {
        Some((width, height)) if width.saturating_mul(height) > MAX_PIXELS => {
            Err(Error::PhotoTooLarge { width, height, limit: MAX_PIXELS / 1_000_000 })
        }
        _ => Ok(theirs),
    }
}

/// The EXIF orientation of a WebP, which browsers do not follow.
pub fn webp_orientation(bytes: &[u8]) -> Option<Orientation> {
    let (_, exif) = webp_chunks(webp_body(bytes)?).find(|(tag, _)| tag == b"EXIF")?;
    Orientation::from_exif_chunk(exif.strip_prefix(b"Exif\0\0").unwrap_or(exif))
}

fn webp_body(bytes: &[u8]) -> Option<&[u8]> {
    bytes.get(12..).filter(|_| bytes.starts_with(b"RIFF") && &bytes[8..12] == b"WEBP")
}

/// Tag and content of one chunk after the other, the last as far as it goes.
fn webp_chunks(mut rest: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    std::iter::from_fn(move || {
        let (tag, length) = (rest.get(..4)?.try_into().ok()?, little_endian(rest.get(4..8)?) as usize);
        let body = &rest[8..];
        let content = &body[..length.min(body.len())];
        rest = body.get(length + length % 2..).unwrap_or_default(); // chunks are padded to even lengths
        Some((tag, content))
    })
}

/// The largest width and height that a WebP states.
fn webp_size(body: &[u8]) -> Option<(u64, u64)> {
    let number = |content: &[u8], at: usize, size: usize| content.get(at..at + size).map(little_endian);
    let size = |tag: [u8; 4], content: &[u8]| match &tag {
        b"VP8X" => Some((number(content, 4, 3)? + 1, number(content, 7, 3)? + 1)),
        b"ANMF" => Some((number(content, 6, 3)? + 1, number(content, 9, 3)? + 1)),
        b"VP8 " => Some((number(content, 6, 2)? & 0x3FFF, number(content, 8, 2)? & 0x3FFF)),
        b"VP8L" => number(content, 1, 4).map(|packed| ((packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1)),
        _ => None,
    };
    let inside = |(tag, content): ([u8; 4], _)| {
        let frame: &[u8] = if &tag == b"ANMF" { content } else { &[] };
        std::iter::once((tag, content)).chain(webp_chunks(frame.get(16..).unwrap_or_default()))
    };
    let sizes = webp_chunks(body).flat_map(inside).filter_map(|(tag, content)| size(tag, content));
    sizes.reduce(|a, b| (a.0.max(b.0), a.1.max(b.1)))
}

/// The largest width and height that a file of a format of [`left_to_the_browser`] states, where it does: its first frame may claim more
/// than the picture has, and decoders make room for both.
pub fn stated_size(bytes: &[u8]) -> Option<(u64, u64)> {
    let pair = |at: usize, size: usize| {
        let sides = bytes.get(at..at + 2 * size)?;
        Some((little_endian(&sides[..size]), little_endian(&sides[size..])))
    };
    if bytes.starts_with(b"GIF8") {
        let screen = pair(6, 2)?;
        let frame = gif_frame(bytes).and_then(|at| pair(at + 5, 2)).unwrap_or_default();
        return Some((screen.0.max(frame.0), screen.1.max(frame.1)));
    }
    if bytes.starts_with(b"BM") {
        // OS/2's old header of 12 bytes has two-byte sides; in the others a negative height means rows from the top.
        let old = little_endian(bytes.get(14..18)?) == 12;
        let magnitude = |side: u64| u64::from((side as u32).cast_signed().unsigned_abs());
        return if old { pair(18, 2) } else { pair(18, 4).map(|(w, h)| (magnitude(w), magnitude(h))) };
    }
    if let Some(body) = webp_body(bytes) {
        return webp_size(body);
    }
    // ISO media (HEIC, AVIF): the largest of the sizes in the box of metadata, since a picture may be made of tiles.
    let mut at = 0_usize;
    loop {
        let head = bytes.get(at..at.checked_add(8)?)?;
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        if &head[4..] == b"meta" {
            let meta = bytes.get(at..)?;
            let sizes = meta[..length.min(meta.len())].windows(16).filter(|window| window.starts_with(b"ispe"));
            let side = |at: &[u8]| u64::from(u32::from_be_bytes([at[0], at[1], at[2], at[3]]));
            return sizes.map(|ispe| (side(&ispe[8..]), side(&ispe[12..]))).max_by_key(|(w, h)| w.saturating_mul(*h));
        }
        at = at.checked_add(length.max(8))?;
    }
}

/// Where a GIF's first frame begins.
fn gif_frame(bytes: &[u8]) -> Option<usize> {
    let table = |flags: u8| if flags & 0x80 != 0 { 6 << (flags & 7) } else { 0 };
    let mut at = 13 + table(*bytes.get(10)?);
    loop {
        match bytes.get(at)? {
            0x2C => return Some(at),
            // An extension: a label and blocks, each after its length, to one of none.
            0x21 => {
                at += 2;
                while let length @ 1.. = usize::from(*bytes.get(at)?) {
                    at += 1 + length;
                }
                at += 1;
            }
            _ => return None,
        }
    }
}

fn little_endian(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |sum, &byte| sum << 8 | u64::from(byte))
}

/// A decoded, upright photo without transparency.
#[derive(Clone, PartialEq)]
pub struct Photo {
    pub width: usize,
    pub height: usize,
    pub rgb: Vec<u8>, // [height, width, 3]
}

impl fmt::Debug for Photo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Photo({}×{})", self.width, self.height)
    }
}

impl Photo {
    /// A photo from its pixels, `rgb: [height, width, 3]`.
    ///
    /// # Panics
    /// When `rgb` has another length: a mistake of the caller.
    pub fn new(width: usize, height: usize, rgb: Vec<u8>) -> Photo {
        assert_eq!(rgb.len(), width * height * 3, "rgb of a {width}×{height} photo");
        Photo { width, height, rgb }
    }

    /// Reads a file's bytes: JPEG, PNG, WebP, GIF (first frame) or BMP, whatever its name ends in; 8 or 16 bits, grey,
    /// palette, CMYK. Transparency is laid over white; the EXIF orientation is applied.
    ///
    /// # Errors
    /// [`Error::PhotoFormat`] for anything else, with what it is; [`Error::PhotoCorrupt`] for a damaged or cut file;
    /// [`Error::PhotoTooLarge`] above [`MAX_PIXELS`] or [`MAX_BYTES`], before anything of that size is allocated.
    pub fn decode(bytes: &[u8]) -> Result<Photo> {
        let format = image::guess_format(bytes).ok().filter(|format| FORMATS.contains(format));
        let format = format.ok_or_else(|| Error::PhotoFormat { what: describe_foreign(bytes) })?;
        // Two decoders fill what is missing with grey or noise, and a heatmap over half a photo would look like an
        // answer.
        let complete = match format {
            ImageFormat::Jpeg => jpeg_is_complete(bytes),
            ImageFormat::WebP => webp_is_complete(bytes),
            _ => true,
        };
        if !complete {
            return Err(Error::PhotoCorrupt { detail: ENDS_EARLY.into() });
        }
        if format == ImageFormat::Png && !png_palette_is_whole(bytes) {
            return Err(Error::PhotoCorrupt { detail: "its palette is not made of whole colours".into() });
        }

        let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
        let mut limits = Limits::no_limits();
        limits.max_alloc = Some(MAX_BYTES);
        reader.limits(limits);
        let mut decoder = reader.into_decoder().map_err(decoding_error)?;

        let (width, height) = decoder.dimensions();
        let (wide, high) = stated_size(bytes).unwrap_or_default();
        let (width, height) = (wide.max(width.into()), high.max(height.into()));
        let limit = MAX_PIXELS.min(MAX_BYTES / u64::from(decoder.color_type().bytes_per_pixel()));
        if width * height > limit {
            return Err(Error::PhotoTooLarge { width, height, limit: limit / 1_000_000 });
        }
        // Damaged metadata is no reason to refuse a photo whose pixels are fine.
        let orientation = match format {
            // Its decoder makes room for as much metadata as a chunk claims to be.
            ImageFormat::WebP => webp_orientation(bytes),
            _ => decoder.orientation().ok(),
        };
        let (colour, (width, height)) = (decoder.color_type(), decoder.dimensions());
        let mut samples = vec![0; decoder.total_bytes() as usize];
        decoder.read_image(&mut samples).map_err(decoding_error)?;
        let photo = Photo::new(width as usize, height as usize, flatten(samples, colour));
        Ok(photo.turned(orientation.unwrap_or(Orientation::NoTransforms)))
    }

    /// This photo, decoded without a look at its EXIF orientation, turned as that says.
    pub fn turned(self, orientation: Orientation) -> Photo {
        let exif = orientation.to_exif();
        if exif == 1 {
            return self;
        }
        let lying = exif > 4; // rows become columns
        let (width, height) = if lying { (self.height, self.width) } else { (self.width, self.height) };
        let mut rgb = Vec::with_capacity(self.rgb.len());
        for y in 0..height {
            for x in 0..width {
                let (column, row) = if lying { (y, x) } else { (x, y) };
                let column = if matches!(exif, 2 | 3 | 7 | 8) { self.width - 1 - column } else { column };
                let row = if matches!(exif, 3 | 4 | 6 | 7) { self.height - 1 - row } else { row };
                let at = 3 * (row * self.width + column);
                rgb.extend_from_slice(&self.rgb[at..at + 3]);
            }
        }
        Photo { width, height, rgb }
    }

    /// This photo, or a smaller copy where a side has more than `most` pixels.
    pub fn shrunk(&self, most: usize) -> Photo {
        let longest = self.width.max(self.height);
        if longest <= most {
            return self.clone();
        }
        let scaled = |side: usize| (side * most).div_ceil(longest);
        let (height, width) = (scaled(self.height), scaled(self.width));
        let size = (self.height, self.width);
        let rgb =
            super::resample::resample(&self.rgb, size, (height, width), 0..height, 0..width, Interpolation::Bilinear);
        Photo { width, height, rgb }
    }
}

/// Lays a picture over white and rounds it to eight bits a channel: red, green, blue.
fn flatten(samples: Vec<u8>, colour: ColorType) -> Vec<u8> {
    let channels = usize::from(colour.channel_count());
    let sizes = usize::from(colour.bytes_per_pixel()) / channels;
    match (colour, sizes) {
        (ColorType::Rgb8, _) => samples,
        (_, 1) => flattened::<255>(&samples, channels, |sample| sample[0].into()),
        _ => flattened::<65535>(&samples, 2 * channels, |sample| u16::from_ne_bytes([sample[0], sample[1]]).into()),
    }
}

/// Samples of `size` bytes a pixel, one or three of colour and perhaps one of opacity, each of 0..=`MAX`.
fn flattened<const MAX: u64>(samples: &[u8], size: usize, read: fn(&[u8]) -> u64) -> Vec<u8> {
    let bytes = if MAX > 255 { 2 } else { 1 };
    let channels = size / bytes;
    let pixels = samples.chunks_exact(size);
    let flat = |pixel: &[u8]| {
        let sample = |channel: usize| read(&pixel[channel * bytes..]);
        let alpha = if channels.is_multiple_of(2) { sample(channels - 1) } else { MAX };
        [0, 1, 2].map(|colour| over_white::<MAX>(sample(if channels < 3 { 0 } else { colour }), alpha))
    };
    pixels.flat_map(flat).collect()
}

/// `colour` of opacity `alpha`, both in `0..=MAX`, over white, rounded to the nearest of 0..=255 once.
fn over_white<const MAX: u64>(colour: u64, alpha: u64) -> u8 {
    let blended = colour * alpha + MAX * (MAX - alpha); // 0..=MAX²
    ((blended * 255 + MAX * MAX / 2) / (MAX * MAX)) as u8
}

/// Whether a JPEG's marker segments lead to its end-of-image marker. Segments are stepped over because a thumbnail in
/// one of them has an end of its own.
fn jpeg_is_complete(bytes: &[u8]) -> bool {
    let mut at = 2;
    while let Some(&[first, marker]) = bytes.get(at..at + 2) {
        at += match (first, marker) {
            (0xFF, 0xD9) => return true,
            (0xFF, 0x00 | 0x01 | 0xD0..=0xD8) => 2, // a stuffed byte, or a marker without a segment
            (0xFF, 0x02..=0xFE) => match bytes.get(at + 2..at + 4) {
                Some(&[high, low]) => 2 + usize::from(u16::from_be_bytes([high, low])),
                _ => return false,
            },
            _ => 1,
        };
    }
    false
}

/// Whether a PNG's palette has 1 to 256 colours of three bytes: the decoder (png 0.18) panics over any other.
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

/// Whether a WebP has as many bytes as its RIFF header states.
fn webp_is_complete(bytes: &[u8]) -> bool {
    let stated = bytes.get(4..8).and_then(|size| size.try_into().ok()).map(u32::from_le_bytes);
    stated.is_some_and(|size| bytes.len() as u64 >= 8 + u64::from(size))
}

/// What bytes of no readable format are.
fn describe_foreign(bytes: &[u8]) -> Foreign {
    let head = &bytes[..bytes.len().min(4096)];
    let text = String::from_utf8_lossy(head).to_ascii_lowercase();
    let contains = |tag: &str| text.contains(tag);
    let starts = |magic: &[u8]| head.starts_with(magic);
    // ISO media files: a size, "ftyp", and the brand that says what is inside.
    let brand = head.get(8..12).filter(|_| head.get(4..8) == Some(b"ftyp"));
    match brand {
        Some(b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"mif1" | b"msf1") if !contains("avif") => {
            return Foreign::Heic;
        }
        Some(b"avif" | b"avis" | b"mif1" | b"msf1") => return Foreign::Avif,
        Some(b"crx ") => return Foreign::CameraRaw,
        Some(_) => return Foreign::Video,
        None => {}
    }
    let known = [
        (bytes.is_empty(), Foreign::Empty),
        (contains("<!doctype html") || contains("<html"), Foreign::WebPage),
        (contains("<svg"), Foreign::Svg),
        (starts(b"%PDF"), Foreign::Pdf),
        (starts(b"II*\0") || starts(b"MM\0*"), Foreign::Tiff),
        (starts(b"8BPS"), Foreign::Photoshop),
        (starts(b"\xFF\x0A") || starts(b"\0\0\0\x0CJXL "), Foreign::JpegXl),
        (starts(b"\0\0\0\x0CjP  "), Foreign::Jpeg2000),
        (starts(b"\0\0\x01\0"), Foreign::Icon),
        (starts(b"PK\x03\x04"), Foreign::Zip),
        (contains("__metadata__") || contains("\"dtype\""), Foreign::Checkpoint),
    ];
    known.into_iter().find(|(is, _)| *is).map_or(Foreign::Unknown, |(_, what)| what)
}

/// Whether these are the bytes of a picture, readable or not: a photo whose name ends like another kind of file. Text is none,
/// though it may begin as a picture does ("BMW").
pub fn looks_like_a_photo(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err()
        && (image::guess_format(bytes).is_ok() || matches!(describe_foreign(bytes), Foreign::Heic))
}

/// A decoder's error in this program's words.
fn decoding_error(error: ImageError) -> Error {
    let detail = match &error {
        ImageError::Unsupported(_) => return Error::PhotoFormat { what: Foreign::Kind(one_line(&error)) },
        ImageError::IoError(io) if io.kind() == std::io::ErrorKind::UnexpectedEof => ENDS_EARLY.into(),
        ImageError::Limits(_) => format!("decoding it would take more than {} MB", MAX_BYTES >> 20),
        _ => one_line(&error),
    };
    Error::PhotoCorrupt { detail }
}

/// The first line of a decoder's message, short enough for a sentence.
fn one_line(error: &ImageError) -> String {
    let message = error.to_string();
    message.lines().next().unwrap_or_default().trim_end_matches('.').chars().take(160).collect()
}

/// How a photo becomes an input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fit {
    /// The photo as it is, shrunk only above [`Preprocessing::longest`].
    Whole,
    /// Shorter side to [`Preprocessing::resize`], then the square in the centre.
    #[default]
    Crop,
}

impl Fit {
    pub const ALL: [Fit; 2] = [Fit::Whole, Fit::Crop];

    /// "whole" or "crop".
    pub const fn name(self) -> &'static str {
        match self {
            Fit::Whole => "whole",
            Fit::Crop => "crop",
        }
    }
}

impl fmt::Display for Fit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Fit {
    type Err = Error;
    fn from_str(name: &str) -> Result<Fit> {
        Fit::ALL.into_iter().find(|fit| fit.name() == name).ok_or_else(|| Error::UnknownChoice {
            what: "fit",
            name: name.into(),
            known: Fit::ALL.map(Fit::name).join(", "),
        })
    }
}

/// Pillow's antialiased filters (`ImagingResample`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Interpolation {
    #[default]
    Bilinear,
    Bicubic,
}

/// What a model was trained to expect. Fields that a manifest leaves out are those of torchvision's `IMAGENET1K_V1`
/// weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Preprocessing {
    /// [`Fit::Crop`]: pixels of the shorter side before the crop. Less than `crop` counts as `crop`: torchvision would
    /// pad with black, which is nothing that a photo should be judged by.
    pub resize: usize,
    /// [`Fit::Crop`]: pixels of the square's side.
    pub crop: usize,
    /// [`Fit::Whole`]: pixels of the longer side above which the photo is shrunk to it.
    pub longest: usize,
    pub interpolation: Interpolation,
    /// Red, green, blue, for channels in 0..=1.
    pub mean: [f32; 3],
    pub std: [f32; 3],
    /// The photo becomes grey first: for networks that read one channel.
    pub grey: bool,
}

impl Default for Preprocessing {
    /// torchvision/transforms/_presets.py, `ImageClassification`.
    fn default() -> Preprocessing {
        Preprocessing {
            resize: 256,
            crop: 224,
            longest: 512,
            interpolation: Interpolation::Bilinear,
            mean: [0.485, 0.456, 0.406],
            std: [0.229, 0.224, 0.225],
            grey: false,
        }
    }
}

impl Preprocessing {
    /// The longest side of an input, in pixels.
    pub fn side(&self, fit: Fit) -> usize {
        if fit == Fit::Whole { self.longest } else { self.crop }
    }

    /// For inputs of half the sides, which need a quarter of the memory; None where too little of `photo` would be left to see.
    pub fn halved(&self, fit: Fit, photo: &Photo) -> Option<Preprocessing> {
        let longest = self.longest.min(photo.width.max(photo.height)) / 2;
        let halved = match fit {
            Fit::Whole => Preprocessing { longest, ..self.clone() },
            Fit::Crop => Preprocessing { resize: self.resize / 2, crop: self.crop / 2, ..self.clone() },
        };
        (halved.side(fit) >= 2 * MIN_SIDE).then_some(halved)
    }

    /// Refuses numbers that no photo could be prepared with.
    fn check(&self) -> Result<()> {
        let sides = [("resize", self.resize, 1), ("crop", self.crop, MIN_SIDE), ("longest", self.longest, MIN_SIDE)];
        let out_of_range = sides.into_iter().find(|&(_, side, least)| !(least..=MAX_SIDE).contains(&side));
        let detail = if let Some((name, side, least)) = out_of_range {
            format!("`{name}` is {side}; {least} to {MAX_SIDE} is possible")
        } else if !self.mean.iter().all(|mean| mean.is_finite()) {
            format!("`mean` is {:?}; three finite numbers are needed", self.mean)
        } else if !self.std.iter().all(|std| std.is_normal() && *std > 0.0) {
            format!("`std` is {:?}; three positive numbers are needed", self.std)
        } else {
            return Ok(());
        };
        Err(Error::File { file: "The model's preprocessing".into(), detail })
    }
}

/// A rectangle in photo pixels; may be fractional.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rect {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

/// What goes into the network.
#[derive(Clone, Debug, PartialEq)]
pub struct Prepared {
    pub height: usize,
    pub width: usize,
    pub input: Vec<f32>, // [3, height, width], normalised
    pub rgb: Vec<u8>,    // [height, width, 3], what the network saw
    /// Where `rgb` lies on the photo.
    pub rect: Rect,
}

/// Makes the input of `photo`: torchvision's `Resize`, `CenterCrop`, `ToTensor` and `Normalize` for [`Fit::Crop`]; the
/// photo as it is, or its longer side brought to [`Preprocessing::longest`] by the same filter, for [`Fit::Whole`].
///
/// # Errors
/// [`Error::PhotoTooSmall`] for a whole photo with a side below [`MIN_SIDE`], [`Error::PhotoTooNarrow`] for one that
/// would be after shrinking, for a strip that no fit helps, or whose crop would be a sliver; [`Error::File`] for a preprocessing that makes no sense.
pub fn prepare(photo: &Photo, fit: Fit, preprocessing: &Preprocessing) -> Result<Prepared> {
    preprocessing.check()?;
    let size = (photo.height, photo.width);
    let (short, long) = (photo.width.min(photo.height), photo.width.max(photo.height));
    let minimum = if fit == Fit::Whole { MIN_SIDE } else { 1 };
    if short < minimum && long <= short.saturating_mul(MAX_RATIO) {
        return Err(Error::PhotoTooSmall { width: photo.width, height: photo.height, minimum });
    }
    let limit = match fit {
        Fit::Whole if short < minimum => MAX_RATIO,
        Fit::Whole if long > preprocessing.longest => preprocessing.longest / MIN_SIDE,
        Fit::Whole => usize::MAX,
        Fit::Crop => MAX_RATIO,
    };
    if long > short.saturating_mul(limit) {
        return Err(Error::PhotoTooNarrow { width: photo.width, height: photo.height, limit });
    }

    let (resized, top, left, height, width) = match fit {
        Fit::Whole if long > preprocessing.longest => {
            let other = scaled_side(short, preprocessing.longest, long);
            let resized = by_length(size, other, preprocessing.longest);
            (resized, 0, 0, resized.0, resized.1)
        }
        Fit::Whole => (size, 0, 0, photo.height, photo.width),
        Fit::Crop => {
            let crop = preprocessing.crop;
            let shorter = preprocessing.resize.max(crop);
            let resized = by_length(size, shorter, scaled_side(long, shorter, short));
            (resized, crop_offset(resized.0, crop), crop_offset(resized.1, crop), crop, crop)
        }
    };
    let rgb = if resized == size && (height, width) == size {
        photo.rgb.clone()
    } else {
        // Only what the crop keeps is computed: the resized panorama itself may be large.
        let (rows, columns) = (top..top + height, left..left + width);
        super::resample::resample(&photo.rgb, size, resized, rows, columns, preprocessing.interpolation)
    };

    let rgb = if preprocessing.grey { grey(&rgb) } else { rgb };

    let (down, across) = (photo.height as f64 / resized.0 as f64, photo.width as f64 / resized.1 as f64);
    let rect = Rect {
        x: left as f64 * across,
        y: top as f64 * down,
        width: width as f64 * across,
        height: height as f64 * down,
    };
    Ok(Prepared { height, width, input: normalise(&rgb, preprocessing), rgb, rect })
}

/// Pillow's `convert("L")`, once for each channel: ITU-R 601-2 luma in 16 bits. Source: `libImaging/Convert.c`, `L24`.
fn grey(rgb: &[u8]) -> Vec<u8> {
    let luma = |&[r, g, b]: &[u8; 3]| {
        let [r, g, b] = [r, g, b].map(u32::from);
        ((r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16) as u8
    };
    rgb.as_chunks::<3>().0.iter().flat_map(|pixel| [luma(pixel); 3]).collect()
}

/// torchvision/transforms/functional.py, `_compute_resized_output_size`: `int(requested * side / other)`.
fn scaled_side(side: usize, requested: usize, other: usize) -> usize {
    (requested as u64 * side as u64 / other as u64) as usize
}

/// `(short, long)` put in the order of `(height, width)`.
fn by_length((height, width): (usize, usize), short: usize, long: usize) -> (usize, usize) {
    if width <= height { (long, short) } else { (short, long) }
}

/// torchvision/transforms/functional.py, `center_crop`: `int(round((side - crop) / 2.0))`, where Python rounds halves
/// to even.
fn crop_offset(side: usize, crop: usize) -> usize {
    ((side - crop) as f64 / 2.0).round_ties_even() as usize
}

/// `rgb: [h, w, 3]` to `[3, h, w]`: `(x / 255 - mean) / std`, each step in f32, as `ToTensor`, `Normalize` do.
fn normalise(rgb: &[u8], preprocessing: &Preprocessing) -> Vec<f32> {
    let mut input = Vec::with_capacity(rgb.len());
    for channel in 0..3 {
        let (mean, std) = (preprocessing.mean[channel], preprocessing.std[channel]);
        let table: [f32; 256] = std::array::from_fn(|x| (x as f32 / 255.0 - mean) / std);
        input.extend(rgb.iter().skip(channel).step_by(3).map(|&x| table[usize::from(x)]));
    }
    input
}
