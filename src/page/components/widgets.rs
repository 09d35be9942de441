//! Controls that are used more than once.

use crate::i18n::Words;
use crate::state::State;
use leptos::prelude::*;

/// A share from 0 to 1.
#[component]
pub fn Slider(state: State, label: Words, id: &'static str, value: RwSignal<f32>) -> impl IntoView {
    let percent = move || state.percent(value.get(), 0);
    view! {
        <label class="slider">
            <span>{move || label(state.text())}</span>
            <input
                type="range"
                min="0"
                max="1"
                step="0.01"
                data-testid=id
                aria-valuetext=percent
                prop:value=move || value.get()
                on:input:target=move |event| value.set((event.target().value_as_number() as f32).clamp(0.0, 1.0))
            />
            <output>{percent}</output>
        </label>
    }
}

/// A check box with its words.
#[component]
pub fn Check(
    state: State,
    label: Words,
    id: &'static str,
    #[prop(into)] checked: Signal<bool>,
    #[prop(into, optional)] disabled: Signal<bool>,
    #[prop(into)] change: Callback<bool>,
) -> impl IntoView {
    view! {
        <label class="check">
            <input
                type="checkbox"
                data-testid=id
                disabled=move || disabled.get()
                prop:checked=move || checked.get()
                on:change:target=move |event| change.run(event.target().checked())
            />
            <span>{move || label(state.text())}</span>
        </label>
    }
}

/// Radio buttons that look like one switch; arrow keys come with the radios.
#[component]
pub fn Segmented(
    state: State,
    /// Groups the radios: unique on the page.
    name: &'static str,
    label: Words,
    /// A stable name for each option, the radio's value, and what it is called.
    options: Vec<(&'static str, Words)>,
    #[prop(into)] value: Signal<&'static str>,
    #[prop(into)] choose: Callback<&'static str>,
) -> impl IntoView {
    let radios = options
        .into_iter()
        .map(|(option, words)| {
            view! {
                <label>
                    <input
                        type="radio"
                        name=name
                        value=option
                        prop:checked=move || value.get() == option
                        on:change=move |_| choose.run(option)
                    />
                    <span>{move || words(state.text())}</span>
                </label>
            }
        })
        .collect_view();
    view! {
        <fieldset class="segmented" aria-label=move || label(state.text())>
            {radios}
        </fieldset>
    }
}
