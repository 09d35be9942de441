//! How it is traced: layer, method, fit.

use super::asked::Asked;
use super::jobs::Jobs;
use super::once::Memo;
use super::text::{self, Words};
use super::widgets::{Segmented, part, pick, told, whether};
use crate::cam::Method;
use crate::photo::Fit;
use leptos::prelude::*;
use std::sync::Arc;

const STAGES: [(&str, Words); 4] = [
    ("layer1", |text| text.stages[0]),
    ("layer2", |text| text.stages[1]),
    ("layer3", |text| text.stages[2]),
    ("layer4", |text| text.stages[3]),
];

#[component]
pub fn Tracing(jobs: Jobs) -> impl IntoView {
    let state = jobs.state;
    let method_name = move || state.method.get().to_string();
    let stage = Memo::new(move |_| {
        let layer = state.layer.get();
        let stage = STAGES.iter().map(|(name, _)| *name).find(|name| layer.starts_with(name));
        if layer.contains('+') { "" } else { stage.unwrap_or("layer4") } // several are fused
    });
    view! {
        <section class="card tracing">
            <h2>{state.say(|text| text.where_from)}</h2>

            <h3>{state.say(|text| text.layer)}</h3>
            <Segmented
                state
                name="stage"
                label=|text| text.layer
                options=STAGES.to_vec()
                show_id=true
                value=Arc::new(move || stage.get())
                choose=move |name: &'static str| jobs.choose_layer(name.to_owned())
            />
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
                        let stages = STAGES
                            .iter()
                            .map(|(stage, words)| {
                                let blocks: Vec<_> = layers.iter().filter(|layer| layer.starts_with(stage)).cloned().collect();
                                let words = words(state.text());
                                view! {
                                    <optgroup label=format!("{stage} · {words}")>
                                        {blocks
                                            .into_iter()
                                            .map(|layer| {
                                                let name = if layer == *stage {
                                                    format!("{layer} ({})", state.text().whole_stage)
                                                } else {
                                                    layer.clone()
                                                };
                                                let value = layer.clone();
                                                view! {
                                                    <option value=value selected=whether(move || state.layer.get() == layer)>
                                                        {name}
                                                    </option>
                                                }
                                            })
                                            .collect_view()}
                                    </optgroup>
                                }
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
