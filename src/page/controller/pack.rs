//! Many photos at once: one after the other goes through the engine, which keeps none; what stays is
//! a small picture and some numbers of each.

use super::Controller;
use crate::archive::{Names, Zip, csv};
use crate::engine::Attached;
use crate::engine::protocol::{OtherPhoto, PhotoSource, PredictOther, PredictedOther, Request};
use crate::fault::{Fault, Retry};
use crate::i18n::sentence;
use crate::platform::clipboard::{self, Pieces};
use crate::platform::{canvas, dropped};
use crate::query::Query;
use crate::state::pack::{Filter, MOST, Outcome, PackPhoto, PackResult};
use crate::state::teach::TeachPanel;
use gradlens::explain::Score;
use gradlens::image::heatmap::describe;
use leptos::prelude::*;
use leptos::task::spawn_local;
use std::collections::HashMap;
use web_sys::{Blob, File, FileSystemEntry, Url};

/// Longest side of a picture, in pixels: sharp at the size of a tile, and enough to print.
const LONGEST: usize = 400;

/// Likeliest classes that are kept of each photo.
const CLASSES: usize = 3;

/// Endings of photos' names, of those that browsers give no type to as well.
const PHOTOS: [&str; 13] = [
    ".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".avif", ".heic", ".heif", ".tif", ".tiff",
    ".jxl", ".jfif",
];

/// What no signal holds of a pack.
#[derive(Default)]
pub struct PackFiles {
    /// By the photos' numbers.
    files: HashMap<usize, File>,
    overlays: HashMap<usize, Blob>,
    /// Photos so far.
    count: usize,
    /// The request that is on its way, and its photo.
    current: Option<(u32, usize)>,
}

/// Whether a file is a photo, by its type or its name. What programs put into folders is not.
pub fn is_photo(file: &File) -> bool {
    let name = file.name().to_lowercase();
    let hidden = name.starts_with('.');
    !hidden && (file.type_().starts_with("image/") || PHOTOS.iter().any(|end| name.ends_with(end)))
}

impl Controller {
    /// Adds photos, each with its path, to the pack, brings it into sight and explains them.
    pub fn open_pack(self, files: Vec<(String, File)>) {
        let (state, inner) = (self.state, self.inner());
        let count = files.len();
        let mut photos: Vec<_> = files.into_iter().filter(|(_, file)| is_photo(file)).collect();
        photos.sort_by(|a, b| a.0.cmp(&b.0));
        let room = MOST - state.pack.photos.with_untracked(Vec::len).min(MOST);
        photos.truncate(room);
        state.pack.left_out.update(|left_out| *left_out += count - photos.len());
        let mut pack = inner.pack.borrow_mut();
        let mut added = Vec::new();
        for (path, file) in photos {
            pack.count += 1;
            let id = pack.count;
            pack.files.insert(id, file);
            added.push(PackPhoto { id, path, outcome: Outcome::Waiting });
        }
        drop(pack);
        state.pack.photos.update(|photos| photos.extend(added));
        state.teach.panel.set(TeachPanel::Pack);
        state.teach.open.set(true);
        state.teach.sought.set(true);
        self.run_pack();
    }

    /// Folders that were dropped: their photos.
    pub fn open_folders(self, entries: Vec<FileSystemEntry>) {
        self.clear_small_failure();
        spawn_local(async move {
            // Twice as many: not all of them are photos.
            let files = dropped::files(entries, 2 * MOST).await;
            match files.is_empty() {
                true => self.fail(Fault::NothingDropped, Retry::None),
                false => self.open_pack(files),
            }
        });
    }

    /// Explains those that wait.
    pub fn run_pack(self) {
        self.stop_camera();
        self.state.pack.running.set(true);
        self.go_on_with_pack();
    }

    /// The photo that is on its way still comes.
    pub fn stop_pack(self) {
        self.state.pack.running.set(false);
    }

    /// Explains all once more, by the settings of now.
    pub fn run_pack_again(self) {
        self.forget_pack_results();
        self.run_pack();
    }

