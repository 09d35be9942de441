//! Look closer: what else can be asked about the same photo, folded away under the picture.
//!
//! One panel at a time. Opening one asks for what is quick; what takes long waits for a button, tells how far it is and can be stopped.
//! A new photo, class, layer or method empties the panels. To add a panel: a variant of [`Panel`], its words, a [`Wish`] and a view.

mod maps;
mod methods;
mod place;
mod trust;
mod words;

use super::asked;
use super::jobs::Jobs;
use super::once::{Effect, Memo, RwSignal};
use super::state::State;
use super::text::{self, Words, fill};
use super::widgets::{Segmented, act, part, told};
use crate::error::Error;
use crate::explain::cam::Method;
use crate::explain::faithfulness::{NOISE, Scrambled, Trust};
use crate::explain::guided::Guided;
use crate::explain::localization::{self, Covered};
use crate::explain::neurons::Neurons;
use crate::explain::objective::Objective;
use crate::explain::perturbation::Estimate;
use crate::explain::{Explainer, Explanation, Question};
use crate::image::Rect;
use leptos::prelude::*;
use maps::{Compare, Detail, Layers, Swipe, Targets};
use methods::Methods;
use place::Where;
use std::sync::Arc;
use trust::Trusted;
use words::InWords;

/// Classes that are compared.
const CLASSES: usize = 3;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Panel {
    #[default]
    Layers,
    Targets,
    Compare,
    Methods,
    Detail,
    Where,
    Words,
    Trust,
    Swipe,
}

impl Panel {
    const ALL: [Panel; 9] = [
        Panel::Layers,
        Panel::Targets,
        Panel::Compare,
        Panel::Methods,
        Panel::Detail,
        Panel::Where,
        Panel::Words,
        Panel::Trust,
        Panel::Swipe,
    ];

    fn name(self) -> &'static str {
        ["layers", "targets", "compare", "methods", "detail", "where", "words", "trust", "swipe"][self as usize]
    }

    fn words(self) -> Words {
        const WORDS: [Words; 9] = [
            |text| text.closer.tabs[0],
            |text| text.closer.tabs[1],
            |text| text.closer.tabs[2],
            |text| text.closer.tabs[3],
            |text| text.closer.tabs[4],
            |text| text.closer.tabs[5],
            |text| text.closer.tabs[6],
            |text| text.closer.tabs[7],
            |text| text.closer.tabs[8],
        ];
        WORDS[self as usize]
    }
}

/// What a grid's rows and columns are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Axes {
    ClassesLayers,
    ClassesMethods,
    MethodsLayers,
    /// Methods across, classes and layers down.
    All,
}

impl Axes {
    const ALL: [Axes; 4] = [Axes::ClassesLayers, Axes::ClassesMethods, Axes::MethodsLayers, Axes::All];

    fn name(self) -> &'static str {
        ["classes-layers", "classes-methods", "methods-layers", "all"][self as usize]
    }
}

/// What a panel asks of the engine.
pub enum Wish {
    Maps(Vec<Question>),
    Estimate(Question),
    Guided,
    Cover(Vec<bool>),
    Neurons,
    Trust,
    Sanity,
}

/// What was asked for last. One signal for all: each type of signal costs the page two kilobytes of its own.
#[derive(Clone, Default)]
struct Found {
    maps: Vec<Arc<Explanation>>,
    estimate: Option<Estimate>,
    guided: Option<Arc<[Guided; 2]>>,
    covered: Option<Arc<Covered>>,
    neurons: Option<Arc<Neurons>>,
    trust: Option<Arc<Trust>>,
    scrambled: Arc<Vec<Scrambled>>,
}

/// What the panels know.
#[derive(Clone, Copy)]
pub struct Closer {
    open: RwSignal<bool>,
    panel: RwSignal<Panel>,
    found: RwSignal<Found>,
    /// While something is computed: how many passes are done, of how many.
    progress: RwSignal<Option<(usize, usize)>>,
    stop: RwSignal<bool>,
    stopped: RwSignal<bool>,

