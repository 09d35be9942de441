//! The engine as an ES module for other pages: [`Explainer`](crate::Explainer) through wasm-bindgen, with TypeScript types.
//!
//! Built by `scripts/module` with the feature `js`, without the page; `examples/module/index.html` uses it. Thin on purpose:
//! whatever needs an opinion stays in the engine. One call at a time: each is awaited before the next.

use wasm_bindgen::prelude::*;

use crate::heatmap::{self, Look};
use crate::{Checkpoint, Error, Fit, Network, Photo, Preprocessing};

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

    /// The adapter's name, as far as the browser tells.
    #[wasm_bindgen(getter)]
    pub fn adapter(&self) -> String {
        self.engine.adapter().name.clone()
    }

    /// Measures how convolutions are best cut on this adapter (at most some seconds) and that it computes them rightly; returns a
    /// line to keep for `setTuning` on the next visit. Call it before `load`.
    pub async fn tune(&mut self) -> Result<String, JsError> {
        self.engine.tune().await?;
        Ok(self.engine.tuning())
    }

    /// False if this version does not know the line.
    #[wasm_bindgen(js_name = setTuning)]
    pub fn set_tuning(&mut self, kept: &str) -> bool {
        self.engine.set_tuning(kept)
    }

    /// Loads a ResNet from the bytes of a `.safetensors`, `.pt` or `.pth` file; `preprocessing` is JSON as in
    /// `weights/models.json`, absent for torchvision's ImageNet recipe. Returns the network's name.
    pub async fn load(&mut self, weights: Vec<u8>, preprocessing: Option<String>) -> Result<String, JsError> {
        let preprocessing: Preprocessing = match preprocessing {
            Some(json) => serde_json::from_str(&json)?,
            None => Preprocessing::default(),
        };
        let network = Network::from_checkpoint(&Checkpoint::read(weights)?)?;
        self.photo = None;
        self.engine.load(&network, preprocessing).await?;
        Ok(network.architecture.name)
    }

    /// The layers that can be explained, first to last.
    #[wasm_bindgen(getter)]
    pub fn layers(&self) -> Vec<String> {
        self.engine.layers()
    }

    /// Looks at a photo, the bytes of a JPEG, PNG, WebP, GIF or BMP file; `fit` is "whole" or "crop".
    pub async fn predict(&mut self, photo: Vec<u8>, fit: Option<String>) -> Result<Prediction, JsError> {
        let fit: Fit = fit.as_deref().unwrap_or("whole").parse()?;
        let photo = Photo::decode(&photo)?;
        let prediction = self.engine.predict(&photo, fit).await?;
        self.photo = Some(photo);
        Ok(Prediction(prediction))
    }

    /// Where the network looked for `klass` (absent: the likeliest) in the last photo; `method` is "grad-cam", "layer-cam" …
    pub async fn explain(
        &mut self,
        klass: Option<usize>,
        layer: Option<String>,
        method: Option<String>,
    ) -> Result<Explanation, JsError> {
        let method = method.as_deref().unwrap_or("grad-cam").parse()?;
        let layer = layer.as_deref().unwrap_or("layer4");
        Ok(Explanation(self.engine.explain(klass, layer, method).await?))
    }

    /// The last photo with an explanation over it; `colours` is "jet", "viridis", "turbo", "magma" or "grey".
    pub fn overlay(
        &self,
        explanation: &Explanation,
        colours: Option<String>,
        opacity: Option<f32>,
    ) -> Result<web_sys::ImageData, JsError> {
        let photo = self.photo.as_ref().ok_or(Error::NoPhoto)?;
        let look = Look::new(colours.as_deref().unwrap_or("jet").parse()?, opacity.unwrap_or(0.5));
        let Explanation(known) = explanation;
        let rgba = heatmap::blend(photo, &known.heatmap, (known.height, known.width), known.rect, look);
        web_sys::ImageData::new_with_u8_clamped_array_and_sh(
            wasm_bindgen::Clamped(&rgba),
            photo.width as u32,
            photo.height as u32,
        )
        .map_err(|_| JsError::new("no memory for the picture"))
    }
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
        let score =
            |score: crate::Score| Score { class: score.class, logit: score.logit, probability: score.probability };
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

    /// The raw map, `camHeight` rows of `camWidth` numbers.
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
