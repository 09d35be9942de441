//! Side by side: two photos, or two models, with one class and one colour scale.

use crate::components::widgets::Check;
use crate::controller::Controller;
use crate::i18n::{fill, sentence};
use crate::platform::canvas::{self, Pixels};
use crate::state::compare::Beside;
use crate::state::{self, State};
use gradlens::catalog::models::{Model, Sample};
use gradlens::explain::cam::Group;
use gradlens::explain::objective::Objective;
use gradlens::explain::{Explanation, LAST_LAYER};
use gradlens::image::Photo;
use gradlens::image::heatmap;
use leptos::html;
use leptos::prelude::*;
use std::sync::Arc;
use web_sys::HtmlInputElement;

/// Longest side of a picture, in pixels.
const LONGEST: usize = crate::controller::compare::LONGEST;

#[component]
pub fn Compare(controller: Controller) -> impl IntoView {
    let state = controller.state;
    let compare = state.compare;
    let known = Memo::new(move |_| state.explanation.with(Option::is_some));
    // With each new explanation of what is on show, and with each choice.
    Effect::new(move |_| {
        state.explanation.track();
        compare.beside.track();
        if state.teach.open.get() && known.get() {
            controller.compare(false);
        }
    });
    on_cleanup(move || controller.leave_comparison());
    let canvases = [NodeRef::<html::Canvas>::new(), NodeRef::<html::Canvas>::new()];
    let sides = [Signal::derive(move || left(&state)), Signal::derive(move || right(&state))];
    let save = move |_| {
        let [Some(left), Some(right)] = canvases.map(|canvas| canvas.get_untracked()) else {
            return;
        };
        let words = untrack(|| sides.map(|side| side.get().map(|side| side.words)));
        let below = untrack(|| scale_words(&state));
        controller.save_side_by_side([left, right], words.map(Option::unwrap_or_default), below);
    };
    let loads = Memo::new(move |_| {
        let model = matches!(compare.beside.get(), Beside::Model(_));
        model && compare.waiting.get() && state.progress.with(Option::is_some)
    });
    let status = move || match (loads.get(), compare.waiting.get()) {
        (true, _) => loading_words(&state),
        (_, true) => state.text().compare.waiting.to_owned(),
        _ => String::new(),
    };
    view! {
        <p hidden=move || known.get()>{move || state.text().teach.no_photo}</p>
        <div class="compare" hidden=move || !known.get()>
            <p class="hint">{move || state.text().compare.hint}</p>
            <div class="compare-choices">
                <Choice controller />
                <Check
                    state
                    label=|text| text.compare.one_scale
                    id="compare-one-scale"
                    checked=compare.one_scale
                    change=move |on| compare.one_scale.set(on)
                />
                <span class="hint" role="status" data-testid="compare-status">{status}</span>
                {move || loads.get().then(|| view! {
                    <button type="button" class="quiet small" data-testid="compare-cancel" on:click=move |_| controller.cancel_download()>
                        {move || state.text().cancel}
                    </button>
                })}
            </div>
            <Trouble controller />
            <div class="compare-pair" class:waiting=move || compare.waiting.get() data-testid="compare-pair">
                <Side state side=sides[0] canvas=canvases[0] id="compare-left" />
                <Side state side=sides[1] canvas=canvases[1] id="compare-right" />
            </div>
            <div class="compare-below" hidden=move || compare.found.with(Option::is_none)>
                <div class="compare-scale" data-testid="compare-scale" role="status">
                    {move || scale_words(&state).into_iter().map(|words| view! { <p>{words}</p> }).collect_view()}
                </div>
                <div class="buttons">
                    <button type="button" data-testid="compare-save" on:click=save>
                        {move || state.text().compare.save}
                    </button>
                </div>
            </div>
        </div>
    }
}

