//! Owns the `Explainer` and serves one request at a time.
//!
//! Requests wait in [`Slots`]; a single task serves them, since the `Explainer`'s methods are async
//! and exclusive. Downloads run beside it (`loading.rs`), so that the present network stays usable
//! meanwhile. To add a kind of work: a variant of `Request`, a slot, an arm in `serve`.

use super::super::fault::Fault;
use super::super::platform::fetch::Abort;
use super::super::platform::{adapter, timer};
use super::heads::Head;
use super::loading::Arrived;
use super::photos::{self, Photos};
use super::protocol::{
    Adapter, Analyze, Ask, Connect, Describe, Event, Explain, Frame, Generation, Installed,
    Predict, PredictOther, Predicted, Request, Settings, Work,
};
use super::slots::{Kind, Slots};
use super::{analysis, captions, loading, other, questions};
use futures_channel::oneshot;
use gradlens::catalog::captions::Captions;
use gradlens::catalog::layer_summary::{layer_summary, main_layers_with_strides};
use gradlens::catalog::questions::Questions;
use gradlens::error::Error;
use gradlens::explain::channels::Channels;
use gradlens::explain::{Explainer, Explanation, Prediction, Question, Timing};
use gradlens::gpu::Uploader;
use gradlens::image::Photo;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use wasm_bindgen_futures::spawn_local;

/// A request of the loop, as it waits in its slot.
pub(super) enum Task {
    Connect,
    Install(Box<Arrived>),
    Predict(Predict),
    Explain(Explain),
    Ask(Ask),
    Describe(Describe),
    Frame(Box<Frame>),
    Channels(Generation, usize, String),
    Analyze(Analyze),
    /// With a network that has just been loaded for it.
    PredictOther(Box<PredictOther>, Option<Box<Arrived>>),
}

pub struct Service {
    on_event: Box<dyn Fn(Event)>,
    explainer: RefCell<Option<Explainer>>,
    /// The explainer's, for downloads that run beside the loop.
    uploader: RefCell<Option<Uploader>>,
    /// Downloads that wait for it.
    uploader_wanted: RefCell<Vec<oneshot::Sender<()>>>,
    /// How to connect the next time.
    connect: RefCell<Connect>,
    slots: RefCell<Slots<Task>>,
    /// The loop runs.
    running: Cell<bool>,
    /// The explainer holds a network: false after a lost device.
    has_network: Cell<bool>,
    /// What computes at present is to be dropped afterwards.
    forgotten: Cell<bool>,
    /// The prediction that the explainer holds.
    pub(super) predicted: Cell<Option<Generation>>,
    /// What was predicted last of what is on show, to do it again after another photo.
    on_show: RefCell<Option<Predict>>,
    pub(super) download: RefCell<Option<Abort>>,
    stop: Cell<bool>,
    pub(super) photos: Photos,
    pub(super) other: other::Other,
    /// What answers questions, once somebody wanted to ask.
    pub(super) question_head: RefCell<Option<Rc<Head<Questions>>>>,
    /// What describes photos, once somebody wanted to read it.
    pub(super) caption_head: RefCell<Option<Rc<Head<Captions>>>>,
}

impl Service {
    pub fn new(on_event: impl Fn(Event) + 'static) -> Rc<Service> {
        Rc::new(Service {
            on_event: Box::new(on_event),
            explainer: RefCell::default(),
            uploader: RefCell::default(),
            uploader_wanted: RefCell::default(),
            connect: RefCell::default(),
            slots: RefCell::default(),
            running: Cell::new(false),
            has_network: Cell::new(false),
            forgotten: Cell::new(false),
            predicted: Cell::new(None),
            on_show: RefCell::default(),
            download: RefCell::default(),
            stop: Cell::new(false),
            photos: Photos::default(),
            other: other::Other::default(),
            question_head: RefCell::default(),
            caption_head: RefCell::default(),
        })
    }

    pub(super) fn emit(&self, event: Event) {
        (self.on_event)(event);
    }

    pub fn is_idle(&self) -> bool {
        !self.running.get()
    }

