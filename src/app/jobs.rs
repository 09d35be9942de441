//! What the page does: fetching, and one piece of engine work at a time.
//!
//! The [`Explainer`]'s methods are async and exclusive, so a single loop owns it while it works. Requests are flags that the loop
//! reads when it gets to them, together with the *current* choice of class, layer, method and fit: of ten quick clicks the last
//! one is computed, and nothing piles up. Downloads run beside the loop, so that the present model stays usable meanwhile.
//! To add a kind of work: a flag, an arm in `next`, an arm in `run`.

use super::adapter;
use super::asked;
use super::camera::{Camera, Live};
use super::closer::{self, Wish};
use super::download::{Download, Fetched};
use super::fetch::{self, Abort};
use super::kept;
use super::link::Link;
use super::picture::{self, Way};
use super::state::{Adapter, Failure, Fault, Loaded, Picture, Progress, Retry, State, Told, Trained, Work};
use super::store;
use crate::catalog::labels::Labels;
use crate::catalog::layer_summary::{Part, layer_summary, main_layers_with_strides, one_a_stride};
use crate::catalog::models::{self, Model, Sample};
use crate::checkpoint::{Architecture, Conventions};
use crate::error::Error;
use crate::explain::cam::Method;
use crate::explain::channels::Channels;
use crate::explain::{Explainer, LAST_LAYER, Prediction};
use crate::gpu::Uploader;
use crate::image::{Fit, Photo, Preprocessing, left_to_the_browser, looks_like_a_photo};
use crate::models::Weights;
use futures_channel::oneshot;
use leptos::prelude::*;
use leptos::task::spawn_local;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use web_sys::File;
use web_time::Instant;

/// Where the list of models is, relative to the page.
const MODELS: &str = "weights/models.json";
/// Under which the model last chosen is kept.
const MODEL_KEY: &str = "gradlens-model";
/// Under which it is kept whether the visitor wants the processor to compute.
const PROCESSOR_KEY: &str = "gradlens-processor";

/// Where a network's numbers come from; kept, so that a lost device can be filled again.
#[derive(Clone)]
enum Source {
    Listed { model: Box<Model>, elsewhere: bool },
    Own(File),
}

/// A network read and checked, on the GPU already, waiting to be used.
struct Arrived {
    weights: Weights,
    preprocessing: Preprocessing,
    trained: Option<Trained>,
    labels: Labels,
    loaded: Loaded,
}

enum Task {
    Connect,
    Load(Box<Arrived>),
    Look(Arc<Photo>),
    Explain,
    /// The channels of what was explained last.
    Inside,
    /// What somebody who looks closer asks for.
    Closer(Wish),
    /// What the camera sees: look and explain in one, so that the page never shows one frame's map over another.
    Frame(Photo),
}

pub(super) struct Inner {
    explainer: RefCell<Option<Explainer>>,
    /// Of the explainer, for downloads that run beside the loop.
    uploader: RefCell<Option<Uploader>>,
    /// Downloads that wait for it; dropped when there is no adapter.
    waiting: RefCell<Vec<oneshot::Sender<()>>>,
    /// The explainer holds the network that `state.model` names: false after a lost device.
    loaded: Cell<bool>,
    busy: Cell<bool>,

    connect: Cell<bool>,
    arrived: RefCell<Option<Box<Arrived>>>,
    look: Cell<bool>,
    explain: Cell<bool>,
    /// A visitor's own names, waiting for their network.
    labels: RefCell<Option<Labels>>,

    /// Where the network in use came from.
    source: RefCell<Option<Source>>,
    /// What was asked for last, whether or not it arrived.
    wanted: RefCell<Option<Source>>,
    download: RefCell<Option<Abort>>,
    inside: Cell<bool>,
    wish: RefCell<Option<Wish>>,
    pub(super) camera: RefCell<Option<Camera>>,
    /// The class of a link that was followed or of a photo that was brought back, waiting for a look with its model, if it names one.
    pub(super) linked_class: RefCell<Option<(Option<String>, usize)>>,
    /// The layer that comes with a model that is still on its way.
    pub(super) linked_layer: RefCell<Option<(String, String)>>,
    /// How photos become inputs when none is looked at smaller.
    full_size: RefCell<Option<Preprocessing>>,
    /// How many pictures there have been.
    pictures: Cell<u32>,
    /// Counts photos asked for: an older one that is read more slowly must not win.
    turn: Cell<u32>,
}

/// The state and everything that a component may ask for.
#[derive(Clone, Copy)]
pub struct Jobs {
    pub state: State,
    inner: StoredValue<Rc<Inner>, LocalStorage>,
}

