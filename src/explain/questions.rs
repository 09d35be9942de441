//! Questions about the last photo: a head's answers, and what of the layer that it reads speaks for
//! one.

use std::collections::HashMap;

use web_time::Instant;

use super::cam::{Method, Recipe};
use super::explainer::Explainer;
use super::loaded::Loaded;
use super::objective::{Objective, Scores};
use super::types::{Asked, Explanation, Score, top};
use crate::catalog::questions::{Questions, Words};
use crate::error::{Error, Result};
use crate::image::heatmap::{self, Cam};
use crate::models::Target;
use crate::models::heads::{HeadFile, QuestionHead, QuestionPass};

/// Methods by which an answer can be explained: those of activations and gradients alone.
pub const ANSWER_METHODS: [Method; 6] = [
    Method::GradCam,
    Method::HiResCam,
    Method::GradCamPlusPlus,
    Method::XGradCam,
    Method::GradCamElementWise,
    Method::LayerCam,
];

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
        let (height, width, side) = (pass.input.height, pass.input.width, questions.side);
        if [height, width] != [side; 2] {
            return Err(Error::QuestionSize { width, height, side });
        }
        let numbers = words.numbers();
        if numbers.len() > questions.longest() || numbers.iter().any(|&n| n >= head.words()) {
            return Err(Error::UnknownQuestion { known: questions.known() }); // others read it
        }
        if recorded.is_none() {
            let layer = Target::named(&network.architecture, &questions.layer)?;
            let activations = pass.activations(layer);
            if activations.channels != head.channels()
                || activations.height > QuestionPass::LARGEST_GRID
            {
                return Err(Error::OtherBase { base: questions.base.clone() });
            }
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
        if !ANSWER_METHODS.contains(&method) {
            let known = ANSWER_METHODS.map(Method::name).join(", ");
            return Err(Error::UnknownMethod { name: method.name().into(), known });
        }
        let layer = questions.layer.clone();
        let activations = pass.activations(Target::named(&network.architecture, &layer)?);
        let gradient = of_head.backward(gpu, answer);
        if !recipes.contains_key(&method)
            && let Some(recipe) = Recipe::of(method, gpu, activations, gradient)
        {
            recipes.insert(method, recipe);
        }
        let recipe = recipes.get(&method).ok_or(Error::NoQuestion)?;
        let values = recipe.run(gpu).await?;
        let cam = Cam { height: activations.height, width: activations.width, values };
        let (height, width) = (pass.input.height, pass.input.width);
        Ok(Explanation {
            class: answer,
            asked: Some(Asked::Question(asked.clone())),
            objective: Objective::Logit,
            layer: layer.clone(),
            method,
            aug_smooth: false,
            eigen_smooth: false,
            blank: !cam.values.iter().any(|&v| v > 0.0),
            heatmap: heatmap::heatmap(std::slice::from_ref(&cam), (height, width)),
            layers: vec![(layer, cam.clone())],
            cam,
            height,
            width,
            rect: seen.rect,
            milliseconds: started.elapsed().as_secs_f64() * 1e3,
        })
    }
}
