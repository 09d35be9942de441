//! From a [`Source`] to a network that waits to be installed: weights, class names, preprocessing.

use super::super::fault::Fault;
use super::super::platform::fetch::{self, Abort};
use super::download::{Download, Fetched, Reading};
use super::message::Attached;
use super::protocol::{ConventionsSource, Event, Load, LoadedModel, Source, Training};
use super::service::{Service, Task};
use super::slots::Kind;
use gradlens::catalog::labels::Labels;
use gradlens::catalog::models::Model;
use gradlens::checkpoint::{Architecture, Conventions};
use gradlens::error::Error;
use gradlens::image::Preprocessing;
use gradlens::models::Weights;
use std::rc::Rc;
use wasm_bindgen_futures::spawn_local;
use web_sys::File;

/// A network read and checked, its weights on the GPU already.
pub struct Arrived {
    pub weights: Weights,
    pub preprocessing: Preprocessing,
    pub training: Training,
    pub labels: Labels,
    pub model: LoadedModel,
}

/// What came of a load.
pub enum Outcome {
    /// `not_cached`: it came from another host, and there was no room for a copy.
    Arrived { arrived: Box<Arrived>, not_cached: bool },
    /// The weights are elsewhere: the visitor is asked first.
    Elsewhere(Box<Model>),
    /// Nothing computes.
    Nothing,
}

/// Loads a network to be used from now on.
pub fn start(service: Rc<Service>, load: Load) {
    run(service, load, |service, outcome| match outcome {
        Ok(Outcome::Nothing) => {}
        Ok(Outcome::Elsewhere(model)) => service.emit(Event::Offer(*model)),
        Ok(Outcome::Arrived { arrived, not_cached }) => {
            service.emit(Event::Loaded { not_cached });
            service.queue(Kind::Install, Task::Install(arrived));
        }
        Err(fault) => service.emit(Event::LoadFailed(fault)),
    });
}

/// Loads beside the service's loop; a newer load takes its place, and then `done` is never called.
pub fn run(
    service: Rc<Service>,
    load: Load,
    done: impl FnOnce(&Rc<Service>, Result<Outcome, Fault>) + 'static,
) {
    let abort = Abort::new();
    if let Some(former) = service.download.replace(Some(abort.clone())) {
        former.abort();
    }
    spawn_local(async move {
        let result = Loading { service: &service, load, abort: &abort }.run().await;
        if abort.aborted() {
            return;
        }
        service.download.replace(None);
        if matches!(&result, Err(fault) if fault.is_of_the_device()) {
            service.forget_device();
        }
        done(&service, result);
    });
}

struct Loading<'a> {
    service: &'a Rc<Service>,
    load: Load,
    abort: &'a Abort,
}

