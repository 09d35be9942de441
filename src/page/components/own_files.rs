//! Whether the visitor's own files are kept for a reload.

use crate::controller::Controller;
use crate::i18n::fill;
use leptos::prelude::*;

/// A line with the question, or with what is kept and a way to forget it; nothing without own files.
#[component]
pub fn OwnFiles(controller: Controller) -> impl IntoView {
    let state = controller.state;
    let any = Memo::new(move |_| state.own_files.with(|files| !files.is_empty()));
    let words = move || {
        let text = state.text().own_files;
        match state.keep_files.get() {
            None => text.ask.to_owned(),
            Some(false) => text.not_kept.to_owned(),
            Some(true) => {
                let names: Vec<String> = state
                    .own_files
                    .with(|files| files.iter().map(|(_, file)| file.name()).collect());
                fill(text.kept, &[&names.join(text.between)])
            }
        }
    };
    let buttons = move || {
        let text = state.text().own_files;
        let button = |id: &'static str, keep: bool, words: &'static str| {
            view! {
                <button type="button" class="quiet small" data-testid=id on:click=move |_| controller.keep_files(keep)>
                    {words}
                </button>
            }
        };
        let keep = state.keep_files.get();
        let yes = (keep != Some(true)).then(|| button("keep-files", true, text.yes));
        let no = match keep {
            None => Some(button("no-files", false, text.no)),
            Some(true) => Some(button("forget-files", false, text.forget)),
            Some(false) => None,
        };
        (yes, no)
    };
    view! {
        <p class="own-files fine" class:shown=move || any.get() data-testid="own-files">
            <span>{words}</span>
            {buttons}
        </p>
    }
}
