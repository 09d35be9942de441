//! The settings that a link carries, in the address's fragment, which no server is sent: never the
//! photo.
//!
//! `#model=efficientnet-lite0&sample=dog&class=12&target=logit&layer=head&method=grad-cam&smooth=none&fit=whole&view=overlay&opacity=0.50&colours=jet&threshold=0.00&contours=no&lang=en`,
//! `contrast=7` of a contrast; of what is open `panel=layers` (Analyse), `network=open`,
//! `teach=compare` with `beside=sample:koala`, `tour=scores` and `present=yes`; `ask=What is largest?` of a question,
//! `describe=all` of a description, `describe=2` of its third word. What is missing or not understood stays as it is.

use super::Controller;
use crate::i18n::Language;
use crate::query::{ObjectiveKind, Smoothing};
use crate::state::analysis::Panel;
use crate::state::compare::Beside;
use crate::state::teach::TeachPanel;
use crate::state::tour::Step;
use crate::state::{State, View, Way};
use gradlens::catalog::permalink;
use gradlens::explain::cam::Method;
use gradlens::explain::{Asked, LAST_LAYER};
use gradlens::image::Fit;
use gradlens::image::heatmap::ColourMap;
use leptos::prelude::*;

/// Of a description: no single word.
const ALL: &str = "all";

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Link {
    pub model: Option<String>,
    /// Of the list; a visitor's own photo is never part of a link.
    pub sample: Option<String>,
    pub class: Option<usize>,
    pub objective: Option<ObjectiveKind>,
    pub contrast_class: Option<usize>,
    pub layer: Option<String>,
    pub method: Option<Method>,
    pub smoothing: Option<Smoothing>,
    pub fit: Option<Fit>,
    pub opacity: Option<f32>,
    pub colours: Option<ColourMap>,
    pub threshold: Option<f32>,
    pub contours: Option<bool>,
    pub view: Option<View>,
    pub language: Option<Language>,
    /// The analysis panel that is open.
    pub panel: Option<Panel>,
    /// The network view is open.
    pub network: bool,
    /// The part of the card for teachers that is open.
    pub teach: Option<TeachPanel>,
    /// What stands beside the picture, if it is not the visitor's own.
    pub beside: Option<Beside>,
    /// The step of the guided tour.
    pub tour: Option<Step>,
    /// The picture fills the screen.
    pub present: bool,
    /// A question, or nothing yet, in the place of the classes.
    pub ask: Option<String>,
    /// A description; which word of it, counted from 0, or all.
    pub describe: Option<Option<usize>>,
}

impl Link {
    /// What the page shows now.
    pub fn of(state: &State) -> Link {
        untrack(|| Link::tracked(state))
    }

    /// The same, subscribing to all of it.
    pub fn tracked(state: &State) -> Link {
        Link {
            model: state.model.with(|model| model.as_ref()?.id.clone()),
            sample: state.picture.with(|picture| picture.as_ref()?.sample.clone()),
            class: state.explanation.with(|known| known.as_ref().map(|known| known.class)),
            objective: Some(state.objective.get()),
            contrast_class: state.contrast_class.get(),
            layer: Some(state.layer.get()),
            method: Some(state.method.get()),
            smoothing: Some(state.smoothing.get()),
            fit: Some(state.fit.get()),
            opacity: Some(state.opacity.get()),
            colours: Some(state.colours.get()),
            threshold: Some(state.threshold.get()),
            contours: Some(state.contours.get()),
            view: Some(state.view.get()),
            language: Some(state.language.get()),
            panel: Some(state.analysis.panel.get()).filter(|_| state.analysis.open.get()),
            network: state.network_open.get(),
            teach: Some(state.teach.panel.get()).filter(|_| state.teach.open.get()),
            beside: Some(state.compare.beside.get()).filter(|beside| {
                let compares = state.teach.panel.get() == TeachPanel::Compare;
                compares && state.teach.open.get() && beside.name().is_some()
            }),
            tour: state.tour.get(),
            present: state.presenting.get(),
            ask: (state.way.get() == Way::Ask).then(|| asked(state)),
            describe: (state.way.get() == Way::Describe)
                .then(|| state.describe.described.with(|known| known.as_ref()?.word)),
        }
    }

