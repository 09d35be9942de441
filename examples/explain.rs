//! The native door: a photo and a checkpoint in, `result.json`, `tensors.safetensors` and
//! `overlay.png` out.
//!
//! The same engine as the page, on Vulkan, Metal or DX12. Exits with 1 and one clear line on a bad
//! argument or file.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use gradlens::catalog::questions::{Language, Questions, Words};
use gradlens::checkpoint::Conventions;
use gradlens::explain::faithfulness::{self, Curve, Randomized};
use gradlens::explain::localization;
use gradlens::explain::neurons::Neuron;
use gradlens::explain::objective::Scores;
use gradlens::explain::{LAST_LAYER, top};
use gradlens::image::heatmap::Cam;
use gradlens::{
    Checkpoint, ColourMap, Error, Explainer, Explanation, Fit, Labels, Method, Network, Objective,
    Photo, Prediction, Question, Rect, Result, image::heatmap,
};
use safetensors::tensor::{Dtype, TensorView};
use serde_json::{Value, json};

mod command_line;
mod describe;

fn main() -> ExitCode {
    command_line::run(|options: Options| {
        pollster::block_on(run(&options)).map_err(|error| error.to_string())
    })
}

/// What `--also` may ask for.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Also {
    Guided,
    Box,
    Cover,
    Neurons,
    Trust,
    Sanity,
}

/// Explains one prediction: writes result.json, tensors.safetensors and overlay.png.
#[derive(Parser)]
#[command(name = "explain")]
struct Options {
    /// Checkpoint: .safetensors, .pt, .pth
    #[arg(long, value_name = "FILE")]
    weights: PathBuf,
    /// JPEG, PNG, WebP, GIF or BMP
    #[arg(long, value_name = "PHOTO")]
    image: PathBuf,
    /// Folder for the results
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Names of the classes: one a line, or JSON
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// Index or name; the likeliest class unless given
    #[arg(long, value_name = "INDEX|NAME", allow_negative_numbers = true)]
    class: Option<String>,
    /// `last` is the layer that the classifier pools; several layers are fused. Pixel-level methods
    /// (input-x-gradient, smooth-grad, integrated-gradients, occlusion, rise) need none
    #[arg(long = "layer", value_name = "LAYER", value_delimiter = ',', default_value = LAST_LAYER)]
    layers: Vec<String>,
    /// How channels are weighted
    #[arg(long, default_value_t = Method::GradCam)]
    method: Method,
    /// whole or crop; whole unless given, with --ask and --describe crop
    #[arg(long)]
    fit: Option<Fit>,
    /// A question in English or Chinese: prints the three likeliest answers, and explains the first
    #[arg(long, value_name = "QUESTION", conflicts_with_all = ["class", "layers", "target", "channels", "smooth", "also", "truth"])]
    ask: Option<String>,
    /// Folder of the weights that answer questions, with their questions.json; unless given that of
    /// --weights with -questions behind its name
    #[arg(long, value_name = "DIR", requires = "ask")]
    questions: Option<PathBuf>,
    /// Prints a caption in English and Chinese; writes a map and the attention of each thing named,
    /// and overlay.png of the whole English caption
    #[arg(long, conflicts_with_all = ["ask", "class", "layers", "target", "channels", "smooth", "also", "truth"])]
    describe: bool,
    /// Folder of the weights that describe, with their captions.json; unless given that of
    /// --weights with -captions behind its name
    #[arg(long, value_name = "DIR", requires = "describe")]
    captions: Option<PathBuf>,
    /// logit, probability, contrast:CLASS or against
    #[arg(long, default_value = "logit")]
    target: String,
    /// How many channels a slow method (score-cam, ablation-cam, ss-cam, is-cam) tries
    #[arg(long, value_name = "N", value_parser = number, allow_negative_numbers = true)]
    channels: Option<usize>,
    /// aug: the mean of six slightly changed photos; eigen: the first principal component over
    /// channels
    #[arg(long, value_name = "aug,eigen", value_delimiter = ',', value_parser = ["aug", "eigen"])]
    smooth: Vec<String>,
    /// Padding and epsilon of a MobileNet whose tensors do not tell: pytorch or tensorflow
    #[arg(long)]
    conventions: Option<Conventions>,
    /// Batch norm's epsilon, where the file does not tell
    #[arg(long, value_name = "E")]
    epsilon: Option<f64>,
    /// Which convolution of a ResNet's bottlenecks has the stride: 3x3 or 1x1
    #[arg(long = "stride-in", value_name = "3x3|1x1", value_parser = ["3x3", "1x1"])]
    stride_in: Option<String>,
    /// Input pixels a position of a ResNet's last layer: 32; 16 or 8 with dilated convolutions
    #[arg(long, value_name = "32|16|8", value_parser = output_stride)]
    output_stride: Option<usize>,
    /// Which of the networks in the file, where it holds several: the others' names are among the
    /// notes
    #[arg(long, value_name = "NAME")]
    take: Option<String>,
    /// How scores become probabilities: softmax, or sigmoid for independent labels and for one
    /// output
    #[arg(long)]
    scores: Option<Scores>,
    /// What else goes into result.json, tensors.safetensors and PNG files
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    also: Vec<Also>,
    /// The object's box in photo pixels, to compare with
    #[arg(long, value_name = "X,Y,WIDTH,HEIGHT", value_parser = truth, allow_hyphen_values = true)]
    truth: Option<Rect>,
}