/// What stands on the right.
#[component]
fn Choice(controller: Controller) -> impl IntoView {
    let state = controller.state;
    let compare = state.compare;
    let input = NodeRef::<html::Input>::new();
    let option = move |beside: Beside, name: String| {
        let chosen = beside.clone();
        view! {
            <option value=beside.value() selected=move || compare.beside.get() == chosen>{name}</option>
        }
    };
    let models = move || {
        let present = state.model.with(|model| model.as_ref()?.id.clone());
        let others = state.models.get();
        let others = others.iter().filter(|model| Some(&model.id) != present.as_ref());
        let one = |model: &Model| {
            option(Beside::Model(model.id.clone()), state.model_name(model).to_owned())
        };
        others.map(one).collect_view()
    };
    let present = move || state.picture.with(|picture| Some(picture.as_ref()?.id));
    let samples = move || {
        let shown = state.picture.with(|picture| picture.as_ref()?.sample.clone());
        let samples = state.samples().into_iter();
        let one = |sample: Sample| {
            let name = state.sample_name(&sample);
            option(Beside::Sample(sample.id), name)
        };
        samples.filter(|sample| Some(&sample.id) != shown.as_ref()).map(one).collect_view()
    };
    let photos = move || {
        let tray = state.tray.get().into_iter();
        let others = tray.filter(|photo| Some(photo.picture.id) != present());
        let own = others.filter(|photo| photo.picture.sample.is_none());
        let named = own.map(|photo| (Beside::Photo(photo.picture.id), photo.picture.name.clone()));
        let file = match compare.beside.get() {
            Beside::File(name) => Some((Beside::File(name.clone()), name)),
            _ => None,
        };
        let all: Vec<_> = named.chain(file).collect();
        (!all.is_empty()).then(|| {
            let options = all.into_iter().map(|(beside, name)| option(beside, name)).collect_view();
            view! { <optgroup label=state.text().compare.groups[2]>{options}</optgroup> }
        })
    };
    let taken = move |input: HtmlInputElement| {
        if let Some(file) = input.files().and_then(|files| files.get(0)) {
            controller.open_beside(file);
        }
        input.set_value("");
    };
    view! {
        <label class="field">
            <span>{move || state.text().compare.beside}</span>
            <select
                data-testid="compare-beside"
                // One download at a time: of the model in use, or of this one.
                disabled=move || state.progress.with(Option::is_some)
                prop:value=move || compare.beside.get().value()
                on:change:target=move |event| {
                    controller.choose_beside(Beside::from_value(&event.target().value()));
                }
            >
                <option value="">{move || state.text().compare.choose}</option>
                <optgroup label=move || state.text().compare.groups[0]>{models}</optgroup>
                <optgroup label=move || state.text().compare.groups[1]>{samples}</optgroup>
                {photos}
            </select>
        </label>
        <button type="button" data-testid="compare-file" on:click=move |_| {
            if let Some(input) = input.get_untracked() {
                input.click();
            }
        }>
            {move || state.text().compare.file}
        </button>
        <input
            type="file"
            class="hidden-input"
            accept="image/*"
            tabindex="-1"
            aria-hidden="true"
            data-testid="compare-input"
            node_ref=input
            on:change:target=move |event| taken(event.target())
        />
    }
}

/// What went wrong, and the question before another host is asked.
#[component]
fn Trouble(controller: Controller) -> impl IntoView {
    let state = controller.state;
    let compare = state.compare;
    let fault = move || {
        let fault = compare.fault.get()?;
        Some(view! {
            <div class="compare-below" data-testid="compare-fault">
                <p>{sentence(state.language(), &fault)}</p>
                <div class="buttons">
                    <button type="button" class="small" on:click=move |_| controller.compare(false)>
                        {state.text().retry}
                    </button>
                </div>
            </div>
        })
    };
    let offer = move || {
        let Beside::Model(id) = compare.beside.get() else { return None };
        let models = state.models.get();
        let model = models.iter().find(|model| model.id == id && compare.offered.get())?;
        let text = state.text();
        let [megabytes, hosts] = state.model_hosts(model);
        Some(view! {
            <div class="compare-below" data-testid="compare-offer">
                <p>{fill(text.offer, &[&megabytes, &hosts])}</p>
                <p class="fine">{state.model_origin(model)}</p>
                <div class="buttons">
                    <button type="button" class="strong" data-testid="compare-offer-yes" disabled=move || state.progress.with(Option::is_some) on:click=move |_| controller.compare(true)>
                        {fill(text.offer_yes, &[&megabytes])}
                    </button>
                </div>
            </div>
        })
    };
    view! { <div class="compare-trouble" role="status">{fault} {offer}</div> }
}

/// One picture and what is said below it.
#[derive(Clone)]
struct Picture {
    photo: Arc<Photo>,
    whole: (usize, usize),
    /// With the heatmap on the scale that was chosen; `None`: the photo alone.
    map: Option<Arc<Explanation>>,
    words: Vec<String>,
}

