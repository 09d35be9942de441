//! Small pictures in a row: channels, the input, a heatmap's cells.

use crate::i18n::fill;
use crate::platform::canvas::{self, Pixels};
use crate::state::State;
use gradlens::explain::Explanation;
use gradlens::explain::channels::{Channel, Channels};
use gradlens::image::heatmap::{self, Cam, Look};
use leptos::html;
use leptos::prelude::*;
use std::sync::Arc;

/// A small picture and its caption.
#[derive(Clone)]
pub struct Thumbnail {
    caption: String,
    pixels: Arc<Pixels>,
}

/// The `count` channels with the largest `value`, each one's activations over a small copy of the
/// photo.
pub fn channels(
    state: &State,
    known: &Channels,
    count: usize,
    value: fn(&Channel) -> f32,
    words: &str,
) -> Vec<Thumbnail> {
    let over = over_thumb(state);
    let thumbnail = |one: &Channel| {
        let caption = fill(words, &[&one.index.to_string(), &format!("{:.4}", value(one))]);
        Thumbnail { caption, pixels: Arc::new(over(&known.map(one.index))) }
    };
    known.largest(count, value).iter().map(thumbnail).collect()
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

/// Paints maps over a small copy of the photo, which is made once for all.
fn over_thumb(state: &State) -> impl Fn(&Cam) -> Pixels {
    let look = Look::new(state.colours.get(), 0.65);
    let (picture, known) = (state.picture.get(), state.explanation.get());
    let photo = picture.map(|picture| (picture.shown.shrunk(canvas::THUMB), picture.size));
    move |cam| match (&photo, &known) {
        (Some((thumb, whole)), Some(known)) => {
            let map = Explanation {
                heatmap: heatmap::normalise(&cam.values),
                height: cam.height,
                width: cam.width,
                ..(**known).clone()
            };
            canvas::over(thumb, *whole, &map, look)
        }
        _ => canvas::ramp(look.colours),
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
