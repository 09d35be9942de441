//! How long each shader took, for those who ask: off at first, since it slows the passes down; and
//! what computes.

use crate::page::controller::Controller;

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
        <label class="check">
            <input
                type="checkbox"
                data-testid="processor"
                disabled=move || state.work.get().is_some()
                prop:checked=move || state.adapter.with(|adapter| adapter.as_ref().is_some_and(|a| a.name.is_empty()))
                on:change:target=move |event| controller.choose_processor(event.target().checked())
            />
            <span>{move || state.text().processor.use_processor}</span>
        </label>
        <label class="check">
            <input
                type="checkbox"
                data-testid="timing"
                disabled=move || !available()
                prop:checked=move || state.timing.get()
                on:change:target=move |event| controller.set_timing(event.target().checked())
            />
            <span>{move || state.text().network.timings}</span>
        </label>
        <p class="fine">
            {move || {
                let text = state.text().network;
                if available() { text.timings_hint } else { text.timings_none }
            }}
        </p>
        <div class="timings" data-testid="timings">{tables}</div>
    }
}
