//! Which model, above the picture; and, in a card of its own, what it is, what is kept of models in this browser, and how photos become
//! a visitor's own model's inputs.

use super::jobs::Jobs;
use super::once::{Effect, Memo};
use super::state::{Loaded, Trained};
use super::text::{Words, fill};
use super::widgets::{act, amount, field, part, pick, told};
use crate::checkpoint;
use crate::image::{MIN_SIDE, Preprocessing};
use leptos::html;
use leptos::prelude::*;
use std::time::Duration;

#[component]
pub fn Chooser(jobs: Jobs) -> impl IntoView {
    let state = jobs.state;
    let select = NodeRef::<html::Select>::new();
    let current = Memo::new(move |_| {
        state.model.with(|model| match model {
            Some(model) => model.id.clone().unwrap_or_else(|| "own".into()),
            None => String::new(),
        })
    });
    // After a refusal, a cancelled download or a “not now” the field must not go on naming a model that is not in use, nor
    // the first of the list because its options were written anew.
    Effect::new(move |_| {
        state.offer.track();
        state.failure.track();
        state.models.track();
        state.language.track();
        let value = current.get();
        if let (Some(select), true) = (select.get(), state.progress.with(Option::is_none)) {
            // Once the options themselves are up to date.
            set_timeout(move || select.set_value(&value), Duration::ZERO);
        }
    });
    // Of the model in use: of the one that is on its way the status line tells.
    let knows = move || {
        let id = current.get();
        let listed = state.models.with(|models| {
            let model = models.iter().find(|model| model.id == id)?;
            Some(state.language.get().choose(model.knows.as_deref()?, model.knows_zh.as_deref()).to_owned())
        });
        let own = || Some(fill(state.text().classes, &[&state.model.get()?.classes.to_string()]));
        listed.or_else(own).unwrap_or_default()
    };
    view! {
        <section class="chooser" aria-label=state.say(|text| text.model)>
            <label>
                <span>{state.say(|text| text.model)}</span>
                <select
                    data-testid="model-select"
                    node_ref=select
                    on:change=pick(move |id| jobs.choose_model(&id))
                >
                    {part(move || {
                        let language = state.language.get();
                        let models = state.models.get();
                        let listed = models
                            .iter()
                            .map(|model| {
                                let name = language.choose(&model.name, model.name_zh.as_deref()).to_owned();
                                view! { <option value=model.id.clone()>{name}</option> }
                            })
                            .collect_view();
                        let own = state
                            .model
                            .with(|model| model.as_ref().filter(|model| model.id.is_none()).map(|model| model.file.clone()))
                            .map(|file| view! { <option value="own">{fill(state.text().own_weights, &[&file])}</option> });
                        (listed, own)
                    })}
                </select>
            </label>
            <p class="hint" data-testid="knows">{knows}</p>
        </section>
    }
}

#[component]
pub fn ModelCard(jobs: Jobs, browse_weights: Callback<()>) -> impl IntoView {
    let state = jobs.state;
    let own = Memo::new(move |_| state.model.with(|model| model.as_ref().is_some_and(|model| model.id.is_none())));
    let note = move || {
        let id = state.model.get()?.id?;
        state.models.with(|models| {
            let model = models.iter().find(|model| model.id == id)?;
            let note = state.language.get().choose(&model.note, model.note_zh.as_deref()).to_owned();
            let mut fine = format!("{} · {}", fill(state.text().licence, &[&model.licence]), model.source);
            if model.sha256.is_none() {
                fine = format!("{fine} · {}", state.text().weights.unverified);
            }
            Some((note, fine))
        })
    };
    view! {
        <section class="card model">
            <h2>{state.say(|text| text.model)}</h2>
            <div class="half">
            <p class="hint" data-testid="architecture">
                {told(move || {
                    let words = |model: Loaded| {
                        let classes = fill(state.text().classes, &[&model.classes.to_string()]);
                        format!("{} · {classes}", model.architecture)
                    };
                    state.model.get().map(words).unwrap_or_default()
                })}
            </p>
            <div class="buttons">
                <button type="button" on:click=act(move || browse_weights.run(()))>
                    {state.say(|text| text.open_weights)}
                </button>
            </div>
            <p class="fine">{state.say(|text| text.weights_hint)}</p>
            </div>
            <div class="half">
            {part(move || {
                note()
                    .map(|(note, fine)| {
                        view! {
                            <p class="note">{note}</p>
                            <p class="fine">{fine}</p>
                        }
                    })
            })}
            {part(move || own.get().then(|| view! { <Inputs jobs /> }))}
            <Copies jobs />
            </div>
        </section>
    }
}

