//! From a photo to the network's input: byte for byte Pillow's and torchvision's. Fixtures:
//! `fixtures/make_photo_fixtures.py`; golden cases: `golden/`.

use gradlens::error::Error;
use gradlens::image::{Fit, Interpolation, Photo, Prepared, Preprocessing, Rect, prepare};
use safetensors::SafeTensors;

mod common;
use common::photos::{difference, read, seeded_photo};

#[test]
fn prepares_as_pillow_and_torchvision_do() {
    let expected = read("fixtures/prepared.safetensors");
    let expected = SafeTensors::deserialize(&expected).unwrap();
    let mut failures = Vec::new();
    for name in expected.names() {
        let parts: Vec<&str> = name.split(['/', 'x']).collect();
        let number = |at: usize| parts[at].parse::<usize>().unwrap();
        let interpolation =
            if parts[0] == "bicubic" { Interpolation::Bicubic } else { Interpolation::Bilinear };
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
            failures.push(format!(
                "{name}: {:.2} % of the bytes differ, by up to {worst}",
                share * 100.0
            ));
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
        assert_eq!(
            got.rect,
            Rect { x: 0.0, y: 0.0, width: photo.width as f64, height: photo.height as f64 }
        );
    }
}

/// Bytes and, where stored, the f32 input: equal bit for bit, since both are the same IEEE
/// operations in the same order.
fn check_golden(case: &str, got: &Prepared) {
    let file = read(&format!("golden/{case}.safetensors"));
    let file = SafeTensors::deserialize(&file).unwrap();
    let image = file.tensor("image").unwrap();
    assert_eq!(image.shape(), [got.height, got.width, 3], "{case}");
    assert_eq!(difference(&got.rgb, image.data()), (0.0, 0), "{case}");
    if let Ok(input) = file.tensor("input") {
        let expected: Vec<u32> =
            input.data().as_chunks::<4>().0.iter().map(|bits| u32::from_le_bytes(*bits)).collect();
        let differing = got
            .input
            .iter()
            .zip(&expected)
            .filter(|(got, expected)| got.to_bits() != **expected)
            .count();
        assert_eq!((got.input.len(), differing), (expected.len(), 0), "{case}: input");
    }
}

#[test]
fn the_rectangle_is_where_the_crop_lies() {
    // 400×300: shorter side to 256 gives 341×256; offsets round(58.5) = 58 (half to even) and 16.
    let got = prepare(&seeded_photo(400, 300), Fit::Crop, &Preprocessing::default()).unwrap();
    let (across, down) = (400.0 / 341.0, 300.0 / 256.0);
    let expected =
        Rect { x: 58.0 * across, y: 16.0 * down, width: 224.0 * across, height: 224.0 * down };
    assert_eq!(got.rect, expected);
    // Shrunk whole photos lie on all of the photo.
    let got = prepare(&seeded_photo(1030, 515), Fit::Whole, &Preprocessing::default()).unwrap();
    assert_eq!((got.width, got.height), (512, 256));
    assert_eq!(got.rect, Rect { x: 0.0, y: 0.0, width: 1030.0, height: 515.0 });
}

#[test]
fn strips_and_specks() {
    let standard = Preprocessing::default();
    let errors = |width, height| {
        [Fit::Whole, Fit::Crop]
            .map(|fit| prepare(&seeded_photo(width, height), fit, &standard).err())
    };
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
    assert_eq!(
        errors(0, 0),
        [small(0, 0), Some(Error::PhotoTooSmall { width: 0, height: 0, minimum: 1 })]
    );
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
    let side =
        |fit, width, height| standard.halved(fit, (width, height)).map(|halved| halved.side(fit));
    assert_eq!(side(Fit::Whole, 1000, 700), Some(256), "of the 512 that it is shrunk to");
    assert_eq!(side(Fit::Whole, 150, 300), Some(150), "of its own");
    assert_eq!(side(Fit::Whole, 120, 100), None, "too little would be left");
    assert_eq!(side(Fit::Crop, 120, 100), Some(112));
    let halved = standard.halved(Fit::Crop, (120, 100)).unwrap();
    assert_eq!(
        prepare(&seeded_photo(120, 100), Fit::Crop, &halved).unwrap().input.len(),
        3 * 112 * 112
    );
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
    let partial: Preprocessing =
        serde_json::from_str(r#"{"resize": 232, "interpolation": "bicubic"}"#).unwrap();
    assert_eq!(
        partial,
        Preprocessing { resize: 232, interpolation: Interpolation::Bicubic, ..Default::default() }
    );
    assert_eq!(serde_json::to_string(&Fit::ALL).unwrap(), r#"["whole","crop"]"#);
    assert_eq!("crop".parse(), Ok(Fit::Crop));
    let error = "stretch".parse::<Fit>().unwrap_err();
    assert_eq!(error.to_string(), "There is no fit `stretch`. Known: whole, crop.");
}
