//! What a file is that no decoder here reads: by its first bytes, for the sentence that refuses it.
//!
//! To extend: a format that needs advice of its own is a variant of [`Foreign`]; any other is a
//! line of [`OTHERS`].

use crate::error::Foreign;

/// First bytes, and the name, of formats of pictures and of measurements that people take for
/// pictures.
const OTHERS: [(&[u8], &str); 22] = [
    (b"SIMPLE  =", "FITS"),
    (b"\x89HDF\r\n\x1a\n", "HDF5"),
    (b"MATLAB 5.0", "MATLAB"),
    (b"NRRD000", "NRRD"),
    (b"ObjectType = Image", "MetaImage"),
    (b"\x76\x2f\x31\x01", "OpenEXR"),
    (b"#?RADIANCE", "Radiance HDR"),
    (b"#?RGBE", "Radiance HDR"),
    (b"DDS ", "DDS"),
    (b"qoif", "QOI"),
    (b"farbfeld", "farbfeld"),
    (b"icns", "ICNS"),
    (b"gimp xcf", "GIMP XCF"),
    (b"BPG\xfb", "BPG"),
    (b"FLIF", "FLIF"),
    (b"II\xbc\x01", "JPEG XR"),
    (b"\xFF\x4F\xFF\x51", "JPEG 2000"),
    (b"AT&TFORM", "DjVu"),
    (b"%!PS", "PostScript"),
    (b"\xd7\xcd\xc6\x9a", "WMF"),
    (b"\x0a\x05\x01\x08", "PCX"),
    (b"\x0a\x05\x01\x01", "PCX"),
];

/// What bytes of no readable format are.
pub fn describe(bytes: &[u8]) -> Foreign {
    let head = &bytes[..bytes.len().min(4096)];
    let text = String::from_utf8_lossy(head).to_ascii_lowercase();
    let contains = |tag: &str| text.contains(tag);
    let starts = |magic: &[u8]| head.starts_with(magic);
    // ISO media files: a size, "ftyp", and the brand that says what is inside.
    let brand = head.get(8..12).filter(|_| head.get(4..8) == Some(b"ftyp"));
    match brand {
        Some(b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"mif1" | b"msf1")
            if !contains("avif") =>
        {
            return Foreign::Heic;
        }
        Some(b"avif" | b"avis" | b"mif1" | b"msf1") => return Foreign::Avif,
        Some(b"crx ") => return Foreign::CameraRaw,
        Some(b"jp2 " | b"jpx " | b"jpm ") => return Foreign::Jpeg2000,
        Some(b"jxl ") => return Foreign::JpegXl,
        Some(_) => return Foreign::Video,
        None => {}
    }
    let known = [
        (bytes.is_empty(), Foreign::Empty),
        (is_dicom(bytes), Foreign::Dicom),
        (is_nifti(head), Foreign::Nifti),
        (starts(b"\x1f\x8b"), Foreign::Gzip),
        (
            starts(b"\x93NUMPY") || (starts(b"PK\x03\x04") && first_name(head).ends_with(b".npy")),
            Foreign::NumPy,
        ),
        (is_netpbm(head), Foreign::Netpbm),
        (contains("<!doctype html") || contains("<html"), Foreign::WebPage),
        (contains("<svg"), Foreign::Svg),
        (starts(b"%PDF"), Foreign::Pdf),
        ([&b"II*\0"[..], b"MM\0*", b"II+\0", b"MM\0+"].into_iter().any(starts), Foreign::Tiff),
        (
            starts(b"FUJIFILMCCD-RAW") || starts(b"IIRO") || starts(b"IIRS") || starts(b"FOVb"),
            Foreign::CameraRaw,
        ),
        (starts(b"8BPS"), Foreign::Photoshop),
        (starts(b"\xFF\x0A") || starts(b"\0\0\0\x0CJXL "), Foreign::JpegXl),
        (starts(b"\0\0\0\x0CjP  "), Foreign::Jpeg2000),
        (starts(b"\0\0\x01\0"), Foreign::Icon),
        (starts(b"PK\x03\x04"), Foreign::Zip),
        (
            starts(b"\x1a\x45\xdf\xa3") || (starts(b"RIFF") && head.get(8..12) == Some(b"AVI ")),
            Foreign::Video,
        ),
        (contains("__metadata__") || contains("\"dtype\""), Foreign::Checkpoint),
    ];
    if let Some((_, what)) = known.into_iter().find(|(is, _)| *is) {
        return what;
    }
    if let Some((_, name)) = OTHERS.into_iter().find(|(magic, _)| starts(magic)) {
        return Foreign::Named(name.into());
    }
    if is_targa(bytes) { Foreign::Targa } else { Foreign::Unknown }
}

