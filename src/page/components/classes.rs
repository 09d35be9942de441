//! What the network sees: the five likeliest classes with bars, and a search over all of them.

use super::ask::{Questions, Ways, heading as title};
use super::describe::Description;
use crate::controller::Controller;
use crate::i18n::fill;
use crate::state::Way;

use gradlens::explain::Score;
use leptos::ev::KeyboardEvent;
use leptos::html;
use leptos::prelude::*;
use web_sys::{FocusOptions, ScrollIntoViewOptions, ScrollLogicalPosition};

/// Suggestions shown under the search field.
const SUGGESTIONS: usize = 8;

#[component]
pub fn Classes(controller: Controller) -> impl IntoView {
    let state = controller.state;
    let ranking = Memo::new(move |_| Ranking(state.ranking()));
    let empty = Memo::new(move |_| ranking.with(|ranking| ranking.0.is_empty()));
    let heading = NodeRef::<html::H2>::new();
    // A sample's button goes with the welcome that it stood in, and the focus would fall to the
    // page: the result is what comes next.
    Effect::new(move |_| {
        state.explanation_count.track();
        let lost = document().active_element().is_none_or(|element| element.tag_name() == "BODY");
        if let (Some(heading), true) =
            (heading.get(), lost && !untrack(|| state.camera_is_running()))
        {
            let options = FocusOptions::new();
            options.set_prevent_scroll(true);
            let _ = heading.focus_with_options(&options);
        }
    });
    // Not a `For`, which keeps something of each row that ever was.
    let rows = move || {
        let row = |(rank, score)| view! { <Ranked controller rank score /> };
        ranking.get().0.into_iter().map(row).collect_view()
    };
    view! {
        <section class="card classes">
            <div class="classes-head">
                // Before the heading, which takes the focus of a new result: the classes come next.
                <Ways controller />
                <h2 tabindex="-1" node_ref=heading>{move || title(&state)(state.text())}</h2>
            </div>
            <div class="classes-way of-classes">
                <p class="hint">
                    {move || if empty.get() { state.text().sees_empty } else { state.text().sees_hint }}
                </p>
                // Rows are patched in place: a chosen one keeps its focus.
                <ol data-testid="top-k">{rows}</ol>
                <Search controller />
            </div>
            {move || match state.way.get() {
                Way::Name => ().into_any(),
                Way::Describe => view! { <Description controller /> }.into_any(),
                Way::Ask => view! { <Questions controller /> }.into_any(),
            }}
        </section>
    }
}

/// Compared by what is shown, so that the list is not rebuilt for nothing.
#[derive(Clone)]
struct Ranking(Vec<(usize, Score)>);

impl PartialEq for Ranking {
    fn eq(&self, other: &Ranking) -> bool {
        let shown = |ranking: &Ranking| -> Vec<_> {
            ranking
                .0
                .iter()
                .map(|(rank, score)| (*rank, score.class, score.probability.to_bits()))
                .collect()
        };
        shown(self) == shown(other)
    }
}

#[component]
fn Ranked(controller: Controller, rank: usize, score: Score) -> impl IntoView {
    let state = controller.state;
    let Score { class, probability, .. } = score;
    let percent = 100.0 * probability;
    let figure = move || match percent < 0.1 {
        true => format!("< {}", state.percent(0.001, 1)),
        false => state.percent(probability, 1),
    };
    view! {
        <li data-class=class data-probability=probability>
            <button
                type="button"
                aria-pressed=move || (state.target() == Some(class)).to_string()
                on:click=move |_| controller.choose_class(Some(class))
            >
                <span class="class-name">
                    {move || state.label(class)}
                    <small lang=move || state.language().other().tag()>{move || state.second_label(class).unwrap_or_default()}</small>
                    {(rank >= 5)
                        .then(|| {
                            view! { <small class="class-rank">{move || fill(state.text().rank, &[&(rank + 1).to_string()])}</small> }
                        })}
                </span>
                <span class="class-probability">{figure}</span>
                <span class="class-bar" aria-hidden="true"><span style:width=format!("{percent:.2}%")></span></span>
            </button>
        </li>
    }
}

