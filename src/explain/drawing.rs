//! What somebody marked on a photo, and how well it agrees with a heatmap: for those who predict
//! where a network looks before they see it.

use crate::explain::Explanation;
use crate::explain::localization::mask_iou;

/// Cells along the photo's longer side.
const LONGEST: usize = 128;

/// Radius of a mark, as a share of the photo's longer side.
pub const RADIUS: f64 = 0.05;

/// A place counts as warm from this share of the maximum on.
const WARM: f32 = 0.5;

/// The intersection over union from which a drawing and a heatmap mark the same place; as of boxes
/// in the PASCAL VOC challenge.
const SAME: f32 = 0.5;

/// How far a drawing's heat has to get from what chance gives it towards all of it, to count as
/// partly right.
const PARTLY: f32 = 0.25;

/// Marks on a photo, as cells over the whole of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawing {
    width: usize,
    height: usize,
    /// [height, width]
    marked: Vec<bool>,
}

/// How a drawing and a heatmap agree, over what the network saw.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Agreement {
    /// Intersection over union of the drawing and of what is warm.
    pub iou: f32,
    /// Share of the heat inside the drawing.
    pub heat: f32,
    /// Share of the picture inside the drawing: so much of the heat would lie there by chance.
    pub area: f32,
}

/// An agreement in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Same,
    Partly,
    Chance,
}

impl Drawing {
    /// Nothing is marked yet. `photo`: width and height, in whatever unit.
    pub fn new(photo: (usize, usize)) -> Drawing {
        let longest = photo.0.max(photo.1).max(1);
        let cells = |side: usize| (side * LONGEST).div_ceil(longest).max(1);
        let (width, height) = (cells(photo.0), cells(photo.1));
        Drawing { width, height, marked: vec![false; width * height] }
    }

    /// Columns and rows.
    pub fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    pub fn is_empty(&self) -> bool {
        !self.marked.contains(&true)
    }

    /// Whether a cell is marked; none outside is.
    pub fn is_marked(&self, column: isize, row: isize) -> bool {
        let inside = |at: isize, side: usize| usize::try_from(at).ok().filter(|&at| at < side);
        match (inside(column, self.width), inside(row, self.height)) {
            (Some(column), Some(row)) => self.marked[row * self.width + column],
            _ => false,
        }
    }

    /// Whether the cell under a point is marked. Points are shares of the photo's width and height,
    /// 0..=1.
    pub fn is_marked_at(&self, (x, y): (f64, f64)) -> bool {
        self.is_marked((x * self.width as f64) as isize, (y * self.height as f64) as isize)
    }

    /// Marks a disc around a point, or takes the marks away.
    pub fn dab(&mut self, at: (f64, f64), mark: bool) {
        self.stroke(at, at, mark);
    }

    /// Marks what lies within [`RADIUS`] of the line between two points, or takes the marks away.
    pub fn stroke(&mut self, from: (f64, f64), to: (f64, f64), mark: bool) {
        let (width, height) = (self.width as f64, self.height as f64);
        let radius = RADIUS * width.max(height);
        let [from, to] = [from, to].map(|(x, y)| (x * width, y * height));
        let along = (to.0 - from.0, to.1 - from.1);
        let length = along.0 * along.0 + along.1 * along.1;
        for (at, marked) in self.marked.iter_mut().enumerate() {
            let (x, y) = ((at % self.width) as f64 + 0.5, (at / self.width) as f64 + 0.5);
            let share = ((x - from.0) * along.0 + (y - from.1) * along.1) / length;
            let share = if length > 0.0 { share.clamp(0.0, 1.0) } else { 0.0 };
            let (dx, dy) = (x - from.0 - share * along.0, y - from.1 - share * along.1);
            if dx * dx + dy * dy <= radius * radius {
                *marked = mark;
            }
        }
    }

    /// Which pixels [height, width] of a heatmap of the same photo are marked, whose width and height
    /// are `photo`.
    pub fn on_heatmap(&self, known: &Explanation, photo: (usize, usize)) -> Vec<bool> {
        let rect = &known.rect;
        let marked = |at: usize| {
            let (column, row) = (at % known.width, at / known.width);
            let x = rect.x + (column as f64 + 0.5) / known.width as f64 * rect.width;
            let y = rect.y + (row as f64 + 0.5) / known.height as f64 * rect.height;
            self.is_marked_at((x / photo.0 as f64, y / photo.1 as f64))
        };
        (0..known.heatmap.len()).map(marked).collect()
    }