/// Copies of downloads in this browser, each with a button that deletes it; and a word where there was no room for one.
///
/// One kind of row for both: each kind of view costs the page kilobytes.
#[component]
fn Copies(jobs: Jobs) -> impl IntoView {
    let state = jobs.state;
    let rows = move || {
        let text = state.text().weights;
        let row = |words: String, label: String, address: Option<String>| {
            let (id, hidden) = if address.is_some() { ("kept", false) } else { ("not-kept", true) };
            view! {
                <li data-testid=id>
                    <span>{words}</span>
                    <button
                        type="button"
                        class="quiet small"
                        aria-label=label
                        hidden=hidden
                        on:click=act(move || jobs.delete_kept(address.clone().unwrap_or_default()))
                    >
                        {text.delete}
                    </button>
                </li>
            }
        };
        let mut rows: Vec<_> = state
            .kept
            .get()
            .into_iter()
            .map(|kept| {
                let name = state.models.with(|models| {
                    let model = models.iter().find(|model| model.id == kept.id);
                    model.map(|model| state.language.get().choose(&model.name, model.name_zh.as_deref()).to_owned())
                });
                let mut name = name.unwrap_or(kept.id);
                if !kept.current {
                    name = fill(text.kept_old, &[&name]);
                }
                let tenths = (kept.bytes + 50_000) / 100_000;
                let megabytes = format!("{}.{}", tenths / 10, tenths % 10);
                let label = fill(text.delete_file, &[&name]);
                row(fill(text.kept, &[&name, &megabytes]), label, Some(kept.address))
            })
            .collect();
        if state.not_kept.get() {
            rows.push(row(text.not_kept.to_owned(), String::new(), None));
        }
        rows
    };
    view! { <ul class="copies" data-testid="copies">{part(rows)}</ul> }
}

/// What can be set of a preprocessing: sides in pixels, and a number for each of three channels.
#[derive(Clone, Copy)]
enum Number {
    Resize,
    Crop,
    Longest,
    Mean(usize),
    Std(usize),
}

impl Number {
    fn get(self, preprocessing: &Preprocessing) -> f64 {
        // 0.485, and not the double next to the float
        let float = |value: f32| (f64::from(value) * 1e6).round() / 1e6;
        match self {
            Number::Resize => preprocessing.resize as f64,
            Number::Crop => preprocessing.crop as f64,
            Number::Longest => preprocessing.longest as f64,
            Number::Mean(channel) => float(preprocessing.mean[channel]),
            Number::Std(channel) => float(preprocessing.std[channel]),
        }
    }

    fn set(self, preprocessing: &mut Preprocessing, value: f64) {
        match self {
            Number::Resize => preprocessing.resize = value as usize,
            Number::Crop => preprocessing.crop = value as usize,
            Number::Longest => preprocessing.longest = value as usize,
            Number::Mean(channel) => preprocessing.mean[channel] = value as f32,
            Number::Std(channel) => preprocessing.std[channel] = value as f32,
        }
    }

    /// Least, most, and step; the browser refuses what lies outside.
    fn bounds(self) -> [String; 3] {
        match self {
            Number::Resize | Number::Crop | Number::Longest => [MIN_SIDE.to_string(), "1024".into(), "1".into()],
            Number::Mean(_) => ["-10".into(), "10".into(), "any".into()],
            Number::Std(_) => ["0.001".into(), "10".into(), "any".into()],
        }
    }
}

