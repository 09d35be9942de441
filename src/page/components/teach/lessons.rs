//! The lessons of `lessons/lessons.json`, and the code of a link to what is on show.

use crate::components::glossary::Explained;
use crate::controller::Controller;
use crate::i18n::sentence;
use crate::state::tracking::get_until_cleanup;
use gradlens::catalog::lessons::Lesson;
use leptos::prelude::*;
use qrcode::QrCode;
use qrcode::render::svg;

/// Smallest side of the code, in pixels of the picture.
const CODE_SIDE: u32 = 240;

#[component]
pub fn Lessons(controller: Controller) -> impl IntoView {
    let state = controller.state;
    // With the first look at the card.
    Effect::new(move |_| {
        if state.teach.open.get() {
            controller.load_lessons();
        }
    });
    let list = move || match state.teach.lessons.get() {
        None => ().into_any(),
        Some(Ok(lessons)) => {
            // Of models that this copy of the page can open.
            let listed = |lesson: &Lesson| lesson.model().is_some_and(|id| state.is_listed(&id));
            let rows = lessons.iter().enumerate().filter(|(_, lesson)| listed(lesson));
            let row = |(place, lesson): (usize, &Lesson)| {
                view! { <LessonRow controller place lesson=lesson.clone() /> }
            };
            view! { <ol class="teach-lessons">{rows.map(row).collect_view()}</ol> }.into_any()
        }
        Some(Err(fault)) => view! {
            <p data-testid="lessons-fault">{move || sentence(state.language(), &fault)}</p>
            <div class="buttons">
                <button type="button" class="small" on:click=move |_| controller.load_lessons()>
                    {move || state.text().retry}
                </button>
            </div>
        }
        .into_any(),
    };
    view! {
        <p class="hint">{move || state.text().teach.hint}</p>
        {list}
        <h3>{move || state.text().teach.code_title}</h3>
        <p class="hint">{move || state.text().teach.code_hint}</p>
        <Code controller />
    }
}

#[component]
fn LessonRow(controller: Controller, place: usize, lesson: Lesson) -> impl IntoView {
    let state = controller.state;
    let lesson = StoredValue::new(lesson);
    let words = move |of: fn(&Lesson) -> (&str, &Option<String>)| {
        lesson.with_value(|lesson| {
            let (english, chinese) = of(lesson);
            state.language().choose(english, chinese.as_deref()).to_owned()
        })
    };
    let notes = Signal::derive(move || words(|lesson| (&lesson.notes, &lesson.notes_zh)));
    view! {
        <li>
            <h3>{move || words(|lesson| (&lesson.title, &lesson.title_zh))}</h3>
            <p>{move || words(|lesson| (&lesson.question, &lesson.question_zh))}</p>
            <div class="buttons">
                <button type="button" class="small" data-testid=format!("lesson-{}", place + 1) on:click=move |_| lesson.with_value(|lesson| controller.open_lesson(lesson))>
                    {move || state.text().teach.open}
                </button>
            </div>
            <details class="fold">
                <summary>{move || state.text().teach.notes}</summary>
                <p class="fine"><Explained state words=notes /></p>
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
