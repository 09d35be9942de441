//! Is the picture to be trusted? What became of the answer when the photo, or the network, was
//! changed.

use super::figure::{Figure, over_small};
use crate::controller::Controller;
use crate::engine::protocol::Analysis;
use crate::i18n::fill;
use gradlens::explain::Explanation;
use gradlens::explain::faithfulness::{Curve, PASSES, Randomized};
use leptos::prelude::*;

/// Rank correlation or SSIM above which two heatmaps are called similar.
const SIMILAR: f32 = 0.5;

/// A curve of a chart: what it is called, and its points in 0..=1.
type Line<'a> = (String, &'a [(f32, f32)]);

fn chart(title: &'static str, lines: [Line; 2], across: &'static str) -> AnyView {
    let drawn = |points: &[(f32, f32)]| {
        let points = points.iter().enumerate();
        points
            .map(|(n, (x, y))| {
                format!(
                    "{}{:.1} {:.1}",
                    if n == 0 { "M" } else { "L" },
                    100.0 * x,
                    60.0 - 60.0 * y.max(0.0)
                )
            })
            .collect::<String>()
    };
    let [(first, one), (second, other)] = lines;
    view! {
        <figure class="analysis-chart">
            <figcaption>{title}</figcaption>
            <svg viewBox="-9 -4 114 72" role="img" aria-label=format!("{title}. {first}, {second}")>
                <path class="chart-axes" d="M0 0V60H100M-1.5 0H0M-1.5 30H0M0 60V61.5M50 60V61.5M100 60V61.5" />
                <g class="chart-ticks" aria-hidden="true">
                    <text x="-2.5" y="1.5" text-anchor="end">"1"</text>
                    <text x="-2.5" y="31.5" text-anchor="end">"0.5"</text>
                    <text x="-2.5" y="61.5" text-anchor="end">"0"</text>
                    <text x="0" y="66.5" text-anchor="middle">"0"</text>
                    <text x="50" y="66.5" text-anchor="middle">"0.5"</text>
                    <text x="100" y="66.5" text-anchor="middle">"1"</text>
                </g>
                <path class="chart-first" d=drawn(one) />
                <path class="chart-second" d=drawn(other) />
            </svg>
            <p class="fine">{across}</p>
            <p class="fine">
                <b class="chart-first">{first}</b>
                " "
                <b class="chart-second">{second}</b>
            </p>
        </figure>
    }
    .into_any()
}

/// A curve named with the area under it.
fn with_area<'a>(name: &str, curve: &'a Curve) -> Line<'a> {
    (format!("{name}: {:.2}", curve.area()), &curve.points)
}

