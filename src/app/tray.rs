//! The tray: the photos of this visit, each with the settings that it was last seen with. Nothing of it outlives the page.

use super::jobs::Jobs;
use super::once::{Effect, Memo};
use super::picture;
use super::state::{Picture, State};
use super::text::fill;
use super::widgets::{Row, Rows, act, told, whether};
use crate::cam::Method;
use crate::photo::{Fit, Photo};
use leptos::html;
use leptos::prelude::*;
use std::sync::Arc;

/// Photos that are kept; the oldest goes first. Decoded, a phone's photo takes 36 MB.
const MOST: usize = 8;

/// One photo of the tray.
#[derive(Clone)]
pub struct Kept {
    picture: Picture,
    thumb: Arc<Photo>,
    settings: Settings,
}

#[derive(Clone)]
struct Settings {
    class: Option<usize>,
    layer: String,
    method: Method,
    fit: Fit,
}

impl Settings {
    fn of(state: &State) -> Settings {
        Settings {
            class: state.class.get_untracked(),
            layer: state.layer.get_untracked(),
            method: state.method.get_untracked(),
            fit: state.fit.get_untracked(),
        }
    }
}

impl Jobs {
    /// Puts the photo on show into the tray.
    pub fn keep(self) {
        let state = self.state;
        let Some(picture) = state.picture.get_untracked() else { return };
        state.tray.update(|tray| {
            if !tray.iter().any(|kept| kept.picture.id == picture.id) {
                let thumb = Arc::new(picture.shown.shrunk(picture::THUMB));
                tray.push(Kept { picture, thumb, settings: Settings::of(&state) });
                let surplus = tray.len().saturating_sub(MOST);
                tray.drain(..surplus);
            }
        });
    }

    /// Writes the settings of the photo on show down, before another takes its place.
    pub fn remember(self) {
        let state = self.state;
        let id = state.picture.with_untracked(|picture| picture.as_ref().map(|picture| picture.id));
        state.tray.update(|tray| {
            if let Some(kept) = tray.iter_mut().find(|kept| Some(kept.picture.id) == id) {
                kept.settings = Settings::of(&state);
            }
        });
    }

    fn bring_back(self, id: u32) {
        let state = self.state;
        self.stop_camera();
        self.remember();
        let Some(kept) = state.tray.with_untracked(|tray| tray.iter().find(|kept| kept.picture.id == id).cloned())
        else {
            return;
        };
        let Settings { class, layer, method, fit } = kept.settings;
        let layers = state.layers.get_untracked();
        self.show(kept.picture);
        // Another network may be in use by now.
        let classes = state.labels.with_untracked(|labels| labels.names.len());
        state.class.set(class.filter(|&class| class < classes));
        if layers.contains(&layer) {
            state.layer.set(layer);
        }
        state.method.set(method);
        state.fit.set(fit);
    }
}

#[component]
pub fn Tray(jobs: Jobs) -> impl IntoView {
    let state = jobs.state;
    let shown = move || state.tray.with(|tray| tray.len() > 1);
    let current = Memo::new(move |_| state.picture.with(|picture| picture.as_ref().map(|picture| picture.id)));
    view! {
        <div class="samples tray" class:shown=whether(shown) data-testid="tray">
            <p class="hint">{state.say(|text| text.camera.tray)}</p>
            <ul>
                <Rows rows=Arc::new(move || {
                    let row = |kept: Kept| Row::new(kept.picture.id.to_string(), move || view! { <Thumb jobs current kept=kept.clone() /> });
                    state.tray.get().into_iter().map(row).collect()
                }) />
            </ul>
        </div>
    }
}

#[component]
fn Thumb(jobs: Jobs, current: Memo<Option<u32>>, kept: Kept) -> impl IntoView {
    let state = jobs.state;
    let Kept { picture: Picture { id, name, .. }, thumb, .. } = kept;
    let canvas = NodeRef::<html::Canvas>::new();
    Effect::new(move |_| {
        if let Some(canvas) = canvas.get() {
            picture::paint(&canvas, &picture::plain(&thumb));
        }
    });
    let label = told(move || fill(state.text().camera.tray_photo, &[&id.to_string(), &name]));
    view! {
        <li>
            <button
                type="button"
                title=label.clone()
                aria-label=label
                aria-pressed=told(move || (current.get() == Some(id)).to_string())
                on:click=act(move || jobs.bring_back(id))
            >
                <canvas node_ref=canvas></canvas>
            </button>
        </li>
    }
}