impl Jobs {
    pub fn new(state: State) -> Jobs {
        let inner = Inner {
            explainer: RefCell::default(),
            uploader: RefCell::default(),
            waiting: RefCell::default(),
            loaded: Cell::new(false),
            busy: Cell::new(false),
            connect: Cell::new(false),
            arrived: RefCell::default(),
            look: Cell::new(false),
            explain: Cell::new(false),
            labels: RefCell::default(),
            source: RefCell::default(),
            wanted: RefCell::default(),
            download: RefCell::default(),
            inside: Cell::new(false),
            wish: RefCell::default(),
            camera: RefCell::default(),
            linked_class: RefCell::default(),
            linked_layer: RefCell::default(),
            full_size: RefCell::default(),
            pictures: Cell::new(0),
            turn: Cell::new(0),
        };
        state.processor.set(store::get(PROCESSOR_KEY).map(|kept| kept == "yes"));
        Jobs { state, inner: StoredValue::new_local(Rc::new(inner)) }
    }

    pub(super) fn inner(&self) -> Rc<Inner> {
        self.inner.get_value()
    }

    // ---- what components ask for ----

    /// Opens the adapter, reads the list, fetches the first model that is on this site.
    pub fn start(self) {
        self.state.failure.set(None);
        self.state.starting.set(true);
        self.inner().connect.set(true);
        self.kick();
        spawn_local(async move {
            match self.read_list().await {
                Err(fault) => self.fail(fault, Retry::Start),
                Ok(()) => {
                    self.list_kept().await;
                    match self.linked_model() {
                        Some(model) => self.choose_model(&model),
                        None => self.first_present().await,
                    }
                }
            }
            self.state.starting.set(false);
        });
    }

    pub fn retry(self) {
        let Some(failure) = self.state.failure.get_untracked() else { return };
        self.state.failure.set(None);
        let inner = self.inner();
        let wanted = || inner.wanted.borrow().clone();
        match failure.retry {
            Retry::None => {}
            Retry::Start => self.connect_and_fetch(inner.source.borrow().clone().or_else(wanted)),
            Retry::Model => self.connect_and_fetch(wanted()),
        }
    }

    fn connect_and_fetch(self, source: Option<Source>) {
        let inner = self.inner();
        let Some(source) = source else { return self.start() };
        inner.connect.set(true);
        self.kick();
        // Read already and only waiting for an adapter: not twice.
        if inner.arrived.borrow().is_none() {
            self.fetch(source);
        }
    }

    /// Leaves the adapter and goes on with another, or on the processor; model, photo and choice are kept.
    pub fn compute_elsewhere(self, processor: bool) {
        let inner = self.inner();
        if inner.busy.get() {
            return;
        }
        self.state.processor.set(Some(processor));
        store::set(PROCESSOR_KEY, if processor { "yes" } else { "no" });
        // After weights that were too large for the adapter it is about those.
        let wanted = self.state.failure.with_untracked(|failure| {
            let too_large = |failure: &Failure| matches!(failure.fault, Fault::Engine(Error::TensorTooLarge { .. }));
            failure.as_ref().is_some_and(too_large)
        });
        let source = if wanted { inner.wanted.borrow().clone() } else { inner.source.borrow().clone() };
        self.state.failure.set(None);
        self.full_size();
        inner.explainer.take();
        self.forget_device();
        self.connect_and_fetch(source);
    }

    /// What the photo could be prepared by where the adapter has no room for it as it is.
    pub fn smaller(&self) -> Option<Preprocessing> {
        let state = self.state;
        let no_room = |failure: &Failure| {
            matches!(failure.fault, Fault::Engine(Error::GpuMemory { .. } | Error::AdapterLimit { .. }))
        };
        state.failure.with(|failure| failure.as_ref().is_some_and(no_room)).then_some(())?;
        state.preprocessing.get().halved(state.fit.get(), &state.picture.get()?.full)
    }

    /// Looks at the photo again, at half the size. The next one, or another adapter, gets the full size.
    pub fn look_smaller(self) {
        if let Some(smaller) = untrack(|| self.smaller()) {
            let full = self.state.preprocessing.get_untracked();
            self.inner().full_size.borrow_mut().get_or_insert(full);
            self.state.preprocessing.set(smaller);
            self.look_again();
        }
    }

    fn full_size(&self) {
        if let Some(full) = self.inner().full_size.take() {
            self.state.preprocessing.set(full);
        }
    }

    pub fn dismiss(self) {
        self.state.failure.set(None);
    }

    /// A model of the list. When its file is not on this site, the visitor is asked before another host is.
    pub fn choose_model(self, id: &str) {
        let model = self.state.models.with_untracked(|models| models.iter().find(|model| model.id == id).cloned());
        let Some(model) = model else { return };
        self.clear_small_failure();
        self.state.offer.set(None);
        self.fetch(Source::Listed { model: Box::new(model), elsewhere: false });
    }

    pub fn accept_offer(self) {
        let Some(model) = self.state.offer.get_untracked() else { return };
        self.state.offer.set(None);
        self.fetch(Source::Listed { model: Box::new(model), elsewhere: true });
    }

    pub fn decline_offer(self) {
        self.state.offer.set(None);
    }

    pub fn cancel_download(self) {
        if let Some(abort) = self.inner().download.take() {
            abort.abort();
        }
        self.state.progress.set(None);
    }

