//! Controls used more than once.

use super::state::State;
use super::text::Words;
use leptos::prelude::*;

/// Radio buttons that look like one switch; arrow keys come with the radios.
#[component]
pub fn Segmented<T>(
    state: State,
    /// Groups the radios: unique on the page.
    name: &'static str,
    #[prop(into)] label: Signal<String>,
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
                        {move || words(state.text())}
                        {show_id.then(|| view! { <small>{id(option)}</small> })}
                    </span>
                </label>
            }
        })
        .collect_view();
    view! {
        <fieldset class="segmented" aria-label=label>
            {radios}
        </fieldset>
    }
}