/// How photos become the inputs of a visitor's own network: folded away, ImageNet's values at first.
#[component]
fn Inputs(jobs: Jobs) -> impl IntoView {
    let state = jobs.state;
    let input = move |(number, id): (Number, &'static str), words: Words| {
        let [min, max, step] = number.bounds();
        let label = move || match number {
            Number::Mean(channel) | Number::Std(channel) => {
                format!("{} ({})", words(state.text()), state.text().weights.channels[channel])
            }
            _ => words(state.text()).to_owned(),
        };
        view! {
            <input
                type="number"
                data-testid=id
                aria-label=told(label)
                min=min
                max=max
                step=step
                prop:value=amount(move || state.preprocessing.with(|known| number.get(known)))
                on:change=field(move |input| {
                    let value = input.value_as_number();
                    if input.check_validity() && value.is_finite() {
                        let mut preprocessing = state.preprocessing.get_untracked();
                        number.set(&mut preprocessing, value);
                        jobs.choose_preprocessing(preprocessing);
                    }
                })
            />
        }
    };
    let rows: [(Words, Vec<(Number, &'static str)>); 5] = [
        (
            |text| text.weights.mean,
            vec![(Number::Mean(0), "mean-0"), (Number::Mean(1), "mean-1"), (Number::Mean(2), "mean-2")],
        ),
        (
            |text| text.weights.std,
            vec![(Number::Std(0), "std-0"), (Number::Std(1), "std-1"), (Number::Std(2), "std-2")],
        ),
        (|text| text.weights.resize, vec![(Number::Resize, "resize")]),
        (|text| text.weights.crop, vec![(Number::Crop, "crop")]),
        (|text| text.weights.longest, vec![(Number::Longest, "longest")]),
    ];
    let rows: Vec<_> = rows
        .into_iter()
        .map(|(words, numbers)| {
            let inputs: Vec<_> = numbers.into_iter().map(|number| input(number, words)).collect();
            view! {
                <div class="field">
                    <span>{state.say(words)}</span>
                    <div class="numbers">{inputs}</div>
                </div>
            }
        })
        .collect();
    view! {
        <details class="inputs" data-testid="inputs">
            <summary>{state.say(|text| text.weights.preprocessing)}</summary>
            <p class="hint">{state.say(|text| text.weights.preprocessing_hint)}</p>
            {rows}
            <Conventions jobs />
            <button type="button" data-testid="imagenet-inputs" on:click=act(move || jobs.choose_preprocessing(Preprocessing::default()))>
                {state.say(|text| text.weights.reset)}
            </button>
        </details>
    }
}

/// By which framework's conventions the network was trained, where it is of a family whose tensors do not tell.
#[component]
fn Conventions(jobs: Jobs) -> impl IntoView {
    let state = jobs.state;
    let known = [checkpoint::Conventions::PYTORCH, checkpoint::Conventions::TENSORFLOW];
    let applies = Memo::new(move |_| state.trained.with(Option::is_some));
    let chosen = move || {
        let now = state.trained.get().map(|trained| trained.conventions);
        known.iter().position(|&one| Some(one) == now).unwrap_or(0).to_string()
    };
    let told_by = move || {
        let text = state.text().weights;
        let words = |trained: Trained| {
            let place = usize::from(trained.conventions == known[1]);
            format!("{} {}", text.conventions_mean[place], text.conventions_from[trained.source as usize])
        };
        state.trained.get().map(words).unwrap_or_default()
    };
    view! {
        {move || applies.get().then(|| view! {
            <label class="field">
                <span>{move || state.text().weights.conventions}</span>
                <select
                    data-testid="conventions"
                    prop:value=chosen
                    on:change=move |event| jobs.choose_conventions(known[usize::from(event_target_value(&event) == "1")])
                >
                    {[0, 1]
                        .map(|place: usize| view! {
                            <option value=place.to_string() selected=move || chosen() == place.to_string()>
                                {move || state.text().weights.trained_with[place]}
                            </option>
                        })
                        .into_iter()
                        .collect_view()}
                </select>
            </label>
            <p class="fine" data-testid="conventions-from">{told_by}</p>
        })}
    }
}