    /// Files chosen, dropped or pasted: each goes where its name says; what is neither weights nor labels is taken for a photo.
    pub fn open_files(self, files: Vec<File>) {
        self.clear_small_failure();
        if files.is_empty() {
            self.fail(Fault::NothingDropped, Retry::None);
        }
        let mut labels = None;
        for file in files {
            let name = file.name().to_ascii_lowercase();
            let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
            if ends(&[".safetensors", ".pt", ".pth"]) {
                self.open_weights(file);
            } else if ends(&[".txt", ".json"]) {
                labels = Some(file);
            } else {
                self.open_photo(file);
            }
        }
        if let Some(file) = labels {
            self.open_labels(file);
        }
    }

    pub fn open_weights(self, file: File) {
        self.clear_small_failure();
        self.state.offer.set(None);
        self.fetch(Source::Own(file));
    }

    fn open_labels(self, file: File) {
        spawn_local(async move {
            let read = async {
                let bytes = fetch::file(&file).await?;
                if looks_like_a_photo(&bytes) {
                    self.open_photo(file.clone());
                    return Ok(None);
                }
                Ok::<_, Fault>(Some(Labels::parse(&String::from_utf8_lossy(&bytes))?))
            };
            match read.await {
                Ok(None) => {}
                Ok(labels) => {
                    self.inner().labels.replace(labels);
                    self.use_labels();
                }
                Err(fault) => self.fail(fault, Retry::None),
            }
        });
    }

    /// Puts a visitor's labels into use, unless a network that they may belong to is still on its way.
    fn use_labels(self) {
        let inner = self.inner();
        let uploading = self.state.work.get_untracked() == Some(Work::Uploading) && !inner.loaded.get();
        if uploading || self.state.progress.with_untracked(Option::is_some) || inner.arrived.borrow().is_some() {
            return;
        }
        let Some(labels) = inner.labels.take() else { return };
        let (expected, found) =
            (self.state.model.with_untracked(|model| model.as_ref().map(|model| model.classes)), labels.names.len());
        match expected {
            Some(expected) if expected == found => self.state.labels.set(Arc::new(labels)),
            Some(expected) => self.fail(Error::LabelCount { expected, found }.into(), Retry::None),
            None => self.fail(Error::NoNetwork.into(), Retry::None),
        }
    }

    pub fn open_photo(self, file: File) {
        let name = file.name();
        self.photo(name, async move { fetch::file(&file).await });
    }

    pub fn open_sample(self, sample: &Sample) {
        let file = sample.file.clone();
        self.photo(sample.id.clone(), async move { fetch::whole(&file).await });
    }

    fn photo(self, name: String, bytes: impl Future<Output = Result<Vec<u8>, Fault>> + 'static) {
        self.clear_small_failure();
        let inner = self.inner();
        let turn = inner.turn.get() + 1;
        inner.turn.set(turn);
        self.state.reading.set(true);
        spawn_local(async move {
            let photo = async {
                let bytes = bytes.await?;
                fetch::breathe().await;
                if left_to_the_browser(&bytes)? {
                    return Ok(picture::decoded_by_the_browser(&bytes).await?);
                }
                Ok::<_, Fault>(Photo::decode(&bytes)?)
            };
            let photo = photo.await;
            if inner.turn.get() != turn {
                return;
            }
            self.state.reading.set(false);
            match photo {
                Err(fault) => self.fail(fault, Retry::None),
                Ok(photo) => {
                    self.stop_camera();
                    self.remember();
                    self.show(self.picture(name, photo));
                    self.keep();
                }
            }
        });
    }

    fn picture(&self, name: String, photo: Photo) -> Picture {
        let inner = self.inner();
        inner.pictures.set(inner.pictures.get() + 1);
        let shown = Arc::new(photo.shrunk(picture::SHOWN));
        Picture { id: inner.pictures.get(), name, full: Arc::new(photo), shown }
    }

    pub(super) fn show(self, picture: Picture) {
        let state = self.state;
        state.explanation.set(None);
        state.prediction.set(None);
        state.channels.set(None);
        state.class.set(None);
        state.picture.set(Some(picture));
        self.full_size();
        // A smaller one, perhaps, after the device failed over a large one.
        self.look_again();
    }

    fn look_again(self) {
        self.inner().look.set(true);
        self.clear_small_failure();
        match self.state.failure.with_untracked(Option::is_some) {
            true => self.retry(),
            false => self.kick(),
        }
    }

    /// Somebody looks inside the network, or no longer does.
    pub fn look_inside(self, on: bool) {
        self.state.inside.set(on);
        self.inner().inside.set(on);
        self.kick();
    }

    /// Asks for something beside the main map. What is asked for later takes its place, and is waited for by none of the rest.
    pub fn wish(self, wish: Wish) {
        self.clear_small_failure();
        self.inner().wish.replace(Some(wish));
        self.kick();
    }

    /// Something that should not wait for slow work.
    pub fn waited_for(&self) -> bool {
        let inner = self.inner();
        inner.look.get() || inner.explain.get() || inner.arrived.borrow().is_some() || inner.wish.borrow().is_some()
    }

    pub fn time(self, on: bool) {
        let state = self.state;
        state.timing.set(on);
        state.timings.set(Default::default());
        if on {
            self.inner().look.set(true);
            self.kick();
        }
    }

