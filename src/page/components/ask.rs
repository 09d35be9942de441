//! A question about the photo, its likeliest answers, and what speaks for each of them.

use crate::components::widgets::Segmented;
use crate::controller::Controller;
use crate::engine::protocol::Answered;
use crate::fault::Fault;
use crate::i18n::{Words, sentence};
use crate::platform::canvas;
use crate::state::{State, Way};
use gradlens::error::Error;
use gradlens::explain::{Asked, Explanation, Score};
use leptos::html;
use leptos::prelude::*;
use std::sync::Arc;

/// The model that answers questions and describes.
const BASE: &str = "emoji50";

/// Three ways to look: the classes that the network names, a description, or a question.
#[component]
pub fn Ways(controller: Controller) -> impl IntoView {
    let state = controller.state;
    let words = |way| -> Words {
        match way {
            Way::Name => |text| text.ask.name_it,
            Way::Describe => |text| text.describe.describe_it,
            Way::Ask => |text| text.ask.ask_it,
        }
    };
    let choose = move |name| {
        if let Some(way) = Way::ALL.into_iter().find(|way| way.name() == name) {
            controller.choose_way(way);
        }
    };
    view! {
        <Segmented
            state
            name="look"
            label=|text| text.ask.ways
            options=Way::ALL.map(|way| (way.name(), words(way))).to_vec()
            value=Signal::derive(move || state.way.get().name())
            choose
        />
    }
}

#[component]
pub fn Questions(controller: Controller) -> impl IntoView {
    let state = controller.state;
    let able = Memo::new(move |_| state.head(Way::Ask).is_some());
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
        false => view! { <OtherNetwork controller why=|text| text.ask.other_network /> }.into_any(),
    }
}

/// The network in use only names things; the one that does more is a click away.
#[component]
pub fn OtherNetwork(controller: Controller, why: Words) -> impl IntoView {
    let state = controller.state;
    // The page as one file holds only some.
    let listed = move || state.is_listed(BASE);
    view! {
        <p class="hint">
            {move || why(state.text())}
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
        let language = state.language().of_heads();
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
    let answers = move || {
        let answered = ask.answered.get()?;
        let rows = answered.scores.iter().map(|&score| view! { <AnswerRow controller score /> });
        Some(view! {
            <ol data-testid="answers">{rows.collect_view()}</ol>
            <Maps state maps=answered.maps.clone() shown=ask.map />
            <p class="fine">{move || state.text().ask.differ}</p>
        })
    };
    view! {
        <Complaint controller fault=ask.fault />
        {answers}
    }
}

/// Why there is no answer or description; a photo of the wrong size is cropped by a click.
#[component]
pub fn Complaint(controller: Controller, fault: RwSignal<Option<Fault>>) -> impl IntoView {
    let state = controller.state;
    let complaint = move || {
        let fault = fault.get()?;
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
    view! { <div role="status" data-testid="ask-fault">{complaint}</div> }
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

/// Maps side by side; the chosen one lies over the picture.
#[component]
pub fn Maps(state: State, maps: Vec<Arc<Explanation>>, shown: RwSignal<usize>) -> impl IntoView {
    let map = |(place, explanation): (usize, Arc<Explanation>)| {
        let canvas = NodeRef::<html::Canvas>::new();
        let name = match explanation.asked {
            Some(Asked::Attention(_)) => "attention",
            _ => explanation.method.name(),
        };
        let called = state.method_of(&explanation);
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
                data-testid=format!("ask-map-{name}")
                aria-pressed=move || (shown.get() == place).to_string()
                on:click=move |_| shown.set(place)
            >
                <canvas node_ref=canvas aria-hidden="true"></canvas>
                <span>{called}</span>
            </button>
        }
    };
    let maps = maps.into_iter().enumerate().map(map).collect_view();
    view! { <div class="ask-maps">{maps}</div> }
}

/// The words of the way that is chosen, for a heading.
pub fn heading(state: &State) -> Words {
    match state.way.get() {
        Way::Name => |text| text.sees,
        Way::Describe => |text| text.describe.heading,
        Way::Ask => |text| text.ask.heading,
    }
}
