//! Texts in which terms explain themselves: the first “channel” of a text is a button that shows
//! what a channel is. To add a term: a variant of `Term`, its words in `i18n/glossary.rs`.

use crate::i18n::{Term, terms};
use crate::platform::popover;
use crate::state::State;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

/// A text with its terms as buttons.
#[component]
pub fn Explained(state: State, #[prop(into)] words: Signal<String>) -> impl IntoView {
    // Compared: the same words again keep a button that has the focus.
    let words = Memo::new(move |_| words.get());
    move || {
        let words = words.get();
        let mut pieces = Vec::new();
        let mut read = 0;
        for (term, place) in terms(state.language(), &words) {
            pieces.push(words[read..place.start].to_owned().into_any());
            pieces.push(button(term, words[place.clone()].to_owned()).into_any());
            read = place.end;
        }
        pieces.push(words[read..].to_owned().into_any());
        pieces
    }
}

fn button(term: Term, word: String) -> impl IntoView {
    // Before the browser opens the popover: that is what a click does last.
    let place = move |event: web_sys::MouseEvent| {
        let owner: Option<web_sys::Element> =
            event.current_target().and_then(|target| target.dyn_into().ok());
        let popover = document().get_element_by_id(term.id()).and_then(|it| it.dyn_into().ok());
        if let (Some(owner), Some(popover)) = (owner, popover) {
            popover::place_at(&popover, &owner);
        }
    };
    view! {
        <button type="button" class="term" popovertarget=term.id() on:click=place>
            {word}
        </button>
    }
}

/// What the terms mean: one popover each, for all buttons of the page.
#[component]
pub fn Glossary(state: State) -> impl IntoView {
    let one = |term: Term| {
        view! {
            <p class="term-meaning" id=term.id() popover="auto" data-testid=term.id()>
                <b>{move || state.text().glossary.names[term as usize]}</b>
                " "
                {move || state.text().glossary.meanings[term as usize]}
            </p>
        }
    };
    Term::ALL.map(one).into_iter().collect_view()
}
