//! A small picture with its caption.

use crate::platform::canvas::{self, Pixels};
use crate::state::State;
use gradlens::explain::Explanation;
use gradlens::image::Photo;
use gradlens::image::heatmap::Look;
use leptos::html;
use leptos::prelude::*;

/// Longest side of a small picture.
const SMALL: usize = 320;

/// `what`: for tests and scripts; the caption is the canvas's description, too.
#[component]
pub fn Figure(what: String, caption: String, pixels: Pixels) -> impl IntoView {
    let canvas = NodeRef::<html::Canvas>::new();
    Effect::new(move |_| {
        if let Some(canvas) = canvas.get() {
            canvas::paint(&canvas, &pixels);
        }
    });
    view! {
        <figure data-what=what>
            <canvas role="img" aria-label=caption.clone() node_ref=canvas></canvas>
            <figcaption>{caption}</figcaption>
        </figure>
    }
}

/// A small copy of a photo.
pub fn small(photo: &Photo) -> Photo {
    photo.shrunk(SMALL)
}

/// Paints heatmaps over a small copy of the photo on show, which is made once for a whole list.
pub fn over_small(state: State) -> Option<impl Fn(&Explanation) -> Pixels> {
    let picture = state.picture.get()?;
    let small = small(&picture.shown);
    let look = Look::new(state.colours.get(), 0.6);
    Some(move |explanation: &Explanation| canvas::over(&small, picture.size, explanation, look))
}
