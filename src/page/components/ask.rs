//! A question about the photo, its likeliest answers, and what speaks for each of them.

use crate::components::widgets::Segmented;
use crate::controller::Controller;
use crate::engine::protocol::Answered;
use crate::fault::Fault;
use crate::i18n::{Language, Words, sentence};
use crate::platform::canvas;
use crate::state::State;
use gradlens::catalog::questions;
use gradlens::error::Error;
use gradlens::explain::{Explanation, Score};
use leptos::html;
use leptos::prelude::*;
use std::sync::Arc;

/// The model that answers questions.
const BASE: &str = "emoji50";

const NAME: &str = "name";
const ASK: &str = "ask";

/// Two ways to look: the classes that the network names, or a question.
#[component]
pub fn NameOrAsk(controller: Controller) -> impl IntoView {
    let state = controller.state;
    view! {
        <Segmented
            state
            name="look"
            label=|text| text.ask.ways
            options=vec![(NAME, |text| text.ask.name_it), (ASK, |text| text.ask.ask_it)]
            value=Signal::derive(move || if state.ask.on.get() { ASK } else { NAME })
            choose=move |way| controller.show_questions(way == ASK)
        />
    }
}

#[component]
pub fn Questions(controller: Controller) -> impl IntoView {
    let state = controller.state;
    let able = Memo::new(move |_| state.can_ask());
    move || match able.get() {
        true => {
            let limits = move || state.text().ask.limits;
            view! {
                <Field controller />
                <Answers controller />
                <Suggestions controller />
                <p class="fine">{limits}</p>
            }
            .into_any()
        }
        false => view! { <OtherNetwork controller /> }.into_any(),
    }
}

/// The network in use answers no questions; the one that does is a click away.
#[component]
fn OtherNetwork(controller: Controller) -> impl IntoView {
    let state = controller.state;
    // The page as one file holds only some.
    let listed = move || state.is_listed(BASE);
    view! {
        <p class="hint">
            {move || state.text().ask.other_network}
            {move || if listed() { "" } else { state.text().ask.not_here }}
        </p>
        <div class="buttons" hidden=move || !listed()>
            <button type="button" data-testid="ask-network" on:click=move |_| controller.choose_model(BASE)>
                {move || state.text().ask.choose_network}
            </button>
        </div>
    }
}

#[component]
fn Field(controller: Controller) -> impl IntoView {
    let state = controller.state;
    let ask = state.ask;
    let empty = move || state.picture.with(Option::is_none);
    view! {
        <p class="hint">{move || if empty() { state.text().ask.empty } else { state.text().ask.hint }}</p>
        <form
            class="ask-field"
            on:submit=move |event| {
                event.prevent_default();
                controller.ask(ask.text.get_untracked());
            }
        >
            <input
                type="search"
                maxlength="200"
                autocomplete="off"
                data-testid="question"
                aria-label=move || state.text().ask.question
                placeholder=move || state.text().ask.question
                prop:value=move || ask.text.get()
                on:input:target=move |event| ask.text.set(event.target().value())
            />
            <button type="submit" class="strong" data-testid="ask" disabled=empty>
                {move || state.text().ask.ask}
            </button>
        </form>
    }
}

/// A question of each kind, about the two likeliest things in the picture.
#[component]
fn Suggestions(controller: Controller) -> impl IntoView {
    let state = controller.state;
    let suggestions = Memo::new(move |_| {
        let language = match state.language() {
            Language::English => questions::Language::En,
            Language::Chinese => questions::Language::Zh,
        };
        let (known, prediction) = (state.ask.known.get()?, state.prediction.get()?);
        match prediction.top(2)[..] {
            [noun, other] => Some(known.about(language, [noun.class, other.class])),
            _ => None,
        }
    });
    let buttons = move || {
        let suggestion = |question: String| {
            let asked = question.clone();
            view! {
                <button type="button" class="quiet small" on:click=move |_| controller.ask(asked.clone())>
                    {question}
                </button>
            }
        };
        suggestions.get().unwrap_or_default().into_iter().map(suggestion).collect_view()
    };
    view! {
        <div class="ask-suggestions" data-testid="suggestions">
            <p class="hint" class:shown=move || suggestions.with(Option::is_some)>{move || state.text().ask.suggestions}</p>
            {buttons}
        </div>
    }
}

#[component]
fn Answers(controller: Controller) -> impl IntoView {
    let state = controller.state;
    let ask = state.ask;
    let fault = move || {
        let fault = ask.fault.get()?;
        let crop = matches!(&fault, Fault::Engine(Error::QuestionSize { .. }));
        Some(view! {
            <p class="ask-fault">{sentence(state.language(), &fault)}</p>
            {crop.then(|| view! {
                <div class="buttons">
                    <button type="button" data-testid="ask-crop" on:click=move |_| controller.crop_to_ask()>
                        {state.text().fit_crop}
                    </button>
                </div>
            })}
        })
    };
    let answers = move || {
        let answered = ask.answered.get()?;
        let rows = answered.scores.iter().map(|&score| view! { <AnswerRow controller score /> });
        Some(view! {
            <ol data-testid="answers">{rows.collect_view()}</ol>
            <Maps state answered=answered.clone() />
            <p class="fine">{move || state.text().ask.differ}</p>
        })
    };
    view! {
        <div role="status" data-testid="ask-fault">{fault}</div>
        {answers}
    }
}

#[component]
fn AnswerRow(controller: Controller, score: Score) -> impl IntoView {
    let state = controller.state;
    let Score { class: answer, probability, .. } = score;
    let chosen = move || {
        let explained =
            |answered: &Arc<Answered>| answered.maps.first().map(|map| map.class == answer);
        state.ask.answered.with(|answered| answered.as_ref().and_then(explained)) == Some(true)
    };
    view! {
        <li data-answer=answer data-probability=probability>
            <button type="button" aria-pressed=move || chosen().to_string() on:click=move |_| controller.choose_answer(answer)>
                <span class="class-name">{move || state.answer_name(answer)}</span>
                <span class="class-probability">{move || state.percent(probability, 1)}</span>
                <span class="class-bar" aria-hidden="true"><span style:width=format!("{:.2}%", 100.0 * probability)></span></span>
            </button>
        </li>
    }
}

/// The answer's map by each method; the chosen one lies over the picture.
#[component]
fn Maps(state: State, answered: Arc<Answered>) -> impl IntoView {
    let map = |(place, explanation): (usize, Arc<Explanation>)| {
        let canvas = NodeRef::<html::Canvas>::new();
        let method = explanation.method;
        Effect::new(move |_| {
            if let (Some(canvas), Some(picture)) = (canvas.get(), state.picture.get()) {
                let thumb = picture.shown.shrunk(canvas::THUMB);
                canvas::paint(
                    &canvas,
                    &canvas::over(&thumb, picture.size, &explanation, state.look()),
                );
            }
        });
        view! {
            <button
                type="button"
                class="ask-map"
                data-testid=format!("ask-map-{}", method.name())
                aria-pressed=move || (state.ask.map.get() == place).to_string()
                on:click=move |_| state.ask.map.set(place)
            >
                <canvas node_ref=canvas aria-hidden="true"></canvas>
                <span>{state.method_name(method)}</span>
            </button>
        }
    };
    let maps = answered.maps.iter().cloned().enumerate().map(map).collect_view();
    view! { <div class="ask-maps">{maps}</div> }
}

/// The words of the way that is chosen, for a heading.
pub fn heading(state: &State) -> Words {
    if state.ask.on.get() { |text| text.ask.heading } else { |text| text.sees }
}
