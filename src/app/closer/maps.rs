//! Panels of small pictures: layers, questions, comparisons, fine detail, before and after.

use super::{Axes, MAP, PHOTO, Panel, fused, shown_layers, sides};
use crate::app::asked::{self, NAMES, Rival};
use crate::app::jobs::Jobs;
use crate::app::once::Effect;
use crate::app::picture::{self, Pixels};
use crate::app::state::State;
use crate::app::text::{self, fill};
use crate::app::widgets::{Row, Rows, Segmented, Slider, act, part, pick, tick, told, whether};
use crate::explain::Explanation;
use crate::explain::cam::Method;
use crate::explain::guided::Guided;
use crate::image::heatmap::{self, Look};
use leptos::html;
use leptos::prelude::*;
use std::sync::Arc;

/// Longest side of a small picture.
const SMALL: usize = 320;

/// A canvas, its words for a screen reader, and a caption.
pub fn figure(what: String, caption: String, pixels: Pixels) -> AnyView {
    let canvas = NodeRef::<html::Canvas>::new();
    Effect::new(move |_| {
        if let Some(canvas) = canvas.get() {
            picture::paint(&canvas, &pixels);
        }
    });
    view! {
        <figure data-what=what>
            <canvas role="img" aria-label=caption.clone() node_ref=canvas></canvas>
            <figcaption>{caption.clone()}</figcaption>
        </figure>
    }
    .into_any()
}

/// A heatmap [height, width] over a small copy of the photo.
pub fn over_small(state: State, known: &Explanation) -> Option<Pixels> {
    let picture = state.picture.get()?;
    let look = Look::new(state.colours.get(), 0.6);
    Some(picture::over(&picture.shown.shrunk(SMALL), &picture.full, known, look))
}

pub fn rgb_pixels(rgb: &[u8], width: usize, height: usize) -> Pixels {
    let rgba = rgb.chunks_exact(3).flat_map(|rgb| [rgb[0], rgb[1], rgb[2], 255]).collect();
    Pixels { width, height, rgba }
}

fn method_name(state: State, method: Method) -> &'static str {
    text::method(state.language.get(), method.name()).0
}

/// What differs between the maps of the panel is what they are called by: headings that stand above several, and a caption.
fn called(state: State, map: &Explanation) -> [String; 3] {
    let text = state.text().closer;
    let none = String::new;
    let (class, layer, method) = (state.label(map.class), map.layer.clone(), method_name(state, map.method).to_owned());
    let [first, second, name] = match (state.closer.panel.get_untracked(), state.closer.axes.get_untracked()) {
        (Panel::Targets, _) => [none(), none(), asked::target(&state, map.objective)],
        (Panel::Layers, _) if map.layers.len() > 1 => [none(), none(), fill(text.fused, &[&layer.replace('+', " + ")])],
        (Panel::Layers, _) => [none(), none(), layer],
        (Panel::Compare, Axes::ClassesLayers) => [class, none(), layer],
        (Panel::Compare, Axes::ClassesMethods) => [class, none(), method],
        (Panel::Compare, Axes::MethodsLayers) => [method, none(), layer],
        (Panel::Compare, Axes::All) => [class, layer, method],
        _ => [none(), none(), format!("{method} · {layer}")],
    };
    [first, second, format!("{name} {}", asked::blank(&state, map))]
}

