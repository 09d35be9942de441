//! Heatmaps against OpenCV and `grad-cam`. Fixtures: `fixtures/make_heatmap_fixtures.py`; golden
//! cases: `golden/`.

use std::{fs, path::PathBuf};

use gradlens::{
    image::heatmap::{
        Cam, ColourMap, Description, Look, blend, describe, heatmap, normalise, npy, on_one_scale,
        on_scale, overlay, resize, value_at,
    },
    image::{Photo, Rect},
};
use safetensors::SafeTensors;

fn read(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests").join(name);
    fs::read(path).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Shape and values of an f32 tensor.
fn floats(file: &SafeTensors, name: &str) -> (Vec<usize>, Vec<f32>) {
    let tensor = file.tensor(name).unwrap_or_else(|error| panic!("{name}: {error}"));
    (
        tensor.shape().to_vec(),
        tensor.data().as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
    )
}

fn cam(file: &SafeTensors, name: &str) -> Cam {
    let (shape, values) = floats(file, name);
    Cam { height: shape[0], width: shape[1], values }
}

/// Share of values that differ at all, and the greatest difference.
fn difference(got: &[f32], expected: &[f32]) -> (f64, f32) {
    assert_eq!(got.len(), expected.len());
    let gaps = || got.iter().zip(expected).map(|(a, b)| (a - b).abs());
    (gaps().filter(|gap| *gap != 0.0).count() as f64 / got.len() as f64, gaps().fold(0.0, f32::max))
}

/// Share of bytes that differ, and the greatest difference.
fn byte_difference(got: &[u8], expected: &[u8]) -> (f64, u8) {
    assert_eq!(got.len(), expected.len());
    let gaps = || got.iter().zip(expected).map(|(a, b)| a.abs_diff(*b));
    (gaps().filter(|gap| *gap > 0).count() as f64 / got.len() as f64, gaps().max().unwrap_or(0))
}

#[test]
fn resizes_as_opencv_does() {
    let file = read("fixtures/heatmap.safetensors");
    let file = SafeTensors::deserialize(&file).unwrap();
    let mut failures = Vec::new();
    for case in file.names().iter().filter_map(|name| name.strip_suffix("/in")) {
        let ((size, values), (out_size, expected)) =
            (floats(&file, &format!("{case}/in")), floats(&file, &format!("{case}/out")));
        let got = resize(&values, (size[0], size[1]), (out_size[0], out_size[1]));
        let (share, worst) = difference(&got, &expected);
        println!("{case}: {:.2} % differ, by at most {worst:e}", share * 100.0);
        // Equal bits; but for maps of one row or column OpenCV takes an older path with f32
        // coordinates, a last bit of 1.0 away.
        let tolerance = if size.contains(&1) { f32::EPSILON } else { 0.0 };
        if worst > tolerance {
            failures.push(format!("{case}: {:.2} % differ, by up to {worst:e}", share * 100.0));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn heatmaps_are_those_of_grad_cam_in_f32() {
    let file = read("fixtures/heatmap.safetensors");
    let file = SafeTensors::deserialize(&file).unwrap();
    let mut failures = Vec::new();
    for case in ["one", "layers", "negative", "negative_and_one", "constant", "tiny", "huge"] {
        let layers = |index: &usize| file.tensor(&format!("heatmap/{case}/cam{index}")).is_ok();
        let cams: Vec<Cam> = (0..)
            .take_while(layers)
            .map(|index| cam(&file, &format!("heatmap/{case}/cam{index}")))
            .collect();
        let (size, expected) = floats(&file, &format!("heatmap/{case}/out"));
        let (share, worst) = difference(&heatmap(&cams, (size[0], size[1])), &expected);
        println!(
            "{case}: {} layers, {:.2} % differ, by at most {worst:e}",
            cams.len(),
            share * 100.0
        );
        if worst > 0.0 {
            failures.push(format!("{case}: {:.2} % differ, by up to {worst:e}", share * 100.0));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Cases, classes and layers whose raw cam and heatmap are stored.
fn golden() -> Vec<(&'static str, &'static str, Vec<&'static str>)> {
    let all = vec!["layer1", "layer2", "layer3", "layer4"];
    vec![
        ("case_both_seed", "top1", all.clone()),
        ("case_both_seed", "c281", vec!["layer4"]),
        ("case_both_seed", "zero", vec!["layer4"]),
        ("case_both_seed", "mixed", vec!["layer4"]),
        ("case_both_tiny64", "top1", all.clone()),
        ("case_both_tiny64", "c281", all.clone()),
        ("case_chelsea_tiny75x53", "top1", all.clone()),
        ("case_chelsea_tiny75x53", "c281", all),
    ]
}

#[test]
fn golden_heatmaps() {
    for (case, class, layers) in golden() {
        let file = read(&format!("golden/{case}.safetensors"));
        let file = SafeTensors::deserialize(&file).unwrap();
        let raw = |layer: &str| cam(&file, &format!("gradcam/{class}/{layer}/raw"));
        let mut maps: Vec<(&str, Vec<Cam>)> =
            layers.iter().map(|layer| (*layer, vec![raw(layer)])).collect();
        if layers.len() > 1 {
            maps.push(("all_layers", layers.iter().map(|layer| raw(layer)).collect()));
        }
        for (name, cams) in maps {
            let (size, expected) = floats(&file, &format!("gradcam/{class}/{name}/cam"));
            let (share, worst) = difference(&heatmap(&cams, (size[0], size[1])), &expected);
            println!("{case} {class} {name}: {:.1} % differ, by at most {worst:e}", share * 100.0);
            // The golden maps were normalised in f64 from unrounded cams. Here, in f32, the stored
            // cam, the subtraction, the division, two mixes and the second division round by at
            // most half a unit of 1.0 each.
            assert!(worst <= 3.0 * f32::EPSILON, "{case} {class} {name}: {worst:e}");
        }
    }
}

#[test]
fn golden_overlays_are_byte_exact() {
    for (case, class, _) in golden() {
        let file = read(&format!("golden/{case}.safetensors"));
        let file = SafeTensors::deserialize(&file).unwrap();
        let (size, stored) = floats(&file, &format!("gradcam/{class}/layer4/cam"));
        let made =
            heatmap(&[cam(&file, &format!("gradcam/{class}/layer4/raw"))], (size[0], size[1]));
        let photo = file.tensor("image").unwrap();
        let expected = file.tensor(&format!("overlay/{class}")).unwrap();
        // The heatmap made from the raw cam differs in last bits (above), but in no case do they
        // tip one of the table's 256 steps.
        for (from, heat) in [("the stored heatmap", stored), ("the raw cam", made)] {
            let got = overlay(photo.data(), &heat, ColourMap::Jet);
            assert_eq!(
                byte_difference(&got, expected.data()),
                (0.0, 0),
                "{case} {class} from {from}"
            );
        }
    }
}

#[test]
fn colour_tables() {
    let file = read("golden/common.safetensors");
    let file = SafeTensors::deserialize(&file).unwrap();
    assert_eq!(ColourMap::Jet.table().as_flattened(), file.tensor("jet_lut_rgb").unwrap().data());
    for (index, colour) in ColourMap::Grey.table().iter().enumerate() {
        assert_eq!(*colour, [index as u8; 3]);
    }
    // Ends as published: matplotlib's _cm_listed.py and Google's turbo, rounded to bytes.
    let ends = |map: ColourMap| (map.table()[0], map.table()[255]);
    assert_eq!(ends(ColourMap::Viridis), ([68, 1, 84], [253, 231, 37]));
    assert_eq!(ends(ColourMap::Magma), ([0, 0, 4], [252, 253, 191]));
    assert_eq!(ends(ColourMap::Turbo), ([48, 18, 59], [122, 4, 3]));
    for map in ColourMap::ALL {
        assert_eq!(map.to_string().parse(), Ok(map));
        assert_eq!(serde_json::to_string(&map).unwrap(), format!("\"{map}\""));
    }
    let error = "rainbow".parse::<ColourMap>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "There is no colour map `rainbow`. Known: jet, viridis, turbo, magma, grey."
    );
}

#[test]
fn overlays_in_each_colour_map_are_byte_exact() {
    let file = read("fixtures/heatmap.safetensors");
    let file = SafeTensors::deserialize(&file).unwrap();
    let photo = file.tensor("overlay/photo").unwrap();
    let (_, heat) = floats(&file, "overlay/heat");
    for map in [ColourMap::Jet, ColourMap::Viridis, ColourMap::Turbo, ColourMap::Magma] {
        let expected = file.tensor(&format!("overlay/{map}")).unwrap();
        assert_eq!(
            byte_difference(&overlay(photo.data(), &heat, map), expected.data()),
            (0.0, 0),
            "{map}"
        );
    }
    assert_eq!(
        overlay(&[0; 6], &[0.0; 2], ColourMap::Grey),
        [0; 6],
        "an all-black picture stays black"
    );
}

#[test]
fn nothing_positive_is_nothing_shown() {
    assert_eq!(normalise(&[0.0; 6]), [0.0; 6]);
    let nothing =
        Cam { height: 2, width: 3, values: vec![-1.0, -2.0, 0.0, -0.0, -1e-30, f32::NAN] };
    assert_eq!(heatmap(&[nothing.clone(), nothing], (8, 9)), vec![0.0; 72]);
}

const WHOLE: Rect = Rect { x: 0.0, y: 0.0, width: 4.0, height: 3.0 };

fn photo() -> Photo {
    Photo::new(4, 3, (0..36).map(|byte| byte * 7).collect())
}

fn without_alpha(rgba: &[u8]) -> Vec<u8> {
    assert!(rgba.iter().skip(3).step_by(4).all(|alpha| *alpha == 255), "the picture is opaque");
    rgba.chunks_exact(4).flat_map(|pixel| &pixel[..3]).copied().collect()
}

#[test]
fn blend_goes_from_photo_to_colours() {
    let heat: Vec<f32> = (0..12).map(|step| step as f32 / 11.0).collect();
    let at = |opacity| {
        without_alpha(&blend(
            &photo(),
            &heat,
            (3, 4),
            WHOLE,
            Look::new(ColourMap::Viridis, opacity),
        ))
    };
    assert_eq!(at(0.0), photo().rgb);
    let colours: Vec<u8> =
        heat.iter().flat_map(|heat| ColourMap::Viridis.table()[(heat * 255.0) as usize]).collect();
    assert_eq!(at(1.0), colours);
    let half: Vec<u8> = photo()
        .rgb
        .iter()
        .zip(&colours)
        .map(|(a, b)| ((u32::from(*a) + u32::from(*b)).div_ceil(2)) as u8)
        .collect();
    assert_eq!(at(0.5), half);
    assert_eq!(at(7.0), at(1.0), "opacity is clamped");
    assert_eq!(at(f32::NAN), at(0.0));
}

#[test]
fn blend_dims_what_the_network_did_not_see() {
    let rect = Rect { x: 1.2, y: 0.6, width: 2.0, height: 1.8 }; // the centres of columns 1 and 2, and of row 1
    let got =
        without_alpha(&blend(&photo(), &[1.0], (1, 1), rect, Look::new(ColourMap::Grey, 1.0)));
    for (at, (got, was)) in got.chunks(3).zip(photo().rgb.chunks(3)).enumerate() {
        if at / 4 == 1 && [1, 2].contains(&(at % 4)) {
            assert_eq!(got, [255; 3], "pixel {at}");
        } else {
            let dimmed: Vec<u8> =
                was.iter().map(|byte| (f32::from(*byte) * 168.0 / 256.0).round() as u8).collect();
            assert_eq!(got, dimmed, "pixel {at}");
        }
    }
}

#[test]
fn blend_lies_where_resize_would_put_it_and_is_smooth() {
    let heat: Vec<f32> = (0..49).map(|at| ((at * 31) % 49) as f32 / 48.0).collect();
    let (height, width) = (60, 90);
    let photo = Photo::new(width, height, vec![0; width * height * 3]);
    let rect = Rect { x: 0.0, y: 0.0, width: width as f64, height: height as f64 };
    let got = blend(&photo, &heat, (7, 7), rect, Look::new(ColourMap::Grey, 1.0));
    let expected = resize(&heat, (7, 7), (height, width));
    for (at, (pixel, heat)) in got.chunks(4).zip(&expected).enumerate() {
        // One table step, where the order of the two mixes tips the truncation.
        assert!(
            pixel[0].abs_diff((heat * 255.0) as u8) <= 1,
            "pixel {at}: {} for {heat}",
            pixel[0]
        );
    }
    // Samples are about 13 pixels apart, so neighbours differ by at most 255/12.8 and a step's
    // rounding.
    for row in got.chunks(width * 4) {
        assert!(row.windows(5).step_by(4).all(|pair| pair[0].abs_diff(pair[4]) <= 21));
    }
}

#[test]
fn below_the_threshold_the_photo_shows_alone() {
    let heat: Vec<f32> = (0..12).map(|step| step as f32 / 11.0).collect();
    let got = without_alpha(&blend(
        &photo(),
        &heat,
        (3, 4),
        WHOLE,
        Look { threshold: 0.5, ..Look::new(ColourMap::Grey, 1.0) },
    ));
    for (at, (got, was)) in got.chunks(3).zip(photo().rgb.chunks(3)).enumerate() {
        let shown = if at < 6 { was.to_vec() } else { vec![(heat[at] * 255.0) as u8; 3] };
        assert_eq!(got, shown, "pixel {at}");
    }
}

#[test]
fn contours_run_where_the_heatmap_passes_quarters() {
    // A slope from left to right, 800 pixels long: lines of two pixels, which begin where 4·heat
    // passes 1, 2 and 3.
    let (width, height) = (800, 5);
    let photo = Photo::new(width, height, vec![60; width * height * 3]);
    let heat: Vec<f32> = (0..width).map(|x| x as f32 / (width - 1) as f32).collect();
    let rect = Rect { x: 0.0, y: 0.0, width: width as f64, height: height as f64 };
    let look = Look { contours: true, ..Look::new(ColourMap::Jet, 0.0) };
    let got = without_alpha(&blend(&photo, &heat, (1, width), rect, look));
    let passes: Vec<usize> =
        [0.25, 0.5, 0.75].map(|quarter| heat.iter().position(|&v| v >= quarter).unwrap()).to_vec();
    for (at, pixel) in got.chunks(3).enumerate() {
        let on_line = passes.iter().any(|&pass| (pass..pass + 2).contains(&(at % width)));
        assert_eq!(
            pixel,
            [if on_line { 255 } else { 60 }; 3],
            "pixel {at}: a white line on a dark photo"
        );
    }
    // From top to bottom, with the network's area starting below the photo's edge.
    let photo = Photo::new(6, 800, vec![200; 6 * 800 * 3]);
    let rect = Rect { x: 0.0, y: 100.0, width: 6.0, height: 600.0 };
    let heat: Vec<f32> = (0..600).map(|y| y as f32 / 599.0).collect();
    let got = without_alpha(&blend(&photo, &heat, (600, 1), rect, look));
    let black: Vec<usize> = (0..800).filter(|y| got[y * 18..][..18] == [0; 18]).collect();
    assert_eq!(black, [250, 251, 400, 401, 550, 551], "and a black line on a light one");
}

#[test]
fn the_value_under_a_point_is_the_one_shown_there() {
    let heat: Vec<f32> = (0..49).map(|at| ((at * 31) % 49) as f32 / 48.0).collect();
    let rect = Rect { x: 10.5, y: 3.25, width: 40.0, height: 61.5 };
    let photo = Photo::new(60, 70, vec![0; 60 * 70 * 3]);
    let shown = blend(&photo, &heat, (7, 7), rect, Look::new(ColourMap::Grey, 1.0));
    for (at, pixel) in shown.chunks(4).enumerate() {
        let point = ((at % 60) as f64 + 0.5, (at / 60) as f64 + 0.5);
        match value_at(&heat, (7, 7), rect, point) {
            // One table step, where the order of the two mixes tips the truncation.
            Some(value) => {
                assert!(
                    pixel[0].abs_diff((value * 255.0) as u8) <= 1,
                    "{point:?}: {} for {value}",
                    pixel[0]
                )
            }
            None => assert_eq!(pixel[..3], [0; 3], "{point:?}: black, dimmed"),
        }
    }
    assert_eq!(value_at(&heat, (7, 7), rect, (10.4, 20.0)), None);
    assert!(value_at(&heat, (7, 7), rect, (10.6, 20.0)).is_some());
}

#[test]
fn a_raw_map_is_a_numpy_file() {
    let cam =
        Cam { height: 2, width: 3, values: vec![0.0, -1.5, 2.0, 3.25, f32::MIN_POSITIVE, 1e9] };
    let file = npy(&cam);
    // What `numpy.lib.format` 1.0 asks for: magic, version, a header of stated length that ends the
    // first 64·n bytes in a newline.
    assert_eq!(file[..8], *b"\x93NUMPY\x01\x00");
    let length = usize::from(u16::from_le_bytes([file[8], file[9]]));
    assert_eq!((10 + length) % 64, 0);
    let header = std::str::from_utf8(&file[10..10 + length]).unwrap();
    assert_eq!(header.trim_end(), "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }");
    assert!(header.ends_with('\n'));
    let values: Vec<f32> =
        file[10 + length..].as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    assert_eq!(values, cam.values);
}

#[test]
fn blend_is_fast_enough_to_drag_a_slider() {
    let (width, height) = (2400, 1700);
    let photo = Photo::new(width, height, vec![128; width * height * 3]);
    let rect = Rect { x: 350.5, y: 0.0, width: 1699.0, height: 1700.0 };
    let started = std::time::Instant::now();
    let got =
        blend(&photo, &vec![0.5; 224 * 224], (224, 224), rect, Look::new(ColourMap::Jet, 0.5));
    let elapsed = started.elapsed();
    println!("4 megapixels blended in {elapsed:?}");
    assert_eq!(got.len(), width * height * 4);
    // Measured at 60 ms unhurried in this profile; the bound only catches another order of
    // magnitude on a busy machine.
    assert!(elapsed.as_millis() < 1500, "{elapsed:?}");
}

#[test]
fn a_scale_that_is_shared() {
    let cam = Cam { height: 1, width: 4, values: vec![-1.0, f32::NAN, 1.0, 6.0] };
    let same = (1, 4);
    assert_eq!(on_scale(&cam, same, 4.0), [0.0, 0.0, 0.25, 1.0], "no more than the top");
    // Of the same maps and their own maximum it is the scale of several.
    let other = Cam { height: 1, width: 4, values: vec![0.0, 1.5, 3.0, 0.5] };
    let both = on_one_scale(&[cam.clone(), other.clone()], same);
    assert_eq!(both[0], on_scale(&cam, same, 6.0));
    assert_eq!(both[1], on_scale(&other, same, 6.0));
}

#[test]
fn descriptions() {
    let mut heat = vec![0.0; 90]; // [9, 10]
    (heat[0], heat[1], heat[10]) = (1.0, 0.6, 0.5);
    assert_eq!(
        describe(&heat, (9, 10)),
        Description { column: 0, row: 0, share: 2.0 / 90.0, peak: (0.05, 0.5 / 9.0) }
    );
    heat[89] = 2.0;
    assert_eq!(
        describe(&heat, (9, 10)),
        Description { column: 2, row: 2, share: 1.0 / 90.0, peak: (0.95, 8.5 / 9.0) }
    );
    assert_eq!(
        describe(&[0.2, 0.2, 0.9, 0.9], (1, 4)),
        Description { column: 2, row: 1, share: 0.5, peak: (0.75, 0.5) }
    );
    assert_eq!(
        describe(&[1.0; 12], (3, 4)),
        Description { column: 1, row: 1, share: 1.0, peak: (0.5, 0.5) }
    );
    assert_eq!(
        describe(&[0.0; 12], (3, 4)),
        Description { column: 1, row: 1, share: 0.0, peak: (0.5, 0.5) }
    );
}
