//! Signals as they are read by what is made anew with each photo.

use leptos::prelude::*;
use leptos::reactive::graph::{Observer, Source, ToAnySource};

/// `get`, for the rows of a list that is made anew with each photo, and for all that they call.
///
/// An effect that is dropped stays in the lists of subscribers of the signals that it read
/// (reactive_graph 0.2.16: only an effect that runs again leaves them). The rows of five hundred
/// photos would pile up there, so each leaves when its owner is cleaned up.
pub fn get_until_cleanup<S>(signal: S) -> S::Value
where
    S: Get + ToAnySource,
{
    if let Some(reader) = Observer::get() {
        let source = signal.to_any_source();
        on_cleanup(move || source.remove_subscriber(&reader));
    }
    signal.get()
}
