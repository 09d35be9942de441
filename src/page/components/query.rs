//! What is asked about the class: its score, its probability, why it rather than another, or what
//! speaks against it.

use crate::controller::Controller;
use crate::i18n::fill;
use crate::query::ObjectiveKind;
use crate::state::State;
use leptos::prelude::*;

/// The class to contrast with: one of the likeliest.
#[component]
pub fn ContrastClass(state: State, id: &'static str, choose: Callback<usize>) -> impl IntoView {
    let options = move || {
        let (class, chosen) = (state.target(), state.present_contrast_class());
        let mut others: Vec<usize> =
            state.ranking().into_iter().map(|(_, score)| score.class).collect();
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
            aria-label=move || state.text().analysis.than
            on:change:target=move |event| {
                if let Ok(class) = event.target().value().parse() {
                    choose.run(class);
                }
            }
        >
            {options}
        </select>
    }
}

/// The objective of the picture's heatmap.
#[component]
pub fn ObjectiveChooser(controller: Controller) -> impl IntoView {
    let state = controller.state;
    let option = move |kind: ObjectiveKind| {
        let words = move || {
            let other = match kind {
                ObjectiveKind::Contrast => {
                    state.present_contrast_class().map(|class| state.label(class))
                }
                _ => None,
            };
            fill(state.text().analysis.targets[kind as usize], &[&other.unwrap_or("…".into())])
        };
        view! { <option value=kind.name() selected=move || state.objective.get() == kind>{words}</option> }
    };
    let contrast_class = move || {
        let choose = Callback::new(move |class: usize| controller.choose_contrast_class(class));
        let shown = state.objective.get() == ObjectiveKind::Contrast;
        shown.then(|| view! { <ContrastClass state id="rather-than" choose /> })
    };
    view! {
        <div class="field">
            <span>{move || state.text().analysis.asked}</span>
            <select
                data-testid="objective"
                aria-label=move || state.text().analysis.asked
                prop:value=move || state.objective.get().name()
                on:change:target=move |event| {
                    controller.choose_objective(ObjectiveKind::from_name(&event.target().value()).unwrap_or_default());
                }
            >
                {ObjectiveKind::ALL.map(option).into_iter().collect_view()}
            </select>
            {contrast_class}
        </div>
    }
}