/// DICOM (PS3.10): "DICM" behind a preamble that may hold anything, another format's first bytes
/// included. Files without a preamble begin with an element of group 2 or 8, whose type has two
/// capital letters.
pub fn is_dicom(bytes: &[u8]) -> bool {
    let bare = |head: &[u8]| {
        matches!(head[..2], [2 | 8, 0])
            && head[3] == 0
            && head[4..6].iter().all(u8::is_ascii_uppercase)
    };
    bytes.get(128..132) == Some(b"DICM") || bytes.get(..6).is_some_and(bare)
}

/// NIfTI-1 and -2, and Analyze 7.5 before them: the header's own size, in either byte order, then a
/// magic word or a volume's.
fn is_nifti(head: &[u8]) -> bool {
    let size =
        |size: u32| head.starts_with(&size.to_le_bytes()) || head.starts_with(&size.to_be_bytes());
    let magic = |at: usize| matches!(head.get(at..at + 3), Some(b"n+1" | b"ni1" | b"n+2" | b"ni2"));
    (size(348) && (magic(344) || head.len() >= 348)) || (size(540) && magic(4))
}

/// PBM, PGM, PPM (P1 to P6), PAM (P7) and PFM: the magic word, a blank, and then a size or a
/// comment.
fn is_netpbm(head: &[u8]) -> bool {
    let magic =
        matches!(head, [b'P', b'1'..=b'7' | b'F' | b'f', blank, ..] if blank.is_ascii_whitespace());
    let rest = head.get(2..).unwrap_or_default().trim_ascii_start();
    magic
        && rest.first().is_some_and(|next| {
            next.is_ascii_digit() || *next == b'#' || rest.starts_with(b"WIDTH")
        })
}

/// The name of a ZIP's first file.
fn first_name(head: &[u8]) -> &[u8] {
    let length =
        head.get(26..28).map_or(0, |size| usize::from(u16::from_le_bytes([size[0], size[1]])));
    head.get(30..30 + length).unwrap_or_default()
}

/// Targa has no magic word at its beginning: version 2 has one at its end; of version 1 every field
/// of the header must make sense.
fn is_targa(bytes: &[u8]) -> bool {
    if bytes.len() >= 44 && bytes.ends_with(b"TRUEVISION-XFILE.\0") {
        return true;
    }
    let Some(
        &[
            _,
            palette,
            kind,
            _,
            _,
            colours_low,
            colours_high,
            entry,
            ..,
            w0,
            w1,
            h0,
            h1,
            depth,
            flags,
        ],
    ) = bytes.get(..18)
    else {
        return false;
    };
    let colours = u16::from_le_bytes([colours_low, colours_high]);
    let (width, height) = (u16::from_le_bytes([w0, w1]), u16::from_le_bytes([h0, h1]));
    let of_a_palette = match (palette, kind) {
        (1, 1 | 9) => {
            depth == 8 && (1..=256).contains(&colours) && matches!(entry, 15 | 16 | 24 | 32)
        }
        (0, 2 | 10) => colours == 0 && matches!(depth, 15 | 16 | 24 | 32),
        (0, 3 | 11) => colours == 0 && matches!(depth, 8 | 16),
        _ => false,
    };
    of_a_palette && width > 0 && height > 0 && flags & 0xC0 == 0 && flags & 0x0F <= 8
}
