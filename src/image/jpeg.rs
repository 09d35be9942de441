//! JPEG: the pixels that libjpeg, and so Pillow, makes of a file, by the `jpeg-decoder` crate.
//!
//! The crate knows separate scans, every ratio of colour planes and progressive files. What libjpeg
//! forgives and the crate does not is settled here, in the segments before the pixels: a missing
//! end marker, missing Huffman tables (webcams' frames), metadata that the crate stumbles over, and
//! which colours the components are. Not read: arithmetic coding, 12 bits, hierarchical files.

use jpeg_decoder::{ColorTransform, Decoder, PixelFormat, UnsupportedFeature};

use super::decode::{Decoded, Samples, check_size, one_line};
use super::metadata;
use crate::error::{Error, Foreign, Result};

const SOI: [u8; 2] = [0xFF, 0xD8];
const EOI: [u8; 2] = [0xFF, 0xD9];
/// A video's mark, at which the crate takes the standard's tables (ITU T.81, K.3) for those that a
/// file leaves out.
const MOTION_JPEG: [u8; 9] = *b"\xFF\xE0\0\x07AVI1\0";
/// Stands behind data that may be cut: more ones than any code has, stuffed, where the crate itself
/// would read zeros.
const ONES: [u8; 64] = {
    let mut ones = [0; 64];
    let mut at = 0;
    while at < ones.len() {
        ones[at] = 0xFF;
        at += 2;
    }
    ones
};

/// What the segments around the pixels say.
#[derive(Default)]
struct File {
    /// The file without metadata, from behind its first marker to before its end marker.
    essence: Vec<u8>,
    /// Whether there is an end marker.
    ended: bool,
    /// Second byte of the frame's marker: 0xC0 is baseline, 0xC2 progressive, 0xC9 arithmetic.
    frame: u8,
    width: u64,
    height: u64,
    components: Vec<Component>,
    /// Whether the crate would lose its place in a scan: see [`File::is_miscounted`].
    miscounted: bool,
    jfif: bool,
    adobe: Option<u8>,
    exif: Vec<u8>,
    xmp: Vec<u8>,
    /// Number and content of each part of the colour profile.
    profile: Vec<(u8, Vec<u8>)>,
}

struct Component {
    id: u8,
    /// Sampling factors.
    h: u64,
    v: u64,
    /// How many bits of each coefficient are still to come; [`NONE_YET`] before the first scan.
    to_come: [u8; 64],
}

const NONE_YET: u8 = 99;

impl File {
    /// Steps from segment to segment: a thumbnail in one of them has markers of its own.
    fn read(bytes: &[u8]) -> File {
        let mut file = File::default();
        let (mut at, mut kept) = (2, 2);
        while let Some(&[first, marker]) = bytes.get(at..at + 2) {
            let content = match (first, marker) {
                (0xFF, 0xD9) => {
                    file.ended = true;
                    break;
                }
                (0xFF, 0x00 | 0x01 | 0xD0..=0xD8) => {
                    at += 2; // a stuffed byte, or a marker without a segment
                    continue;
                }
                (0xFF, 0x02..=0xFE) => bytes.get(at + 2..at + 4),
                _ => {
                    at += 1;
                    continue;
                }
            };
            let Some(&[high, low]) = content else { break };
            let end =
                (at + 2 + usize::from(u16::from_be_bytes([high, low])).max(2)).min(bytes.len());
            file.segment(marker, &bytes[(at + 4).min(end)..end]);
            if matches!(marker, 0xE0..=0xEF | 0xFE) {
                file.essence.extend_from_slice(&bytes[kept..at]);
                kept = end;
            }
            at = end;
        }
        let end = if file.ended { at } else { bytes.len() };
        file.essence.extend_from_slice(&bytes[kept.min(end)..end]);
        if !file.ended {
            // Half an end marker, or fill bytes.
            let whole =
                file.essence.iter().rposition(|&byte| byte != 0xFF).map_or(0, |last| last + 1);
            file.essence.truncate(whole);
        }
        file
    }