    pub fn receive(self: &Rc<Self>, request: Request) {
        let (kind, task) = match request {
            Request::Connect(connect) => {
                if connect.anew {
                    self.forget_device(); // at once: a load that follows waits for the new one
                }
                self.connect.replace(connect);
                (Kind::Connect, Task::Connect)
            }
            Request::Load(load) => return loading::start(self.clone(), load),
            Request::CancelLoad => {
                if let Some(abort) = self.download.take() {
                    abort.abort();
                }
                return;
            }
            Request::Decode(decode) => return photos::decode(self.clone(), decode),
            Request::KeepPhotos(ids) => return self.photos.keep(&ids),
            Request::Paint(paint) => return photos::paint(self.clone(), paint),
            Request::Predict(predict) => (Kind::Predict, Task::Predict(predict)),
            Request::Explain(explain) => (Kind::Explain, Task::Explain(explain)),
            Request::PredictOther(predict) => return other::receive(self, *predict),
            Request::DropOther => return self.other.drop_network(),
            Request::LoadQuestions(files) => return questions::load(self.clone(), files),
            Request::Ask(ask) => (Kind::Ask, Task::Ask(ask)),
            Request::LoadCaptions(files) => return captions::load(self.clone(), files),
            Request::Describe(describe) => (Kind::Describe, Task::Describe(describe)),
            Request::Frame(frame) => (Kind::Frame, Task::Frame(Box::new(frame))),
            Request::Channels { generation, class, layer } => {
                (Kind::Channels, Task::Channels(generation, class, layer))
            }
            Request::Analyze(analyze) => {
                self.stop.set(false);
                (Kind::Analyze, Task::Analyze(analyze))
            }
            Request::StopAnalysis => return self.stop.set(true),
        };
        self.queue(kind, task);
    }

    pub(super) fn queue(self: &Rc<Self>, kind: Kind, task: Task) {
        self.slots.borrow_mut().put(kind, task);
        if !self.running.replace(true) {
            spawn_local(self.clone().run());
        }
    }

    /// Whether slow work should go on.
    pub(super) fn goes_on(&self) -> bool {
        !self.stop.get() && !self.slots.borrow().preempts()
    }

    fn next(&self) -> Option<Task> {
        self.slots.borrow_mut().take(self.has_network.get())
    }

    async fn run(self: Rc<Self>) {
        while let Some(task) = self.next() {
            self.emit(Event::Work(match &task {
                Task::Connect => Some(Work::Connecting),
                Task::Install(_) => Some(Work::Uploading),
                Task::Predict(_) => Some(Work::Predicting),
                Task::Explain(_) | Task::Ask(_) | Task::Describe(_) => Some(Work::Explaining),
                // Beside the main heatmap, or thirty times a second: not for the status line.
                Task::Channels(..) | Task::Analyze(_) | Task::Frame(_) | Task::PredictOther(..) => {
                    None
                }
            }));
            timer::yield_to_browser().await;
            if matches!(task, Task::Connect)
                && self.explainer.borrow().as_ref().is_some_and(|e| e.check().is_err())
            {
                self.forget_device();
            }
            let connected = self.explainer.take();
            let mut explainer = match connected {
                Some(explainer) => explainer,
                None => self.connect().await,
            };
            let result = self.serve(&mut explainer, task).await;
            // A lost device stays lost: the next request needs another.
            let lost = matches!(&result, Err(error) if error.is_of_the_device());
            match self.forgotten.take() || lost {
                true => self.drop_device(),
                false => drop(self.explainer.replace(Some(explainer))),
            }
            if let Err(error) = result {
                self.emit(Event::Failed(error.into()));
            }
        }
        self.running.set(false);
        self.emit(Event::Work(None));
    }

    /// Drops what a device holds, as soon as what it is computing is done.
    pub(super) fn forget_device(&self) {
        let computing = self.running.get() && self.explainer.borrow().is_none();
        self.forgotten.set(computing);
        self.drop_device();
    }

    fn drop_device(&self) {
        self.explainer.take();
        self.uploader.take();
        self.has_network.set(false);
        self.forget_prediction();
        self.other.drop_network();
    }

    /// An adapter that computes rightly and is more than software; else the processor.
    async fn connect(&self) -> Explainer {
        let Connect { processor, .. } = *self.connect.borrow();
        let (mut spares_software, mut refused) = (false, None);
        if processor != Some(true) {
            match self.connect_gpu(processor == Some(false)).await {
                Ok(Some(explainer)) => return explainer,
                Ok(None) => spares_software = true,
                Err(fault) => refused = Some(fault),
            }
        }
        let explainer = Explainer::on_cpu();
        let (name, software, timings_available) = (String::new(), true, false);
        self.announce(
            &explainer,
            Adapter { name, software, spares_software, refused, timings_available },
        );
        explainer
    }

