//! What each method computes, where it comes from, and the ones that take their time.

use super::Wish;
use super::maps::Pictures;
use crate::app::jobs::Jobs;
use crate::app::text::{self, fill};
use crate::app::widgets::{Segmented, act, part, pick};
use crate::explain::Question;
use crate::explain::cam::Method;
use crate::explain::perturbation::Estimate;
use leptos::prelude::*;
use std::sync::Arc;

#[component]
pub fn Methods(jobs: Jobs) -> impl IntoView {
    let state = jobs.state;
    let closer = state.closer;
    let list = move || {
        let language = state.language.get();
        let one = |(method, (address, english, chinese)): (Method, &(&'static str, &'static str, &'static str))| {
            let (name, what) = text::method(language, method.name());
            let when = language.choose(english, Some(chinese)).to_owned();
            view! {
                <li>
                    <a href=*address target="_blank" rel="noopener">{name}</a>
                    <span>{what} " " {when}</span>
                </li>
            }
        };
        Method::ALL.into_iter().zip(text::METHODS).map(one).collect_view()
    };
    let asked = move || {
        let known = state.explanation.get_untracked()?;
        let channels = Some(closer.channels.get_untracked()).filter(|&channels| channels > 0);
        Some(Question { method: closer.slow.get_untracked(), channels, ..known.question() })
    };
    let estimated = move || {
        let Estimate { passes, milliseconds } = closer.found.get().estimate?;
        let seconds = format!("{:.0}", (milliseconds / 1e3).max(1.0).ceil());
        Some(fill(state.text().closer.estimated, &[&passes.to_string(), &seconds]))
    };
    let start = move || {
        if let Some(question) = asked() {
            jobs.wish(Wish::Maps(vec![question]));
        }
    };
    view! {
        <ul class="methods">{part(list)}</ul>
        <p class="hint">{state.say(|text| text.closer.coincide)}</p>
        <h3>{state.say(|text| text.closer.slow)}</h3>
        <div class="row">
            <Segmented
                state
                name="slow"
                label=|text| text.closer.slow
                options=vec![(Method::AblationCam.name(), |_| "Ablation-CAM"), (Method::ScoreCam.name(), |_| "Score-CAM")]
                value=Arc::new(move || closer.slow.get().name())
                choose=move |name: &'static str| {
                    closer.slow.set(name.parse().unwrap_or(Method::AblationCam));
                    closer.found.update(|found| found.estimate = None);
                }
            />
            <label class="field">
                <span>{state.say(|text| text.closer.channels)}</span>
                <select
                    data-testid="slow-channels"
                    on:change=pick(move |channels| {
                        closer.channels.set(channels.parse().unwrap_or(0));
                        closer.found.update(|found| found.estimate = None);
                    })
                >
                    {[16usize, 64, 256]
                        .map(|n| view! { <option value=n.to_string() selected=n == 64>{n.to_string()}</option> })
                        .collect_view()}
                    <option value="0">{state.say(|text| text.closer.all_channels)}</option>
                </select>
            </label>
            <button
                type="button"
                data-testid="estimate"
                on:click=act(move || {
                    if let Some(question) = asked() {
                        jobs.wish(Wish::Estimate(question));
                    }
                })
            >
                {state.say(|text| text.closer.estimate)}
            </button>
        </div>
        {part(move || {
            estimated()
                .map(|words| {
                    view! {
                        <p class="row">
                            <span data-testid="estimated">{words}</span>
                            <button type="button" class="strong" data-testid="slow-start" on:click=act(start)>
                                {state.say(|text| text.closer.start)}
                            </button>
                        </p>
                    }
                })
        })}
        <Pictures state />
    }
}
