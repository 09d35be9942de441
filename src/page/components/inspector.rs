//! Reading the heatmap: point at the picture, or move over its cells with the arrow keys, and see
//! value, cell and receptive field.

use crate::i18n::fill;
use crate::state::{Picture, State};
use gradlens::catalog::layer_summary::{Part, part};
use gradlens::explain::Explanation;
use gradlens::image::heatmap::value_at;
use leptos::ev::{KeyboardEvent, PointerEvent};
use leptos::prelude::*;
use leptos::svg;

/// What lies under a point of the photo.
#[derive(Clone, PartialEq)]
pub struct Found {
    /// 0..=1
    value: f32,
    /// Column and row of the map, and how many there are.
    cell: [usize; 2],
    cells: [usize; 2],
    raw: f32,
    /// left, top, width, height in photo pixels
    cell_at: [f64; 4],
    field: Option<Field>,
}

#[derive(Clone, PartialEq)]
struct Field {
    side: usize,
    whole: bool,
    at: [f64; 4],
}

/// `None`: the network did not see this point.
fn find(explanation: &Explanation, parts: &[Part], point: (f64, f64)) -> Option<Found> {
    let Explanation { rect, cam, heatmap, height, width, .. } = explanation;
    let value = value_at(heatmap, (*height, *width), *rect, point)?;
    let [column, row] = [
        (point.0 - rect.x) / rect.width * cam.width as f64,
        (point.1 - rect.y) / rect.height * cam.height as f64,
    ]
    .map(|at| at as usize);
    let (column, row) = (column.min(cam.width - 1), row.min(cam.height - 1));
    let [across, down] = [rect.width / cam.width as f64, rect.height / cam.height as f64];
    let [x, y] = [rect.width / *width as f64, rect.height / *height as f64]; // photo pixels an input pixel
    let field = part(parts, explanation.last_layer()).map(|part| {
        let [left, top, right, bottom] = part.sees(column, row);
        let (left, top, right, bottom) =
            (left.max(0.0), top.max(0.0), right.min(*width as f64), bottom.min(*height as f64));
        let whole = left == 0.0 && top == 0.0 && right == *width as f64 && bottom == *height as f64;
        Field {
            side: part.field,
            whole,
            at: [rect.x + left * x, rect.y + top * y, (right - left) * x, (bottom - top) * y],
        }
    });
    Some(Found {
        value,
        cell: [column, row],
        cells: [cam.width, cam.height],
        raw: cam.values[row * cam.width + column],
        cell_at: [rect.x + column as f64 * across, rect.y + row as f64 * down, across, down],
        field,
    })
}

/// Lies over the canvas with its geometry, takes the pointer and the arrow keys, and draws the cell
/// and what it sees.
#[component]
pub fn Marks(state: State, found: Memo<Option<Found>>) -> impl IntoView {
    let overlay = NodeRef::<svg::Svg>::new();
    let size = Memo::new(move |_| state.picture.with(|picture| picture.as_ref().map(size_of)));
    let on_pointer = move |event: PointerEvent| {
        let (Some(overlay), Some((width, height))) =
            (overlay.get_untracked(), size.get_untracked())
        else {
            return;
        };
        let area = overlay.get_bounding_client_rect();
        let scale = (area.width() / width).min(area.height() / height); // as `object-fit: contain`
        let at = |position: i32, start: f64, length: f64, side: f64| {
            (f64::from(position) - start - (length - side * scale) / 2.0) / scale
        };
        let x = at(event.client_x(), area.left(), area.width(), width);
        let y = at(event.client_y(), area.top(), area.height(), height);
        let inside = (0.0..width).contains(&x) && (0.0..height).contains(&y);
        state.point.set(inside.then_some((x, y)));
    };
    let on_key = move |event: KeyboardEvent| {
        let step = match event.key().as_str() {
            "ArrowLeft" => (-1.0, 0.0),
            "ArrowRight" => (1.0, 0.0),
            "ArrowUp" => (0.0, -1.0),
            "ArrowDown" => (0.0, 1.0),
            "Escape" => return state.point.set(None),
            _ => return,
        };
        let Some(known) = untrack(|| state.shown()) else { return };
        event.prevent_default();
        let (rect, cam) = (known.rect, &known.cam);
        let step_over = |at: f64, start: f64, length: f64, cells: usize, step: f64| {
            let cell = ((at - start) / length * cells as f64).floor() + step;
            start + (cell.clamp(0.0, cells as f64 - 1.0) + 0.5) * length / cells as f64
        };
        let (x, y) = state
            .point
            .get_untracked()
            .unwrap_or((rect.x + rect.width / 2.0, rect.y + rect.height / 2.0));
        state.point.set(Some((
            step_over(x, rect.x, rect.width, cam.width, step.0),
            step_over(y, rect.y, rect.height, cam.height, step.1),
        )));
    };
    view! {
        <svg
            class="inspector-marks"
            role="application"
            tabindex=move || if state.shown().is_some() { "0" } else { "-1" }
            data-testid="marks"
            aria-label=move || state.text().tools.read
            aria-describedby="readout"
            viewBox=move || size.get().map(|(width, height)| format!("0 0 {width} {height}")).unwrap_or("0 0 1 1".into())
            node_ref=overlay
            on:pointermove=on_pointer
            on:pointerdown=on_pointer
            // A finger that was lifted has left, too; what it pointed at stays to be read.
            on:pointerleave=move |event| if event.pointer_type() != "touch" { state.point.set(None) }
            on:keydown=on_key
        >
            <path class="inspector-cell" d=move || found.with(|found| found.as_ref().map(|found| outlined(found.cell_at))).unwrap_or_default() />
            <path
                class="inspector-field"
                d=move || {
                    let field = |found: &Option<Found>| found.as_ref()?.field.clone().filter(|field| !field.whole);
                    found.with(field).map(|field| outlined(field.at)).unwrap_or_default()
                }
            />
        </svg>
    }
}