    /// Which layers are fused.
    fused: RwSignal<Vec<String>>,
    axes: RwSignal<Axes>,
    one_scale: RwSignal<bool>,
    slow: RwSignal<Method>,
    /// 0: all.
    channels: RwSignal<usize>,
    share: RwSignal<f32>,
    /// The box that the visitor drew, in photo pixels.
    truth: RwSignal<Option<Rect>>,
    swipe: RwSignal<f32>,
    /// What lies left and right of the slider: see [`side`].
    sides: RwSignal<[usize; 2]>,
}

impl Closer {
    pub fn new() -> Closer {
        Closer {
            open: RwSignal::new(false),
            panel: RwSignal::default(),
            found: RwSignal::new(Found::default()),
            progress: RwSignal::default(),
            stop: RwSignal::default(),
            stopped: RwSignal::default(),
            fused: RwSignal::default(),
            axes: RwSignal::new(Axes::ClassesLayers),
            one_scale: RwSignal::default(),
            slow: RwSignal::new(Method::AblationCam),
            channels: RwSignal::new(64),
            share: RwSignal::new(localization::THRESHOLD),
            truth: RwSignal::default(),
            swipe: RwSignal::new(0.5),
            sides: RwSignal::new([PHOTO, MAP]),
        }
    }

    /// Another network: all that is chosen here by its layers is chosen anew, of `layers`.
    pub fn start_again(&self, layers: Vec<String>) {
        self.fused.set(layers);
        self.sides.set([PHOTO, MAP]);
    }

    fn empty(&self) {
        self.found.set(Found::default());
        self.stopped.set(false);
    }
}

/// Grants a wish; what the engine must not be asked twice at once comes through the jobs' loop.
pub async fn perform(jobs: Jobs, explainer: &mut Explainer, wish: Wish) -> Result<(), Error> {
    let state = jobs.state;
    let closer = state.closer;
    let Some(known) = state.explanation.get_untracked() else { return Ok(()) };
    closer.stopped.set(false);
    closer.stop.set(false);
    closer.progress.set(Some((0, 0)));
    let granted = grant(jobs, explainer, &known, wish).await;
    closer.progress.set(None);
    closer.stopped.set(matches!(granted, Ok(None)));
    granted.map(|_| ())
}

async fn grant(jobs: Jobs, explainer: &mut Explainer, known: &Explanation, wish: Wish) -> Result<Option<()>, Error> {
    let closer = jobs.state.closer;
    let mut go_on = |done, of| {
        closer.progress.set(Some((done, of)));
        !closer.stop.get_untracked() && !jobs.waited_for()
    };
    let mut found = closer.found.get_untracked();
    match wish {
        Wish::Maps(questions) => {
            let mut maps = Vec::new();
            for (n, question) in questions.iter().enumerate() {
                let of = questions.len();
                if of > 1 && !go_on(n, of) {
                    return Ok(None);
                }
                let mut hear = |done, passes| if of > 1 { go_on(n, of) } else { go_on(done, passes) };
                match explainer.ask(question, &mut hear).await? {
                    Some(map) => maps.push(Arc::new(map)),
                    None => return Ok(None),
                }
            }
            found.maps = maps;
        }
        Wish::Estimate(question) => {
            found.estimate = Some(explainer.estimate(&question).await?);
        }
        Wish::Guided => {
            let guided = explainer.guided(Some(known.class), known.objective).await?;
            let times = guided.times(known);
            found.guided = Some(Arc::new([guided, times]));
        }
        Wish::Cover(mask) => {
            let covered = explainer.cover_up(&mask).await?;
            found.covered = Some(Arc::new(covered));
        }
        Wish::Neurons => {
            let neurons = explainer.neurons(Some(known.class), Objective::Logit, 4, 4).await?;
            found.neurons = Some(Arc::new(neurons));
        }
        Wish::Trust => match explainer.trust(known, NOISE, &mut go_on).await? {
            Some(trust) => found.trust = Some(Arc::new(trust)),
            None => return Ok(None),
        },
        Wish::Sanity => match explainer.randomise(&known.question(), &mut go_on).await? {
            Some(scrambled) => found.scrambled = Arc::new(scrambled),
            None => return Ok(None),
        },
    }
    closer.found.set(found);
    Ok(Some(()))
}

