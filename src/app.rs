//! The page: one screen around one picture.
//!
//! `state` is what the page knows, `jobs` what it does, `text` what it says; the other files are components, which read signals
//! and ask `jobs`. No component computes, and the engine is reached through `Explainer` alone.
//! To add a control: a signal in `State`, its words in `text`, a component in the card where a visitor would look for it.

mod adapter;
mod asked;
mod camera;
mod classes;
mod closer;
mod download;
mod fetch;
mod inside;
mod jobs;
mod kept;
mod keys;
mod link;
mod model;
mod network;
mod notices;
mod once;
mod picture;
mod probe;
mod settings;
mod stage;
mod state;
mod store;
mod text;
mod timings;
mod tour;
mod tray;
mod widgets;

use jobs::Jobs;
use leptos::ev;
use leptos::html;
use leptos::prelude::*;
use link::Link;
use once::{Effect, RwSignal};
use state::State;
use text::Language;
use wasm_bindgen::JsCast;
use web_sys::{DataTransfer, File, FileList, HtmlInputElement};
use widgets::{act, part, told, whether};

/// Under which the chosen language is kept.
const LANGUAGE_KEY: &str = "gradlens-language";
/// Under which it is kept that text should be large: for a projector.
const LARGE_KEY: &str = "gradlens-large-text";

/// Puts the page into the document.
pub fn start() {
    console_error_panic_hook::set_once();
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        // The sentence and the reload link are in index.html: nothing of this program may be needed to show them.
        if let Some(root) =
            web_sys::window().and_then(|window| window.document()).and_then(|page| page.document_element())
        {
            let _ = root.set_attribute("data-crashed", "");
        }
    }));
    mount_to_body(App);
    if let Some(root) = document().document_element() {
        let _ = root.set_attribute("data-started", "");
    }
}

#[component]
fn App() -> impl IntoView {
    let state = State::new(first_language());
    state.large.set(store::get(LARGE_KEY).as_deref() == Some("yes"));
    let jobs = Jobs::new(state);
    let photo_input = NodeRef::<html::Input>::new();
    let weights_input = NodeRef::<html::Input>::new();
    let dragging = RwSignal::new(false);

    Effect::new(move |_| {
        let language = state.language.get();
        document().set_title(&format!("{} · {}", language.text().title, language.text().tagline));
        if let Some(root) = document().document_element() {
            let _ = root.set_attribute("lang", language.tag());
        }
    });
    Effect::new(move |_| {
        let large = state.large.get();
        store::set(LARGE_KEY, if large { "yes" } else { "" });
        if let Some(root) = document().document_element() {
            let _ = root.set_attribute("data-text", if large { "large" } else { "" });
        }
    });
    take_files_anywhere(jobs, dragging);
    jobs.follow(&Link::parse(&window().location().hash().unwrap_or_default()));
    jobs.start();
    window_event_listener(ev::hashchange, move |_| {
        jobs.follow(&Link::parse(&window().location().hash().unwrap_or_default()));
    });

    let browse_photo = Callback::new(move |()| click(photo_input));
    let browse_weights = Callback::new(move |()| click(weights_input));

    keys::listen(jobs, browse_photo, Callback::new(move |()| switch_language(state)));

    view! {
        <a class="skip" href="#picture">{state.say(|text| text.skip)}</a>
        <header class="top">
            <div class="brand">
                <Lens />
                <div>
                    <h1>{state.say(|text| text.title)}</h1>
                    <p>{state.say(|text| text.tagline)}</p>
                </div>
            </div>
            <notices::AdapterName jobs />
            <tour::Start jobs id="tour-start" />
            <button
                type="button"
                class="quiet"
                data-testid="larger"
                aria-pressed=told(move || state.large.get().to_string())
                aria-label=state.say(|text| text.tools.larger)
                title=state.say(|text| text.tools.larger)
                on:click=act(move || state.large.update(|large| *large = !*large))
            >
                "A+"
            </button>
            <button
                type="button"
                class="quiet"
                data-testid="language"
                lang=told(move || state.language.get().other().tag().to_owned())
                on:click=act(move || switch_language(state))
            >
                {told(move || state.language.get().other().own_name().to_owned())}
            </button>
        </header>

        <main>
            <div class="notices">
                <notices::Complaint jobs browse_photo />
                <notices::Refused jobs />
                <notices::Offer jobs browse_weights />
            </div>
            <div class="desk">
                <div class="column">
                    <model::Chooser jobs />
                    <stage::Stage jobs browse_photo />
                    <model::ModelCard jobs browse_weights />
                </div>
                <div class="column">
                    <tour::Tour jobs />
                    <classes::Classes jobs />
                    <settings::Tracing jobs />
                </div>
            </div>
            <closer::LookCloser jobs />
            <network::Inside jobs />
            <Reading jobs />
        </main>
        <footer>
            {state.say(|text| text.footer)} " "
            // Shown by the styles once start.js knows that the worker has everything.
            <span class="kept">{state.say(|text| text.kept)}</span>
        </footer>

        <input
            type="file"
            class="hidden-input"
            accept="image/*"
            tabindex="-1"
            aria-hidden="true"
            data-testid="photo-input"
            node_ref=photo_input
            on:change=move |event| jobs.open_files(taken(&event_target(&event)))
        />
        <input
            type="file"
            class="hidden-input"
            accept=".safetensors,.pt,.pth,.txt,.json"
            multiple
            tabindex="-1"
            aria-hidden="true"
            data-testid="weights-input"
            node_ref=weights_input
            on:change=move |event| jobs.open_files(taken(&event_target(&event)))
        />
        <div class="drop-veil" class:shown=whether(move || dragging.get()) aria-hidden="true">
            <p>{state.say(|text| text.drop_here)}</p>
        </div>
    }
}

