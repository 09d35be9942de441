//! The pointing game: does a class's heatmap fall on that class's object? Scenes with two objects,
//! their boxes and exact masks say so.
//!
//! `weights/emoji50/scenes_for_proof.py` writes such scenes; `examples/methods_table/` and
//! `tests/emoji50.rs` judge them. Where a map points is its maximum: on the object's mask, in its
//! box, or within the 15 pixels of the mask that Zhang et al. 2016 (arXiv 1608.00507) allow. Share:
//! the part of all heat that lies on a mask, the object's own against the other object's.
#![allow(dead_code)]

use std::path::Path;

use gradlens::explain::Explanation;
use gradlens::explain::cam::Group;
use gradlens::explain::localization::peak;
use gradlens::{Explainer, Fit, Method, Photo};
use pollster::block_on;
use serde::Deserialize;

/// Pixels.
const TOLERANCE: isize = 15;

#[derive(Deserialize)]
pub struct Scene {
    pub file: String,
    pub mask: String,
    pub held_out: bool,
    pub objects: Vec<Object>,
}

#[derive(Deserialize)]
pub struct Object {
    pub class: usize,
    /// [x0, y0, x1, y1)
    #[serde(rename = "box")]
    pub bounds: [usize; 4],
}

/// What one map of one object came to. A blank one points nowhere and has no heat.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Verdict {
    pub on_mask: bool,
    pub in_box: bool,
    pub nearly: bool,
    pub own: f64,
    pub other: f64,
    pub blank: bool,
}

pub fn scenes(folder: &Path) -> Result<Vec<Scene>, String> {
    let path = folder.join("scenes.json");
    let wrong = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let text = std::fs::read_to_string(&path).map_err(|error| wrong(&error))?;
    serde_json::from_str(&text).map_err(|error| wrong(&error))
}

pub fn picture(path: &Path) -> Result<Photo, String> {
    let bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Photo::decode(&bytes).map_err(|error| format!("{}: {error}", path.display()))
}

impl Scene {
    /// [height, width]: 0 background, 1 the first object, 2 the second.
    pub fn mask(&self, folder: &Path) -> Result<Vec<u8>, String> {
        Ok(picture(&folder.join(&self.mask))?.rgb.chunks_exact(3).map(|pixel| pixel[0]).collect())
    }

    /// Whether both classes are among the best five.
    pub fn both_named(&self, prediction: &gradlens::explain::Prediction) -> bool {
        let top: Vec<usize> = prediction.top(5).iter().map(|score| score.class).collect();
        self.objects.iter().all(|object| top.contains(&object.class))
    }

    /// Judges a map of the `n`-th object, whose heatmap has the size of `mask`.
    pub fn judge(&self, explanation: &Explanation, mask: &[u8], n: usize) -> Verdict {
        let (heatmap, width) = (&explanation.heatmap, explanation.width);
        let total: f64 = heatmap.iter().map(|&heat| f64::from(heat)).sum();
        if total == 0.0 {
            return Verdict { blank: true, ..Default::default() };
        }
        // A pixel-level map is drawn with its largest hundredth clipped to one value.
        let raw = explanation.method.group() == Group::Pixels;
        let values = if raw { &explanation.cam.values } else { heatmap };
        let (x, y) = peak(values, width).unwrap_or_default();
        let (x, y) = (x as usize, y as usize);
        let [x0, y0, x1, y1] = self.objects[n].bounds;
        let own = |at: usize| usize::from(mask[at]) == n + 1;
        let share = |of: &dyn Fn(usize) -> bool| -> f64 {
            let heat = (0..heatmap.len()).filter(|&at| of(at)).map(|at| f64::from(heatmap[at]));
            heat.sum::<f64>() / total
        };
        let near = |at: usize| {
            let across = (at % width) as isize - x as isize;
            let down = (at / width) as isize - y as isize;
            own(at) && across * across + down * down <= TOLERANCE * TOLERANCE
        };
        Verdict {
            on_mask: own(y * width + x),
            in_box: (x0..x1).contains(&x) && (y0..y1).contains(&y),
            nearly: (0..mask.len()).any(near),
            own: share(&own),
            other: share(&|at| usize::from(mask[at]) == 2 - n),
            blank: false,
        }
    }
}

/// Judges maps of both objects of a scene; beside them, whether both classes are among the best
/// five.
pub fn play(
    explainer: &mut Explainer,
    folder: &Path,
    scene: &Scene,
    (layer, method): (&str, Method),
) -> Result<([Verdict; 2], bool), String> {
    let mask = scene.mask(folder)?;
    let photo = picture(&folder.join(&scene.file))?;
    let words = |error: gradlens::Error| error.to_string();
    let prediction = block_on(explainer.predict(&photo, Fit::Whole)).map_err(words)?;
    let mut verdicts = [Verdict::default(); 2];
    for (n, verdict) in verdicts.iter_mut().enumerate() {
        let class = Some(scene.objects[n].class);
        let explanation = block_on(explainer.explain(class, layer, method)).map_err(words)?;
        *verdict = scene.judge(&explanation, &mask, n);
    }
    Ok((verdicts, scene.both_named(&prediction)))
}
