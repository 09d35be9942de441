//! What several tests share.
#![allow(dead_code)] // each test binary uses its part

use gradlens::Method;

pub mod golden_networks;
pub mod golden_weights;
pub mod mobilenet_weights;
pub mod photos;
pub mod random;
pub mod torch_file;

/// Every method by the name of its class in `grad-cam`.
pub const METHODS: [(&str, Method); 10] = [
    ("GradCAM", Method::GradCam),
    ("GradCAMPlusPlus", Method::GradCamPlusPlus),
    ("XGradCAM", Method::XGradCam),
    ("HiResCAM", Method::HiResCam),
    ("GradCAMElementWise", Method::GradCamElementWise),
    ("LayerCAM", Method::LayerCam),
    ("EigenCAM", Method::EigenCam),
    ("EigenGradCAM", Method::EigenGradCam),
    ("ScoreCAM", Method::ScoreCam),
    ("AblationCAM", Method::AblationCam),
];

pub fn method(name: &str) -> Method {
    METHODS.iter().find(|known| known.0 == name).unwrap_or_else(|| panic!("{name}")).1
}