fn number(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|&n| n > 0).ok_or_else(|| format!("`{text}` is not a number above 0."))
}

fn output_stride(text: &str) -> Result<usize, String> {
    let known = Conventions::OUTPUT_STRIDES;
    text.parse().ok().filter(|stride| known.contains(stride)).ok_or_else(|| {
        format!(
            "There is no `{text}` for --output-stride. Known: {}.",
            known.map(|stride| stride.to_string()).join(", ")
        )
    })
}

fn truth(text: &str) -> Result<Rect, String> {
    let numbers: Option<Vec<f64>> = text.split(',').map(|n| n.parse().ok()).collect();
    match numbers.as_deref() {
        Some(&[x, y, width, height]) if width > 0.0 && height > 0.0 => {
            Ok(Rect { x, y, width, height })
        }
        _ => Err(format!("`{text}` is not a box: four numbers X,Y,WIDTH,HEIGHT in photo pixels.")),
    }
}

/// The name of a target; `contrast:` is followed by a class.
fn objective(text: &str, labels: &Labels) -> Result<Objective> {
    let unknown =
        |name: &str| Error::UnknownClass { name: name.into(), classes: labels.names.len() };
    match text.split_once(':') {
        Some(("contrast", than)) => {
            Ok(Objective::Contrast { than: labels.find(than).ok_or_else(|| unknown(than))? })
        }
        None if text == "logit" => Ok(Objective::Logit),
        None if text == "probability" => Ok(Objective::Probability),
        None if text == "against" => Ok(Objective::Against),
        _ => Err(Error::UnknownChoice {
            what: "target".into(),
            name: text.into(),
            known: "logit, probability, contrast:CLASS, against".into(),
        }),
    }
}

/// What goes into `tensors.safetensors`: name, shape, values.
type Tensors = Vec<(String, Vec<usize>, Vec<f32>)>;

