//! A class pack: many photos at once, each explained for its likeliest class; `tile.rs`: one of
//! them.

mod tile;

use crate::controller::Controller;
use crate::i18n::{Words, fill};
use crate::platform::dropped;
use crate::state::State;
use crate::state::pack::{CONFIDENT, Expectations, Filter, MOST, Outcome, PackPhoto};
use leptos::html;
use leptos::prelude::*;
use std::collections::BTreeMap;
use tile::Tile;
use web_sys::HtmlInputElement;

/// Classes that are named of those that a word means.
const NAMED: usize = 3;

#[component]
pub fn Pack(controller: Controller) -> impl IntoView {
    let state = controller.state;
    let pack = state.pack;
    let expectations = Memo::new(move |_| state.expectations());
    let any = Memo::new(move |_| pack.photos.with(|photos| !photos.is_empty()));
    let shown = Memo::new(move |_| {
        let (filter, only_wrong) = (pack.filter.get(), pack.only_wrong.get());
        expectations.with(|expectations| {
            let shows = |photo: &&PackPhoto| {
                filter.shows(photo, expectations)
                    && (!only_wrong || expectations.is_confidently_wrong(photo))
            };
            pack.photos.with(|photos| photos.iter().filter(shows).map(|photo| photo.id).collect())
        })
    });
    let ids = Memo::new(move |_| {
        pack.photos.with(|photos| photos.iter().map(|photo| photo.id).collect::<Vec<_>>())
    });
    let left_out = move || {
        let [count, most] = [pack.left_out.get(), MOST].map(|number| state.number(number));
        (pack.left_out.get() > 0).then(|| fill(state.text().pack.left_out, &[&count, &most]))
    };
    view! {
        <div class="pack" data-testid="pack">
            <p class="hint">{move || state.text().pack.hint}</p>
            <Sources controller />
            <p class="hint" role="status" data-testid="pack-left-out">{left_out}</p>
            <div class="pack-done" hidden=move || !any.get()>
                <Run controller />
                <Expected state expectations />
                <Filters state expectations />
                <p class="hint" role="status" data-testid="pack-nothing">
                    {move || shown.with(Vec::is_empty).then(|| state.text().pack.nothing)}
                </p>
                <ul class="pack-grid">
                    <For
                        each=move || ids.get()
                        key=|id| *id
                        children=move |id| view! { <Tile controller id shown expectations /> }
                    />
                </ul>
            </div>
        </div>
    }
}

/// Where photos come from, besides being dropped.
#[component]
fn Sources(controller: Controller) -> impl IntoView {
    let state = controller.state;
    let inputs = [NodeRef::<html::Input>::new(), NodeRef::<html::Input>::new()];
    Effect::new(move |_| {
        if let Some(input) = inputs[1].get() {
            input.set_webkitdirectory(true);
        }
    });
    let choose = move |n: usize| {
        if let Some(input) = inputs[n].get_untracked() {
            input.click();
        }
    };
    let taken = move |input: HtmlInputElement| {
        let files = input.files();
        let files = files.map(|files| (0..files.length()).filter_map(|n| files.get(n)).collect());
        let files: Vec<_> = files.unwrap_or_default();
        input.set_value("");
        if !files.is_empty() {
            controller.open_pack(files.into_iter().map(|one| (dropped::path(&one), one)).collect());
        }
    };
    let button = move |n: usize, id: &'static str, words: Words| {
        view! {
            <button type="button" data-testid=id on:click=move |_| choose(n)>
                {move || words(state.text())}
            </button>
        }
    };
    view! {
        <div class="buttons">
            {button(0, "pack-photos", |text| text.pack.photos)}
            {button(1, "pack-folder", |text| text.pack.folder)}
        </div>
        <input
            type="file"
            class="hidden-input"
            accept="image/*"
            multiple
            tabindex="-1"
            aria-hidden="true"
            data-testid="pack-input"
            node_ref=inputs[0]
            on:change:target=move |event| taken(event.target())
        />
        <input
            type="file"
            class="hidden-input"
            tabindex="-1"
            aria-hidden="true"
            data-testid="pack-folder-input"
            node_ref=inputs[1]
            on:change:target=move |event| taken(event.target())
        />
    }
}

/// How far it is, and what can be done with all.
#[component]
fn Run(controller: Controller) -> impl IntoView {
    let state = controller.state;
    let pack = state.pack;
    let counts = Memo::new(move |_| {
        pack.photos.with(|photos| {
            let waiting = |photo: &&PackPhoto| photo.outcome == Outcome::Waiting;
            (photos.len() - photos.iter().filter(waiting).count(), photos.len())
        })
    });
    let words = move || {
        let (done, of) = counts.get();
        fill(state.text().pack.progress, &[&state.number(done), &state.number(of)])
    };
    let waits = move || counts.get().0 < counts.get().1;
    let nothing_yet = move || counts.get().0 == 0;
    view! {
        <div class="pack-run">
            <progress
                max=move || counts.get().1.to_string()
                value=move || counts.get().0.to_string()
                aria-label=words
            ></progress>
            <span data-testid="pack-progress" data-running=move || pack.running.get().to_string()>{words}</span>
            <button type="button" data-testid="pack-stop" hidden=move || !pack.running.get() on:click=move |_| controller.stop_pack()>
                {move || state.text().pack.stop}
            </button>
            <button type="button" data-testid="pack-go-on" hidden=move || pack.running.get() || !waits() on:click=move |_| controller.run_pack()>
                {move || state.text().pack.go_on}
            </button>
            <button type="button" data-testid="pack-again" hidden=move || pack.running.get() || waits() on:click=move |_| controller.run_pack_again()>
                {move || state.text().pack.again}
            </button>
            <button type="button" data-testid="pack-save-table" disabled=nothing_yet on:click=move |_| controller.save_pack_table()>
                {move || state.text().pack.save_table}
            </button>
            <button type="button" data-testid="pack-save-all" disabled=nothing_yet on:click=move |_| controller.save_pack()>
                {move || state.text().pack.save_all}
            </button>
            <button type="button" class="quiet" data-testid="pack-clear" on:click=move |_| controller.clear_pack()>
                {move || state.text().pack.clear}
            </button>
        </div>
    }
}

