//! Photos as people have them: what Pillow reads is read, to its pixels, and what is no photo is
//! named. Fixtures: `fixtures/make_odd_photos.py`.

use gradlens::error::{Error, Foreign};
use gradlens::image::{Note, Photo, left_to_the_browser};

mod common;
use common::photos::{compare_with_pillow, photos, read};

#[test]
fn odd_files_give_pillows_pixels() {
    // As in photo.rs: two steps of rounding, and two more where planes of colour are enlarged.
    compare_with_pillow("odd", |name| if name.ends_with(".jpg") { 4 } else { 0 });
}

/// Of a JPEG that has no end, what is there must be the whole picture: separate and progressive
/// scans are cut between scans, too.
#[test]
fn a_missing_end_is_forgiven_and_missing_pixels_are_not() {
    for name in ["scans_apart_no_end.jpg", "progressive_no_end.jpg", "no_end.jpg"] {
        let bytes = read(&format!("fixtures/odd/{name}"));
        let whole = Photo::decode(&bytes).unwrap();
        for length in 0..bytes.len() {
            match Photo::decode(&bytes[..length]) {
                Err(Error::PhotoCorrupt { .. } | Error::PhotoFormat { .. }) => {}
                other => {
                    assert!(
                        other.as_ref() == Ok(&whole) && length + 4 > bytes.len(),
                        "{name}, {length}: {other:?}"
                    )
                }
            }
        }
    }
}

/// A PNG whose pixels are in two chunks, cut between them.
#[test]
fn a_png_without_its_second_half_is_refused() {
    let whole = read("fixtures/photos/rgb.png");
    let at = whole.windows(4).position(|tag| tag == b"IDAT").unwrap() - 4;
    let length = u32::from_be_bytes(whole[at..at + 4].try_into().unwrap()) as usize;
    let (first, second) = whole[at + 8..at + 8 + length].split_at(length / 2);
    let chunk = |data: &[u8]| {
        let body = [b"IDAT", data].concat();
        [&(data.len() as u32).to_be_bytes()[..], &body, &crc32fast::hash(&body).to_be_bytes()]
            .concat()
    };
    let half = [&whole[..at], &chunk(first)].concat();
    assert!(matches!(Photo::decode(&half), Err(Error::PhotoCorrupt { .. })));
    let both = [&half[..], &chunk(second)].concat();
    assert_eq!(Photo::decode(&both), Photo::decode(&whole), "only the end is missing");
}

#[test]
fn a_wide_gamut_is_said() {
    for (name, bytes) in photos("odd") {
        let profile = match &name[..name.find('.').unwrap()] {
            "display_p3" => Some("Display P3"),
            "adobe_rgb" => Some("Adobe RGB (1998)"),
            _ => None,
        };
        let notes = Photo::decode(&bytes).unwrap().notes;
        let expected = profile.map(|profile| Note::WideGamut { profile: profile.into() });
        assert_eq!(notes, Vec::from_iter(expected), "{name}");
        for note in notes {
            assert!(note.to_string().contains("gamut") && note.chinese().contains("色域"));
        }
    }
}

/// Twelve bits in the low end of sixteen look black; opacity is no colour, and a white pixel not
/// yet light.
#[test]
fn a_picture_of_twelve_bits_in_sixteen_is_hinted_at() {
    let png = |colour: u8, brightest: u16| {
        let mut file = Vec::new();
        let spread = |at: u32| (at * 7919 % (u32::from(brightest) + 1)) as u16;
        let mut samples: Vec<u16> = (0..40 * 40 * u32::from(colour)).map(spread).collect();
        samples[77] = u16::MAX;
        let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_ne_bytes()).collect();
        let kind = if colour == 1 {
            image::ExtendedColorType::L16
        } else {
            image::ExtendedColorType::Rgb16
        };
        image::ImageEncoder::write_image(
            image::codecs::png::PngEncoder::new(&mut file),
            &bytes,
            40,
            40,
            kind,
        )
        .unwrap();
        Photo::decode(&file).unwrap().notes
    };
    for colour in [1, 3] {
        assert_eq!(png(colour, 4095), [Note::NearlyBlack { bits: 12 }]);
        assert_eq!(png(colour, 255), [Note::NearlyBlack { bits: 8 }]);
        assert_eq!(png(colour, 0), [Note::NearlyBlack { bits: 0 }]);
        assert_eq!(png(colour, 40_000), []);
    }
    assert_eq!(Photo::decode(&read("fixtures/photos/rgba16.png")).unwrap().notes, []);
    let note = Note::NearlyBlack { bits: 12 };
    assert!(note.to_string().contains("nearly black") && note.chinese().contains("几乎是黑的"));
}

