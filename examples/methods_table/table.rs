//! The tables in Markdown, row by row.

use gradlens::Method;
use gradlens::explain::cam::Group;

use crate::intervals::{Interval, bootstrap, wilson};
use crate::measure::{Entry, LAST_STRIDE, OnPhoto, OnScene};
use crate::pointing::Verdict;

/// What others are compared with, on the pictures that both saw.
pub const REFERENCE: Entry = Entry { stride: LAST_STRIDE, method: Some(Method::GradCam) };

pub const NOTES: &str = "In brackets: 95 % intervals. ▲ better, ▼ worse than Grad-CAM at the last layer on the same pictures: the \
95 % interval of the difference does not reach 0. Among so many comparisons one in twenty does so by chance.";

/// Columns of scenes: of a verdict the value, what it is, and whether more is better.
type OfVerdict = (&'static str, fn(&Verdict) -> f64, bool, bool);
const OF_SCENES: [OfVerdict; 5] = [
    ("points at the object %", |v| f64::from(v.on_mask), true, true),
    ("into its box %", |v| f64::from(v.in_box), true, true),
    ("within 15 pixels %", |v| f64::from(v.nearly), true, true),
    ("heat on it %", |v| v.own, false, true),
    ("heat on the other %", |v| v.other, false, false),
];
/// Columns of photos, in the order of [`OnPhoto::found`], and whether more is better; to be sparse
/// is neither.
const OF_PHOTOS: [(&str, Option<bool>); 4] = [
    ("deletion (low)", Some(false)),
    ("insertion (high)", Some(true)),
    ("ROAD (high)", Some(true)),
    ("sparseness", None),
];

/// Names of the columns and the line below them.
fn head(columns: &[&str]) -> String {
    let columns = [&["layer", "method"], columns].concat();
    format!("| {} |\n|{}", columns.join(" | "), "---|".repeat(columns.len()))
}

fn row(entry: &Entry, cells: &[String]) -> String {
    let grid = match entry.stride {
        LAST_STRIDE => "last, 7×7".to_owned(),
        stride => format!("{0}×{0}", 224 / stride),
    };
    let (layer, method) = match entry.method {
        None => ("none".to_owned(), "the middle of the picture"),
        Some(method) if method.group() == Group::Pixels => ("pixels".to_owned(), method.name()),
        Some(method) => (grid, method.name()),
    };
    format!("| {layer} | {method} | {} |", cells.join(" | "))
}

pub fn head_of_scenes() -> String {
    head(&[&OF_SCENES.map(|(name, ..)| name)[..], &["blank maps", "scenes"]].concat())
}

/// `own` and `compared`, the reference's, are of the same scenes; None where it was not measured.
pub fn of_scenes(entry: &Entry, own: &[OnScene], compared: Option<&[OnScene]>) -> String {
    let seen: Vec<[Verdict; 2]> = own.iter().copied().flatten().collect();
    let pairs = compared.map(|compared| own.iter().zip(compared));
    let pairs: Option<Vec<([Verdict; 2], [Verdict; 2])>> =
        pairs.map(|pairs| pairs.filter_map(|(own, other)| own.zip(*other)).collect());
    let mut cells: Vec<String> = OF_SCENES
        .iter()
        .map(|&(_, value, is_share, more_is_better)| {
            let groups: Vec<Vec<f64>> =
                seen.iter().map(|both| both.iter().map(value).collect()).collect();
            let interval = if is_share {
                let hits = groups.iter().flatten().filter(|&&hit| hit > 0.0).count();
                wilson(hits, 2 * seen.len())
            } else {
                bootstrap(&groups)
            };
            let differences = pairs.as_ref().map(|pairs| {
                let difference = |(own, other): &([Verdict; 2], [Verdict; 2])| {
                    own.iter().zip(other).map(|(a, b)| value(a) - value(b)).collect()
                };
                pairs.iter().map(difference).collect::<Vec<Vec<f64>>>()
            });
            cell(interval, differences.as_deref(), more_is_better, 100.0, 1)
        })
        .collect();
    let blank = seen.iter().flatten().filter(|verdict| verdict.blank).count();
    cells.extend([format!("{blank} of {}", 2 * seen.len()), seen.len().to_string()]);
    row(entry, &cells)
}

pub fn head_of_photos() -> String {
    let names = OF_PHOTOS.map(|(name, _)| name);
    head(&[&names[..], &["photos", "time in forward passes"]].concat())
}

/// `own` and `compared` as in [`of_scenes`].
pub fn of_photos(entry: &Entry, own: &[OnPhoto], compared: Option<&[OnPhoto]>) -> String {
    let value = |photo: &OnPhoto, n: usize| Some(photo.found?[n]);
    let mut cells: Vec<String> = (0..OF_PHOTOS.len())
        .map(|n| {
            let groups: Vec<Vec<f64>> =
                own.iter().map(|photo| value(photo, n).into_iter().collect()).collect();
            let better = OF_PHOTOS[n].1;
            let differences = compared.filter(|_| better.is_some()).map(|compared| {
                let pairs = own.iter().zip(compared);
                let both = pairs.filter_map(|(a, b)| Some(vec![value(a, n)? - value(b, n)?]));
                both.collect::<Vec<_>>()
            });
            cell(bootstrap(&groups), differences.as_deref(), better == Some(true), 1.0, 3)
        })
        .collect();
    let judged = own.iter().filter(|photo| value(photo, 0).is_some()).count();
    let total = |of: fn(&OnPhoto) -> f64| own.iter().map(of).sum::<f64>();
    let time = total(|photo| photo.seconds) / total(|photo| photo.forward);
    cells.push(judged.to_string());
    cells.push(if time < 10.0 { format!("{time:.2}") } else { format!("{time:.0}") });
    row(entry, &cells)
}

/// A mean with its bounds, and whether it is better or worse than the reference.
fn cell(
    interval: Option<Interval>,
    differences: Option<&[Vec<f64>]>,
    more_is_better: bool,
    scale: f64,
    digits: usize,
) -> String {
    let Some(Interval { value, low, high }) = interval else { return "–".into() };
    let sign = match differences.and_then(bootstrap) {
        Some(difference) if difference.differs_from_zero() => {
            if (difference.value > 0.0) == more_is_better { " ▲" } else { " ▼" }
        }
        _ => "",
    };
    let [value, low, high] = [value, low, high].map(|v| v * scale);
    format!("{value:.digits$} ({low:.digits$}–{high:.digits$}){sign}")
}
