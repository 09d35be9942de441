//! Where the map points: the largest warm region, the visitor's own box, and what is left without the region.

use super::Wish;
use super::maps::{figure, over_small, percent, rgb_pixels};
use crate::app::jobs::Jobs;
use crate::app::once::{Effect, Memo};
use crate::app::picture;
use crate::app::text::fill;
use crate::app::widgets::{Slider, act, amount, field, part, told, whether};
use crate::explain::localization::{self, Covered};
use crate::explain::top;
use crate::image::Rect;
use leptos::ev::PointerEvent;
use leptos::prelude::*;
use leptos::{html, svg};

#[component]
pub fn Where(jobs: Jobs) -> impl IntoView {
    let state = jobs.state;
    let closer = state.closer;
    let area = NodeRef::<svg::Svg>::new();
    let canvas = NodeRef::<html::Canvas>::new();
    let from = StoredValue::new(None::<(f64, f64)>);
    let size = Memo::new(move |_| {
        state.picture.with(|picture| {
            picture.as_ref().map_or((1.0, 1.0), |picture| (picture.full.width as f64, picture.full.height as f64))
        })
    });
    Effect::new(move |_| {
        if let (Some(canvas), Some(pixels)) =
            (canvas.get(), state.explanation.get().and_then(|known| over_small(state, &known)))
        {
            picture::paint(&canvas, &pixels);
        }
    });
    // By keyboard: left, top, width and height of the true box in photo pixels.
    let numbers = move |n: usize| {
        let side = move |rect: &Rect| [rect.x, rect.y, rect.width, rect.height][n];
        view! {
            <label>
            <span>{told(move || state.text().closer.sides_of_box[n].to_owned())}</span>
            <input
                type="number"
                min="0"
                step="1"
                data-testid=["box-left", "box-top", "box-width", "box-height"][n]
                prop:value=amount(move || closer.truth.get().as_ref().map_or(0.0, side).round())
                on:change=field(move |input| {
                    let value = input.value_as_number();
                    let (width, height) = size.get_untracked();
                    let mut rect = closer.truth.get_untracked().unwrap_or(Rect { x: 0.0, y: 0.0, width, height });
                    let [x, y] = [rect.x, rect.y];
                    let most = [width, height, width - x, height - y][n];
                    let value = if value.is_finite() { value.clamp(0.0, most) } else { 0.0 };
                    *[&mut rect.x, &mut rect.y, &mut rect.width, &mut rect.height][n] = value;
                    rect.width = rect.width.min(width - rect.x);
                    rect.height = rect.height.min(height - rect.y);
                    closer.truth.set(Some(rect));
                })
            />
            </label>
        }
    };
    let numbers = (0..4).map(numbers).collect_view();
    let region = Memo::new(move |_| {
        let known = state.explanation.get()?;
        localization::largest_region(&known.heatmap, (known.height, known.width), closer.share.get())
    });
    let found = move || {
        let known = state.explanation.get()?;
        Some(localization::to_photo(&region.get()?.bounds, &known.rect, (known.height, known.width)))
    };
    let at = move |event: &PointerEvent| {
        let bounds = area.get_untracked()?.get_bounding_client_rect();
        let (width, height) = size.get_untracked();
        let place =
            |at: i32, start: f64, length: f64, side: f64| ((f64::from(at) - start) / length * side).clamp(0.0, side);
        Some((
            place(event.client_x(), bounds.left(), bounds.width(), width),
            place(event.client_y(), bounds.top(), bounds.height(), height),
        ))
    };
    let draw = move |event: PointerEvent| {
        if let (Some((x0, y0)), Some((x, y))) = (from.get_value(), at(&event)) {
            let (width, height) = ((x - x0).abs(), (y - y0).abs());
            closer.truth.set(Some(Rect { x: x.min(x0), y: y.min(y0), width, height }));
        }
    };
    let agreement = move || {
        let known = state.explanation.get()?;
        let truth = closer.truth.get().filter(|truth| truth.width >= 2.0 && truth.height >= 2.0)?;
        let text = state.text().closer;
        let inside = localization::to_input(&truth, &known.rect, (known.height, known.width));
        let iou = region.get().map_or(0.0, |region| localization::iou(&region.bounds, &inside));
        let points = localization::points_into(&known.heatmap, known.width, &inside);
        let share = localization::energy_share(&known.heatmap, known.width, &inside);
        let hit = if points { text.hit } else { text.miss };
        Some(fill(text.agreement, &[&format!("{iou:.2}"), hit, &percent(share)]))
    };
    let covered = move || {
        let covered = closer.found.get().covered?;
        let Covered { mask, logits, scores, colour } = &*covered;
        let (prediction, known) = (state.prediction.get()?, state.explanation.get()?);
        let text = state.text().closer;
        let mut rgb = prediction.rgb.clone();
        rgb.chunks_exact_mut(3)
            .zip(mask)
            .filter(|(_, hidden)| **hidden)
            .for_each(|(pixel, _)| pixel.copy_from_slice(colour));
        let listed = |logits: &[f32]| {
            let mut scores = top(logits, *scores, logits.len());
            let mut place = 0;
            scores.retain(|score| {
                place += 1;
                place <= 3 || score.class == known.class
            });
            scores
                .into_iter()
                .map(|score| format!("{} {}", state.label(score.class), percent(score.probability)))
                .collect::<Vec<_>>()
                .join(" · ")
        };
        let before = rgb_pixels(&prediction.rgb, prediction.width, prediction.height);
        Some(view! {
            <div class="maps large" data-testid="covered">
                {figure("before".into(), fill(text.before, &[&listed(&prediction.logits)]), before)}
                {figure(
                    "after".into(),
                    fill(text.after, &[&listed(logits)]),
                    rgb_pixels(&rgb, prediction.width, prediction.height),
                )}
            </div>
        })
    };
    view! {
        <div class="drawing">
            <canvas role="img" aria-label=state.say(|text| text.closer.tabs[5]) node_ref=canvas></canvas>
            <svg
                node_ref=area
                data-testid="draw"
                preserveAspectRatio="none"
                viewBox=told(move || format!("0 0 {} {}", size.get().0, size.get().1))
                on:pointerdown=move |event: PointerEvent| {
                    event.prevent_default();
                    // Strokes that leave the picture end at its edge.
                    if let Some(area) = area.get_untracked() {
                        let _ = area.set_pointer_capture(event.pointer_id());
                    }
                    from.set_value(at(&event));
                    closer.truth.set(None);
                }
                on:pointermove=draw
                on:pointerup=move |event| {
                    draw(event);
                    from.set_value(None);
                }
                on:pointercancel=move |_| from.set_value(None)
            >
                <path class="found" data-testid="found" d=told(move || found().map(|rect| outlined(&rect)).unwrap_or_default()) />
                <path class="truth" d=told(move || closer.truth.get().map(|rect| outlined(&rect)).unwrap_or_default()) />
            </svg>
        </div>
        <div class="row">
            <Slider state label=|text| text.closer.share id="share" value=closer.share />
            <button
                type="button"
                data-testid="cover"
                disabled=whether(move || region.with(Option::is_none))
                on:click=act(move || {
                    if let Some(region) = region.get_untracked() {
                        jobs.wish(Wish::Cover(region.mask));
                    }
                })
            >
                {state.say(|text| text.closer.cover)}
            </button>
        </div>
        <div class="row box">
            <span>{state.say(|text| text.closer.your_box)}</span>
            {numbers}
        </div>
        <p data-testid="agreement">{told(move || agreement().unwrap_or_else(|| state.text().closer.draw.to_owned()))}</p>
        {part(covered)}
    }
}

fn outlined(rect: &Rect) -> String {
    format!("M{:.0} {:.0}h{:.0}v{:.0}h-{:.0}z", rect.x, rect.y, rect.width, rect.height, rect.width)
}
