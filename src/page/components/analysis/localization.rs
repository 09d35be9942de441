//! Where the map points: the largest warm region, the visitor's own box, and what is left without
//! the region.

use super::figure::{Figure, over_small};
use crate::components::widgets::Slider;
use crate::controller::Controller;
use crate::engine::protocol::Analysis;
use crate::i18n::fill;
use crate::platform::canvas;
use gradlens::explain::localization::{self, Covered};
use gradlens::explain::top;
use gradlens::image::Rect;
use leptos::ev::PointerEvent;
use leptos::prelude::*;
use leptos::{html, svg};

#[component]
pub fn Localization(controller: Controller) -> impl IntoView {
    let state = controller.state;
    let analysis = state.analysis;
    let area = NodeRef::<svg::Svg>::new();
    let canvas = NodeRef::<html::Canvas>::new();
    let from = StoredValue::new(None::<(f64, f64)>);
    let size = Memo::new(move |_| {
        state.picture.with(|picture| {
            picture
                .as_ref()
                .map_or((1.0, 1.0), |picture| (picture.size.0 as f64, picture.size.1 as f64))
        })
    });
    Effect::new(move |_| {
        if let Some(canvas) = canvas.get()
            && let Some(known) = state.explanation.get()
            && let Some(over) = over_small(state)
        {
            canvas::paint(&canvas, &over(&known));
        }
    });
    // By keyboard: left, top, width and height of the true box in photo pixels.
    let numbers = move |n: usize| {
        let side = move |rect: &Rect| [rect.x, rect.y, rect.width, rect.height][n];
        view! {
            <label>
            <span>{move || state.text().analysis.sides_of_box[n]}</span>
            <input
                type="number"
                min="0"
                step="1"
                data-testid=["box-left", "box-top", "box-width", "box-height"][n]
                prop:value=move || analysis.true_box.get().as_ref().map_or(0.0, side).round()
                on:change:target=move |event| {
                    let input = event.target();
                    let value = input.value_as_number();
                    let (width, height) = size.get_untracked();
                    let mut rect = analysis.true_box.get_untracked().unwrap_or(Rect { x: 0.0, y: 0.0, width, height });
                    let [x, y] = [rect.x, rect.y];
                    let most = [width, height, width - x, height - y][n];
                    let value = if value.is_finite() { value.clamp(0.0, most) } else { 0.0 };
                    *[&mut rect.x, &mut rect.y, &mut rect.width, &mut rect.height][n] = value;
                    rect.width = rect.width.min(width - rect.x);
                    rect.height = rect.height.min(height - rect.y);
                    analysis.true_box.set(Some(rect));
                }
            />
            </label>
        }
    };
    let numbers = (0..4).map(numbers).collect_view();
    let region = Memo::new(move |_| {
        let known = state.explanation.get()?;
        localization::largest_region(
            &known.heatmap,
            (known.height, known.width),
            analysis.threshold.get(),
        )
    });
    let found = move || {
        let known = state.explanation.get()?;
        Some(localization::to_photo(
            &region.get()?.bounds,
            &known.rect,
            (known.height, known.width),
        ))
    };
    let at = move |event: &PointerEvent| {
        let bounds = area.get_untracked()?.get_bounding_client_rect();
        let (width, height) = size.get_untracked();
        let place = |at: i32, start: f64, length: f64, side: f64| {
            ((f64::from(at) - start) / length * side).clamp(0.0, side)
        };
        Some((
            place(event.client_x(), bounds.left(), bounds.width(), width),
            place(event.client_y(), bounds.top(), bounds.height(), height),
        ))
    };
    let draw = move |event: PointerEvent| {
        if let (Some((x0, y0)), Some((x, y))) = (from.get_value(), at(&event)) {
            let (width, height) = ((x - x0).abs(), (y - y0).abs());
            analysis.true_box.set(Some(Rect { x: x.min(x0), y: y.min(y0), width, height }));
        }
    };
    let agreement = move || {
        let known = state.explanation.get()?;
        let truth =
            analysis.true_box.get().filter(|truth| truth.width >= 2.0 && truth.height >= 2.0)?;
        let text = state.text().analysis;
        let inside = localization::to_input(&truth, &known.rect, (known.height, known.width));
        let iou = region.get().map_or(0.0, |region| localization::iou(&region.bounds, &inside));
        let points = localization::points_into(&known.heatmap, known.width, &inside);
        let share = localization::energy_share(&known.heatmap, known.width, &inside);
        let hit = if points { text.hit } else { text.miss };
        Some(fill(text.agreement, &[&format!("{iou:.2}"), hit, &state.percent(share, 0)]))
    };
    let covered = move || {
        let covered = analysis.results.get().covered?;
        let Covered { mask, logits, scores, colour } = &*covered;
        let (prediction, known) = (state.prediction.get()?, state.explanation.get()?);
        let text = state.text().analysis;
        let mut rgb = prediction.rgb.clone();
        rgb.chunks_exact_mut(3)
            .zip(mask)
            .filter(|(_, hidden)| **hidden)
            .for_each(|(pixel, _)| pixel.copy_from_slice(colour));
        let listed = |logits: &[f32]| {
            top(logits, *scores, logits.len())
                .into_iter()
                .enumerate()
                .filter(|(rank, score)| *rank < 3 || score.class == known.class)
                .map(|(_, score)| {
                    format!("{} {}", state.label(score.class), state.percent(score.probability, 0))
                })
                .collect::<Vec<_>>()
                .join(" · ")
        };
        let before = canvas::from_rgb(&prediction.rgb, prediction.width, prediction.height);
        let after = canvas::from_rgb(&rgb, prediction.width, prediction.height);
        Some(view! {
            <div class="picture-grid analysis-large" data-testid="covered">
                <Figure what="before".into() caption=fill(text.before, &[&listed(&prediction.logits)]) pixels=before />
                <Figure what="after".into() caption=fill(text.after, &[&listed(logits)]) pixels=after />
            </div>
        })
    };
    view! {
        <div class="analysis-drawing">
            <canvas role="img" aria-label=move || state.text().analysis.tabs[5] node_ref=canvas></canvas>
            <svg
                node_ref=area
                data-testid="draw"
                preserveAspectRatio="none"
                viewBox=move || format!("0 0 {} {}", size.get().0, size.get().1)
                on:pointerdown=move |event: PointerEvent| {
                    event.prevent_default();
                    // Strokes that leave the picture end at its edge.
                    if let Some(area) = area.get_untracked() {
                        let _ = area.set_pointer_capture(event.pointer_id());
                    }
                    from.set_value(at(&event));
                    analysis.true_box.set(None);
                }
                on:pointermove=draw
                on:pointerup=move |event| {
                    draw(event);
                    from.set_value(None);
                }
                on:pointercancel=move |_| from.set_value(None)
            >
                <path class="localization-found" data-testid="found" d=move || found().map(|rect| outlined(&rect)).unwrap_or_default() />
                <path class="localization-truth" d=move || analysis.true_box.get().map(|rect| outlined(&rect)).unwrap_or_default() />
            </svg>
        </div>
        <div class="analysis-row">
            <Slider state label=|text| text.analysis.share id="share" value=analysis.threshold />
            <button
                type="button"
                data-testid="cover"
                disabled=move || region.with(Option::is_none)
                on:click=move |_| {
                    if let Some(region) = region.get_untracked() {
                        controller.analyze(Analysis::Cover(region.mask));
                    }
                }
            >
                {move || state.text().analysis.cover}
            </button>
        </div>
        <div class="analysis-row analysis-box">
            <span>{move || state.text().analysis.your_box}</span>
            {numbers}
        </div>
        <p data-testid="agreement">{move || agreement().unwrap_or_else(|| state.text().analysis.draw.to_owned())}</p>
        {covered}
    }
}

fn outlined(rect: &Rect) -> String {
    format!("M{:.0} {:.0}h{:.0}v{:.0}h-{:.0}z", rect.x, rect.y, rect.width, rect.height, rect.width)
}
