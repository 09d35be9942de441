//! What a photo's metadata says: which way is up, and whether its colours are sRGB's.
//!
//! Damaged metadata is no reason to refuse a photo whose pixels are fine: it says nothing then.

use exif::{In, Reader, Tag, Value};
use image::metadata::Orientation;
use moxcms::{ColorProfile, DataColorSpace, ProfileText, Xyzd};

/// How much larger than sRGB's the triangle of a profile's primaries must be (CIE 1931 xy, adapted
/// to D50) to count as a wider gamut. sRGB's own profiles differ by 1 %, Display P3's triangle is
/// 1.3 times as large, Adobe RGB's 1.35 times.
const WIDER: f64 = 1.1;

/// Which way is up, as Pillow's `ImageOps.exif_transpose` reads it: `Orientation` of the EXIF
/// block's first directory, whatever type of number it is; without one, `tiff:Orientation` of the
/// XMP packet.
pub fn orientation(exif: Option<&[u8]>, xmp: Option<&[u8]>) -> Orientation {
    let number = exif.and_then(exif_orientation).or_else(|| xmp.and_then(xmp_orientation));
    number.and_then(Orientation::from_exif).unwrap_or(Orientation::NoTransforms)
}

/// None where the tag is absent; 0 where it is no whole number of one byte.
fn exif_orientation(block: &[u8]) -> Option<u8> {
    let block = block.strip_prefix(b"Exif\0\0").unwrap_or(block);
    let mut reader = Reader::new();
    reader.continue_on_error(true);
    let exif = reader
        .read_raw(block.to_vec())
        .or_else(|error| error.distill_partial_result(|_| ()))
        .ok()?;
    let number = match &exif.get_field(Tag::Orientation, In::PRIMARY)?.value {
        Value::Short(values) => values.first().map(|&value| value.into()),
        Value::Long(values) => values.first().map(|&value| value.into()),
        Value::SByte(values) => values.first().map(|&value| value.into()),
        Value::SShort(values) => values.first().map(|&value| value.into()),
        Value::SLong(values) => values.first().map(|&value| value.into()),
        Value::Rational(values) => values.first().map(|value| value.to_f64()),
        Value::SRational(values) => values.first().map(|value| value.to_f64()),
        Value::Float(values) => values.first().map(|&value| value.into()),
        Value::Double(values) => values.first().copied(),
        _ => None,
    };
    let number = number.unwrap_or(0.0);
    Some(if number.fract() == 0.0 { number as u8 } else { 0 })
}

/// Pillow's pattern: `tiff:Orientation(="|>)([0-9])`.
fn xmp_orientation(packet: &[u8]) -> Option<u8> {
    let packet = String::from_utf8_lossy(packet);
    let mut values = packet.split("tiff:Orientation").skip(1).filter_map(|rest| {
        let value = rest.strip_prefix("=\"").or_else(|| rest.strip_prefix('>'))?;
        value.chars().next()?.to_digit(10)
    });
    values.next().map(|digit| digit as u8)
}

/// The name of an ICC profile whose primaries span a wider gamut than sRGB's.
pub fn wide_gamut(profile: &[u8]) -> Option<String> {
    let profile = ColorProfile::new_from_slice(profile).ok()?;
    let gamut = |profile: &ColorProfile| {
        let xy = |at: Xyzd| (at.x / (at.x + at.y + at.z), at.y / (at.x + at.y + at.z));
        let [r, g, b] =
            [xy(profile.red_colorant), xy(profile.green_colorant), xy(profile.blue_colorant)];
        ((g.0 - r.0) * (b.1 - r.1) - (b.0 - r.0) * (g.1 - r.1)).abs() / 2.0
    };
    // A profile of tables has no primaries: its gamut is NaN, and not wider.
    let is_wider = gamut(&profile) > WIDER * gamut(&ColorProfile::new_srgb());
    if profile.color_space != DataColorSpace::Rgb || !is_wider {
        return None;
    }
    let name = match profile.description {
        Some(ProfileText::PlainString(name)) => name,
        Some(ProfileText::Localizable(names)) => {
            names.into_iter().map(|name| name.value).next().unwrap_or_default()
        }
        Some(ProfileText::Description(name)) => name.ascii_string,
        None => String::new(),
    };
    let name: String = name.chars().filter(|letter| !letter.is_control()).take(80).collect();
    Some(if name.trim().is_empty() { "one without a name".into() } else { name.trim().into() })
}
