//! The model: its chooser above the picture, and a card with what it is and which copies are in
//! this browser.

use super::preprocessing::PreprocessingForm;
use crate::controller::Controller;
use crate::engine::protocol::LoadedModel;
use crate::i18n::{Language, fill};
use crate::platform::weights_cache::CachedWeights;
use gradlens::checkpoint::Note;
use leptos::html;
use leptos::prelude::*;

#[component]
pub fn Chooser(controller: Controller) -> impl IntoView {
    let state = controller.state;
    let select = NodeRef::<html::Select>::new();
    let current = Memo::new(move |_| {
        state.model.with(|model| match model {
            Some(model) => model.id.clone().unwrap_or_else(|| "own".into()),
            None => String::new(),
        })
    });
    // After a refusal, a cancelled download or a “not now” the field must not go on naming a model
    // that is not in use, nor the first of the list because its options were written anew.
    Effect::new(move |_| {
        state.offer.track();
        state.failure.track();
        state.models.track();
        state.language.track();
        let value = current.get();
        if let (Some(select), true) = (select.get(), state.progress.with(Option::is_none)) {
            // Once the options themselves are up to date.
            queue_microtask(move || select.set_value(&value));
        }
    });
    // Of the model in use: of the one that is on its way the status line tells.
    let knows = move || {
        let id = current.get();
        let listed = state.models.with(|models| {
            let model = models.iter().find(|model| model.id == id)?;
            Some(
                state
                    .language()
                    .choose(model.knows.as_deref()?, model.knows_zh.as_deref())
                    .to_owned(),
            )
        });
        let own = || Some(fill(state.text().classes, &[&state.model.get()?.classes.to_string()]));
        listed.or_else(own).unwrap_or_default()
    };
    view! {
        <section class="model-chooser" aria-label=move || state.text().model>
            <label>
                <span>{move || state.text().model}</span>
                <select
                    data-testid="model-select"
                    node_ref=select
                    on:change:target=move |event| controller.choose_model(&event.target().value())
                >
                    {move || {
                        let models = state.models.get();
                        let listed = models
                            .iter()
                            .map(|model| {
                                let name = state.model_name(model).to_owned();
                                view! { <option value=model.id.clone()>{name}</option> }
                            })
                            .collect_view();
                        let own = state
                            .model
                            .with(|model| model.as_ref().filter(|model| model.id.is_none()).map(|model| model.file.clone()))
                            .map(|file| view! { <option value="own">{fill(state.text().own_weights, &[&file])}</option> });
                        (listed, own)
                    }}
                </select>
            </label>
            <p class="hint" data-testid="knows">{knows}</p>
        </section>
    }
}

#[component]
pub fn ModelCard(controller: Controller, browse_weights: Callback<()>) -> impl IntoView {
    let state = controller.state;
    let own = Memo::new(move |_| {
        state.model.with(|model| model.as_ref().is_some_and(|model| model.id.is_none()))
    });
    let note = move || {
        let id = state.model.get()?.id?;
        state.models.with(|models| {
            let model = models.iter().find(|model| model.id == id)?;
            let note = state.language().choose(&model.note, model.note_zh.as_deref()).to_owned();
            Some((note, state.model_origin(model)))
        })
    };
    view! {
        <section class="card model-card">
            <h2>{move || state.text().model}</h2>
            <div class="model-half">
            <p class="hint" data-testid="architecture">
                {move || {
                    let words = |model: LoadedModel| {
                        let classes = fill(state.text().classes, &[&model.classes.to_string()]);
                        format!("{} · {classes}", model.architecture)
                    };
                    state.model.get().map(words).unwrap_or_default()
                }}
            </p>
            <div class="buttons">
                <button type="button" on:click=move |_| browse_weights.run(())>
                    {move || state.text().open_weights}
                </button>
            </div>
            <p class="fine">{move || state.text().weights_hint}</p>
            </div>
            <div class="model-half">
            {move || {
                note()
                    .map(|(note, fine)| {
                        view! {
                            <p class="note">{note}</p>
                            <p class="fine">{fine}</p>
                        }
                    })
            }}
            {move || own.get().then(|| view! { <Notes controller /> <PreprocessingForm controller /> })}
            <Copies controller />
            </div>
        </section>
    }
}

/// What was taken, passed over and assumed when a visitor's file was read; of several networks in
/// it the others can be taken.
#[component]
fn Notes(controller: Controller) -> impl IntoView {
    let state = controller.state;
    let note = move |note: Note| {
        let words = match state.language() {
            Language::English => note.to_string(),
            Language::Chinese => note.chinese(),
        };
        let others = match note {
            Note::Taken { others, .. } => others,
            _ => Vec::new(),
        };
        let other = |name: String| {
            let words = fill(state.text().weights.take_other, &[&name]);
            view! {
                <button
                    type="button"
                    class="quiet small"
                    data-testid="take-other"
                    on:click=move |_| controller.choose_network(name.clone())
                >
                    {words}
                </button>
            }
        };
        view! { <li>{words} {others.into_iter().map(other).collect_view()}</li> }
    };
    view! {
        <ul class="model-notes fine" data-testid="model-notes">
            {move || state.notes.get().into_iter().map(note).collect_view()}
        </ul>
    }
}

/// Copies of downloads in this browser, each with a button that deletes it; and a note where there
/// was no room for one.
#[component]
fn Copies(controller: Controller) -> impl IntoView {
    let state = controller.state;
    let copies = move || {
        let text = state.text().weights;
        let copy = |cached: CachedWeights| {
            let name = state.models.with(|models| {
                let model = models.iter().find(|model| model.id == cached.id);
                model.map(|model| state.model_name(model).to_owned())
            });
            let mut name = name.unwrap_or(cached.id);
            if !cached.current {
                name = fill(text.kept_old, &[&name]);
            }
            let megabytes = format!("{:.1}", cached.bytes as f64 / 1e6);
            view! {
                <li data-testid="kept">
                    <span>{fill(text.kept, &[&name, &megabytes])}</span>
                    <button
                        type="button"
                        class="quiet small"
                        aria-label=fill(text.delete_file, &[&name])
                        on:click=move |_| controller.delete_cached(cached.address.clone())
                    >
                        {text.delete}
                    </button>
                </li>
            }
        };
        state.cached_weights.get().into_iter().map(copy).collect_view()
    };
    let not_cached = move || {
        state
            .not_cached
            .get()
            .then(|| view! { <li data-testid="not-kept">{state.text().weights.not_kept}</li> })
    };
    view! { <ul class="cached-weights" data-testid="copies">{copies} {not_cached}</ul> }
}