/// The class that is expected of all; else the folders' names say it.
#[component]
fn Expected(state: State, expectations: Memo<Expectations>) -> impl IntoView {
    let pack = state.pack;
    let means = move || {
        let text = state.text().pack;
        if pack.expected.with(|typed| typed.trim().is_empty()) {
            return text.expected_hint.to_owned();
        }
        let classes = expectations.get().for_all.map(|expected| expected.classes);
        let classes = classes.unwrap_or_default();
        let named: Vec<_> = classes.iter().take(NAMED).map(|&class| state.label(class)).collect();
        match classes.len() {
            0 => text.means_none.to_owned(),
            1 => fill(text.means_one, &[&named[0]]),
            count => fill(text.means, &[&state.number(count), &named.join(text.comma)]),
        }
    };
    view! {
        <div class="pack-expected">
            <label class="field">
                <span>{move || state.text().pack.expected}</span>
                <input
                    type="search"
                    autocomplete="off"
                    spellcheck="false"
                    data-testid="pack-expected"
                    aria-describedby="pack-means"
                    prop:value=move || pack.expected.get()
                    on:input:target=move |event| pack.expected.set(event.target().value())
                />
            </label>
            <p class="hint" id="pack-means" data-testid="pack-means">{means}</p>
        </div>
    }
}

/// Which photos are on show, and how many are as expected.
#[component]
fn Filters(state: State, expectations: Memo<Expectations>) -> impl IntoView {
    let pack = state.pack;
    // Photos by what is expected of them and by their likeliest class.
    let groups = Memo::new(move |_| {
        let (mut expected, mut likeliest) = (BTreeMap::new(), BTreeMap::new());
        expectations.with(|expectations| {
            pack.photos.with(|photos| {
                for photo in photos {
                    if let Some(one) = expectations.of(photo) {
                        *expected.entry(one.name.clone()).or_insert(0) += 1;
                    }
                    if let Some(one) = photo.likeliest() {
                        *likeliest.entry(one.class).or_insert(0) += 1;
                    }
                }
            });
        });
        (expected, likeliest)
    });
    let counts = Memo::new(move |_| {
        expectations.with(|expectations| {
            pack.photos.with(|photos| {
                let known = photos.iter().filter_map(|photo| expectations.is_right(photo));
                let known: Vec<bool> = known.collect();
                let right = known.iter().filter(|&&right| right).count();
                let wrong = photos.iter().filter(|photo| expectations.is_confidently_wrong(photo));
                (right, known.len(), wrong.count())
            })
        })
    });
    let option = move |filter: Filter, name: String, count: usize| {
        let words = format!("{name} ({})", state.number(count));
        let chosen = filter.clone();
        view! {
            <option value=filter.value() selected=move || pack.filter.get() == chosen>{words}</option>
        }
    };
    let options = move || {
        let (expected, likeliest) = groups.get();
        let text = state.text().pack;
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(name, count)| option(Filter::Expected(name.clone()), name, count))
            .collect();
        let mut classes: Vec<_> = likeliest.into_iter().collect();
        classes.sort_by_key(|&(class, count)| (std::cmp::Reverse(count), class));
        let likeliest: Vec<_> = classes
            .into_iter()
            .map(|(class, count)| option(Filter::Likeliest(class), state.label(class), count))
            .collect();
        let all = pack.photos.with(Vec::len);
        view! {
            {option(Filter::All, text.all.to_owned(), all)}
            {(!expected.is_empty()).then(|| view! { <optgroup label=text.groups[0]>{expected}</optgroup> })}
            {(!likeliest.is_empty()).then(|| view! { <optgroup label=text.groups[1]>{likeliest}</optgroup> })}
        }
    };
    let wrong = move || {
        let count = state.number(counts.get().2);
        fill(state.text().pack.only_wrong, &[&state.percent(CONFIDENT, 0), &count])
    };
    let score = move || {
        let (right, of, _) = counts.get();
        (of > 0).then(|| fill(state.text().pack.score, &[&state.number(right), &state.number(of)]))
    };
    view! {
        <div class="pack-filters">
            <label class="field">
                <span>{move || state.text().pack.show}</span>
                <select
                    data-testid="pack-filter"
                    on:change:target=move |event| pack.filter.set(Filter::from_value(&event.target().value()))
                >
                    {options}
                </select>
            </label>
            <label class="check">
                <input
                    type="checkbox"
                    data-testid="pack-only-wrong"
                    prop:checked=move || pack.only_wrong.get()
                    on:change:target=move |event| pack.only_wrong.set(event.target().checked())
                />
                <span>{wrong}</span>
            </label>
            <span class="pack-score" data-testid="pack-score" role="status">{score}</span>
        </div>
    }
}
