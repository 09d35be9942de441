//! For a projector: the picture as large as the screen, three classes, large text. Arrow keys go
//! through the steps (photo, classes, heatmap) and from class to class; a presenter's remote control
//! sends Page Up and Page Down.

use crate::controller::Controller;
use crate::i18n::fill;
use crate::platform::{canvas, fullscreen};
use crate::state::State;
use gradlens::explain::Score;
use leptos::ev::{self, KeyboardEvent};
use leptos::html;
use leptos::prelude::*;

/// Classes on show.
const CLASSES: usize = 3;

/// What is on show: each step adds something.
const PHOTO: usize = 0;
const NAMES: usize = 1;
const HEATMAP: usize = 2;

#[component]
pub fn StartPresenter(controller: Controller) -> impl IntoView {
    let state = controller.state;
    view! {
        <button
            type="button"
            data-testid="present"
            on:click=move |_| {
                state.presenting.set(true);
                fullscreen::enter();
            }
        >
            {move || state.text().teach.present}
        </button>
    }
}

#[component]
pub fn Presenter(controller: Controller) -> impl IntoView {
    let state = controller.state;
    let dialog = NodeRef::<html::Dialog>::new();
    let step = RwSignal::new(PHOTO);
    Effect::new(move |_| {
        let Some(dialog) = dialog.get() else { return };
        match (state.presenting.get(), dialog.open()) {
            (true, false) => {
                step.set(PHOTO);
                let _ = dialog.show_modal(); // only refused where it is open
            }
            (false, true) => dialog.close(),
            _ => {}
        }
    });
    let close = move || {
        state.presenting.set(false);
        fullscreen::leave();
    };
    // Whoever leaves the full screen by the browser's own key is done.
    let left = window_event_listener(ev::fullscreenchange, move |_| {
        if !fullscreen::is_on() {
            state.presenting.set(false);
        }
    });
    on_cleanup(move || left.remove());

    let go = move |by: isize| {
        step.update(|step| *step = step.saturating_add_signed(by).min(HEATMAP));
    };
    let choose = move |by: isize| {
        let (classes, now) = untrack(|| (shown(&state), state.target()));
        let place = classes.iter().position(|score| Some(score.class) == now);
        let next = place.map_or(0, |place| place.saturating_add_signed(by)).min(CLASSES - 1);
        if let Some(score) = classes.get(next).filter(|score| Some(score.class) != now) {
            controller.choose_class(Some(score.class));
        }
    };
    let on_key = move |event: KeyboardEvent| {
        match event.key().as_str() {
            "ArrowRight" | "PageDown" => go(1),
            "ArrowLeft" | "PageUp" => go(-1),
            "ArrowDown" => choose(1),
            "ArrowUp" => choose(-1),
            _ => return,
        }
        event.prevent_default();
    };
    let content = move || {
        view! {
            <Screen state step />
            <div class="presenter-side">
                <ol class="presenter-classes" class:shown=move || { step.get() >= NAMES }>
                    {move || shown(&state).into_iter().map(|score| class(controller, step, score)).collect_view()}
                </ol>
                // Not `disabled`: a button that has the focus would swallow the keys.
                <div class="buttons">
                    <button type="button" data-testid="present-back" aria-disabled=move || (step.get() == PHOTO).to_string() on:click=move |_| go(-1)>
                        {move || state.text().tour.back}
                    </button>
                    <button type="button" data-testid="present-next" aria-disabled=move || (step.get() == HEATMAP).to_string() on:click=move |_| go(1)>
                        {move || state.text().tour.next}
                    </button>
                    <button type="button" data-testid="present-end" on:click=move |_| close()>
                        {move || state.text().dismiss}
                    </button>
                </div>
            </div>
        }
    };
    view! {
        <dialog
            class="presenter"
            data-testid="presenter"
            data-step=move || (step.get() + 1).to_string()
            aria-label=move || state.text().teach.present
            node_ref=dialog
            on:keydown=on_key
            on:close=move |_| close()
        >
            {move || state.presenting.get().then(content)}
        </dialog>
    }
}

/// The likeliest classes; the one that is explained takes the last one's place if it is none of
/// them.
fn shown(state: &State) -> Vec<Score> {
    let ranking: Vec<Score> = state.ranking().into_iter().map(|(_, score)| score).collect();
    let mut classes: Vec<Score> = ranking.iter().take(CLASSES).copied().collect();
    let chosen = ranking.iter().find(|score| Some(score.class) == state.target());
    if let (Some(&chosen), Some(last)) = (chosen, classes.len().checked_sub(1))
        && !classes.iter().any(|score| score.class == chosen.class)
    {
        classes[last] = chosen;
    }
    classes
}

#[component]
fn Screen(state: State, step: RwSignal<usize>) -> impl IntoView {
    let canvas = NodeRef::<html::Canvas>::new();
    Effect::new(move |_| {
        let (Some(canvas), Some(picture)) = (canvas.get(), state.picture.get()) else { return };
        let pixels = match state.explanation.get().filter(|_| step.get() == HEATMAP) {
            Some(known) => canvas::over(&picture.shown, picture.size, &known, state.look()),
            None => canvas::plain(&picture.shown),
        };
        canvas::paint(&canvas, &pixels);
    });
    let named = move || match (step.get(), state.target()) {
        (HEATMAP, Some(class)) => fill(state.text().teach.report_map, &[&state.label(class)]),
        _ => state.text().teach.report_photo.to_owned(),
    };
    view! {
        <div class="presenter-screen">
            <canvas role="img" aria-label=named node_ref=canvas></canvas>
            <p class="presenter-empty" hidden=move || state.picture.with(Option::is_some)>
                {move || state.text().teach.no_photo}
            </p>
        </div>
    }
}

fn class(controller: Controller, step: RwSignal<usize>, score: Score) -> impl IntoView {
    let state = controller.state;
    let Score { class, probability, .. } = score;
    view! {
        <li>
            <button
                type="button"
                aria-pressed=move || (step.get() == HEATMAP && state.target() == Some(class)).to_string()
                on:click=move |_| {
                    controller.choose_class(Some(class));
                    step.set(HEATMAP);
                }
            >
                <span>{move || state.label(class)}</span>
                <b>{move || state.percent(probability, 0)}</b>
                <i aria-hidden="true" style:width=format!("{:.1}%", 100.0 * probability)></i>
            </button>
        </li>
    }
}
