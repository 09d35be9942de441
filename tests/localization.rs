//! Boxes around regions, and how they agree with others: small pictures whose answers can be
//! counted.

use gradlens::Rect;
use gradlens::explain::localization::{
    THRESHOLD, energy_share, iou, largest_region, points_into, to_input, to_photo,
};
use gradlens::image::heatmap::{Cam, on_one_scale};

fn rect(x: f64, y: f64, width: f64, height: f64) -> Rect {
    Rect { x, y, width, height }
}

/// Rows of digits, tenths of heat.
fn heat(rows: &[&str]) -> (Vec<f32>, (usize, usize)) {
    let values =
        rows.iter().flat_map(|row| row.bytes().map(|b| f32::from(b - b'0') / 10.0)).collect();
    (values, (rows.len(), rows[0].len()))
}

#[test]
fn the_largest_region_wins_not_the_hottest() {
    let (map, size) = heat(&["900000", "000440", "000440", "010040", "550000"]);
    let region = largest_region(&map, size, THRESHOLD).unwrap();
    assert_eq!(region.bounds, rect(3.0, 1.0, 2.0, 3.0));
    assert_eq!(region.mask.iter().filter(|&&inside| inside).count(), 5);
    // Above half of the maximum only: the pair of fives.
    assert_eq!(largest_region(&map, size, 0.5).unwrap().bounds, rect(0.0, 4.0, 2.0, 1.0));
    // At 1 the hottest pixel is left, though nothing is above the maximum.
    assert_eq!(largest_region(&map, size, 1.0).unwrap().bounds, rect(0.0, 0.0, 1.0, 1.0));
}

#[test]
fn corners_do_not_connect_and_rows_do_not_wrap() {
    let (map, size) = heat(&["0005", "5000", "0500"]);
    let region = largest_region(&map, size, 0.1).unwrap();
    assert_eq!(region.mask.iter().filter(|&&inside| inside).count(), 1);
    let (map, size) = heat(&["55", "55"]);
    assert_eq!(largest_region(&map, size, 0.15).unwrap().bounds, rect(0.0, 0.0, 2.0, 2.0));
    assert_eq!(largest_region(&[0.0; 6], (2, 3), 0.15), None);
}

#[test]
fn boxes_are_compared_by_their_overlap() {
    let a = rect(0.0, 0.0, 4.0, 2.0);
    assert_eq!(iou(&a, &a), 1.0);
    assert_eq!(iou(&a, &rect(2.0, 0.0, 4.0, 2.0)), 4.0 / 12.0);
    assert_eq!(iou(&a, &rect(4.0, 0.0, 4.0, 2.0)), 0.0);
    assert_eq!(iou(&a, &rect(9.0, 9.0, 1.0, 1.0)), 0.0);
    assert_eq!(iou(&rect(1.0, 1.0, 0.0, 0.0), &rect(1.0, 1.0, 0.0, 0.0)), 0.0);
}

#[test]
fn boxes_go_to_the_photo_and_back() {
    let crop = rect(100.0, 20.0, 400.0, 200.0);
    let bounds = rect(10.0, 5.0, 20.0, 10.0);
    let on_photo = to_photo(&bounds, &crop, (50, 100));
    assert_eq!(on_photo, rect(140.0, 40.0, 80.0, 40.0));
    assert_eq!(to_input(&on_photo, &crop, (50, 100)), bounds);
}

#[test]
fn pointing_and_energy() {
    let (map, (_, w)) = heat(&["0900", "0010", "0000"]);
    assert!(points_into(&map, w, &rect(1.0, 0.0, 1.0, 1.0)));
    assert!(!points_into(&map, w, &rect(2.0, 0.0, 2.0, 3.0)));
    assert!((energy_share(&map, w, &rect(1.0, 0.0, 1.0, 1.0)) - 0.9).abs() < 1e-6);
    assert!((energy_share(&map, w, &rect(0.0, 0.0, 4.0, 3.0)) - 1.0).abs() < 1e-6);
    // Half a pixel decides by its centre.
    assert_eq!(energy_share(&map, w, &rect(0.0, 0.0, 1.4, 1.0)), 0.0);
    // A replicated border shares the maximum: its middle counts.
    let (edge, (_, w)) = heat(&["00009", "00009", "00009"]);
    assert!(points_into(&edge, w, &rect(4.0, 1.0, 1.0, 1.0)));
    // A blank map points nowhere.
    assert!(!points_into(&[0.0; 6], 3, &rect(0.0, 0.0, 3.0, 2.0)));
    assert_eq!(energy_share(&[0.0; 6], 3, &rect(0.0, 0.0, 3.0, 2.0)), 0.0);
}

#[test]
fn one_scale_for_several_maps() {
    let cam = |values: [f32; 4]| Cam { height: 2, width: 2, values: values.to_vec() };
    let maps = on_one_scale(&[cam([0.0, 1.0, 2.0, -3.0]), cam([8.0, 0.0, 4.0, 4.0])], (2, 2));
    assert_eq!(maps, [[0.0, 0.125, 0.25, 0.0], [1.0, 0.0, 0.5, 0.5]]);
    assert_eq!(on_one_scale(&[cam([-1.0; 4])], (2, 2)), [[0.0; 4]]);
}