#[component]
fn Side(
    state: State,
    side: Signal<Option<Picture>>,
    canvas: NodeRef<html::Canvas>,
    id: &'static str,
) -> impl IntoView {
    let pixels = move || -> Option<Pixels> {
        let side = side.get()?;
        let small = side.photo.shrunk(LONGEST);
        Some(match &side.map {
            Some(map) => canvas::over(&small, side.whole, map, state.look()),
            None => canvas::plain(&small),
        })
    };
    Effect::new(move |_| {
        if let (Some(canvas), Some(pixels)) = (canvas.get(), pixels()) {
            canvas::paint(&canvas, &pixels);
        }
    });
    let words = move || side.get().map(|side| side.words).unwrap_or_default();
    view! {
        <figure data-testid=id hidden=move || side.with(Option::is_none)>
            <canvas role="img" aria-label=move || words().first().cloned().unwrap_or_default() node_ref=canvas></canvas>
            <figcaption>
                {move || words().into_iter().map(|line| view! { <span>{line}</span> }).collect_view()}
            </figcaption>
        </figure>
    }
}

fn left(state: &State) -> Option<Picture> {
    let (picture, known) = (state.picture.get()?, state.explanation.get()?);
    let prediction = state.prediction.get()?;
    let model = present_model(state)?;
    let probability = prediction.score(known.class)?.probability;
    let class = class_words(state, &state.label(known.class), &known, probability, |class| {
        state.label(class)
    });
    let likeliest = prediction.top(3).into_iter();
    let likeliest = likeliest.map(|score| (state.label(score.class), score.probability)).collect();
    let words = vec![
        class,
        likeliest_words(state, likeliest),
        made_words(state, &model, &known),
        photo_name(state, picture.sample.as_deref(), &picture.name),
    ];
    let map = Some(on_scale(state, &known));
    Some(Picture { photo: picture.shown, whole: picture.size, map, words })
}

fn right(state: &State) -> Option<Picture> {
    let found = state.compare.found.get()?;
    let name = |class: usize| {
        let place = found.scores.iter().position(|score| score.class == class);
        match place.and_then(|place| found.names.get(place)) {
            Some(label) => state.language().choose(&label.en, label.zh.as_deref()).to_owned(),
            None => state.label(class),
        }
    };
    let model = match state.compare.beside.get() {
        Beside::Model(id) => listed_name(state, &id)?,
        _ => present_model(state)?,
    };
    let probability = |class: usize| {
        found.scores.iter().find(|one| one.class == class).map(|one| one.probability)
    };
    let likeliest = found.scores.iter().take(3);
    let likeliest = likeliest.map(|score| (name(score.class), score.probability)).collect();
    let likeliest = likeliest_words(state, likeliest);
    let words = match &found.explanation {
        Some(known) => vec![
            class_words(
                state,
                &name(known.class),
                known,
                probability(known.class).unwrap_or_default(),
                name,
            ),
            likeliest,
            made_words(state, &model, known),
        ],
        None => {
            let class = state.explanation.get().map(|known| state.label(known.class));
            let unknown = state.text().compare.unknown;
            vec![fill(unknown, &[&class.unwrap_or_default(), &model]), likeliest, model]
        }
    };
    let words = [words, vec![beside_name(state)]].concat();
    let map = found.explanation.as_ref().map(|known| on_scale(state, known));
    Some(Picture { photo: Arc::new(found.photo.clone()), whole: found.size, map, words })
}

/// What is being loaded, and how far it is.
fn loading_words(state: &State) -> String {
    state.progress.with(|progress| {
        let Some(progress) = progress else { return String::new() };
        let words = fill(state.text().loading, &[&progress.name]);
        match progress.total {
            0 => words,
            total => {
                let share = progress.received as f32 / total as f32;
                format!("{words} {}", state.percent(share, 0))
            }
        }
    })
}

fn listed_name(state: &State, id: &str) -> Option<String> {
    let models = state.models.get();
    let model = models.iter().find(|model| model.id == id)?;
    Some(state.model_name(model).to_owned())
}

/// The model in use.
fn present_model(state: &State) -> Option<String> {
    let model = state.model.get()?;
    model.id.and_then(|id| listed_name(state, &id)).or(Some(model.architecture))
}

