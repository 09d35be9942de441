//! How long each shader took, for those who ask: off at first, since it slows the passes down; and what computes.

use super::jobs::Jobs;
use super::widgets::{part, tick, told, whether};

use leptos::prelude::*;

#[component]
pub fn Timings(jobs: Jobs) -> impl IntoView {
    let state = jobs.state;
    let tables = move || {
        state.timings.with(|all| {
            let text = state.text().network;
            all.iter()
                .zip([text.timings_look, text.timings_trace])
                .filter(|(timings, _)| !timings.is_empty())
                .map(|(timings, title)| {
                    let rows = timings
                        .iter()
                        .map(|timing| {
                            view! {
                                <tr>
                                    <th scope="row">{timing.name}</th>
                                    <td>{timing.count}</td>
                                    <td>{format!("{:.2}", timing.microseconds / 1e3)}</td>
                                </tr>
                            }
                        })
                        .collect_view();
                    view! {
                        <table>
                            <caption>{title}</caption>
                            <thead>
                                <tr>
                                    <th scope="col">{text.shader}</th>
                                    <th scope="col">{text.steps}</th>
                                    <th scope="col">{text.milliseconds}</th>
                                </tr>
                            </thead>
                            <tbody>{rows}</tbody>
                        </table>
                    }
                })
                .collect_view()
        })
    };
    view! {
        <label class="check">
            <input
                type="checkbox"
                data-testid="processor"
                disabled=whether(move || state.work.get().is_some())
                prop:checked=whether(move || state.adapter.with(|adapter| adapter.as_ref().is_some_and(|a| a.name.is_empty())))
                on:change=tick(move |on| jobs.compute_elsewhere(on))
            />
            <span>{state.say(|text| text.processor.use_processor)}</span>
        </label>
        <label class="check">
            <input
                type="checkbox"
                data-testid="timing"
                disabled=whether(move || !state.timings_available.get())
                prop:checked=whether(move || state.timing.get())
                on:change=tick(move |on| jobs.time(on))
            />
            <span>{state.say(|text| text.network.timings)}</span>
        </label>
        <p class="fine">
            {told(move || {
                let text = state.text().network;
                if state.timings_available.get() { text.timings_hint } else { text.timings_none }.to_owned()
            })}
        </p>
        <div class="timings" data-testid="timings">{part(tables)}</div>
    }
}
