//! What questions and captions share: where a head can be asked, and maps of what it said.

use std::collections::HashMap;

use web_time::Instant;

use super::cam::{Method, Recipe};
use super::loaded::Seen;
use super::objective::Objective;
use super::types::{Asked, Explanation};
use crate::checkpoint::Architecture;
use crate::error::{Error, Result};
use crate::gpu::{Gpu, Tensor};
use crate::image::heatmap::{self, Cam};
use crate::models::heads::LARGEST_GRID;
use crate::models::{Pass, Target};

/// Methods by which what a head said can be explained: those of activations and gradients alone.
pub const ANSWER_METHODS: [Method; 6] = [
    Method::GradCam,
    Method::HiResCam,
    Method::GradCamPlusPlus,
    Method::XGradCam,
    Method::GradCamElementWise,
    Method::LayerCam,
];

/// What a head's file of words says of where it was trained.
pub(super) struct Trained<'a> {
    pub base: &'a str,
    pub layer: &'a str,
    /// Pixels of the input's side.
    pub side: usize,
}

impl Trained<'_> {
    /// Errors: [`Error::QuestionSize`] for an input of another size.
    pub fn check_size(&self, pass: &Pass) -> Result<()> {
        let (height, width, side) = (pass.input.height, pass.input.width, self.side);
        match [height, width] == [side; 2] {
            true => Ok(()),
            false => Err(Error::QuestionSize { width, height, side }),
        }
    }

    /// The layer's activations. Errors: [`Error::OtherBase`] where it has not the head's
    /// `channels`, or more positions than a head's pass takes.
    pub fn activations<'p>(
        &self,
        pass: &'p Pass,
        architecture: &Architecture,
        channels: usize,
    ) -> Result<&'p Tensor> {
        let activations = pass.activations(Target::named(architecture, self.layer)?);
        if activations.channels != channels || activations.height > LARGEST_GRID {
            return Err(Error::OtherBase { base: self.base.into() });
        }
        Ok(activations)
    }
}

/// Errors: [`Error::UnknownMethod`] for one that is not among [`ANSWER_METHODS`].
pub(super) fn check_method(method: Method) -> Result<()> {
    if ANSWER_METHODS.contains(&method) {
        return Ok(());
    }
    let known = ANSWER_METHODS.map(Method::name).join(", ");
    Err(Error::UnknownMethod { name: method.name().into(), known })
}

/// The layer that a head reads, of the last photo.
pub(super) struct Layer<'a> {
    pub gpu: &'a Gpu,
    pub pass: &'a Pass,
    pub seen: &'a Seen,
    pub name: &'a str,
    pub activations: &'a Tensor,
}

impl Layer<'_> {
    /// The map of what was said, whose gradient has been computed. `recipes` are of this pass.
    pub async fn explain(
        &self,
        recipes: &mut HashMap<Method, Recipe>,
        method: Method,
        gradient: &Tensor,
        (class, asked, objective): (usize, Asked, Objective),
        started: Instant,
    ) -> Result<Explanation> {
        if !recipes.contains_key(&method)
            && let Some(recipe) = Recipe::of(method, self.gpu, self.activations, gradient)
        {
            recipes.insert(method, recipe);
        }
        let recipe = recipes.get(&method).expect("each of ANSWER_METHODS has one");
        let values = recipe.run(self.gpu).await?;
        let Tensor { height, width, .. } = *self.activations;
        let cam = Cam { height, width, values };
        let (height, width) = (self.pass.input.height, self.pass.input.width);
        Ok(Explanation {
            class,
            asked: Some(asked),
            objective,
            layer: self.name.into(),
            method,
            aug_smooth: false,
            eigen_smooth: false,
            blank: !cam.values.iter().any(|&v| v > 0.0),
            heatmap: heatmap::heatmap(std::slice::from_ref(&cam), (height, width)),
            layers: vec![(self.name.into(), cam.clone())],
            cam,
            height,
            width,
            rect: self.seen.rect,
            milliseconds: started.elapsed().as_secs_f64() * 1e3,
        })
    }
}
