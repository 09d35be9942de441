//! The engine as an ES module for other pages: [`Explainer`](crate::Explainer) through
//! wasm-bindgen, with TypeScript types.
//!
//! Built by `scripts/module` with the feature `js`, without the page; `examples/module/index.html`
//! uses it. Thin on purpose: whatever needs an opinion stays in the engine. One call at a time:
//! each is awaited before the next.
//!
//! - `heads.rs`: what small networks beside the classifier say in words: answers and descriptions.

mod heads;

use serde_json::json;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::*;

use crate::explain::LAST_LAYER;
use crate::explain::faithfulness::{Curve, NOISE};
use crate::explain::localization;
use crate::explain::neurons::Neuron;
use crate::image::heatmap::{self, Look};
use crate::{Checkpoint, Error, Fit, Method, Network, Objective, Photo, Preprocessing};

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** What may be asked about the last photo. */
export interface Question {
  /** Absent: the likeliest. */
  class?: number;
  /** Several are fused, the mean of their scaled maps; ["last"] if absent, the layer that the classifier pools. */
  layers?: string[];
  /** One of Explainer.methods(); "grad-cam" if absent. */
  method?: string;
  /** The number that is asked about: "logit" if absent. */
  target?: "logit" | "probability" | "contrast" | "against";
  /** The other class of a contrast. */
  than?: number;
  /** Of score-cam, ss-cam, is-cam and ablation-cam: how many channels are tried, the most important ones; all if absent. */
  channels?: number;
  /** The mean of six slightly changed photos. */
  augSmooth?: boolean;
  /** The first principal component over channels, in the place of their sum. */
  eigenSmooth?: boolean;
}

/** Hears how many passes are done, of how many; false stops. */
export type Progress = (done: number, of: number) => boolean | void;

/** The class's probability by the share of pixels that were changed, both 0 to 1. */
export interface Curve { points: [number, number][]; area: number }

/** What became of the answer when the photo was changed where a map says that it matters. */
export interface Trust {
  probability: number;
  /** With only the warm places left, and the share that is then lost. */
  seen: number;
  drop: number;
  /** A good map: low, high, low, high. */
  deletion: Curve;
  insertion: Curve;
  morf: Curve;
  lerf: Curve;
  /** ROAD combined; above 0: the map ranks places better than its reverse. */
  road: number;
}

/** A channel of the last layer, its weight in Grad-CAM, and the classes that it speaks for most. */
export interface Neuron { channel: number; alpha: number; classes: number[] }
export interface Neurons { speakFor: Neuron[]; speakAgainst: Neuron[] }

/** The box of a map's largest warm region in photo pixels, and what is seen once the region is covered; the class's probability then. */
export interface Covered { x: number; y: number; width: number; height: number; probability: number; logits: number[] }
"#;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(typescript_type = "Question")]
    pub type Question;
    #[wasm_bindgen(method, getter)]
    fn class(this: &Question) -> Option<usize>;
    #[wasm_bindgen(method, getter)]
    fn layers(this: &Question) -> Option<js_sys::Array>;
    #[wasm_bindgen(method, getter)]
    fn method(this: &Question) -> Option<String>;
    #[wasm_bindgen(method, getter)]
    fn target(this: &Question) -> Option<String>;
    #[wasm_bindgen(method, getter)]
    fn than(this: &Question) -> Option<usize>;
    #[wasm_bindgen(method, getter)]
    fn channels(this: &Question) -> Option<usize>;
    #[wasm_bindgen(method, getter, js_name = augSmooth)]
    fn aug_smooth(this: &Question) -> Option<bool>;
    #[wasm_bindgen(method, getter, js_name = eigenSmooth)]
    fn eigen_smooth(this: &Question) -> Option<bool>;

    #[wasm_bindgen(extends = js_sys::Function, typescript_type = "Progress")]
    pub type Progress;

    #[wasm_bindgen(typescript_type = "Trust | undefined")]
    pub type Trust;
    #[wasm_bindgen(typescript_type = "Neurons")]
    pub type Neurons;
    #[wasm_bindgen(typescript_type = "Covered | undefined")]
    pub type Covered;
}

