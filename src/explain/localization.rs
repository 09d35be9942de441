//! Where a heatmap points, as a box, and how well that agrees with a box drawn by hand.
//!
//! Boxes are [`Rect`]s in the heatmap's pixels. Section 4.1 of the Grad-CAM paper (arXiv
//! 1610.02391) boxes the largest connected segment above 15 % of the maximum; the pointing game is
//! Zhang et al. 2016 (arXiv 1608.00507), the energy share is from Score-CAM (arXiv 1910.01279).

use crate::error::{Error, Result};
use crate::explain::objective::Scores;
use crate::explain::{Explainer, Explanation, Loaded, Progress, Question};
use crate::image::Rect;
use serde::{Deserialize, Serialize};

/// The share of the maximum above which a pixel belongs to the object, as in the paper.
pub const THRESHOLD: f32 = 0.15;

/// A connected part of a heatmap.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Region {
    /// [height, width]: which pixels belong to it.
    pub mask: Vec<bool>,
    /// The smallest box around it.
    pub bounds: Rect,
}

/// The largest region, by pixels, whose heat is above `share` of the maximum; pixels that touch
/// along an edge are connected. None for a blank heatmap.
///
/// # Panics
/// When `heatmap` is not `h·w` long.
pub fn largest_region(heatmap: &[f32], (h, w): (usize, usize), share: f32) -> Option<Region> {
    assert_eq!(heatmap.len(), h * w);
    let max = heatmap.iter().copied().fold(0.0, f32::max);
    if max <= 0.0 {
        return None;
    }
    let mut open: Vec<bool> =
        heatmap.iter().map(|&heat| heat > share * max || heat == max).collect();
    let mut largest: Vec<usize> = Vec::new();
    for start in 0..open.len() {
        if !std::mem::take(&mut open[start]) {
            continue;
        }
        let mut region = vec![start];
        let mut next = 0;
        while next < region.len() {
            let at = region[next];
            next += 1;
            let (y, x) = (at / w, at % w);
            let around =
                [(x > 0, -1), (x + 1 < w, 1), (y > 0, -(w as isize)), (y + 1 < h, w as isize)];
            for (_, step) in around.into_iter().filter(|(inside, _)| *inside) {
                let to = at.wrapping_add_signed(step);
                if std::mem::take(&mut open[to]) {
                    region.push(to);
                }
            }
        }
        if region.len() > largest.len() {
            largest = region;
        }
    }
    let bound = |of: fn(usize, usize) -> usize| {
        let values = || largest.iter().map(|&at| of(at, w));
        (values().min().unwrap_or(0) as f64, values().max().unwrap_or(0) as f64 + 1.0)
    };
    let ((left, right), (top, bottom)) = (bound(|at, w| at % w), bound(|at, w| at / w));
    let mut mask = vec![false; heatmap.len()];
    largest.iter().for_each(|&at| mask[at] = true);
    Some(Region {
        mask,
        bounds: Rect { x: left, y: top, width: right - left, height: bottom - top },
    })
}

/// Intersection over union of two boxes: 0 for strangers, 1 for the same.
pub fn iou(a: &Rect, b: &Rect) -> f32 {
    let overlap = |a: f64, a_size: f64, b: f64, b_size: f64| {
        ((a + a_size).min(b + b_size) - a.max(b)).max(0.0)
    };
    let shared = overlap(a.x, a.width, b.x, b.width) * overlap(a.y, a.height, b.y, b.height);
    let union = a.width * a.height + b.width * b.height - shared;
    if union > 0.0 { (shared / union) as f32 } else { 0.0 }
}

/// The same of two sets of pixels.
///
/// # Panics
/// When they are not of one size.
pub fn mask_iou(a: &[bool], b: &[bool]) -> f32 {
    assert_eq!(a.len(), b.len());
    let count = |of: fn(bool, bool) -> bool| a.iter().zip(b).filter(|(a, b)| of(**a, **b)).count();
    let union = count(|a, b| a || b);
    if union > 0 { count(|a, b| a && b) as f32 / union as f32 } else { 0.0 }
}

/// Where the hottest pixel is, (x, y) in pixels from the upper left corner; of several, as at a
/// replicated border, their centre. None when nothing is above 0.
pub fn peak(heatmap: &[f32], w: usize) -> Option<(f64, f64)> {
    let max = heatmap.iter().copied().fold(0.0, f32::max);
    let peaks: Vec<usize> = (0..heatmap.len()).filter(|&at| heatmap[at] == max).collect();
    let centre = |of: &dyn Fn(usize) -> usize| {
        peaks.iter().map(|&at| of(at) as f64 + 0.5).sum::<f64>() / peaks.len() as f64
    };
    (max > 0.0).then(|| (centre(&|at| at % w), centre(&|at| at / w)))
}

