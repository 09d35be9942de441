//! One page to print: photo, heatmap, numbers, room for answers, and the same computation in
//! Python.

use crate::controller::Controller;
use crate::i18n::{Words, fill};
use crate::platform::canvas::{self, Pixels};
use crate::state::State;
use gradlens::catalog::notebook::{self, Run};
use gradlens::explain::{Explanation, Score};
use gradlens::image::heatmap::describe;
use leptos::html;
use leptos::prelude::*;
use std::sync::Arc;
use web_sys::Url;

/// Longest side of the pictures, in pixels: 15 cm of paper in 150 dots an inch.
const LONGEST: usize = 900;

/// Classes in the list.
const CLASSES: usize = 5;

#[component]
pub fn Report(controller: Controller) -> impl IntoView {
    let state = controller.state;
    let known = Memo::new(move |_| state.explanation.with(Option::is_some));
    let blanks = move || {
        let one = |words: &'static str| view! { <span>{words} <i></i></span> };
        state.text().teach.blanks.map(one).into_iter().collect_view()
    };
    let questions = move || {
        let one = |words: &'static str| view! { <li>{words} <i></i> <i></i></li> };
        state.text().teach.report_questions.map(one).into_iter().collect_view()
    };
    let map_caption = move || {
        let class = state.explanation.get().map(|known| state.label(known.class));
        fill(state.text().teach.report_map, &[&class.unwrap_or_default()])
    };
    view! {
        <p hidden=move || known.get()>{move || state.text().teach.no_photo}</p>
        <div class="report-frame" hidden=move || !known.get()>
            <p class="hint">{move || state.text().teach.report_hint}</p>
            <div class="buttons">
                <button
                    type="button"
                    class="strong"
                    data-testid="report-print"
                    on:click=move |_| {
                        let _ = window().print(); // refused only inside a sandboxed frame
                    }
                >
                    {move || state.text().teach.print}
                </button>
            </div>
            <article class="report" data-testid="report">
                <header>
                    <h3>{move || state.text().teach.report_title}</h3>
                    <p class="report-blanks">{blanks}</p>
                </header>
                <div class="report-pictures">
                    <Picture state words=Signal::derive(move || state.text().teach.report_photo.to_owned()) map=false />
                    <Picture state words=Signal::derive(map_caption) map=true />
                </div>
                <div class="report-numbers">
                    <dl data-testid="report-facts">{move || facts(state)}</dl>
                    <table data-testid="report-classes">{move || classes(state)}</table>
                </div>
                <ol class="report-questions">{questions}</ol>
                <Script controller />
            </article>
        </div>
    }
}

/// The photo, or the heatmap over it.
#[component]
fn Picture(state: State, words: Signal<String>, map: bool) -> impl IntoView {
    let canvas = NodeRef::<html::Canvas>::new();
    Effect::new(move |_| {
        if let (Some(canvas), Some(pixels)) = (canvas.get(), pixels(&state, map)) {
            canvas::paint(&canvas, &pixels);
        }
    });
    view! {
        <figure>
            <canvas role="img" aria-label=move || words.get() node_ref=canvas></canvas>
            <figcaption>{move || words.get()}</figcaption>
        </figure>
    }
}

fn pixels(state: &State, map: bool) -> Option<Pixels> {
    let picture = state.picture.get()?;
    let small = picture.shown.shrunk(LONGEST);
    Some(match state.explanation.get().filter(|_| map) {
        Some(known) => canvas::over(&small, picture.size, &known, state.look()),
        None => canvas::plain(&small),
    })
}

