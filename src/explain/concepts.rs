//! Deep feature factorization: what the last layer found in a photo as a few concepts, each with the
//! places where it is and the classes that it stands for. Looks at no class.
//!
//! Collins, Achanta and Süsstrunk 2018, arXiv 1806.10206, as `grad-cam`'s
//! `DeepFeatureFactorization`: the layer's activations [channels, positions], each channel less its
//! minimum, are factorized into concepts; the classifier says what each concept is. Two departures.
//! The factorization starts where it always starts, not at random numbers. And each concept is named
//! at the strength that it has where it is strongest, which `grad-cam` leaves to those numbers.

use super::nmf::factorize;
use super::types::top;
use super::{Explainer, Score};
use crate::error::{Error, Result};
use crate::image::heatmap::{Cam, normalise, resize};
use crate::image::{Photo, Rect};
use serde::{Deserialize, Serialize};

/// One colour a concept, which can be told apart without colour vision: Okabe and Ito 2008.
pub const COLOURS: [[u8; 3]; 7] = [
    [230, 159, 0],
    [86, 180, 233],
    [0, 158, 115],
    [240, 228, 66],
    [204, 121, 167],
    [213, 94, 0],
    [0, 114, 178],
];

/// How much of its colour a concept has where it is strongest.
const OPACITY: f32 = 0.7;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Concept {
    /// How strong it is at each position [h, w]; 1 where it is strongest.
    pub map: Cam,
    /// The classes that the classifier sees in it, likeliest first.
    pub classes: Vec<Score>,
}

/// The concept that explains most of the layer first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Concepts {
    pub layer: String,
    pub concepts: Vec<Concept>,
    /// Where the network looked on the photo.
    pub rect: Rect,
}

impl Explainer {
    /// The `count` concepts of the last layer, each with the `names` classes that it resembles most.
    ///
    /// Errors: [`Error::NoNetwork`], [`Error::NoPhoto`], [`Error::DeviceLost`].
    pub async fn concepts(&mut self, count: usize, names: usize) -> Result<Concepts> {
        let layer = self.layers().pop().ok_or(Error::NoNetwork)?;
        let (gpu, loaded, target) = self.at(&layer)?;
        gpu.forget_timings();
        let (pass, seen) = loaded.seen()?;
        let tensor = pass.activations(target);
        let planes = gpu.read(tensor).await?;
        let least = |plane: &[f32]| plane.iter().copied().fold(f32::INFINITY, f32::min);
        let planes = planes.chunks_exact(tensor.positions());
        let offsets: Vec<f64> = planes.clone().map(|plane| f64::from(least(plane))).collect();
        let above = |(plane, offset): (&[f32], &f64)| {
            plane.iter().map(|&v| f64::from(v) - offset).collect::<Vec<f64>>()
        };
        let (w, h) = factorize(&planes.zip(&offsets).map(above).collect::<Vec<_>>(), count);

        let mut found = Vec::new();
        for t in 0..count {
            let strengths: Vec<f64> = h.iter().map(|row| row[t]).collect();
            let strongest = strengths.iter().copied().fold(0.0, f64::max);
            let share = w.iter().map(|row| row[t]).sum::<f64>() * strengths.iter().sum::<f64>();
            if share == 0.0 {
                continue; // fewer positions than concepts
            }
            let values = strengths.iter().map(|v| (v / strongest) as f32).collect();
            let features = w.iter().zip(&offsets);
            let features: Vec<f32> =
                features.map(|(row, offset)| (row[t] * strongest + offset) as f32).collect();
            let logits = pass.logits_of_features(gpu, &features).await?;
            let map = Cam { height: tensor.height, width: tensor.width, values };
            let classes = top(&logits, loaded.scores, names);
            found.push((share, Concept { map, classes }));
        }
        pass.run_forward_from(gpu, target);
        found.sort_by(|a, b| b.0.total_cmp(&a.0));
        let concepts = found.into_iter().map(|(_, concept)| concept).collect();
        Ok(Concepts { layer, concepts, rect: seen.rect })
    }
}

impl Concepts {
    /// RGBA [photo.height, photo.width, 4]: each place in the colour of the concept that is strongest
    /// there, of its own strongest. `photo` may be a copy of another size, on which the network looked
    /// at `rect`.
    pub fn paint(&self, photo: &Photo, rect: Rect) -> Vec<u8> {
        let whole = |v: f64| v.round().max(0.0) as usize;
        let (left, top) = (whole(rect.x), whole(rect.y));
        let (height, width) = (whole(rect.height).max(1), whole(rect.width).max(1));
        let stretched = |Concept { map, .. }: &Concept| {
            resize(&normalise(&map.values), (map.height, map.width), (height, width))
        };
        let maps: Vec<Vec<f32>> = self.concepts.iter().map(stretched).collect();
        let mut out = Vec::with_capacity(photo.rgb.len() / 3 * 4);
        for (at, rgb) in photo.rgb.chunks_exact(3).enumerate() {
            let (x, y) =
                ((at % photo.width).wrapping_sub(left), (at / photo.width).wrapping_sub(top));
            let seen = x < width && y < height;
            let values = maps.iter().map(|map| if seen { map[y * width + x] } else { 0.0 });
            let strongest = values.zip(COLOURS).max_by(|a, b| a.0.total_cmp(&b.0));
            let (value, colour) = strongest.unwrap_or_default();
            let mix = |(&photo, colour): (&u8, u8)| {
                let share = OPACITY * value;
                (f32::from(photo) * (1.0 - share) + f32::from(colour) * share).round() as u8
            };
            out.extend(rgb.iter().zip(colour).map(mix).chain([255]));
        }
        out
    }
}
