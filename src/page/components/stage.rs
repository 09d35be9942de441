//! The picture and what belongs to it: choosing a photo, view, opacity, colours, colour bar,
//! saving.

use super::camera_bar::CameraBar;
use super::inspector::{self, Found, Marks, Readout, Tooltip};
use super::own_files::OwnFiles;
use super::status::Status;
use super::tray::Tray;
use crate::components::widgets::{Check, Segmented, Slider};
use crate::controller::Controller;
use crate::controller::export::Export;
use crate::i18n::{Language, Words, fill};
use crate::platform::canvas;
use crate::platform::embedded;
use crate::state::{Picture, State, View};
use gradlens::catalog::models::Sample;
use gradlens::explain::Explanation;
use gradlens::image::Note;
use gradlens::image::heatmap::{ColourMap, Look, describe};
use leptos::ev;
use leptos::html;
use leptos::prelude::*;
use std::sync::Arc;
use wasm_bindgen::JsCast;

/// Photos no wider than this, by their height, have room for the tools beside them on a wide screen.
const BESIDE: f64 = 1.2;

#[component]
pub fn Stage(controller: Controller, browse_photo: Callback<()>) -> impl IntoView {
    let state = controller.state;
    let empty = Memo::new(move |_| state.picture.with(Option::is_none));
    let found = inspector::found(state);
    let words = inspector::readout(state, found);
    // Width by height of the photo: the canvas takes its shape (stage.css).
    let aspect = Memo::new(move |_| {
        let of = |picture: &Picture| picture.size.0 as f64 / picture.size.1 as f64;
        state.picture.with(|picture| picture.as_ref().map(of)).unwrap_or(1.0)
    });
    let beside = move || {
        let has_room = aspect.get() <= BESIDE && !state.large.get();
        has_room && !empty.get() && state.view.get() != View::Both
    };
    view! {
        <section
            class="stage"
            class:empty=move || empty.get()
            class:beside=beside
            style=("--aspect", move || aspect.get().to_string())
            id="picture"
            tabindex="-1"
            aria-label=move || state.text().picture
        >
            <div class="stage-frame">
                <Canvases state found words />
                {move || empty.get().then(|| view! { <Welcome controller browse_photo /> })}
                <BlankNotice state />
                <CameraBar controller />
            </div>
            <Status controller />
            <div class="stage-under">
                <PhotoNotes state />
                <ColourBar state />
                <Tools state />
                <Readout state words />
            </div>
            <div class="stage-bottom">
                <div class="stage-actions">
                    <button type="button" class="strong" on:click=move |_| browse_photo.run(())>
                        {move || if empty.get() { state.text().choose_photo } else { state.text().another_photo }}
                    </button>
                    <button
                        type="button"
                        class="icon"
                        data-testid="camera"
                        title=move || state.text().camera.start
                        aria-label=move || state.text().camera.start
                        on:click=move |_| controller.start_camera()
                    >
                        <CameraIcon />
                    </button>
                    <button type="button" data-testid="save-png" disabled=move || empty.get() on:click=move |_| controller.export(Export::Shown)>
                        {move || state.text().save}
                    </button>
                    <ExportMenu controller />
                </div>
                {move || (!empty.get()).then(|| view! { <Tray controller /> <Samples controller /> })}
                <OwnFiles controller />
            </div>
        </section>
    }
}