/// A plain object of one of the types above; nothing: undefined.
fn object<T: JsCast>(json: Option<serde_json::Value>) -> Result<T, JsValue> {
    let value = json.map(|json| js_sys::JSON::parse(&json.to_string())).transpose()?;
    Ok(value.unwrap_or_default().unchecked_into())
}

/// What [`Progress`] of a script said: to go on, or what it threw, which stops, too.
struct Heard {
    progress: Option<Progress>,
    thrown: Option<JsValue>,
}

impl Heard {
    fn hear(&mut self, done: usize, of: usize) -> bool {
        let Some(progress) = &self.progress else { return true };
        match progress.call2(&JsValue::NULL, &done.into(), &of.into()) {
            Ok(answer) => answer != JsValue::FALSE,
            Err(error) => {
                self.thrown = Some(error);
                false
            }
        }
    }

    /// What was asked for, unless it threw.
    fn out<T>(self, answer: crate::Result<T>) -> Result<T, JsValue> {
        match self.thrown {
            Some(error) => Err(error),
            None => Ok(answer.map_err(JsError::from)?),
        }
    }
}

impl Question {
    fn read(&self) -> Result<crate::Question, Error> {
        let unknown = |what: &'static str, name: &str, known: &str| Error::UnknownChoice {
            what: what.into(),
            name: name.into(),
            known: known.into(),
        };
        let objective = match (self.target().as_deref().unwrap_or("logit"), self.than()) {
            ("logit", _) => Objective::Logit,
            ("probability", _) => Objective::Probability,
            ("contrast", Some(than)) => Objective::Contrast { than },
            ("contrast", None) => return Err(unknown("than", "", "the number of another class")),
            ("against", _) => Objective::Against,
            (other, _) => {
                return Err(unknown("target", other, "logit, probability, contrast, against"));
            }
        };
        let layers = self
            .layers()
            .map(|layers| layers.iter().filter_map(|layer| layer.as_string()).collect());
        Ok(crate::Question {
            class: self.class(),
            objective,
            layers: layers.unwrap_or_else(|| vec![LAST_LAYER.to_owned()]),
            method: self.method().as_deref().unwrap_or("grad-cam").parse()?,
            channels: self.channels(),
            aug_smooth: self.aug_smooth().unwrap_or_default(),
            eigen_smooth: self.eigen_smooth().unwrap_or_default(),
        })
    }
}

/// What a question will take.
#[wasm_bindgen]
#[derive(Clone, Copy)]
pub struct Estimate {
    #[wasm_bindgen(readonly)]
    pub passes: usize,
    #[wasm_bindgen(readonly)]
    pub milliseconds: f64,
}

/// A network on the GPU, and the photo that it last looked at.
#[wasm_bindgen]
pub struct Explainer {
    engine: crate::Explainer,
    photo: Option<Photo>,
}

/// One class and how much speaks for it.
#[wasm_bindgen]
#[derive(Clone, Copy)]
pub struct Score {
    #[wasm_bindgen(readonly)]
    pub class: usize,
    #[wasm_bindgen(readonly)]
    pub logit: f32,
    /// Softmax of the logits, 0 to 1.
    #[wasm_bindgen(readonly)]
    pub probability: f32,
}

/// What the network makes of a photo.
#[wasm_bindgen]
pub struct Prediction(crate::Prediction);

/// Where the network looked.
#[wasm_bindgen]
pub struct Explanation(crate::Explanation);

#[wasm_bindgen]
impl Explainer {
    /// Opens the fastest GPU that the browser offers.
    pub async fn open() -> Result<Explainer, JsError> {
        Ok(Explainer { engine: crate::Explainer::new().await?, photo: None })
    }

    /// For a browser without WebGPU, where `open` throws: the processor computes the same, in one
    /// thread.
    #[wasm_bindgen(js_name = onProcessor)]
    pub fn on_processor() -> Explainer {
        Explainer { engine: crate::Explainer::on_cpu(), photo: None }
    }

    /// The adapter's name, as far as the browser tells.
    #[wasm_bindgen(getter)]
    pub fn adapter(&self) -> String {
        self.engine.adapter().name.clone()
    }