    /// Of another network classes have other numbers.
    pub(super) fn forget_pack_results(self) {
        let photos = self.state.pack.photos;
        photos.with_untracked(|photos| photos.iter().for_each(|photo| forget(&photo.outcome)));
        let inner = self.inner();
        inner.pack.borrow_mut().overlays.clear();
        inner.pack.borrow_mut().current = None;
        photos.update(|photos| {
            photos.iter_mut().for_each(|photo| photo.outcome = Outcome::Waiting);
        });
        self.state.pack.filter.set(Filter::All);
    }

    pub fn clear_pack(self) {
        let pack = self.state.pack;
        pack.running.set(false);
        pack.photos.with_untracked(|photos| photos.iter().for_each(|one| forget(&one.outcome)));
        let count = self.inner().pack.borrow().count; // numbers are not given twice
        self.inner().pack.replace(PackFiles { count, ..PackFiles::default() });
        pack.photos.set(Vec::new());
        pack.left_out.set(0);
        pack.filter.set(Filter::All);
        pack.only_wrong.set(false);
    }

    /// Puts a photo of the pack on show.
    pub fn open_pack_photo(self, id: usize) {
        let file = self.inner().pack.borrow().files.get(&id).cloned();
        if let Some(file) = file {
            self.open_photo(file);
            if let Some(picture) = document().get_element_by_id("picture") {
                picture.scroll_into_view();
            }
        }
    }

    /// Sends the next photo, unless one is on its way or there is no network yet.
    pub(super) fn go_on_with_pack(self) {
        let (state, inner) = (self.state, self.inner());
        let pack = state.pack;
        let busy = inner.pack.borrow().current.is_some();
        if busy || !pack.running.get_untracked() || state.model.with_untracked(Option::is_none) {
            return;
        }
        let waiting = |photo: &&PackPhoto| photo.outcome == Outcome::Waiting;
        let next =
            pack.photos.with_untracked(|photos| photos.iter().find(waiting).map(|one| one.id));
        let Some((photo, file)) =
            next.and_then(|id| Some((id, inner.pack.borrow().files.get(&id)?.clone())))
        else {
            return pack.running.set(false);
        };
        let id = self.next_other();
        inner.pack.borrow_mut().current = Some((id, photo));
        self.send(Request::PredictOther(Box::new(PredictOther {
            id,
            photo: OtherPhoto::New(PhotoSource::File(Attached(file))),
            settings: self.settings(),
            query: Query { class: None, ..state.query() },
            of_many: true,
            longest: LONGEST,
            network: None,
        })));
    }

    /// Whether the result is the pack's.
    pub(super) fn on_pack_photo(
        self,
        id: u32,
        found: &Result<Option<Box<PredictedOther>>, Fault>,
    ) -> bool {
        let inner = self.inner();
        let current = inner.pack.borrow_mut().current.take_if(|(current, _)| *current == id);
        let Some((_, photo)) = current else { return false };
        match found {
            Err(fault) if fault.is_of_the_device() => self.state.pack.running.set(false),
            Err(fault) => self.set_outcome(photo, Outcome::Failed(fault.clone())),
            Ok(None) => {}
            Ok(Some(found)) => {
                let found = found.clone();
                spawn_local(async move {
                    let model = self.state.model.get_untracked();
                    let kept = self.keep_result(photo, *found).await;
                    let kept = kept.unwrap_or(Outcome::Failed(Fault::Save));
                    match self.state.model.get_untracked() == model {
                        true => self.set_outcome(photo, kept),
                        false => forget(&kept), // of the network before this one
                    }
                    self.go_on_with_pack();
                });
                return true;
            }
        }
        self.go_on_with_pack();
        true
    }

    /// Paints the picture that is kept. `None` where the browser makes none.
    async fn keep_result(self, photo: usize, found: PredictedOther) -> Option<Outcome> {
        let state = self.state;
        let known = found.explanation?;
        let look = untrack(|| state.look());
        let canvas = canvas::new(0, 0)?;
        canvas::paint(&canvas, &canvas::over(&found.photo, found.size, &known, look));
        let overlay = clipboard::png_blob(&canvas).await?;
        let address = Url::create_object_url_with_blob(&overlay).ok()?;
        self.inner().pack.borrow_mut().overlays.insert(photo, overlay);
        let (x, y) = describe(&known.heatmap, (known.height, known.width)).peak;
        let rect = known.rect;
        let peak = (rect.x + x * rect.width, rect.y + y * rect.height);
        let model = state.model.with_untracked(|model| model.clone());
        Some(Outcome::Explained(PackResult {
            address,
            scores: found.scores.into_iter().take(CLASSES).collect(),
            size: found.size,
            peak: (!known.blank).then_some(peak),
            model: model.map(|model| model.architecture).unwrap_or_default(),
            layer: known.layer.clone(),
            method: state.method_of(&known),
        }))
    }