/// A rectangle as an SVG path: absent ones draw nothing.
fn outlined([x, y, width, height]: [f64; 4]) -> String {
    format!("M{x:.1} {y:.1}h{width:.1}v{height:.1}h-{width:.1}z")
}

fn size_of(picture: &Picture) -> (f64, f64) {
    (picture.size.0 as f64, picture.size.1 as f64)
}

/// What lies under the point that is being read.
pub fn found(state: State) -> Memo<Option<Found>> {
    Memo::new(move |_| {
        let point = state.point.get().filter(|_| !state.teach.hides_heatmap())?;
        state.layer_summary.with(|parts| find(&*state.shown()?, parts, point))
    })
}

/// Value, cell and receptive field under the point; empty where nothing is pointed at.
pub fn readout(state: State, found: Memo<Option<Found>>) -> Memo<String> {
    Memo::new(move |_| {
        let text = &state.text().tools;
        let Some(found) = found.get() else {
            let outside = state.point.with(Option::is_some)
                && state.shown().is_some()
                && !state.teach.hides_heatmap();
            return if outside { text.read_outside } else { "" }.to_owned();
        };
        let [column, row] = found.cell.map(|at| (at + 1).to_string());
        let [columns, rows] = found.cells.map(|count| count.to_string());
        let value = fill(text.read_value, &[&format!("{:.0}", 100.0 * found.value)]);
        let cell =
            fill(text.read_cell, &[&column, &columns, &row, &rows, &format!("{:.4}", found.raw)]);
        let field = found.field.map(|field| match field.whole {
            true => text.read_all.to_owned(),
            false => fill(text.read_field, &[&field.side.to_string(), &field.side.to_string()]),
        });
        [Some(value), Some(cell), field].into_iter().flatten().collect::<Vec<_>>().join(" · ")
    })
}

/// The words beside the point itself. Hidden from screen readers, which hear [`Readout`].
#[component]
pub fn Tooltip(state: State, words: Memo<String>) -> impl IntoView {
    // Shares of the photo's sides.
    let at = Memo::new(move |_| {
        let point = state.point.get().filter(|_| words.with(|words| !words.is_empty()))?;
        let (width, height) = state.picture.with(|picture| picture.as_ref().map(size_of))?;
        Some((point.0 / width, point.1 / height))
    });
    let percent = move |of: fn((f64, f64)) -> f64| {
        move || at.get().map(|at| format!("{:.2}%", 100.0 * of(at))).unwrap_or_default()
    };
    // Towards the middle, so that it stays on the picture.
    let translate = move || {
        let side = |share: f64| if share > 0.5 { "-100%" } else { "0" };
        at.get().map(|(x, y)| format!("{} {}", side(x), side(y))).unwrap_or_default()
    };
    view! {
        <p
            class="inspector-tooltip"
            class:shown=move || at.get().is_some()
            data-testid="tooltip"
            aria-hidden="true"
            style:left=percent(|at| at.0)
            style:top=percent(|at| at.1)
            style:translate=translate
        >
            {move || words.get()}
        </p>
    }
}

/// How to read values, and for screen readers, which hear it when it changes, what was read.
#[component]
pub fn Readout(state: State, words: Memo<String>) -> impl IntoView {
    let hint = move || match state.touch_only {
        true => state.text().tools.read_hint_touch,
        false => state.text().tools.read_hint,
    };
    view! {
        <p class="fine">{hint}</p>
        <p class="visually-hidden" id="readout" role="status" data-testid="readout">
            {move || words.get()}
        </p>
    }
}