    pub fn choose_class(self, class: Option<usize>) {
        self.state.class.set(class);
        self.explain();
    }

    pub fn choose_layer(self, layer: String) {
        self.state.layer.set(layer);
        self.explain();
    }

    /// Asks for one of [`asked::NAMES`].
    pub fn ask(self, objective: &'static str) {
        self.state.objective.set(objective);
        self.explain();
    }

    pub fn ask_rather_than(self, class: usize) {
        self.state.than.set(Some(class));
        self.explain();
    }

    pub fn choose_method(self, method: Method) {
        self.state.method.set(method);
        self.explain();
    }

    pub fn choose_preprocessing(self, preprocessing: Preprocessing) {
        self.inner().full_size.take();
        self.state.preprocessing.set(preprocessing);
        self.look_again();
    }

    pub fn choose_conventions(self, conventions: Conventions) {
        let state = self.state;
        let before = state.trained.get_untracked().map(|trained| trained.conventions.usual_preprocessing());
        state.trained.set(Some(Trained { conventions, source: Told::Visitor }));
        // Other frameworks' networks usually have other numbers, too; those that the visitor typed stay.
        if before == Some(state.preprocessing.get_untracked()) {
            state.preprocessing.set(conventions.usual_preprocessing());
        }
        self.look_again();
    }

    pub fn delete_kept(self, address: String) {
        spawn_local(async move {
            kept::delete_at(&address).await;
            self.list_kept().await;
        });
    }

    pub fn choose_fit(self, fit: Fit) {
        self.state.fit.set(fit);
        self.look_again();
    }

    /// Saves or copies.
    pub fn take(self, way: Way) {
        let state = self.state;
        self.clear_small_failure();
        state.word.set(None);
        spawn_local(async move {
            let done = picture::take(&state, way).await.is_some();
            match (way, done) {
                (Way::Copy, true) => state.word.set(Some(|text| text.tools.copied)),
                (Way::Link, true) => state.word.set(Some(|text| text.tools.link_copied)),
                (Way::Copy | Way::Link, false) => state.word.set(Some(|text| text.tools.no_copy)),
                (_, true) => {}
                (_, false) => self.fail(Fault::Save, Retry::None),
            }
        });
    }

    /// Takes what a link says; its class waits for a photo.
    pub fn follow(self, link: &Link) {
        let state = self.state;
        if let Some(opacity) = link.opacity {
            state.opacity.set(opacity);
        }
        if let Some(threshold) = link.threshold {
            state.threshold.set(threshold);
        }
        if let Some(contours) = link.contours {
            state.contours.set(contours);
        }
        if let Some(objective) = link.objective {
            state.objective.set(objective);
            state.than.set(link.than);
        }
        if let Some(fit) = link.fit.filter(|&fit| fit != state.fit.get_untracked()) {
            self.choose_fit(fit);
        }
        if let Some(colours) = link.colours {
            state.colours.set(colours);
        }
        if let Some(method) = link.method {
            state.method.set(method);
        }
        self.inner().linked_class.replace(link.class.map(|class| (link.model.clone(), class)));
        let other_model = link.model.as_ref().filter(|id| {
            let current = state.model.with_untracked(|model| model.as_ref().and_then(|model| model.id.clone()));
            current.as_ref() != Some(id)
        });
        if let Some(layer) = &link.layer {
            match other_model {
                // Which layers that one has is known once it is there.
                Some(id) => {
                    self.inner().linked_layer.replace(Some((id.clone(), layer.clone())));
                }
                None if state.layers.with_untracked(Vec::is_empty) || state.has_layer(layer) => {
                    state.layer.set(layer.clone());
                }
                None if layer == LAST_LAYER => state.layer.set(untrack(|| state.pooled_layer())),
                None => {}
            }
        }
        match other_model {
            Some(id) if !state.models.with_untracked(|models| models.is_empty()) => self.choose_model(id),
            Some(_) => {}
            None => {
                let classes =
                    state.prediction.with_untracked(|known| known.as_ref().map_or(0, |known| known.logits.len()));
                if classes > 0 {
                    let class = self.inner().linked_class.take().map(|(_, class)| class);
                    self.choose_class(class.filter(|&class| class < classes));
                }
            }
        }
    }

    fn explain(self) {
        self.clear_small_failure();
        self.inner().explain.set(true);
        self.kick();
    }

    // ---- faults ----

    pub(super) fn fail(self, fault: Fault, retry: Retry) {
        self.state.failure.set(Some(Failure { fault, retry }));
    }

    /// A new wish clears an old complaint, but not the one that there is no adapter to grant it.
    pub(super) fn clear_small_failure(self) {
        let small = |failure: &Option<Failure>| failure.as_ref().is_some_and(|failure| failure.retry != Retry::Start);
        if self.state.failure.with_untracked(small) {
            self.state.failure.set(None);
        }
    }

    // ---- files ----

    async fn read_list(self) -> Result<(), Fault> {
        let text = fetch::text(MODELS).await?;
        let list = models::parse(&text).map_err(|error| Fault::Models { detail: error.to_string() })?;
        self.state.models.set(Arc::new(list));
        Ok(())
    }

