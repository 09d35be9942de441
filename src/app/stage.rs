//! The picture and what belongs to it: ways in, view, opacity, colours, colour bar, saving.

use super::asked;
use super::camera::CameraBar;
use super::inside;
use super::jobs::Jobs;
use super::notices::Status;
use super::once::{Effect, Memo};
use super::picture::{self, Way};
use super::probe::{self, Found, Marks, Readout};
use super::state::{Picture, State, View};
use super::text::{self, Words, fill};
use super::tray::Tray;
use super::widgets::{Row, Rows, Segmented, Slider, act, part, tick, told, whether};
use crate::catalog::models::Sample;
use crate::explain::Explanation;
use crate::image::heatmap::{ColourMap, Look, describe};
use leptos::html;
use leptos::prelude::*;
use std::sync::Arc;

#[component]
pub fn Stage(jobs: Jobs, browse_photo: Callback<()>) -> impl IntoView {
    let state = jobs.state;
    let empty = Memo::new(move |_| state.picture.with(Option::is_none));
    let found = probe::found(state);
    view! {
        <section
            class="stage"
            class:empty=whether(move || empty.get())
            id="picture"
            tabindex="-1"
            aria-label=state.say(|text| text.picture)
        >
            <div class="frame">
                <Canvases state found />
                {part(move || empty.get().then(|| view! { <Welcome jobs browse_photo /> }))}
                <CameraBar jobs />
            </div>
            <Status jobs />
            <div class="under">
                <ColourBar state />
                <Tools state />
                <Readout state found />
            </div>
            <div class="ways">
                <div class="actions">
                    <button type="button" class="strong" on:click=act(move || browse_photo.run(()))>
                        {told(move || if empty.get() { state.text().choose_photo } else { state.text().another_photo }.to_owned())}
                    </button>
                    <button
                        type="button"
                        class="icon"
                        data-testid="camera"
                        title=state.say(|text| text.camera.start)
                        aria-label=state.say(|text| text.camera.start)
                        on:click=act(move || jobs.start_camera())
                    >
                        <CameraIcon />
                    </button>
                    <button type="button" data-testid="save-png" disabled=whether(move || empty.get()) on:click=act(move || jobs.take(Way::Shown))>
                        {state.say(|text| text.save)}
                    </button>
                    <WaysOut jobs />
                </div>
                {part(move || (!empty.get()).then(|| view! { <Tray jobs /> <Samples jobs /> }))}
            </div>
        </section>
    }
}

