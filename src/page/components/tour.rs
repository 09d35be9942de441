//! The guided tour: five steps through one explanation, with the numbers of this photo, this
//! class, this run.

use super::thumbnails::{self, Thumbnail, Thumbnails};
use crate::explain::channels::Channel;
use crate::page::controller::{Controller, TOUR_STEPS};
use crate::page::i18n::{Language, fill};
use crate::page::state::State;
use leptos::ev::KeyboardEvent;
use leptos::html;
use leptos::prelude::*;

/// Channels on show in a step.
const CHANNELS: usize = 4;

#[component]
pub fn StartTour(controller: Controller, id: &'static str) -> impl IntoView {
    view! {
        <button type="button" class=id data-testid=id on:click=move |_| controller.start_tour()>
            {move || controller.state.text().network.tour}
        </button>
    }
}

#[component]
pub fn Tour(controller: Controller) -> impl IntoView {
    let state = controller.state;
    let open = Memo::new(move |_| state.tour.get().is_some());
    let story = Memo::new(move |_| {
        state.tour.get().and_then(|step| tell(&state, step)).unwrap_or_default()
    });
    let pictures = Signal::derive(move || {
        state.tour.get().map(|step| pictures(&state, step)).unwrap_or_default()
    });
    let heading = NodeRef::<html::H2>::new();
    Effect::new(move |_| {
        // Keyboards and screen readers follow the steps.
        if let (Some(_), Some(heading)) = (state.tour.get(), heading.get()) {
            let _ = heading.focus();
        }
    });
    let on_escape = move |event: KeyboardEvent| {
        if event.key() == "Escape" {
            controller.end_tour();
        }
    };
    let go = move |by: isize| {
        if let Some(step) = state.tour.get_untracked().and_then(|step| step.checked_add_signed(by))
        {
            if step < TOUR_STEPS { controller.go_to_step(step) } else { controller.end_tour() }
        }
    };
    view! {
        {move || open.get().then(|| view! {
            <section class="card tour" on:keydown=on_escape data-testid="tour" data-step=move || state.tour.get().map(|step| (step + 1).to_string()).unwrap_or_default()>
                <p class="fine">
                    {move || state.tour.get().map(|step| fill(state.text().network.tour_step, &[&(step + 1).to_string()])).unwrap_or_default()}
                </p>
                <h2 tabindex="-1" node_ref=heading>
                    {move || state.tour.get().map(|step| state.text().network.tour_titles[step]).unwrap_or_default().to_owned()}
                </h2>
                <p data-testid="tour-words">
                    {move || story.with(|(before, _)| if before.is_empty() { state.text().network.tour_wait.to_owned() } else { before.clone() })}
                </p>
                <Thumbnails thumbnails=pictures />
                <p>{move || story.with(|(_, after)| after.clone())}</p>
                <div class="buttons">
                    <button type="button" data-testid="tour-back" disabled=move || state.tour.get() == Some(0) on:click=move |_| go(-1)>
                        {move || state.text().network.tour_back}
                    </button>
                    <button type="button" class="strong" data-testid="tour-next" on:click=move |_| go(1)>
                        {move || {
                            let text = state.text().network;
                            if state.tour.get() == Some(TOUR_STEPS - 1) { text.tour_end } else { text.tour_next }.to_owned()
                        }}
                    </button>
                    // At the last step the button before says the same.
                    <button
                        type="button"
                        class="quiet"
                        data-testid="tour-end"
                        hidden=move || state.tour.get() == Some(TOUR_STEPS - 1)
                        on:click=move |_| controller.end_tour()
                    >
                        {move || state.text().network.tour_end}
                    </button>
                </div>
            </section>
        })}
    }
}

/// What a step says before and after its pictures; `None` while its numbers are on their way.
fn tell(state: &State, step: usize) -> Option<(String, String)> {
    let text = state.text().network;
    let prediction = state.prediction.get()?;
    let photo = state.picture.with(|picture| picture.as_ref().map(|picture| picture.size))?;
    if step == 0 {
        let (width, height) = (prediction.width, prediction.height);
        let sizes = [photo.0, photo.1, width, height, 3 * width * height]
            .map(|number| state.number(number));
        return Some((fill(text.tour_sees, &sizes.each_ref().map(String::as_str)), String::new()));
    }
    let known = state.explanation.get()?;
    let channels = state.channels.get().filter(|channels| {
        (channels.class, &*channels.layer) == (known.class, known.last_layer())
    })?;
    let class = state.label(known.class);
    let count = channels.channels.len();
    let (height, width) = channels.size();
    let (count_words, height_words, width_words) =
        (state.number(count), state.number(height), state.number(width));
    Some(match step {
        1 => {
            let (weighted, macs) = state.layer_summary.with(|parts| {
                (
                    parts.iter().map(|part| part.weighted).sum::<usize>(),
                    parts.iter().map(|part| part.macs).sum::<u64>(),
                )
            });
            let score = prediction.score(known.class)?;
            let before = [
                state.number(weighted),
                match state.language() {
                    Language::English => state.number((macs / 1_000_000) as usize),
                    Language::Chinese => format!("{:.1}", macs as f64 / 1e8), // in 亿
                },
                format!("{:.0}", prediction.milliseconds),
                known.last_layer().to_owned(),
                count_words,
                width_words,
                height_words,
            ];
            let after = [
                state.number(prediction.logits.len()),
                class,
                format!("{:.2}", score.logit),
                format!("{:.1}", 100.0 * score.probability),
            ];
            let of = |words: &str, values: &[String]| {
                fill(words, &values.iter().map(String::as_str).collect::<Vec<_>>())
            };
            (of(text.tour_forward, &before), of(text.tour_scores, &after))
        }
        2 => {
            let gradients = state.number(count * height * width);
            let milliseconds = format!("{:.0}", known.milliseconds);
            let values = [
                &known.layer,
                &class,
                &milliseconds,
                &gradients,
                &count_words,
                &width_words,
                &height_words,
            ]
            .map(String::as_str);
            (fill(text.tour_backward, &values), String::new())
        }
        3 => {
            let positive = channels.channels.iter().filter(|channel| channel.weight > 0.0).count();
            (
                fill(text.tour_weights, &[&class, &state.number(positive), &count_words]),
                text.tour_strongest.to_owned(),
            )
        }
        _ => {
            let largest = known.cam.values.iter().copied().fold(0.0, f32::max);
            (
                fill(text.tour_picture, &[&width_words, &height_words, &format!("{largest:.4}")]),
                String::new(),
            )
        }
    })
}

fn pictures(state: &State, step: usize) -> Vec<Thumbnail> {
    let (Some(prediction), Some(known)) = (state.prediction.get(), state.explanation.get()) else {
        return Vec::new();
    };
    let text = state.text().network;
    match (step, state.channels.get()) {
        (0, _) => vec![thumbnails::input(&prediction.rgb, prediction.width, prediction.height)],
        (1, Some(channels)) => {
            thumbnails::channels(state, &channels, CHANNELS, |channel| channel.mean, text.channel)
        }
        (3, Some(channels)) => {
            let weight = |channel: &Channel| channel.weight;
            thumbnails::channels(state, &channels, CHANNELS, weight, text.channel_weight)
        }
        (4, _) => vec![thumbnails::cells(state, &known.cam)],
        _ => Vec::new(),
    }
}