#[component]
pub fn Pictures(state: State) -> impl IntoView {
    let closer = state.closer;
    let figures = move || {
        let maps = closer.found.get().maps;
        let together = closer.panel.get() == Panel::Compare && closer.one_scale.get();
        let scaled = maps.first().filter(|_| together).map(|first| {
            let cams: Vec<_> = maps.iter().map(|map| map.cam.clone()).collect();
            heatmap::on_one_scale(&cams, (first.height, first.width))
        });
        let mut above = [String::new(), String::new()];
        let mut shown = Vec::new();
        for (n, map) in maps.iter().enumerate() {
            let rescaled = scaled.as_ref().map(|maps| Explanation { heatmap: maps[n].clone(), ..(**map).clone() });
            let pixels = over_small(state, rescaled.as_ref().unwrap_or(map))?;
            let what = format!("{} {} {} {}", map.class, map.objective, map.layer, map.method);
            let [first, second, caption] = called(state, map);
            if first != above[0] {
                shown.push(view! { <h3>{first.clone()}</h3> }.into_any());
            }
            if second != above[1] {
                shown.push(view! { <h4>{second.clone()}</h4> }.into_any());
            }
            above = [first, second];
            shown.push(figure(what, caption, pixels));
        }
        Some(shown)
    };
    view! {
        <div class="maps" class:eight=whether(move || matches!(closer.axes.get(), Axes::ClassesMethods | Axes::All)) class:grid=whether(move || closer.panel.get() == Panel::Compare)>
            {part(figures)}
        </div>
    }
}

#[component]
pub fn Layers(jobs: Jobs, again: Callback<()>) -> impl IntoView {
    let state = jobs.state;
    let closer = state.closer;
    let toggle = move |layer: &str, on: bool| {
        closer.fused.update(|fused| {
            fused.retain(|known| known != layer);
            fused.extend(on.then(|| layer.to_owned()));
        });
        again.run(());
    };
    let check = move |layer: String| {
        Row::new(layer.clone(), move || {
            let (chosen, changed) = (layer.clone(), layer.clone());
            view! {
                <label class="check">
                    <input
                        type="checkbox"
                        data-testid=format!("fuse-{layer}")
                        prop:checked=whether(move || closer.fused.with(|fused| fused.contains(&chosen)))
                        on:change=tick(move |on| toggle(&changed, on))
                    />
                    <span>{layer.clone()}</span>
                </label>
            }
        })
    };
    let option =
        |block: String| Row::new(block.clone(), move || view! { <option value=block.clone()>{block.clone()}</option> });
    let others = move || {
        let mut blocks = state.layers.get();
        let shown = shown_layers(state);
        blocks.retain(|block| !shown.contains(block));
        blocks.into_iter().map(option).collect()
    };
    view! {
        <div class="row">
            <span>{state.say(|text| text.closer.fuse)}</span>
            <Rows rows=Arc::new(move || shown_layers(state).into_iter().map(check).collect()) />
            <select
                data-testid="add-block"
                aria-label=state.say(|text| text.closer.add_block)
                prop:value=told(move || {
                    closer.fused.track();
                    String::new()
                })
                on:change=pick(move |block| toggle(&block, true))
            >
                <option value="">{state.say(|text| text.closer.add_block)}</option>
                <Rows rows=Arc::new(others) />
            </select>
            <button
                type="button"
                data-testid="fuse"
                disabled=whether(move || fused(state).is_empty())
                on:click=act(move || jobs.choose_layer(fused(state).join("+")))
            >
                {state.say(|text| text.closer.onto_picture)}
            </button>
        </div>
        <Pictures state />
    }
}

#[component]
pub fn Targets(jobs: Jobs, again: Callback<()>) -> impl IntoView {
    let state = jobs.state;
    let choose = Callback::new(move |class: usize| {
        state.than.set(Some(class));
        again.run(());
        // What the picture is asked may have changed with it.
        if state.objective.get_untracked() == NAMES[2] {
            jobs.ask(NAMES[2]);
        }
    });
    view! {
        <div class="field">
            <span>{state.say(|text| text.closer.than)}</span>
            <Rival state id="than" choose />
        </div>
        <Pictures state />
    }
}

