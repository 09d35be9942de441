//! Cover and see: parts of the photo are painted over, and the network looks again while one paints.

use super::board::Board;
use crate::controller::Controller;
use crate::engine::protocol::Analysis;
use crate::i18n::fill;
use crate::platform::canvas;
use crate::state::State;
use gradlens::explain::Score;
use gradlens::explain::drawing::Drawing;
use leptos::prelude::*;

/// Classes on show: the likeliest of the whole photo, and the one that is explained.
const CLASSES: usize = 3;

#[component]
pub fn Cover(controller: Controller) -> impl IntoView {
    let state = controller.state;
    let cover = state.teach.cover;
    let known = Memo::new(move |_| state.explanation.with(Option::is_some));
    let marked =
        move || cover.with(|drawing| drawing.as_ref().is_some_and(|drawing| !drawing.is_empty()));
    // With each stroke, and again when another class, layer or method is chosen. Of several that
    // wait the engine takes the last.
    Effect::new(move |_| {
        let results = state.analysis.results;
        match mask(&state) {
            Some(mask) => controller.analyze(Analysis::Brush(mask)),
            None if results.with_untracked(|results| results.brushed.is_some()) => {
                results.update(|results| results.brushed = None);
            }
            None => {}
        }
    });
    let pixels = move || {
        let picture = state.picture.get()?;
        let small = picture.shown.shrunk(super::board::LONGEST);
        let brushed = state.analysis.results.with(|results| results.brushed.clone());
        let after = brushed.as_ref().map(|brushed| &brushed.1);
        Some(match (after, state.explanation.get()) {
            (Some(after), _) => canvas::over(&small, picture.size, after, state.look()),
            (None, Some(before)) => canvas::over(&small, picture.size, &before, state.look()),
            (None, None) => canvas::plain(&small),
        })
    };
    let clear = move |_| {
        cover.update(|drawing| {
            *drawing = drawing.as_ref().map(|drawing| Drawing::new(drawing.size()));
        });
    };
    view! {
        <p hidden=move || known.get()>{move || state.text().teach.no_photo}</p>
        <div class="predict" hidden=move || !known.get()>
            <p class="hint">
                {move || if state.touch_only { state.text().teach.cover_touch } else { state.text().teach.cover_hint }}
            </p>
            <div class="cover">
                <Board state drawing=cover covers=true pixels=Callback::new(move |()| pixels()) />
                <Bars state />
            </div>
            <div class="buttons">
                <button type="button" data-testid="cover-clear" disabled=move || !marked() on:click=clear>
                    {move || state.text().teach.clear}
                </button>
            </div>
        </div>
    }
}

/// The input's pixels [height, width] that are covered; `None`: none is.
fn mask(state: &State) -> Option<Vec<bool>> {
    let (known, picture) = (state.explanation.get()?, state.picture.get()?);
    let drawing = state.teach.cover.get().filter(|drawing| !drawing.is_empty())?;
    Some(drawing.on_heatmap(&known, picture.size))
}

/// How likely each class was, and how likely it is now.
#[component]
fn Bars(state: State) -> impl IntoView {
    let row = move |before: Score, after: f32| {
        let [was, is] = [before.probability, after].map(|share| state.percent(share, 1));
        let words = fill(state.text().teach.cover_change, &[&was, &is]);
        view! {
            <li data-class=before.class data-before=before.probability data-after=after>
                <span class="class-name">{state.label(before.class)}</span>
                <span class="class-probability">{words}</span>
                <span class="class-bar" aria-hidden="true"><span style:width=format!("{:.2}%", 100.0 * after)></span></span>
            </li>
        }
    };
    let rows = move || {
        let (prediction, class) = (state.prediction.get()?, state.target()?);
        let brushed = state.analysis.results.with(|results| results.brushed.clone());
        let after = |class: usize| {
            let covered = brushed.as_ref().map(|brushed| &brushed.0)?;
            Some(covered.scores.probability(class, &covered.logits))
        };
        let rows = prediction.top_and(CLASSES, class);
        let rows = rows
            .into_iter()
            .map(|score| row(score, after(score.class).unwrap_or(score.probability)));
        Some(rows.collect_view())
    };
    view! {
        <div role="status">
            <ol class="cover-bars" data-testid="cover-bars">{rows}</ol>
        </div>
    }
}