#[component]
fn Canvases(state: State, found: Memo<Option<Found>>) -> impl IntoView {
    let overlay = NodeRef::<html::Canvas>::new();
    let photo = NodeRef::<html::Canvas>::new();
    let both = Memo::new(move |_| state.view.get() == View::Both);

    Effect::new(move |_| {
        if let (Some(canvas), Some(picture)) = (overlay.get(), state.picture.get()) {
            picture::paint(&canvas, &visible(&state, &picture));
        }
    });
    Effect::new(move |_| {
        if let (Some(canvas), Some(picture), true) = (photo.get(), state.picture.get(), both.get()) {
            picture::paint(&canvas, &picture::plain(&picture.shown));
        }
    });

    let described = Memo::new(move |_| {
        state.explanation.with(|explanation| match explanation {
            Some(explanation) => {
                let (name, _) = text::method(state.language.get(), &explanation.method.to_string());
                let of = fill(state.text().overlay_of, &[name, &state.label(explanation.class), &explanation.layer]);
                format!("{of}. {}", in_words(&state, explanation))
            }
            None => state.text().plain_photo.to_owned(),
        })
    });
    view! {
        <div class="canvases" class:both=whether(move || both.get()) aria-busy=told(move || state.work.get().is_some().to_string())>
            <canvas class="second" role="img" aria-label=state.say(|text| text.view_photo) node_ref=photo></canvas>
            <div class="pane">
                <canvas data-testid="overlay-canvas" role="img" aria-label=told(move || described.get()) node_ref=overlay></canvas>
                <Marks state found />
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
    fill(text.described, &[text.places[known.row][known.column], &format!("{:.0}", 100.0 * known.share)])
}

/// The pixels of the first canvas: only this runs when opacity, colours or view change.
fn visible(state: &State, picture: &Picture) -> picture::Pixels {
    let (view, look) = (state.view.get(), state.look());
    let look = if view == View::Heatmap { Look { opacity: 1.0, ..look } } else { look };
    match state.explanation.get() {
        Some(explanation) if view != View::Photo => picture::over(&picture.shown, &picture.full, &explanation, look),
        _ => picture::plain(&picture.shown),
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
fn Welcome(jobs: Jobs, browse_photo: Callback<()>) -> impl IntoView {
    let state = jobs.state;
    view! {
        <div class="welcome">
            <h2>{state.say(|text| text.drop_title)}</h2>
            <p>{state.say(|text| text.drop_hint)}</p>
            <div class="buttons">
                <button type="button" class="strong" on:click=act(move || browse_photo.run(()))>
                    {state.say(|text| text.choose_photo)}
                </button>
                <button type="button" data-testid="camera-first" on:click=act(move || jobs.start_camera())>
                    {state.say(|text| text.camera.start)}
                </button>
            </div>
            <Samples jobs />
            <p class="privacy">{state.say(|text| text.privacy)}</p>
        </div>
    }
}

#[component]
fn Samples(jobs: Jobs) -> impl IntoView {
    let state = jobs.state;
    let samples = Memo::new(move |_| state.samples());
    let any = move || samples.with(|samples| !samples.is_empty());
    view! {
        <div class="samples" class:shown=whether(any)>
            <p class="hint">{state.say(|text| text.samples)}</p>
            <ul>
                <Rows rows=Arc::new(move || {
                    let row = |sample: Sample| {
                        Row::new(sample.file.clone(), move || view! { <OneSample jobs sample=sample.clone() /> })
                    };
                    samples.get().into_iter().map(row).collect()
                }) />
            </ul>
        </div>
    }
}

#[component]
fn OneSample(jobs: Jobs, sample: Sample) -> impl IntoView {
    let state = jobs.state;
    let id = format!("sample-{}", sample.id);
    let file = inside::address(&sample.file);
    let sample = Arc::new(sample);
    let shown = sample.clone();
    let name = told(move || state.language.get().choose(&shown.name, shown.name_zh.as_deref()).to_owned());
    let (named, source) = (name.clone(), sample.source.clone());
    view! {
        <li>
            <button
                type="button"
                data-testid=id
                title=told(move || fill(state.text().sample_title, &[&named(), &source]))
                on:click=act(move || jobs.open_sample(&sample))
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
        <div class="tools">
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
                value=Arc::new(move || state.view.get().name())
                choose=move |name| state.view.set(View::named(name))
            />
            <Slider state label=|text| text.opacity id="opacity" value=state.opacity />
        </div>
        <details class="fold">
            <summary>{state.say(|text| text.tools.more)}</summary>
            <div class="tools">
                <Slider state label=|text| text.tools.threshold id="threshold" value=state.threshold />
                <label class="check" title=state.say(|text| text.tools.contours)>
                    <input
                        type="checkbox"
                        data-testid="contours"
                        prop:checked=whether(move || state.contours.get())
                        on:change=tick(move |on| state.contours.set(on))
                    />
                    <span>{state.say(|text| text.tools.contours)}</span>
                </label>
            </div>
            <p class="fine">{state.say(|text| text.tools.threshold_hint)}</p>
        </details>
    }
}

#[component]
fn Swatches(state: State) -> impl IntoView {
    let choices = ColourMap::ALL
        .into_iter()
        .enumerate()
        .map(|(place, colours)| {
            let named = told(move || state.text().colour_names[place].to_owned());
            view! {
                <label title=named.clone()>
                    <input
                        type="radio"
                        name="colours"
                        value=colours.name()
                        aria-label=named.clone()
                        prop:checked=whether(move || state.colours.get() == colours)
                        on:change=tick(move |_| state.colours.set(colours))
                    />
                    <Ramp colours=Arc::new(move || colours) />
                </label>
            }
        })
        .collect_view();
    view! {
        <fieldset class="swatches" data-testid="colours" aria-label=state.say(|text| text.colours)>
            {choices}
        </fieldset>
    }
}

/// Everything else that one may take away; folded, since most want the picture.
#[component]
fn WaysOut(jobs: Jobs) -> impl IntoView {
    let state = jobs.state;
    let ways: [(Way, &str, Words); 6] = [
        // On a phone only, whose bar has no room for a button of its own.
        (Way::Shown, "out-shown", |text| text.save),
        (Way::Heatmap, "out-heatmap", |text| text.tools.out_heatmap),
        (Way::Captioned, "out-captioned", |text| text.tools.out_captioned),
        (Way::Raw, "out-raw", |text| text.tools.out_raw),
        (Way::Copy, "out-copy", |text| text.tools.out_copy),
        (Way::Link, "out-link", |text| text.tools.out_link),
    ];
    let buttons = ways
        .into_iter()
        .map(|(way, id, words)| {
            view! {
                <button
                    type="button"
                    class="quiet"
                    data-testid=id
                    disabled=whether(move || state.explanation.with(Option::is_none))
                    on:click=act(move || jobs.take(way))
                >
                    {state.say(words)}
                </button>
            }
        })
        .collect_view();
    view! {
        <details class="menu">
            <summary data-testid="out">{state.say(|text| text.tools.out)}</summary>
            <div>
                {buttons} <p class="fine">{state.say(|text| text.tools.out_link_hint)}</p>
                <p class="fine word" role="status" data-testid="word">
                    {told(move || state.word.get().map(|words| words(state.text())).unwrap_or_default().to_owned())}
                </p>
            </div>
        </details>
    }
}

/// A colour table as a strip.
#[component]
fn Ramp(colours: Arc<dyn Fn() -> ColourMap>) -> impl IntoView {
    let canvas = NodeRef::<html::Canvas>::new();
    Effect::new(move |_| {
        if let Some(canvas) = canvas.get() {
            picture::paint(&canvas, &picture::ramp(colours()));
        }
    });
    view! { <canvas class="ramp" aria-hidden="true" node_ref=canvas></canvas> }
}

/// What the colours mean, in plain words, and what the map is made of.
#[component]
fn ColourBar(state: State) -> impl IntoView {
    let blank = Memo::new(move |_| state.explanation.with(|known| known.as_ref().is_some_and(|known| known.blank)));
    // A sentence about what the warm places do, and where.
    let about = move |words: Words| {
        told(move || {
            let said = |known: &Explanation| fill(words(state.text()), &[&asked::speaks(&state, known), &known.layer]);
            state.explanation.with(|known| known.as_deref().map(said).unwrap_or_default())
        })
    };
    let caption = move || {
        state.explanation.with(|explanation| {
            let explanation = explanation.as_ref()?;
            let (name, _) = text::method(state.language.get(), &explanation.method.to_string());
            let (width, height) = (explanation.cam.width.to_string(), explanation.cam.height.to_string());
            let caption = fill(state.text().caption, &[name, &explanation.layer, &width, &height]);
            let asked = asked::words(&state, explanation.objective);
            Some(if asked.is_empty() { caption } else { format!("{asked} · {caption}") })
        })
    };
    view! {
        <div class="meaning" class:shown=whether(move || state.explanation.with(Option::is_some))>
            {part(move || blank.get().then(|| view! {
                <p class="blank" role="status" data-testid="blank">
                    {about(|text| text.blank)}
                </p>
            }))}
            <div class="bar-row">
                <span>{state.say(|text| text.bar_low)}</span>
                <Ramp colours=Arc::new(move || state.colours.get()) />
                <span>{state.say(|text| text.bar_high)}</span>
                <Swatches state />
            </div>
            <p class="fine" data-testid="in-words">
                {about(|text| text.bar_note)} " "
                {told(move || state.explanation.with(|known| known.as_ref().map(|known| in_words(&state, known)).unwrap_or_default()))} " "
                {told(move || caption().unwrap_or_default())}
            </p>
        </div>
    }
}
