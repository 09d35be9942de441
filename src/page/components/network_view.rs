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
    of_stage: bool,
    /// Blocks of a stage; `None` where it is a single part, such as the head's convolution.
    blocks: Option<usize>,
}

/// Height, width and channels of what a box puts out, which differ from photo to photo.
type Size = [usize; 3];

fn drawn(parts: &[Part]) -> (Vec<Drawn>, Vec<Size>) {
    let (mut boxes, mut sizes) = (Vec::<Drawn>::new(), Vec::new());
    for part in parts {
        let of_stage = !part.stage.is_empty();
        let name = if of_stage { &part.stage } else { &part.name };
        let size = [part.height, part.width, part.channels];
        match boxes.last_mut().filter(|last| last.name == *name) {
            Some(last) => {
                last.blocks = last.blocks.map(|blocks| blocks + 1);
                sizes.pop();
            }
            None => {
                let blocks = (of_stage && part.name != *name).then_some(1);
                boxes.push(Drawn { name: name.clone(), of_stage, blocks });
            }
        }
        sizes.push(size);
    }
    (boxes, sizes)
}

#[component]
pub fn NetworkView(controller: Controller) -> impl IntoView {
    let state = controller.state;
    // The boxes are made anew for another network only; a photo of another size changes the numbers
    // in them.
    let drawing = Memo::new(move |_| state.layer_summary.with(|parts| drawn(parts)));
    let boxes = Memo::new(move |_| drawing.with(|(boxes, _)| boxes.clone()));
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
            thumbnails::channels(&state, channels, SHOWN, |channel| channel.mean, words)
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
                {move || {
                    let one = |(place, drawn)| {
                        let size = Signal::derive(move || drawing.with(|(_, sizes)| sizes.get(place).copied().unwrap_or_default()));
                        view! { <Box controller drawn size /> }
                    };
                    boxes.get().into_iter().enumerate().map(one).collect_view()
                }}
            </ol>
            <h3>{title}</h3>
            <Thumbnails thumbnails=channels />
            <p class="fine">{move || if title().is_empty() { "" } else { state.text().network.channels_hint }}</p>
            <Timings controller />
        </details>
    }
}

#[component]
fn Box(controller: Controller, drawn: Drawn, size: Signal<Size>) -> impl IntoView {
    let state = controller.state;
    let Drawn { name, of_stage, blocks } = drawn;
    let chosen = {
        let name = name.clone();
        Memo::new(move |_| {
            of_stage && layers(&state.target_layer()).iter().any(|layer| is_within(layer, &name))
        })
    };
    // Roots and logarithms: 224 places and 3 channels have to fit beside 7 and 2,048.
    let tall = move || {
        let [height, width, _] = size.get();
        format!("{:.2}rem", 0.4 + 0.36 * (height.max(width) as f64).sqrt())
    };
    let wide = move || {
        let [.., channels] = size.get();
        format!("{:.2}rem", 0.3 + 0.26 * f64::from(channels.max(1).ilog2()))
    };
    let shape = move || {
        let [height, width, channels] = size.get();
        format!("{channels} × {height} × {width}")
    };
    let shape_words = move || {
        let [height, width, channels] = size.get().map(|number| number.to_string());
        fill(state.text().network.shape, &[&channels, &width, &height])
    };
    let counted = move |blocks: usize| match blocks {
        1 => state.text().network.block.to_owned(),
        _ => fill(state.text().network.blocks, &[&blocks.to_string()]),
    };
    let layer = name.clone();
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
                {blocks.map(|blocks| view! { <small>{move || counted(blocks)}</small> })}
            </button>
        </li>
    }
}
