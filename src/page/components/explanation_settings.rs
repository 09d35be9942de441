//! How the class is explained: target layer, method, objective, fit.

use super::glossary::Explained;
use super::query::ObjectiveChooser;
use super::widgets::Check;
use crate::controller::Controller;
use crate::query::Smoothing;
use crate::state::is_within;
use gradlens::explain::cam::{Group, Method};
use gradlens::image::Fit;
use leptos::prelude::*;

/// Methods that can be chosen at once; the list below them has all. Grad-CAM and those that point
/// better at earlier layers (weights/emoji50/README.md), then the best known of the others.
pub const IN_SIGHT: [Method; 5] = [
    Method::GradCam,
    Method::HiResCam,
    Method::LayerCam,
    Method::GradCamPlusPlus,
    Method::EigenCam,
];

#[component]
pub fn ExplanationSettings(controller: Controller) -> impl IntoView {
    let state = controller.state;
    view! {
        <section class="card explanation-settings of-classes">
            <h2>{move || state.text().where_from}</h2>

            <h3>{move || state.text().layer}</h3>
            <Stages controller />
            <p class="hint">{move || state.text().layer_hint}</p>
            <label class="field">
                <span>{move || state.text().block}</span>
                <select
                    data-testid="layer-select"
                    prop:value=move || state.layer.get()
                    on:change:target=move |event| controller.choose_layer(event.target().value())
                >
                    {move || {
                        let layers = state.layers.get();
                        let fused = Some(state.layer.get()).filter(|layer| layer.contains('+'));
                        let fused = fused.map(|layer| view! { <option value=layer.clone() selected>{layer.clone()}</option> });
                        let stages = state
                            .stages
                            .get()
                            .into_iter()
                            .map(|(stage, stride)| {
                                let blocks: Vec<_> = layers.iter().filter(|layer| is_within(layer, &stage)).cloned().collect();
                                let label = format!("{stage} · {}", state.stage_name(stride));
                                let several = blocks.len() > 1;
                                let option = |layer: String| {
                                    let name = match several && layer == stage {
                                        true => format!("{layer} ({})", state.text().whole_stage),
                                        false => layer.clone(),
                                    };
                                    let value = layer.clone();
                                    view! {
                                        <option value=value selected=move || state.layer.get() == layer>
                                            {name}
                                        </option>
                                    }
                                };
                                view! { <optgroup label=label>{blocks.into_iter().map(option).collect_view()}</optgroup> }
                            })
                            .collect_view();
                        (fused, stages)
                    }}
                </select>
            </label>

            <h3>{move || state.text().method}</h3>
            <MethodsInSight controller />
            <label class="field">
                <span>{move || state.text().all_methods}</span>
                <select
                    data-testid="method-select"
                    prop:value=move || state.method.get().name()
                    on:change:target=move |event| {
                        let name = event.target().value();
                        if let Ok(method) = name.parse() {
                            controller.choose_method(method);
                        }
                    }
                >
                    {move || {
                        let option = |method: Method| {
                            view! {
                                <option value=method.name() selected=move || state.method.get() == method>
                                    {state.method_name(method)}
                                </option>
                            }
                        };
                        let of = |group: Group| {
                            let quick = move |method: &Method| !method.is_slow() && method.group() == group;
                            Method::ALL.into_iter().filter(quick).map(option).collect_view()
                        };
                        let groups = state.text().method_groups.into_iter().zip(Group::ALL);
                        let groups = groups.map(|(label, group)| view! { <optgroup label=label>{of(group)}</optgroup> });
                        groups.collect_view()
                    }}
                </select>
            </label>
            <p class="hint">
                <Explained state words=Signal::derive(move || state.method_hint(state.method.get()).to_owned()) />
            </p>
            <Smoothings controller />

            <ObjectiveChooser controller />

            <label class="field">
                <span>{move || state.text().fit}</span>
                <select
                    data-testid="fit-select"
                    prop:value=move || state.fit.get().name()
                    on:change:target=move |event| {
                        let name = event.target().value();
                        if let Ok(fit) = name.parse() {
                            controller.choose_fit(fit);
                        }
                    }
                >
                    {[(Fit::Whole, "whole"), (Fit::Crop, "crop")]
                        .into_iter()
                        .map(|(fit, value)| {
                            view! {
                                <option value=value selected=move || state.fit.get() == fit>
                                    {move || match fit {
                                        Fit::Whole => state.text().fit_whole,
                                        Fit::Crop => state.text().fit_crop,
                                    }}
                                </option>
                            }
                        })
                        .collect_view()}
                </select>
            </label>
            <p class="hint">
                {move || match state.fit.get() {
                    Fit::Whole => state.text().fit_hint_whole,
                    Fit::Crop => state.text().fit_hint_crop,
                }}
            </p>
        </section>
    }
}

/// As radio buttons that look like one switch.
#[component]
fn MethodsInSight(controller: Controller) -> impl IntoView {
    let state = controller.state;
    let radio = |method: Method| {
        view! {
            <label>
                <input
                    type="radio"
                    name="method"
                    value=method.name()
                    prop:checked=move || state.method.get() == method
                    on:change=move |_| controller.choose_method(method)
                />
                <span>{state.method_name(method)}</span>
            </label>
        }
    };
    view! {
        <fieldset class="segmented" aria-label=move || state.text().method>
            {IN_SIGHT.map(radio).collect_view()}
        </fieldset>
    }
}

#[component]
fn Smoothings(controller: Controller) -> impl IntoView {
    let state = controller.state;
    let chosen = move || state.smoothing.get();
    // Others add up no channels.
    let adds_up = move || state.method.get().group() == Group::Gradients;
    view! {
        <details class="fold">
            <summary>{move || state.text().smoothing}</summary>
            <Check
                state
                label=|text| text.aug_smooth
                id="aug-smooth"
                checked=Signal::derive(move || chosen().aug)
                change=move |aug| controller.choose_smoothing(Smoothing { aug, ..chosen() })
            />
            <Check
                state
                label=|text| text.eigen_smooth
                id="eigen-smooth"
                checked=Signal::derive(move || chosen().eigen)
                disabled=Signal::derive(move || !adds_up())
                change=move |eigen| controller.choose_smoothing(Smoothing { eigen, ..chosen() })
            />
        </details>
    }
}

/// One layer for each size of the grid, as radio buttons that look like one switch: four in every
/// family, so that they fit a phone. The list below them has all.
#[component]
fn Stages(controller: Controller) -> impl IntoView {
    let state = controller.state;
    let layers = Memo::new(move |_| state.one_layer_per_stride());
    // Of the same grid as the layer that is chosen; none of several fused ones.
    let stride = Memo::new(move |_| state.stride(&state.layer.get()));
    let radios = move || {
        let radio = |(layer, of): (String, usize)| {
            let (value, name) = (layer.clone(), layer.clone());
            view! {
                <label>
                    <input
                        type="radio"
                        name="stage"
                        value=value
                        prop:checked=move || stride.get() == of
                        on:change=move |_| controller.choose_layer(layer.clone())
                    />
                    <span>
                        {move || state.stage_name(of)}
                        <small>{name}</small>
                    </span>
                </label>
            }
        };
        layers.get().into_iter().map(radio).collect_view()
    };
    view! {
        <fieldset class="segmented layer-stages" aria-label=move || state.text().layer>
            {radios}
        </fieldset>
    }
}
