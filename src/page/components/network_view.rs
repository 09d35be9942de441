//! Inside the network: its parts with their shapes, of which one can be chosen as target layer, and
//! that layer's channels on this photo. The tour has the same drawing, small.

use super::glossary::Explained;
use super::thumbnails::{self, Thumbnails};
use super::timings::Timings;
use crate::controller::Controller;
use crate::i18n::fill;
use crate::query::layers;
use crate::state::tour::Step;
use crate::state::{State, is_within};
use gradlens::catalog::layer_summary::Part;
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

/// Which boxes the step of the tour is about, each with its place in the order in which its numbers
/// go through the network.
fn lit(state: &State, boxes: &[Drawn]) -> Vec<Option<usize>> {
    let Some(step) = state.tour.get() else { return vec![None; boxes.len()] };
    let layer = layers(&state.target_layer()).pop().unwrap_or_default();
    let target = boxes.iter().position(|drawn| drawn.of_stage && is_within(&layer, &drawn.name));
    let last = boxes.iter().rposition(|drawn| drawn.of_stage);
    let order = |place: usize| match step {
        Step::Input => (place == 0).then_some(0),
        Step::Forward => (place > 0 && Some(place) <= last).then_some(place),
        Step::Scores => (Some(place) > last).then_some(place),
        Step::Backward => {
            (target.is_some() && Some(place) >= target).then_some(boxes.len() - 1 - place)
        }
        Step::Weights => (Some(place) == target).then_some(0),
        // Its numbers are spread over the photo.
        Step::Heatmap if place == 0 => Some(1),
        Step::Heatmap => (Some(place) == target).then_some(0),
        Step::Questions => None,
    };
    let mut orders: Vec<_> = (0..boxes.len()).map(order).collect();
    let first = orders.iter().flatten().min().copied().unwrap_or(0);
    orders.iter_mut().flatten().for_each(|order| *order -= first);
    orders
}

/// How tall and wide a box is drawn. Roots and logarithms: 224 places and 3 channels have to fit
/// beside 7 and 2,048.
fn drawn_size([height, width, channels]: Size) -> [f64; 2] {
    [
        0.4 + 0.36 * (height.max(width) as f64).sqrt(),
        0.3 + 0.26 * f64::from(channels.max(1).ilog2()),
    ]
}

/// The drawing, small and without words: what the step of the tour is about is lit up.
#[component]
pub fn Strip(state: State) -> impl IntoView {
    let drawing = Memo::new(move |_| state.layer_summary.with(|parts| drawn(parts)));
    let orders = Memo::new(move |_| drawing.with(|(boxes, _)| lit(&state, boxes)));
    let named = move || {
        let orders = orders.get();
        let last = orders.iter().flatten().max().copied();
        let at = |order| orders.iter().position(|known| *known == Some(order));
        let name = |place: usize| drawing.with(|(boxes, _)| boxes[place].name.clone());
        let (first, last) = (at(0).map(name)?, last.and_then(at).map(name)?);
        Some(if first == last { first } else { format!("{first} → {last}") })
    };
    let label = move || match named() {
        Some(names) => fill(state.text().tour.lit, &[&names]),
        None => state.text().tour.nothing_lit.to_owned(),
    };
    let boxes = move || {
        let one = |(size, order): (&Size, Option<usize>)| {
            let [tall, wide] = drawn_size(*size).map(|side| format!("{side:.2}"));
            let order = order.map(|order| order.to_string());
            view! {
                <span class:lit=order.is_some() style=("--tall", tall) style=("--wide", wide) style=("--order", order.unwrap_or_default())></span>
            }
        };
        drawing.with(|(_, sizes)| sizes.iter().zip(orders.get()).map(one).collect_view())
    };
    view! {
        <div class="network-strip" role="img" aria-label=label data-testid="tour-strip" data-lit=move || named().unwrap_or_default()>
            <div>{boxes}</div>
            <p class="fine">{move || named().unwrap_or_default()}</p>
        </div>
    }
}

#[component]
pub fn NetworkView(controller: Controller) -> impl IntoView {
    let state = controller.state;
    // The boxes are made anew for another network only; a photo of another size changes the numbers
    // in them.
    let drawing = Memo::new(move |_| state.layer_summary.with(|parts| drawn(parts)));
    let boxes = Memo::new(move |_| drawing.with(|(boxes, _)| boxes.clone()));
    let orders = Memo::new(move |_| boxes.with(|boxes| lit(&state, boxes)));
    let hint = move || {
        let text = state.text().network;
        if boxes.with(Vec::is_empty) { text.waiting } else { text.hint }.to_owned()
    };
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
            class="card network-view of-classes"
            data-testid="inside"
            prop:open=move || state.network_open.get()
            on:toggle:target=move |event| controller.show_network(event.target().open())
        >
            <summary>
                <h2>{move || state.text().network.title}</h2>
            </summary>
            <p class="hint">
                <Explained state words=Signal::derive(hint) />
            </p>
            <ol class="network-parts" aria-label=move || state.text().network.parts>
                {move || {
                    let one = |(place, drawn)| {
                        let size = Signal::derive(move || drawing.with(|(_, sizes)| sizes.get(place).copied().unwrap_or_default()));
                        let is_lit = Signal::derive(move || orders.with(|orders| orders.get(place).copied().flatten().is_some()));
                        view! { <Box controller drawn size is_lit /> }
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
fn Box(
    controller: Controller,
    drawn: Drawn,
    size: Signal<Size>,
    is_lit: Signal<bool>,
) -> impl IntoView {
    let state = controller.state;
    let Drawn { name, of_stage, blocks } = drawn;
    let chosen = {
        let name = name.clone();
        Memo::new(move |_| {
            of_stage && layers(&state.target_layer()).iter().any(|layer| is_within(layer, &name))
        })
    };
    let side = move |n: usize| move || format!("{:.2}rem", drawn_size(size.get())[n]);
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
        <li class:lit=move || is_lit.get() aria-current=move || is_lit.get().then_some("step")>
            <button
                type="button"
                data-layer=name.clone()
                disabled=!of_stage
                aria-pressed=of_stage.then_some(move || chosen.get().to_string())
                title=shape_words
                on:click=move |_| controller.choose_layer(layer.clone())
            >
                <span class="network-block" style:height=side(0) style:width=side(1) aria-hidden="true"></span>
                <b>{name.clone()}</b>
                <small>{shape}</small>
                {blocks.map(|blocks| view! { <small>{move || counted(blocks)}</small> })}
            </button>
        </li>
    }
}
