//! A picture to draw on, by pointer or by keyboard.

use crate::i18n::fill;
use crate::platform::canvas::{self, Pixels};
use crate::state::State;
use gradlens::explain::drawing::{Drawing, RADIUS};
use leptos::ev::{KeyboardEvent, PointerEvent};
use leptos::prelude::*;
use leptos::{html, svg};
use std::fmt::Write;

/// Longest side of the picture, in pixels.
pub const LONGEST: usize = 800;

/// Steps of the arrow keys from one end of the longer side to the other.
const STEPS: f64 = 20.0;

/// A picture with what was marked on it. Takes pointer and keys.
#[component]
pub fn Board(
    state: State,
    /// `None` without a photo.
    drawing: RwSignal<Option<Drawing>>,
    /// The picture itself, at most [`LONGEST`] pixels a side; read again when its signals change.
    pixels: Callback<(), Option<Pixels>>,
    /// Marks are drawn as outlines only, so that the picture's colours are seen.
    #[prop(into, optional)]
    outlined: Signal<bool>,
    /// Marks hide what they lie on.
    #[prop(optional)]
    covers: bool,
) -> impl IntoView {
    let canvas = NodeRef::<html::Canvas>::new();
    let area = NodeRef::<svg::Svg>::new();
    Effect::new(move |_| {
        if let (Some(canvas), Some(pixels)) = (canvas.get(), pixels.run(())) {
            canvas::paint(&canvas, &pixels);
        }
    });
    // Where a stroke has got to; where the keys are. Shares of the photo's sides.
    let from = StoredValue::new(None::<(f64, f64)>);
    let cursor = RwSignal::new(None::<(f64, f64)>);
    let at = move |event: &PointerEvent| {
        let bounds = area.get_untracked()?.get_bounding_client_rect();
        let share =
            |at: i32, start: f64, length: f64| ((f64::from(at) - start) / length).clamp(0.0, 1.0);
        Some((
            share(event.client_x(), bounds.left(), bounds.width()),
            share(event.client_y(), bounds.top(), bounds.height()),
        ))
    };
    let change = move |work: &dyn Fn(&mut Drawing)| {
        drawing.update(|drawing| {
            if let Some(drawing) = drawing {
                work(drawing);
            }
        });
    };
    let on_move = move |event: PointerEvent| {
        if let (Some(start), Some(end)) = (from.get_value(), at(&event)) {
            change(&|drawing| drawing.stroke(start, end, true));
            from.set_value(Some(end));
        }
    };
    let on_down = move |event: PointerEvent| {
        if event.button() != 0 {
            return;
        }
        if let Some(area) = area.get_untracked() {
            // Strokes that leave the picture go on along its edge.
            let _ = area.set_pointer_capture(event.pointer_id());
        }
        cursor.set(None);
        from.set_value(at(&event));
        on_move(event);
    };
    let cells = move || drawing.with(|drawing| drawing.as_ref().map_or((1, 1), Drawing::size));
    let on_key = move |event: KeyboardEvent| {
        let (width, height) = untrack(cells);
        let step = width.max(height) as f64 / STEPS;
        let (x, y) = (step / width as f64, step / height as f64);
        let now = cursor.get_untracked().unwrap_or((0.5, 0.5));
        let by = match event.key().as_str() {
            "ArrowLeft" => (-x, 0.0),
            "ArrowRight" => (x, 0.0),
            "ArrowUp" => (0.0, -y),
            "ArrowDown" => (0.0, y),
            " " | "Enter" => {
                change(&|drawing| {
                    let mark = !drawing.is_marked_at(now);
                    drawing.dab(now, mark);
                });
                (0.0, 0.0)
            }
            _ => return,
        };
        event.prevent_default();
        cursor.set(Some(((now.0 + by.0).clamp(0.0, 1.0), (now.1 + by.1).clamp(0.0, 1.0))));
    };
    let spoken = move || {
        let Some(at) = cursor.get() else { return String::new() };
        let text = state.text().teach;
        let marked =
            drawing.with(|drawing| drawing.as_ref().is_some_and(|one| one.is_marked_at(at)));
        let [x, y] = [at.0, at.1].map(|share| state.percent(share as f32, 0));
        fill(if marked { text.cursor_marked } else { text.cursor }, &[&x, &y])
    };
    let of_drawing = move |path: fn(&Drawing) -> String| {
        move || drawing.with(|drawing| drawing.as_ref().map(path).unwrap_or_default())
    };
    let ring = move || {
        let (width, height) = cells();
        let (x, y) = cursor.get()?;
        let radius = RADIUS * width.max(height) as f64;
        let (x, y) = (x * width as f64 - radius, y * height as f64);
        Some(format!(
            "M{x:.1} {y:.1}a{radius:.1} {radius:.1} 0 1 0 {0:.1} 0a{radius:.1} {radius:.1} 0 1 0 -{0:.1} 0",
            2.0 * radius
        ))
    };
    view! {
        <div class="predict-board" class:revealed=move || outlined.get() class:covers=covers>
            <canvas role="img" aria-label=move || state.text().view_photo node_ref=canvas></canvas>
            <svg
                role="application"
                tabindex="0"
                data-testid="predict-board"
                aria-label=move || state.text().teach.board
                aria-describedby="predict-cursor"
                preserveAspectRatio="none"
                viewBox=move || format!("0 0 {} {}", cells().0, cells().1)
                node_ref=area
                on:pointerdown=on_down
                on:pointermove=on_move
                on:pointerup=move |_| from.set_value(None)
                on:pointercancel=move |_| from.set_value(None)
                on:keydown=on_key
                on:blur=move |_| cursor.set(None)
            >
                <path class="predict-marks" d=of_drawing(marks) />
                <path class="predict-outline" d=of_drawing(outline) />
                <path class="predict-cursor" d=move || ring().unwrap_or_default() />
            </svg>
            <p class="visually-hidden" id="predict-cursor" role="status">{spoken}</p>
        </div>
    }
}

/// Each row's marked cells, as one rectangle a run.
fn marks(drawing: &Drawing) -> String {
    let (width, height) = drawing.size();
    let mut path = String::new();
    for row in 0..height as isize {
        let mut start = None;
        for column in 0..=width as isize {
            match (drawing.is_marked(column, row), start) {
                (true, None) => start = Some(column),
                (false, Some(from)) => {
                    let length = column - from;
                    let _ = write!(path, "M{from} {row}h{length}v1h-{length}z");
                    start = None;
                }
                _ => {}
            }
        }
    }
    path
}

/// The edges between what is marked and what is not, a cell's side each.
fn outline(drawing: &Drawing) -> String {
    let (width, height) = drawing.size();
    let mut path = String::new();
    for row in 0..=height as isize {
        for column in 0..=width as isize {
            let here = drawing.is_marked(column, row);
            if here != drawing.is_marked(column, row - 1) {
                let _ = write!(path, "M{column} {row}h1");
            }
            if here != drawing.is_marked(column - 1, row) {
                let _ = write!(path, "M{column} {row}v1");
            }
        }
    }
    path
}
