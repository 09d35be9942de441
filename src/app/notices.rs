//! What the page says about itself: status line, complaints with a way on, the question before a download, the adapter.

use super::jobs::Jobs;
use super::once::Memo;
use super::state::{Condition, Fault, Progress, Retry, State, Work};
use super::text::{self, fill};
use super::widgets::{act, part, told, whether};
use crate::error::Error;
use leptos::prelude::*;

/// One line, always there: what is happening, and how long the last picture took. Screen readers hear it change.
#[component]
pub fn Status(jobs: Jobs) -> impl IntoView {
    let state = jobs.state;
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
        <div class="status" data-testid="status" data-state=told(move || condition.get().name().to_owned()) data-maps=told(move || state.maps.get().to_string())>
            <div class="progress" class:shown=whether(move || matches!(condition.get(), Condition::Loading | Condition::Working)) class:unknown=whether(move || fraction.get().is_none())>
                <span style:width=told(move || format!("{:.1}%", 100.0 * fraction.get().unwrap_or(1.0)))></span>
            </div>
            <span class="dot" aria-hidden="true"></span>
            <p role="status">{told(move || words.get())}</p>
            <span class="share">
                {told(move || state.progress.with(|progress| progress.as_ref().map(|progress| rate(&state, progress)).unwrap_or_default()))}
            </span>
            {part(move || coming.get().then(|| view! {
                <button type="button" class="quiet small" data-testid="cancel" on:click=act(move || jobs.cancel_download())>
                    {state.say(|text| text.cancel)}
                </button>
            }))}
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
        words = format!("{words} · {}", fill(text.rate, &[&megabytes(progress.rate), &seconds.to_string()]));
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
        (Condition::Done, _) => fill(text.done, &[&class()]),
        (_, Some(Work::Connecting)) => text.connecting.to_owned(),
        (_, Some(Work::Tuning)) => text.tuning.to_owned(),
        (_, Some(Work::Uploading)) => fill(text.uploading, &[&model()]),
        (_, Some(Work::Looking)) => text.looking.to_owned(),
        (_, Some(Work::Explaining)) => fill(text.explaining, &[&class()]),
        (Condition::Loading, None) => state.progress.with(|progress| match progress {
            Some(progress) => fill(text.loading, &[&progress.name]),
            None => text.loading_page.to_owned(),
        }),
        (_, None) if state.model.with(Option::is_none) => text.no_model.to_owned(),
        (_, None) => text.ready.to_owned(),
    }
}

#[component]
fn Elapsed(state: State) -> impl IntoView {
    let times = Memo::new(move |_| {
        let look = state.prediction.with(|prediction| prediction.as_ref().map(|prediction| prediction.milliseconds))?;
        let trace = state.explanation.with(|explanation| explanation.as_ref().map(|known| known.milliseconds))?;
        Some((look, trace))
    });
    view! {
        <span
            class="elapsed"
            data-testid="elapsed"
            data-forward=told(move || times.get().map(|(look, _)| format!("{look:.1}")).unwrap_or_default())
            data-explain=told(move || times.get().map(|(_, trace)| format!("{trace:.1}")).unwrap_or_default())
        >
            {told(move || {
                let words = |(look, trace)| fill(state.text().times, &[&format!("{look:.0}"), &format!("{trace:.0}")]);
                times.get().map(words).unwrap_or_default()
            })}
        </span>
    }
}

#[component]
pub fn AdapterName(jobs: Jobs) -> impl IntoView {
    let state = jobs.state;
    view! {
        <p class="adapter" data-testid="adapter">
            {part(move || {
                let adapter = state.adapter.get()?;
                let name = if adapter.name.is_empty() { state.text().processor.name } else { &adapter.name };
                let words = fill(state.text().adapter, &[name]);
                Some(
                    view! {
                        <span>{words}</span>
                        {(adapter.software && !adapter.name.is_empty())
                            .then(|| {
                                view! {
                                    <em>{state.text().software}</em>
                                    <button
                                        type="button"
                                        class="quiet"
                                        data-testid="rather-processor"
                                        disabled=whether(move || state.work.get().is_some())
                                        on:click=act(move || jobs.compute_elsewhere(true))
                                    >
                                        {state.text().processor.rather}
                                    </button>
                                }
                            })}
                        {adapter
                            .spares_software
                            .then(|| {
                                view! {
                                    <em>{state.text().processor.faster}</em>
                                    <button
                                        type="button"
                                        class="quiet"
                                        data-testid="rather-adapter"
                                        disabled=whether(move || state.work.get().is_some())
                                        on:click=act(move || jobs.compute_elsewhere(false))
                                    >
                                        {state.text().processor.rather_adapter}
                                    </button>
                                }
                            })}
                    },
                )
            })}
        </p>
    }
}