/// Whether the hottest pixel ([`peak`]) lies in the box. False when blank.
pub fn points_into(heatmap: &[f32], w: usize, truth: &Rect) -> bool {
    let inside = |at: f64, from: f64, size: f64| from <= at && at <= from + size;
    peak(heatmap, w)
        .is_some_and(|(x, y)| inside(x, truth.x, truth.width) && inside(y, truth.y, truth.height))
}

/// The share of the heat whose pixels have their centres in the box; 0 when blank.
pub fn energy_share(heatmap: &[f32], w: usize, truth: &Rect) -> f32 {
    let inside =
        |at: usize, from: f64, size: f64| (from..=from + size).contains(&(at as f64 + 0.5));
    let (mut within, mut total) = (0.0f64, 0.0f64);
    for (at, &heat) in heatmap.iter().enumerate() {
        total += f64::from(heat);
        if inside(at % w, truth.x, truth.width) && inside(at / w, truth.y, truth.height) {
            within += f64::from(heat);
        }
    }
    if total > 0.0 { (within / total) as f32 } else { 0.0 }
}

/// A box in a heatmap's pixels [height, width] as one in photo pixels, where the heatmap lies on
/// `rect`.
pub fn to_photo(bounds: &Rect, rect: &Rect, (h, w): (usize, usize)) -> Rect {
    let (x, y) = (rect.width / w as f64, rect.height / h as f64);
    Rect {
        x: rect.x + bounds.x * x,
        y: rect.y + bounds.y * y,
        width: bounds.width * x,
        height: bounds.height * y,
    }
}

/// The way back.
pub fn to_input(bounds: &Rect, rect: &Rect, (h, w): (usize, usize)) -> Rect {
    let (x, y) = (rect.width / w as f64, rect.height / h as f64);
    Rect {
        x: (bounds.x - rect.x) / x,
        y: (bounds.y - rect.y) / y,
        width: bounds.width / x,
        height: bounds.height / y,
    }
}

/// What the network makes of the photo without a part of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Covered {
    /// [height, width]: the pixels of the part.
    pub mask: Vec<bool>,
    /// [classes]
    pub logits: Vec<f32>,
    /// How they become probabilities.
    pub scores: Scores,
    /// What the part was covered with: the colour that normalisation makes 0.
    pub colour: [u8; 3],
}

impl Explainer {
    /// Predicts the last photo again with the pixels of `mask` [height, width] covered by the data
    /// set's mean colour: if the class stays as likely, the network did not need what was there.
    /// The photo stays the last one.
    ///
    /// Errors as [`explain`](Explainer::explain).
    ///
    /// # Panics
    /// When the mask is not of the photo's size.
    pub async fn cover_up(&mut self, mask: &[bool]) -> Result<Covered> {
        let (gpu, loaded, _) = self.at("input")?;
        let input = loaded.covered_input(mask)?;
        let keep_on: Progress<'_> = &mut |_, _| true;
        let logits = loaded.logits_of_inputs(gpu, 1, &mut |_| input.clone(), keep_on).await?;
        Ok(loaded.covered(mask, logits.unwrap_or_default().pop().unwrap_or_default()))
    }

    /// The same, and where the network then looks. The photo stays the last one.
    pub async fn explain_covered(
        &mut self,
        mask: &[bool],
        question: &Question,
    ) -> Result<(Covered, Explanation)> {
        let question = Question { class: Some(self.class(question.class)?), ..question.clone() };
        let (gpu, loaded, _) = self.at("input")?;
        let (input, whole) = (loaded.covered_input(mask)?, loaded.seen()?.1.input.clone());
        loaded.look_at(gpu, input).await?;
        let covered = loaded.covered(mask, loaded.seen()?.1.logits.clone());
        let explanation = self.ask_once(&question, &mut |_, _| true).await;
        let (gpu, loaded, _) = self.at("input")?;
        loaded.look_at(gpu, whole).await?;
        Ok((covered, explanation?.ok_or(Error::NoPhoto)?))
    }
}

impl Loaded {
    /// The last photo's input [3, height, width] with 0, which is the mean colour, under a mask.
    fn covered_input(&self, mask: &[bool]) -> Result<Vec<f32>> {
        let (_, seen) = self.seen()?;
        assert_eq!(seen.input.len(), 3 * mask.len());
        let pixels = seen.input.iter().zip(mask.iter().cycle());
        Ok(pixels.map(|(&x, &covered)| if covered { 0.0 } else { x }).collect())
    }

    fn covered(&self, mask: &[bool], logits: Vec<f32>) -> Covered {
        let colour = self.preprocessing.mean.map(|mean| (255.0 * mean).round() as u8);
        Covered { mask: mask.to_vec(), logits, scores: self.scores, colour }
    }
}