impl Loading<'_> {
    async fn run(&self) -> Result<Outcome, Fault> {
        let Some(uploader) = self.service.uploader().await else { return Ok(Outcome::Nothing) };
        let progress = |received, total| {
            if !self.abort.aborted() {
                self.service.emit(Event::Progress { received, total });
            }
        };
        let Load { choice, conventions, .. } = &self.load;
        let reading = Reading { choice: choice.clone(), conventions: *conventions };
        let download = Download { abort: self.abort, uploader, reading, progress: &progress };
        match &self.load.source {
            Source::Own(Attached(file)) => {
                let arrived = Box::new(self.own(file, &download).await?);
                Ok(Outcome::Arrived { arrived, not_cached: false })
            }
            Source::Listed { model, elsewhere } => self.listed(model, *elsewhere, &download).await,
        }
    }

    async fn listed(
        &self,
        model: &Model,
        elsewhere: bool,
        download: &Download<'_>,
    ) -> Result<Outcome, Fault> {
        let missing = || fetch::fault(&model.file, "HTTP 404");
        let fetched = if elsewhere {
            self.fetch_elsewhere(model, download).await.unwrap_or_else(|| Err(missing()))?
        } else {
            match download.host(model, &model.file, false).await {
                Ok(Some(fetched)) => fetched,
                // An altered file is reported, not passed over.
                Err(fault) if !matches!(fault, Fault::Fetch { .. }) => return Err(fault),
                absent => match download.copy(model).await {
                    Some(fetched) => fetched,
                    None => {
                        absent?;
                        self.service.emit(Event::CacheChanged);
                        if model.urls.is_empty() {
                            return Err(missing());
                        }
                        return Ok(Outcome::Elsewhere(Box::new(model.clone())));
                    }
                },
            }
        };
        if elsewhere && !self.abort.aborted() {
            self.service.emit(Event::CacheChanged);
        }
        let Fetched { weights, cached } = fetched;
        let labels = self.labels_of(model, weights.architecture().classes()).await;
        let loaded = loaded_model(&weights, Some(model.id.clone()), &model.file);
        let training = training(&weights, &model.file);
        let arrived = Box::new(Arrived {
            weights,
            preprocessing: model.preprocessing.clone(),
            training,
            labels,
            model: loaded,
        });
        Ok(Outcome::Arrived { arrived, not_cached: elsewhere && !cached })
    }

    /// The first of a model's other hosts that has the right file; `None` if none has any.
    async fn fetch_elsewhere(
        &self,
        model: &Model,
        download: &Download<'_>,
    ) -> Option<Result<Fetched, Fault>> {
        let mut last = None;
        for url in &model.urls {
            match download.host(model, url, true).await {
                Ok(None) => {}
                Ok(Some(fetched)) => return Some(Ok(fetched)),
                Err(fault) => {
                    let of_the_device = fault.is_of_the_device();
                    last = Some(Err(fault));
                    if of_the_device || self.abort.aborted() {
                        break;
                    }
                }
            }
        }
        last
    }

    async fn own(&self, file: &File, download: &Download<'_>) -> Result<Arrived, Fault> {
        let weights = download.file(file).await?;
        let classes = weights.architecture().classes();
        let current = &self.load.labels;
        let labels = match self.load.models.iter().find(|model| model.classes == classes) {
            _ if current.names.len() == classes => Labels::clone(current),
            Some(model) => self.labels_of(model, classes).await,
            None => Labels::numbered(classes),
        };
        // A listed model of as many classes lends its names, but not its preprocessing: it may be
        // of another family.
        let training = training(&weights, &file.name());
        let preprocessing = match training.source {
            ConventionsSource::FileName => training.conventions.usual_preprocessing(),
            _ => weights.network().usual_preprocessing(),
        };
        let model = loaded_model(&weights, None, &file.name());
        Ok(Arrived { weights, preprocessing, training, labels, model })
    }

    /// A model's names. Where they can't be had numbers stand for them: that is no reason to refuse
    /// a network.
    async fn labels_of(&self, model: &Model, classes: usize) -> Labels {
        let read = async {
            let labels = Labels::parse(&fetch::text(&model.labels).await?)?;
            match labels.names.len() {
                found if found == classes => Ok(labels),
                found => Err(Fault::Engine(Error::LabelCount { expected: classes, found })),
            }
        };
        read.await.unwrap_or_else(|fault: Fault| {
            self.service.emit(Event::NoLabels(fault));
            Labels::numbered(classes)
        })
    }
}

fn loaded_model(weights: &Weights, id: Option<String>, file: &str) -> LoadedModel {
    let architecture = weights.architecture();
    LoadedModel {
        id,
        file: file.into(),
        architecture: architecture.name().into(),
        classes: architecture.classes(),
    }
}

/// By which conventions the network runs, as far as its tensors and its file's name tell.
fn training(weights: &Weights, file: &str) -> Training {
    let is_mobilenet = matches!(weights.architecture(), Architecture::MobileNet(_));
    let (conventions, assumed) = weights.conventions();
    // timm's name for weights that came from TensorFlow
    if is_mobilenet && assumed && file.contains("tf_") {
        let source = ConventionsSource::FileName;
        return Training { conventions: Conventions::TENSORFLOW, source, is_mobilenet };
    }
    let source = if assumed { ConventionsSource::Assumed } else { ConventionsSource::Names };
    Training { conventions, source, is_mobilenet }
}
