//! The picture and what belongs to it: ways in, view, opacity, colours, colour bar, saving.

use super::jobs::Jobs;
use super::notices::Status;
use super::picture;
use super::state::{Picture, State, View};
use super::text::{self, fill};
use super::widgets::Segmented;
use crate::heatmap::ColourMap;
use leptos::html;
use leptos::prelude::*;

#[component]
pub fn Stage(jobs: Jobs, browse_photo: Callback<()>) -> impl IntoView {
    let state = jobs.state;
    let empty = Memo::new(move |_| state.picture.with(Option::is_none));
    view! {
        <section
            class="stage"
            class:empty=move || empty.get()
            id="picture"
            tabindex="-1"
            aria-label=move || state.text().picture
        >
            <div class="frame">
                <Canvases state />
                <Show when=move || empty.get()>
                    <Welcome jobs browse_photo />
                </Show>
            </div>
            <Status jobs />
            <div class="under">
                <ColourBar state />
                <Tools state />
            </div>
            <div class="ways">
                <div class="actions">
                    <button type="button" class="strong" on:click=move |_| browse_photo.run(())>
                        {move || if empty.get() { state.text().choose_photo } else { state.text().another_photo }}
                    </button>
                    <button type="button" data-testid="save-png" disabled=move || empty.get() on:click=move |_| jobs.save()>
                        {move || state.text().save}
                    </button>
                </div>
                <Show when=move || !empty.get()>
                    <Samples jobs />
                </Show>
            </div>
        </section>
    }
}

#[component]
fn Canvases(state: State) -> impl IntoView {
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
                fill(state.text().overlay_of, &[name, &state.label(explanation.class), &explanation.layer])
            }
            None => state.text().plain_photo.to_owned(),
        })
    });
    view! {
        <div class="canvases" class:both=move || both.get() aria-busy=move || state.work.get().is_some().to_string()>
            <canvas class="second" role="img" aria-label=move || state.text().view_photo node_ref=photo></canvas>
            <canvas data-testid="overlay-canvas" role="img" aria-label=described node_ref=overlay></canvas>
        </div>
    }
}

/// The pixels of the first canvas: only this runs when opacity, colours or view change.
fn visible(state: &State, picture: &Picture) -> picture::Pixels {
    let (view, colours) = (state.view.get(), state.colours.get());
    let opacity = match view {
        View::Heatmap => 1.0,
        _ => state.opacity.get(),
    };
    match state.explanation.get() {
        Some(explanation) if view != View::Photo => {
            picture::over(&picture.shown, &picture.full, &explanation, colours, opacity)
        }
        _ => picture::plain(&picture.shown),
    }
}

/// What a first visitor sees in place of a picture.
#[component]
fn Welcome(jobs: Jobs, browse_photo: Callback<()>) -> impl IntoView {
    let state = jobs.state;
    view! {
        <div class="welcome">
            <h2>{move || state.text().drop_title}</h2>
            <p>{move || state.text().drop_hint}</p>
            <button type="button" class="strong" on:click=move |_| browse_photo.run(())>
                {move || state.text().choose_photo}
            </button>
            <Samples jobs />
            <p class="privacy">{move || state.text().privacy}</p>
        </div>
    }
}

#[component]
fn Samples(jobs: Jobs) -> impl IntoView {
    let state = jobs.state;
    let samples = Memo::new(move |_| state.samples());
    let any = move || samples.with(|samples| !samples.is_empty());
    view! {
        <div class="samples" class:shown=any>
            <p class="hint">{move || state.text().samples}</p>
            <ul>
                <For
                    each=move || samples.get()
                    key=|sample| sample.file.clone()
                    children=move |sample| {
                        let shown = sample.clone();
                        let name = move || {
                            state.language.get().choose(&shown.name, shown.name_zh.as_deref()).to_owned()
                        };
                        let named = name.clone();
                        let source = sample.source.clone();
                        view! {
                            <li>
                                <button
                                    type="button"
                                    data-testid=format!("sample-{}", sample.id)
                                    title=move || fill(state.text().sample_title, &[&named(), &source])
                                    on:click={
                                        let sample = sample.clone();
                                        move |_| jobs.open_sample(&sample)
                                    }
                                >
                                    <img src=sample.file.clone() alt="" loading="lazy" />
                                    <span>{name}</span>
                                </button>
                            </li>
                        }
                    }
                />
            </ul>
        </div>
    }
}

