//! What the network says of the photo, word by word, and what speaks for each word.

use super::ask::{Complaint, Maps, OtherNetwork};
use crate::controller::Controller;
use crate::engine::protocol::Described;
use crate::state::Way;
use leptos::prelude::*;
use std::sync::Arc;
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, KeyboardEvent};

#[component]
pub fn Description(controller: Controller) -> impl IntoView {
    let state = controller.state;
    let able = Memo::new(move |_| state.head(Way::Describe).is_some());
    // In the other language the network says it anew.
    Effect::watch(move || state.language.get(), move |_, _, _| controller.describe(), false);
    let empty = move || state.picture.with(Option::is_none);
    move || match able.get() {
        true => {
            let hint = move || {
                let text = state.text().describe;
                match (empty(), state.touch_only) {
                    (true, _) => [text.empty, ""],
                    (false, true) => [text.hint, ""],
                    (false, false) => [text.hint, text.keys],
                }
                .concat()
            };
            view! {
                <p class="hint">{hint}</p>
                <Complaint controller fault=state.describe.fault />
                {move || state.describe.described.get().map(|described| view! { <Caption controller described /> })}
                <p class="fine">{move || state.text().describe.limits}</p>
            }
            .into_any()
        }
        false => view! {
            <OtherNetwork controller why=|text| text.describe.other_network />
        }
        .into_any(),
    }
}

/// The words, each a button, and the maps of the one that is chosen.
#[component]
fn Caption(controller: Controller, described: Arc<Described>) -> impl IntoView {
    let state = controller.state;
    let Some(known) = state.describe.known.get_untracked() else { return ().into_any() };
    let chosen = described.word;
    let words =
        known.pieces(&described.caption.words).into_iter().enumerate().map(|(place, piece)| {
            let probability =
                described.caption.log_probabilities.get(place).map_or(0.0, |log| log.exp());
            view! {
                {piece.space}
                <button
                    type="button"
                    class="caption-word"
                    class:noun=piece.class.is_some()
                    title=move || state.percent(probability, 0)
                    aria-pressed=(chosen == Some(place)).to_string()
                    on:click=move |_| controller.explain_word(Some(place))
                >
                    {piece.text}
                </button>
            }
        });
    let words = words.collect_view();
    let said = move || state.text().describe.said;
    view! {
        <p
            class="caption"
            data-testid="caption"
            aria-label=said
            lang=state.language.get_untracked().tag()
            on:keydown=move_focus
        >
            {words}
        </p>
        <div class="buttons">
            <button
                type="button"
                class="small"
                data-testid="caption-all"
                aria-pressed=chosen.is_none().to_string()
                on:click=move |_| controller.explain_word(None)
            >
                {move || state.text().describe.all}
            </button>
        </div>
        <Maps state maps=described.maps.clone() shown=state.describe.map />
        <p class="fine">{move || state.text().describe.differ}</p>
    }
    .into_any()
}

/// Left and right go from word to word and choose it.
fn move_focus(event: KeyboardEvent) {
    let word = event.target().and_then(|target| target.dyn_into::<HtmlElement>().ok());
    let next = word.and_then(|word| match &event.key()[..] {
        "ArrowRight" => word.next_element_sibling(),
        "ArrowLeft" => word.previous_element_sibling(),
        _ => None,
    });
    if let Some(next) = next.and_then(|next| next.dyn_into::<HtmlElement>().ok()) {
        event.prevent_default();
        let _ = next.focus();
        next.click();
    }
}
