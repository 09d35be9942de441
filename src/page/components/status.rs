//! The status line: what is happening, how far a download is, how long the last picture took.

use crate::controller::Controller;
use crate::engine::protocol::Work;
use crate::i18n::fill;
use crate::state::{Condition, Progress, State, Way};
use gradlens::explain::objective::Objective;
use leptos::prelude::*;

/// Always there, so that screen readers hear it change.
#[component]
pub fn Status(controller: Controller) -> impl IntoView {
    let state = controller.state;
    let condition = Memo::new(move |_| state.condition());
    let fraction = Memo::new(move |_| {
        state.progress.with(|progress| {
            let progress = progress.as_ref().filter(|progress| progress.total > 0)?;
            Some((progress.received as f64 / progress.total as f64).min(1.0))
        })
    });
    let words = Memo::new(move |_| sentence(&state, condition.get()));
    let coming = Memo::new(move |_| state.progress.with(Option::is_some));
    view! {
        <div class="status" data-testid="status" data-state=move || condition.get().name() data-maps=move || state.explanation_count.get().to_string()>
            <div class="status-progress" class:shown=move || matches!(condition.get(), Condition::Loading | Condition::Working) class:unknown=move || fraction.get().is_none()>
                <span style:width=move || format!("{:.1}%", 100.0 * fraction.get().unwrap_or(1.0))></span>
            </div>
            <span class="status-dot" aria-hidden="true"></span>
            <p role="status">{move || words.get()}</p>
            <span class="status-transfer">
                {move || state.progress.with(|progress| progress.as_ref().map(|progress| rate(&state, progress)).unwrap_or_default())}
            </span>
            {move || coming.get().then(|| view! {
                <button type="button" class="quiet small" data-testid="cancel" on:click=move |_| controller.cancel_download()>
                    {move || state.text().cancel}
                </button>
            })}
            <Elapsed state />
        </div>
    }
}

/// How far a file has come, how fast it comes, and how long that will take.
fn rate(state: &State, progress: &Progress) -> String {
    let text = state.text().weights;
    let megabytes = |bytes: f64| format!("{:.1}", bytes / 1e6);
    let (received, total) = (progress.received as f64, progress.total as f64);
    if total == 0.0 {
        return if received == 0.0 { String::new() } else { format!("{} MB", megabytes(received)) };
    }
    let mut words = fill(text.received, &[&megabytes(received), &megabytes(total)]);
    if progress.rate > 0.0 && received < total {
        let seconds = ((total - received) / progress.rate).ceil().min(99_999.0) as u32;
        words = format!(
            "{words} · {}",
            fill(text.rate, &[&megabytes(progress.rate), &seconds.to_string()])
        );
    }
    words
}

fn sentence(state: &State, condition: Condition) -> String {
    let text = state.text();
    let class = || state.target().map(|class| state.label(class)).unwrap_or_default();
    let model = || {
        let own = state.model.with(|model| model.as_ref().map(|model| model.architecture.clone()));
        own.unwrap_or_else(|| text.model.to_owned())
    };
    match (condition, state.work.get()) {
        (Condition::Error, _) => text.stopped.to_owned(),
        (Condition::Done, _) => match state.shown() {
            Some(known) if known.asked.is_some() => {
                fill(text.done_evidence, &[&state.evidence(&known)])
            }
            Some(known) if known.objective != Objective::Logit => {
                fill(text.done_evidence, &[&state.evidence(&known)])
            }
            _ => fill(text.done, &[&class()]),
        },
        (_, Some(Work::Connecting)) => text.connecting.to_owned(),
        (_, Some(Work::Tuning)) => text.tuning.to_owned(),
        (_, Some(Work::Uploading)) => fill(text.uploading, &[&model()]),
        (_, Some(Work::Predicting)) => text.predicting.to_owned(),
        (_, Some(Work::Explaining)) => fill(text.explaining, &[&class()]),
        (Condition::Loading, None) => state.progress.with(|progress| match progress {
            Some(progress) => fill(text.loading, &[&progress.name]),
            None => text.loading_page.to_owned(),
        }),
        (_, None) if state.model.with(Option::is_none) => text.no_model.to_owned(),
        (_, None) if state.prediction.with(Option::is_some) && state.way.get() == Way::Ask => {
            text.ask.ready.to_owned()
        }
        (_, None) => text.ready.to_owned(),
    }
}

#[component]
fn Elapsed(state: State) -> impl IntoView {
    let times = Memo::new(move |_| {
        let look = state
            .prediction
            .with(|prediction| prediction.as_ref().map(|prediction| prediction.milliseconds))?;
        let trace = state.shown()?.milliseconds;
        Some((look, trace))
    });
    view! {
        <span
            class="status-elapsed"
            data-testid="elapsed"
            data-forward=move || times.get().map(|(look, _)| format!("{look:.1}")).unwrap_or_default()
            data-explain=move || times.get().map(|(_, trace)| format!("{trace:.1}")).unwrap_or_default()
        >
            {move || {
                let words = |(look, trace)| fill(state.text().times, &[&format!("{look:.0}"), &format!("{trace:.0}")]);
                times.get().map(words).unwrap_or_default()
            }}
        </span>
    }
}