    /// Compares with a heatmap of the same photo, which is `photo` (width, height) pixels large.
    /// `None` for an empty heatmap.
    pub fn agreement(&self, known: &Explanation, photo: (usize, usize)) -> Option<Agreement> {
        let heat = &known.heatmap;
        let max = heat.iter().copied().fold(0.0, f32::max);
        if max <= 0.0 {
            return None;
        }
        let drawn = self.on_heatmap(known, photo);
        let warm: Vec<bool> = heat.iter().map(|&heat| heat >= WARM * max).collect();
        let sum = |of: &dyn Fn(usize) -> bool| {
            (0..heat.len()).filter(|&at| of(at)).map(|at| f64::from(heat[at])).sum::<f64>()
        };
        let inside = drawn.iter().filter(|&&drawn| drawn).count();
        Some(Agreement {
            iou: mask_iou(&drawn, &warm),
            heat: (sum(&|at| drawn[at]) / sum(&|_| true)) as f32,
            area: inside as f32 / heat.len() as f32,
        })
    }
}

impl Agreement {
    pub fn verdict(&self) -> Verdict {
        let gained = self.heat - self.area;
        if self.iou >= SAME {
            Verdict::Same
        } else if gained >= PARTLY * (1.0 - self.area) && gained > 0.0 {
            Verdict::Partly
        } else {
            Verdict::Chance
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::Question;
    use crate::image::Rect;
    use crate::image::heatmap::Cam;

    /// Four by two heatmap pixels, which lie on the right half of a photo of 80 × 20.
    fn explanation(heatmap: [f32; 8]) -> Explanation {
        let Question { objective, method, .. } = Question::default();
        let cam = Cam { height: 2, width: 4, values: heatmap.to_vec() };
        Explanation {
            class: 0,
            asked: None,
            objective,
            layer: "layer4".into(),
            method,
            aug_smooth: false,
            eigen_smooth: false,
            layers: vec![("layer4".into(), cam.clone())],
            cam,
            heatmap: heatmap.to_vec(),
            height: 2,
            width: 4,
            rect: Rect { x: 40.0, y: 0.0, width: 40.0, height: 20.0 },
            blank: false,
            milliseconds: 0.0,
        }
    }

    const PHOTO: (usize, usize) = (80, 20);

    #[test]
    fn a_stroke_marks_its_surroundings_and_is_taken_away() {
        let mut drawing = Drawing::new(PHOTO);
        assert_eq!(drawing.size(), (128, 32));
        drawing.stroke((0.25, 0.5), (0.75, 0.5), true);
        for (at, marked) in [
            ((0.25, 0.5), true),
            ((0.5, 0.5), true),
            ((0.5, 0.65), true),
            ((0.5, 0.75), false), // 8 cells below; the radius is 6.4
            ((0.22, 0.5), true),
            ((0.19, 0.5), false),
            ((1.0, 1.0), false), // on the edge, which no cell has
        ] {
            assert_eq!(drawing.is_marked_at(at), marked, "{at:?}");
        }
        assert!(!drawing.is_marked(-1, 0) && !drawing.is_marked(0, 32));
        drawing.dab((0.5, 0.5), false);
        assert!(!drawing.is_marked_at((0.5, 0.5)) && drawing.is_marked_at((0.25, 0.5)));
        drawing.stroke((0.0, 0.5), (1.0, 0.5), false);
        assert!(drawing.is_empty());
    }

    #[test]
    fn agreement_is_of_what_the_network_saw() {
        let known = explanation([0.0, 0.0, 0.5, 1.0, 0.0, 0.0, 0.0, 0.5]);
        let mut drawing = Drawing::new(PHOTO);
        // The left half of the photo, which the network did not see.
        drawing.stroke((0.0, 0.5), (0.3, 0.5), true);
        let elsewhere = drawing.agreement(&known, PHOTO).unwrap();
        assert_eq!(elsewhere, Agreement { iou: 0.0, heat: 0.0, area: 0.0 });
        assert_eq!(elsewhere.verdict(), Verdict::Chance);
        // Heatmap pixels are 10 × 10 photo pixels: centres at 45, 55, 65, 75 across and 5, 15 down.
        drawing.dab((75.0 / 80.0, 0.25), true);
        let some = drawing.agreement(&known, PHOTO).unwrap();
        assert_eq!(some, Agreement { iou: 1.0 / 3.0, heat: 0.5, area: 0.125 });
        assert_eq!(some.verdict(), Verdict::Partly);
        drawing.dab((65.0 / 80.0, 0.25), true);
        drawing.dab((75.0 / 80.0, 0.75), true);
        let all = drawing.agreement(&known, PHOTO).unwrap();
        assert_eq!(all, Agreement { iou: 1.0, heat: 1.0, area: 0.375 });
        assert_eq!(all.verdict(), Verdict::Same);
    }

    #[test]
    fn marking_everything_is_chance() {
        let known = explanation([0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
        let mut drawing = Drawing::new(PHOTO);
        for row in 0..8 {
            let y = f64::from(row) / 7.0;
            drawing.stroke((0.0, y), (1.0, y), true);
        }
        let agreement = drawing.agreement(&known, PHOTO).unwrap();
        assert_eq!(agreement, Agreement { iou: 0.125, heat: 1.0, area: 1.0 });
        assert_eq!(agreement.verdict(), Verdict::Chance);
        assert_eq!(drawing.agreement(&explanation([0.0; 8]), PHOTO), None);
    }
}
