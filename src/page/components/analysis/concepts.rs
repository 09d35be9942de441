//! What the last layer found in the photo: regions in colours, and what the classifier calls each.

use super::figure::{Figure, small};
use crate::i18n::fill;
use crate::platform::canvas::{self, Pixels};
use crate::state::State;
use gradlens::explain::concepts::{COLOURS, Concept};
use leptos::prelude::*;

/// Fewer say little, and colours are not for more.
const COUNTS: std::ops::RangeInclusive<usize> = 2..=COLOURS.len();

#[component]
pub fn Concepts(state: State, restart: Callback<()>) -> impl IntoView {
    let analysis = state.analysis;
    let option = move |count: usize| {
        view! {
            <option value=count.to_string() selected=move || analysis.concepts.get() == count>
                {count.to_string()}
            </option>
        }
    };
    let picture = move || {
        let (found, picture) = (analysis.results.get().concepts?, state.picture.get()?);
        let photo = small(&picture.shown);
        let rgba = found.paint(&photo, canvas::on_copy(found.rect, &photo, picture.size));
        let pixels = Pixels { width: photo.width, height: photo.height, rgba };
        let caption = fill(state.text().analysis.concepts_caption, &[&found.layer]);
        Some(view! { <Figure what="concepts".to_owned() caption pixels /> })
    };
    let one = move |([r, g, b], concept): ([u8; 3], &Concept)| {
        let share = |probability: f32| state.percent(probability, 0);
        let names = concept.classes.iter().map(|score| {
            fill(
                state.text().analysis.concept,
                &[&state.label(score.class), &share(score.probability)],
            )
        });
        let names = names.collect::<Vec<_>>().join(" · ");
        view! {
            <li>
                <span class="concept-colour" style:background-color=format!("rgb({r} {g} {b})")></span>
                {names}
            </li>
        }
    };
    let legend = move || {
        let found = analysis.results.get().concepts?;
        Some(COLOURS.into_iter().zip(&found.concepts).map(one).collect_view())
    };
    view! {
        <div class="analysis-row">
            <label class="field">
                <span>{move || state.text().analysis.concept_count}</span>
                <select
                    data-testid="concept-count"
                    on:change:target=move |event| {
                        analysis.concepts.set(event.target().value().parse().unwrap_or(*COUNTS.start()));
                        restart.run(());
                    }
                >
                    {COUNTS.map(option).collect_view()}
                </select>
            </label>
        </div>
        <div class="concepts">
            <div class="picture-grid analysis-large">{picture}</div>
            <ul class="concepts-legend" data-testid="concepts">
                {legend}
            </ul>
        </div>
    }
}