/// One layer for each size of the grid.
fn one_a_grid(state: State) -> Vec<String> {
    state.one_a_stride().into_iter().map(|(layer, _)| layer).collect()
}

/// What a panel asks for when it is opened; None where a button is to be pressed first.
fn first_wish(state: State) -> Option<Wish> {
    let closer = state.closer;
    let known = state.explanation.get_untracked()?;
    let one = known.question();
    let layer = |layer: &str| vec![layer.to_owned()];
    Some(match closer.panel.get_untracked() {
        Panel::Layers => {
            let layers = untrack(|| shown_layers(state));
            let mut questions: Vec<Question> =
                layers.into_iter().map(|shown| Question { layers: vec![shown], ..one.clone() }).collect();
            let fused = untrack(|| fused(state));
            if fused.len() > 1 {
                questions.push(Question { layers: fused, ..one });
            }
            Wish::Maps(questions)
        }
        Panel::Targets => {
            let than = untrack(|| asked::than(state));
            let objectives = asked::NAMES.into_iter().filter_map(|name| asked::objective(name, than));
            Wish::Maps(objectives.map(|objective| Question { objective, ..one.clone() }).collect())
        }
        Panel::Compare => {
            let mut classes: Vec<usize> = untrack(|| state.ranking()).iter().map(|(_, score)| score.class).collect();
            classes.retain(|&class| class != known.class);
            classes.insert(0, known.class);
            classes.truncate(CLASSES);
            let mut cells = Vec::new();
            let mut add = |class: usize, layers: Vec<String>, method: Method| {
                cells.push(Question { class: Some(class), layers, method, ..one.clone() });
            };
            let axes = closer.axes.get_untracked();
            let stages = untrack(|| one_a_grid(state));
            if axes == Axes::MethodsLayers {
                for method in Method::quick() {
                    stages.iter().for_each(|stage| add(known.class, layer(stage), method));
                }
                classes.clear();
            }
            for class in classes {
                match axes {
                    Axes::ClassesMethods => Method::quick().for_each(|method| add(class, one.layers.clone(), method)),
                    Axes::All => {
                        for stage in &stages {
                            Method::quick().for_each(|method| add(class, layer(stage), method));
                        }
                    }
                    _ => stages.iter().for_each(|stage| add(class, layer(stage), one.method)),
                }
            }
            Wish::Maps(cells)
        }
        Panel::Detail => Wish::Guided,
        Panel::Words => Wish::Neurons,
        Panel::Swipe => {
            let sides = closer.sides.get_untracked();
            Wish::Maps(sides.into_iter().filter_map(|place| side(state, &one, place)).collect())
        }
        Panel::Methods | Panel::Where | Panel::Trust => return None,
    })
}

/// The layers that are to be fused, as far as the network in use has them, first to last.
fn fused(state: State) -> Vec<String> {
    let (mut layers, chosen) = (state.layers.get(), state.closer.fused.get());
    layers.retain(|layer| chosen.contains(layer));
    layers
}

/// One layer for each size of the grid, and the others that are fused.
fn shown_layers(state: State) -> Vec<String> {
    let (main, fused) = (one_a_grid(state), fused(state));
    let mut layers = state.layers.get();
    layers.retain(|layer| main.contains(layer) || fused.contains(layer));
    layers
}

const PHOTO: usize = 0;
const MAP: usize = 1;

/// What may lie beside the slider: the photo, the map on show, and this with another method, layer or question.
fn side(state: State, one: &Question, place: usize) -> Option<Question> {
    let methods = Method::quick().count();
    let stages = untrack(|| one_a_grid(state));
    let mut question = one.clone();
    match place.checked_sub(MAP + 1) {
        None if place == PHOTO => return None,
        None => {}
        Some(n) if n < methods => question.method = Method::quick().nth(n)?,
        Some(n) => match n - methods {
            n if n < stages.len() => question.layers = vec![stages[n].clone()],
            n => question.objective = asked::objective(asked::NAMES[n - stages.len()], untrack(|| asked::than(state)))?,
        },
    }
    Some(question)
}

