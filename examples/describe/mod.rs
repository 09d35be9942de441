//! `--describe`: what a caption head says in both languages, with a map for each thing it names.

use gradlens::catalog::captions::Captions;
use gradlens::catalog::questions::Language;
use gradlens::image::heatmap;
use gradlens::{ColourMap, Explainer, Explanation, Method, Prediction, Result};
use serde_json::{Value, json};

use crate::{Options, head_files};

/// A head's words and the bytes of its weights.
pub struct Head {
    pub captions: Captions,
    pub weights: Vec<u8>,
}

/// A picture to be written: its file's name, its pixels.
pub struct Picture {
    pub file: String,
    pub rgb: Vec<u8>,
}

/// What was said and found.
pub struct Described {
    /// The caption of each language, one a line.
    pub text: String,
    pub result: Value,
    /// Of each thing named, Grad-CAM's map and where the head looked.
    pub pictures: Vec<Picture>,
    /// Of the whole English caption.
    pub whole: Explanation,
}

/// Reads what `--describe` needs; None without.
pub fn head(options: &Options) -> Result<Option<Head>> {
    if !options.describe {
        return Ok(None);
    }
    let (captions, weights) = head_files(options, &options.captions, "captions")?;
    Ok(Some(Head { captions: Captions::parse(&captions)?, weights }))
}

/// Describes the last photo.
pub async fn describe(
    explainer: &mut Explainer,
    head: Head,
    method: Method,
    prediction: &Prediction,
) -> Result<Described> {
    let Head { captions, weights } = head;
    explainer.load_captions(&weights, captions.clone())?;
    let (mut lines, mut found, mut pictures) = (Vec::new(), json!({}), Vec::new());
    let size = (prediction.height, prediction.width);
    let painted = |heat: &[f32]| heatmap::overlay(&prediction.rgb, heat, ColourMap::Jet);
    let mut whole = None;
    for (name, language) in [("en", Language::En), ("zh", Language::Zh)] {
        let caption = explainer.describe(language).await?;
        let pieces = captions.pieces(&caption.words);
        let mut words = Vec::new();
        for (place, piece) in pieces.iter().enumerate() {
            let mut word =
                json!({"word": piece.text, "log_probability": caption.log_probabilities[place]});
            if let Some(class) = piece.class {
                let map = explainer.explain_caption(Some(place), method).await?;
                let look = explainer.caption_attention(place).await?;
                let look = heatmap::heatmap(&[look], size);
                let file = |kind: &str| format!("{name}-{}-{kind}.png", place + 1);
                word["class"] = class.into();
                word["map"] = file(method.name()).into();
                word["attention"] = file("attention").into();
                word["blank"] = map.blank.into();
                for (kind, heat) in [(method.name(), &map.heatmap), ("attention", &look)] {
                    pictures.push(Picture { file: file(kind), rgb: painted(heat) });
                }
            }
            words.push(word);
        }
        let text = captions.text(&caption.words);
        found[name] = json!({"text": text, "words": words, "milliseconds": caption.milliseconds});
        lines.push(text);
        if whole.is_none() {
            whole = Some(explainer.explain_caption(None, method).await?);
        }
    }
    let whole = whole.ok_or(gradlens::Error::NoCaption)?;
    let result = json!({
        "captions": found,
        "layer": whole.layer,
        "method": whole.method.name(),
        "explain_milliseconds": whole.milliseconds,
    });
    Ok(Described { text: lines.join("\n"), result, pictures, whole })
}
