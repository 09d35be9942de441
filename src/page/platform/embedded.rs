//! Files inside the page: `scripts/single-file` puts them all into one HTML file, since browsers
//! let a page that was opened from a disk read no file beside it.

use super::scope::{absolute, global};
use js_sys::Reflect;

/// Where to read `path`: its address on a site; in a single-file page the copy inside, or `None`
/// for what it does not hold.
pub fn address(path: &str) -> Option<String> {
    let inside =
        Reflect::get(&global(), &"gradlensFiles".into()).ok().filter(|files| files.is_object());
    match inside {
        Some(files) if !path.contains("://") => {
            Reflect::get(&files, &path.into()).ok()?.as_string()
        }
        _ => Some(absolute(path)),
    }
}
