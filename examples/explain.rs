//! The native door: a photo and a checkpoint in, `result.json`, `tensors.safetensors` and `overlay.png` out.
//!
//! The same engine as the page, on Vulkan, Metal or DX12. Exits with 1 and one clear line on a bad argument or file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use gradlens::{
    Checkpoint, ColourMap, Error, Explainer, Explanation, Fit, Labels, Method, Network, Photo, Prediction,
    Preprocessing, Result, heatmap,
};
use safetensors::tensor::{Dtype, TensorView};
use serde_json::json;

const USAGE: &str =
    "usage: explain --weights W.safetensors --image PHOTO --out DIR [--labels FILE] [--class INDEX|NAME]
               [--layer layer4] [--method grad-cam] [--fit whole|crop]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|a| a == "--help" || a == "-h") {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    let outcome = Options::parse(&arguments)
        .and_then(|options| pollster::block_on(run(&options)).map_err(|error| error.to_string()));
    match outcome {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(line) => {
            eprintln!("{line}");
            ExitCode::FAILURE
        }
    }
}

struct Options {
    weights: PathBuf,
    image: PathBuf,
    out: PathBuf,
    labels: Option<PathBuf>,
    class: Option<String>,
    layer: String,
    method: Method,
    fit: Fit,
}

impl Options {
    fn parse(arguments: &[String]) -> Result<Options, String> {
        const KNOWN: [&str; 8] =
            ["--weights", "--image", "--out", "--labels", "--class", "--layer", "--method", "--fit"];
        let mut given = BTreeMap::new();
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            if !KNOWN.contains(&word.as_str()) {
                return Err(format!("`{word}` is not an option.\n{USAGE}"));
            }
            let value = words.next().ok_or_else(|| format!("`{word}` needs a value.\n{USAGE}"))?;
            if given.insert(word.as_str(), value.clone()).is_some() {
                return Err(format!("`{word}` stands there twice."));
            }
        }
        let mut need = |name: &str| given.remove(name).ok_or_else(|| format!("`{name}` is missing.\n{USAGE}"));
        let (weights, image, out) = (need("--weights")?.into(), need("--image")?.into(), need("--out")?.into());
        let mut take = |name: &str| given.remove(name);
        let sentence = |error: Error| error.to_string();
        Ok(Options {
            weights,
            image,
            out,
            labels: take("--labels").map(PathBuf::from),
            class: take("--class"),
            layer: take("--layer").unwrap_or_else(|| "layer4".into()),
            method: take("--method").map_or(Ok(Method::GradCam), |m| m.parse()).map_err(sentence)?,
            fit: take("--fit").map_or(Ok(Fit::Whole), |f| f.parse()).map_err(sentence)?,
        })
    }
}

async fn run(options: &Options) -> Result<String> {
    let started = std::time::Instant::now();
    let photo = Photo::decode(&read(&options.image)?)?;
    let network = Network::from_checkpoint(&Checkpoint::read(read(&options.weights)?)?)?;
    let classes = network.fc.classes;
    let labels = match &options.labels {
        Some(path) => {
            let text = String::from_utf8(read(path)?).map_err(|e| Error::LabelFormat { detail: e.to_string() })?;
            Labels::parse(&text)?
        }
        None => Labels::numbered(classes),
    };
    if labels.names.len() != classes {
        return Err(Error::LabelCount { expected: classes, found: labels.names.len() });
    }
    let unknown = |name: &String| Error::UnknownClass { name: name.clone(), classes };
    let class = options.class.as_ref().map(|name| labels.find(name).ok_or_else(|| unknown(name))).transpose()?;

    let mut explainer = Explainer::new().await?;
    explainer.load(&network, Preprocessing::default()).await?;
    let load_ms = started.elapsed().as_secs_f64() * 1e3;
    let prediction = explainer.predict(&photo, options.fit).await?;
    let explanation = explainer.explain(class, &options.layer, options.method).await?;

    let top5: Vec<_> = prediction
        .top(5)
        .into_iter()
        .map(|s| json!({"index": s.class, "label": labels.names[s.class].en, "logit": s.logit, "probability": s.probability}))
        .collect();
    let adapter = explainer.adapter();
    let memory = explainer.memory();
    let result = json!({
        "adapter": {"name": adapter.name, "backend": adapter.backend, "software": adapter.software},
        "network": network.architecture.name,
        "input": {"height": prediction.height, "width": prediction.width, "fit": options.fit, "rect": prediction.rect},
        "top5": top5,
        "class": {"index": explanation.class, "label": labels.names[explanation.class].en},
        "layer": explanation.layer,
        "method": explanation.method.name(),
        "blank": explanation.blank,
        "milliseconds": {"load": load_ms, "predict": prediction.milliseconds, "explain": explanation.milliseconds},
        "gpu_bytes": {"weights": memory.weights, "activations": memory.activations, "gradients": memory.gradients},
    });
    write_all(&options.out, &photo, &prediction, &explanation, &format!("{result:#}\n"))?;
    Ok(format!(
        "{}: {} ({:.1} %); {} at {} in {}",
        options.image.display(),
        labels.names[prediction.top(1)[0].class].en,
        100.0 * prediction.top(1)[0].probability,
        explanation.method,
        explanation.layer,
        options.out.display()
    ))
}

fn write_all(
    out: &Path,
    photo: &Photo,
    prediction: &Prediction,
    explanation: &Explanation,
    result: &str,
) -> Result<()> {
    std::fs::create_dir_all(out).map_err(|e| failed(out, e))?;
    let path = out.join("result.json");
    std::fs::write(&path, result).map_err(|e| failed(&path, e))?;

    let bytes = |values: &[f32]| values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
    let (height, width) = (explanation.height, explanation.width);
    let tensors = [
        ("input", vec![3, height, width], bytes(&prediction.input)),
        ("logits", vec![prediction.logits.len()], bytes(&prediction.logits)),
        ("cam", vec![explanation.cam.height, explanation.cam.width], bytes(&explanation.cam.values)),
        ("heatmap", vec![height, width], bytes(&explanation.heatmap)),
    ];
    let path = out.join("tensors.safetensors");
    let views = tensors.iter().map(|(name, shape, data)| (*name, TensorView::new(Dtype::F32, shape.clone(), data)));
    let views: Result<Vec<_>> = views.map(|(name, view)| Ok((name, view.map_err(|e| failed(&path, e))?))).collect();
    let file = safetensors::serialize(views?, None).map_err(|e| failed(&path, e))?;
    std::fs::write(&path, file).map_err(|e| failed(&path, e))?;

    // As grad-cam's show_cam_on_image where the network saw the whole photo; else the heatmap on its rectangle of it.
    let path = out.join("overlay.png");
    let saved = if [photo.height, photo.width] == [height, width] {
        let pixels = heatmap::overlay(&prediction.rgb, &explanation.heatmap, ColourMap::Jet);
        image::save_buffer(&path, &pixels, width as u32, height as u32, image::ColorType::Rgb8)
    } else {
        let pixels = heatmap::blend(
            photo,
            &explanation.heatmap,
            (height, width),
            explanation.rect,
            heatmap::Look::new(ColourMap::Jet, 0.5),
        );
        image::save_buffer(&path, &pixels, photo.width as u32, photo.height as u32, image::ColorType::Rgba8)
    };
    saved.map_err(|e| failed(&path, e))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|e| failed(path, e))
}

fn failed(path: &Path, error: impl std::fmt::Display) -> Error {
    Error::File { file: path.display().to_string(), detail: error.to_string() }
}
