//! Panels of small heatmaps: layers, objectives, comparisons, fine detail, before and after.

use super::figure::{Figure, over_small};
use crate::components::query::ContrastClass;
use crate::components::widgets::{Check, Segmented, Slider};
use crate::controller::{Controller, side_names};
use crate::i18n::fill;
use crate::platform::canvas;
use crate::query::ObjectiveKind;
use crate::state::State;
use crate::state::analysis::{Axes, Panel, Side};
use gradlens::catalog::layer_summary::part;
use gradlens::explain::Explanation;
use gradlens::explain::cam::Method;
use gradlens::explain::guided::Guided;
use gradlens::image::heatmap;
use leptos::html;
use leptos::prelude::*;

/// What a heatmap of the panel is called, by what differs between them: two headings that stand
/// above several, and a caption.
fn names(state: State, map: &Explanation) -> [String; 3] {
    let text = state.text().analysis;
    let none = String::new;
    let (class, layer, method) =
        (state.label(map.class), map.layer.clone(), state.method_name(map.method).to_owned());
    let [first, second, name] =
        match (state.analysis.panel.get_untracked(), state.analysis.axes.get_untracked()) {
            (Panel::Targets, _) => [none(), none(), state.objective_name(map.objective)],
            (Panel::Layers, _) if map.method == Method::RefineCam => {
                [none(), none(), layer.replace('+', " × ")]
            }
            (Panel::Layers, _) if map.layers.len() > 1 => {
                [none(), none(), fill(text.fused, &[&layer.replace('+', " + ")])]
            }
            (Panel::Layers, _) => [none(), none(), layer],
            (Panel::Compare, Axes::ClassesLayers) => [class, none(), layer],
            (Panel::Compare, Axes::ClassesMethods) => [class, none(), method],
            (Panel::Compare, Axes::MethodsLayers) => [method, none(), layer],
            (Panel::Compare, Axes::All) => [class, layer, method],
            (Panel::Methods, _)
                if map.method.is_slow() && state.analysis.tried_channels.get_untracked() > 0 =>
            {
                let tried = state.number(state.analysis.tried_channels.get_untracked());
                let all = state
                    .layer_summary
                    .with(|parts| part(parts, &layer).map_or(0, |part| part.channels));
                [
                    none(),
                    none(),
                    format!(
                        "{method} · {layer} · {}",
                        fill(text.tried_channels, &[&tried, &state.number(all)])
                    ),
                ]
            }
            _ => [none(), none(), format!("{method} · {layer}")],
        };
    [first, second, format!("{name} {}", state.blank_note(map))]
}

/// The heatmaps that the panel asked for.
#[component]
pub fn Maps(state: State) -> impl IntoView {
    let analysis = state.analysis;
    let figures = move || {
        let maps = analysis.results.get().maps;
        if maps.is_empty() {
            return None;
        }
        let over = over_small(state)?;
        let together = analysis.panel.get() == Panel::Compare && analysis.one_scale.get();
        let scaled = maps.first().filter(|_| together).map(|first| {
            let cams: Vec<_> = maps.iter().map(|map| map.cam.clone()).collect();
            heatmap::on_one_scale(&cams, (first.height, first.width))
        });
        let mut above = [String::new(), String::new()];
        let mut shown = Vec::new();
        for (n, map) in maps.iter().enumerate() {
            let rescaled = scaled
                .as_ref()
                .map(|maps| Explanation { heatmap: maps[n].clone(), ..(**map).clone() });
            let pixels = over(rescaled.as_ref().unwrap_or(map));
            let what = format!("{} {} {} {}", map.class, map.objective, map.layer, map.method);
            let [first, second, caption] = names(state, map);
            if first != above[0] {
                shown.push(view! { <h3>{first.clone()}</h3> }.into_any());
            }
            if second != above[1] {
                shown.push(view! { <h4>{second.clone()}</h4> }.into_any());
            }
            above = [first, second];
            shown.push(view! { <Figure what caption pixels /> }.into_any());
        }
        Some(shown)
    };
    view! {
        <div
            class="picture-grid"
            class:analysis-grid-eight=move || matches!(analysis.axes.get(), Axes::ClassesMethods | Axes::All)
            class:analysis-grid=move || analysis.panel.get() == Panel::Compare
        >
            {figures}
        </div>
    }
}

#[component]
pub fn Layers(controller: Controller, restart: Callback<()>) -> impl IntoView {
    let state = controller.state;
    let analysis = state.analysis;
    let fuse = move |layer: &str, on: bool| {
        analysis.fused.update(|fused| {
            fused.retain(|known| known != layer);
            fused.extend(on.then(|| layer.to_owned()));
        });
        restart.run(());
    };
    let check = move |layer: String| {
        let (chosen, changed) = (layer.clone(), layer.clone());
        view! {
            <label class="check">
                <input
                    type="checkbox"
                    data-testid=format!("fuse-{layer}")
                    prop:checked=move || analysis.fused.with(|fused| fused.contains(&chosen))
                    on:change:target=move |event| fuse(&changed, event.target().checked())
                />
                <span>{layer}</span>
            </label>
        }
    };
    let others = move || {
        let (mut layers, shown) = (state.layers.get(), state.compared_layers());
        layers.retain(|layer| !shown.contains(layer));
        layers
    };
    view! {
        <div class="analysis-row">
            <span>{move || state.text().analysis.fuse}</span>
            <For each=move || state.compared_layers() key=String::clone children=check />
            <select
                data-testid="add-block"
                aria-label=move || state.text().analysis.add_block
                prop:value=move || {
                    analysis.fused.track(); // back to the first option after each choice
                    ""
                }
                on:change:target=move |event| fuse(&event.target().value(), true)
            >
                <option value="">{move || state.text().analysis.add_block}</option>
                <For
                    each=others
                    key=String::clone
                    children=|layer| view! { <option value=layer.clone()>{layer.clone()}</option> }
                />
            </select>
            <button
                type="button"
                data-testid="fuse"
                disabled=move || state.fused_layers().is_empty()
                on:click=move |_| controller.choose_layer(state.fused_layers().join("+"))
            >
                {move || state.text().analysis.onto_picture}
            </button>
        </div>
        <Maps state />
    }
}

