//! What the picture is asked: the class's score, its probability, why it rather than another, or what speaks against it.

use super::state::State;
use super::text::fill;
use super::widgets::{part, pick, told};
use crate::explain::objective::Objective;
use crate::explain::{Explanation, Prediction, Question};
use leptos::prelude::*;

/// By which scripts and links call them, in the order of `text.closer.targets`.
pub const NAMES: [&str; 4] = ["logit", "probability", "contrast", "against"];

/// One of [`NAMES`].
pub fn named(name: &str) -> Option<&'static str> {
    NAMES.into_iter().find(|known| *known == name)
}

/// The layers of `layer3+layer4`.
pub fn layers(fused: &str) -> Vec<String> {
    fused.split('+').map(String::from).collect()
}

/// The class to compare `class` with: the visitor's choice, else the likeliest other one.
fn rival(chosen: Option<usize>, class: usize, prediction: &Prediction) -> Option<usize> {
    let other = |than: &usize| *than != class && *than < prediction.logits.len();
    chosen.filter(other).or_else(|| prediction.top(2).into_iter().map(|score| score.class).find(other))
}

/// The same, for what is explained now.
pub fn than(state: State) -> Option<usize> {
    rival(state.than.get(), state.target()?, &*state.prediction.get()?)
}

/// By one of [`NAMES`]; `None`: no other class to compare with.
pub fn objective(name: &str, than: Option<usize>) -> Option<Objective> {
    Some(match name {
        "probability" => Objective::Probability,
        "contrast" => Objective::Contrast { than: than? },
        "against" => Objective::Against,
        _ => Objective::Logit,
    })
}

/// What the visitor wants to know of a photo.
pub fn question(state: State, prediction: &Prediction) -> Question {
    let chosen = state.class.get_untracked().filter(|&class| class < prediction.logits.len());
    let class = chosen.or_else(|| prediction.top(1).first().map(|score| score.class));
    let than = class.and_then(|class| rival(state.than.get_untracked(), class, prediction));
    let objective = objective(state.objective.get_untracked(), than).unwrap_or_default();
    let (layers, method) = (layers(&state.layer.get_untracked()), state.method.get_untracked());
    Question { class, objective, layers, method, channels: None }
}

/// Which of [`NAMES`], and the other class of a contrast.
fn parts(state: &State, objective: Objective) -> (usize, String) {
    let other = match objective {
        Objective::Contrast { than } => state.label(than),
        _ => String::new(),
    };
    (NAMES.iter().position(|name| *name == objective.name()).unwrap_or(0), other)
}

/// What a map was asked.
pub fn target(state: &State, objective: Objective) -> String {
    let (place, other) = parts(state, objective);
    fill(state.text().closer.targets[place], &[&other])
}

/// The same, but nothing for the plain score.
pub fn words(state: &State, objective: Objective) -> String {
    if objective == Objective::Logit { String::new() } else { target(state, objective) }
}

/// What the warm places of a map do: “speaks for …”.
pub fn speaks(state: &State, known: &Explanation) -> String {
    let (place, other) = parts(state, known.objective);
    fill(state.text().closer.speaks[place], &[&state.label(known.class), &other])
}

/// Why a map is blank, for a caption; nothing for one that is not.
pub fn blank(state: &State, known: &Explanation) -> String {
    if known.blank { fill(state.text().closer.blank, &[&speaks(state, known)]) } else { String::new() }
}

/// The class to compare with: one of the likeliest.
#[component]
pub fn Rival(state: State, id: &'static str, choose: Callback<usize>) -> impl IntoView {
    let options = move || {
        let (class, chosen) = (state.target(), than(state));
        let mut others: Vec<usize> = state.ranking().into_iter().map(|(_, score)| score.class).collect();
        others.extend(chosen.filter(|chosen| !others.contains(chosen)));
        others.retain(|&other| Some(other) != class);
        let option = |other: usize| {
            view! { <option value=other.to_string() selected=chosen == Some(other)>{state.label(other)}</option> }
        };
        others.into_iter().map(option).collect_view()
    };
    view! {
        <select
            data-testid=id
            aria-label=state.say(|text| text.closer.than)
            on:change=pick(move |class| {
                if let Ok(class) = class.parse() {
                    choose.run(class);
                }
            })
        >
            {part(options)}
        </select>
    }
}

/// The question of the picture.
#[component]
pub fn Asked(jobs: super::jobs::Jobs) -> impl IntoView {
    let state = jobs.state;
    let options = move |place: usize| {
        let words = told(move || {
            let other = if place == 2 { than(state).map(|than| state.label(than)) } else { None };
            fill(state.text().closer.targets[place], &[&other.unwrap_or("…".into())])
        });
        let selected = super::widgets::whether(move || state.objective.get() == NAMES[place]);
        view! { <option value=NAMES[place] selected=selected>{words}</option> }
    };
    let rival = move || {
        let choose = Callback::new(move |class: usize| jobs.ask_rather_than(class));
        (state.objective.get() == NAMES[2]).then(|| view! { <Rival state id="rather-than" choose /> })
    };
    view! {
        <div class="field">
            <span>{state.say(|text| text.closer.asked)}</span>
            <select
                data-testid="objective"
                aria-label=state.say(|text| text.closer.asked)
                prop:value=told(move || state.objective.get().to_owned())
                on:change=pick(move |name| jobs.ask(named(&name).unwrap_or(NAMES[0])))
            >
                {(0..NAMES.len()).map(options).collect_view()}
            </select>
            {part(rival)}
        </div>
    }
}
