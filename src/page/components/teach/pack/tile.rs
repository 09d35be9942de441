//! One photo of a pack.

use crate::controller::Controller;
use crate::i18n::{fill, sentence};
use crate::state::pack::{Expectations, Outcome, PackPhoto, PackResult};
use leptos::prelude::*;

#[component]
pub fn Tile(
    controller: Controller,
    id: usize,
    /// The numbers of those on show.
    shown: Memo<Vec<usize>>,
    expectations: Memo<Expectations>,
) -> impl IntoView {
    let state = controller.state;
    let photo = Memo::new(move |_| {
        state.pack.photos.with(|photos| photos.iter().find(|photo| photo.id == id).cloned())
    });
    // Hidden rather than taken away: of hundreds of pictures none is made anew.
    let hidden = move || shown.with(|shown| !shown.contains(&id));
    let right = move || expectations.with(|all| all.is_right(photo.get().as_ref()?));
    let body = move || match photo.get()? {
        PackPhoto { path, outcome: Outcome::Explained(result), .. } => {
            Some(view! { <Explained controller id path result /> }.into_any())
        }
        PackPhoto { outcome: Outcome::Failed(fault), .. } => {
            let words = sentence(state.language(), &fault);
            Some(view! { <p class="pack-fault">{words}</p> }.into_any())
        }
        PackPhoto { outcome: Outcome::Waiting, .. } => {
            Some(view! { <div class="pack-waiting"></div> }.into_any())
        }
    };
    let path = move || photo.get().map(|photo| photo.path).unwrap_or_default();
    let expected = move || {
        let photo = photo.get()?;
        let name = expectations.with(|all| all.of(&photo).map(|expected| expected.name.clone()))?;
        let words = fill(state.text().pack.expected_is, &[&name]);
        let mark = match right()? {
            true => "✓ ",
            false => "✗ ",
        };
        Some([mark, &words].concat())
    };
    view! {
        <li class="pack-tile" class:wrong=move || right() == Some(false) hidden=hidden data-path=path>
            {body}
            <p class="pack-expectation">{expected}</p>
            <p class="pack-path">{path}</p>
        </li>
    }
}

#[component]
fn Explained(controller: Controller, id: usize, path: String, result: PackResult) -> impl IntoView {
    let state = controller.state;
    let Some(score) = result.scores.first().copied() else { return ().into_any() };
    let name = move || state.label(score.class);
    let (of, opened) = (path.clone(), path);
    view! {
        <button
            type="button"
            title=move || fill(state.text().pack.open, &[&opened])
            data-class=score.class
            data-probability=score.probability
            on:click=move |_| controller.open_pack_photo(id)
        >
            <img
                src=result.address
                alt=move || fill(state.text().pack.overlay, &[&name(), &of])
                loading="lazy"
                decoding="async"
            />
            <span class="pack-name">{name}</span>
            <span class="pack-probability">{move || state.percent(score.probability, 0)}</span>
        </button>
    }
    .into_any()
}