    /// `None`: the adapter is software, which is slower than the processor, and not `even_software`
    /// is wanted.
    async fn connect_gpu(&self, even_software: bool) -> Result<Option<Explainer>, Fault> {
        if adapter::gpu().is_none() {
            return Err(if adapter::is_secure_context() {
                Fault::NoWebGpu
            } else {
                Fault::Insecure
            });
        }
        let mut explainer = Explainer::new().await?;
        let info = explainer.adapter();
        let name = if info.name.is_empty() { adapter::name().await } else { info.name.clone() };
        let name = if name.is_empty() { info.backend.clone() } else { name };
        let software = info.software;
        if software && !even_software {
            return Ok(None);
        }
        // A tuning holds for one adapter and one version. Measuring it also finds an adapter that
        // computes wrongly.
        let key = format!("{} {name}", env!("CARGO_PKG_VERSION"));
        let known = self.connect.borrow().tunings.get(&key).cloned();
        if !known.is_some_and(|tuning| explainer.set_tuning(&tuning)) {
            self.emit(Event::Work(Some(Work::Tuning)));
            timer::yield_to_browser().await;
            explainer.tune().await?;
            let tuning = explainer.tuning();
            self.connect.borrow_mut().tunings.insert(key.clone(), tuning.clone());
            self.emit(Event::Tuned { key, tuning });
        }
        let timings_available = explainer.timings_available();
        let adapter =
            Adapter { name, software, spares_software: false, refused: None, timings_available };
        self.announce(&explainer, adapter);
        Ok(Some(explainer))
    }

    fn announce(&self, explainer: &Explainer, adapter: Adapter) {
        self.emit(Event::Connected(adapter));
        if self.forgotten.get() {
            return; // another one is wanted already
        }
        self.uploader.replace(Some(explainer.uploader()));
        for waiting in self.uploader_wanted.take() {
            let _ = waiting.send(()); // a download that was cancelled meanwhile no longer listens
        }
    }

    /// Where weights go; connects first if needed. `None`: nothing could be connected.
    pub(super) async fn uploader(self: &Rc<Self>) -> Option<Uploader> {
        if self.uploader.borrow().is_none() {
            let (sender, connected) = oneshot::channel();
            self.uploader_wanted.borrow_mut().push(sender);
            self.queue(Kind::Connect, Task::Connect);
            connected.await.ok()?;
        }
        self.uploader.borrow().clone()
    }

    fn forget_prediction(&self) {
        self.predicted.set(None);
        self.on_show.take();
    }

    /// After another photo: predicts again what is on show.
    async fn predict_again(&self, explainer: &mut Explainer) -> Result<(), Error> {
        let on_show =
            self.on_show.borrow().as_ref().map(|known| {
                (known.generation, self.photos.get(known.photo), known.settings.clone())
            });
        if let (None, Some((generation, Some(photo), settings))) = (self.predicted.get(), on_show) {
            predict(explainer, &photo, &settings).await?;
            self.predicted.set(Some(generation));
        }
        Ok(())
    }