#[test]
fn what_is_no_photo_is_named() {
    let behind = |length: usize, magic: &[u8]| [&vec![0; length][..], magic, &[0; 40]].concat();
    let mut nifti = behind(344, b"n+1\0");
    nifti[..4].copy_from_slice(&348_u32.to_le_bytes());
    let mut big_endian = behind(344, b"ni1\0");
    big_endian[..4].copy_from_slice(&348_u32.to_be_bytes());
    let mut second = behind(4, b"n+2\0\r\n\x1a\n");
    second[..4].copy_from_slice(&540_u32.to_le_bytes());
    // The preamble of a DICOM file may make it another format's, too.
    let mut double = behind(128, b"DICM");
    double[..4].copy_from_slice(b"II*\0");
    let mut jpeg = behind(128, b"DICM");
    jpeg[..3].copy_from_slice(b"\xFF\xD8\xFF");
    let targa = |kind: u8, depth: u8| {
        let head = [0, 0, kind, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20, 0, 10, 0, depth, 0x20];
        [&head[..], &[90; 800]].concat()
    };
    let mut archive = b"PK\x03\x04".to_vec();
    archive.extend([0; 22]);
    archive.extend([9, 0, 0, 0]);
    archive.extend(b"image.npy\x93NUMPY");
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("DICOM", behind(128, b"DICM")),
        ("DICOM", double),
        ("DICOM", jpeg),
        ("DICOM", b"\x08\0\x05\0CS\x0a\0ISO_IR 100".to_vec()),
        ("NIfTI", nifti),
        ("NIfTI", big_endian),
        ("NIfTI", second),
        ("gzip", b"\x1f\x8b\x08\0\0\0\0\0".to_vec()),
        ("PPM", b"P6\n2 2\n255\n............".to_vec()),
        ("PPM", b"P3 2 2 255 1 2 3".to_vec()),
        ("PGM", b"P5\n# made by a scanner\n2 2\n255\n....".to_vec()),
        ("PAM", b"P7\nWIDTH 2\nHEIGHT 2\n".to_vec()),
        ("PFM", b"PF\n2 2\n-1.0\n................".to_vec()),
        ("TGA", targa(2, 24)),
        ("TGA", targa(10, 32)),
        ("TGA", targa(3, 8)),
        ("TGA", [&[7; 60][..], b"TRUEVISION-XFILE.\0"].concat()),
        ("TIFF", b"MM\0*\0\0\0\x08".to_vec()),
        ("TIFF", b"II+\0\x08\0\0\0".to_vec()),
        ("NumPy", b"\x93NUMPY\x01\0v\0{'descr': '<f4'}".to_vec()),
        ("NumPy", archive),
        ("JPEG XL", b"\xFF\x0A\xFA\x1F".to_vec()),
        ("JPEG XL", b"\0\0\0\x0CJXL \r\n\x87\n".to_vec()),
        ("JPEG 2000", b"\xFF\x4F\xFF\x51\0\x2F".to_vec()),
        ("FITS", b"SIMPLE  =                    T".to_vec()),
        ("OpenEXR", b"\x76\x2f\x31\x01\x02\0\0\0".to_vec()),
        ("video", b"RIFF\0\0\0\0AVI LIST".to_vec()),
        ("arithmetic", read("fixtures/foreign/arithmetic.jpg")),
        ("separate scans", read("fixtures/foreign/miscounted_scans.jpg")),
        ("no known image", b"P6 is a postcode".to_vec()),
        ("no known image", vec![0; 1000]),
    ];
    for (word, bytes) in cases {
        match Photo::decode(&bytes) {
            Err(error @ Error::PhotoFormat { .. }) => {
                assert!(error.to_string().contains(word), "{error} — expected “{word}”");
                assert!(error.chinese().contains("不是这里能读取的图片"));
            }
            other => panic!("{word}: {other:?}"),
        }
    }
    let named = Photo::decode(&[&b"qoif"[..], &[0; 60]].concat());
    assert_eq!(named, Err(Error::PhotoFormat { what: Foreign::Named("QOI".into()) }));
    assert_eq!(
        left_to_the_browser(&read("fixtures/foreign/miscounted_scans.jpg")),
        Ok(true),
        "it may count better"
    );
}
