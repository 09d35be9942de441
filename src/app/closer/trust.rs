//! Is the picture to be trusted? What became of the answer when the photo, or the network, was changed.

use super::Wish;
use super::maps::{figure, over_small, percent};
use crate::app::jobs::Jobs;
use crate::app::text::fill;
use crate::app::widgets::{act, part};
use crate::explain::Explanation;
use crate::faithfulness::{Curve, Scrambled};
use leptos::prelude::*;

/// Two curves over the share of changed pixels.
fn chart(title: &'static str, names: [&'static str; 2], curves: [&Curve; 2], across: &'static str) -> AnyView {
    let line = |curve: &Curve| {
        let points = curve.points.iter().enumerate();
        points
            .map(|(n, (x, y))| format!("{}{:.1} {:.1}", if n == 0 { "M" } else { "L" }, 100.0 * x, 60.0 - 60.0 * y))
            .collect::<String>()
    };
    let [first, second] = curves;
    let legend = |n: usize, curve: &Curve| format!("{}: {:.2}", names[n], curve.area());
    view! {
        <figure class="chart">
            <figcaption>{title}</figcaption>
            <svg viewBox="-1 -1 102 62" role="img" aria-label=format!("{title}. {}, {}", legend(0, first), legend(1, second))>
                <path class="frame-line" d="M0 0V60H100" />
                <path class="first" d=line(first) />
                <path class="second" d=line(second) />
            </svg>
            <p class="fine">{across}</p>
            <p class="fine">
                <b class="first">{legend(0, first)}</b>
                " "
                <b class="second">{legend(1, second)}</b>
            </p>
        </figure>
    }
    .into_any()
}

#[component]
pub fn Trusted(jobs: Jobs) -> impl IntoView {
    let state = jobs.state;
    let closer = state.closer;
    let checked = move || {
        let trust = closer.found.get().trust?;
        let text = state.text().closer;
        let whole = percent(trust.probability);
        let seen = percent(trust.seen);
        let change = if trust.increase() { text.rises } else { text.falls };
        let verdict = if trust.road() > 0.0 { text.road_good } else { text.road_bad };
        Some(view! {
            <p data-testid="drop">{fill(change, &[&whole, &seen, &percent(trust.share_lost())])}</p>
            <div class="charts" data-testid="curves">
                {chart(text.charts[0], text.deletion, [&trust.deletion, &trust.insertion], text.across)}
                {chart(text.charts[1], text.road, [&trust.morf, &trust.lerf], text.across)}
            </div>
            <p data-testid="road">{fill(verdict, &[&format!("{:.2}", trust.road())])}</p>
        })
    };
    let figures = move || {
        let (scrambled, known) = (closer.found.get().scrambled, state.explanation.get()?);
        let one = |s: &Scrambled| {
            let map = Explanation { heatmap: s.heatmap.clone(), ..(*known).clone() };
            let caption = fill(state.text().closer.scrambled, &[s.part, &format!("{:.2}", s.correlation)]);
            Some(figure(format!("scrambled {}", s.part), caption, over_small(state, &map)?))
        };
        Some(scrambled.iter().filter_map(one).collect_view())
    };
    view! {
        <div class="row">
            <button type="button" data-testid="trust" on:click=act(move || jobs.wish(Wish::Trust))>
                {state.say(|text| text.closer.check)}
            </button>
            <button type="button" data-testid="sanity" on:click=act(move || jobs.wish(Wish::Sanity))>
                {state.say(|text| text.closer.sanity)}
            </button>
        </div>
        {part(checked)}
        <div class="maps">{part(figures)}</div>
    }
}
