//! What a reload brings back: the settings, from the page's address, and the visitor's own files,
//! from this browser if the visitor has agreed.

use super::Controller;
use super::links::Link;
use crate::engine::Attached;
use crate::engine::protocol::Source;
use crate::platform::own_files::{self, OwnFile};
use crate::platform::storage;
use leptos::leptos_dom::helpers::debounce;
use leptos::prelude::*;
use leptos::task::spawn_local;
use std::time::Duration;
use wasm_bindgen::JsValue;
use web_sys::File;

/// `localStorage` keys: whether own files are kept; that they are being brought back.
pub const KEEP_KEY: &str = "gradlens-keep-files";
const RESTORING_KEY: &str = "gradlens-restoring";
/// Safari refuses more than a hundred changes of the address in half a minute.
const ADDRESS_DELAY: Duration = Duration::from_millis(400);

impl Controller {
    /// Writes the settings into the page's address as they change, from the first heatmap on.
    pub(super) fn keep_address(self) {
        let state = self.state;
        let mut write = debounce(ADDRESS_DELAY, move |()| {
            if let Ok(history) = window().history() {
                let address = format!("#{}", Link::of(&state).fragment());
                let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(&address));
            }
        });
        Effect::new(move |_| {
            Link::tracked(&state);
            if state.explanation_count.get() > 0 && !state.camera_is_running() {
                if self.inner().restoring.take() {
                    storage::set(RESTORING_KEY, "");
                }
                write(());
            }
        });
    }

    /// A file of the visitor's is in use from now on.
    pub(super) fn use_own(self, kind: OwnFile, file: File) {
        let state = self.state;
        state.own_files.update(|files| {
            files.retain(|(known, _)| *known != kind);
            files.push((kind, file.clone()));
        });
        if state.keep_files.get_untracked() == Some(true) {
            self.keep(kind, file);
        }
    }

    /// Another thing is in its place.
    pub(super) fn drop_own(self, kind: OwnFile) {
        let files = self.state.own_files;
        if files.with_untracked(|files| files.iter().any(|(known, _)| *known == kind)) {
            files.update(|files| files.retain(|(known, _)| *known != kind));
            spawn_local(own_files::delete(kind));
        }
    }

    fn keep(self, kind: OwnFile, file: File) {
        spawn_local(async move {
            // Without room, or where storage is denied, a reload cannot bring it back: as the
            // buttons then say.
            if own_files::put(kind, &file).await.is_err() {
                self.state.keep_files.set(Some(false));
            }
        });
    }

    /// The visitor's answer, from now on; `false` deletes what is there.
    pub fn keep_files(self, keep: bool) {
        self.state.keep_files.set(Some(keep));
        storage::set(KEEP_KEY, if keep { "yes" } else { "no" });
        if keep {
            for (kind, file) in self.state.own_files.get_untracked() {
                self.keep(kind, file);
            }
        } else {
            spawn_local(async {
                for kind in OwnFile::ALL {
                    own_files::delete(kind).await;
                }
            });
        }
    }

    /// Brings the files back that were in use. Whether weights are among them.
    pub(super) async fn restore_own_files(self) -> bool {
        let inner = self.inner();
        if inner.restored.replace(true) || self.state.keep_files.get_untracked() != Some(true) {
            return false;
        }
        // What broke the page the last time is left alone for once.
        if storage::get(RESTORING_KEY).as_deref() == Some("yes") {
            storage::set(RESTORING_KEY, "");
            return false;
        }
        let weights = own_files::get(OwnFile::Weights).await;
        let labels = own_files::get(OwnFile::Labels).await;
        let photo = own_files::get(OwnFile::Photo).await;
        let found = weights.is_some();
        if found || photo.is_some() {
            storage::set(RESTORING_KEY, "yes");
            inner.restoring.set(true);
        }
        if let Some(file) = weights {
            self.load(Source::Own(Attached(file)));
        }
        if let Some(file) = labels {
            self.open_labels(file);
        }
        // Unless a sample of the address, or the visitor, was quicker.
        if let Some(file) = photo
            && self.state.picture.with_untracked(Option::is_none)
            && !self.state.decoding.get_untracked()
        {
            self.open_photo(file);
        }
        found
    }
}