#[component]
fn Tools(state: State) -> impl IntoView {
    view! {
        <div class="tools">
            <Segmented
                state
                name="view"
                label=Signal::derive(move || state.text().view.to_owned())
                options=vec![
                    (View::Overlay, |text| text.view_overlay),
                    (View::Photo, |text| text.view_photo),
                    (View::Heatmap, |text| text.view_heatmap),
                    (View::Both, |text| text.view_both),
                ]
                id=View::name
                value=state.view
                choose=move |view| state.view.set(view)
            />
            <label class="slider">
                <span>{move || state.text().opacity}</span>
                <input
                    type="range"
                    min="0"
                    max="1"
                    step="0.01"
                    data-testid="opacity"
                    aria-valuetext=move || percent(state.opacity.get())
                    prop:value=move || state.opacity.get().to_string()
                    on:input:target=move |event| {
                        if let Ok(opacity) = event.target().value().parse::<f32>() {
                            state.opacity.set(opacity.clamp(0.0, 1.0));
                        }
                    }
                />
                <output>{move || percent(state.opacity.get())}</output>
            </label>
        </div>
    }
}

#[component]
fn Swatches(state: State) -> impl IntoView {
    let choices = ColourMap::ALL
        .into_iter()
        .enumerate()
        .map(|(place, colours)| {
            view! {
                <label title=move || state.text().colour_names[place]>
                    <input
                        type="radio"
                        name="colours"
                        value=colours.name()
                        aria-label=move || state.text().colour_names[place]
                        prop:checked=move || state.colours.get() == colours
                        on:change=move |_| state.colours.set(colours)
                    />
                    <Ramp colours=Signal::stored(colours) />
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

fn percent(share: f32) -> String {
    format!("{:.0} %", 100.0 * share)
}

/// A colour table as a strip.
#[component]
fn Ramp(colours: Signal<ColourMap>) -> impl IntoView {
    let canvas = NodeRef::<html::Canvas>::new();
    Effect::new(move |_| {
        if let Some(canvas) = canvas.get() {
            picture::paint(&canvas, &picture::ramp(colours.get()));
        }
    });
    view! { <canvas class="ramp" aria-hidden="true" node_ref=canvas></canvas> }
}

/// What the colours mean, in plain words, and what the map is made of.
#[component]
fn ColourBar(state: State) -> impl IntoView {
    let blank = Memo::new(move |_| state.explanation.with(|known| known.as_ref().is_some_and(|known| known.blank)));
    let class = move || state.explanation.with(|known| known.as_ref().map(|known| state.label(known.class)));
    let caption = move || {
        state.explanation.with(|explanation| {
            let explanation = explanation.as_ref()?;
            let (name, _) = text::method(state.language.get(), &explanation.method.to_string());
            let (width, height) = (explanation.cam.width.to_string(), explanation.cam.height.to_string());
            Some(fill(state.text().caption, &[name, &explanation.layer, &width, &height]))
        })
    };
    view! {
        <div class="meaning" class:shown=move || state.explanation.with(Option::is_some)>
            <Show when=move || blank.get()>
                <p class="blank" role="status" data-testid="blank">
                    {move || fill(state.text().blank, &[&class().unwrap_or_default()])}
                </p>
            </Show>
            <div class="bar-row">
                <span>{move || state.text().bar_low}</span>
                <Ramp colours=state.colours.into() />
                <span>{move || state.text().bar_high}</span>
                <Swatches state />
            </div>
            <p class="fine">
                {move || class().map(|class| fill(state.text().bar_note, &[&class]))} " " {caption}
            </p>
        </div>
    }
}
