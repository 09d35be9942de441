//! How photos usually become a network's inputs, where nobody says otherwise.

use crate::checkpoint::{Conventions, Network};
use crate::image::Preprocessing;

impl Network {
    /// That of its [`Conventions`], with what the network itself asks for.
    pub fn usual_preprocessing(&self) -> Preprocessing {
        // Of grey photos: the mean of the three channels' means and deviations, as timm has it.
        let grey = Preprocessing { mean: [0.449; 3], std: [0.226; 3], ..Default::default() };
        self.fitting(if self.grey { grey } else { self.conventions.usual_preprocessing() })
    }

    /// `preprocessing` with what the network itself asks for: grey photos where it reads one
    /// channel, and its own normalisation.
    pub fn fitting(&self, preprocessing: Preprocessing) -> Preprocessing {
        let (mean, std) = self
            .normalisation
            .map_or((preprocessing.mean, preprocessing.std), |own| (own.mean, own.std));
        Preprocessing { grey: self.grey, mean, std, ..preprocessing }
    }
}

impl Conventions {
    /// How photos usually become inputs of networks that were trained so. By PyTorch's conventions:
    /// torchvision's ImageNet numbers. By TensorFlow's: (x − 127) / 128 on 0..255, as
    /// EfficientNet-Lite's authors have it, and smaller whole photos, since these networks know
    /// objects at the size that a 224×224 crop has.
    pub fn usual_preprocessing(self) -> Preprocessing {
        match self.same_padding {
            true => Preprocessing {
                longest: 256,
                mean: [127.0 / 255.0; 3],
                std: [128.0 / 255.0; 3],
                ..Default::default()
            },
            false => Preprocessing::default(),
        }
    }
}
