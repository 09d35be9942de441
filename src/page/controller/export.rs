//! Pictures, raw maps and links that leave the page.

use super::Controller;
use super::links::Link;
use crate::engine::protocol::{Paint, PhotoId, Request};
use crate::fault::{Fault, Retry};
use crate::i18n::{Words, fill};
use crate::platform::{canvas, clipboard};
use crate::state::{State, View};
use futures_channel::oneshot;
use gradlens::explain::Explanation;
use gradlens::image::heatmap::{self, Look};
use js_sys::{ArrayBuffer, Uint8ClampedArray};
use leptos::prelude::*;
use leptos::task::spawn_local;
use std::sync::Arc;
use wasm_bindgen::JsCast;
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, ImageData};

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
            let done = self.save_or_copy(what).await.is_some();
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

    /// Copies a text, and puts into `said` what came of it.
    pub fn copy_text(self, text: String, said: RwSignal<Option<Words>>) {
        spawn_local(async move {
            let copied = clipboard::copy_text(&text).await.is_some();
            said.set(Some(if copied {
                |text| text.teach.copied
            } else {
                |text| text.tools.no_copy
            }));
        });
    }

    /// At the photo's own resolution. `None` where the browser refuses.
    async fn save_or_copy(self, what: Export) -> Option<()> {
        let state = &self.state;
        let (view, kind) = match what {
            Export::Link => return clipboard::copy_text(&Link::of(state).address()).await,
            Export::Raw => {
                let explanation = untrack(|| state.shown())?;
                return clipboard::download_bytes(
                    &heatmap::npy(&explanation.cam),
                    &file_name(state, "raw", "npy"),
                );
            }
            Export::Heatmap => (View::Heatmap, "heatmap"),
            Export::Captioned => (View::Both, "captioned"),
            Export::Shown | Export::Copy => {
                let hidden = untrack(|| state.teach.hides_heatmap());
                let view = if hidden { View::Photo } else { state.view.get_untracked() };
                (view, view.name())
            }
        };
        let canvas = self.compose(view, what == Export::Captioned);
        match what {
            Export::Copy => clipboard::copy_png(canvas).await,
            _ => clipboard::download_png(&canvas.await?, &file_name(state, kind, "png")).await,
        }
    }

    async fn compose(self, view: View, captioned: bool) -> Option<HtmlCanvasElement> {
        let state = &self.state;
        let picture = state.picture.get_untracked()?;
        let explanation = untrack(|| state.shown());
        let look = untrack(|| state.look());
        let words = caption(state);
        let overlay = |look| explanation.clone().map(|explanation| (explanation, look));
        let parts = match view {
            View::Overlay => vec![overlay(look)],
            View::Photo => vec![None],
            View::Heatmap => vec![overlay(Look { opacity: 1.0, ..look })],
            View::Both => vec![None, overlay(look)],
        };
        let (photo_width, photo_height) = picture.size;
        let width = parts.len() * (photo_width + GAP) - GAP;
        let line = (width as f64 / 45.0).max(14.0).round();
        let height = photo_height + if captioned { (3.6 * line) as usize } else { 0 };
        let canvas = canvas::new(width, height)?;
        if captioned {
            let context = white(&canvas)?;
            write(&context, &words, (0.0, photo_height as f64), width as f64, line)?;
        }
        for (place, heatmap) in parts.into_iter().enumerate() {
            let painted = self.paint(picture.id, heatmap).await?;
            let pixels = ImageData::new_with_js_u8_clamped_array_and_sh(
                &Uint8ClampedArray::new(&painted),
                photo_width as u32,
                photo_height as u32,
            );
            canvas::put(&canvas, &pixels.ok()?, place * (photo_width + GAP))?;
        }
        Some(canvas)
    }

    /// Saves two pictures side by side, what is said below each, and what is said below both.
    pub fn save_side_by_side(
        self,
        sides: [HtmlCanvasElement; 2],
        words: [Vec<String>; 2],
        below: Vec<String>,
    ) {
        self.clear_small_failure();
        let name = file_name(&self.state, "beside", "png");
        spawn_local(async move {
            let save = async {
                let canvas = side_by_side(&sides, &words, &below)?;
                clipboard::download_png(&canvas, &name).await
            };
            if save.await.is_none() {
                self.fail(Fault::Save, Retry::None);
            }
        });
    }

    /// The photo's own pixels, which only the engine holds: RGBA.
    async fn paint(
        self,
        photo: PhotoId,
        heatmap: Option<(Arc<Explanation>, Look)>,
    ) -> Option<ArrayBuffer> {
        let inner = self.inner();
        let id = inner.paintings.get();
        inner.paintings.set(id + 1);
        let (sender, painted) = oneshot::channel();
        inner.painting.borrow_mut().insert(id, sender);
        self.send(Request::Paint(Paint { id, photo, heatmap }));
        painted.await.ok()?
    }
}