/// What `--also` asks for, as JSON and tensors; PNG files are written at once.
async fn extras(
    options: &Options,
    explainer: &mut Explainer,
    question: &Question,
    prediction: &Prediction,
    explanation: &Explanation,
    labels: &Labels,
) -> Result<(Value, Tensors)> {
    let (mut found, mut tensors) = (json!({}), Tensors::new());
    let keep_on = &mut |_: usize, _: usize| true;
    let wants = |what: Also| options.also.contains(&what);
    let (class, heat) = (explanation.class, &explanation.heatmap);
    let size = (explanation.height, explanation.width);
    let name = |class: usize| json!({"index": class, "label": labels.names[class].en});
    if wants(Also::Guided) {
        let guided = explainer.guided(Some(class), explanation.objective).await?;
        let guided_cam = guided.times(explanation);
        for (file, guided) in [("guided", guided), ("guided_cam", guided_cam)] {
            save(
                &options.out,
                &format!("{file}.png"),
                &guided.pixels(),
                size,
                image::ColorType::Rgb8,
            )?;
            tensors.push((file.into(), vec![size.0, size.1, 3], guided.values));
        }
    }
    let region = localization::largest_region(heat, size, localization::THRESHOLD);
    if wants(Also::Box) || options.truth.is_some() {
        let on_photo = region
            .as_ref()
            .map(|region| localization::to_photo(&region.bounds, &explanation.rect, size));
        found["box"] = json!({"threshold": localization::THRESHOLD, "rect": on_photo});
        if let Some(truth) = options.truth {
            let on_input = localization::to_input(&truth, &explanation.rect, size);
            found["truth"] = json!({
                "rect": truth,
                "iou": region.as_ref().map_or(0.0, |region| localization::iou(&region.bounds, &on_input)),
                "points_into": localization::points_into(heat, size.1, &on_input),
                "energy_share": localization::energy_share(heat, size.1, &on_input),
            });
        }
    }
    if wants(Also::Cover)
        && let Some(region) = &region
    {
        let covered = explainer.cover_up(&region.mask).await?;
        let after = covered.scores.probability(class, &covered.logits);
        let best: Vec<_> = top(&covered.logits, covered.scores, 5)
            .iter()
            .map(|s| json!({"index": s.class, "label": labels.names[s.class].en, "probability": s.probability}))
            .collect();
        let mut rgb = prediction.rgb.clone();
        let hidden = rgb.chunks_exact_mut(3).zip(&region.mask).filter(|(_, hidden)| **hidden);
        hidden.for_each(|(pixel, _)| pixel.copy_from_slice(&covered.colour));
        save(&options.out, "covered.png", &rgb, size, image::ColorType::Rgb8)?;
        found["cover"] = json!({"probability_before": covered.scores.probability(class, &prediction.logits), "probability": after, "top5": best});
    }
    if wants(Also::Neurons) {
        let neurons = explainer.neurons(Some(class), explanation.objective, 5, 3).await?;
        for neuron in neurons.speak_for.iter().chain(&neurons.speak_against) {
            let shape = vec![neuron.map.height, neuron.map.width];
            tensors.push((format!("neuron/{}", neuron.channel), shape, neuron.map.values.clone()));
        }
        let listed = |neurons: &[Neuron]| -> Value {
            let one = |n: &Neuron| {
                let favours: Vec<Value> = n.classes.iter().map(|&class| name(class)).collect();
                json!({"channel": n.channel, "alpha": n.alpha, "favours": favours})
            };
            neurons.iter().map(one).collect()
        };
        found["neurons"] =
            json!({"for": listed(&neurons.speak_for), "against": listed(&neurons.speak_against)});
    }
    if wants(Also::Trust)
        && let Some(trust) = explainer.trust(explanation, faithfulness::NOISE, keep_on).await?
    {
        let curve = |curve: &Curve| json!({"points": curve.points, "area": curve.area(), "mean": curve.mean()});
        found["trust"] = json!({
            "probability": trust.probability, "seen": trust.seen, "drop": trust.share_lost(), "increase": trust.increase(),
            "deletion": curve(&trust.deletion), "insertion": curve(&trust.insertion),
            "road": {"morf": curve(&trust.morf), "lerf": curve(&trust.lerf), "combined": trust.road()},
        });
    }
    if wants(Also::Sanity)
        && let Some(scrambled) = explainer.randomise(question, keep_on).await?
    {
        let one = |s: &Randomized| json!({"part": s.part, "rank_correlation": s.correlation, "ssim": s.ssim});
        found["sanity"] = scrambled.iter().map(one).collect();
        tensors.extend(
            scrambled
                .into_iter()
                .map(|s| (format!("scrambled/{}", s.part), vec![size.0, size.1], s.heatmap)),
        );
    }
    Ok((found, tensors))
}

