//! What small networks beside the classifier say of the last photo: answers to questions, and
//! descriptions.

use serde_json::json;
use wasm_bindgen::prelude::*;

use super::{Explainer, Explanation, object};
use crate::Error;
use crate::catalog::captions::Captions;
use crate::catalog::questions::{Language, Questions};

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** An answer to a question in words: its number, for explainAnswer, its name in the question's language, and its share, 0 to 1. */
export interface Answer { answer: number; name: string; probability: number }

/** A word of a description as it is written, with what stands before it; of a thing its class; the logarithm of its probability, given the words before. */
export interface Word { text: string; space: string; class: number | null; logProbability: number }
export interface Caption { text: string; words: Word[] }
"#;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(typescript_type = "Answer[]")]
    pub type Answers;
    #[wasm_bindgen(typescript_type = "Caption")]
    pub type Caption;
}

#[wasm_bindgen]
impl Explainer {
    /// Takes what answers questions about the photos of the network that is loaded, which is
    /// emoji50: the bytes of `emoji50-questions.safetensors` and the text of `questions.json`.
    /// `load` forgets it.
    #[wasm_bindgen(js_name = loadQuestions)]
    pub fn load_questions(&mut self, weights: Vec<u8>, questions: &str) -> Result<(), JsError> {
        Ok(self.engine.load_questions(&weights, Questions::parse(questions)?)?)
    }

    /// The `count` likeliest answers (absent: 3) to a question about the last photo, in English or
    /// Chinese. It throws for words that the weights don't know.
    pub async fn answer(
        &mut self,
        question: &str,
        count: Option<usize>,
    ) -> Result<Answers, JsValue> {
        let answers = self.in_words(question, count.unwrap_or(3)).await.map_err(JsError::from)?;
        object(Some(answers))
    }

    /// What speaks for an answer to the question that was asked last; `method` is "grad-cam"
    /// (absent) or "hires-cam", say. The explanation's `class` is the answer's number.
    #[wasm_bindgen(js_name = explainAnswer)]
    pub async fn explain_answer(
        &mut self,
        answer: usize,
        method: Option<String>,
    ) -> Result<Explanation, JsError> {
        let method = method.as_deref().unwrap_or("grad-cam").parse()?;
        Ok(Explanation(self.engine.explain_answer(answer, method).await?))
    }

    /// Takes what describes the photos of the network that is loaded, which is emoji50: the bytes of
    /// `emoji50-captions.safetensors` and the text of `captions.json`. `load` forgets it.
    #[wasm_bindgen(js_name = loadCaptions)]
    pub fn load_captions(&mut self, weights: Vec<u8>, captions: &str) -> Result<(), JsError> {
        Ok(self.engine.load_captions(&weights, Captions::parse(captions)?)?)
    }

    /// Describes the last photo; `language` is "en" (absent) or "zh".
    pub async fn describe(&mut self, language: Option<String>) -> Result<Caption, JsValue> {
        let caption = self.said(language.as_deref()).await.map_err(JsError::from)?;
        object(Some(caption))
    }

    /// What speaks for a word of the last description, counted from 0, given the words before it;
    /// absent: for all of them. `method` as for `explainAnswer`.
    #[wasm_bindgen(js_name = explainCaption)]
    pub async fn explain_caption(
        &mut self,
        word: Option<usize>,
        method: Option<String>,
    ) -> Result<Explanation, JsError> {
        let method = method.as_deref().unwrap_or("grad-cam").parse()?;
        Ok(Explanation(self.engine.explain_caption(word, method).await?))
    }

    /// Where it looked when it said a word of the last description: a share for each position, which
    /// add up to 1, `camHeight` rows of `camWidth` numbers as the word's explanation has them.
    #[wasm_bindgen(js_name = captionAttention)]
    pub async fn caption_attention(&mut self, word: usize) -> Result<Vec<f32>, JsError> {
        Ok(self.engine.caption_attention(word).await?.values)
    }
}

impl Explainer {
    async fn in_words(&mut self, question: &str, count: usize) -> crate::Result<serde_json::Value> {
        let words = self.engine.questions().ok_or(Error::NoNetwork)?.read(question)?;
        let scores = self.engine.answer(&words).await?.top(count);
        let known = self.engine.questions().ok_or(Error::NoNetwork)?.answers();
        let answer = |score: &crate::Score| {
            let name = match words.language() {
                Language::En => &known[score.class].en,
                Language::Zh => &known[score.class].zh,
            };
            json!({ "answer": score.class, "name": name, "probability": score.probability })
        };
        Ok(scores.iter().map(answer).collect())
    }

    async fn said(&mut self, language: Option<&str>) -> crate::Result<serde_json::Value> {
        let language = match language {
            None | Some("en") => Language::En,
            Some("zh") => Language::Zh,
            Some(name) => {
                let (what, known) = ("language".into(), "en, zh".into());
                return Err(Error::UnknownChoice { what, name: name.into(), known });
            }
        };
        let caption = self.engine.describe(language).await?;
        let captions = self.engine.captions().ok_or(Error::NoNetwork)?;
        let pieces = captions.pieces(&caption.words);
        let words = pieces.iter().zip(&caption.log_probabilities).map(|(piece, log)| {
            json!({
                "text": piece.text, "space": piece.space, "class": piece.class,
                "logProbability": log,
            })
        });
        let words: Vec<_> = words.collect();
        Ok(json!({ "text": captions.text(&caption.words), "words": words }))
    }
}
