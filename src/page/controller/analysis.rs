//! The analysis panels: what each asks of the engine.
//!
//! Opening a panel asks for what is quick; what takes long waits for a button. A new explanation
//! empties the panels.

use super::Controller;
use crate::engine::protocol::{Analysis, AnalysisResult, Analyze, Request};
use crate::i18n::fill;
use crate::query::ObjectiveKind;
use crate::state::State;
use crate::state::analysis::{Axes, Panel, Side};
use gradlens::explain::cam::Method;
use gradlens::explain::{Explanation, Question};
use leptos::prelude::*;

/// Classes that are compared.
const CLASSES: usize = 3;

impl Controller {
    /// Asks for something beside the main heatmap; a later analysis replaces it.
    pub fn analyze(self, analysis: Analysis) {
        self.clear_small_failure();
        let state = self.state;
        let Some(explanation) = state.explanation.get_untracked() else { return };
        if self.inner().other_photo.get() {
            return self.send_predict(); // the panel asks again after the explanation
        }
        let id = self.next_analysis();
        state.analysis.stopped.set(false);
        state.analysis.progress.set(Some((0, 0)));
        self.send(Request::Analyze(Analyze { id, explanation, analysis }));
    }

    /// Answers at once: the engine ends its present pass first, and nobody waits for that.
    pub fn stop_analysis(self) {
        self.next_analysis();
        self.state.analysis.progress.set(None);
        self.state.analysis.stopped.set(true);
        self.send(Request::StopAnalysis);
    }

    /// Empties the panels, and asks for what the open one shows first.
    pub fn restart_analysis(self) {
        let state = self.state;
        if !state.analysis.open.get_untracked() || state.explanation.with_untracked(Option::is_none)
        {
            return;
        }
        self.next_analysis(); // results that are on their way belong to what was asked before
        state.analysis.clear_results();
        if let Some(analysis) = untrack(|| first_analysis(state)) {
            self.analyze(analysis);
        }
    }

    fn next_analysis(&self) -> u32 {
        let inner = self.inner();
        inner.analysis_id.set(inner.analysis_id.get() + 1);
        inner.analysis_id.get()
    }

    pub(super) fn on_analysis_progress(self, id: u32, done: usize, of: usize) {
        if self.inner().analysis_id.get() == id {
            self.state.analysis.progress.set(Some((done, of)));
        }
    }

    pub(super) fn on_analyzed(self, id: u32, result: Option<AnalysisResult>) {
        let analysis = self.state.analysis;
        if self.inner().analysis_id.get() != id {
            return;
        }
        analysis.progress.set(None);
        analysis.stopped.set(result.is_none());
        if let Some(result) = result {
            analysis.results.update(|results| results.set(result));
        }
    }
}

/// What a panel asks for when it is opened; `None` where a button is to be pressed first.
fn first_analysis(state: State) -> Option<Analysis> {
    let explanation = state.explanation.get()?;
    Some(match state.analysis.panel.get() {
        Panel::Layers => Analysis::Maps(layer_questions(state, &explanation)),
        Panel::Targets => {
            let contrast_class = state.present_contrast_class();
            let objectives =
                ObjectiveKind::ALL.into_iter().filter_map(|kind| kind.objective(contrast_class));
            Analysis::Maps(
                objectives
                    .map(|objective| Question { objective, ..explanation.question() })
                    .collect(),
            )
        }
        Panel::Compare => Analysis::Maps(comparison(state, &explanation)),
        Panel::Concepts => Analysis::Concepts(state.analysis.concepts.get()),
        Panel::Detail => Analysis::Guided,
        Panel::Neurons => Analysis::Neurons,
        Panel::Swipe => {
            let sides = state.analysis.sides.get();
            Analysis::Maps(
                sides.iter().filter_map(|side| side_question(state, &explanation, side)).collect(),
            )
        }
        Panel::Methods | Panel::Localization | Panel::Faithfulness => return None,
    })
}

/// Each layer on show, and the fused ones.
fn layer_questions(state: State, explanation: &Explanation) -> Vec<Question> {
    let one = explanation.question();
    let each = state
        .compared_layers()
        .into_iter()
        .map(|layer| Question { layers: vec![layer], ..one.clone() });
    let mut questions: Vec<Question> = each.collect();
    let fused = state.fused_layers();
    if fused.len() > 1 {
        questions.push(Question { layers: fused, ..one });
    }
    questions
}

/// The cells of the comparison's grid, row by row.
fn comparison(state: State, explanation: &Explanation) -> Vec<Question> {
    let one = explanation.question();
    let mut classes: Vec<usize> = state.ranking().iter().map(|(_, score)| score.class).collect();
    classes.retain(|&class| class != explanation.class);
    classes.insert(0, explanation.class);
    classes.truncate(CLASSES);
    let layers: Vec<Vec<String>> =
        state.one_layer_per_stride().into_iter().map(|(layer, _)| vec![layer]).collect();
    let methods: Vec<Method> = Method::quick().collect();
    let cell = |class: usize, layers: &[String], method: Method| Question {
        class: Some(class),
        layers: layers.to_vec(),
        method,
        ..one.clone()
    };
    let mut cells = Vec::new();
    match state.analysis.axes.get() {
        Axes::ClassesLayers => {
            for &class in &classes {
                cells.extend(layers.iter().map(|layer| cell(class, layer, one.method)));
            }
        }
        Axes::ClassesMethods => {
            for &class in &classes {
                cells.extend(methods.iter().map(|&method| cell(class, &one.layers, method)));
            }
        }
        Axes::MethodsLayers => {
            for &method in &methods {
                cells.extend(layers.iter().map(|layer| cell(explanation.class, layer, method)));
            }
        }
        Axes::All => {
            for &class in &classes {
                for layer in &layers {
                    cells.extend(methods.iter().map(|&method| cell(class, layer, method)));
                }
            }
        }
    }
    cells
}

/// The question behind a side of the swiped picture; `None` for the photo.
fn side_question(state: State, explanation: &Explanation, side: &Side) -> Option<Question> {
    let one = explanation.question();
    Some(match side {
        Side::Photo => return None,
        Side::Shown => one,
        Side::Method(method) => Question { method: *method, ..one },
        Side::Layer(layer) => Question { layers: vec![layer.clone()], ..one },
        Side::Objective(kind) => {
            Question { objective: kind.objective(state.present_contrast_class())?, ..one }
        }
    })
}

/// Everything that can lie on a side of the swiped picture, with its name.
pub fn side_names(state: State) -> Vec<(Side, String)> {
    let text = state.text();
    let other = state.present_contrast_class().map(|class| state.label(class)).unwrap_or_default();
    let mut sides = vec![
        (Side::Photo, text.view_photo.to_owned()),
        (Side::Shown, text.analysis.as_shown.to_owned()),
    ];
    for method in Method::quick() {
        sides.push((Side::Method(method), state.method_name(method).to_owned()));
    }
    for (layer, _) in state.one_layer_per_stride() {
        sides.push((Side::Layer(layer.clone()), layer));
    }
    for kind in ObjectiveKind::ALL {
        sides.push((Side::Objective(kind), fill(text.analysis.targets[kind as usize], &[&other])));
    }
    sides
}