fn save(
    out: &Path,
    name: &str,
    pixels: &[u8],
    (h, w): (usize, usize),
    colour: image::ColorType,
) -> Result<()> {
    std::fs::create_dir_all(out).map_err(|e| failed(out, e))?;
    let path = out.join(name);
    image::save_buffer(&path, pixels, w as u32, h as u32, colour).map_err(|e| failed(&path, e))
}

/// The network of the options, by the conventions that they ask for.
fn network(options: &Options) -> Result<Network> {
    let mut network = Network::from_checkpoint(&Checkpoint::read_choice(
        read(&options.weights)?,
        options.take.as_deref(),
    )?)?;
    let before = options.conventions.unwrap_or(network.conventions);
    let conventions = Conventions {
        epsilon: options.epsilon.unwrap_or(before.epsilon),
        stride_in_1x1: options
            .stride_in
            .as_ref()
            .map_or(before.stride_in_1x1, |place| place == "1x1"),
        output_stride: options.output_stride.unwrap_or(before.output_stride),
        ..before
    };
    if options.conventions.is_some() || conventions != before {
        network.set_conventions(conventions);
    }
    Ok(network)
}

/// A question in the words of the head's file, and the file's bytes.
struct Asked {
    words: Words,
    questions: Questions,
    weights: Vec<u8>,
}

/// Reads `--ask`; None without.
fn asked(options: &Options) -> Result<Option<Asked>> {
    let Some(text) = &options.ask else { return Ok(None) };
    let (file, weights) = head_files(options, &options.questions, "questions")?;
    let questions = Questions::parse(&file)?;
    let words = questions.read(text)?;
    Ok(Some(Asked { words, questions, weights }))
}

/// A head's words and weights: those of the folder, which is beside the network's unless it is given.
fn head_files(
    options: &Options,
    folder: &Option<PathBuf>,
    kind: &str,
) -> Result<(String, Vec<u8>)> {
    let beside = || {
        let mut folder = options.weights.parent().unwrap_or(Path::new("")).as_os_str().to_owned();
        folder.push(format!("-{kind}"));
        PathBuf::from(folder)
    };
    let folder = folder.clone().unwrap_or_else(beside);
    let path = folder.join(format!("{kind}.json"));
    let text = String::from_utf8(read(&path)?).map_err(|e| failed(&path, e))?;
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok((text, read(&folder.join(format!("{name}.safetensors")))?))
}

