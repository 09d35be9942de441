//! Inside the network: its parts with their shapes, of which one can be chosen as target layer, and
//! that layer's channels on this photo.

use super::thumbnails::{self, Thumbnails};
use super::timings::Timings;
use crate::catalog::layer_summary::Part;
use crate::page::controller::Controller;
use crate::page::i18n::fill;
use crate::page::query::layers;
use crate::page::state::is_within;
use leptos::prelude::*;

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
pub fn NetworkView(controller: Controller) -> impl IntoView {
    let state = controller.state;
    let boxes = Memo::new(move |_| state.layer_summary.with(|parts| drawn(parts)));
    let title = move || {
        let known = state.channels.with(|known| known.as_ref().map(|known| known.layer.clone()));
        let layer =
            known.or_else(|| state.picture.with(Option::is_some).then(|| state.layer.get()));
        layer.map(|layer| fill(state.text().network.channels, &[&layer])).unwrap_or_default()
    };
    // Their places are kept before they come: what stands below must not move away from under a
    // finger.
    let channels = Signal::derive(move || {
        state.channels.with(|channels| {
            let Some(channels) = channels else { return thumbnails::placeholders(&state, SHOWN) };
            let words = state.text().network.channel;
            let strongest = channels.largest(SHOWN, |channel| channel.mean);
            strongest
                .iter()
                .map(|one| thumbnails::channel(&state, channels, one, words, one.mean))
                .collect()
        })
    });
    view! {
        <details
            class="card network-view"
            data-testid="inside"
            on:toggle:target=move |event| controller.show_network(event.target().open() || state.tour.get_untracked().is_some())
        >
            <summary>
                <h2>{move || state.text().network.title}</h2>
            </summary>
            <p class="hint">
                {move || {
                    let text = state.text().network;
                    if boxes.with(Vec::is_empty) { text.waiting } else { text.hint }.to_owned()
                }}
            </p>
            <ol class="network-parts" aria-label=move || state.text().network.parts>
                {move || boxes.get().into_iter().map(|drawn| view! { <Box controller drawn /> }).collect_view()}
            </ol>
            <h3>{title}</h3>
            <Thumbnails thumbnails=channels />
            <p class="fine">{move || if title().is_empty() { "" } else { state.text().network.channels_hint }}</p>
            <Timings controller />
        </details>
    }
}

#[component]
fn Box(controller: Controller, drawn: Drawn) -> impl IntoView {
    let state = controller.state;
    let Drawn { name, blocks, part } = drawn;
    let (channels, height, width) =
        (part.channels.to_string(), part.height.to_string(), part.width.to_string());
    let of_stage = !part.stage.is_empty();
    let counted = of_stage && part.name != name; // the head is one convolution
    let chosen = {
        let name = name.clone();
        Memo::new(move |_| {
            of_stage && layers(&state.target_layer()).iter().any(|layer| is_within(layer, &name))
        })
    };
    // Roots and logarithms: 224 places and 3 channels have to fit beside 7 and 2,048.
    let tall = format!("{:.2}rem", 0.4 + 0.36 * (part.height.max(part.width) as f64).sqrt());
    let wide = format!("{:.2}rem", 0.3 + 0.26 * f64::from(part.channels.ilog2()));
    let shape = format!("{channels} × {height} × {width}");
    let layer = name.clone();
    let shape_words = move || fill(state.text().network.shape, &[&channels, &width, &height]);
    view! {
        <li>
            <button
                type="button"
                data-layer=name.clone()
                disabled=!of_stage
                aria-pressed=of_stage.then_some(move || chosen.get().to_string())
                title=shape_words
                on:click=move |_| controller.choose_layer(layer.clone())
            >
                <span class="network-block" style:height=tall style:width=wide aria-hidden="true"></span>
                <b>{name.clone()}</b>
                <small>{shape}</small>
                {counted.then(|| view! { <small>{move || if blocks == 1 { state.text().network.block.to_owned() } else { fill(state.text().network.blocks, &[&blocks.to_string()]) }}</small> })}
            </button>
        </li>
    }
}
