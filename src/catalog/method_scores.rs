//! How often each method pointed at its object where the truth is known, and what it costs: the
//! table of `weights/emoji50/README.md` in short, which is made of what `examples/methods_table/`
//! prints. A test compares the two.

use crate::explain::cam::Method;

/// Of the last layers, and where pixel-level methods are listed.
pub const LAST_STRIDE: usize = 32;

/// What was measured of one method at layers of one grid.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    pub method: Method,
    /// Input pixels from one cell of the layer to the next.
    pub stride: usize,
    /// In how many of 100 maps the maximum was on the object. `None`: too few maps to say, as the
    /// method is slow.
    pub points: Option<f32>,
    /// How long a map takes, in forward passes.
    pub passes: f32,
}

const fn at(stride: usize, method: Method, points: f32, passes: f32) -> Measured {
    Measured { method, stride, points: Some(points), passes }
}

const fn slow(method: Method, passes: f32) -> Measured {
    Measured { method, stride: LAST_STRIDE, points: None, passes }
}

/// In the order of the table.
pub const MEASURED: [Measured; 31] = [
    at(LAST_STRIDE, Method::GradCam, 83.9, 0.01),
    at(LAST_STRIDE, Method::GradCamPlusPlus, 56.2, 0.02),
    at(LAST_STRIDE, Method::XGradCam, 83.9, 0.02),
    at(LAST_STRIDE, Method::HiResCam, 83.9, 0.01),
    at(LAST_STRIDE, Method::GradCamElementWise, 55.4, 0.01),
    at(LAST_STRIDE, Method::LayerCam, 55.4, 0.01),
    at(LAST_STRIDE, Method::EigenCam, 24.2, 0.05),
    at(LAST_STRIDE, Method::EigenGradCam, 30.2, 0.06),
    at(LAST_STRIDE, Method::FinerCam, 57.2, 0.03),
    at(LAST_STRIDE, Method::ShapleyCam, 56.8, 0.17),
    at(LAST_STRIDE, Method::RefineCam, 56.2, 0.02),
    at(LAST_STRIDE, Method::Fem, 18.9, 0.01),
    at(LAST_STRIDE, Method::KpcaCam, 25.7, 0.14),
    at(LAST_STRIDE, Method::InputXGradient, 41.2, 1.2),
    at(LAST_STRIDE, Method::FullGrad, 43.5, 2.05),
    at(16, Method::GradCam, 80.2, 0.34),
    at(16, Method::HiResCam, 45.9, 0.34),
    at(16, Method::LayerCam, 52.3, 0.34),
    at(16, Method::RefineCam, 88.8, 0.37),
    at(8, Method::GradCam, 26.8, 0.64),
    at(8, Method::HiResCam, 57.1, 0.64),
    at(8, Method::LayerCam, 59.8, 0.65),
    at(8, Method::RefineCam, 88.0, 1.01),
    at(LAST_STRIDE, Method::ScoreCam, 69.6, 17.0),
    at(LAST_STRIDE, Method::AblationCam, 68.9, 13.0),
    slow(Method::SsCam, 493.0),
    slow(Method::IsCam, 185.0),
    slow(Method::SmoothGrad, 123.0),
    slow(Method::IntegratedGradients, 78.0),
    slow(Method::Occlusion, 155.0),
    slow(Method::Rise, 1051.0),
];

/// Of a method at a layer of that stride; pixel-level methods have no layer.
pub fn measured(method: Method, stride: usize) -> Option<&'static Measured> {
    MEASURED.iter().find(|measured| measured.method == method && measured.stride == stride)
}

/// Which quick method pointed best at layers of that stride; the first of several.
pub fn best(stride: usize) -> Option<&'static Measured> {
    let is_candidate =
        |measured: &&Measured| measured.stride == stride && !measured.method.is_slow();
    let candidates = MEASURED.iter().filter(is_candidate);
    // `max_by` takes the last of equal ones.
    candidates.rev().max_by(|a, b| a.points.unwrap_or(0.0).total_cmp(&b.points.unwrap_or(0.0)))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    /// Of fewer maps a share may be more than 10 % off.
    const ENOUGH: usize = 90;

    /// The number that a cell begins with.
    fn number(cell: &str) -> f32 {
        cell.split(' ').next().unwrap().parse().unwrap()
    }

    type Row = HashMap<&'static str, &'static str>;

    /// The first table that has the column: its rows, by the names of their columns.
    fn table(column: &'static str) -> Vec<Row> {
        let readme = include_str!("../../weights/emoji50/README.md");
        let cells = |line: &'static str| line.split('|').map(str::trim).collect::<Vec<_>>();
        let is_head = |line: &&'static str| {
            line.starts_with("| layer | method |") && cells(line).contains(&column)
        };
        let mut lines = readme.lines().skip_while(|line| !is_head(line));
        let head = cells(lines.next().unwrap());
        let rows = lines.skip(1).take_while(|line| line.starts_with('|'));
        rows.map(|line| head.iter().copied().zip(cells(line)).collect()).collect()
    }

    /// What a row is of; `None`: the middle of the picture, which is no method.
    fn entry(row: &Row) -> Option<(usize, Method)> {
        let stride = match row["layer"] {
            "14×14" => 16,
            "28×28" => 8,
            _ => LAST_STRIDE,
        };
        Some((stride, row["method"].parse().ok()?))
    }

    #[test]
    fn is_the_tables_of_the_readme() {
        let photos = table("time in forward passes");
        let expected: Vec<Measured> = table("points at the object %")
            .iter()
            .filter_map(|row| {
                let (stride, method) = entry(row)?;
                let enough = 2 * row["scenes"].parse::<usize>().unwrap() >= ENOUGH;
                let points = enough.then(|| number(row["points at the object %"]));
                let of_photos = photos.iter().find(|other| entry(other) == Some((stride, method)));
                let passes = number(of_photos.unwrap()["time in forward passes"]);
                Some(Measured { method, stride, points, passes })
            })
            .collect();
        assert_eq!(MEASURED.to_vec(), expected);
        assert!(Method::ALL.iter().all(|&method| measured(method, LAST_STRIDE).is_some()));
    }

    #[test]
    fn the_best_of_each_grid() {
        for stride in [8, 16, LAST_STRIDE] {
            let best = best(stride).unwrap();
            let quick = |other: &&Measured| other.stride == stride && !other.method.is_slow();
            let mut others = MEASURED.iter().filter(quick);
            assert!(!best.method.is_slow() && others.all(|other| other.points <= best.points));
        }
        assert_eq!(best(4), None);
    }
}
