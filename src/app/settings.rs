//! How it is traced: layer, method, fit.

use super::asked::Asked;
use super::jobs::Jobs;
use super::once::Memo;
use super::state::is_within;
use super::text;
use super::widgets::{part, pick, told, whether};
use crate::explain::cam::Method;
use crate::image::Fit;
use leptos::prelude::*;

#[component]
pub fn Tracing(jobs: Jobs) -> impl IntoView {
    let state = jobs.state;
    let method_name = move || state.method.get().to_string();
    view! {
        <section class="card tracing">
            <h2>{state.say(|text| text.where_from)}</h2>

            <h3>{state.say(|text| text.layer)}</h3>
            <Stages jobs />
            <p class="hint">{state.say(|text| text.layer_hint)}</p>
            <label class="field">
                <span>{state.say(|text| text.block)}</span>
                <select
                    data-testid="layer-select"
                    prop:value=told(move || state.layer.get())
                    on:change=pick(move |layer| jobs.choose_layer(layer))
                >
                    {part(move || {
                        let layers = state.layers.get();
                        let fused = Some(state.layer.get()).filter(|layer| layer.contains('+'));
                        let fused = fused.map(|layer| view! { <option value=layer.clone() selected>{layer.clone()}</option> });
                        let stages = state
                            .stages
                            .get()
                            .into_iter()
                            .map(|(stage, stride)| {
                                let blocks: Vec<_> = layers.iter().filter(|layer| is_within(layer, &stage)).cloned().collect();
                                let label = format!("{stage} · {}", state.stage_words(stride));
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
                    })}
                </select>
            </label>

            <label class="field">
                <span>{state.say(|text| text.method)}</span>
                <select
                    data-testid="method-select"
                    prop:value=told(method_name)
                    on:change=pick(move |name| {
                        if let Ok(method) = name.parse() {
                            jobs.choose_method(method);
                        }
                    })
                >
                    {Method::quick()
                        .map(|method| {
                            let id = method.to_string();
                            let (name, _) = text::method(state.language.get_untracked(), &id);
                            // A method that the table does not know yet goes by its own name.
                            let name = if name.is_empty() { id.clone() } else { name.to_owned() };
                            view! {
                                <option value=id selected=whether(move || state.method.get() == method)>
                                    {name}
                                </option>
                            }
                        })
                        .collect_view()}
                </select>
            </label>
            <p class="hint">{told(move || text::method(state.language.get(), &method_name()).1.to_owned())}</p>

            <Asked jobs />

            <label class="field">
                <span>{state.say(|text| text.fit)}</span>
                <select
                    data-testid="fit-select"
                    prop:value=told(move || state.fit.get().name().to_owned())
                    on:change=pick(move |name| {
                        if let Ok(fit) = name.parse() {
                            jobs.choose_fit(fit);
                        }
                    })
                >
                    {[(Fit::Whole, "whole"), (Fit::Crop, "crop")]
                        .into_iter()
                        .map(|(fit, value)| {
                            view! {
                                <option value=value selected=whether(move || state.fit.get() == fit)>
                                    {state.say(match fit {
                                        Fit::Whole => |text| text.fit_whole,
                                        Fit::Crop => |text| text.fit_crop,
                                    })}
                                </option>
                            }
                        })
                        .collect_view()}
                </select>
            </label>
            <p class="hint">
                {told(move || match state.fit.get() {
                    Fit::Whole => state.text().fit_hint_whole,
                    Fit::Crop => state.text().fit_hint_crop,
                }.to_owned())}
            </p>
        </section>
    }
}

/// One layer for each size of the grid, as radio buttons that look like one switch: four in every family, so that they fit a phone. The
/// list below them has all.
#[component]
fn Stages(jobs: Jobs) -> impl IntoView {
    let state = jobs.state;
    let layers = Memo::new(move |_| state.one_a_stride());
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
                        on:change=move |_| jobs.choose_layer(layer.clone())
                    />
                    <span>
                        {move || state.stage_words(of)}
                        <small>{name}</small>
                    </span>
                </label>
            }
        };
        layers.get().into_iter().map(radio).collect_view()
    };
    view! {
        <fieldset class="segmented stages" aria-label=state.say(|text| text.layer)>
            {radios}
        </fieldset>
    }
}
