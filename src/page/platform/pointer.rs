//! What visitors point with.

/// Whether there is a touch screen and nothing else: no hovering, no keys, nothing to drag a file
/// with.
pub fn is_touch_only() -> bool {
    let query = web_sys::window()
        .and_then(|window| window.match_media("(hover: none) and (pointer: coarse)").ok()?);
    query.is_some_and(|query| query.matches())
}
