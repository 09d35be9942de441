//! Look closer: what else can be asked about the same photo, folded away under the picture, one
//! panel at a time.
//!
//! To add a panel: a variant of `Panel`, its words, what it asks for (`controller/analysis.rs`,
//! `Analysis`) and a view here.
//!
//! - `maps.rs`: panels of small heatmaps; `figure.rs`: one of them; `methods.rs`; `concepts.rs`;
//!   `localization.rs`; `neurons.rs`; `faithfulness.rs`.

mod concepts;
mod faithfulness;
mod figure;
mod localization;
mod maps;
mod methods;
mod neurons;

use super::glossary::Explained;
use super::widgets::Segmented;
use crate::controller::Controller;
use crate::i18n::{Words, fill};
use crate::state::analysis::Panel;
use concepts::Concepts;
use faithfulness::Faithfulness;
use leptos::prelude::*;
use localization::Localization;
use maps::{Compare, Detail, Layers, Swipe, Targets};
use methods::Methods;
use neurons::Neurons;

fn tab(panel: Panel) -> Words {
    match panel {
        Panel::Layers => |text| text.analysis.tabs[0],
        Panel::Targets => |text| text.analysis.tabs[1],
        Panel::Compare => |text| text.analysis.tabs[2],
        Panel::Methods => |text| text.analysis.tabs[3],
        Panel::Concepts => |text| text.analysis.tabs[4],
        Panel::Detail => |text| text.analysis.tabs[5],
        Panel::Localization => |text| text.analysis.tabs[6],
        Panel::Neurons => |text| text.analysis.tabs[7],
        Panel::Faithfulness => |text| text.analysis.tabs[8],
        Panel::Swipe => |text| text.analysis.tabs[9],
    }
}

#[component]
pub fn AnalysisCard(controller: Controller) -> impl IntoView {
    let state = controller.state;
    let analysis = state.analysis;
    // Results belong to one explanation. A camera has a new one thirty times a second.
    Effect::new(move |_| {
        state.explanation_count.track();
        if !untrack(|| state.camera_is_running()) {
            controller.restart_analysis();
        }
    });
    // The true box belongs to one photo.
    Effect::new(move |_| {
        state.picture.track();
        analysis.true_box.set(None);
    });
    let known = Memo::new(move |_| state.explanation.with(Option::is_some));
    // Made at the first explanation and kept: made anew for each photo, they would leave readers
    // behind in signals that do not change.
    let panels = Memo::new(move |made| made == Some(&true) || known.get());
    view! {
        <details
            class="card analysis of-classes"
            data-testid="closer"
            prop:open=move || analysis.open.get()
            on:toggle:target=move |event| {
                analysis.open.set(event.target().open());
                controller.restart_analysis();
            }
        >
            <summary>
                <h2>{move || state.text().analysis.title}</h2>
            </summary>
            <p class="hint" hidden=move || known.get()>
                {move || state.text().analysis.waiting}
            </p>
            <div class="analysis-panels" hidden=move || !known.get()>{move || panels.get().then(|| view! { <Panels controller /> })}</div>
        </details>
    }
}

#[component]
fn Panels(controller: Controller) -> impl IntoView {
    let state = controller.state;
    let analysis = state.analysis;
    let choose = move |name: &'static str| {
        analysis.panel.set(Panel::from_name(name).unwrap_or_default());
        controller.restart_analysis();
    };
    let restart = Callback::new(move |()| controller.restart_analysis());
    let working = Memo::new(move |_| analysis.progress.with(Option::is_some));
    let progress = move || {
        let text = state.text().analysis;
        match analysis.progress.get() {
            Some((_, 0)) => text.working.to_owned(),
            Some((done, of)) => fill(text.progress, &[&done.to_string(), &of.to_string()]),
            None if analysis.stopped.get() => text.stopped.to_owned(),
            None => String::new(),
        }
    };
    let hint = move || state.text().analysis.hints[analysis.panel.get() as usize].to_owned();
    let panel = move || match analysis.panel.get() {
        Panel::Layers => view! { <Layers controller restart /> }.into_any(),
        Panel::Targets => view! { <Targets controller restart /> }.into_any(),
        Panel::Compare => view! { <Compare state restart /> }.into_any(),
        Panel::Methods => view! { <Methods controller /> }.into_any(),
        Panel::Concepts => view! { <Concepts state restart /> }.into_any(),
        Panel::Detail => view! { <Detail state /> }.into_any(),
        Panel::Localization => view! { <Localization controller /> }.into_any(),
        Panel::Neurons => view! { <Neurons state /> }.into_any(),
        Panel::Faithfulness => view! { <Faithfulness controller /> }.into_any(),
        Panel::Swipe => view! { <Swipe state restart /> }.into_any(),
    };
    let stop = move || {
        let button = || {
            view! {
                <button type="button" data-testid="closer-stop" on:click=move |_| controller.stop_analysis()>
                    {move || state.text().analysis.stop}
                </button>
            }
        };
        working.get().then(button)
    };
    view! {
        <Segmented
            state
            name="panel"
            label=|text| text.analysis.title
            options=Panel::ALL.map(|panel| (panel.name(), tab(panel))).to_vec()
            value=Signal::derive(move || analysis.panel.get().name())
            choose
        />
        <p class="hint"><Explained state words=Signal::derive(hint) /></p>
        <div
            class="analysis-panel"
            data-testid="panel"
            data-panel=move || analysis.panel.get().name()
            aria-busy=move || working.get().to_string()
        >
            {panel}
        </div>
        <p class="analysis-progress" role="status" data-testid="closer-progress">
            {progress} {stop}
        </p>
    }
}
