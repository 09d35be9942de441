//! The table in Markdown.

use gradlens::Method;

use crate::intervals::{Interval, bootstrap, wilson};
use crate::measure::{Entry, LAST_STRIDE, OnPhoto, OnScene};
use crate::pointing::Verdict;

/// What others are compared with, on the pictures that both saw.
const REFERENCE: Entry = Entry { stride: LAST_STRIDE, method: Some(Method::GradCam) };

const NOTES: &str = "In brackets: 95 % intervals. ▲ better, ▼ worse than Grad-CAM at the last layer on the same pictures: the \
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

pub fn table(
    entries: &[Entry],
    on_scenes: &[OnScene],
    on_photos: &[Vec<Option<OnPhoto>>],
) -> String {
    let reference = entries.iter().position(|entry| *entry == REFERENCE);
    let both = on_scenes.iter().filter(|scene| scene.named).count();
    let mut lines = vec![format!(
        "{} scenes, both classes among the best five in {both}; {} photos. {NOTES}\n",
        on_scenes.len(),
        on_photos.len()
    )];
    let mut head = vec!["layer", "method"];
    if !on_scenes.is_empty() {
        head.extend(OF_SCENES.map(|(name, ..)| name));
        head.extend(["blank maps", "scenes"]);
    }
    if !on_photos.is_empty() {
        head.extend(OF_PHOTOS.map(|(name, _)| name));
        head.extend(["photos", "time in forward passes"]);
    }
    lines.push(format!("| {} |", head.join(" | ")));
    lines.push(format!("|{}", "---|".repeat(head.len())));
    for (row, entry) in entries.iter().enumerate() {
        let grid = match entry.stride {
            LAST_STRIDE => "last, 7×7".to_owned(),
            stride => format!("{0}×{0}", 224 / stride),
        };
        let (layer, method) = match entry.method {
            None => ("none".to_owned(), "the middle of the picture"),
            Some(method) if method.group() == gradlens::explain::cam::Group::Pixels => {
                ("pixels".to_owned(), method.name())
            }
            Some(method) => (grid, method.name()),
        };
        let mut cells = vec![layer, method.to_owned()];
        if !on_scenes.is_empty() {
            cells.extend(of_scenes(on_scenes, row, reference));
        }
        if !on_photos.is_empty() {
            cells.extend(of_photos(on_photos, row, reference));
        }
        lines.push(format!("| {} |", cells.join(" | ")));
    }
    lines.join("\n")
}

fn of_scenes(on_scenes: &[OnScene], row: usize, reference: Option<usize>) -> Vec<String> {
    let seen: Vec<&OnScene> =
        on_scenes.iter().filter(|scene| scene.verdicts[row].is_some()).collect();
    let verdicts = |row: usize| -> Vec<[Verdict; 2]> {
        seen.iter().filter_map(|scene| scene.verdicts[row]).collect()
    };
    let own = verdicts(row);
    let compared = reference.map(verdicts);
    let mut cells: Vec<String> = OF_SCENES
        .iter()
        .map(|&(_, value, is_share, more_is_better)| {
            let groups: Vec<Vec<f64>> =
                own.iter().map(|both| both.iter().map(value).collect()).collect();
            let interval = if is_share {
                let hits = groups.iter().flatten().filter(|&&hit| hit > 0.0).count();
                wilson(hits, 2 * own.len())
            } else {
                bootstrap(&groups)
            };
            let differences = compared.as_ref().map(|compared| {
                let pairs = own.iter().zip(compared);
                let difference = |(a, b): (&[Verdict; 2], &[Verdict; 2])| {
                    a.iter().zip(b).map(|(a, b)| value(a) - value(b)).collect()
                };
                pairs.map(difference).collect::<Vec<Vec<f64>>>()
            });
            cell(interval, differences.as_deref(), more_is_better, 100.0, 1)
        })
        .collect();
    let blank = own.iter().flatten().filter(|verdict| verdict.blank).count();
    cells.extend([format!("{blank} of {}", 2 * own.len()), own.len().to_string()]);
    cells
}

fn of_photos(
    on_photos: &[Vec<Option<OnPhoto>>],
    row: usize,
    reference: Option<usize>,
) -> Vec<String> {
    let found: Vec<&Vec<Option<OnPhoto>>> =
        on_photos.iter().filter(|photo| photo[row].is_some()).collect();
    let value = |photo: &[Option<OnPhoto>], row: usize, n: usize| {
        photo[row].and_then(|found| found.found).map(|values| values[n])
    };
    let mut cells: Vec<String> = (0..OF_PHOTOS.len())
        .map(|n| {
            let groups: Vec<Vec<f64>> =
                found.iter().map(|photo| value(photo, row, n).into_iter().collect()).collect();
            let better = OF_PHOTOS[n].1;
            let differences = reference.filter(|_| better.is_some()).map(|reference| {
                let both = |photo: &&Vec<Option<OnPhoto>>| {
                    Some(vec![value(photo, row, n)? - value(photo, reference, n)?])
                };
                found.iter().filter_map(both).collect::<Vec<_>>()
            });
            cell(bootstrap(&groups), differences.as_deref(), better == Some(true), 1.0, 3)
        })
        .collect();
    let judged = found.iter().filter(|photo| value(photo, row, 0).is_some()).count();
    let mut times: Vec<f64> =
        found.iter().filter_map(|photo| photo[row].map(|found| found.passes)).collect();
    times.sort_by(f64::total_cmp);
    let time = times.get(times.len() / 2).copied().unwrap_or_default();
    cells.push(judged.to_string());
    cells.push(if time < 10.0 { format!("{time:.2}") } else { format!("{time:.0}") });
    cells
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