#[component]
fn Canvases(state: State, found: Memo<Option<Found>>, words: Memo<String>) -> impl IntoView {
    let overlay = NodeRef::<html::Canvas>::new();
    let photo = NodeRef::<html::Canvas>::new();
    let both = Memo::new(move |_| state.view.get() == View::Both);

    Effect::new(move |_| {
        if let (Some(canvas), Some(picture)) = (overlay.get(), state.picture.get()) {
            canvas::paint(&canvas, &visible(&state, &picture));
        }
    });
    Effect::new(move |_| {
        if let (Some(canvas), Some(picture), true) = (photo.get(), state.picture.get(), both.get())
        {
            canvas::paint(&canvas, &canvas::plain(&picture.shown));
        }
    });

    let described = Memo::new(move |_| match state.shown() {
        Some(explanation) if !state.teach.hides_heatmap() => {
            let method = state.method_of(&explanation);
            let of = fill(
                state.text().overlay_of,
                &[&method, &state.name_of(&explanation), &explanation.layer],
            );
            format!("{of}. {}", in_words(&state, &explanation))
        }
        _ => state.text().plain_photo.to_owned(),
    });
    view! {
        <div class="stage-canvases" class:both=move || both.get() aria-busy=move || state.work.get().is_some().to_string()>
            <canvas class="stage-photo" role="img" aria-label=move || state.text().view_photo node_ref=photo></canvas>
            <div class="stage-pane">
                <canvas data-testid="overlay-canvas" role="img" aria-label=move || described.get() node_ref=overlay></canvas>
                <Marks state found />
                <Tooltip state words />
            </div>
        </div>
    }
}

/// Where the heatmap is strongest, for those who do not see it.
fn in_words(state: &State, explanation: &Explanation) -> String {
    let text = &state.text().tools;
    if explanation.blank {
        return text.described_blank.to_owned();
    }
    let known = describe(&explanation.heatmap, (explanation.height, explanation.width));
    fill(
        text.described,
        &[text.places[known.row][known.column], &format!("{:.0}", 100.0 * known.share)],
    )
}

/// The pixels of the first canvas: only this runs when opacity, colours or view change.
fn visible(state: &State, picture: &Picture) -> canvas::Pixels {
    let (view, look) = (state.view.get(), state.look());
    let look = if view == View::Heatmap { Look { opacity: 1.0, ..look } } else { look };
    match state.shown() {
        Some(explanation) if view != View::Photo && !state.teach.hides_heatmap() => {
            canvas::over(&picture.shown, picture.size, &explanation, look)
        }
        _ => canvas::plain(&picture.shown),
    }
}

#[component]
fn CameraIcon() -> impl IntoView {
    view! {
        <svg viewBox="0 0 20 20" width="20" height="20" aria-hidden="true">
            <path d="M3.5 6h3l1.2-2h4.6l1.2 2h3A1.5 1.5 0 0 1 18 7.5v7a1.5 1.5 0 0 1-1.5 1.5h-13A1.5 1.5 0 0 1 2 14.5v-7A1.5 1.5 0 0 1 3.5 6z" />
            <circle cx="10" cy="10.5" r="3.2" />
        </svg>
    }
}

/// What a first visitor sees in place of a picture.
#[component]
fn Welcome(controller: Controller, browse_photo: Callback<()>) -> impl IntoView {
    let state = controller.state;
    view! {
        <div class="welcome">
            <h2>{move || if state.touch_only { state.text().choose_title } else { state.text().drop_title }}</h2>
            <p>{move || if state.touch_only { state.text().choose_hint } else { state.text().drop_hint }}</p>
            <div class="buttons">
                <button type="button" class="strong" on:click=move |_| browse_photo.run(())>
                    {move || state.text().choose_photo}
                </button>
                <button type="button" data-testid="camera-first" on:click=move |_| controller.start_camera()>
                    {move || state.text().camera.start}
                </button>
            </div>
            <Samples controller />
            <p class="welcome-privacy">{move || state.text().privacy}</p>
        </div>
    }
}

#[component]
fn Samples(controller: Controller) -> impl IntoView {
    let state = controller.state;
    let samples = Memo::new(move |_| state.samples());
    let any = move || samples.with(|samples| !samples.is_empty());
    view! {
        <div class="samples" class:shown=any>
            <p class="hint">{move || state.text().samples}</p>
            <ul>
                <For
                    each=move || samples.get()
                    key=|sample| sample.file.clone()
                    children=move |sample| view! { <OneSample controller sample /> }
                />
            </ul>
        </div>
    }
}