    /// The model that the page's address asks for, where the list has it.
    fn linked_model(self) -> Option<String> {
        let link = Link::parse(&window().location().hash().ok()?);
        link.model.filter(|id| self.state.models.with_untracked(|models| models.iter().any(|model| model.id == *id)))
    }

    async fn list_kept(self) {
        let list = self.state.models.get_untracked();
        self.state.kept.set(kept::list(&list).await);
    }

    /// The model of the last visit, or the first of the list, whose weights need no download.
    async fn first_present(self) {
        let list = self.state.models.get_untracked();
        let last = store::get(MODEL_KEY);
        let mut failed = None;
        let is_last = |model: &&Model| Some(&model.id) == last.as_ref();
        for model in list.iter().filter(is_last).chain(list.iter().filter(|model| !is_last(model))) {
            let copy =
                self.state.kept.with_untracked(|kept| kept.iter().any(|kept| kept.current && kept.id == model.id));
            let here = if copy { Ok(None) } else { fetch::open(&model.place(&model.file, 0).0, &Abort::new()).await };
            match here {
                Ok(None) if !copy => {}
                Err(fault) => failed = Some(fault),
                Ok(response) => {
                    // Only its presence was asked; the body is read by the download proper.
                    if let Some(body) = response.and_then(|response| response.body()) {
                        let _ = body.cancel();
                    }
                    return self.fetch(Source::Listed { model: Box::new(model.clone()), elsewhere: false });
                }
            }
        }
        if let Some(fault) = failed {
            self.fail(fault, Retry::Start);
        }
    }

    /// Fetches `source` beside the loop; a newer call takes its place.
    fn fetch(self, source: Source) {
        let inner = self.inner();
        let abort = Abort::new();
        inner.wanted.replace(Some(source.clone()));
        if let Some(former) = inner.download.replace(Some(abort.clone())) {
            former.abort();
        }
        let name = match &source {
            Source::Own(file) => file.name(),
            Source::Listed { model, .. } => {
                self.state.language.get_untracked().choose(&model.name, model.name_zh.as_deref()).to_owned()
            }
        };
        self.state.progress.set(Some(Progress { name, received: 0, total: 0, rate: 0.0 }));
        spawn_local(async move {
            // Without an adapter the loop says why, and “Try again” comes back here.
            let uploader = self.uploader().await;
            let arrived = match uploader.clone() {
                None => None,
                Some(uploader) => {
                    let meter = Meter::new(self.state, abort.clone());
                    let progress = |received, total| meter.show(received, total);
                    let download = Download { abort: &abort, uploader, progress: &progress };
                    Some(match &source {
                        Source::Own(file) => self.own(file, &download).await.map(Some),
                        Source::Listed { model, elsewhere } => self.listed(model, *elsewhere, &download).await,
                    })
                }
            };
            if abort.aborted() {
                return;
            }
            inner.download.replace(None);
            self.state.progress.set(None);
            match arrived {
                None => {}
                Some(Ok(Some(arrived))) => {
                    inner.source.replace(Some(source));
                    inner.arrived.replace(Some(Box::new(arrived)));
                    self.kick();
                }
                // Not on this site: the visitor is being asked.
                Some(Ok(None)) => self.use_labels(),
                Some(Err(Fault::Engine(error))) if error.is_of_the_device() => {
                    self.forget_device();
                    inner.explainer.take();
                    inner.source.replace(Some(source)); // “Try again” is about this one
                    self.fail(error.into(), Retry::Start);
                }
                Some(Err(fault)) => {
                    let retry = if matches!(fault, Fault::Fetch { .. }) { Retry::Model } else { Retry::None };
                    self.fail(fault, retry);
                    inner.labels.replace(None);
                }
            }
        });
    }

    /// Waits for the adapter; `None` if there is none.
    async fn uploader(self) -> Option<Uploader> {
        let inner = self.inner();
        if inner.uploader.borrow().is_none() {
            let (sender, connected) = oneshot::channel();
            inner.waiting.borrow_mut().push(sender);
            inner.connect.set(true);
            self.kick();
            connected.await.ok()?;
        }
        inner.uploader.borrow().clone()
    }

    /// Drops what a lost device took with it; photo and choice stay, and are looked at once there is another.
    fn forget_device(self) {
        let inner = self.inner();
        inner.uploader.take();
        inner.loaded.set(false);
        inner.look.set(true);
    }

