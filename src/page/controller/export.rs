//! Pictures, raw maps and links that leave the page.

use super::Controller;
use super::links::Link;
use crate::image::heatmap::{self, Look};
use crate::page::fault::{Fault, Retry};
use crate::page::i18n::fill;
use crate::page::platform::{canvas, clipboard};
use crate::page::state::{State, View};
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::JsCast;
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement};

/// Pixels between the two halves of a side-by-side PNG.
const GAP: usize = 16;

/// What can leave the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Export {
    /// What is on show, as PNG.
    Shown,
    Heatmap,
    /// Photo and overlay with a line of words, as PNG.
    Captioned,
    /// The raw map, as NumPy's .npy.
    Raw,
    /// What is on show, to the clipboard.
    Copy,
    /// Address and settings, to the clipboard.
    Link,
}

impl Controller {
    /// Saves or copies, and says so.
    pub fn export(self, what: Export) {
        let state = self.state;
        self.clear_small_failure();
        state.toast.set(None);
        spawn_local(async move {
            let done = export(&state, what).await.is_some();
            match (what, done) {
                (Export::Copy, true) => state.toast.set(Some(|text| text.tools.copied)),
                (Export::Link, true) => state.toast.set(Some(|text| text.tools.link_copied)),
                (Export::Copy | Export::Link, false) => {
                    state.toast.set(Some(|text| text.tools.no_copy))
                }
                (_, true) => {}
                (_, false) => self.fail(Fault::Save, Retry::None),
            }
        });
    }
}

/// At the photo's own resolution. `None` where the browser refuses.
async fn export(state: &State, what: Export) -> Option<()> {
    let (view, kind) = match what {
        Export::Link => return clipboard::copy_text(&Link::of(state).address()).await,
        Export::Raw => {
            let explanation = state.explanation.get_untracked()?;
            return clipboard::download_bytes(
                &heatmap::npy(&explanation.cam),
                &file_name(state, "raw", "npy"),
            );
        }
        Export::Heatmap => (View::Heatmap, "heatmap"),
        Export::Captioned => (View::Both, "captioned"),
        Export::Shown | Export::Copy => {
            let view = state.view.get_untracked();
            (view, view.name())
        }
    };
    let canvas = compose(state, view, what == Export::Captioned)?;
    match what {
        Export::Copy => clipboard::copy_png(&canvas).await,
        _ => clipboard::download_png(&canvas, &file_name(state, kind, "png")).await,
    }
}

fn compose(state: &State, view: View, captioned: bool) -> Option<HtmlCanvasElement> {
    let picture = state.picture.get_untracked()?;
    let explanation = state.explanation.get_untracked();
    let look = untrack(|| state.look());
    let photo = &picture.full;
    let overlay = |look| match &explanation {
        Some(explanation) => canvas::over(photo, photo, explanation, look),
        None => canvas::plain(photo),
    };
    let parts = match view {
        View::Overlay => vec![overlay(look)],
        View::Photo => vec![canvas::plain(photo)],
        View::Heatmap => vec![overlay(Look { opacity: 1.0, ..look })],
        View::Both => vec![canvas::plain(photo), overlay(look)],
    };
    let width = parts.len() * (photo.width + GAP) - GAP;
    let line = (width as f64 / 45.0).max(14.0).round();
    let canvas: HtmlCanvasElement = document().create_element("canvas").ok()?.dyn_into().ok()?;
    canvas::resize(
        &canvas,
        width,
        photo.height + if captioned { (3.6 * line) as usize } else { 0 },
    );
    if captioned {
        let context: CanvasRenderingContext2d = canvas.get_context("2d").ok()??.dyn_into().ok()?;
        context.set_fill_style_str("#ffffff");
        context.fill_rect(0.0, 0.0, f64::from(canvas.width()), f64::from(canvas.height()));
        for (place, (words, colour)) in
            caption(state).iter().zip(["#15171c", "#565c67"]).enumerate()
        {
            let size = line * if place == 0 { 1.0 } else { 0.75 };
            context.set_fill_style_str(colour);
            context.set_font(&format!("{size:.0}px system-ui, \"Noto Sans CJK SC\", sans-serif"));
            let y = photo.height as f64 + line * (1.5 + 1.35 * place as f64);
            context.fill_text_with_max_width(words, line / 2.0, y, width as f64 - line).ok()?;
        }
    }
    for (place, part) in parts.iter().enumerate() {
        canvas::put(&canvas, part, place * (photo.width + GAP))?;
    }
    Some(canvas)
}

/// Says what the picture shows and how it was made.
fn caption(state: &State) -> [String; 2] {
    let text = &state.text_untracked().tools;
    let (Some(known), Some(prediction)) =
        (state.explanation.get_untracked(), state.prediction.get_untracked())
    else {
        return Default::default();
    };
    let probability = prediction.score(known.class).map_or(0.0, |score| score.probability);
    let percent = format!("{:.1}", 100.0 * probability);
    let (class, asked) =
        untrack(|| (state.label(known.class), state.objective_words(known.objective)));
    let called = if asked.is_empty() { class } else { format!("{class} · {asked}") };
    let method = state.method_name(known.method);
    let model = state.model.with_untracked(|model| {
        model.as_ref().map(|model| format!("{}, {}", model.architecture, model.file))
    });
    let photo = state
        .picture
        .with_untracked(|picture| picture.as_ref().map(|picture| picture.name.clone()));
    [
        fill(text.caption, &[&called, &percent, method, &known.layer]),
        fill(text.made_with, &[&model.unwrap_or_default(), &photo.unwrap_or_default()]),
    ]
}

/// photo-class-layer-method-kind, in letters that every disk takes.
fn file_name(state: &State, kind: &str, extension: &str) -> String {
    let name = state
        .picture
        .with_untracked(|picture| picture.as_ref().map(|picture| picture.name.clone()))
        .unwrap_or_default();
    let stem = name.rsplit_once('.').map_or(name.as_str(), |(stem, _)| stem);
    let known = state.explanation.get_untracked();
    let class = known.map(|known| {
        format!("-{}-{}-{}", untrack(|| state.label(known.class)), known.layer, known.method)
    });
    format!("{stem}{}-{kind}.{extension}", class.unwrap_or_default())
        .chars()
        .map(|letter| if letter.is_alphanumeric() || ".-_".contains(letter) { letter } else { '-' })
        .collect()
}
