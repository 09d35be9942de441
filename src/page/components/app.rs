//! The page as a whole: header, columns, footer; files that are chosen, dropped or pasted.

use super::analysis::AnalysisCard;
use super::classes::Classes;
use super::explanation_settings::ExplanationSettings;
use super::glossary::{Explained, Glossary};
use super::model::{Chooser, ModelCard};
use super::network_view::NetworkView;
use super::presenter::Presenter;
use super::stage::Stage;
use super::teach::Teach;
use super::tour::{StartTour, Tour};
use super::{notices, shortcuts};
use crate::controller::Controller;
use crate::i18n::Language;
use crate::platform::{crash, dropped, pointer, scope, storage};
use crate::state::{State, Way};
use leptos::ev;
use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{DataTransfer, File, FileList, HtmlInputElement};

/// `localStorage` keys.
const LANGUAGE_KEY: &str = "gradlens-language";
const LARGE_KEY: &str = "gradlens-large-text";

/// Puts the page into the document. In a worker it only makes panics readable: the same program
/// serves as the engine there.
pub fn start() {
    console_error_panic_hook::set_once();
    if !scope::is_page() {
        return;
    }
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        crash::show();
    }));
    mount_to_body(App);
    if let Some(root) = document().document_element() {
        let _ = root.set_attribute("data-started", "");
    }
}

#[component]
fn App() -> impl IntoView {
    let state = State::new(first_language(), pointer::is_touch_only());
    state.large.set(storage::get(LARGE_KEY).as_deref() == Some("yes"));
    let controller = Controller::new(state);
    let photo_input = NodeRef::<html::Input>::new();
    let weights_input = NodeRef::<html::Input>::new();
    let dragging = RwSignal::new(false);

    Effect::new(move |_| {
        let language = state.language();
        document().set_title(&format!("{} · {}", language.text().title, language.text().tagline));
        if let Some(root) = document().document_element() {
            let _ = root.set_attribute("lang", language.tag());
        }
    });
    Effect::new(move |_| {
        let large = state.large.get();
        storage::set(LARGE_KEY, if large { "yes" } else { "" });
        if let Some(root) = document().document_element() {
            let _ = root.set_attribute("data-text", if large { "large" } else { "" });
        }
    });
    take_files_anywhere(controller, dragging);
    controller.start();
    window_event_listener(ev::hashchange, move |_| controller.follow_address());

    let browse_photo = Callback::new(move |()| click(photo_input));
    let browse_weights = Callback::new(move |()| click(weights_input));

    shortcuts::listen(controller, browse_photo, Callback::new(move |()| switch_language(state)));

    view! {
        <a class="skip" href="#picture">{move || state.text().skip}</a>
        <header class="page-header">
            <div class="page-brand">
                <Lens />
                <div>
                    <h1>{move || state.text().title}</h1>
                    <p>{move || state.text().tagline}</p>
                </div>
            </div>
            <notices::AdapterName controller />
            <StartTour controller id="tour-start" />
            <button
                type="button"
                class="quiet"
                data-testid="larger"
                aria-pressed=move || state.large.get().to_string()
                aria-label=move || state.text().tools.larger
                title=move || state.text().tools.larger
                on:click=move |_| state.large.update(|large| *large = !*large)
            >
                "A+"
            </button>
            <button
                type="button"
                class="quiet"
                data-testid="language"
                lang=move || state.language().other().tag()
                on:click=move |_| switch_language(state)
            >
                {move || state.language().other().own_name()}
            </button>
        </header>

        <main class:asking=move || state.way.get() != Way::Name>
            <div class="notices">
                <notices::Complaint controller browse_photo browse_weights />
                <notices::Refused controller />
                <notices::Offer controller browse_weights />
            </div>
            <div class="page-columns">
                <div class="page-column">
                    <Chooser controller />
                    <Stage controller browse_photo />
                    <ModelCard controller browse_weights />
                </div>
                <div class="page-column">
                    <Tour controller />
                    <Classes controller />
                    <ExplanationSettings controller />
                </div>
            </div>
            <AnalysisCard controller />
            <NetworkView controller />
            <Teach controller />
            <Reading controller />
        </main>
        <Glossary state />
        <Presenter controller />
        <footer>
            {move || state.text().footer} " "
            // Shown by the styles once start.js knows that the worker has everything.
            <span class="footer-kept">{move || state.text().kept}</span>
        </footer>

        <input
            type="file"
            class="hidden-input"
            accept="image/*"
            tabindex="-1"
            aria-hidden="true"
            data-testid="photo-input"
            node_ref=photo_input
            on:change=move |event| controller.open_files(taken(&event_target(&event)))
        />
        <input
            type="file"
            class="hidden-input"
            accept=".safetensors,.pt,.pth,.ckpt,.bin,.txt,.json"
            multiple
            tabindex="-1"
            aria-hidden="true"
            data-testid="weights-input"
            node_ref=weights_input
            on:change=move |event| controller.open_files(taken(&event_target(&event)))
        />
        <div class="drop-veil" class:shown=move || dragging.get() aria-hidden="true">
            <p>{move || state.text().drop_here}</p>
        </div>
    }
}