    async fn listed(self, model: &Model, elsewhere: bool, download: &Download<'_>) -> Result<Option<Arrived>, Fault> {
        let missing = || Fault::Fetch { file: model.file.clone(), detail: "HTTP 404".into() };
        let fetched = if elsewhere {
            self.hosts(model, download).await.unwrap_or_else(|| Err(missing()))?
        } else {
            match download.host(model, &model.file, false).await {
                Ok(Some(fetched)) => fetched,
                // An altered file is told of, and not passed over.
                Err(fault) if !matches!(fault, Fault::Fetch { .. }) => return Err(fault),
                absent => match download.copy(model).await {
                    Some(fetched) => fetched,
                    None => {
                        absent?;
                        self.list_kept().await;
                        if model.urls.is_empty() {
                            return Err(missing());
                        }
                        if !download.abort.aborted() {
                            self.state.offer.set(Some(model.clone()));
                        }
                        return Ok(None);
                    }
                },
            }
        };
        if elsewhere && !download.abort.aborted() {
            if fetched.kept {
                kept::ask_to_persist();
            }
            self.list_kept().await;
        }
        self.state.not_kept.set(elsewhere && !fetched.kept);
        store::set(MODEL_KEY, &model.id);
        let weights = fetched.weights;
        let (architecture, classes) = (weights.architecture().name().to_owned(), weights.architecture().classes());
        let loaded = Loaded { id: Some(model.id.clone()), file: model.file.clone(), architecture, classes };
        let labels = self.labels_of(model, classes).await;
        let trained = trained(&weights, &model.file);
        Ok(Some(Arrived { weights, preprocessing: model.preprocessing.clone(), trained, labels, loaded }))
    }

    /// The first of a model's other hosts that has the right file; `None` if none has any.
    async fn hosts(self, model: &Model, download: &Download<'_>) -> Option<Result<Fetched, Fault>> {
        let mut last = None;
        for url in &model.urls {
            match download.host(model, url, true).await {
                Ok(None) => {}
                Ok(Some(fetched)) => return Some(Ok(fetched)),
                Err(fault) => {
                    let device = matches!(&fault, Fault::Engine(error) if error.is_of_the_device());
                    last = Some(Err(fault));
                    if device || download.abort.aborted() {
                        break;
                    }
                }
            }
        }
        last
    }

    async fn own(self, file: &File, download: &Download<'_>) -> Result<Arrived, Fault> {
        let weights = download.file(file).await?;
        let (architecture, classes) = (weights.architecture().name().to_owned(), weights.architecture().classes());
        let loaded = Loaded { id: None, file: file.name(), architecture, classes };
        let list = self.state.models.get_untracked();
        let listed = list.iter().find(|model| model.classes == classes);
        let current = self.state.labels.get_untracked();
        let labels = match listed {
            _ if current.names.len() == classes => Labels::clone(&current),
            Some(model) => self.labels_of(model, classes).await,
            None => Labels::numbered(classes),
        };
        // A listed model of as many classes lends its names, but it may be of another family, which was trained on other numbers.
        let trained = trained(&weights, &file.name());
        let preprocessing = trained.map(|trained| trained.conventions.usual_preprocessing()).unwrap_or_default();
        self.state.not_kept.set(false);
        Ok(Arrived { weights, preprocessing, trained, labels, loaded })
    }

    /// A model's names; numbers, and a word about it, when they can't be had. Names are no reason to refuse a network.
    async fn labels_of(self, model: &Model, classes: usize) -> Labels {
        let read = async {
            let labels = Labels::parse(&fetch::text(&model.labels).await?)?;
            match labels.names.len() {
                found if found == classes => Ok(labels),
                found => Err(Fault::Engine(Error::LabelCount { expected: classes, found })),
            }
        };
        read.await.unwrap_or_else(|fault: Fault| {
            self.fail(fault, Retry::None);
            Labels::numbered(classes)
        })
    }

    // ---- the loop ----

    /// Starts the loop unless it runs.
    pub(super) fn kick(self) {
        if !self.inner().busy.replace(true) {
            spawn_local(self.run());
        }
    }

    async fn run(self) {
        let inner = self.inner();
        while let Some(task) = self.next() {
            self.state.work.set(match &task {
                Task::Connect => Some(Work::Connecting),
                Task::Load(_) => Some(Work::Uploading),
                Task::Look(_) => Some(Work::Looking),
                Task::Explain => Some(Work::Explaining),
                // Beside the main thing, or thirty times a second: no news for the status line.
                Task::Inside | Task::Closer(_) | Task::Frame(_) => None,
            });
            fetch::breathe().await;
            let explainer = inner.explainer.take();
            let mut explainer = match explainer {
                Some(explainer) => explainer,
                None => self.connect().await,
            };
            let result = self.perform(&mut explainer, task).await;
            match result {
                // A device whose first failure stays with it: the next try needs another.
                Err(error) if error.is_of_the_device() => {
                    self.stop_camera(); // or it would be refused thirty times a second
                    self.forget_device();
                    self.fail(error.into(), Retry::Start);
                }
                Err(error) => {
                    self.stop_camera();
                    self.fail(error.into(), Retry::None);
                    inner.explainer.replace(Some(explainer));
                }
                Ok(()) => {
                    inner.explainer.replace(Some(explainer));
                }
            }
        }
        self.state.work.set(None);
        inner.busy.set(false);
    }