async fn run(options: &Options) -> Result<String> {
    let started = std::time::Instant::now();
    let asked = asked(options)?;
    let describing = describe::head(options)?;
    let photo = Photo::decode(&read(&options.image)?)?;
    let network = network(options)?;
    let classes = network.fc.classes;
    let labels = match &options.labels {
        Some(path) => {
            let text = String::from_utf8(read(path)?)
                .map_err(|e| Error::LabelFormat { detail: e.to_string() })?;
            Labels::parse(&text)?
        }
        None => Labels::numbered(classes),
    };
    if labels.names.len() != classes {
        return Err(Error::LabelCount { expected: classes, found: labels.names.len() });
    }
    let unknown = |name: &String| Error::UnknownClass { name: name.clone(), classes };
    let class = options
        .class
        .as_ref()
        .map(|name| labels.find(name).ok_or_else(|| unknown(name)))
        .transpose()?;
    let mut notes: Vec<String> = network.notes().iter().map(ToString::to_string).collect();
    if let Some((name, class, named)) =
        options.class.as_ref().and_then(|name| Some((name, class?, labels.second_meaning(name)?)))
    {
        notes.push(format!(
            "`--class {name}` was taken as the index of the class (index {class} is named `{}`); the class named `{name}` has index {named}.",
            labels.names[class].en
        ));
    }

    let mut explainer = Explainer::new().await?;
    explainer.load(&network, network.usual_preprocessing()).await?;
    if let Some(scores) = options.scores {
        explainer.set_scores(scores)?;
    }
    let load_ms = started.elapsed().as_secs_f64() * 1e3;
    let of_head = asked.is_some() || describing.is_some();
    let usual = if of_head { Fit::Crop } else { Fit::Whole };
    let fit = options.fit.unwrap_or(usual);
    let prediction = explainer.predict(&photo, fit).await?;
    if let Some(asked) = asked {
        return answer(options, &mut explainer, asked, &photo, &prediction, load_ms).await;
    }
    if let Some(head) = describing {
        let described =
            describe::describe(&mut explainer, head, options.method, &prediction).await?;
        let size = (prediction.height, prediction.width);
        for picture in &described.pictures {
            save(&options.out, &picture.file, &picture.rgb, size, image::ColorType::Rgb8)?;
        }
        let result = format!("{:#}\n", described.result);
        write_all(&options.out, &photo, &prediction, &described.whole, vec![], &result)?;
        return Ok(described.text);
    }
    let question = Question {
        class,
        objective: objective(&options.target, &labels)?,
        layers: options.layers.clone(),
        method: options.method,
        channels: options.channels,
        aug_smooth: options.smooth.iter().any(|name| name == "aug"),
        eigen_smooth: options.smooth.iter().any(|name| name == "eigen"),
    };
    // Only what is told to stop has no answer.
    let explanation = explainer.ask(&question, &mut |_, _| true).await?.ok_or(Error::NoPhoto)?;
    let (also, tensors) =
        extras(options, &mut explainer, &question, &prediction, &explanation, &labels).await?;

    let top5: Vec<_> = prediction
        .top(5)
        .into_iter()
        .map(|s| json!({"index": s.class, "label": labels.names[s.class].en, "logit": s.logit, "probability": s.probability}))
        .collect();
    let adapter = explainer.adapter();
    let memory = explainer.memory();
    let than = match explanation.objective {
        Objective::Contrast { than } => json!({"index": than, "label": labels.names[than].en}),
        _ => Value::Null,
    };
    let of_photo: Vec<_> = photo
        .notes
        .iter()
        .map(|note| json!({"name": note.name(), "sentence": note.to_string()}))
        .collect();
    let mut result = json!({
        "adapter": {"name": adapter.name, "backend": adapter.backend, "software": adapter.software},
        "network": network.architecture.name(),
        "conventions": {
            "name": network.conventions.name(),
            "assumed": network.conventions_assumed,
            "epsilon": network.conventions.epsilon,
            "stride_in_1x1": network.conventions.stride_in_1x1,
            "output_stride": network.conventions.output_stride,
        },
        "notes": notes,
        "scores": prediction.scores.name(),
        "input": {"height": prediction.height, "width": prediction.width, "fit": fit, "rect": prediction.rect},
        "top5": top5,
        "class": {"index": explanation.class, "label": labels.names[explanation.class].en},
        "target": {"name": explanation.objective.name(), "than": than},
        "layer": explanation.layer,
        "method": explanation.method.name(),
        "smooth": {"aug": explanation.aug_smooth, "eigen": explanation.eigen_smooth},
        "blank": explanation.blank,
        "photo": {"notes": of_photo},
        "milliseconds": {"load": load_ms, "predict": prediction.milliseconds, "explain": explanation.milliseconds},
        "gpu_bytes": {"weights": memory.weights, "activations": memory.activations, "gradients": memory.gradients},
    });
    if let (Value::Object(result), Value::Object(mut also)) = (&mut result, also) {
        result.append(&mut also);
    }
    write_all(&options.out, &photo, &prediction, &explanation, tensors, &format!("{result:#}\n"))?;
    let photo_notes: String = photo.notes.iter().map(|note| format!("\n{note}")).collect();
    // What is assumed of every ResNet stands in result.json; here is what is of this file.
    let assumed = |note: &String| note.starts_with("Not told");
    notes.iter().filter(|note| !assumed(note)).for_each(|note| eprintln!("{note}"));
    Ok(format!(
        "{}: {} ({:.1} %); {} at {} in {}{photo_notes}",
        options.image.display(),
        labels.names[prediction.top(1)[0].class].en,
        100.0 * prediction.top(1)[0].probability,
        explanation.method,
        explanation.layer,
        options.out.display()
    ))
}

