//! Folders that are dropped on the page or chosen in it: their files, with paths.

use js_sys::{Array, Promise, Reflect};
use std::collections::VecDeque;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{DataTransfer, File, FileSystemDirectoryEntry, FileSystemEntry, FileSystemFileEntry};

/// What was dropped, if there is a folder among it. To be called while the event is handled: later
/// the browser has forgotten it.
pub fn folders(transfer: &DataTransfer) -> Option<Vec<FileSystemEntry>> {
    let items = transfer.items();
    let entry = |n| items.get(n)?.webkit_get_as_entry().ok().flatten();
    let entries: Vec<_> = (0..items.length()).filter_map(entry).collect();
    entries.iter().any(FileSystemEntry::is_directory).then_some(entries)
}

/// The files in folders and in the folders in these, at most `most`; what can't be read is passed
/// over.
pub async fn files(entries: Vec<FileSystemEntry>, most: usize) -> Vec<(String, File)> {
    let mut found = Vec::new();
    let mut waiting = VecDeque::from(entries);
    while let Some(entry) = waiting.pop_front().filter(|_| found.len() < most) {
        if entry.is_directory() {
            waiting.extend(listed(entry.unchecked_into()).await);
        } else if let Some(file) = file(entry.unchecked_ref()).await {
            found.push((entry.full_path().trim_start_matches('/').to_owned(), file));
        }
    }
    found
}

/// The path of a file within the folder that was chosen; its name alone where none was.
pub fn path(file: &File) -> String {
    let path = Reflect::get(file, &"webkitRelativePath".into()).ok();
    let path = path.and_then(|path| path.as_string()).filter(|path| !path.is_empty());
    path.unwrap_or_else(|| file.name())
}

async fn file(entry: &FileSystemFileEntry) -> Option<File> {
    let read = Promise::new(&mut |resolve, reject| {
        entry.file_with_callback_and_callback(&resolve, &reject);
    });
    JsFuture::from(read).await.ok()?.dyn_into().ok()
}

async fn listed(folder: FileSystemDirectoryEntry) -> Vec<FileSystemEntry> {
    let reader = folder.create_reader();
    let mut entries = Vec::new();
    loop {
        let read = Promise::new(&mut |resolve, reject| {
            let asked = reader.read_entries_with_callback_and_callback(&resolve, &reject);
            if let Err(error) = asked {
                let _ = reject.call1(&error, &error);
            }
        });
        let Ok(some) = JsFuture::from(read).await else { return entries };
        let some: Array = some.unchecked_into();
        // A hundred at a time, in Chromium.
        if some.length() == 0 {
            return entries;
        }
        entries.extend(some.iter().map(JsCast::unchecked_into::<FileSystemEntry>));
    }
}
