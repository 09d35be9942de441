//! What each method computes, where it comes from, and the ones that take their time.

use super::maps::Maps;
use crate::components::explanation_settings::IN_SIGHT;
use crate::controller::Controller;
use crate::engine::protocol::Analysis;
use crate::i18n::{self, fill};
use gradlens::catalog::method_scores::{LAST_STRIDE, best, measured};
use gradlens::explain::Question;
use gradlens::explain::cam::{Group, Method};
use gradlens::explain::perturbation::Estimate;
use leptos::prelude::*;

#[component]
pub fn Methods(controller: Controller) -> impl IntoView {
    let state = controller.state;
    let analysis = state.analysis;
    let one = move |method: Method| {
        let place = Method::ALL.iter().position(|&known| known == method).unwrap_or_default();
        let (address, english, chinese) = i18n::METHODS[place];
        let (name, what) = (state.method_name(method), state.method_hint(method));
        let when = state.language().choose(english, Some(chinese)).to_owned();
        let text = state.text().analysis;
        let measured = measured(method, LAST_STRIDE).map(|measured| {
            let points =
                measured.points.map(|points| fill(text.points, &[&format!("{points:.0}")]));
            let passes = fill(text.passes, &[&rounded(measured.passes)]);
            [points.unwrap_or_default(), passes].join(" ")
        });
        view! {
            <li>
                <a href=address target="_blank" rel="noopener">{name}</a>
                <span>{what} " " {when} " " <span class="fine">{measured}</span></span>
            </li>
        }
    };
    let in_sight = move || IN_SIGHT.map(one).collect_view();
    let groups = move || {
        let group = |(name, group): (&'static str, Group)| {
            let more = |method: &Method| method.group() == group && !IN_SIGHT.contains(method);
            let list = Method::ALL.into_iter().filter(more).map(one).collect_view();
            view! {
                <h3>{name}</h3>
                <ul class="analysis-methods">{list}</ul>
            }
        };
        state.text().method_groups.into_iter().zip(Group::ALL).map(group).collect_view()
    };
    let recommended = move || {
        let best = best(state.stride(&state.layer.get()))?;
        let points = format!("{:.0}", best.points?);
        Some(fill(state.text().analysis.recommended, &[state.method_name(best.method), &points]))
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
           <p class="analysis-sentence" data-testid="recommended">{recommended}</p>
           <ul class="analysis-methods">{in_sight}</ul>
           <details class="fold">
               <summary>{move || state.text().all_methods}</summary>
               {groups}
           </details>
           <p class="hint">{move || state.text().analysis.measured}</p>
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

/// Two digits are enough to compare times, and all that is known of them.
fn rounded(passes: f32) -> String {
    match passes {
        ..0.1 => "<\u{a0}0.1".into(),
        ..10.0 => format!("{passes:.1}"),
        _ => format!("{:.0}", 10.0 * (passes / 10.0).round()),
    }
}