/// A combobox: type a name in either language, or a number; arrows, Enter and Escape as one
/// expects. A click or an arrow lists all classes.
#[component]
fn Search(controller: Controller) -> impl IntoView {
    let state = controller.state;
    let query = RwSignal::new(String::new());
    let open = RwSignal::new(false);
    let active = RwSignal::new(0_usize);
    let found = Memo::new(move |_| {
        let query = query.get();
        let query = query.trim();
        match query.is_empty() {
            true if open.get() => state.labels.with(|labels| (0..labels.names.len()).collect()),
            true => Vec::new(),
            false => state.labels.with(|labels| labels.search(query, SUGGESTIONS)),
        }
    });
    let list = NodeRef::<html::Ul>::new();
    Effect::new(move |_| {
        // Of a thousand classes the marked one is brought into sight.
        let place = active.get();
        if let Some(option) = list.get().and_then(|list| list.children().item(place as u32)) {
            let options = ScrollIntoViewOptions::new();
            options.set_block(ScrollLogicalPosition::Nearest);
            option.scroll_into_view_with_scroll_into_view_options(&options);
        }
    });

    let choose = move |class: usize| {
        query.set(String::new());
        open.set(false);
        controller.choose_class(Some(class));
    };
    let on_key = move |event: KeyboardEvent| {
        let count = found.with(Vec::len);
        match event.key().as_str() {
            "ArrowDown" if !open.get_untracked() => {
                event.prevent_default();
                active.set(0);
                open.set(true);
            }
            "ArrowDown" if count > 0 => {
                event.prevent_default();
                active.update(|active| *active = (*active + 1) % count);
            }
            "ArrowUp" if count > 0 => {
                event.prevent_default();
                active.update(|active| *active = (*active + count - 1) % count);
            }
            "Enter" => {
                event.prevent_default();
                // What is typed out in full wins over the first suggestion; what the arrows chose
                // wins over both.
                let exact = state.labels.with(|labels| labels.find(query.get_untracked().trim()));
                let marked = found.with(|found| found.get(active.get_untracked()).copied());
                let class = if active.get_untracked() > 0 { marked } else { exact.or(marked) };
                if let Some(class) = class {
                    choose(class);
                }
            }
            "Escape" => open.set(false),
            _ => {}
        }
    };

    view! {
        <div class="search">
            <label for="class-search">{move || state.text().search}</label>
            <input
                id="class-search"
                type="search"
                role="combobox"
                autocomplete="off"
                spellcheck="false"
                data-testid="class-search"
                aria-autocomplete="list"
                aria-controls="class-options"
                aria-expanded=move || open.get().to_string()
                aria-activedescendant=move || {
                    let marked = open.get() && found.with(|found| !found.is_empty());
                    if marked { format!("class-option-{}", active.get()) } else { String::new() }
                }
                disabled=move || state.labels.with(|labels| labels.names.is_empty())
                placeholder=move || state.text().search_placeholder
                prop:value=move || query.get()
                on:input:target=move |event| {
                    let words = event.target().value();
                    query.set(words);
                    active.set(0);
                    open.set(true);
                }
                on:click=move |_| open.set(true)
                on:blur=move |_| open.set(false)
                on:keydown=on_key
            />
            <ul node_ref=list id="class-options" role="listbox" aria-label=move || state.text().search class:shown=move || open.get()>
                {move || {
                    let found = found.get();
                    if found.is_empty() && open.get() {
                        return view! { <li class="search-none">{state.text().search_none}</li> }.into_any();
                    }
                    found
                        .into_iter()
                        .enumerate()
                        .map(|(place, class)| {
                            view! {
                                <li
                                    id=format!("class-option-{place}")
                                    role="option"
                                    data-class=class
                                    aria-selected=move || (active.get() == place).to_string()
                                    // Before the field loses its focus, which would close the list
                                    // under the pointer.
                                    on:mousedown=move |event| {
                                        event.prevent_default();
                                        choose(class);
                                    }
                                >
                                    <span>{state.label(class)}</span>
                                    <small>{state.second_label(class)}</small>
                                    <small class="search-number">{class}</small>
                                </li>
                            }
                        })
                        .collect_view()
                        .into_any()
                }}
            </ul>
        </div>
    }
}