#[component]
fn OneSample(controller: Controller, sample: Sample) -> impl IntoView {
    let state = controller.state;
    let id = format!("sample-{}", sample.id);
    let file = embedded::address(&sample.file);
    let sample = Arc::new(sample);
    let shown = sample.clone();
    let name = move || state.sample_name(&shown);
    let (named, source) = (name.clone(), sample.source.clone());
    view! {
        <li>
            <button
                type="button"
                data-testid=id
                title=move || fill(state.text().sample_title, &[&named(), &source])
                on:click=move |_| controller.open_sample(&sample)
            >
                <img src=file alt="" loading="lazy" />
                <span>{name}</span>
            </button>
        </li>
    }
}

#[component]
fn Tools(state: State) -> impl IntoView {
    view! {
        <div class="view-tools">
            <Segmented
                state
                name="view"
                label=|text| text.view
                options=vec![
                    (View::Overlay.name(), |text| text.view_overlay),
                    (View::Photo.name(), |text| text.view_photo),
                    (View::Heatmap.name(), |text| text.view_heatmap),
                    (View::Both.name(), |text| text.view_both),
                ]
                value=Signal::derive(move || state.view.get().name())
                choose=move |name| state.view.set(View::from_name(name).unwrap_or(View::Overlay))
            />
            <Slider state label=|text| text.opacity id="opacity" value=state.opacity />
        </div>
        <details class="fold">
            <summary>{move || state.text().tools.more}</summary>
            <div class="view-tools">
                <Slider state label=|text| text.tools.threshold id="threshold" value=state.threshold />
                <Check
                    attr:title=move || state.text().tools.contours
                    state
                    label=|text| text.tools.contours
                    id="contours"
                    checked=state.contours
                    change=move |on| state.contours.set(on)
                />
            </div>
            <p class="fine">{move || state.text().tools.threshold_hint}</p>
        </details>
    }
}

#[component]
fn Swatches(state: State) -> impl IntoView {
    let choices = ColourMap::ALL
        .into_iter()
        .enumerate()
        .map(|(place, colours)| {
            let named = move || state.text().colour_names[place];
            view! {
                <label title=named>
                    <input
                        type="radio"
                        name="colours"
                        value=colours.name()
                        aria-label=named
                        prop:checked=move || state.colours.get() == colours
                        on:change=move |_| state.colours.set(colours)
                    />
                    <Ramp colours=colours />
                </label>
            }
        })
        .collect_view();
    view! {
        <fieldset class="swatches" data-testid="colours" aria-label=move || state.text().colours>
            {choices}
        </fieldset>
    }
}

/// Everything else that one may take away; folded, since most want the picture.
#[component]
fn ExportMenu(controller: Controller) -> impl IntoView {
    let state = controller.state;
    let ways: [(Export, &str, Words); 6] = [
        // On a phone only, whose bar has no room for a button of its own.
        (Export::Shown, "out-shown", |text| text.save),
        (Export::Heatmap, "out-heatmap", |text| text.tools.out_heatmap),
        (Export::Captioned, "out-captioned", |text| text.tools.out_captioned),
        (Export::Raw, "out-raw", |text| text.tools.out_raw),
        (Export::Copy, "out-copy", |text| text.tools.out_copy),
        (Export::Link, "out-link", |text| text.tools.out_link),
    ];
    let buttons = ways
        .into_iter()
        .map(|(way, id, words)| {
            view! {
                <button
                    type="button"
                    class="quiet"
                    data-testid=id
                    disabled=move || state.shown().is_none()
                    on:click=move |_| controller.export(way)
                >
                    {move || words(state.text())}
                </button>
            }
        })
        .collect_view();
    // Escape and a click elsewhere close it, as with every menu.
    let menu = NodeRef::<html::Details>::new();
    let close_if = move |outside: &dyn Fn(&web_sys::HtmlDetailsElement) -> bool| {
        if let Some(menu) = menu.get_untracked().filter(|menu| menu.open() && outside(menu)) {
            menu.set_open(false);
        }
    };
    let on_key = window_event_listener(ev::keydown, move |event| {
        if event.key() == "Escape" {
            close_if(&|_| true);
        }
    });
    let on_pointer = window_event_listener(ev::pointerdown, move |event| {
        let target: Option<web_sys::Node> =
            event.target().and_then(|target| target.dyn_into().ok());
        close_if(&|menu| !menu.contains(target.as_ref()));
    });
    on_cleanup(move || {
        on_key.remove();
        on_pointer.remove();
    });
    view! {
        <details class="export-menu" node_ref=menu>
            <summary data-testid="out">{move || state.text().tools.out}</summary>
            <div>
                {buttons} <p class="fine">{move || state.text().tools.out_link_hint}</p>
                <p class="fine export-toast" role="status" data-testid="word">
                    {move || state.toast.get().map(|words| words(state.text())).unwrap_or_default().to_owned()}
                </p>
            </div>
        </details>
    }
}