fn side_by_side(
    sides: &[HtmlCanvasElement; 2],
    words: &[Vec<String>; 2],
    below: &[String],
) -> Option<HtmlCanvasElement> {
    let width = |side: &HtmlCanvasElement| f64::from(side.width());
    let tallest = sides.iter().map(HtmlCanvasElement::height).max().map_or(0.0, f64::from);
    let gap = GAP as f64;
    let whole = sides.iter().map(width).sum::<f64>() + gap;
    let line = (whole / 75.0).max(14.0).round();
    let lines = words.iter().map(Vec::len).max().unwrap_or(0);
    let second = tallest + line * (1.0 + 1.35 * lines as f64);
    let height = second + line * (0.75 + 1.35 * below.len() as f64);
    let canvas = canvas::new(whole as usize, height as usize)?;
    let context = white(&canvas)?;
    let mut x = 0.0;
    for (side, words) in sides.iter().zip(words) {
        context.draw_image_with_html_canvas_element(side, x, 0.0).ok()?;
        write(&context, words, (x, tallest), width(side), line)?;
        x += width(side) + gap;
    }
    write(&context, below, (0.0, second), whole, 0.75 * line)?;
    Some(canvas)
}

/// Makes a canvas white.
fn white(canvas: &HtmlCanvasElement) -> Option<CanvasRenderingContext2d> {
    let context: CanvasRenderingContext2d = canvas.get_context("2d").ok()??.dyn_into().ok()?;
    context.set_fill_style_str("#ffffff");
    context.fill_rect(0.0, 0.0, f64::from(canvas.width()), f64::from(canvas.height()));
    Some(context)
}

/// Writes lines of `line` pixels below a point, the first one larger and darker.
fn write(
    context: &CanvasRenderingContext2d,
    words: &[String],
    (x, y): (f64, f64),
    width: f64,
    line: f64,
) -> Option<()> {
    for (place, words) in words.iter().enumerate() {
        let (size, colour) = if place == 0 { (line, "#15171c") } else { (0.75 * line, "#565c67") };
        context.set_fill_style_str(colour);
        context.set_font(&format!("{size:.0}px system-ui, \"Noto Sans CJK SC\", sans-serif"));
        let y = y + line * (1.5 + 1.35 * place as f64);
        context.fill_text_with_max_width(words, x + line / 2.0, y, width - line).ok()?;
    }
    Some(())
}

/// Says what the picture shows and how it was made.
fn caption(state: &State) -> [String; 2] {
    let text = &state.text_untracked().tools;
    let Some(known) = untrack(|| state.shown()) else { return Default::default() };
    let probability = untrack(|| state.probability_of(&known)).unwrap_or(0.0);
    let percent = format!("{:.1}", 100.0 * probability);
    let (class, asked) = untrack(|| (state.name_of(&known), state.objective_of(&known)));
    let called = if asked.is_empty() { class } else { format!("{class} · {asked}") };
    let method = state.method_of(&known);
    let model = state.model.with_untracked(|model| {
        model.as_ref().map(|model| format!("{}, {}", model.architecture, model.file))
    });
    let photo = state
        .picture
        .with_untracked(|picture| picture.as_ref().map(|picture| picture.name.clone()));
    [
        fill(text.caption, &[&called, &percent, &method, &known.layer]),
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
    let known = untrack(|| state.shown());
    let class = known.map(|known| {
        format!("-{}-{}-{}", untrack(|| state.name_of(&known)), known.layer, known.method)
    });
    format!("{stem}{}-{kind}.{extension}", class.unwrap_or_default())
        .chars()
        .map(|letter| if letter.is_alphanumeric() || ".-_".contains(letter) { letter } else { '-' })
        .collect()
}