    fn segment(&mut self, marker: u8, content: &[u8]) {
        match (marker, content) {
            (0xC0..=0xCF, [_, h0, h1, w0, w1, _, components @ ..])
                if !matches!(marker, 0xC4 | 0xC8 | 0xCC) =>
            {
                self.frame = marker;
                self.height = u16::from_be_bytes([*h0, *h1]).into();
                self.width = u16::from_be_bytes([*w0, *w1]).into();
                let component = |&[id, factors, _]: &[u8; 3]| Component {
                    id,
                    h: (factors >> 4).into(),
                    v: (factors & 0x0F).into(),
                    to_come: [NONE_YET; 64],
                };
                self.components = components.as_chunks::<3>().0.iter().map(component).collect();
            }
            (0xF7, _) => self.frame = marker,
            (0xDA, [count, rest @ ..]) => {
                let (of, rest) = rest.split_at((2 * usize::from(*count)).min(rest.len()));
                let [from, to, bits, ..] = *rest else { return };
                for id in of.iter().step_by(2) {
                    let Some(place) =
                        self.components.iter().position(|component| component.id == *id)
                    else {
                        continue;
                    };
                    self.miscounted |= *count == 1 && self.is_miscounted(place);
                    let range = usize::from(from)..usize::from(to) + 1;
                    if let Some(coefficients) = self.components[place].to_come.get_mut(range) {
                        coefficients.fill(bits & 0x0F);
                    }
                }
            }
            (0xE0, [b'J', b'F', b'I', b'F', 0, ..]) => self.jfif = true,
            (0xEE, [b'A', b'd', b'o', b'b', b'e', _, _, _, _, _, _, transform, ..]) => {
                self.adobe = Some(*transform)
            }
            // As Pillow: what a second block holds stands behind the first, whose directory is the
            // one that counts.
            (0xE1, [b'E', b'x', b'i', b'f', 0, 0, block @ ..]) => {
                self.exif.extend_from_slice(block)
            }
            (0xE1, _) => {
                if let Some(packet) = content.strip_prefix(b"http://ns.adobe.com/xap/1.0/\0") {
                    self.xmp = packet.to_vec();
                }
            }
            (0xE2, _) => {
                if let Some([number, _, part @ ..]) = content.strip_prefix(b"ICC_PROFILE\0") {
                    self.profile.push((*number, part.to_vec()));
                }
            }
            _ => {}
        }
    }

    /// Whether the crate (0.3.2) reads other than the standard's number of blocks from a scan of
    /// this component alone: it cuts the blocks of whole units off at the picture's own size, which
    /// is right for the finest and the coarsest component, and not always between.
    fn is_miscounted(&self, place: usize) -> bool {
        let differs = |side: u64, factor: u64, finest: u64| {
            let blocks = (side * factor).div_ceil(finest.max(1)).div_ceil(8);
            let counted = (side.div_ceil(8 * finest.max(1)) * factor).min(side.div_ceil(8));
            blocks != counted
        };
        let component = &self.components[place];
        let finest =
            |of: fn(&Component) -> u64| self.components.iter().map(of).max().unwrap_or_default();
        self.components.len() > 1
            && (differs(self.width, component.h, finest(|c| c.h))
                || differs(self.height, component.v, finest(|c| c.v)))
    }

    /// What the crate can't read of a JPEG.
    fn foreign(&self) -> Option<Foreign> {
        match self.frame {
            0xC9..=0xCB | 0xCD..=0xCF => Some(Foreign::JpegArithmetic),
            0xF7 => Some(Foreign::Named("JPEG-LS".into())),
            _ => self.miscounted.then_some(Foreign::JpegScans),
        }
    }

    /// Whether the scans hold every bit of every coefficient.
    fn has_every_scan(&self) -> bool {
        let whole = |component: &Component| component.to_come.iter().all(|&bits| bits == 0);
        !self.components.is_empty() && self.components.iter().all(whole)
    }

    /// jdapimin.c of libjpeg-turbo, `default_decompress_parms`.
    fn colours(&self) -> Option<ColorTransform> {
        let named_rgb = self.components.iter().map(|component| component.id).eq(*b"RGB");
        let of_three = match (self.jfif, self.adobe) {
            (false, Some(0)) => ColorTransform::RGB,
            (false, None) if named_rgb => ColorTransform::RGB,
            _ => ColorTransform::YCbCr,
        };
        match (self.components.len(), self.adobe) {
            (3, _) => Some(of_three),
            (4, None | Some(0)) => Some(ColorTransform::CMYK),
            (4, _) => Some(ColorTransform::YCCK),
            _ => None,
        }
    }

