//! Controls used more than once.

use super::state::State;
use super::text::Words;
use leptos::prelude::*;
use std::sync::Arc;

/// Words that are composed as the page changes. Boxed into one type of closure for all of them: each type of its own costs the page two
/// kilobytes.
pub fn told(words: impl Fn() -> String + Send + Sync + 'static) -> impl Fn() -> String + Clone + Send + Sync + 'static {
    fn one_type(words: Arc<dyn Fn() -> String + Send + Sync>) -> impl Fn() -> String + Clone + Send + Sync + 'static {
        move || words()
    }
    one_type(Arc::new(words))
}

/// A share from 0 to 1.
#[component]
pub fn Slider(state: State, label: Words, id: &'static str, value: RwSignal<f32>) -> impl IntoView {
    let percent = told(move || format!("{:.0} %", 100.0 * value.get()));
    view! {
        <label class="slider">
            <span>{state.say(label)}</span>
            <input
                type="range"
                min="0"
                max="1"
                step="0.01"
                data-testid=id
                aria-valuetext=percent.clone()
                // Numbers as the browser has them: Rust's parser of floats alone would make the page 13 kB larger.
                prop:value=move || f64::from(value.get())
                on:input:target=move |event| value.set((event.target().value_as_number() as f32).clamp(0.0, 1.0))
            />
            <output>{percent}</output>
        </label>
    }
}

/// Radio buttons that look like one switch; arrow keys come with the radios.
#[component]
pub fn Segmented<T>(
    state: State,
    /// Groups the radios: unique on the page.
    name: &'static str,
    label: Words,
    options: Vec<(T, Words)>,
    /// A stable name for each option: the radio's value.
    id: fn(T) -> &'static str,
    /// Shows that name as a second, smaller line.
    #[prop(optional)]
    show_id: bool,
    #[prop(into)] value: Signal<T>,
    #[prop(into)] choose: Callback<T>,
) -> impl IntoView
where
    T: Copy + PartialEq + Send + Sync + 'static,
{
    let radios = options
        .into_iter()
        .map(|(option, words)| {
            view! {
                <label>
                    <input
                        type="radio"
                        name=name
                        value=id(option)
                        prop:checked=move || value.get() == option
                        on:change=move |_| choose.run(option)
                    />
                    <span>
                        {state.say(words)}
                        {show_id.then(|| view! { <small>{id(option)}</small> })}
                    </span>
                </label>
            }
        })
        .collect_view();
    view! {
        <fieldset class="segmented" aria-label=state.say(label)>
            {radios}
        </fieldset>
    }
}