    fn set_outcome(self, id: usize, outcome: Outcome) {
        let mut outcome = Some(outcome);
        self.state.pack.photos.update(|photos| {
            if let Some(photo) = photos.iter_mut().find(|photo| photo.id == id) {
                photo.outcome = outcome.take().expect("one photo of a number");
            }
        });
        // It was cleared away meanwhile.
        if let Some(outcome) = outcome {
            forget(&outcome);
            self.inner().pack.borrow_mut().overlays.remove(&id);
        }
    }

    /// A row for each photo that is done.
    fn pack_table(self) -> Option<Vec<u8>> {
        let state = self.state;
        untrack(|| {
            let expectations = state.expectations();
            let text = state.text().pack;
            let head = text.columns.iter().map(|&name| name.to_owned()).collect();
            let photos = state.pack.photos.get();
            let row = |photo: &PackPhoto| {
                let expected = expectations.of(photo).map(|expected| expected.name.clone());
                let right =
                    expectations.is_right(photo).map(|right| text.right[usize::from(right)]);
                let (result, fault) = match &photo.outcome {
                    Outcome::Waiting => return None,
                    Outcome::Explained(result) => (Some(result), String::new()),
                    Outcome::Failed(fault) => (None, sentence(state.language(), fault)),
                };
                let mut row = vec![photo.path.clone(), expected.unwrap_or_default()];
                row.push(right.unwrap_or_default().to_owned());
                let scores = result.map_or(&[][..], |result| &result.scores);
                for place in 0..CLASSES {
                    let score = |score: &Score| {
                        [state.label(score.class), format!("{:.4}", score.probability)]
                    };
                    row.extend(scores.get(place).map(score).unwrap_or_default());
                }
                let peak = result.and_then(|result| result.peak);
                let peak = peak.map(|(x, y)| [x, y].map(|at| format!("{at:.0}")));
                row.extend(peak.unwrap_or_default());
                let size =
                    result.map(|result| [result.size.0, result.size.1].map(|n| n.to_string()));
                row.extend(size.unwrap_or_default());
                let made =
                    |of: fn(&PackResult) -> &String| result.map(of).cloned().unwrap_or_default();
                row.extend([made(|r| &r.model), made(|r| &r.layer), made(|r| &r.method), fault]);
                Some(row)
            };
            csv([head].into_iter().chain(photos.iter().filter_map(row))).ok()
        })
    }

    pub fn save_pack_table(self) {
        self.clear_small_failure();
        let saved = self.pack_table();
        let saved = saved.and_then(|table| clipboard::download_bytes(&table, "gradlens.csv"));
        if saved.is_none() {
            self.fail(Fault::Save, Retry::None);
        }
    }

    /// The pictures and the table. Of the pictures only one at a time is in the page's memory.
    pub fn save_pack(self) {
        self.clear_small_failure();
        spawn_local(async move {
            if self.zip_pack().await.is_none() {
                self.fail(Fault::Save, Retry::None);
            }
        });
    }

    async fn zip_pack(self) -> Option<()> {
        let (mut zip, mut names) = (Zip::new(Pieces::buffered()), Names::default());
        zip.add(&names.unique("gradlens", "csv"), &self.pack_table()?).ok()?;
        for photo in self.state.pack.photos.get_untracked() {
            let overlay = self.inner().pack.borrow().overlays.get(&photo.id).cloned();
            let Some(overlay) = overlay else { continue };
            let bytes = clipboard::bytes(&overlay).await?;
            zip.add(&names.unique(&photo.path, "png"), &bytes).ok()?;
        }
        let pieces = zip.end().ok()?.into_inner().ok()?;
        clipboard::download(&pieces.file()?, "gradlens.zip")
    }
}

/// Gives back the memory of a picture.
fn forget(outcome: &Outcome) {
    if let Outcome::Explained(result) = outcome {
        let _ = Url::revoke_object_url(&result.address);
    }
}