    async fn serve(&self, explainer: &mut Explainer, task: Task) -> Result<(), Error> {
        let brings_its_own = matches!(
            task,
            Task::Connect
                | Task::Install(_)
                | Task::Predict(_)
                | Task::Frame(_)
                | Task::PredictOther(..)
        );
        if !brings_its_own {
            self.predict_again(explainer).await?;
        }
        match task {
            Task::PredictOther(request, arrived) => {
                other::serve(self, explainer, *request, arrived).await?;
            }
            Task::Connect => {}
            Task::Install(arrived) => self.install(explainer, *arrived)?,
            Task::Predict(request) => {
                explainer.set_timings(request.timings);
                self.forget_prediction();
                let photo = self.photos.get(request.photo).ok_or(Error::NoPhoto)?;
                let prediction = predict(explainer, &photo, &request.settings).await?;
                let generation = request.generation;
                self.predicted.set(Some(generation));
                self.on_show.replace(Some(request));
                let timings = explainer.timings().await?;
                self.emit(Event::Predicted(generation, predicted(explainer, prediction, timings)));
            }
            Task::Explain(Explain { generation, question }) => {
                if self.predicted.get() == Some(generation) {
                    let explanation = explain(explainer, &question).await?;
                    let timings = explainer.timings().await?;
                    self.emit(Event::Explained(generation, Arc::new(explanation), timings));
                }
            }
            Task::Ask(ask) if self.predicted.get() == Some(ask.generation) => {
                let head = self.question_head.borrow().clone();
                let answered = questions::answer(explainer, head.as_deref(), &ask).await;
                let answered = unless_of_the_device(answered)?;
                self.emit(Event::Answered(ask.generation, answered));
            }
            Task::Describe(describe) if self.predicted.get() == Some(describe.generation) => {
                let head = self.caption_head.borrow().clone();
                let described = captions::describe(explainer, head.as_deref(), &describe).await;
                let described = unless_of_the_device(described)?;
                self.emit(Event::Described(describe.generation, described));
            }
            Task::Ask(_) | Task::Describe(_) => {} // about an older photo
            Task::Frame(frame) => {
                let Frame { generation, photo, pixels, settings, query } = *frame;
                self.forget_prediction();
                let prediction = predict(explainer, &pixels, &settings).await?;
                self.photos.insert(photo, pixels);
                self.predicted.set(Some(generation));
                self.on_show.replace(Some(Predict { generation, photo, settings, timings: false }));
                let explanation = explain(explainer, &query.question(&prediction)).await?;
                let predicted = predicted(explainer, prediction, Vec::new());
                self.emit(Event::Frame {
                    generation,
                    photo,
                    predicted,
                    explanation: Arc::new(explanation),
                });
            }
            Task::Channels(generation, class, layer)
                if self.predicted.get() == Some(generation) =>
            {
                let activations = explainer.activations(&layer).await?;
                let gradient = explainer.gradient(Some(class), &layer).await?;
                let channels = Channels::new(class, &layer, activations, &gradient);
                self.emit(Event::Channels(generation, channels));
            }
            Task::Channels(..) => {} // of an older photo
            Task::Analyze(Analyze { id, explanation, analysis }) => {
                let progress = |done, of| {
                    self.emit(Event::AnalysisProgress { id, done, of });
                    self.goes_on()
                };
                match analysis::analyze(explainer, &explanation, analysis, progress).await {
                    Ok(result) => self.emit(Event::Analyzed(id, result)),
                    Err(error) => {
                        self.emit(Event::Analyzed(id, None));
                        return Err(error);
                    }
                }
            }
        }
        Ok(())
    }

    fn install(&self, explainer: &mut Explainer, arrived: Arrived) -> Result<(), Error> {
        let Arrived { weights, preprocessing, training, labels, model } = arrived;
        let notes = weights.network().notes().to_vec();
        self.forget_prediction();
        explainer.install(weights, preprocessing.clone())?;
        self.has_network.set(true);
        self.emit(Event::Installed(Box::new(Installed {
            model,
            preprocessing,
            training,
            scores: explainer.scores(),
            notes,
            labels,
            layers: explainer.layers(),
            stages: explainer.architecture().map(main_layers_with_strides).unwrap_or_default(),
            part_count: explainer.parts().len(),
        })));
        Ok(())
    }
}

/// What the page is told of; a fault of the device is the loop's.
fn unless_of_the_device<T>(found: Result<T, Error>) -> Result<Result<T, Fault>, Error> {
    match found {
        Err(error) if error.is_of_the_device() => Err(error),
        found => Ok(found.map_err(Fault::from)),
    }
}

pub(super) async fn predict(
    explainer: &mut Explainer,
    photo: &Photo,
    settings: &Settings,
) -> Result<Prediction, Error> {
    if let (Some(wanted), Some((present, _))) = (settings.conventions, explainer.conventions())
        && wanted != present
    {
        explainer.set_conventions(wanted)?;
    }
    explainer.set_scores(settings.scores)?;
    explainer.set_preprocessing(settings.preprocessing.clone())?;
    explainer.predict(photo, settings.fit).await
}

pub(super) async fn explain(
    explainer: &mut Explainer,
    question: &Question,
) -> Result<Explanation, Error> {
    explainer.ask(question, &mut |_, _| true).await?.ok_or(Error::NoPhoto)
}

fn predicted(explainer: &Explainer, prediction: Prediction, timings: Vec<Timing>) -> Predicted {
    let network = explainer.architecture().zip(explainer.conventions());
    let layer_summary = network
        .map(|(network, (conventions, _))| {
            layer_summary(network, conventions, prediction.height, prediction.width)
        })
        .unwrap_or_default();
    Predicted { prediction: Arc::new(prediction), layer_summary: Arc::new(layer_summary), timings }
}
