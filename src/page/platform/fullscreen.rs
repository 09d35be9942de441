//! The whole screen, where the browser gives it: iPhones do not.

use leptos::prelude::document;

/// Asks for it. Browsers grant it after a click or a key only.
pub fn enter() {
    if let Some(root) = document().document_element().filter(|_| document().fullscreen_enabled()) {
        let _ = root.request_fullscreen(); // refused: the window is what there is
    }
}

pub fn leave() {
    if is_on() {
        document().exit_fullscreen();
    }
}

pub fn is_on() -> bool {
    document().fullscreen_element().is_some()
}
