//! What each method computes, where it comes from, and the ones that take their time.

use super::maps::Maps;
use crate::controller::Controller;
use crate::engine::protocol::Analysis;
use crate::i18n::{self, fill};
use gradlens::explain::Question;
use gradlens::explain::cam::{Group, Method};
use gradlens::explain::perturbation::Estimate;
use leptos::prelude::*;

#[component]
pub fn Methods(controller: Controller) -> impl IntoView {
    let state = controller.state;
    let analysis = state.analysis;
    let list = move || {
        let one = |(method, (address, english, chinese)): (
            Method,
            &(&'static str, &'static str, &'static str),
        )| {
            let (name, what) = (state.method_name(method), state.method_hint(method));
            let when = state.language().choose(english, Some(chinese)).to_owned();
            view! {
                <li>
                    <a href=*address target="_blank" rel="noopener">{name}</a>
                    <span>{what} " " {when}</span>
                </li>
            }
        };
        Method::ALL.into_iter().zip(i18n::METHODS).map(one).collect_view()
    };
    let question = move || {
        let known = state.explanation.get_untracked()?;
        let channels = Some(analysis.channels.get_untracked()).filter(|&channels| channels > 0);
        Some(Question {
            method: analysis.slow_method.get_untracked(),
            channels,
            ..known.question()
        })
    };
    let of_channels = move || analysis.slow_method.get().group() != Group::Pixels;
    let estimated = move || {
        let Estimate { passes, milliseconds } = analysis.results.get().estimate?;
        let seconds = format!("{:.0}", (milliseconds / 1e3).max(1.0).ceil());
        Some(fill(state.text().analysis.estimated, &[&passes.to_string(), &seconds]))
    };
    let start = move || {
        if let Some(question) = question() {
            analysis.tried_channels.set(analysis.channels.get_untracked());
            controller.analyze(Analysis::Maps(vec![question]));
        }
    };
    view! {
           <ul class="analysis-methods">{list}</ul>
           <p class="hint">{move || state.text().analysis.coincide}</p>
           <h3>{move || state.text().analysis.slow}</h3>
           <div class="analysis-row">
               <label class="field">
                   <span>{move || state.text().method}</span>
                   <select
                       data-testid="slow-method"
                       on:change:target=move |event| {
                           analysis.slow_method.set(event.target().value().parse().unwrap_or(Method::AblationCam));
                           analysis.results.update(|results| results.estimate = None);
                       }
                   >
                       {Method::ALL
                           .into_iter()
                           .filter(|method| method.is_slow())
                           .map(|method| {
                               view! {
                                   <option value=method.name() selected=move || analysis.slow_method.get() == method>
                                       {state.method_name(method)}
                                   </option>
                               }
                           })
                           .collect_view()}
                   </select>
               </label>
               <label class="field">
                   <span>{move || state.text().analysis.channels}</span>
                   <select
                       data-testid="slow-channels"
                       disabled=move || !of_channels()
                       on:change:target=move |event| {
                           let channels = event.target().value();
                           analysis.channels.set(channels.parse().unwrap_or(0));
                           analysis.results.update(|results| results.estimate = None);
                       }
                   >
                       {[16usize, 64, 256]
                           .map(|n| view! { <option value=n.to_string() selected=move || analysis.channels.get() == n>{n.to_string()}</option> })
                           .collect_view()}
                       <option value="0" selected=move || analysis.channels.get() == 0>{move || state.text().analysis.all_channels}</option>
                   </select>
               </label>
               <button
                   type="button"
                   data-testid="estimate"
                   on:click=move |_| {
                       if let Some(question) = question() {
                           controller.analyze(Analysis::Estimate(question));
                       }
                   }
               >
                   {move || state.text().analysis.estimate}
               </button>
           </div>
           {move || {
               estimated()
                   .map(|words| {
                       view! {
                           <p class="analysis-row">
                               <span data-testid="estimated">{words}</span>
                               <button type="button" class="strong" data-testid="slow-start" on:click=move |_| start()>
                                   {move || state.text().analysis.start}
                               </button>
                           </p>
                       }
                   })
           }}
           <p class="hint">
            {move || if of_channels() && analysis.channels.get() > 0 { state.text().analysis.few_channels } else { "" }}
        </p>
        <Maps state />
    }
}
