//! What is left to say when the program has broken.

/// Shows the sentence and the reload link of index.html: nothing of this program may be needed to
/// show them.
pub fn show() {
    if let Some(root) = web_sys::window()
        .and_then(|window| window.document())
        .and_then(|page| page.document_element())
    {
        let _ = root.set_attribute("data-crashed", "");
    }
}