    /// Measures how convolutions are best cut on this adapter (at most some seconds) and that it
    /// computes them rightly; returns a line to keep for `setTuning` on the next visit. Call it
    /// before `load`.
    pub async fn tune(&mut self) -> Result<String, JsError> {
        self.engine.tune().await?;
        Ok(self.engine.tuning())
    }

    /// False if this version does not know the line.
    #[wasm_bindgen(js_name = setTuning)]
    pub fn set_tuning(&mut self, kept: &str) -> bool {
        self.engine.set_tuning(kept)
    }

    /// Loads a ResNet, MobileNetV2 or EfficientNet-Lite from the bytes of a `.safetensors`, `.pt`
    /// or `.pth` file; `preprocessing` is JSON as in `weights/models.json`, absent for the family's
    /// ImageNet recipe. `conventions` says what a MobileNet's tensors may not tell: "pytorch"
    /// (symmetric padding, epsilon 1e-5) or "tensorflow" ("SAME" padding, epsilon 1e-3); absent: as
    /// their names tell, else PyTorch's. Returns the network's name.
    pub async fn load(
        &mut self,
        weights: Vec<u8>,
        preprocessing: Option<String>,
        conventions: Option<String>,
    ) -> Result<String, JsError> {
        let mut network = Network::from_checkpoint(&Checkpoint::read(weights)?)?;
        if let Some(name) = conventions {
            network.set_conventions(name.parse()?);
        }
        let preprocessing: Preprocessing = match preprocessing {
            Some(json) => serde_json::from_str(&json)?,
            None => network.usual_preprocessing(),
        };
        self.photo = None;
        self.engine.load(&network, preprocessing).await?;
        Ok(network.architecture.name().to_owned())
    }

    /// The layers that can be explained, first to last; "last" means the one that the classifier
    /// pools.
    #[wasm_bindgen(getter)]
    pub fn layers(&self) -> Vec<String> {
        self.engine.layers()
    }

    /// The parts whose weights a sanity check randomizes, the last layer first.
    #[wasm_bindgen(getter)]
    pub fn parts(&self) -> Vec<String> {
        self.engine.parts()
    }

    /// "pytorch" or "tensorflow": see `load`; absent before it.
    #[wasm_bindgen(getter)]
    pub fn conventions(&self) -> Option<String> {
        self.engine.conventions().map(|(conventions, _)| conventions.name().to_owned())
    }

    /// Whether they had to be assumed, since the tensors' names do not tell.
    #[wasm_bindgen(getter, js_name = conventionsAssumed)]
    pub fn conventions_assumed(&self) -> bool {
        self.engine.conventions().is_some_and(|(_, assumed)| assumed)
    }

    /// Looks at a photo, the bytes of a JPEG, PNG, WebP, GIF or BMP file; `fit` is "whole" or
    /// "crop".
    pub async fn predict(
        &mut self,
        photo: Vec<u8>,
        fit: Option<String>,
    ) -> Result<Prediction, JsError> {
        let fit: Fit = fit.as_deref().unwrap_or("whole").parse()?;
        let photo = Photo::decode(&photo)?;
        let prediction = self.engine.predict(&photo, fit).await?;
        self.photo = Some(photo);
        Ok(Prediction(prediction))
    }

    /// Where the network looked for `klass` (absent: the likeliest) in the last photo, seen at
    /// `layer` (absent: "last", the one that the classifier pools); `method` is "grad-cam",
    /// "layer-cam" …
    pub async fn explain(
        &mut self,
        klass: Option<usize>,
        layer: Option<String>,
        method: Option<String>,
    ) -> Result<Explanation, JsError> {
        let method = method.as_deref().unwrap_or("grad-cam").parse()?;
        let layer = layer.as_deref().unwrap_or(LAST_LAYER);
        Ok(Explanation(self.engine.explain(klass, layer, method).await?))
    }

    /// Every method, by the names that `explain` and `ask` take; `score-cam`, `ablation-cam`, `ss-cam`, `is-cam`,
    /// `smooth-grad`, `integrated-gradients`, `occlusion` and `rise` need many passes.
    pub fn methods() -> Vec<String> {
        Method::ALL.map(|method| method.name().to_owned()).into()
    }