/// What [`side`] calls each, in order.
fn sides(state: State) -> Vec<String> {
    let (text, language) = (state.text(), state.language.get());
    let than = asked::than(state).map(|than| state.label(than)).unwrap_or_default();
    let mut sides = vec![text.view_photo.to_owned(), text.closer.as_shown.to_owned()];
    Method::quick().for_each(|method| sides.push(text::method(language, method.name()).0.to_owned()));
    sides.extend(one_a_grid(state));
    text.closer.targets.iter().for_each(|words| sides.push(fill(words, &[&than])));
    sides
}

#[component]
pub fn LookCloser(jobs: Jobs) -> impl IntoView {
    let state = jobs.state;
    let closer = state.closer;
    let ask = move || {
        if !closer.open.get_untracked() || state.explanation.with_untracked(Option::is_none) {
            return;
        }
        closer.empty();
        if let Some(wish) = first_wish(state) {
            jobs.wish(wish);
        }
    };
    // A new map is another question: what was said about the old one goes. A camera has one thirty times a second.
    Effect::new(move |_| {
        state.maps.track();
        if !untrack(|| state.live_camera()) {
            ask();
        }
    });
    // The true box is one of this photo's.
    Effect::new(move |_| {
        state.picture.track();
        closer.truth.set(None);
    });
    let choose = Callback::new(move |name: &'static str| {
        closer.panel.set(Panel::ALL.into_iter().find(|panel| panel.name() == name).unwrap_or_default());
        ask();
    });
    let again = Callback::new(move |()| ask());
    let working = Memo::new(move |_| closer.progress.with(Option::is_some));
    let progress = move || {
        let text = state.text().closer;
        match closer.progress.get() {
            Some((_, 0)) => text.working.to_owned(),
            Some((done, of)) => fill(text.progress, &[&done.to_string(), &of.to_string()]),
            None => if closer.stopped.get() { text.stopped } else { "" }.to_owned(),
        }
    };
    let panel = move || match closer.panel.get() {
        Panel::Layers => view! { <Layers jobs again /> }.into_any(),
        Panel::Targets => view! { <Targets jobs again /> }.into_any(),
        Panel::Compare => view! { <Compare state again /> }.into_any(),
        Panel::Methods => view! { <Methods jobs /> }.into_any(),
        Panel::Detail => view! { <Detail state /> }.into_any(),
        Panel::Where => view! { <Where jobs /> }.into_any(),
        Panel::Words => view! { <InWords state /> }.into_any(),
        Panel::Trust => view! { <Trusted jobs /> }.into_any(),
        Panel::Swipe => view! { <Swipe state again /> }.into_any(),
    };
    let known = Memo::new(move |_| state.explanation.with(Option::is_some));
    let opened = move || {
        view! {
                <Segmented
                    state
                    name="panel"
                    label=|text| text.closer.title
                    options=Panel::ALL.map(|panel| (panel.name(), panel.words())).to_vec()
                    value=Arc::new(move || closer.panel.get().name())
                    choose
                />
                <p class="hint">{told(move || state.text().closer.hints[closer.panel.get() as usize].to_owned())}</p>
                <div class="panel" data-testid="panel" data-panel=told(move || closer.panel.get().name().to_owned()) aria-busy=told(move || working.get().to_string())>
                    {part(panel)}
                </div>
                <p class="progress" role="status" data-testid="closer-progress">
                    {told(progress)}
                    {part(move || {
                        working
                            .get()
                            .then(|| {
                                view! {
                                    <button type="button" data-testid="closer-stop" on:click=act(move || closer.stop.set(true))>
                                        {state.say(|text| text.closer.stop)}
                                    </button>
                                }
                            })
                    })}
                </p>
        }
        .into_any()
    };
    view! {
        <details
            class="card closer"
            data-testid="closer"
            on:toggle:target=move |event| {
                closer.open.set(event.target().open());
                ask();
            }
        >
            <summary>
                <h2>{state.say(|text| text.closer.title)}</h2>
            </summary>
            {part(move || if known.get() { opened() } else { view! { <p class="hint">{state.say(|text| text.closer.waiting)}</p> }.into_any() })}
        </details>
    }
}
