//! Panels of small pictures: layers, questions, comparisons, fine detail, before and after.

use super::{Axes, Panel, than};
use crate::app::once::Effect;
use crate::app::picture::{self, Pixels};
use crate::app::state::State;
use crate::app::text::{self, fill};
use crate::app::widgets::{Segmented, Slider, part, told, whether};
use crate::cam::Method;
use crate::explain::Explanation;
use crate::guided::Guided;
use crate::heatmap::{self, Look};
use crate::objective::Objective;
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

/// What differs between the maps of the panel is what they are called by.
fn called(state: State, map: &Explanation) -> String {
    let text = state.text().closer;
    let blank = if map.blank { text.blank } else { "" };
    let name = match (state.closer.panel.get_untracked(), map.objective) {
        (Panel::Targets, Objective::Logit) => text.targets[0].to_owned(),
        (Panel::Targets, Objective::Probability) => text.targets[1].to_owned(),
        (Panel::Targets, Objective::Contrast { than }) => fill(text.targets[2], &[&state.label(than)]),
        (Panel::Targets, Objective::Against) => text.targets[3].to_owned(),
        (Panel::Layers, _) if map.layers.len() > 1 => text.fused.to_owned(),
        (Panel::Layers, _) => map.layer.clone(),
        (Panel::Compare, _) => {
            let (class, method) = (state.label(map.class), method_name(state, map.method));
            match state.closer.axes.get_untracked() {
                Axes::ClassesLayers => format!("{class} · {}", map.layer),
                Axes::ClassesMethods => format!("{class} · {method}"),
                Axes::MethodsLayers => format!("{method} · {}", map.layer),
            }
        }
        _ => format!("{} · {}", method_name(state, map.method), map.layer),
    };
    format!("{name} {blank}")
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
        let shown = |(n, map): (usize, &Arc<Explanation>)| {
            let rescaled = scaled.as_ref().map(|maps| Explanation { heatmap: maps[n].clone(), ..(**map).clone() });
            let pixels = over_small(state, rescaled.as_ref().unwrap_or(map))?;
            let what = format!("{} {} {} {}", map.class, map.objective, map.layer, map.method);
            Some(figure(what, called(state, map), pixels))
        };
        maps.iter().enumerate().filter_map(shown).collect_view()
    };
    view! {
        <div class="maps" class:eight=whether(move || closer.axes.get() == Axes::ClassesMethods) class:grid=whether(move || closer.panel.get() == Panel::Compare)>
            {part(figures)}
        </div>
    }
}

#[component]
pub fn Targets(state: State, again: Callback<()>) -> impl IntoView {
    let closer = state.closer;
    let options = move || {
        let class = state.explanation.with(|known| known.as_ref().map(|known| known.class));
        let chosen = than(state);
        let others = state.ranking().into_iter().map(|(_, score)| score.class).filter(|&other| Some(other) != class);
        others
            .map(|other| view! { <option value=other.to_string() selected=chosen == Some(other)>{state.label(other)}</option> })
            .collect_view()
    };
    view! {
        <label class="field">
            <span>{state.say(|text| text.closer.than)}</span>
            <select
                data-testid="than"
                on:change:target=move |event| {
                    closer.than.set(event.target().value().parse().ok());
                    again.run(());
                }
            >
                {part(options)}
            </select>
        </label>
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
                    on:change:target=move |event| closer.one_scale.set(event.target().checked())
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
pub fn Swipe(state: State) -> impl IntoView {
    let closer = state.closer;
    let (below, above) = (NodeRef::<html::Canvas>::new(), NodeRef::<html::Canvas>::new());
    Effect::new(move |_| {
        let (Some(below), Some(above), Some(picture), Some(known)) =
            (below.get(), above.get(), state.picture.get(), state.explanation.get())
        else {
            return;
        };
        picture::paint(&below, &picture::plain(&picture.shown));
        picture::paint(&above, &picture::over(&picture.shown, &picture.full, &known, state.look()));
    });
    view! {
        <div class="drawing swipe">
            <canvas role="img" aria-label=state.say(|text| text.view_photo) node_ref=below></canvas>
            <canvas
                role="img"
                aria-label=state.say(|text| text.view_overlay)
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