    /// Answers a question about the last photo; undefined when `progress`, which slow methods tell
    /// how far they are, says stop.
    pub async fn ask(
        &mut self,
        question: Question,
        progress: Option<Progress>,
    ) -> Result<Option<Explanation>, JsValue> {
        let question = question.read().map_err(JsError::from)?;
        let mut heard = Heard { progress, thrown: None };
        let answer = self.engine.ask(&question, &mut |done, of| heard.hear(done, of)).await;
        Ok(heard.out(answer)?.map(Explanation))
    }

    /// Whether an explanation of the last photo is to be trusted, in some fifty passes; undefined
    /// when `progress` says stop, and for a blank one.
    pub async fn trust(
        &mut self,
        explanation: &Explanation,
        progress: Option<Progress>,
    ) -> Result<Trust, JsValue> {
        let mut heard = Heard { progress, thrown: None };
        let trust =
            self.engine.trust(&explanation.0, NOISE, &mut |done, of| heard.hear(done, of)).await;
        let curve = |curve: &Curve| json!({ "points": curve.points, "area": curve.area() });
        object(heard.out(trust)?.map(|trust| {
            json!({
                "probability": trust.probability, "seen": trust.seen, "drop": trust.share_lost(), "road": trust.road(),
                "deletion": curve(&trust.deletion), "insertion": curve(&trust.insertion),
                "morf": curve(&trust.morf), "lerf": curve(&trust.lerf),
            })
        }))
    }

    /// The `count` neurons (absent: 4) of the last layer that speak most for `klass` (absent: the
    /// likeliest), and most against it.
    pub async fn neurons(
        &mut self,
        klass: Option<usize>,
        count: Option<usize>,
    ) -> Result<Neurons, JsValue> {
        let neurons = self
            .engine
            .neurons(klass, Objective::Logit, count.unwrap_or(4), 4)
            .await
            .map_err(JsError::from)?;
        let list = |neurons: &[Neuron]| -> serde_json::Value {
            let one = |n: &Neuron| json!({ "channel": n.channel, "alpha": n.alpha, "classes": n.classes });
            neurons.iter().map(one).collect()
        };
        object(Some(
            json!({ "speakFor": list(&neurons.speak_for), "speakAgainst": list(&neurons.speak_against) }),
        ))
    }

    /// Looks at the last photo again without an explanation's largest region above `share` (absent:
    /// 0.15) of its maximum; undefined for a blank one.
    #[wasm_bindgen(js_name = coverUp)]
    pub async fn cover_up(
        &mut self,
        explanation: &Explanation,
        share: Option<f32>,
    ) -> Result<Covered, JsValue> {
        let known = &explanation.0;
        let size = (known.height, known.width);
        let share = share.unwrap_or(localization::THRESHOLD);
        let Some(region) = localization::largest_region(&known.heatmap, size, share) else {
            return object(None);
        };
        let covered = self.engine.cover_up(&region.mask).await.map_err(JsError::from)?;
        let of_class = |logits: &[f32]| {
            (known.class < logits.len()).then(|| covered.scores.probability(known.class, logits))
        };
        let rect = localization::to_photo(&region.bounds, &known.rect, size);
        object(Some(json!({
            "x": rect.x, "y": rect.y, "width": rect.width, "height": rect.height,
            "probability": of_class(&covered.logits), "logits": covered.logits,
        })))
    }

    /// What a slow method would take, measured by some passes.
    pub async fn estimate(&mut self, question: Question) -> Result<Estimate, JsError> {
        let question = question.read()?;
        let crate::Estimate { passes, milliseconds } = self.engine.estimate(&question).await?;
        Ok(Estimate { passes, milliseconds })
    }

