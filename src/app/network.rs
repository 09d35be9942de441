//! A look inside: the network's parts with their shapes, of which a stage can be chosen to trace from, and that layer's channels
//! on this photo.

use super::asked;
use super::jobs::Jobs;
use super::once::{Effect, Memo};
use super::picture::{self, Pixels};
use super::state::{State, is_within};
use super::text::fill;
use super::timings::Timings;
use super::widgets::{Row, Rows, act, part, told};

use crate::catalog::layer_summary::Part;
use crate::explain::channels::{Channel, Channels};
use crate::image::heatmap::{self, Cam, Look};
use leptos::html;
use leptos::prelude::*;
use std::sync::Arc;

/// Channels on show.
const SHOWN: usize = 12;

/// One box of the drawing: a part outside the stages, or a whole stage.
#[derive(Clone, PartialEq)]
struct Drawn {
    name: String,
    blocks: usize,
    part: Part,
}

fn drawn(parts: &[Part]) -> Vec<Drawn> {
    let mut boxes: Vec<Drawn> = Vec::new();
    for part in parts {
        let name = if part.stage.is_empty() { &part.name } else { &part.stage }.clone();
        match boxes.last_mut().filter(|last| last.name == name) {
            Some(last) => (last.blocks, last.part) = (last.blocks + 1, part.clone()),
            None => boxes.push(Drawn { name, blocks: 1, part: part.clone() }),
        }
    }
    boxes
}

#[component]
pub fn Inside(jobs: Jobs) -> impl IntoView {
    let state = jobs.state;
    let boxes = Memo::new(move |_| state.outline.with(|parts| drawn(parts)));
    let title = move || {
        let known = state.channels.with(|known| known.as_ref().map(|known| known.layer.clone()));
        let layer = known.or_else(|| state.picture.with(Option::is_some).then(|| state.layer.get()));
        layer.map(|layer| fill(state.text().network.channels, &[&layer])).unwrap_or_default()
    };
    // Room is kept for them before they come: what stands below must not move away from under a finger.
    let maps: Pictured = Arc::new(move || {
        state.channels.with(|known| {
            let Some(known) = known else { return to_come(&state) };
            let words = state.text().network.channel;
            known
                .largest(SHOWN, |channel| channel.mean)
                .iter()
                .map(|one| shown(&state, known, one, words, one.mean))
                .collect()
        })
    });
    view! {
        <details
            class="card inside"
            data-testid="inside"
            on:toggle:target=move |event| jobs.look_inside(event.target().open() || state.tour.get_untracked().is_some())
        >
            <summary>
                <h2>{state.say(|text| text.network.title)}</h2>
            </summary>
            <p class="hint">
                {told(move || {
                    let text = state.text().network;
                    if boxes.with(Vec::is_empty) { text.waiting } else { text.hint }.to_owned()
                })}
            </p>
            <ol class="parts" aria-label=state.say(|text| text.network.parts)>
                <Rows rows=Arc::new(move || {
                    let row = |drawn: Drawn| {
                        let Part { name, height, width, .. } = &drawn.part;
                        let key = format!("{name} {} {height} {width}", drawn.part.channels);
                        Row::new(key, move || view! { <Box jobs drawn=drawn.clone() /> })
                    };
                    boxes.get().into_iter().map(row).collect()
                }) />
            </ol>
            <h3>{told(title)}</h3>
            <Maps maps />
            <p class="fine">{told(move || if title().is_empty() { "" } else { state.text().network.channels_hint }.to_owned())}</p>
            <Timings jobs />
        </details>
    }
}

