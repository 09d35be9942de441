//! The pointing game: does a class's heatmap fall on that class's object? Scenes with two objects
//! and their exact boxes say so.
//!
//! `weights/emoji50/scenes_for_proof.py` writes such scenes; `examples/pointing_game.rs` and
//! `tests/emoji50.rs` judge them. A hit: the heatmap's maximum lies inside the object's box.
//! Nearly: or within the 15 pixels of it that Zhang et al. 2016 (arXiv 1608.00507) allow. Share:
//! the part of all heat that lies inside a box, the object's own against the other object's.
#![allow(dead_code)]

use std::path::Path;

use gradlens::{Explainer, Fit, Method, Photo};
use pollster::block_on;
use serde::Deserialize;

/// Pixels.
const TOLERANCE: usize = 15;

#[derive(Deserialize)]
pub struct Scene {
    pub file: String,
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

/// Sums over the maps of a method at a layer.
#[derive(Clone, Default)]
pub struct Score {
    pub maps: usize,
    pub hits: usize,
    pub nearly: usize,
    pub blank: usize,
    own: f64,
    other: f64,
}

impl Score {
    pub fn hit_rate(&self) -> f64 {
        self.hits as f64 / self.maps as f64
    }
    /// Mean share of heat in the object's own box, and in the other object's.
    pub fn shares(&self) -> (f64, f64) {
        (self.own / self.maps as f64, self.other / self.maps as f64)
    }
    pub fn row(&self) -> String {
        let (own, other) = self.shares();
        let &Score { maps, blank, .. } = self;
        let [hits, nearly] =
            [self.hits, self.nearly].map(|count| 100.0 * count as f64 / maps as f64);
        format!(
            "{hits:.1} % | {nearly:.1} % | {:.1} % | {:.1} % | {:.1} | {blank} of {maps}",
            100.0 * own,
            100.0 * other,
            own / other
        )
    }
}

pub fn scenes(folder: &Path) -> Vec<Scene> {
    let path = folder.join("scenes.json");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Plays one scene for each (layer, method); returns whether both classes are among the best five.
pub fn play(
    explainer: &mut Explainer,
    folder: &Path,
    scene: &Scene,
    games: &[(&str, Method)],
    scores: &mut [Score],
) -> bool {
    let bytes = std::fs::read(folder.join(&scene.file)).expect("a scene's picture");
    let prediction =
        block_on(explainer.predict(&Photo::decode(&bytes).unwrap(), Fit::Whole)).unwrap();
    let width = prediction.width;
    for (&(layer, method), score) in games.iter().zip(scores) {
        for (n, object) in scene.objects.iter().enumerate() {
            let heatmap =
                block_on(explainer.explain(Some(object.class), layer, method)).unwrap().heatmap;
            let inside = |i: usize, [x0, y0, x1, y1]: [usize; 4]| {
                (x0..x1).contains(&(i % width)) && (y0..y1).contains(&(i / width))
            };
            let share = |bounds: [usize; 4], total: f64| -> f64 {
                let heat = heatmap
                    .iter()
                    .enumerate()
                    .filter(|&(i, _)| inside(i, bounds))
                    .map(|(_, &v)| v as f64);
                heat.sum::<f64>() / total
            };
            let total: f64 = heatmap.iter().map(|&v| v as f64).sum();
            score.maps += 1;
            if total == 0.0 {
                score.blank += 1;
                continue;
            }
            let hottest =
                (0..heatmap.len()).max_by(|&a, &b| heatmap[a].total_cmp(&heatmap[b])).unwrap();
            let [x0, y0, x1, y1] = object.bounds;
            score.hits += inside(hottest, object.bounds) as usize;
            let wider = [
                x0.saturating_sub(TOLERANCE),
                y0.saturating_sub(TOLERANCE),
                x1 + TOLERANCE,
                y1 + TOLERANCE,
            ];
            score.nearly += inside(hottest, wider) as usize;
            score.own += share(object.bounds, total);
            score.other += share(scene.objects[1 - n].bounds, total);
        }
    }
    let top: Vec<usize> = prediction.top(5).iter().map(|s| s.class).collect();
    scene.objects.iter().all(|object| top.contains(&object.class))
}
