//! The guided tour: six steps through one explanation, with the numbers of this photo, this class,
//! this run, and the network's drawing with the stage lit up that a step is about; then three
//! questions (`questions.rs`).

mod questions;

use super::glossary::Explained;
use super::network_view::Strip;
use super::thumbnails::{self, Thumbnail, Thumbnails};
use crate::controller::Controller;
use crate::i18n::{Language, fill};
use crate::platform::popover;
use crate::state::State;
use crate::state::tour::Step;
use gradlens::explain::Score;
use gradlens::explain::channels::Channel;
use gradlens::explain::objective::Scores;
use leptos::ev::KeyboardEvent;
use leptos::html;
use leptos::prelude::*;
use questions::Questions;

/// Channels on show in a step.
const CHANNELS: usize = 4;
/// Classes in the table of scores.
const CLASSES: usize = 3;

#[component]
pub fn StartTour(controller: Controller, id: &'static str) -> impl IntoView {
    view! {
        <button type="button" class=id data-testid=id on:click=move |_| controller.start_tour()>
            {move || controller.state.text().tour.start}
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
    let questions = Memo::new(move |_| match state.tour.get() {
        Some(Step::Questions) => questions::questions(&state),
        _ => Vec::new(),
    });
    let heading = NodeRef::<html::H2>::new();
    Effect::new(move |_| {
        // Keyboards and screen readers follow the steps.
        if let (Some(_), Some(heading)) = (state.tour.get(), heading.get()) {
            let _ = heading.focus();
        }
    });
    let on_escape = move |event: KeyboardEvent| {
        if event.key() == "Escape" && !popover::is_open() {
            controller.end_tour();
        }
    };
    let further = move |by| state.tour.get().and_then(|step| step.further(by));
    let is_last = move || further(1).is_none();
    let go = move |by| match untrack(|| further(by)) {
        Some(step) => controller.go_to_step(step),
        None => controller.end_tour(),
    };
    let number = move || state.tour.get().map(|step| (step as usize + 1).to_string());
    let before = move || {
        let words = story.with(|(before, _)| before.clone());
        if !words.is_empty() {
            return words;
        }
        let has_photo = state.picture.with(Option::is_some) || state.decoding.get();
        if has_photo { state.text().tour.wait } else { state.text().tour.no_photo }.to_owned()
    };
    view! {
        {move || open.get().then(|| view! {
            <section class="card tour" on:keydown=on_escape data-testid="tour" data-step=move || number().unwrap_or_default()>
                <p class="fine">
                    {move || number().map(|number| fill(state.text().tour.step, &[&number])).unwrap_or_default()}
                </p>
                <h2 tabindex="-1" node_ref=heading>
                    {move || state.tour.get().map(|step| state.text().tour.titles[step as usize]).unwrap_or_default().to_owned()}
                </h2>
                <Strip state />
                <p data-testid="tour-words"><Explained state words=Signal::derive(before) /></p>
                <Thumbnails thumbnails=pictures />
                {move || (state.tour.get() == Some(Step::Scores)).then(|| scores(state))}
                <p><Explained state words=Signal::derive(move || story.with(|(_, after)| after.clone())) /></p>
                <Questions state questions />
                <div class="buttons">
                    <button type="button" data-testid="tour-back" disabled=move || further(-1).is_none() on:click=move |_| go(-1)>
                        {move || state.text().tour.back}
                    </button>
                    <button type="button" class="strong" data-testid="tour-next" on:click=move |_| go(1)>
                        {move || if is_last() { state.text().tour.end } else { state.text().tour.next }}
                    </button>
                    // At the last step the button before says the same.
                    <button type="button" class="quiet" data-testid="tour-end" hidden=is_last on:click=move |_| controller.end_tour()>
                        {move || state.text().tour.end}
                    </button>
                </div>
            </section>
        })}
    }
}

/// The likeliest classes and the one that is explained, with what makes their probabilities.
fn scores(state: State) -> Option<impl IntoView> {
    let prediction = state.prediction.get()?;
    let class = state.explanation.get()?.class;
    let rows = prediction.top_and(CLASSES, class);
    let row = |score: Score| {
        view! {
            <tr>
                <th scope="row">{state.label(score.class)}</th>
                <td>{format!("{:.2}", score.logit)}</td>
                <td>{state.percent(score.probability, 1)}</td>
            </tr>
        }
    };
    let heads = state.text().tour.columns.map(|name| view! { <th scope="col">{name}</th> });
    Some(view! {
        <table class="tour-scores" data-testid="tour-scores">
            <thead>
                <tr>{heads.into_iter().collect_view()}</tr>
            </thead>
            <tbody>{rows.into_iter().map(row).collect_view()}</tbody>
        </table>
    })
}

/// What a step says before and after its pictures; `None` while its numbers are on their way.
fn tell(state: &State, step: Step) -> Option<(String, String)> {
    let text = state.text().tour;
    let of = |words: &str, values: &[&str]| fill(words, values);
    let prediction = state.prediction.get()?;
    let photo = state.picture.with(|picture| picture.as_ref().map(|picture| picture.size))?;
    if step == Step::Input {
        let (width, height) = (prediction.width, prediction.height);
        let sizes = [photo.0, photo.1, width, height, 3 * width * height]
            .map(|number| state.number(number));
        return Some((of(text.sees, &sizes.each_ref().map(String::as_str)), String::new()));
    }
    let known = state.explanation.get()?;
    if step == Step::Questions {
        return Some((text.questions.to_owned(), String::new()));
    }
    if step == Step::Scores {
        let classes = state.number(prediction.logits.len());
        let after = match prediction.scores {
            Scores::Softmax => text.softmax,
            Scores::Sigmoid => text.sigmoid,
        };
        return Some((of(text.scores, &[&classes]), after.to_owned()));
    }
    let channels = state.channels.get().filter(|channels| {
        (channels.class, &*channels.layer) == (known.class, known.last_layer())
    })?;
    let class = state.label(known.class);
    let count = channels.channels.len();
    let (height, width) = channels.size();
    let (count_words, height_words, width_words) =
        (state.number(count), state.number(height), state.number(width));
    Some(match step {
        Step::Forward => {
            let (weighted, macs) = state.layer_summary.with(|parts| {
                (
                    parts.iter().map(|part| part.weighted).sum::<usize>(),
                    parts.iter().map(|part| part.macs).sum::<u64>(),
                )
            });
            let macs = match state.language() {
                Language::English => state.number((macs / 1_000_000) as usize),
                Language::Chinese => format!("{:.1}", macs as f64 / 1e8), // in 亿
            };
            let values = [
                &*state.number(weighted),
                &macs,
                &format!("{:.0}", prediction.milliseconds),
                known.last_layer(),
                &count_words,
                &width_words,
                &height_words,
            ];
            (of(text.forward, &values), String::new())
        }
        Step::Backward => {
            let values = [
                &*known.layer,
                &class,
                &format!("{:.0}", known.milliseconds),
                &state.number(count * height * width),
                &count_words,
                &width_words,
                &height_words,
            ];
            (of(text.backward, &values), String::new())
        }
        Step::Weights => {
            let positive = channels.channels.iter().filter(|channel| channel.weight > 0.0).count();
            (
                of(text.weights, &[&class, &state.number(positive), &count_words]),
                text.strongest.to_owned(),
            )
        }
        Step::Heatmap => {
            let largest = known.cam.values.iter().copied().fold(0.0, f32::max);
            (
                of(text.picture, &[&width_words, &height_words, &format!("{largest:.4}")]),
                String::new(),
            )
        }
        Step::Input | Step::Scores | Step::Questions => return None, // told above
    })
}

fn pictures(state: &State, step: Step) -> Vec<Thumbnail> {
    let (Some(prediction), Some(known)) = (state.prediction.get(), state.explanation.get()) else {
        return Vec::new();
    };
    let text = state.text().network;
    match (step, state.channels.get()) {
        (Step::Input, _) => {
            vec![thumbnails::input(&prediction.rgb, prediction.width, prediction.height)]
        }
        (Step::Forward, Some(channels)) => {
            thumbnails::channels(state, &channels, CHANNELS, |channel| channel.mean, text.channel)
        }
        (Step::Weights, Some(channels)) => {
            let weight = |channel: &Channel| channel.weight;
            thumbnails::channels(state, &channels, CHANNELS, weight, text.channel_weight)
        }
        (Step::Heatmap, _) => vec![thumbnails::cells(state, &known.cam)],
        _ => Vec::new(),
    }
}