/// What went wrong, and the buttons that lead on. The region is always there, so that its first words are announced.
#[component]
pub fn Complaint(jobs: Jobs, browse_photo: Callback<()>) -> impl IntoView {
    let state = jobs.state;
    view! {
        <div role="alert">
            {part(move || {
                let failure = state.failure.get()?;
                let smaller = jobs.smaller().map(|smaller| smaller.side(state.fit.get()).to_string());
                let retry = failure.retry != Retry::None;
                // What the graphics adapter cannot do, the processor perhaps can.
                let instead = matches!(&failure.fault, Fault::Engine(error)
                    if error.is_of_the_device() || matches!(error, Error::AdapterLimit { .. } | Error::TensorTooLarge { .. }))
                    && state.processor.get() != Some(true);
                Some(
                    view! {
                        <div class="notice bad" data-testid="error">
                            <p>{text::sentence(state.language.get(), &failure.fault)}</p>
                            <div class="buttons">
                                {retry
                                    .then(|| {
                                        view! {
                                            <button type="button" class="strong" data-testid="retry" on:click=act(move || jobs.retry())>
                                                {state.text().retry}
                                            </button>
                                        }
                                    })}
                                {smaller
                                    .map(|side| {
                                        view! {
                                            <button type="button" class="strong" data-testid="smaller" on:click=act(move || jobs.look_smaller())>
                                                {fill(state.text().processor.smaller, &[&side])}
                                            </button>
                                        }
                                    })}
                                {instead
                                    .then(|| {
                                        view! {
                                            <button
                                                type="button"
                                                data-testid="processor-instead"
                                                disabled=whether(move || state.work.get().is_some())
                                                on:click=act(move || jobs.compute_elsewhere(true))
                                            >
                                                {state.text().processor.use_processor}
                                            </button>
                                        }
                                    })}
                                <button type="button" on:click=act(move || browse_photo.run(()))>
                                    {state.text().another_photo}
                                </button>
                                <button type="button" class="quiet" data-testid="dismiss" on:click=act(move || jobs.dismiss())>
                                    {state.text().dismiss}
                                </button>
                            </div>
                        </div>
                    },
                )
            })}
        </div>
    }
}

/// Why the processor computes, where nobody asked for that.
#[component]
pub fn Refused(jobs: Jobs) -> impl IntoView {
    let state = jobs.state;
    view! {
        <div role="status">
            {part(move || {
                let fault = state.adapter.get()?.refused?;
                let text = state.text().processor;
                let words = [&text::sentence(state.language.get(), &fault), " ", text.instead].concat();
                Some(
                    view! {
                        <div class="notice" data-testid="refused">
                            <p>{words}</p>
                            <div class="buttons">
                                <button
                                    type="button"
                                    data-testid="use-gpu"
                                    disabled=whether(move || state.work.get().is_some())
                                    on:click=act(move || jobs.compute_elsewhere(false))
                                >
                                    {text.use_gpu_again}
                                </button>
                            </div>
                        </div>
                    },
                )
            })}
        </div>
    }
}

/// Nothing is fetched from another host before this is answered.
#[component]
pub fn Offer(jobs: Jobs, browse_weights: Callback<()>) -> impl IntoView {
    let state = jobs.state;
    view! {
        <div role="region" aria-live="polite">
            {part(move || {
                let model = state.offer.get()?;
                let (text, language) = (state.text(), state.language.get());
                let name = language.choose(&model.name, model.name_zh.as_deref()).to_owned();
                let megabytes = format!("{:.0}", model.size as f64 / 1e6);
                let mut fine = format!("{} · {}", fill(text.licence, &[&model.licence]), model.source);
                if model.sha256.is_none() {
                    fine = format!("{fine} · {}", text.weights.unverified);
                }
                let hosts: Vec<_> = model.urls.iter().filter_map(|url| url.split('/').nth(2)).collect();
                Some(
                    view! {
                        <div class="notice" data-testid="offer">
                            <div class="words">
                                <h2>{fill(text.offer_title, &[&name])}</h2>
                                <p>{fill(text.offer, &[&megabytes, &hosts.join(" / ")])}</p>
                                <p class="fine">{fine}</p>
                            </div>
                            <div class="buttons">
                                <button type="button" class="strong" data-testid="offer-yes" on:click=act(move || jobs.accept_offer())>
                                    {fill(text.offer_yes, &[&megabytes])}
                                </button>
                                <button type="button" on:click=act(move || browse_weights.run(()))>
                                    {text.offer_file}
                                </button>
                                <button type="button" class="quiet" data-testid="offer-no" on:click=act(move || jobs.decline_offer())>
                                    {text.offer_no}
                                </button>
                            </div>
                        </div>
                    },
                )
            })}
        </div>
    }
}