    pub fn fragment(&self) -> String {
        let share = |share: f32| format!("{share:.2}");
        let pairs = [
            ("model", self.model.clone()),
            ("sample", self.sample.clone()),
            ("class", self.class.map(|class| class.to_string())),
            ("target", self.objective.map(|objective| objective.name().to_owned())),
            ("contrast", self.contrast_class.map(|class| class.to_string())),
            ("layer", self.layer.clone()),
            ("method", self.method.map(|method| method.name().to_owned())),
            ("smooth", self.smoothing.map(|smoothing| smoothing.name().to_owned())),
            ("fit", self.fit.map(|fit| fit.name().to_owned())),
            ("opacity", self.opacity.map(share)),
            ("colours", self.colours.map(|colours| colours.name().to_owned())),
            ("threshold", self.threshold.map(share)),
            ("contours", self.contours.map(|on| if on { "yes" } else { "no" }.to_owned())),
            ("view", self.view.map(|view| view.name().to_owned())),
            ("lang", self.language.map(|language| language.tag().to_owned())),
            ("panel", self.panel.map(|panel| panel.name().to_owned())),
            ("network", self.network.then(|| "open".to_owned())),
            ("teach", self.teach.map(|panel| panel.name().to_owned())),
            ("beside", self.beside.as_ref().and_then(Beside::name)),
            ("tour", self.tour.map(|step| step.name().to_owned())),
            ("present", self.present.then(|| "yes".to_owned())),
            ("ask", self.ask.clone()),
            (
                "describe",
                self.describe.map(|word| word.map_or(ALL.into(), |word| word.to_string())),
            ),
        ];
        permalink::write(pairs)
    }

    /// The page's address with these settings.
    pub fn address(&self) -> String {
        let page = window().location().href().unwrap_or_default();
        let page = page.split('#').next().unwrap_or_default();
        format!("{page}#{}", self.fragment())
    }

    pub fn parse(fragment: &str) -> Link {
        let mut link = Link::default();
        let share = |value: &str| value.parse().ok().filter(|share| (0.0..=1.0).contains(share));
        for (key, value) in permalink::read(fragment) {
            match &key[..] {
                "model" => link.model = Some(value),
                "sample" => link.sample = Some(value),
                "class" => link.class = value.parse().ok(),
                "target" => link.objective = ObjectiveKind::from_name(&value),
                // `than`: in links of older versions.
                "contrast" | "than" => link.contrast_class = value.parse().ok(),
                "layer" => link.layer = Some(value),
                "method" => link.method = value.parse().ok(),
                "smooth" => link.smoothing = Smoothing::from_name(&value),
                "fit" => link.fit = value.parse().ok(),
                "opacity" => link.opacity = share(&value),
                "colours" => link.colours = value.parse().ok(),
                "threshold" => link.threshold = share(&value),
                "contours" => link.contours = Some(value == "yes"),
                "view" => link.view = View::from_name(&value),
                "lang" => link.language = Language::from_tag(&value),
                "panel" => link.panel = Panel::from_name(&value),
                "network" => link.network = value == "open",
                "teach" => link.teach = TeachPanel::from_name(&value),
                "beside" => link.beside = Beside::from_name(&value),
                "ask" => link.ask = Some(value),
                "describe" => link.describe = Some(value.parse().ok()), // `ALL` is no number
                "present" => link.present = value == "yes",
                "tour" => link.tour = Step::from_name(&value),
                _ => {}
            }
        }
        link
    }
}

/// The question that was answered, not one that is still being typed.
fn asked(state: &State) -> String {
    let answered = state.ask.answered.get();
    let map = answered.as_ref().and_then(|answered| answered.maps.first());
    match map.and_then(|map| map.asked.clone()) {
        Some(Asked::Question(question)) => question,
        _ => String::new(),
    }
}

