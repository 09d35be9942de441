//! The photos of this visit.

use crate::controller::Controller;
use crate::i18n::fill;
use crate::platform::canvas;
use crate::state::Picture;
use crate::state::tracking::get_until_cleanup;
use crate::state::tray::TrayPhoto;
use leptos::html;
use leptos::prelude::*;

#[component]
pub fn Tray(controller: Controller) -> impl IntoView {
    let state = controller.state;
    // Made anew when a photo comes or goes, not when its settings are saved: eight small pictures.
    let ids = Memo::new(move |_| {
        state.tray.with(|tray| tray.iter().map(|photo| photo.picture.id).collect::<Vec<_>>())
    });
    let thumbs = move || {
        ids.read(); // not `track`, which does not make a memo compute what it depends on
        let thumb = |photo| view! { <Thumb controller photo /> };
        state.tray.get_untracked().into_iter().map(thumb).collect_view()
    };
    view! {
        <div class="samples tray" class:shown=move || state.tray.with(|tray| tray.len() > 1) data-testid="tray">
            <p class="hint">{move || state.text().camera.tray}</p>
            <ul>
                {thumbs}
            </ul>
        </div>
    }
}

#[component]
fn Thumb(controller: Controller, photo: TrayPhoto) -> impl IntoView {
    let state = controller.state;
    let TrayPhoto { number, picture: Picture { id, name, .. }, thumb, .. } = photo;
    let canvas = NodeRef::<html::Canvas>::new();
    Effect::new(move |_| {
        if let Some(canvas) = canvas.get() {
            canvas::paint(&canvas, &canvas::plain(&thumb));
        }
    });
    let pressed = move || get_until_cleanup(state.picture).is_some_and(|shown| shown.id == id);
    let label = move || fill(state.text().camera.tray_photo, &[&number.to_string(), &name]);
    view! {
        <li>
            <button
                type="button"
                title=label.clone()
                aria-label=label
                aria-pressed=move || pressed().to_string()
                on:click=move |_| controller.restore(id)
            >
                <canvas node_ref=canvas></canvas>
            </button>
        </li>
    }
}
