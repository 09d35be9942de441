//! What happens on a click and on an event of the engine.
//!
//! - `models.rs`: the list, loading, the adapter; `photos.rs`: files and samples; `queries.rs`:
//!   predictions and explanations;
//! - `ask.rs`: which way the photo is looked at, and questions about it; `describe.rs`: a description; `analysis.rs`: what is asked beside the main heatmap; `camera.rs`; `tour.rs`;
//!   `lessons.rs`, `compare.rs`, `pack.rs`: what teachers do; `tray.rs`: the photos of this visit;
//! - `links.rs`: settings in the page's address; `own_files.rs`: what a reload brings back; `export.rs`: what leaves the page.
//!
//! Each adds its methods to [`Controller`]. Requests go out with the visitor's choices in them;
//! [`Controller::on_event`] writes what comes back into the state.

mod analysis;
mod ask;
mod camera;
pub mod compare;
mod describe;
pub mod export;
mod lessons;
mod links;
mod models;
mod own_files;
mod pack;
mod photos;
mod queries;
mod tour;
mod tray;

use super::engine::Attached;
use super::engine::client::Client;
use super::engine::protocol::{Event, Generation, PhotoId, Request, Source};
use super::fault::{Failure, Fault, Retry};
use super::platform::camera::Camera;
use super::platform::storage;
use super::state::State;
use futures_channel::oneshot;
use gradlens::catalog::labels::Labels;
use gradlens::error::Error;
use gradlens::image::{Photo, Preprocessing};
use js_sys::ArrayBuffer;
use leptos::prelude::*;
use links::Link;
use pack::PackFiles;
use photos::Opening;
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use web_sys::File;

pub use analysis::side_names;

/// The state, and everything that components may ask for.
#[derive(Clone, Copy)]
pub struct Controller {
    pub state: State,
    inner: StoredValue<Rc<Inner>, LocalStorage>,
}

/// What no component shows.
#[derive(Default)]
struct Inner {
    engine: OnceCell<Client>,
    /// Where the network in use came from: a lost device is filled again from there.
    source: RefCell<Option<Source>>,
    /// What was asked for last, whether or not it arrived.
    wanted: RefCell<Option<Source>>,
    /// A download is complete and not yet installed.
    installing: Cell<bool>,
    /// A visitor's own class names, waiting for their network.
    labels: RefCell<Option<Labels>>,
    /// Of the last prediction that was asked for; events of an older one are dropped.
    generation: Cell<Generation>,
    /// Of the last analysis.
    analysis_id: Cell<u32>,
    camera: RefCell<Option<Camera>>,
    /// The engine holds a camera's frame that came after the one on show, which is to be predicted
    /// again before it is explained.
    other_photo: Cell<bool>,
    /// The class of a link that was followed or of a photo that was restored, waiting for its
    /// model's prediction; a model, if it names one.
    linked_class: RefCell<Option<(Option<String>, usize)>>,
    /// A model that is on its way, and the layer that comes with it.
    linked_layer: RefCell<Option<(String, String)>>,
    /// The sample of a link that was followed, waiting for the list of models.
    linked_sample: RefCell<Option<String>>,
    /// The preprocessing from before a photo was predicted smaller.
    full_size: RefCell<Option<Preprocessing>>,
    /// Own files of the last visit were brought back, if there were any.
    restored: Cell<bool>,
    /// And have not led to a heatmap yet.
    restoring: Cell<bool>,
    /// The last photo's number.
    photos: Cell<PhotoId>,
    /// The photo that is being read: of several the last one wins.
    opening: RefCell<Option<Opening>>,
    /// The camera's picture that the engine is busy with.
    frame: RefCell<Option<(PhotoId, Photo)>>,
    /// Photos that are being painted for a file, by their numbers.
    painting: RefCell<HashMap<u32, oneshot::Sender<Option<ArrayBuffer>>>>,
    paintings: Cell<u32>,
    /// Requests about other photos or networks so far, and the one that is compared with.
    others: Cell<u32>,
    comparing: Cell<u32>,
    /// The other network's weights are being loaded; and something else was asked meanwhile.
    other_is_coming: Cell<bool>,
    compare_again: Cell<bool>,
    /// A file that stands beside the picture on show.
    beside_file: RefCell<Option<File>>,
    pack: RefCell<PackFiles>,
}

impl Controller {
    pub fn new(state: State) -> Controller {
        let controller = Controller { state, inner: StoredValue::new_local(Rc::default()) };
        let client = Client::new(move |event| controller.on_event(event));
        controller.inner().engine.get_or_init(|| client);
        let chosen = |key| storage::get(key).map(|kept| kept == "yes");
        state.processor.set(chosen(models::PROCESSOR_KEY));
        state.keep_files.set(chosen(own_files::KEEP_KEY));
        controller
    }

    fn inner(&self) -> Rc<Inner> {
        self.inner.get_value()
    }

    fn send(&self, request: Request) {
        // At once, not when the worker's word arrives: nothing is “done” that was asked for.
        if let Some(work) = request.work() {
            self.state.work.set(Some(work));
        }
        self.inner().engine.get().expect("made with the controller").send(request);
    }