/// The photo on the right.
fn beside_name(state: &State) -> String {
    let of_tray = |id| {
        let tray = state.tray.get();
        tray.into_iter().find(|photo| photo.picture.id == id).map(|photo| photo.picture.name)
    };
    match state.compare.beside.get() {
        Beside::Nothing => String::new(),
        Beside::Model(_) => {
            let of = |picture: state::Picture| {
                photo_name(state, picture.sample.as_deref(), &picture.name)
            };
            state.picture.get().map(of).unwrap_or_default()
        }
        Beside::Sample(id) => photo_name(state, Some(&id), &id),
        Beside::File(name) => name,
        Beside::Photo(id) => of_tray(id).unwrap_or_default(),
    }
}

/// A sample's name in the page's language; of another photo its own.
fn photo_name(state: &State, sample: Option<&str>, name: &str) -> String {
    let models = state.models.get();
    let mut samples = models.iter().flat_map(|model| &model.samples);
    match sample.and_then(|id| samples.find(|sample| sample.id == id)) {
        Some(found) => state.sample_name(found),
        None => name.to_owned(),
    }
}

/// What is explained, and how likely the class is.
fn class_words(
    state: &State,
    class: &str,
    known: &Explanation,
    probability: f32,
    name: impl Fn(usize) -> String,
) -> String {
    let share = match probability < 0.001 {
        true => format!("< {}", state.percent(0.001, 1)),
        false => state.percent(probability, 1),
    };
    let words = fill(state.text().compare.class, &[class, &share]);
    let objective = match known.objective {
        Objective::Contrast { than } => fill(state.text().analysis.targets[2], &[&name(than)]),
        objective => state.objective_words(objective),
    };
    let blank = if known.blank { state.text().tools.described_blank } else { "" };
    let parts = [words.as_str(), &objective, blank];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
}

fn likeliest_words(state: &State, classes: Vec<(String, f32)>) -> String {
    let one = |(name, share): (String, f32)| format!("{name} {}", state.percent(share, 1));
    let all: Vec<_> = classes.into_iter().map(one).collect();
    fill(state.text().compare.likeliest, &[&all.join(" · ")])
}

fn made_words(state: &State, model: &str, known: &Explanation) -> String {
    let largest = format!("{:.4}", top(known).max(0.0));
    fill(state.text().compare.made, &[model, &known.layer, &state.method_of(known), &largest])
}

/// The largest value of a map.
fn top(known: &Explanation) -> f32 {
    known.cam.values.iter().copied().fold(f32::MIN, f32::max)
}

/// The top of the scale that both maps are painted on; `None`: each has its own.
fn common_top(state: &State) -> Option<f32> {
    let (one, found) = (state.explanation.get()?, state.compare.found.get()?);
    let other = found.explanation.as_ref()?;
    // The largest value of a pixel-level map is one pixel's: `explain/pixels.rs` cuts it off.
    let single = one.layers.len() == 1 && one.method.group() != Group::Pixels;
    let top = top(&one).max(top(other));
    (state.compare.one_scale.get() && single && top > 0.0).then_some(top)
}

fn on_scale(state: &State, known: &Arc<Explanation>) -> Arc<Explanation> {
    match common_top(state) {
        Some(top) => {
            let heatmap = heatmap::on_scale(&known.cam, (known.height, known.width), top);
            Arc::new(Explanation { heatmap, ..(**known).clone() })
        }
        None => known.clone(),
    }
}

/// What the colours of the two pictures mean.
fn scale_words(state: &State) -> Vec<String> {
    let text = state.text().compare;
    let Some(found) = state.compare.found.get() else { return Vec::new() };
    let (Some(one), Some(other)) = (state.explanation.get(), found.explanation.as_ref()) else {
        return Vec::new();
    };
    let of_models = !found.names.is_empty();
    let mut words = Vec::new();
    match common_top(state) {
        Some(top) => {
            words.push(fill(text.scale, &[&format!("{top:.4}")]));
            words.extend(of_models.then(|| text.scale_of_models.to_owned()));
        }
        None if one.layers.len() > 1 => words.push(text.fused.to_owned()),
        None => words.push(text.own_scales.to_owned()),
    }
    if of_models && one.layer != other.layer && one.layer != LAST_LAYER {
        words.push(text.layers_differ.to_owned());
    }
    words
}