#[component]
fn Box(jobs: Jobs, drawn: Drawn) -> impl IntoView {
    let state = jobs.state;
    let Drawn { name, blocks, part } = drawn;
    let (channels, height, width) = (part.channels.to_string(), part.height.to_string(), part.width.to_string());
    let of_stage = !part.stage.is_empty();
    let counted = of_stage && part.name != name; // the head is one convolution
    let chosen = {
        let name = name.clone();
        Memo::new(move |_| of_stage && asked::layers(&state.layer.get()).iter().any(|layer| is_within(layer, &name)))
    };
    // Roots and logarithms: 224 places and 3 channels have to fit beside 7 and 2,048.
    let tall = format!("{:.2}rem", 0.4 + 0.36 * (part.height.max(part.width) as f64).sqrt());
    let wide = format!("{:.2}rem", 0.3 + 0.26 * f64::from(part.channels.ilog2()));
    let shape = format!("{channels} × {height} × {width}");
    let layer = name.clone();
    let told_shape = told(move || fill(state.text().network.shape, &[&channels, &width, &height]));
    view! {
        <li>
            <button
                type="button"
                data-layer=name.clone()
                disabled=!of_stage
                aria-pressed=of_stage.then(|| told(move || chosen.get().to_string()))
                title=told_shape
                on:click=act(move || jobs.choose_layer(layer.clone()))
            >
                <span class="block" style:height=tall style:width=wide aria-hidden="true"></span>
                <b>{name.clone()}</b>
                <small>{shape}</small>
                {counted.then(|| view! { <small>{told(move || if blocks == 1 { state.text().network.block.to_owned() } else { fill(state.text().network.blocks, &[&blocks.to_string()]) })}</small> })}
            </button>
        </li>
    }
}

/// A small picture and what to say of it.
#[derive(Clone)]
pub struct Map {
    caption: String,
    pixels: Arc<Pixels>,
}

/// A channel's activations over a small copy of the photo.
pub fn shown(state: &State, known: &Channels, channel: &Channel, words: &str, value: f32) -> Map {
    let caption = fill(words, &[&channel.index.to_string(), &format!("{value:.4}")]);
    Map { caption, pixels: Arc::new(over_thumb(state, &known.map(channel.index))) }
}

/// The places of channels that are still to come: the photo alone.
fn to_come(state: &State) -> Vec<Map> {
    let Some(picture) = state.picture.get().filter(|_| state.inside.get()) else { return Vec::new() };
    let thumb = picture.shown.shrunk(picture::THUMB);
    let caption = fill(state.text().network.channel, &["…", "…"]);
    vec![Map { caption, ..input(&thumb.rgb, thumb.width, thumb.height) }; SHOWN]
}

fn over_thumb(state: &State, cam: &Cam) -> Pixels {
    let look = Look::new(state.colours.get(), 0.65);
    let (picture, known) = (state.picture.get(), state.explanation.get());
    match (picture, known) {
        (Some(picture), Some(known)) => {
            let thumb = picture.shown.shrunk(picture::THUMB);
            let map = crate::explain::Explanation {
                heatmap: heatmap::normalise(&cam.values),
                height: cam.height,
                width: cam.width,
                ..(*known).clone()
            };
            picture::over(&thumb, &picture.full, &map, look)
        }
        _ => picture::ramp(state.colours.get()),
    }
}

/// Small pictures, made anew when what they show changes.
pub type Pictured = Arc<dyn Fn() -> Vec<Map> + Send + Sync>;

#[component]
pub fn Maps(maps: Pictured) -> impl IntoView {
    view! {
        <div class="maps">
            {part(move || {
                maps()
                    .into_iter()
                    .map(|Map { caption, pixels }| {
                        let canvas = NodeRef::<html::Canvas>::new();
                        Effect::new(move |_| {
                            if let Some(canvas) = canvas.get() {
                                picture::paint(&canvas, &pixels);
                            }
                        });
                        view! {
                            <figure>
                                <canvas node_ref=canvas aria-hidden="true"></canvas>
                                <figcaption>{caption}</figcaption>
                            </figure>
                        }
                    })
                    .collect_view()
            })}
        </div>
    }
}

/// The map's own cells as they are, one pixel each, without words.
pub fn cells(state: &State, cam: &Cam) -> Map {
    let positive: Vec<f32> = cam.values.iter().map(|value| value.max(0.0)).collect();
    let table = state.colours.get().table();
    let heat = heatmap::normalise(&positive);
    let rgba = heat.iter().flat_map(|&heat| {
        let [r, g, b] = table[(255.0 * heat) as usize];
        [r, g, b, 255]
    });
    Map {
        caption: String::new(),
        pixels: Arc::new(Pixels { width: cam.width, height: cam.height, rgba: rgba.collect() }),
    }
}

/// A picture as it went into the network.
pub fn input(rgb: &[u8], width: usize, height: usize) -> Map {
    let rgba = rgb.chunks_exact(3).flat_map(|rgb| [rgb[0], rgb[1], rgb[2], 255]).collect();
    Map { caption: String::new(), pixels: Arc::new(Pixels { width, height, rgba }) }
}
