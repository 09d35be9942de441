//! What the page says about itself: complaints with a way on, the question before a download, the
//! adapter.

use crate::controller::Controller;
use crate::fault::{Fault, Retry};
use crate::i18n::{self, fill};
use gradlens::error::Error;
use leptos::prelude::*;

#[component]
pub fn AdapterName(controller: Controller) -> impl IntoView {
    let state = controller.state;
    view! {
        <p class="adapter" data-testid="adapter">
            {move || {
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
                                        disabled=move || state.work.get().is_some()
                                        on:click=move |_| controller.choose_processor(true)
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
                                        disabled=move || state.work.get().is_some()
                                        on:click=move |_| controller.choose_processor(false)
                                    >
                                        {state.text().processor.rather_adapter}
                                    </button>
                                }
                            })}
                    },
                )
            }}
        </p>
    }
}

/// What went wrong, and the buttons that lead on. The region is always there, so that its first
/// words are announced.
#[component]
pub fn Complaint(
    controller: Controller,
    browse_photo: Callback<()>,
    browse_weights: Callback<()>,
) -> impl IntoView {
    let state = controller.state;
    view! {
        <div role="alert">
            {move || {
                let failure = state.failure.get()?;
                let smaller = controller.smaller_preprocessing().map(|smaller| smaller.side(state.fit.get()).to_string());
                let retry = failure.retry != Retry::None;
                // What the graphics adapter cannot do, the processor perhaps can.
                let too_large = matches!(
                    &failure.fault,
                    Fault::Engine(Error::AdapterLimit { .. } | Error::TensorTooLarge { .. })
                );
                let instead = (too_large || failure.fault.is_of_the_device()) && state.processor.get() != Some(true);
                Some(
                    view! {
                        <div class="notice bad" data-testid="error">
                            <p>{i18n::sentence(state.language(), &failure.fault)}</p>
                            <div class="buttons">
                                {retry
                                    .then(|| {
                                        view! {
                                            <button type="button" class="strong" data-testid="retry" on:click=move |_| controller.retry()>
                                                {state.text().retry}
                                            </button>
                                        }
                                    })}
                                {smaller
                                    .map(|side| {
                                        view! {
                                            <button type="button" class="strong" data-testid="smaller" on:click=move |_| controller.predict_smaller()>
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
                                                disabled=move || state.work.get().is_some()
                                                on:click=move |_| controller.choose_processor(true)
                                            >
                                                {state.text().processor.use_processor}
                                            </button>
                                        }
                                    })}
                                <button
                                    type="button"
                                    data-testid="another-file"
                                    on:click=move |_| if failure.of_weights { browse_weights.run(()) } else { browse_photo.run(()) }
                                >
                                    {if failure.of_weights { state.text().open_weights } else { state.text().another_photo }}
                                </button>
                                <button type="button" class="quiet" data-testid="dismiss" on:click=move |_| controller.dismiss()>
                                    {state.text().dismiss}
                                </button>
                            </div>
                        </div>
                    },
                )
            }}
        </div>
    }
}

/// Why the processor computes, where nobody asked for that.
#[component]
pub fn Refused(controller: Controller) -> impl IntoView {
    let state = controller.state;
    view! {
        <div role="status">
            {move || {
                let fault = state.adapter.get()?.refused?;
                let text = state.text().processor;
                let words = [&i18n::sentence(state.language(), &fault), " ", text.instead].concat();
                Some(
                    view! {
                        <div class="notice" data-testid="refused">
                            <p>{words}</p>
                            <div class="buttons">
                                <button
                                    type="button"
                                    data-testid="use-gpu"
                                    disabled=move || state.work.get().is_some()
                                    on:click=move |_| controller.choose_processor(false)
                                >
                                    {text.use_gpu_again}
                                </button>
                            </div>
                        </div>
                    },
                )
            }}
        </div>
    }
}

/// Nothing is fetched from another host before this is answered.
#[component]
pub fn Offer(controller: Controller, browse_weights: Callback<()>) -> impl IntoView {
    let state = controller.state;
    view! {
        <div role="region" aria-live="polite">
            {move || {
                let model = state.offer.get()?;
                let text = state.text();
                let name = state.model_name(&model);
                let [megabytes, hosts] = state.model_hosts(&model);
                Some(
                    view! {
                        <div class="notice" data-testid="offer">
                            <div class="notice-words">
                                <h2>{fill(text.offer_title, &[name])}</h2>
                                <p>{fill(text.offer, &[&megabytes, &hosts])}</p>
                                <p class="fine">{state.model_origin(&model)}</p>
                            </div>
                            <div class="buttons">
                                <button type="button" class="strong" data-testid="offer-yes" on:click=move |_| controller.accept_offer()>
                                    {fill(text.offer_yes, &[&megabytes])}
                                </button>
                                <button type="button" on:click=move |_| browse_weights.run(())>
                                    {text.offer_file}
                                </button>
                                <button type="button" class="quiet" data-testid="offer-no" on:click=move |_| controller.decline_offer()>
                                    {text.offer_no}
                                </button>
                            </div>
                        </div>
                    },
                )
            }}
        </div>
    }
}
