//! The three questions at the tour's end. Question, answers and reasons are made of this very run's
//! numbers: another photo or class has other right answers.

use crate::i18n::fill;
use crate::state::State;
use gradlens::catalog::layer_summary::part;
use gradlens::explain::Score;
use gradlens::explain::objective::Scores;
use gradlens::image::heatmap::describe;
use leptos::prelude::*;

/// Factors above this one are all called the same.
const MANY: f64 = 1e6;

#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    asked: String,
    answers: Vec<String>,
    /// Which of the answers is right.
    right: usize,
    because: String,
}

/// What there is to ask about the present prediction and explanation.
pub fn questions(state: &State) -> Vec<Question> {
    [scores(state), grid(state), place(state)].into_iter().flatten().collect()
}

/// How probabilities come from scores.
fn scores(state: &State) -> Option<Question> {
    let text = state.text().tour;
    let prediction = state.prediction.get()?;
    let (first, second) = match (prediction.scores, &prediction.top(2)[..]) {
        (Scores::Softmax, &[first, second]) => (first, second),
        (Scores::Sigmoid, &[first, ..]) => return Some(half(state, first)),
        _ => return None,
    };
    let score = |score: Score| format!("{:.2}", score.logit);
    let times = |factor: f64| match factor {
        MANY.. => text.factor_many.to_owned(),
        10.0.. => fill(text.factor_answer, &[&state.number(factor.round() as usize)]),
        _ => fill(text.factor_answer, &[&format!("{factor:.1}")]),
    };
    let difference = f64::from(first.logit) - f64::from(second.logit);
    let right = difference.exp();
    // What one would say who forgot the power, or divided the scores.
    let ratio = f64::from(first.logit) / f64::from(second.logit);
    let mut factors = vec![right];
    for factor in [difference, ratio, 2.0 * right, 5.0 * right, right / 2.0, right / 10.0] {
        let is_new = factors.iter().all(|&known| times(known) != times(factor));
        if factors.len() < 3 && factor >= 1.0 && is_new {
            factors.push(factor);
        }
    }
    factors.sort_by(f64::total_cmp);
    let (one, other) = (state.label(first.class), state.label(second.class));
    Some(Question {
        asked: fill(text.factor, &[&one, &score(first), &other, &score(second), &one]),
        right: factors.iter().position(|&factor| factor == right)?,
        answers: factors.into_iter().map(times).collect(),
        because: fill(
            text.factor_because,
            &[
                &format!("{difference:.2}"),
                &state.percent(first.probability, 2),
                &state.percent(second.probability, 2),
            ],
        ),
    })
}

/// The same, where each class is a question of its own.
fn half(state: &State, score: Score) -> Question {
    let text = state.text().tour;
    Question {
        asked: fill(text.half, &[&state.label(score.class), &format!("{:.2}", score.logit)]),
        answers: text.half_answers.map(String::from).to_vec(),
        right: usize::from(score.logit > 0.0),
        because: fill(text.half_because, &[&state.percent(score.probability, 1)]),
    }
}

/// How coarse the heatmap is, and how coarse it would be at a layer nearby.
fn grid(state: &State) -> Option<Question> {
    let text = state.text().tour;
    let known = state.explanation.get()?;
    let (here, there) = state.layer_summary.with(|parts| {
        let here = part(parts, known.last_layer())?;
        let layers = state.one_layer_per_stride();
        let at = |layer: &(String, usize)| part(parts, &layer.0).map(|at| (layer.0.clone(), at));
        let others = || layers.iter().filter_map(at);
        let earlier = others().rfind(|(_, other)| other.stride < here.stride);
        let later = || others().find(|(_, other)| other.stride > here.stride);
        let (name, other) = earlier.or_else(later)?;
        Some((here.clone(), (name, other.clone())))
    })?;
    let (name, other) = there;
    // Columns and rows: there, here, and on the wrong side of here.
    let wrong = |side: usize, there: usize| if there > side { side.div_ceil(2) } else { 2 * side };
    let right = (other.width, other.height);
    let mut sizes = vec![
        right,
        (here.width, here.height),
        (wrong(here.width, other.width), wrong(here.height, other.height)),
    ];
    sizes.sort();
    sizes.dedup();
    let size = |(width, height): (usize, usize)| format!("{width} × {height}");
    let [height, width] = [here.height, here.width].map(|side| side.to_string());
    let [near, far] = [here.stride, other.stride].map(|side| side.to_string());
    let layer = known.last_layer();
    Some(Question {
        asked: fill(text.grid, &[layer, &width, &height, &name]),
        right: sizes.iter().position(|&size| size == right)?,
        answers: sizes.into_iter().map(size).collect(),
        because: fill(text.grid_because, &[&far, &far, &name, &near, &near, layer]),
    })
}

/// Where the evidence lies; of an empty heatmap, what that means.
fn place(state: &State) -> Option<Question> {
    let (text, places) = (state.text().tour, state.text().tools.places);
    let known = state.explanation.get()?;
    if known.blank {
        return Some(Question {
            asked: fill(text.blank, &[&state.label(known.class)]),
            answers: text.blank_answers.map(String::from).to_vec(),
            right: 0,
            because: text.blank_because.to_owned(),
        });
    }
    let found = describe(&known.heatmap, (known.height, known.width));
    // Two others, in other rows and columns, all three as one reads.
    let mut answers = [0, 1, 2].map(|by| ((found.row + by) % 3, (found.column + by) % 3));
    answers.sort();
    let named = |(row, column): (usize, usize)| places[row][column].to_owned();
    let because = [&named((found.row, found.column)), &*state.percent(found.share, 0)];
    Some(Question {
        asked: fill(text.place, &[&state.evidence(&known)]),
        right: answers.iter().position(|&at| at == (found.row, found.column))?,
        because: fill(text.place_because, &because),
        answers: answers.map(named).to_vec(),
    })
}

/// The questions, each with its answers as buttons; the first click shows the reason, and others
/// can be tried.
#[component]
pub fn Questions(state: State, questions: Memo<Vec<Question>>) -> impl IntoView {
    let one = move |question: Question| {
        let Question { asked, answers, right, because } = question;
        let picked = RwSignal::new(None::<usize>);
        let buttons = answers.clone().into_iter().enumerate().map(|(place, answer)| {
            view! {
                <button
                    type="button"
                    class="small"
                    aria-pressed=move || (picked.get() == Some(place)).to_string()
                    on:click=move |_| picked.set(Some(place))
                >
                    {answer}
                </button>
            }
        });
        let verdict = move || {
            let text = state.text().tour;
            match picked.get() {
                None => String::new(),
                Some(place) if place == right => format!("{}{because}", text.right),
                Some(_) => format!("{}{because}", fill(text.wrong, &[&answers[right]])),
            }
        };
        view! {
            <li>
                <p>{asked}</p>
                <div class="buttons">{buttons.collect_view()}</div>
                <p
                    class="tour-verdict"
                    class:is-right=move || picked.get() == Some(right)
                    role="status"
                >
                    {verdict}
                </p>
            </li>
        }
    };
    let rows = move || questions.get().into_iter().map(one).collect_view();
    view! {
        <ol class="tour-questions" data-testid="tour-questions">
            {rows}
        </ol>
    }
}