/// A colour table as a strip.
#[component]
fn Ramp(#[prop(into)] colours: Signal<ColourMap>) -> impl IntoView {
    let canvas = NodeRef::<html::Canvas>::new();
    Effect::new(move |_| {
        if let Some(canvas) = canvas.get() {
            canvas::paint(&canvas, &canvas::ramp(colours.get()));
        }
    });
    view! { <canvas class="colour-ramp" aria-hidden="true" node_ref=canvas></canvas> }
}

/// A sentence about what the warm places of the heatmap do, and at which layer.
fn evidence_sentence(state: &State, words: Words) -> String {
    let said =
        |known: &Explanation| fill(words(state.text()), &[&state.evidence(known), &known.layer]);
    state.shown().as_deref().map(said).unwrap_or_default()
}

/// What is odd about the photo: colours that aren't sRGB, a 16-bit picture that is nearly black.
#[component]
fn PhotoNotes(state: State) -> impl IntoView {
    let notes = move || {
        let notes = state
            .picture
            .with(|picture| picture.as_ref().map(|picture| picture.shown.notes.clone()));
        let words = |note: Note| match state.language() {
            Language::English => note.to_string(),
            Language::Chinese => note.chinese(),
        };
        notes
            .unwrap_or_default()
            .into_iter()
            .map(|note| view! { <p class="fine" data-testid="photo-note">{words(note)}</p> })
            .collect_view()
    };
    view! { <div role="status">{notes}</div> }
}

/// That the heatmap is empty, and that this is the answer. Over the picture, so that nothing below
/// it moves.
#[component]
fn BlankNotice(state: State) -> impl IntoView {
    let blank = Memo::new(move |_| {
        let blank = state.shown().is_some_and(|known| known.blank);
        blank && !state.teach.hides_heatmap()
    });
    let notice = move || {
        view! {
            <p class="stage-blank" role="status" data-testid="blank">
                {move || evidence_sentence(&state, |text| text.blank)}
            </p>
        }
    };
    move || blank.get().then(notice)
}

/// What the colours mean, in plain words, and what the map is made of.
#[component]
fn ColourBar(state: State) -> impl IntoView {
    let caption = move || {
        let explanation = state.shown()?;
        let method = state.method_of(&explanation);
        let (width, height) =
            (explanation.cam.width.to_string(), explanation.cam.height.to_string());
        let caption = fill(state.text().caption, &[&method, &explanation.layer, &width, &height]);
        let asked = state.objective_of(&explanation);
        Some(if asked.is_empty() { caption } else { format!("{asked} · {caption}") })
    };
    view! {
        <div class="colour-bar" class:shown=move || state.shown().is_some() && !state.teach.hides_heatmap()>
            <div class="colour-bar-row">
                <span>{move || state.text().bar_low}</span>
                <Ramp colours=state.colours />
                <span>{move || state.text().bar_high}</span>
                <Swatches state />
            </div>
            <p class="fine" data-testid="in-words">
                {move || evidence_sentence(&state, |text| text.bar_note)} " "
                {move || state.shown().map(|known| in_words(&state, &known)).unwrap_or_default()} " "
                {move || caption().unwrap_or_default()}
            </p>
        </div>
    }
}