#[component]
pub fn Faithfulness(controller: Controller) -> impl IntoView {
    let state = controller.state;
    let analysis = state.analysis;
    let checked = move || {
        let trust = analysis.results.get().faithfulness?;
        let text = state.text().analysis;
        let whole = state.percent(trust.probability, 0);
        let seen = state.percent(trust.seen, 0);
        let change = if trust.increase() { text.rises } else { text.falls };
        let verdict = if trust.road() > 0.0 { text.road_good } else { text.road_bad };
        Some(view! {
            <p data-testid="drop">{fill(change, &[&whole, &seen, &state.percent(trust.share_lost(), 0)])}</p>
            <div class="analysis-charts" data-testid="curves">
                {chart(
                    text.charts[0],
                    [with_area(text.deletion[0], &trust.deletion), with_area(text.deletion[1], &trust.insertion)],
                    text.across,
                )}
                {chart(
                    text.charts[1],
                    [with_area(text.road[0], &trust.morf), with_area(text.road[1], &trust.lerf)],
                    text.across,
                )}
            </div>
            <p data-testid="road">{fill(verdict, &[&format!("{:.2}", trust.road())])}</p>
        })
    };
    let figures = move || {
        let (randomized, known) = (analysis.results.get().sanity_check, state.explanation.get()?);
        let text = state.text().analysis;
        if randomized.is_empty() {
            return None;
        }
        let over = over_small(state)?;
        let one = |s: &Randomized| {
            let blank = s.heatmap.iter().all(|&heat| heat == 0.0);
            let map = Explanation { heatmap: s.heatmap.clone(), blank, ..(*known).clone() };
            let caption = fill(text.randomized, &[&s.part, &two(s.correlation), &two(s.ssim)]);
            let caption = format!("{caption} {}", state.blank_note(&map));
            let (what, pixels) = (format!("scrambled {}", s.part), over(&map));
            view! { <Figure what caption pixels /> }
        };
        let maps = randomized.iter().map(one).collect_view();
        // The whole network first, which is like itself.
        let curve = |of: fn(&Randomized) -> f32| {
            let values = std::iter::once(1.0).chain(randomized.iter().map(of));
            let place = |(n, value)| (n as f32 / randomized.len() as f32, value);
            values.enumerate().map(place).collect::<Vec<(f32, f32)>>()
        };
        let (ranks, ssim) = (curve(|s| s.correlation), curve(|s| s.ssim));
        let last = |name: &str, curve: &[(f32, f32)]| {
            format!("{name}: {}", curve.last().map(|point| two(point.1)).unwrap_or_default())
        };
        let lines =
            [(last(text.alike[0], &ranks), &ranks[..]), (last(text.alike[1], &ssim), &ssim[..])];
        let blank = randomized.iter().all(|s| s.heatmap.iter().all(|&heat| heat == 0.0));
        let similar =
            randomized.last().is_some_and(|last| last.correlation.max(last.ssim) > SIMILAR);
        let verdict = match (blank, similar) {
            (true, _) => text.sanity_blank,
            (false, true) => text.sanity_bad,
            (false, false) => text.sanity_good,
        };
        Some(view! {
            <p data-testid="sanity-verdict">{verdict}</p>
            <div class="analysis-charts" data-testid="sanity-curves">{chart(text.sanity_chart, lines, text.sanity_across)}</div>
            <div class="picture-grid">{maps}</div>
        })
    };
    // From the look that was: as many again, and as many with a map each.
    let cost = move |passes: Memo<usize>, maps: bool| {
        move || {
            let passes = passes.get();
            let looked = state
                .prediction
                .with(|known| known.as_ref().map_or(0.0, |known| known.milliseconds));
            let traced = state
                .explanation
                .with(|known| known.as_ref().map_or(0.0, |known| known.milliseconds));
            let seconds = passes as f64 * (looked + if maps { traced } else { 0.0 }) / 1e3;
            fill(
                state.text().analysis.estimated,
                &[&passes.to_string(), &format!("{:.0}", seconds.max(1.0).ceil())],
            )
        }
    };
    // A blank map ranks no place before another.
    let blank = Memo::new(move |_| {
        state.explanation.with(|known| known.as_ref().is_some_and(|known| known.blank))
    });
    let ask = move || {
        if blank.get() {
            return view! { <p data-testid="nothing-to-check">{state.text().analysis.nothing_to_check}</p> }.into_any();
        }
        view! {
            <div class="analysis-row">
                <button type="button" data-testid="trust" on:click=move |_| controller.analyze(Analysis::Faithfulness)>
                    {move || state.text().analysis.check}
                </button>
                <span class="fine" data-testid="trust-cost">{cost(Memo::new(|_| PASSES), false)}</span>
                <button type="button" data-testid="sanity" on:click=move |_| controller.analyze(Analysis::SanityCheck)>
                    {move || state.text().analysis.sanity}
                </button>
                <span class="fine">{cost(Memo::new(move |_| state.part_count.get() + 1), true)}</span>
            </div>
        }
        .into_any()
    };
    view! {
        {ask}
        {checked}
        {figures}
    }
}

fn two(number: f32) -> String {
    format!("{number:.2}")
}
