//! Popovers: the browser shows them above everything else, and closes them on Escape and on a click
//! elsewhere.

use leptos::prelude::{document, window};
use web_sys::{Element, HtmlElement};

/// Between a popover and what it belongs to, in pixels.
const GAP: f64 = 6.0;

/// Whether one is open: then Escape is for it.
pub fn is_open() -> bool {
    // A browser without popovers does not know the selector.
    document().query_selector(":popover-open").is_ok_and(|open| open.is_some())
}

/// Puts a popover below what it belongs to; above it, in the lower part of the window. Its styles
/// keep it inside.
pub fn place_at(popover: &HtmlElement, owner: &Element) {
    let at = owner.get_bounding_client_rect();
    let height = window().inner_height().ok().and_then(|height| height.as_f64()).unwrap_or(0.0);
    let above = at.bottom() > 0.6 * height;
    let style = popover.style();
    let (top, translate) =
        if above { (at.top() - GAP, "0 -100%") } else { (at.bottom() + GAP, "none") };
    for (name, value) in [
        ("--left", format!("{:.0}px", at.left())),
        ("top", format!("{top:.0}px")),
        ("translate", translate.to_owned()),
    ] {
        let _ = style.set_property(name, &value); // it only refuses what is no style
    }
}