    /// Guided backpropagation for `klass` (absent: the likeliest), as a picture; with an
    /// explanation of the same class, Guided Grad-CAM.
    pub async fn guided(
        &mut self,
        klass: Option<usize>,
        explanation: Option<Explanation>,
    ) -> Result<web_sys::ImageData, JsError> {
        let guided = self.engine.guided(klass, Objective::Logit).await?;
        let guided = match explanation {
            Some(Explanation(known)) => guided.times(&known),
            None => guided,
        };
        let rgba: Vec<u8> =
            guided.pixels().chunks_exact(3).flat_map(|rgb| [rgb[0], rgb[1], rgb[2], 255]).collect();
        image_data(&rgba, guided.width, guided.height)
    }

    /// The last photo with an explanation over it; `colours` is "jet", "viridis", "turbo", "magma"
    /// or "grey".
    pub fn overlay(
        &self,
        explanation: &Explanation,
        colours: Option<String>,
        opacity: Option<f32>,
    ) -> Result<web_sys::ImageData, JsError> {
        let photo = self.photo.as_ref().ok_or(Error::NoPhoto)?;
        let look = Look::new(colours.as_deref().unwrap_or("jet").parse()?, opacity.unwrap_or(0.5));
        let Explanation(known) = explanation;
        let rgba =
            heatmap::blend(photo, &known.heatmap, (known.height, known.width), known.rect, look);
        image_data(&rgba, photo.width, photo.height)
    }
}

fn image_data(rgba: &[u8], width: usize, height: usize) -> Result<web_sys::ImageData, JsError> {
    let rgba = wasm_bindgen::Clamped(rgba);
    web_sys::ImageData::new_with_u8_clamped_array_and_sh(rgba, width as u32, height as u32)
        .map_err(|_| JsError::new("no memory for the picture"))
}

#[wasm_bindgen]
impl Prediction {
    /// One number a class.
    #[wasm_bindgen(getter)]
    pub fn logits(&self) -> Vec<f32> {
        self.0.logits.clone()
    }

    /// The `k` likeliest classes, likeliest first.
    pub fn top(&self, k: usize) -> Vec<Score> {
        let score = |score: crate::Score| Score {
            class: score.class,
            logit: score.logit,
            probability: score.probability,
        };
        self.0.top(k).into_iter().map(score).collect()
    }

    #[wasm_bindgen(getter)]
    pub fn milliseconds(&self) -> f64 {
        self.0.milliseconds
    }
}

#[wasm_bindgen]
impl Explanation {
    #[wasm_bindgen(getter, js_name = class)]
    pub fn class(&self) -> usize {
        self.0.class
    }

    /// Of several fused ones `layer3+layer4`.
    #[wasm_bindgen(getter)]
    pub fn layer(&self) -> String {
        self.0.layer.clone()
    }

    #[wasm_bindgen(getter)]
    pub fn method(&self) -> String {
        self.0.method.name().to_owned()
    }

    /// "logit", "probability", "contrast" or "against".
    #[wasm_bindgen(getter)]
    pub fn target(&self) -> String {
        self.0.objective.name().to_owned()
    }

    /// The raw map, of several layers the last one's, `camHeight` rows of `camWidth` numbers.
    #[wasm_bindgen(getter)]
    pub fn cam(&self) -> Vec<f32> {
        self.0.cam.values.clone()
    }

    #[wasm_bindgen(getter, js_name = camHeight)]
    pub fn cam_height(&self) -> usize {
        self.0.cam.height
    }

    #[wasm_bindgen(getter, js_name = camWidth)]
    pub fn cam_width(&self) -> usize {
        self.0.cam.width
    }

    /// 0 to 1, `height` rows of `width` numbers: as Python's `grad-cam` returns it.
    #[wasm_bindgen(getter)]
    pub fn heatmap(&self) -> Vec<f32> {
        self.0.heatmap.clone()
    }

    #[wasm_bindgen(getter)]
    pub fn height(&self) -> usize {
        self.0.height
    }

    #[wasm_bindgen(getter)]
    pub fn width(&self) -> usize {
        self.0.width
    }

    /// Nothing in this layer speaks for the class.
    #[wasm_bindgen(getter)]
    pub fn blank(&self) -> bool {
        self.0.blank
    }

    #[wasm_bindgen(getter)]
    pub fn milliseconds(&self) -> f64 {
        self.0.milliseconds
    }
}