    /// Samples as they come from the decoder, which finds `tail` behind the data.
    fn pixels(&self, tail: &[u8]) -> Result<(Vec<u8>, PixelFormat, usize, usize)> {
        let file = [&SOI[..], &MOTION_JPEG, &self.essence, tail, &EOI].concat();
        let mut decoder = Decoder::new(&file[..]);
        if let Some(colours) = self.colours() {
            decoder.set_color_transform(colours);
        }
        let samples = decoder.decode().map_err(failed)?;
        let info = decoder.info().ok_or_else(Error::photo_ends_early)?;
        Ok((samples, info.pixel_format, info.width.into(), info.height.into()))
    }
}

/// Whether a JPEG is of a kind that is not read here.
pub fn is_foreign(bytes: &[u8]) -> bool {
    File::read(bytes).foreign().is_some()
}

/// Reads a JPEG.
///
/// # Errors
/// As `Photo::decode`.
pub fn decode(bytes: &[u8]) -> Result<Decoded> {
    let file = File::read(bytes);
    if let Some(what) = file.foreign() {
        return Err(Error::PhotoFormat { what });
    }
    check_size(file.width, file.height, 3)?;
    // The decoder takes zeros for what is missing, and a heatmap over half a photo would look like
    // an answer. Without an end marker all is there if nothing changes with what follows.
    let decoded = if file.ended {
        file.pixels(&[])?
    } else if file.has_every_scan() {
        let (zeros, ones) = (file.pixels(&[]), file.pixels(&ONES));
        let same = zeros.ok().filter(|zeros| ones.is_ok_and(|ones| ones == *zeros));
        same.ok_or_else(Error::photo_ends_early)?
    } else {
        return Err(Error::photo_ends_early());
    };

    let (samples, format, width, height) = decoded;
    let samples = match format {
        PixelFormat::L8 => Samples::Eight { samples, channels: 1 },
        PixelFormat::L16 => Samples::Sixteen { samples, channels: 1 },
        PixelFormat::RGB24 => Samples::Eight { samples, channels: 3 },
        PixelFormat::CMYK32 => Samples::Eight { samples: rgb_of_cmyk(&samples), channels: 3 },
    };
    let File { exif, xmp, mut profile, .. } = file;
    profile.sort_by_key(|(number, _)| *number);
    let profile: Vec<u8> = profile.into_iter().flat_map(|(_, part)| part).collect();
    Ok(Decoded {
        width,
        height,
        samples,
        orientation: metadata::orientation(Some(&exif), Some(&xmp)),
        profile: Some(profile),
    })
}

/// Pillow's libImaging/Convert.c, `cmyk2rgb`.
fn rgb_of_cmyk(samples: &[u8]) -> Vec<u8> {
    let pixels = samples.as_chunks::<4>().0.iter();
    let divided = |a: u8, b: u8| {
        let product = u32::from(a) * u32::from(b) + 128;
        ((product >> 8) + product) >> 8
    };
    pixels
        .flat_map(|&[c, m, y, k]| {
            [c, m, y].map(|ink| (255 - k).saturating_sub(divided(ink, 255 - k) as u8))
        })
        .collect()
}

/// The decoder's error in this program's words.
fn failed(error: jpeg_decoder::Error) -> Error {
    let detail = match &error {
        jpeg_decoder::Error::Unsupported(UnsupportedFeature::ArithmeticEntropyCoding) => {
            return Error::PhotoFormat { what: Foreign::JpegArithmetic };
        }
        jpeg_decoder::Error::Unsupported(_) => {
            return Error::PhotoFormat { what: Foreign::Kind(one_line(&error)) };
        }
        jpeg_decoder::Error::Io(io) if io.kind() == std::io::ErrorKind::UnexpectedEof => {
            return Error::photo_ends_early();
        }
        _ => one_line(&error),
    };
    Error::PhotoCorrupt { detail }
}