#[component]
pub fn Compare(state: State, again: Callback<()>) -> impl IntoView {
    let closer = state.closer;
    view! {
        <div class="row">
            <Segmented
                state
                name="axes"
                label=|text| text.closer.tabs[2]
                options=vec![
                    (Axes::ClassesLayers.name(), |text| text.closer.axes[0]),
                    (Axes::ClassesMethods.name(), |text| text.closer.axes[1]),
                    (Axes::MethodsLayers.name(), |text| text.closer.axes[2]),
                    (Axes::All.name(), |text| text.closer.axes[3]),
                ]
                value=Arc::new(move || closer.axes.get().name())
                choose=move |name: &'static str| {
                    closer.axes.set(Axes::ALL.into_iter().find(|axes| axes.name() == name).unwrap_or(Axes::ClassesLayers));
                    again.run(());
                }
            />
            <label class="check">
                <input
                    type="checkbox"
                    data-testid="one-scale"
                    prop:checked=whether(move || closer.one_scale.get())
                    on:change=tick(move |on| closer.one_scale.set(on))
                />
                <span>{state.say(|text| text.closer.one_scale)}</span>
            </label>
        </div>
        <Pictures state />
    }
}

#[component]
pub fn Detail(state: State) -> impl IntoView {
    let figures = move || {
        state.closer.found.get().guided.map(|guided| {
            let names = state.text().closer.guided;
            let one = |(n, guided): (usize, &Guided)| {
                let pixels = rgb_pixels(&guided.pixels(), guided.width, guided.height);
                figure(["guided", "guided-cam"][n].to_owned(), names[n].to_owned(), pixels)
            };
            guided.iter().enumerate().map(one).collect_view()
        })
    };
    view! { <div class="maps large">{part(figures)}</div> }
}

#[component]
pub fn Swipe(state: State, again: Callback<()>) -> impl IntoView {
    let closer = state.closer;
    let canvases = [NodeRef::<html::Canvas>::new(), NodeRef::<html::Canvas>::new()];
    Effect::new(move |_| {
        let (Some(picture), Some(shown)) = (state.picture.get(), state.explanation.get()) else { return };
        let mut maps = closer.found.get().maps.into_iter();
        for (canvas, place) in canvases.into_iter().zip(closer.sides.get()) {
            let map = if place == PHOTO { None } else { maps.next().or((place == MAP).then(|| shown.clone())) };
            let pixels = match map {
                Some(map) => picture::over(&picture.shown, &picture.full, &map, state.look()),
                None => picture::plain(&picture.shown),
            };
            if let Some(canvas) = canvas.get() {
                picture::paint(&canvas, &pixels);
            }
        }
    });
    let [below, above] = canvases;
    let choice = |n: usize| {
        let options = move || {
            let option = |(place, words): (usize, String)| {
                view! { <option value=place.to_string() selected=closer.sides.get()[n] == place>{words}</option> }
            };
            sides(state).into_iter().enumerate().map(option).collect_view()
        };
        view! {
            <label class="field">
                <span>{told(move || state.text().closer.sides[n].to_owned())}</span>
                <select
                    data-testid=["left", "right"][n]
                    on:change=pick(move |place| {
                        closer.sides.update(|sides| sides[n] = place.parse().unwrap_or(PHOTO));
                        again.run(());
                    })
                >
                    {part(options)}
                </select>
            </label>
        }
    };
    let called = move |n: usize| told(move || sides(state).swap_remove(closer.sides.get()[n]));
    view! {
        <div class="row">{choice(0)} {choice(1)}</div>
        <div class="drawing swipe">
            <canvas role="img" aria-label=called(0) node_ref=below></canvas>
            <canvas
                role="img"
                aria-label=called(1)
                data-testid="swiped"
                style:clip-path=told(move || format!("inset(0 0 0 {:.1}%)", 100.0 * closer.swipe.get()))
                node_ref=above
            ></canvas>
        </div>
        <Slider state label=|text| text.closer.swipe id="swipe" value=closer.swipe />
    }
}

pub fn percent(share: f32) -> String {
    format!("{:.0} %", 100.0 * share)
}