    fn next(&self) -> Option<Task> {
        let inner = self.inner();
        if inner.connect.take() {
            inner.explainer.borrow_mut().take_if(|explainer| explainer.check().is_err());
            if inner.explainer.borrow().is_none() {
                return Some(Task::Connect);
            }
        }
        if let Some(arrived) = inner.arrived.take() {
            return Some(Task::Load(arrived));
        }
        if !inner.loaded.get() {
            return None;
        }
        let photo = self.state.picture.with_untracked(|picture| picture.as_ref().map(|picture| picture.full.clone()));
        if let Some(photo) = photo.filter(|_| inner.look.take()) {
            return Some(Task::Look(photo));
        }
        let looked = self.state.prediction.with_untracked(Option::is_some);
        if inner.explain.take() && looked {
            return Some(Task::Explain);
        }
        if self.state.live.get_untracked() == Live::Running {
            let frame = inner.camera.borrow_mut().as_mut().and_then(Camera::frame);
            return frame.map(Task::Frame);
        }
        let explained = self.state.explanation.with_untracked(Option::is_some);
        if inner.inside.get() && explained && inner.inside.take() {
            return Some(Task::Inside);
        }
        inner.wish.take().filter(|_| explained).map(Task::Closer)
    }

    /// An adapter that answers, and rightly, and is more than software; else the processor.
    async fn connect(self) -> Explainer {
        let wish = self.state.processor.get_untracked();
        let (mut spares_software, mut refused) = (false, None);
        if wish != Some(true) {
            match self.connect_gpu(wish == Some(false)).await {
                Ok(Some(explainer)) => return explainer,
                Ok(None) => spares_software = true,
                Err(fault) => refused = Some(fault),
            }
        }
        let explainer = Explainer::on_cpu();
        self.state.timings_available.set(false);
        self.state.adapter.set(Some(Adapter { name: String::new(), software: true, spares_software, refused }));
        self.take_weights(&explainer);
        explainer
    }

    /// Weights may go up from now on.
    fn take_weights(self, explainer: &Explainer) {
        self.inner().uploader.replace(Some(explainer.uploader()));
        self.inner().waiting.take().into_iter().for_each(|waiting| {
            let _ = waiting.send(()); // a download that was called off meanwhile does not listen
        });
    }

    /// None: the adapter is software, which computes nothing faster than the processor, and not `whatever` there is is wanted.
    async fn connect_gpu(self, whatever: bool) -> Result<Option<Explainer>, Fault> {
        if adapter::gpu().is_none() {
            return Err(if window().is_secure_context() { Fault::NoWebGpu } else { Fault::Insecure });
        }
        let mut explainer = Explainer::new().await?;
        let info = explainer.adapter();
        let name = if info.name.is_empty() { adapter::name().await } else { info.name.clone() };
        let name = if name.is_empty() { info.backend.clone() } else { name };
        let software = info.software;
        if software && !whatever {
            return Ok(None);
        }
        self.state.timings_available.set(explainer.timings_available());
        // One adapter, one version, one measurement; it also finds an adapter that computes wrongly before a photo does.
        let key = format!("gradlens-tuning {} {name}", env!("CARGO_PKG_VERSION"));
        self.state.adapter.set(Some(Adapter { name, software, spares_software: false, refused: None }));
        if !store::get(&key).is_some_and(|kept| explainer.set_tuning(&kept)) {
            self.state.work.set(Some(Work::Tuning));
            fetch::breathe().await;
            explainer.tune().await?;
            store::set(&key, &explainer.tuning());
        }
        self.take_weights(&explainer);
        Ok(Some(explainer))
    }

