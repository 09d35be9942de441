//! How photos usually become a network's inputs, where nobody says otherwise.

use crate::checkpoint::{Conventions, Network};
use crate::image::Preprocessing;

impl Network {
    /// That of its [`Conventions`].
    pub fn usual_preprocessing(&self) -> Preprocessing {
        self.conventions.usual_preprocessing()
    }
}

impl Conventions {
    /// How photos usually become inputs of networks that were trained so. By PyTorch's conventions: torchvision's ImageNet numbers.
    /// By TensorFlow's: (x − 127) / 128 on 0..255, as EfficientNet-Lite's authors have it, and smaller whole photos, since these
    /// networks know objects at the size that a 224×224 crop has.
    pub fn usual_preprocessing(self) -> Preprocessing {
        match self {
            Conventions::TENSORFLOW => {
                Preprocessing { longest: 256, mean: [127.0 / 255.0; 3], std: [128.0 / 255.0; 3], ..Default::default() }
            }
            _ => Preprocessing::default(),
        }
    }
}
