//! Questions about the last photo: a head's answers, and what of the layer that it reads speaks for
//! one.

use std::collections::HashMap;

use web_time::Instant;

use super::cam::{Method, Recipe};
use super::explainer::Explainer;
use super::heads::{Layer, Trained, check_method};
use super::loaded::Loaded;
use super::objective::{Objective, Scores};
use super::types::{Asked, Explanation, Score, top};
use crate::catalog::questions::{Questions, Words};
use crate::error::{Error, Result};
use crate::models::Target;
use crate::models::heads::{HeadFile, QuestionHead, QuestionPass};

/// A question head beside the network whose layer it reads.
pub(crate) struct Asking {
    head: QuestionHead,
    questions: Questions,
    /// Of the network's pass.
    recorded: Option<Recorded>,
}

struct Recorded {
    pass: QuestionPass,
    recipes: HashMap<Method, Recipe>,
    /// The question about the last photo that gradients belong to.
    asked: Option<String>,
}

/// What a question head makes of a question.
#[derive(Clone, Debug)]
pub struct Answers {
    /// [answers], as [`Questions::answers`].
    pub logits: Vec<f32>,
    /// From the words to the logits.
    pub milliseconds: f64,
}

impl Answers {
    /// The `k` likeliest answers, likeliest first; their `class` is the answer's number.
    pub fn top(&self, k: usize) -> Vec<Score> {
        top(&self.logits, Scores::Softmax, k)
    }
}

impl Asking {
    /// For whenever the network's pass goes: its activations are bound here.
    pub(super) fn forget_pass(&mut self) {
        self.recorded = None;
    }

    /// For whenever another photo is looked at.
    pub(super) fn forget_question(&mut self) {
        if let Some(recorded) = &mut self.recorded {
            recorded.asked = None;
        }
    }

    /// Bytes of weights, and of the pass.
    pub(super) fn bytes(&self) -> [u64; 2] {
        [self.head.bytes(), self.recorded.as_ref().map_or(0, |recorded| recorded.pass.bytes())]
    }
}

impl Explainer {
    /// Takes a question head for the network that is loaded: the safetensors file of its weights
    /// and what can be asked of it. [`load`](Explainer::load) forgets it.
    ///
    /// Errors: [`Error::NoNetwork`]; [`Error::OtherBase`] where the network has another number of
    /// classes; what is wrong with the file.
    pub fn load_questions(&mut self, weights: &[u8], questions: Questions) -> Result<()> {
        let Explainer { gpu, loaded, .. } = self;
        let loaded = loaded.as_mut().ok_or(Error::NoNetwork)?;
        if loaded.network.architecture.classes() != questions.classes() {
            return Err(Error::OtherBase { base: questions.base });
        }
        let head = QuestionHead::new(gpu, &HeadFile::read(weights)?)?;
        for (name, expected, found) in [
            ("embed.weight", questions.words(), head.words()),
            ("answer.weight", questions.answers().len(), head.answers()),
        ] {
            if expected != found {
                let (expected, found) = (vec![expected], vec![found]);
                return Err(Error::TensorShape { name: name.into(), expected, found });
            }
        }
        gpu.check()?;
        gpu.forget_queued();
        loaded.asking = Some(Asking { head, questions, recorded: None });
        Ok(())
    }

    /// What can be asked of the head that is loaded.
    pub fn questions(&self) -> Option<&Questions> {
        Some(&self.loaded.as_ref()?.asking.as_ref()?.questions)
    }

    /// Answers a question about the last photo: [`Questions::read`] makes its words.
    ///
    /// Errors: [`Error::NoNetwork`], also without [`load_questions`](Explainer::load_questions);
    /// [`Error::NoPhoto`]; [`Error::QuestionSize`]; [`Error::OtherBase`] where the network's layer
    /// is not the one that the head was trained on; [`Error::DeviceLost`].
    pub async fn answer(&mut self, words: &Words) -> Result<Answers> {
        let started = Instant::now();
        let Explainer { gpu, loaded, .. } = self;
        let Loaded { network, tuning, pass, seen, asking, .. } =
            loaded.as_mut().ok_or(Error::NoNetwork)?;
        let (Some(pass), Some(_)) = (pass.as_ref(), seen.as_ref()) else {
            return Err(Error::NoPhoto);
        };
        let Asking { head, questions, recorded } = asking.as_mut().ok_or(Error::NoNetwork)?;
        let trained =
            Trained { base: &questions.base, layer: &questions.layer, side: questions.side };
        trained.check_size(pass)?;
        let numbers = words.numbers();
        if numbers.len() > questions.longest() || numbers.iter().any(|&n| n >= head.words()) {
            return Err(Error::UnknownQuestion { known: questions.known() }); // others read it
        }
        if recorded.is_none() {
            let activations = trained.activations(pass, &network.architecture, head.channels())?;
            let longest = questions.longest();
            let pass = QuestionPass::new(gpu, head, *tuning, activations, longest);
            *recorded = Some(Recorded { pass, recipes: HashMap::new(), asked: None });
        }
        let recorded = recorded.as_mut().ok_or(Error::NoPhoto)?;
        let logits = recorded.pass.logits(gpu, head, numbers).await?;
        recorded.asked = Some(words.text().to_owned());
        Ok(Answers { logits, milliseconds: started.elapsed().as_secs_f64() * 1e3 })
    }

    /// What of the head's layer speaks for an answer to the question that was asked last: the map
    /// of its logit, by one of [`ANSWER_METHODS`]. The explanation's `class` is the answer's
    /// number.
    ///
    /// Errors: [`Error::NoQuestion`], [`Error::UnknownClass`] for an answer that there isn't,
    /// [`Error::UnknownMethod`] for a method that doesn't know answers, [`Error::DeviceLost`].
    pub async fn explain_answer(&mut self, answer: usize, method: Method) -> Result<Explanation> {
        let started = Instant::now();
        let Explainer { gpu, loaded, .. } = self;
        let Loaded { network, pass, seen, asking, .. } = loaded.as_mut().ok_or(Error::NoNetwork)?;
        let (Some(pass), Some(seen), Some(asking)) =
            (pass.as_ref(), seen.as_ref(), asking.as_mut())
        else {
            return Err(Error::NoQuestion);
        };
        let Asking { head, questions, recorded } = asking;
        let Some(Recorded { pass: of_head, recipes, asked: Some(asked) }) = recorded else {
            return Err(Error::NoQuestion);
        };
        if answer >= head.answers() {
            let (name, classes) = (answer.to_string(), head.answers());
            return Err(Error::UnknownClass { name, classes });
        }
        check_method(method)?;
        let name = &questions.layer;
        let activations = pass.activations(Target::named(&network.architecture, name)?);
        let gradient = of_head.backward(gpu, answer);
        let said = (answer, Asked::Question(asked.clone()), Objective::Logit);
        let layer = Layer { gpu, pass, seen, name, activations };
        layer.explain(recipes, method, gradient, said, started).await
    }
}
