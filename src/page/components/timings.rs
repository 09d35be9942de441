//! How long each shader took, for those who ask: off at first, since it slows the passes down; and
//! what computes.

use crate::components::widgets::Check;
use crate::controller::Controller;
use leptos::prelude::*;

#[component]
pub fn Timings(controller: Controller) -> impl IntoView {
    let state = controller.state;
    let available =
        move || state.adapter.with(|adapter| adapter.as_ref().is_some_and(|a| a.timings_available));
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
                                    <th scope="row">{timing.name.clone()}</th>
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
        <Check
            state
            label=|text| text.processor.use_processor
            id="processor"
            checked=Signal::derive(move || state.adapter.with(|adapter| adapter.as_ref().is_some_and(|a| a.name.is_empty())))
            disabled=Signal::derive(move || state.work.get().is_some())
            change=move |on| controller.choose_processor(on)
        />
        <Check
            state
            label=|text| text.network.timings
            id="timing"
            checked=state.timing
            disabled=Signal::derive(move || !available())
            change=move |on| controller.set_timing(on)
        />
        <p class="fine">
            {move || {
                let text = state.text().network;
                if available() { text.timings_hint } else { text.timings_none }
            }}
        </p>
        <div class="timings" data-testid="timings">{tables}</div>
    }
}
