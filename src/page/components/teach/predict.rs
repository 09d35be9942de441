//! Predict first: pupils mark on the photo where they think that the network looks; then the
//! heatmap is shown, and how well the two agree. Until then no other part of the page shows it.

use super::board::{Board, LONGEST};
use crate::controller::Controller;
use crate::i18n::fill;
use crate::platform::canvas;
use crate::state::State;
use gradlens::explain::drawing::{Drawing, Verdict};
use leptos::prelude::*;

#[component]
pub fn Predict(controller: Controller) -> impl IntoView {
    let state = controller.state;
    let teach = state.teach;
    let known = Memo::new(move |_| state.explanation.with(Option::is_some));
    let marked =
        move || teach.drawing.with(|drawing| drawing.as_ref().is_some_and(|one| !one.is_empty()));
    let asked = move || {
        let class = state.target().map(|class| state.label(class)).unwrap_or_default();
        fill(state.text().teach.predict, &[&class])
    };
    // The photo, or later the heatmap over it.
    let pixels = move || {
        let picture = state.picture.get()?;
        let small = picture.shown.shrunk(LONGEST);
        Some(match state.explanation.get().filter(|_| teach.revealed.get()) {
            Some(known) => canvas::over(&small, picture.size, &known, state.look()),
            None => canvas::plain(&small),
        })
    };
    let clear = move |_| {
        teach.drawing.update(|drawing| {
            if let Some(drawing) = drawing {
                let (width, height) = drawing.size();
                *drawing = Drawing::new((width, height));
            }
        });
        teach.revealed.set(false);
    };
    view! {
        <p hidden=move || known.get()>{move || state.text().teach.no_photo}</p>
        <div class="predict" hidden=move || !known.get()>
            <p class="predict-asked" data-testid="predict-asked">{asked}</p>
            <p class="hint">
                {move || if state.touch_only { state.text().teach.predict_touch } else { state.text().teach.predict_hint }}
            </p>
            <Board state drawing=teach.drawing outlined=teach.revealed pixels=Callback::new(move |()| pixels()) />
            <div class="buttons">
                <button
                    type="button"
                    class="strong"
                    data-testid="predict-reveal"
                    disabled=move || !marked() || teach.revealed.get()
                    on:click=move |_| teach.revealed.set(true)
                >
                    {move || state.text().teach.reveal}
                </button>
                <button type="button" data-testid="predict-clear" disabled=move || !marked() on:click=clear>
                    {move || state.text().teach.clear}
                </button>
            </div>
            <div class="predict-result" role="status" data-testid="predict-result">
                {move || teach.revealed.get().then(|| agreement(state))}
            </div>
        </div>
    }
}

/// What the comparison says, in numbers and in a sentence.
fn agreement(state: State) -> impl IntoView {
    let text = state.text().teach;
    let size = state.picture.with(|picture| picture.as_ref().map(|picture| picture.size));
    let found = state.explanation.with(|known| {
        state.teach.drawing.with(|drawing| drawing.as_ref()?.agreement(known.as_deref()?, size?))
    });
    let Some(found) = found else {
        return view! { <p>{text.nothing_to_compare}</p> }.into_any();
    };
    let verdict = match found.verdict() {
        Verdict::Same => text.verdicts[0],
        Verdict::Partly => text.verdicts[1],
        Verdict::Chance => text.verdicts[2],
    };
    let iou = fill(text.iou, &[&format!("{:.2}", found.iou)]);
    let heat = fill(text.heat, &[&state.percent(found.heat, 0), &state.percent(found.area, 0)]);
    view! {
        <p class="predict-verdict">{verdict}</p>
        <p data-testid="predict-iou" data-iou=found.iou>{iou}</p>
        <p data-testid="predict-heat" data-heat=found.heat data-area=found.area>{heat}</p>
    }
    .into_any()
}
