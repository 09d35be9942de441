//! How photos become the inputs of a visitor's own network, and by which conventions that was trained.

use crate::checkpoint;
use crate::image::{MIN_SIDE, Preprocessing};
use crate::page::controller::Controller;
use crate::page::engine::protocol::Training;
use crate::page::i18n::Words;
use leptos::prelude::*;

/// What can be set of a preprocessing: sides in pixels, and a number for each of three channels.
#[derive(Clone, Copy)]
enum Number {
    Resize,
    Crop,
    Longest,
    Mean(usize),
    Std(usize),
}

impl Number {
    fn get(self, preprocessing: &Preprocessing) -> f64 {
        // 0.485, and not the double next to the float
        let float = |value: f32| (f64::from(value) * 1e6).round() / 1e6;
        match self {
            Number::Resize => preprocessing.resize as f64,
            Number::Crop => preprocessing.crop as f64,
            Number::Longest => preprocessing.longest as f64,
            Number::Mean(channel) => float(preprocessing.mean[channel]),
            Number::Std(channel) => float(preprocessing.std[channel]),
        }
    }

    fn set(self, preprocessing: &mut Preprocessing, value: f64) {
        match self {
            Number::Resize => preprocessing.resize = value as usize,
            Number::Crop => preprocessing.crop = value as usize,
            Number::Longest => preprocessing.longest = value as usize,
            Number::Mean(channel) => preprocessing.mean[channel] = value as f32,
            Number::Std(channel) => preprocessing.std[channel] = value as f32,
        }
    }

    /// Least, most, and step; the browser refuses what lies outside.
    fn bounds(self) -> [String; 3] {
        match self {
            Number::Resize | Number::Crop | Number::Longest => [MIN_SIDE.to_string(), "1024".into(), "1".into()],
            Number::Mean(_) => ["-10".into(), "10".into(), "any".into()],
            Number::Std(_) => ["0.001".into(), "10".into(), "any".into()],
        }
    }
}

/// How photos become the inputs of a visitor's own network: folded away, ImageNet's values at first.
#[component]
pub fn PreprocessingForm(controller: Controller) -> impl IntoView {
    let state = controller.state;
    let input = move |(number, id): (Number, &'static str), words: Words| {
        let [min, max, step] = number.bounds();
        let label = move || match number {
            Number::Mean(channel) | Number::Std(channel) => {
                format!("{} ({})", words(state.text()), state.text().weights.channels[channel])
            }
            _ => words(state.text()).to_owned(),
        };
        view! {
            <input
                type="number"
                data-testid=id
                aria-label=label
                min=min
                max=max
                step=step
                prop:value=move || state.preprocessing.with(|known| number.get(known))
                on:change:target=move |event| {
                    let input = event.target();
                    let value = input.value_as_number();
                    if input.check_validity() && value.is_finite() {
                        let mut preprocessing = state.preprocessing.get_untracked();
                        number.set(&mut preprocessing, value);
                        controller.choose_preprocessing(preprocessing);
                    }
                }
            />
        }
    };
    let rows: [(Words, Vec<(Number, &'static str)>); 5] = [
        (
            |text| text.weights.mean,
            vec![(Number::Mean(0), "mean-0"), (Number::Mean(1), "mean-1"), (Number::Mean(2), "mean-2")],
        ),
        (
            |text| text.weights.std,
            vec![(Number::Std(0), "std-0"), (Number::Std(1), "std-1"), (Number::Std(2), "std-2")],
        ),
        (|text| text.weights.resize, vec![(Number::Resize, "resize")]),
        (|text| text.weights.crop, vec![(Number::Crop, "crop")]),
        (|text| text.weights.longest, vec![(Number::Longest, "longest")]),
    ];
    let rows: Vec<_> = rows
        .into_iter()
        .map(|(words, numbers)| {
            let inputs: Vec<_> = numbers.into_iter().map(|number| input(number, words)).collect();
            view! {
                <div class="field">
                    <span>{move || words(state.text())}</span>
                    <div class="preprocessing-numbers">{inputs}</div>
                </div>
            }
        })
        .collect();
    view! {
        <details class="preprocessing" data-testid="inputs">
            <summary>{move || state.text().weights.preprocessing}</summary>
            <p class="hint">{move || state.text().weights.preprocessing_hint}</p>
            {rows}
            <Conventions controller />
            <button type="button" data-testid="imagenet-inputs" on:click=move |_| controller.choose_preprocessing(Preprocessing::default())>
                {move || state.text().weights.reset}
            </button>
        </details>
    }
}

/// By which framework's conventions the network was trained, where it is of a family whose tensors do not tell.
#[component]
fn Conventions(controller: Controller) -> impl IntoView {
    let state = controller.state;
    let known = [checkpoint::Conventions::PYTORCH, checkpoint::Conventions::TENSORFLOW];
    let applies = Memo::new(move |_| state.training.with(Option::is_some));
    let chosen = move || {
        let now = state.training.get().map(|trained| trained.conventions);
        known.iter().position(|&one| Some(one) == now).unwrap_or(0).to_string()
    };
    let told_by = move || {
        let text = state.text().weights;
        let words = |trained: Training| {
            let place = usize::from(trained.conventions == known[1]);
            format!("{} {}", text.conventions_mean[place], text.conventions_from[trained.source as usize])
        };
        state.training.get().map(words).unwrap_or_default()
    };
    view! {
        {move || applies.get().then(|| view! {
            <label class="field">
                <span>{move || state.text().weights.conventions}</span>
                <select
                    data-testid="conventions"
                    prop:value=chosen
                    on:change=move |event| controller.choose_conventions(known[usize::from(event_target_value(&event) == "1")])
                >
                    {[0, 1]
                        .map(|place: usize| view! {
                            <option value=place.to_string() selected=move || chosen() == place.to_string()>
                                {move || state.text().weights.trained_with[place]}
                            </option>
                        })
                        .into_iter()
                        .collect_view()}
                </select>
            </label>
            <p class="fine" data-testid="conventions-from">{told_by}</p>
        })}
    }
}