    fn engine_is_idle(&self) -> bool {
        self.inner().engine.get().is_some_and(Client::is_idle)
    }

    /// Follows the page's address, connects the engine, fetches a first model.
    pub fn start(self) {
        self.follow_address();
        self.keep_address();
        self.load_first_model();
    }

    /// Follows the settings in the page's address.
    pub fn follow_address(self) {
        self.follow(&Link::parse(&window().location().hash().unwrap_or_default()));
    }

    fn on_event(self, event: Event) {
        let (state, inner) = (self.state, self.inner());
        let is_current = |generation| inner.generation.get() == generation;
        match event {
            Event::Work(work) => {
                if state.work.get_untracked() != work {
                    state.work.set(work);
                }
            }
            Event::Connected(adapter) => state.adapter.set(Some(adapter)),
            Event::Tuned { key, tuning } => {
                storage::set(&format!("{}{key}", models::TUNING_PREFIX), &tuning)
            }
            Event::Progress { received, total } => self.show_progress(received, total),
            Event::Offer(model) => self.on_offer(model),
            Event::Loaded { not_cached } => self.on_loaded(not_cached),
            Event::LoadFailed(fault) => self.on_load_failed(fault),
            Event::NoLabels(fault) => self.fail(fault, Retry::None),
            Event::CacheChanged => self.list_cached_weights(),
            Event::Installed(installed) => self.on_installed(*installed),
            Event::Decoded(decoded) => self.on_decoded(decoded),
            Event::DecodeFailed(photo, fault) => self.on_decode_failed(photo, fault),
            Event::Painted { id, rgba } => {
                if let Some(waiting) = inner.painting.borrow_mut().remove(&id) {
                    let _ = waiting.send(rgba.map(|Attached(rgba)| rgba)); // nobody may wait any more
                }
            }
            Event::Predicted(generation, predicted) if is_current(generation) => {
                self.on_predicted(predicted)
            }
            Event::Explained(generation, explanation, timings) if is_current(generation) => {
                state.timings.update(|all| all[1] = timings);
                state.explanation.set(Some(explanation));
                state.explanation_count.update(|count| *count += 1);
                self.ask_for_channels();
            }
            Event::Frame { generation, photo, predicted, explanation }
                if is_current(generation) =>
            {
                self.on_frame(photo, predicted, explanation);
            }
            Event::QuestionsLoaded(loaded) => self.on_questions_loaded(loaded),
            Event::Answered(generation, answered) if is_current(generation) => {
                self.on_answered(answered)
            }
            Event::PredictedOther(id, found) => {
                if !self.on_pack_photo(id, &found) {
                    self.on_predicted_other(id, found);
                }
            }
            Event::CaptionsLoaded(loaded) => self.on_captions_loaded(loaded),
            Event::Described(generation, described) if is_current(generation) => {
                self.on_described(described)
            }
            Event::Channels(generation, channels) if is_current(generation) => {
                state.channels.set(Some(Arc::new(channels)));
            }
            // Stale: another prediction has been asked for since.
            Event::Predicted(..)
            | Event::Explained(..)
            | Event::Answered(..)
            | Event::Described(..)
            | Event::Frame { .. }
            | Event::Channels(..) => {}
            Event::AnalysisProgress { id, done, of } => self.on_analysis_progress(id, done, of),
            Event::Analyzed(id, result) => self.on_analyzed(id, result),
            Event::Failed(fault) => {
                self.stop_camera(); // or it would fail thirty times a second
                self.stop_pack();
                let retry = if fault.is_of_the_device() { Retry::Start } else { Retry::None };
                self.fail(fault, retry);
            }
        }
    }

    fn fail(self, fault: Fault, retry: Retry) {
        self.state.failure.set(Some(Failure { fault, retry, of_weights: false }));
    }

    fn fail_for_weights(self, fault: Fault, retry: Retry) {
        self.state.failure.set(Some(Failure { fault, retry, of_weights: true }));
    }

    pub fn dismiss(self) {
        self.state.failure.set(None);
    }

    /// A new request clears an old complaint, but not that nothing computes.
    fn clear_small_failure(self) {
        let small = |failure: &Option<Failure>| {
            failure.as_ref().is_some_and(|failure| failure.retry != Retry::Start)
        };
        if self.state.failure.with_untracked(small) {
            self.state.failure.set(None);
        }
    }

    /// “Try again”.
    pub fn retry(self) {
        let Some(failure) = self.state.failure.get_untracked() else { return };
        self.state.failure.set(None);
        let inner = self.inner();
        let wanted = || inner.wanted.borrow().clone();
        match failure.retry {
            Retry::None => {}
            Retry::Start => {
                self.connect_and_load(inner.source.borrow().clone().or_else(wanted), false)
            }
            Retry::Model => self.connect_and_load(wanted(), false),
        }
    }

    /// Whether the present failure is of one of these kinds.
    fn failed_by(&self, kind: impl Fn(&Error) -> bool) -> bool {
        let of_kind =
            |failure: &Failure| matches!(&failure.fault, Fault::Engine(error) if kind(error));
        self.state.failure.with(|failure| failure.as_ref().is_some_and(of_kind))
    }
}
