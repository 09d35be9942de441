//! The tray: the photos of this visit, each with the settings that it was last seen with. Nothing of it outlives the page.

use super::jobs::Jobs;
use super::once::{Effect, Memo};
use super::picture;
use super::state::{Picture, State, View};
use super::text::fill;
use super::widgets::{act, part, told, whether};
use crate::explain::cam::Method;
use crate::image::heatmap::Look;
use crate::image::{Fit, Photo};
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

/// All that a photo was looked at with.
#[derive(Clone)]
struct Settings {
    /// A listed model's; `None` for a visitor's own file, which the page cannot open again by itself.
    model: Option<String>,
    class: Option<usize>,
    objective: &'static str,
    than: Option<usize>,
    layer: String,
    method: Method,
    fit: Fit,
    view: View,
    look: Look,
}

impl Settings {
    fn of(state: &State) -> Settings {
        Settings {
            model: state.model.with_untracked(|model| model.as_ref()?.id.clone()),
            class: state.class.get_untracked(),
            objective: state.objective.get_untracked(),
            than: state.than.get_untracked(),
            layer: state.layer.get_untracked(),
            method: state.method.get_untracked(),
            fit: state.fit.get_untracked(),
            view: state.view.get_untracked(),
            look: untrack(|| state.look()),
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
        let settings = kept.settings;
        self.show(kept.picture);
        state.objective.set(settings.objective);
        state.than.set(settings.than);
        state.method.set(settings.method);
        state.fit.set(settings.fit);
        state.view.set(settings.view);
        state.opacity.set(settings.look.opacity);
        state.colours.set(settings.look.colours);
        state.threshold.set(settings.look.threshold);
        state.contours.set(settings.look.contours);
        let current = state.model.with_untracked(|model| model.as_ref()?.id.clone());
        match settings.model {
            // The photo is looked at once the network that it was seen with is back.
            Some(model) if current.as_ref() != Some(&model) => {
                self.inner().linked_class.replace(settings.class.map(|class| (Some(model.clone()), class)));
                self.inner().linked_layer.replace(Some((model.clone(), settings.layer)));
                self.choose_model(&model);
            }
            _ => {
                if state.has_layer(&settings.layer) {
                    state.layer.set(settings.layer);
                }
                let classes = state.labels.with_untracked(|labels| labels.names.len());
                state.class.set(settings.class.filter(|&class| class < classes));
            }
        }
    }
}

#[component]
pub fn Tray(jobs: Jobs) -> impl IntoView {
    let state = jobs.state;
    let shown = move || state.tray.with(|tray| tray.len() > 1);
    let photos =
        Memo::new(move |_| state.tray.with(|tray| tray.iter().map(|kept| kept.picture.id).collect::<Vec<_>>()));
    let current = Memo::new(move |_| state.picture.with(|picture| picture.as_ref().map(|picture| picture.id)));
    view! {
        <div class="samples tray" class:shown=whether(shown) data-testid="tray">
            <p class="hint">{state.say(|text| text.camera.tray)}</p>
            <ul>
                // Made anew when a photo comes or goes: eight small pictures.
                {part(move || {
                    photos.get();
                    let thumb = |kept| view! { <Thumb jobs current kept /> }.into_any();
                    state.tray.get_untracked().into_iter().map(thumb).collect::<Vec<_>>()
                })}
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
