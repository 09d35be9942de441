//! Hotkeys: single letters, which do nothing while somebody types and can be switched off (WCAG
//! 2.1, 2.1.4).

use crate::components::widgets::Check;
use crate::controller::Controller;
use crate::controller::export::Export;
use crate::platform::storage;
use crate::state::View;
use leptos::ev;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::Element;

/// `localStorage` key.
const KEY: &str = "gradlens-keys";
/// Where letters are typed, or choose from a list.
const TYPING: &str =
    "select,textarea,[contenteditable],input:not([type=radio],[type=checkbox],[type=range])";

/// In the order of `text.shortcuts.does`.
const KEYS: [&str; 7] = ["O", "1 2 3 4", "N", "S", "T", "L", "?"];

pub fn listen(controller: Controller, browse_photo: Callback<()>, switch_language: Callback<()>) {
    let state = controller.state;
    state.shortcuts.set(storage::get(KEY).as_deref() != Some("off"));
    window_event_listener(ev::keydown, move |event| {
        let with = event.ctrl_key() || event.meta_key() || event.alt_key() || event.repeat();
        if with || event.default_prevented() || !state.shortcuts.get_untracked() {
            return;
        }
        let at = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        if at.is_some_and(|element| matches!(element.closest(TYPING), Ok(Some(_)))) {
            return;
        }
        match event.key().to_ascii_lowercase().as_str() {
            "o" => browse_photo.run(()),
            "1" => state.view.set(View::Overlay),
            "2" => state.view.set(View::Photo),
            "3" => state.view.set(View::Heatmap),
            "4" => state.view.set(View::Both),
            "n" => {
                let (classes, now) = untrack(|| (state.ranking(), state.target()));
                let place = classes
                    .iter()
                    .position(|(_, score)| Some(score.class) == now)
                    .map_or(0, |place| place + 1);
                if let Some((_, score)) = classes.get(place % classes.len().max(1)) {
                    controller.choose_class(Some(score.class));
                }
            }
            "s" if state.picture.with_untracked(Option::is_some) => {
                controller.export(Export::Shown)
            }
            "t" => controller.start_tour(),
            "l" => switch_language.run(()),
            "?" => {
                if let Some(help) = document().get_element_by_id("keys") {
                    help.scroll_into_view();
                }
            }
            _ => return,
        }
        event.prevent_default();
    });
}

/// Which there are, and their switch.
#[component]
pub fn Help(controller: Controller) -> impl IntoView {
    let state = controller.state;
    let rows = KEYS.into_iter().enumerate().map(|(place, name)| {
        let keys = name.split(' ').map(|key| view! { <kbd>{key}</kbd> }).collect_view();
        view! { <li>{keys} " " {move || state.text().shortcuts.does[place]}</li> }
    });
    let rows = rows.collect_view();
    view! {
        <div class="shortcuts" id="keys">
            <h3>{move || state.text().shortcuts.title}</h3>
            <ul>{rows}</ul>
            <Check
                state
                label=|text| text.shortcuts.on
                id="keys"
                checked=state.shortcuts
                change=move |on: bool| {
                    state.shortcuts.set(on);
                    storage::set(KEY, if on { "" } else { "off" });
                }
            />
        </div>
    }
}