/// Answers `--ask`: writes the map of the likeliest answer where others write a class's.
async fn answer(
    options: &Options,
    explainer: &mut Explainer,
    Asked { words, questions, weights }: Asked,
    photo: &Photo,
    prediction: &Prediction,
    load_ms: f64,
) -> Result<String> {
    let names: Vec<String> = questions
        .answers()
        .iter()
        .map(|answer| match words.language() {
            Language::En => answer.en.clone(),
            Language::Zh => answer.zh.clone(),
        })
        .collect();
    explainer.load_questions(&weights, questions)?;
    let answers = explainer.answer(&words).await?;
    let top3 = answers.top(3);
    let explanation = explainer.explain_answer(top3[0].class, options.method).await?;
    let adapter = explainer.adapter();
    let listed: Vec<Value> = top3
        .iter()
        .map(|s| json!({"index": s.class, "answer": names[s.class], "logit": s.logit, "probability": s.probability}))
        .collect();
    let result = json!({
        "adapter": {"name": adapter.name, "backend": adapter.backend, "software": adapter.software},
        "input": {"height": prediction.height, "width": prediction.width, "rect": prediction.rect},
        "question": options.ask,
        "answers": listed,
        "layer": explanation.layer,
        "method": explanation.method.name(),
        "blank": explanation.blank,
        "milliseconds": {"load": load_ms, "predict": prediction.milliseconds, "answer": answers.milliseconds, "explain": explanation.milliseconds},
    });
    let logits = ("answers".into(), vec![answers.logits.len()], answers.logits);
    let result = format!("{result:#}\n");
    write_all(&options.out, photo, prediction, &explanation, vec![logits], &result)?;
    let said: Vec<String> = top3
        .iter()
        .map(|s| format!("{} ({:.1} %)", names[s.class], 100.0 * s.probability))
        .collect();
    Ok(format!(
        "{}: {}; {} at {} in {}",
        options.image.display(),
        said.join(", "),
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
    more: Tensors,
    result: &str,
) -> Result<()> {
    std::fs::create_dir_all(out).map_err(|e| failed(out, e))?;
    let path = out.join("result.json");
    std::fs::write(&path, result).map_err(|e| failed(&path, e))?;

    let bytes = |values: &[f32]| values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
    let (height, width) = (explanation.height, explanation.width);
    let mut tensors: Tensors = vec![
        ("input".into(), vec![3, height, width], prediction.input.clone()),
        ("logits".into(), vec![prediction.logits.len()], prediction.logits.clone()),
        (
            "cam".into(),
            vec![explanation.cam.height, explanation.cam.width],
            explanation.cam.values.clone(),
        ),
        ("heatmap".into(), vec![height, width], explanation.heatmap.clone()),
    ];
    if explanation.layers.len() > 1 {
        let of_layer = |(name, cam): &(String, Cam)| {
            (format!("cam/{name}"), vec![cam.height, cam.width], cam.values.clone())
        };
        tensors.extend(explanation.layers.iter().map(of_layer));
    }
    tensors.extend(more);
    let path = out.join("tensors.safetensors");
    let data: Vec<(String, Vec<usize>, Vec<u8>)> =
        tensors.into_iter().map(|(name, shape, values)| (name, shape, bytes(&values))).collect();
    let views = data
        .iter()
        .map(|(name, shape, data)| (name, TensorView::new(Dtype::F32, shape.clone(), data)));
    let views: Result<Vec<_>> =
        views.map(|(name, view)| Ok((name, view.map_err(|e| failed(&path, e))?))).collect();
    let file = safetensors::serialize(views?, None).map_err(|e| failed(&path, e))?;
    std::fs::write(&path, file).map_err(|e| failed(&path, e))?;

    // As grad-cam's show_cam_on_image where the network saw the whole photo; else the heatmap on
    // its rectangle of it.
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
        image::save_buffer(
            &path,
            &pixels,
            photo.width as u32,
            photo.height as u32,
            image::ColorType::Rgba8,
        )
    };
    saved.map_err(|e| failed(&path, e))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|e| failed(path, e))
}

fn failed(path: &Path, error: impl std::fmt::Display) -> Error {
    Error::File { file: path.display().to_string(), detail: error.to_string() }
}
