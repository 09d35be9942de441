//! Controls used more than once, and closures of one type each: in a view, each type of its own costs the page up to three kilobytes.

use super::once::{Memo, RwSignal};
use super::state::State;
use super::text::Words;
use leptos::ev::{Event, MouseEvent};
use leptos::prelude::*;
use std::sync::Arc;
use web_sys::HtmlInputElement;

/// Words that are composed as the page changes.
pub fn told(words: impl Fn() -> String + Send + Sync + 'static) -> impl Fn() -> String + Clone + Send + Sync + 'static {
    fn one_type(words: Arc<dyn Fn() -> String + Send + Sync>) -> impl Fn() -> String + Clone + Send + Sync + 'static {
        move || words()
    }
    one_type(Arc::new(words))
}

/// What is or is not so as the page changes: for `disabled`, `checked` and classes.
pub fn whether(is: impl Fn() -> bool + Send + Sync + 'static) -> impl Fn() -> bool + Clone + Send + Sync + 'static {
    fn one_type(is: Arc<dyn Fn() -> bool + Send + Sync>) -> impl Fn() -> bool + Clone + Send + Sync + 'static {
        move || is()
    }
    one_type(Arc::new(is))
}

/// The number in a field.
pub fn amount(number: impl Fn() -> f64 + Send + Sync + 'static) -> impl Fn() -> f64 + Clone + Send + Sync + 'static {
    fn one_type(number: Arc<dyn Fn() -> f64 + Send + Sync>) -> impl Fn() -> f64 + Clone + Send + Sync + 'static {
        move || number()
    }
    one_type(Arc::new(number))
}

/// A part of the page that is made anew when what it reads changes.
pub fn part<V: IntoView + 'static>(
    make: impl Fn() -> V + Send + Sync + 'static,
) -> impl Fn() -> AnyView + Clone + Send + Sync + 'static {
    fn one_type(make: Arc<dyn Fn() -> AnyView + Send + Sync>) -> impl Fn() -> AnyView + Clone + Send + Sync + 'static {
        move || make()
    }
    one_type(Arc::new(move || make().into_any()))
}

/// What a click does.
pub fn act(work: impl Fn() + Send + Sync + 'static) -> impl Fn(MouseEvent) + Clone + Send + Sync + 'static {
    fn one_type(work: Arc<dyn Fn() + Send + Sync>) -> impl Fn(MouseEvent) + Clone + Send + Sync + 'static {
        move |_| work()
    }
    one_type(Arc::new(work))
}

/// What a change of a field does.
fn changed(work: Arc<dyn Fn(Event) + Send + Sync>) -> impl Fn(Event) + Clone + Send + Sync + 'static {
    move |event| work(event)
}

/// The same, by what the field then holds.
pub fn pick(work: impl Fn(String) + Send + Sync + 'static) -> impl Fn(Event) + Clone + Send + Sync + 'static {
    changed(Arc::new(move |event| work(event_target_value(&event))))
}

/// The same, by whether the box is then checked.
pub fn tick(work: impl Fn(bool) + Send + Sync + 'static) -> impl Fn(Event) + Clone + Send + Sync + 'static {
    changed(Arc::new(move |event| work(event_target_checked(&event))))
}

/// The same, by its element: for numbers.
pub fn field(
    work: impl Fn(HtmlInputElement) + Send + Sync + 'static,
) -> impl Fn(Event) + Clone + Send + Sync + 'static {
    changed(Arc::new(move |event| work(event_target(&event))))
}

/// One of a list.
pub struct Row {
    key: String,
    make: Box<dyn Fn() -> AnyView + Send + Sync>,
}

impl Row {
    pub fn new<V: IntoView + 'static>(key: String, make: impl Fn() -> V + Send + Sync + 'static) -> Row {
        Row { key, make: Box::new(move || make().into_any()) }
    }
}

/// A list whose rows stay, with the focus that they have, for as long as their keys do.
#[component]
pub fn Rows(rows: Arc<dyn Fn() -> Vec<Row> + Send + Sync>) -> impl IntoView {
    // Leptos keeps something of each row that ever was until its list goes: an empty one goes.
    let any = Memo::new({
        let rows = rows.clone();
        move |_| !rows().is_empty()
    });
    part(move || {
        let rows = rows.clone();
        any.get().then(
            || view! { <For each=move || rows() key=|row| row.key.clone() children=|row| untrack(|| (row.make)()) /> },
        )
    })
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
                prop:value=amount(move || value.get().into())
                on:input=field(move |input| value.set((input.value_as_number() as f32).clamp(0.0, 1.0)))
            />
            <output>{percent}</output>
        </label>
    }
}

/// A name that says which is chosen of a [`Segmented`].
pub type Chosen = Arc<dyn Fn() -> &'static str + Send + Sync>;

/// Radio buttons that look like one switch; arrow keys come with the radios.
#[component]
pub fn Segmented(
    state: State,
    /// Groups the radios: unique on the page.
    name: &'static str,
    label: Words,
    /// A stable name for each option, the radio's value, and what it is called.
    options: Vec<(&'static str, Words)>,
    value: Chosen,
    #[prop(into)] choose: Callback<&'static str>,
) -> impl IntoView {
    let radios = options
        .into_iter()
        .map(|(option, words)| {
            let value = value.clone();
            view! {
                <label>
                    <input
                        type="radio"
                        name=name
                        value=option
                        prop:checked=whether(move || value() == option)
                        on:change=tick(move |_| choose.run(option))
                    />
                    <span>{state.say(words)}</span>
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
