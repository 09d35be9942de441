//! For teachers, one part at a time: ready lessons (`lessons.rs`), a guess before the heatmap is
//! shown (`predict.rs`), what becomes of the answer without parts of the photo (`cover.rs`), two
//! pictures side by side (`compare.rs`), many photos (`pack/`), and a page to print (`report.rs`);
//! `board.rs`: what one draws on.
//!
//! To add a part: a variant of `TeachPanel`, its tab in `i18n/teach.rs`, a view here.

mod board;
mod compare;
mod cover;
mod lessons;
mod pack;
mod predict;
mod report;

use super::presenter::StartPresenter;
use super::widgets::Segmented;
use crate::controller::Controller;
use crate::i18n::Words;
use crate::state::teach::TeachPanel;
use compare::Compare;
use cover::Cover;
use gradlens::explain::drawing::Drawing;
use leptos::prelude::*;
use lessons::Lessons;
use pack::Pack;
use predict::Predict;
use report::Report;

fn tab(panel: TeachPanel) -> Words {
    match panel {
        TeachPanel::Lessons => |text| text.teach.tabs[0],
        TeachPanel::Predict => |text| text.teach.tabs[1],
        TeachPanel::Cover => |text| text.teach.tabs[2],
        TeachPanel::Compare => |text| text.teach.tabs[3],
        TeachPanel::Pack => |text| text.teach.tabs[4],
        TeachPanel::Report => |text| text.teach.tabs[5],
    }
}

#[component]
pub fn Teach(controller: Controller) -> impl IntoView {
    let state = controller.state;
    let teach = state.teach;
    // A drawing is of one photo.
    Effect::new(move |_| {
        let size = state.picture.with(|picture| picture.as_ref().map(|picture| picture.size));
        teach.drawing.set(size.map(Drawing::new));
        teach.cover.set(size.map(Drawing::new));
        teach.revealed.set(false);
    });
    // A link that names a part of the card leads to it once there is something to see.
    Effect::new(move |_| {
        let to_see =
            state.explanation_count.get() > 0 || state.pack.photos.with(|all| !all.is_empty());
        if teach.sought.get() && to_see {
            teach.sought.set(false);
            if let Some(card) = document().get_element_by_id("teach") {
                card.scroll_into_view();
            }
        }
    });
    let panel = move || match teach.panel.get() {
        TeachPanel::Lessons => view! { <Lessons controller /> }.into_any(),
        TeachPanel::Predict => view! { <Predict controller /> }.into_any(),
        TeachPanel::Cover => view! { <Cover controller /> }.into_any(),
        TeachPanel::Compare => view! { <Compare controller /> }.into_any(),
        TeachPanel::Pack => view! { <Pack controller /> }.into_any(),
        TeachPanel::Report => view! { <Report controller /> }.into_any(),
    };
    view! {
        <details
            class="card teach"
            id="teach"
            data-testid="teach"
            prop:open=move || teach.open.get()
            on:toggle:target=move |event| teach.open.set(event.target().open())
        >
            <summary>
                <h2>{move || state.text().teach.title}</h2>
            </summary>
            <div class="teach-tabs">
                <Segmented
                    state
                    name="teach"
                    label=|text| text.teach.title
                    options=TeachPanel::ALL.map(|panel| (panel.name(), tab(panel))).to_vec()
                    value=Signal::derive(move || teach.panel.get().name())
                    choose=move |name| teach.panel.set(TeachPanel::from_name(name).unwrap_or_default())
                />
                <StartPresenter controller />
            </div>
            {panel}
        </details>
    }
}
