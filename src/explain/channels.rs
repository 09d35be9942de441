//! A layer's channels, one by one: how active each is on a photo, and how much it counts for a
//! class. For people who look inside.

use crate::explain::Planes;
use crate::explain::ranking::largest_first;
use crate::image::heatmap::Cam;
use serde::{Deserialize, Serialize};

/// One channel of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Channel {
    pub index: usize,
    /// Mean activation over all positions: how strongly the photo drives it.
    pub mean: f32,
    /// Mean gradient over all positions: Grad-CAM's weight (arXiv 1610.02391, equation 1).
    pub weight: f32,
}

/// A layer on a photo, seen from a class.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Channels {
    pub class: usize,
    pub layer: String,
    pub channels: Vec<Channel>,
    activations: Planes,
}

impl Channels {
    /// `activations` and `gradient` [channels, height, width] are of `layer`, the gradient that of
    /// `class`'s logit.
    ///
    /// # Panics
    /// When their sizes differ: a mistake of the caller.
    pub fn new(class: usize, layer: &str, activations: Planes, gradient: &Planes) -> Channels {
        assert_eq!(
            activations.planes.len(),
            gradient.planes.len(),
            "activations and gradient of one layer"
        );
        let size = activations.height * activations.width;
        let mean = |plane: &[f32]| {
            (plane.iter().map(|&value| f64::from(value)).sum::<f64>() / size as f64) as f32
        };
        let planes = activations.planes.chunks_exact(size).zip(gradient.planes.chunks_exact(size));
        let channels = planes
            .enumerate()
            .map(|(index, (active, gradient))| Channel {
                index,
                mean: mean(active),
                weight: mean(gradient),
            })
            .collect();
        Channels { class, layer: layer.into(), channels, activations }
    }

    /// [height, width]
    pub fn size(&self) -> (usize, usize) {
        (self.activations.height, self.activations.width)
    }

    /// The `count` channels for which `value` is largest, largest first; equals by number.
    pub fn largest(&self, count: usize, value: fn(&Channel) -> f32) -> Vec<Channel> {
        let values: Vec<f32> = self.channels.iter().map(value).collect();
        largest_first(&values).into_iter().take(count).map(|at| self.channels[at]).collect()
    }

    /// One channel's activations as a map.
    pub fn map(&self, index: usize) -> Cam {
        let (height, width) = self.size();
        Cam {
            height,
            width,
            values: self.activations.planes[index * height * width..][..height * width].to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_weights_and_order() {
        let planes = |planes: Vec<f32>| Planes { channels: 3, height: 1, width: 2, planes };
        let gradient = planes(vec![0.5, -0.5, 1.0, 2.0, -4.0, -2.0]);
        let seen =
            Channels::new(7, "layer2", planes(vec![1.0, 3.0, 0.0, 0.0, 5.0, 4.0]), &gradient);
        let channel = |index, mean, weight| Channel { index, mean, weight };
        assert_eq!(
            seen.channels,
            [channel(0, 2.0, 0.0), channel(1, 0.0, 1.5), channel(2, 4.5, -3.0)]
        );
        assert_eq!(
            seen.largest(2, |channel| channel.mean).iter().map(|c| c.index).collect::<Vec<_>>(),
            [2, 0]
        );
        assert_eq!(
            seen.largest(9, |channel| channel.weight).iter().map(|c| c.index).collect::<Vec<_>>(),
            [1, 0, 2]
        );
        assert_eq!(seen.map(2), Cam { height: 1, width: 2, values: vec![5.0, 4.0] });
    }
}