#[component]
fn Lens() -> impl IntoView {
    view! {
        <svg class="lens" viewBox="0 0 40 40" width="40" height="40" aria-hidden="true">
            <circle cx="18" cy="18" r="14" class="glass" />
            <circle cx="18" cy="18" r="9.5" class="warm" />
            <circle cx="18" cy="18" r="5" class="hot" />
            <path d="M28.5 28.5 L36 36" class="handle" />
        </svg>
    }
}

#[component]
fn Reading(jobs: Jobs) -> impl IntoView {
    let state = jobs.state;
    view! {
        <section class="reading">
            <h2>{state.say(|text| text.reading_title)}</h2>
            <tour::Start jobs id="tour-start-below" />
            <div class="questions">
                {part(move || {
                    let answers = state.text().reading.iter();
                    answers
                        .map(|(question, answer)| {
                            view! {
                                <div>
                                    <h3>{*question}</h3>
                                    <p>{*answer}</p>
                                </div>
                            }
                        })
                        .collect_view()
                })}
            </div>
            <keys::Help jobs />
        </section>
    }
}

fn click(input: NodeRef<html::Input>) {
    if let Some(input) = input.get_untracked() {
        input.click();
    }
}

/// A file input's files; it is emptied, so that choosing the same file again is a change again.
fn taken(input: &HtmlInputElement) -> Vec<File> {
    let files = listed(input.files());
    input.set_value("");
    files
}

fn listed(files: Option<FileList>) -> Vec<File> {
    files.map(|files| (0..files.length()).filter_map(|index| files.get(index)).collect()).unwrap_or_default()
}

/// Drop and paste work wherever the pointer is.
fn take_files_anywhere(jobs: Jobs, dragging: RwSignal<bool>) {
    // Dragged text, or a picture dragged from this very page, is not for us; only `Files` are.
    let carries_files = |transfer: Option<DataTransfer>| {
        transfer
            .is_some_and(|transfer| transfer.types().iter().any(|kind| kind.as_string().as_deref() == Some("Files")))
    };
    window_event_listener(ev::dragover, move |event| {
        if carries_files(event.data_transfer()) {
            event.prevent_default();
            dragging.set(true);
        }
    });
    window_event_listener(ev::dragleave, move |event| {
        // Leaving the window, rather than entering a child.
        if event.related_target().is_none() {
            dragging.set(false);
        }
    });
    window_event_listener(ev::drop, move |event| {
        dragging.set(false);
        if carries_files(event.data_transfer()) {
            event.prevent_default();
            jobs.open_files(listed(event.data_transfer().and_then(|transfer| transfer.files())));
        }
    });
    window_event_listener(ev::paste, move |event| {
        let event: web_sys::ClipboardEvent = event.unchecked_into();
        let files = listed(event.clipboard_data().and_then(|transfer| transfer.files()));
        // Text pasted into the search field is not for us either.
        if !files.is_empty() {
            event.prevent_default();
            jobs.open_files(files);
        }
    });
}

fn first_language() -> Language {
    let mut tags: Vec<String> = store::get(LANGUAGE_KEY).into_iter().collect();
    tags.extend(window().navigator().languages().iter().filter_map(|tag| tag.as_string()));
    Language::preferred(tags.iter().map(String::as_str))
}

fn switch_language(state: State) {
    let language = state.language.get_untracked().other();
    state.language.set(language);
    store::set(LANGUAGE_KEY, language.tag());
}