#[component]
fn Lens() -> impl IntoView {
    view! {
        <svg class="lens" viewBox="0 0 40 40" width="40" height="40" aria-hidden="true">
            <circle cx="18" cy="18" r="14" class="lens-glass" />
            <circle cx="18" cy="18" r="9.5" class="lens-warm" />
            <circle cx="18" cy="18" r="5" class="lens-hot" />
            <path d="M28.5 28.5 L36 36" class="lens-handle" />
        </svg>
    }
}

#[component]
fn Reading(controller: Controller) -> impl IntoView {
    let state = controller.state;
    view! {
        <section class="reading">
            <h2>{move || state.text().reading_title}</h2>
            <StartTour controller id="tour-start-below" />
            <div class="reading-questions">
                {move || {
                    let answers = state.text().reading.iter();
                    answers
                        .map(|(question, answer)| {
                            view! {
                                <div>
                                    <h3>{*question}</h3>
                                    <p><Explained state words=answer.to_string() /></p>
                                </div>
                            }
                        })
                        .collect_view()
                }}
            </div>
            <shortcuts::Help controller />
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
    files
        .map(|files| (0..files.length()).filter_map(|index| files.get(index)).collect())
        .unwrap_or_default()
}

/// Drop and paste work wherever the pointer is.
fn take_files_anywhere(controller: Controller, dragging: RwSignal<bool>) {
    // Dragged text, or a picture dragged from this very page, is not for us; only `Files` are.
    let carries_files = |transfer: Option<DataTransfer>| {
        transfer.is_some_and(|transfer| {
            transfer.types().iter().any(|kind| kind.as_string().as_deref() == Some("Files"))
        })
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
            let transfer = event.data_transfer();
            match transfer.as_ref().and_then(dropped::folders) {
                Some(entries) => controller.open_folders(entries),
                None => controller.open_files(listed(transfer.and_then(|one| one.files()))),
            }
        }
    });
    window_event_listener(ev::paste, move |event| {
        let event: web_sys::ClipboardEvent = event.unchecked_into();
        let files = listed(event.clipboard_data().and_then(|transfer| transfer.files()));
        // Text pasted into the search field is not for us either.
        if !files.is_empty() {
            event.prevent_default();
            controller.open_files(files);
        }
    });
}

fn first_language() -> Language {
    let mut tags: Vec<String> = storage::get(LANGUAGE_KEY).into_iter().collect();
    tags.extend(window().navigator().languages().iter().filter_map(|tag| tag.as_string()));
    Language::preferred(tags.iter().map(String::as_str))
}

fn switch_language(state: State) {
    let language = state.language.get_untracked().other();
    state.language.set(language);
    storage::set(LANGUAGE_KEY, language.tag());
}