/// The numbers: what was computed, and where the heatmap is strongest.
fn facts(state: State) -> Option<impl IntoView> {
    let text = state.text().teach;
    let known = state.explanation.get()?;
    let prediction = state.prediction.get()?;
    let (photo, guess) = (state.picture.get()?.size, state.teach.drawing.get());
    let model = state.model.get()?;
    let file = model.file.rsplit('/').next().unwrap_or_default();
    let cells = [known.cam.width, known.cam.height].map(|side| side.to_string());
    let input = [prediction.width, prediction.height].map(|side| side.to_string());
    let place = match known.blank {
        true => state.text().tools.described_blank.to_owned(),
        false => {
            let found = describe(&known.heatmap, (known.height, known.width));
            let place = state.text().tools.places[found.row][found.column];
            fill(text.fact_place, &[place, &state.percent(found.share, 0)])
        }
    };
    let largest = known.cam.values.iter().copied().fold(f32::MIN, f32::max);
    let guess = guess.filter(|drawing| !drawing.is_empty() && state.teach.revealed.get());
    let guess = guess.and_then(|drawing| drawing.agreement(&known, photo)).map(|found| {
        fill(text.fact_guess, &[&format!("{:.2}", found.iou), &state.percent(found.heat, 0)])
    });
    let values = [
        Some(format!("{} ({file})", model.architecture)),
        Some(fill(text.fact_input, &[&input[0], &input[1]])),
        Some(fill(text.fact_layer, &[&known.layer, &cells[0], &cells[1]])),
        Some(state.method_of(&known)),
        Some(state.objective_name(known.objective)),
        Some(place),
        Some(format!("{largest:.4}")),
        guess,
    ];
    let one = |(name, value): (&'static str, Option<String>)| {
        Some(view! { <div><dt>{name}</dt> <dd>{value?}</dd></div> })
    };
    Some(text.facts.into_iter().zip(values).map(one).collect_view())
}

/// The likeliest classes and the one that is explained.
fn classes(state: State) -> Option<impl IntoView> {
    let prediction = state.prediction.get()?;
    let class = state.explanation.get()?.class;
    let rows = prediction.top_and(CLASSES, class);
    let row = |score: Score| {
        view! {
            <tr class:chosen=score.class == class>
                <th scope="row">{state.label(score.class)}</th>
                <td>{format!("{:.2}", score.logit)}</td>
                <td>{state.percent(score.probability, 1)}</td>
            </tr>
        }
    };
    let [_, logit, probability] = state.text().tour.columns;
    Some(view! {
        <thead>
            <tr>
                <th scope="col">{state.text().teach.likeliest}</th>
                <th scope="col">{logit}</th>
                <th scope="col">{probability}</th>
            </tr>
        </thead>
        <tbody>{rows.into_iter().map(row).collect_view()}</tbody>
    })
}

#[component]
fn Script(controller: Controller) -> impl IntoView {
    let state = controller.state;
    let script = Memo::new(move |_| {
        state.explanation.get().and_then(|known| script(&state, &known)).unwrap_or_default()
    });
    let said = RwSignal::new(None::<Words>);
    Effect::new(move |_| {
        script.track();
        said.set(None);
    });
    view! {
        <section class="report-script">
            <h4>{move || state.text().teach.notebook}</h4>
            <div class="buttons">
                <button type="button" class="small" data-testid="report-copy" on:click=move |_| controller.copy_text(script.get_untracked(), said)>
                    {move || state.text().teach.copy}
                </button>
                <span class="hint" role="status" data-testid="report-copied">
                    {move || said.get().map(|words| words(state.text()))}
                </span>
            </div>
            <pre tabindex="0" role="region" aria-label=move || state.text().teach.notebook data-testid="report-script"><code>{move || script.get()}</code></pre>
        </section>
    }
}

/// What is on show, as a script.
fn script(state: &State, known: &Arc<Explanation>) -> Option<String> {
    let model = state.model.get()?;
    let prediction = state.prediction.get()?;
    let picture = state.picture.get()?;
    let models = state.models.get();
    // A sample's name is its id: the script wants its file.
    let samples = || models.iter().flat_map(|model| &model.samples);
    let sample = picture.sample.as_ref().and_then(|id| samples().find(|sample| sample.id == *id));
    let photo = sample.and_then(|sample| sample.file.rsplit('/').next());
    let listed = models.iter().find(|listed| Some(&listed.id) == model.id.as_ref());
    let base = document().base_uri().ok().flatten().unwrap_or_default();
    let address = listed.and_then(|listed| Url::new_with_base(&listed.file, &base).ok());
    let address = address.map(|address| address.href()).unwrap_or_default();
    let weights = listed.and_then(|listed| listed.file.rsplit('/').next());
    Some(notebook::python(&Run {
        model: model.id.as_deref(),
        architecture: &model.architecture,
        weights: (weights.unwrap_or(&model.file), &address),
        layers: &state.layers.get(),
        known,
        class: &state.label(known.class),
        scores: prediction.scores,
        fit: state.fit.get(),
        preprocessing: &state.preprocessing.get(),
        input: (prediction.width, prediction.height),
        photo: photo.unwrap_or(&picture.name),
        comments: &state.text().teach.comments,
    }))
}
