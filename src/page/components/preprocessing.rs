//! How photos become the inputs of a visitor's own network, and by which conventions that was
//! trained.

use crate::controller::Controller;
use crate::engine::protocol::Training;
use crate::i18n::Words;
use gradlens::checkpoint::Conventions;
use gradlens::explain::objective::Scores;
use gradlens::image::{MIN_SIDE, Preprocessing};
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
            Number::Resize | Number::Crop | Number::Longest => {
                [MIN_SIDE.to_string(), "1024".into(), "1".into()]
            }
            Number::Mean(_) => ["-10".into(), "10".into(), "any".into()],
            Number::Std(_) => ["0.001".into(), "10".into(), "any".into()],
        }
    }
}

/// How photos become the inputs of a visitor's own network: folded away, ImageNet's values at
/// first.
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
            vec![
                (Number::Mean(0), "mean-0"),
                (Number::Mean(1), "mean-1"),
                (Number::Mean(2), "mean-2"),
            ],
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
            <ConventionsForm controller />
            <button type="button" data-testid="imagenet-inputs" on:click=move |_| controller.choose_preprocessing(Preprocessing::default())>
                {move || state.text().weights.reset}
            </button>
        </details>
    }
}

/// What tensors do not tell: conventions of the training, and what the outputs mean.
#[component]
fn ConventionsForm(controller: Controller) -> impl IntoView {
    let state = controller.state;
    let is_mobilenet = Memo::new(move |_| {
        state.training.with(|training| training.is_some_and(|training| training.is_mobilenet))
    });
    let now =
        move || state.training.get().map_or(Conventions::PYTORCH, |training| training.conventions);
    let change = move |change: &dyn Fn(&mut Conventions)| {
        let mut conventions = untrack(now);
        change(&mut conventions);
        controller.choose_conventions(conventions);
    };
    let words = move || state.text().weights;
    let framework = move || {
        let from = move |training: Training| {
            let place = usize::from(training.conventions.same_padding);
            format!(
                "{} {}",
                words().conventions_mean[place],
                words().conventions_from[training.source as usize]
            )
        };
        view! {
            <Choice
                id="conventions"
                label=Signal::derive(move || words().conventions)
                options=Signal::derive(move || words().trained_with.to_vec())
                chosen=Signal::derive(move || usize::from(now().same_padding))
                choose=move |place| {
                    let Conventions { same_padding, epsilon, .. } =
                        [Conventions::PYTORCH, Conventions::TENSORFLOW][place];
                    change(&|conventions| (conventions.same_padding, conventions.epsilon) = (same_padding, epsilon));
                }
            />
            <p class="fine" data-testid="conventions-from">
                {move || state.training.get().map(from).unwrap_or_default()}
            </p>
        }
    };
    let strides = move || {
        let stride = |place: usize| Conventions::OUTPUT_STRIDES[place];
        let place = move || {
            Conventions::OUTPUT_STRIDES
                .iter()
                .position(|&one| one == now().output_stride)
                .unwrap_or(0)
        };
        view! {
            <Choice
                id="stride-in"
                label=Signal::derive(move || words().stride_in)
                options=Signal::derive(move || words().stride_places.to_vec())
                chosen=Signal::derive(move || usize::from(now().stride_in_1x1))
                choose=move |place| change(&|conventions| conventions.stride_in_1x1 = place == 1)
            />
            <Choice
                id="output-stride"
                label=Signal::derive(move || words().output_stride)
                options=Signal::derive(move || words().output_strides.to_vec())
                chosen=Signal::derive(place)
                choose=move |place| change(&|conventions| conventions.output_stride = stride(place))
            />
        }
    };
    view! {
        {move || if is_mobilenet.get() { framework().into_any() } else { strides().into_any() }}
        <div class="field">
            <span>{move || words().epsilon}</span>
            <div class="preprocessing-numbers">
                <input
                    type="number"
                    data-testid="epsilon"
                    aria-label=move || words().epsilon
                    min="1e-9"
                    max="1"
                    step="any"
                    prop:value=move || now().epsilon
                    on:change:target=move |event| {
                        let epsilon = event.target().value_as_number();
                        if event.target().check_validity() && epsilon.is_finite() {
                            change(&|conventions| conventions.epsilon = epsilon);
                        }
                    }
                />
            </div>
        </div>
        <Choice
            id="scores"
            label=Signal::derive(move || words().scores)
            options=Signal::derive(move || words().scores_of.to_vec())
            chosen=Signal::derive(move || state.scores.get() as usize)
            choose=move |place| controller.choose_scores(Scores::ALL[place])
        />
    }
}

/// A labelled list of a few options, by their places.
#[component]
fn Choice(
    id: &'static str,
    label: Signal<&'static str>,
    options: Signal<Vec<&'static str>>,
    chosen: Signal<usize>,
    #[prop(into)] choose: Callback<usize>,
) -> impl IntoView {
    let option = move |(place, words): (usize, &'static str)| {
        view! { <option value=place.to_string() selected=move || chosen.get() == place>{words}</option> }
    };
    view! {
        <label class="field">
            <span>{label}</span>
            <select
                data-testid=id
                prop:value=move || chosen.get().to_string()
                on:change:target=move |event| choose.run(event.target().value().parse().unwrap_or(0))
            >
                {move || options.get().into_iter().enumerate().map(option).collect_view()}
            </select>
        </label>
    }
}