#[component]
pub fn Targets(controller: Controller, restart: Callback<()>) -> impl IntoView {
    let state = controller.state;
    let choose = Callback::new(move |class: usize| {
        state.contrast_class.set(Some(class));
        restart.run(());
        // The picture's own question may have changed with it.
        if state.objective.get_untracked() == ObjectiveKind::Contrast {
            controller.choose_objective(ObjectiveKind::Contrast);
        }
    });
    view! {
        <div class="field">
            <span>{move || state.text().analysis.than}</span>
            <ContrastClass state id="than" choose />
        </div>
        <Maps state />
    }
}

#[component]
pub fn Compare(state: State, restart: Callback<()>) -> impl IntoView {
    let analysis = state.analysis;
    let choose = move |name: &'static str| {
        analysis.axes.set(Axes::from_name(name).unwrap_or_default());
        restart.run(());
    };
    view! {
        <div class="analysis-row">
            <Segmented
                state
                name="axes"
                label=|text| text.analysis.tabs[2]
                options=vec![
                    (Axes::ClassesLayers.name(), |text| text.analysis.axes[0]),
                    (Axes::ClassesMethods.name(), |text| text.analysis.axes[1]),
                    (Axes::MethodsLayers.name(), |text| text.analysis.axes[2]),
                    (Axes::All.name(), |text| text.analysis.axes[3]),
                ]
                value=Signal::derive(move || analysis.axes.get().name())
                choose
            />
            <Check
                state
                label=|text| text.analysis.one_scale
                id="one-scale"
                checked=analysis.one_scale
                change=move |on| analysis.one_scale.set(on)
            />
        </div>
        <Maps state />
    }
}

#[component]
pub fn Detail(state: State) -> impl IntoView {
    let figures = move || {
        state.analysis.results.get().guided.map(|guided| {
            let captions = state.text().analysis.guided;
            let one = |(n, guided): (usize, &Guided)| {
                let pixels = canvas::from_rgb(&guided.pixels(), guided.width, guided.height);
                view! { <Figure what=["guided", "guided-cam"][n].to_owned() caption=captions[n].to_owned() pixels /> }
            };
            guided.iter().enumerate().map(one).collect_view()
        })
    };
    view! { <div class="picture-grid analysis-large">{figures}</div> }
}

#[component]
pub fn Swipe(state: State, restart: Callback<()>) -> impl IntoView {
    let analysis = state.analysis;
    let canvases = [NodeRef::<html::Canvas>::new(), NodeRef::<html::Canvas>::new()];
    Effect::new(move |_| {
        let (Some(picture), Some(shown)) = (state.picture.get(), state.explanation.get()) else {
            return;
        };
        let mut maps = analysis.results.get().maps.into_iter();
        for (canvas, side) in canvases.into_iter().zip(analysis.sides.get()) {
            let map = match side {
                Side::Photo => None,
                Side::Shown => maps.next().or_else(|| Some(shown.clone())),
                _ => maps.next(), // the photo until it has come
            };
            let pixels = match map {
                Some(map) => canvas::over(&picture.shown, picture.size, &map, state.look()),
                None => canvas::plain(&picture.shown),
            };
            if let Some(canvas) = canvas.get() {
                canvas::paint(&canvas, &pixels);
            }
        }
    });
    let [left, right] = canvases;
    let choice = |n: usize| {
        let options = move || {
            let option = |(place, (side, name)): (usize, (Side, String))| {
                view! { <option value=place.to_string() selected=analysis.sides.get()[n] == side>{name}</option> }
            };
            side_names(state).into_iter().enumerate().map(option).collect_view()
        };
        view! {
            <label class="field">
                <span>{move || state.text().analysis.sides[n]}</span>
                <select
                    data-testid=["left", "right"][n]
                    on:change:target=move |event| {
                        let place: usize = event.target().value().parse().unwrap_or(0);
                        let side = untrack(|| side_names(state)).into_iter().nth(place);
                        if let Some((side, _)) = side {
                            analysis.sides.update(|sides| sides[n] = side);
                            restart.run(());
                        }
                    }
                >
                    {options}
                </select>
            </label>
        }
    };
    let name = move |n: usize| {
        move || {
            let side = &analysis.sides.get()[n];
            side_names(state)
                .into_iter()
                .find(|(known, _)| known == side)
                .map(|(_, name)| name)
                .unwrap_or_default()
        }
    };
    view! {
        <div class="analysis-row">{choice(0)} {choice(1)}</div>
        <div class="analysis-drawing analysis-swipe">
            <canvas role="img" aria-label=name(0) node_ref=left></canvas>
            <canvas
                role="img"
                aria-label=name(1)
                data-testid="swiped"
                style:clip-path=move || format!("inset(0 0 0 {:.1}%)", 100.0 * analysis.swipe.get())
                node_ref=right
            ></canvas>
        </div>
        <Slider state label=|text| text.analysis.swipe id="swipe" value=analysis.swipe />
    }
}
