//! Ready lessons on the sample photos, and the code of a link to what is on show.
//!
//! To add a lesson: a link here, its words in both tables of `i18n/teach.rs`.

use crate::components::glossary::Explained;
use crate::controller::Controller;
use crate::state::tracking::get_until_cleanup;
use leptos::prelude::*;
use qrcode::QrCode;
use qrcode::render::svg;

/// Settings of each lesson, as in a link.
const LINKS: [&str; 7] = [
    "model=efficientnet-lite0&sample=giraffe&target=logit&layer=head&method=grad-cam&fit=whole&view=overlay",
    "model=efficientnet-lite0&sample=cave&target=logit&layer=head&method=grad-cam&fit=whole&view=overlay",
    "model=efficientnet-lite0&sample=castle&target=logit&layer=head&method=grad-cam&fit=whole&view=overlay",
    "model=efficientnet-lite0&sample=dog-cat&target=logit&layer=head&method=grad-cam&fit=whole&view=overlay",
    "model=efficientnet-lite0&sample=dog-cat&class=285&target=against&layer=head&method=grad-cam&fit=whole&view=overlay",
    "model=emoji50&sample=coffee&target=logit&layer=layer4&method=grad-cam&fit=whole&view=overlay",
    "model=emoji50&sample=elephant-mouse&fit=whole&view=overlay&ask=What+is+left+of+the+mouse%3F",
];

/// Smallest side of the code, in pixels of the picture.
const CODE_SIDE: u32 = 240;

#[component]
pub fn Lessons(controller: Controller) -> impl IntoView {
    let state = controller.state;
    let lessons = LINKS
        .into_iter()
        .enumerate()
        .map(|(place, link)| view! { <LessonRow controller place link /> })
        .collect_view();
    view! {
        <p class="hint">{move || state.text().teach.hint}</p>
        <ol class="teach-lessons">{lessons}</ol>
        <h3>{move || state.text().teach.code_title}</h3>
        <p class="hint">{move || state.text().teach.code_hint}</p>
        <Code controller />
    }
}

#[component]
fn LessonRow(controller: Controller, place: usize, link: &'static str) -> impl IntoView {
    let state = controller.state;
    let lesson = move || &state.text().teach.lessons[place];
    view! {
        <li>
            <h3>{move || lesson().title}</h3>
            <p>{move || lesson().question}</p>
            <div class="buttons">
                <button type="button" class="small" data-testid=format!("lesson-{}", place + 1) on:click=move |_| controller.open_lesson(link)>
                    {move || state.text().teach.open}
                </button>
            </div>
            <details class="fold">
                <summary>{move || state.text().teach.notes}</summary>
                <p class="fine"><Explained state words=Signal::derive(move || lesson().notes.to_owned()) /></p>
            </details>
        </li>
    }
}

/// The link to what is on show, as a code; made only while it is shown.
#[component]
fn Code(controller: Controller) -> impl IntoView {
    let state = controller.state;
    let shown = RwSignal::new(false);
    let own_photo =
        move || get_until_cleanup(state.picture).is_some_and(|picture| picture.sample.is_none());
    let code = move || {
        let link = controller.link();
        let drawn = QrCode::new(&link)
            .ok()
            .map(|code| code.render::<svg::Color>().min_dimensions(CODE_SIDE, CODE_SIDE).build());
        // Without the declaration that only a file has.
        let drawn = drawn.and_then(|drawn| Some(drawn[drawn.find("<svg")?..].to_owned()));
        view! {
            <div class="teach-code">
                <div role="img" aria-label=move || state.text().teach.code data-testid="qr" inner_html=drawn></div>
                <p class="fine" data-testid="qr-link">{link}</p>
                {move || own_photo().then(|| view! { <p class="fine">{state.text().teach.own_photo}</p> })}
            </div>
        }
    };
    view! {
        <div class="buttons">
            <button type="button" data-testid="show-qr" aria-expanded=move || shown.get().to_string() on:click=move |_| shown.update(|shown| *shown = !*shown)>
                {move || if shown.get() { state.text().teach.hide_code } else { state.text().teach.show_code }}
            </button>
        </div>
        {move || shown.get().then(code)}
    }
}