impl Controller {
    /// Takes what a link says; its class waits for a prediction, its sample for the list of models.
    pub(super) fn follow(self, link: &Link) {
        let state = self.state;
        if let Some(opacity) = link.opacity {
            state.opacity.set(opacity);
        }
        if let Some(threshold) = link.threshold {
            state.threshold.set(threshold);
        }
        if let Some(contours) = link.contours {
            state.contours.set(contours);
        }
        if let Some(objective) = link.objective {
            state.objective.set(objective);
            state.contrast_class.set(link.contrast_class);
        }
        if let Some(fit) = link.fit.filter(|&fit| fit != state.fit.get_untracked()) {
            self.choose_fit(fit);
        }
        if let Some(colours) = link.colours {
            state.colours.set(colours);
        }
        if let Some(method) = link.method {
            state.method.set(method);
        }
        if let Some(smoothing) = link.smoothing {
            state.smoothing.set(smoothing);
        }
        if let Some(view) = link.view {
            state.view.set(view);
        }
        if let Some(language) = link.language {
            state.language.set(language);
        }
        if let Some(panel) = link.panel {
            state.analysis.panel.set(panel);
            state.analysis.open.set(true);
        }
        if link.network {
            self.show_network(true);
        }
        if let Some(panel) = link.teach {
            state.teach.panel.set(panel);
            state.teach.open.set(true);
            state.teach.sought.set(true);
        }
        if let Some(beside) = &link.beside {
            self.choose_beside(beside.clone());
        }
        if link.present {
            state.presenting.set(true);
        }
        if let Some(question) = &link.ask {
            state.ask.text.set(question.clone());
        }
        state.describe.linked.set(link.describe.flatten());
        self.choose_way(match (&link.ask, link.describe) {
            (Some(_), _) => Way::Ask,
            (None, Some(_)) => Way::Describe,
            (None, None) => Way::Name,
        });
        if let Some(step) = link.tour {
            self.go_to_step(step);
        }
        let other_sample = link.sample.clone().filter(|sample| {
            state.picture.with_untracked(|picture| {
                picture.as_ref().and_then(|picture| picture.sample.as_ref()) != Some(sample)
            })
        });
        let waits_for_sample = other_sample.is_some();
        self.inner().linked_sample.replace(other_sample);
        self.inner().linked_class.replace(link.class.map(|class| (link.model.clone(), class)));
        let current = state.model_id();
        let other_model = link.model.as_ref().filter(|id| current.as_ref() != Some(id));
        if let Some(layer) = &link.layer {
            match other_model {
                // Which layers that one has is known once it is there.
                Some(id) => {
                    self.inner().linked_layer.replace(Some((id.clone(), layer.clone())));
                }
                None if state.layers.with_untracked(Vec::is_empty) || state.has_layer(layer) => {
                    state.layer.set(layer.clone());
                }
                None if layer == LAST_LAYER => state.layer.set(untrack(|| state.pooled_layer())),
                None => {}
            }
        }
        match other_model {
            Some(id) if !state.models.with_untracked(|models| models.is_empty()) => {
                self.choose_model(id)
            }
            Some(_) => {}
            None if waits_for_sample => {}
            None => {
                let classes = state
                    .prediction
                    .with_untracked(|known| known.as_ref().map_or(0, |known| known.logits.len()));
                if classes > 0 {
                    let class = self.inner().linked_class.take().map(|(_, class)| class);
                    self.choose_class(class.filter(|&class| class < classes));
                }
            }
        }
        self.open_linked_sample();
    }

    /// The page's address with what it shows now; whoever reads it is told of changes.
    pub fn link(self) -> String {
        Link::tracked(&self.state).address()
    }

    /// Opens the sample of a link that was followed, once the list of models is there.
    pub(super) fn open_linked_sample(self) {
        let models = self.state.models.get_untracked();
        if models.is_empty() {
            return;
        }
        let Some(id) = self.inner().linked_sample.take() else { return };
        let mut samples = models.iter().flat_map(|model| &model.samples);
        if let Some(sample) = samples.find(|sample| sample.id == id) {
            self.open_sample(sample);
        }
    }
}