    async fn perform(&self, explainer: &mut Explainer, task: Task) -> Result<(), Error> {
        let (state, inner) = (self.state, self.inner());
        match task {
            Task::Connect => {}
            Task::Load(arrived) => {
                let Arrived { weights, preprocessing, trained, labels, loaded } = *arrived;
                let same = state.model.with_untracked(|model| model.as_ref() == Some(&loaded));
                // After a lost device the same file comes again, and what the visitor has set for it still holds.
                let preprocessing = if same { state.preprocessing.get_untracked() } else { preprocessing };
                explainer.install(weights, preprocessing.clone())?;
                if !same {
                    state.trained.set(trained);
                    let stages = explainer.architecture().map(main_layers_with_strides).unwrap_or_default();
                    state.closer.start_again(one_a_stride(&stages).into_iter().map(|(layer, _)| layer).collect());
                    state.layers.set(explainer.layers());
                    state.stages.set(stages);
                    state.parts.set(explainer.parts().len());
                    inner.full_size.take();
                    state.class.set(None);
                    state.prediction.set(None);
                    state.explanation.set(None);
                }
                let linked = inner.linked_layer.borrow_mut().take_if(|(model, _)| loaded.id.as_ref() == Some(model));
                if let Some((_, layer)) = linked {
                    state.layer.set(layer);
                }
                if !state.has_layer(&state.layer.get_untracked()) {
                    state.layer.set(untrack(|| state.pooled_layer()));
                }
                state.preprocessing.set(preprocessing);
                state.labels.set(Arc::new(labels));
                state.model.set(Some(loaded));
                inner.loaded.set(true);
                inner.look.set(true);
                self.use_labels();
            }
            Task::Look(photo) => {
                explainer.set_timings(state.timing.get_untracked());
                follow_training(state, explainer)?;
                let prediction = explainer.predict(&photo, state.fit.get_untracked()).await?;
                // A newer photo is waiting: this one's names would stand beside the wrong picture.
                if !inner.look.get() {
                    state.outline.set(Arc::new(outline(explainer, &prediction)));
                    let id = state.model.with_untracked(|model| model.as_ref()?.id.clone());
                    let linked = inner.linked_class.borrow_mut().take_if(|(model, _)| model.is_none() || *model == id);
                    if let Some((_, class)) = linked.filter(|&(_, class)| class < prediction.logits.len()) {
                        state.class.set(Some(class));
                    }
                    let timings = explainer.timings().await?;
                    state.timings.update(|all| all[0] = timings);
                    state.prediction.set(Some(Arc::new(prediction)));
                    inner.explain.set(true);
                }
            }
            Task::Explain => {
                let Some(prediction) = state.prediction.get_untracked() else { return Ok(()) };
                let question = asked::question(state, &prediction);
                let explanation = explainer.ask(&question, &mut |_, _| true).await?.ok_or(Error::NoPhoto)?;
                if !inner.look.get() {
                    let timings = explainer.timings().await?;
                    state.timings.update(|all| all[1] = timings);
                    state.explanation.set(Some(Arc::new(explanation)));
                    state.maps.update(|maps| *maps += 1);
                    inner.inside.set(state.inside.get_untracked());
                }
            }
            Task::Closer(wish) => closer::perform(*self, explainer, wish).await?,
            Task::Inside => {
                let Some(known) = state.explanation.get_untracked() else { return Ok(()) };
                let layer = known.last_layer();
                let activations = explainer.activations(layer).await?;
                let gradient = explainer.gradient(Some(known.class), layer).await?;
                if !inner.look.get() {
                    let channels = Channels::new(known.class, layer, activations, &gradient);
                    state.channels.set(Some(Arc::new(channels)));
                }
            }
            Task::Frame(photo) => {
                follow_training(state, explainer)?;
                let prediction = explainer.predict(&photo, state.fit.get_untracked()).await?;
                let question = asked::question(state, &prediction);
                let explanation = explainer.ask(&question, &mut |_, _| true).await?.ok_or(Error::NoPhoto)?;
                if state.live.get_untracked() == Live::Running {
                    inner.look.set(false); // a wish from before there was a picture
                    let name = state.text_untracked().camera.frame.to_owned();
                    state.outline.set(Arc::new(outline(explainer, &prediction)));
                    state.picture.set(Some(self.picture(name, photo)));
                    state.prediction.set(Some(Arc::new(prediction)));
                    state.explanation.set(Some(Arc::new(explanation)));
                    state.maps.update(|maps| *maps += 1);
                }
            }
        }
        Ok(())
    }
}

/// How a network was trained, as far as its tensors' names and its file's name tell; `None` for a ResNet.
fn trained(weights: &Weights, file: &str) -> Option<Trained> {
    let Architecture::MobileNet(_) = weights.architecture() else { return None };
    let (conventions, assumed) = weights.conventions();
    Some(match assumed {
        false => Trained { conventions, source: Told::Names },
        // timm's name for weights that came from TensorFlow
        true if file.contains("tf_") => Trained { conventions: Conventions::TENSORFLOW, source: Told::File },
        true => Trained { conventions, source: Told::Nowhere },
    })
}

/// The parts of the network in use at the size of what it saw.
fn outline(explainer: &Explainer, seen: &Prediction) -> Vec<Part> {
    let known = explainer.architecture().zip(explainer.conventions());
    known
        .map(|(network, (conventions, _))| layer_summary(network, conventions, seen.height, seen.width))
        .unwrap_or_default()
}

/// Computes as the visitor says that the network was trained: how photos become inputs, padding and epsilon.
fn follow_training(state: State, explainer: &mut Explainer) -> Result<(), Error> {
    if let (Some(trained), Some((now, _))) = (state.trained.get_untracked(), explainer.conventions())
        && trained.conventions != now
    {
        explainer.set_conventions(trained.conventions)?;
    }
    explainer.set_preprocessing(state.preprocessing.get_untracked())
}

/// Shows how a download goes, a few times a second.
struct Meter {
    state: State,
    abort: Abort,
    last: Cell<(Instant, u64)>,
}

impl Meter {
    fn new(state: State, abort: Abort) -> Meter {
        Meter { state, abort, last: Cell::new((Instant::now(), 0)) }
    }

    fn show(&self, received: u64, total: u64) {
        let (at, before) = self.last.get();
        let seconds = at.elapsed().as_secs_f64();
        if self.abort.aborted() || (seconds < 0.25 && received < total) {
            return;
        }
        self.last.set((Instant::now(), received));
        let lately = (received - before) as f64 / seconds.max(1e-3);
        self.state.progress.update(|progress| {
            if let Some(progress) = progress {
                (progress.received, progress.total) = (received, total);
                progress.rate = if progress.rate == 0.0 { lately } else { 0.7 * progress.rate + 0.3 * lately };
            }
        });
    }
}
