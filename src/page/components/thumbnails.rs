//! Small pictures in a row: channels, the input, a heatmap's cells.

use crate::explain::Explanation;
use crate::explain::channels::{Channel, Channels};
use crate::image::heatmap::{self, Cam, Look};
use crate::page::i18n::fill;
use crate::page::platform::canvas::{self, Pixels};
use crate::page::state::State;
use leptos::html;
use leptos::prelude::*;
use std::sync::Arc;

/// A small picture and its caption.
#[derive(Clone)]
pub struct Thumbnail {
    caption: String,
    pixels: Arc<Pixels>,
}

/// A channel's activations over a small copy of the photo.
pub fn channel(
    state: &State,
    known: &Channels,
    one: &Channel,
    words: &str,
    value: f32,
) -> Thumbnail {
    let caption = fill(words, &[&one.index.to_string(), &format!("{value:.4}")]);
    Thumbnail { caption, pixels: Arc::new(over_thumb(state, &known.map(one.index))) }
}

/// In the place of channels that are still to come: the photo alone.
pub fn placeholders(state: &State, count: usize) -> Vec<Thumbnail> {
    let Some(picture) = state.picture.get().filter(|_| state.network_open.get()) else {
        return Vec::new();
    };
    let thumb = picture.shown.shrunk(canvas::THUMB);
    let caption = fill(state.text().network.channel, &["…", "…"]);
    vec![Thumbnail { caption, ..input(&thumb.rgb, thumb.width, thumb.height) }; count]
}

fn over_thumb(state: &State, cam: &Cam) -> Pixels {
    let look = Look::new(state.colours.get(), 0.65);
    let (picture, known) = (state.picture.get(), state.explanation.get());
    match (picture, known) {
        (Some(picture), Some(known)) => {
            let thumb = picture.shown.shrunk(canvas::THUMB);
            let map = Explanation {
                heatmap: heatmap::normalise(&cam.values),
                height: cam.height,
                width: cam.width,
                ..(*known).clone()
            };
            canvas::over(&thumb, &picture.full, &map, look)
        }
        _ => canvas::ramp(state.colours.get()),
    }
}

/// Thumbnails, made anew when what they show changes.
#[component]
pub fn Thumbnails(#[prop(into)] thumbnails: Signal<Vec<Thumbnail>>) -> impl IntoView {
    let figure = |Thumbnail { caption, pixels }: Thumbnail| {
        let canvas = NodeRef::<html::Canvas>::new();
        Effect::new(move |_| {
            if let Some(canvas) = canvas.get() {
                canvas::paint(&canvas, &pixels);
            }
        });
        view! {
            <figure>
                <canvas node_ref=canvas aria-hidden="true"></canvas>
                <figcaption>{caption}</figcaption>
            </figure>
        }
    };
    view! { <div class="picture-grid">{move || thumbnails.get().into_iter().map(figure).collect_view()}</div> }
}

/// The map's own cells as they are, one pixel each, without words.
pub fn cells(state: &State, cam: &Cam) -> Thumbnail {
    let positive: Vec<f32> = cam.values.iter().map(|value| value.max(0.0)).collect();
    let table = state.colours.get().table();
    let heat = heatmap::normalise(&positive);
    let rgb: Vec<u8> = heat.iter().flat_map(|&heat| table[(255.0 * heat) as usize]).collect();
    input(&rgb, cam.width, cam.height)
}

/// A picture as it went into the network.
pub fn input(rgb: &[u8], width: usize, height: usize) -> Thumbnail {
    Thumbnail { caption: String::new(), pixels: Arc::new(canvas::from_rgb(rgb, width, height)) }
}
