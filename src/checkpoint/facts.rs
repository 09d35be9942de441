//! What a file says about a network beside its tensors: the name that it was made by, and the
//! attributes of pickled modules.

use std::collections::BTreeMap;

/// A pickled `nn.Module`, or one of TorchScript's, of which only the class is known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Module {
    /// The class's own name: "BatchNorm2d".
    pub class: String,
    pub epsilon: Option<f64>,
    /// Of convolutions and poolings, where both sides are the same.
    pub ksize: Option<i64>,
    pub stride: Option<i64>,
    pub padding: Option<i64>,
    pub dilation: Option<i64>,
}

/// Empty for files that hold tensors alone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// What stands under keys like `arch`: "resnet50", "tf_efficientnet_lite0".
    pub words: Vec<String>,
    /// By path; those of the chosen network by their torchvision names.
    pub modules: BTreeMap<String, Module>,
    /// A configuration of OpenMMLab says that strides sit in the 1×1 convolutions.
    pub caffe_style: bool,
}

impl Facts {
    /// Remembers a text of the file that may tell what the network is.
    pub fn say(&mut self, names_a_network: bool, text: &str) {
        const MOST: usize = 16;
        if names_a_network && text.len() <= 64 && self.words.len() < MOST {
            self.words.push(text.to_lowercase());
        }
        self.caffe_style |= text.contains("style='caffe'") || text.contains("style=\"caffe\"");
    }

    /// A batch norm's epsilon, if the file tells it.
    pub fn epsilon(&self, module: &str) -> Option<f64> {
        self.modules.get(module)?.epsilon
    }
}
