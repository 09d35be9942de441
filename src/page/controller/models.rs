//! The list of models, loading one, and what computes it.

use super::Controller;
use super::links::Link;
use crate::engine::Attached;
use crate::engine::protocol::{
    Connect, ConventionsSource, Installed, Load, Request, Source, Training, Work,
};
use crate::fault::{Fault, Retry};
use crate::platform::fetch::{self, Abort};
use crate::platform::own_files::OwnFile;
use crate::platform::{storage, weights_cache};
use crate::state::Progress;
use gradlens::catalog::labels::Labels;
use gradlens::catalog::layer_summary::one_layer_per_stride;
use gradlens::catalog::models::{self, Model};
use gradlens::checkpoint::Conventions;
use gradlens::error::Error;
use gradlens::image::{Preprocessing, looks_like_a_photo};
use leptos::prelude::*;
use leptos::task::spawn_local;
use std::sync::Arc;
use web_sys::File;

/// The list of models, relative to the page.
const MODELS: &str = "weights/models.json";
/// `localStorage` keys: the model chosen last; whether the processor should compute; tunings, by
/// adapter.
const MODEL_KEY: &str = "gradlens-model";
pub const PROCESSOR_KEY: &str = "gradlens-processor";
pub const TUNING_PREFIX: &str = "gradlens-tuning ";

impl Controller {
    /// Connects the engine, reads the list, loads the first model that is on this site.
    pub fn load_first_model(self) {
        self.state.failure.set(None);
        self.state.starting.set(true);
        self.connect(false);
        spawn_local(async move {
            match self.read_list().await {
                Err(fault) => self.fail(fault, Retry::Start),
                Ok(()) => {
                    self.open_linked_sample();
                    self.read_cached_weights().await;
                    if !self.restore_own_files().await {
                        match self.linked_model() {
                            Some(model) => self.choose_model(&model),
                            None => self.load_first_present().await,
                        }
                    }
                }
            }
            self.state.starting.set(false);
        });
    }

    async fn read_list(self) -> Result<(), Fault> {
        let text = fetch::text(MODELS).await?;
        let list =
            models::parse(&text).map_err(|error| Fault::Models { detail: error.to_string() })?;
        self.state.models.set(Arc::new(list));
        Ok(())
    }

    /// The model that the page's address names, where the list has it.
    fn linked_model(self) -> Option<String> {
        let link = Link::parse(&window().location().hash().ok()?);
        link.model.filter(|id| untrack(|| self.state.is_listed(id)))
    }

    /// The model of the last visit, or the first of the list, whose weights need no download.
    async fn load_first_present(self) {
        let list = self.state.models.get_untracked();
        let last = storage::get(MODEL_KEY);
        let mut failed = None;
        let is_last = |model: &&Model| Some(&model.id) == last.as_ref();
        for model in list.iter().filter(is_last).chain(list.iter().filter(|model| !is_last(model)))
        {
            let is_copy_of =
                |cached: &weights_cache::CachedWeights| cached.current && cached.id == model.id;
            let cached = self.state.cached_weights.with_untracked(|all| all.iter().any(is_copy_of));
            let here = match cached {
                true => Ok(None),
                false => fetch::open(&model.place(&model.file, 0).0, &Abort::new()).await,
            };
            match here {
                Ok(None) if !cached => {}
                Err(fault) => failed = Some(fault),
                Ok(response) => {
                    // Only its presence was asked; the body is read by the download proper.
                    if let Some(body) = response.and_then(|response| response.body()) {
                        let _ = body.cancel();
                    }
                    return self
                        .load(Source::Listed { model: Box::new(model.clone()), elsewhere: false });
                }
            }
        }
        if let Some(fault) = failed {
            self.fail(fault, Retry::Start);
        }
    }

    /// A model of the list. When its file is not on this site, the visitor is asked before another
    /// host is.
    pub fn choose_model(self, id: &str) {
        let model = self
            .state
            .models
            .with_untracked(|models| models.iter().find(|model| model.id == id).cloned());
        let Some(model) = model else { return };
        if !self.state.starting.get_untracked() {
            self.drop_own(OwnFile::Labels); // those were for the network before
        }
        self.clear_small_failure();
        self.state.offer.set(None);
        self.load(Source::Listed { model: Box::new(model), elsewhere: false });
    }

    /// The weights are elsewhere: the visitor is asked.
    pub(super) fn on_offer(self, model: Model) {
        let state = self.state;
        state.progress.set(None);
        state.offer.set(Some(model));
        self.use_labels();
        // An address may name a model that is not here: until the visitor has decided, the page
        // works with one that is.
        if state.model.with_untracked(Option::is_none) {
            spawn_local(async move {
                self.read_cached_weights().await; // a copy may just have been found damaged
                self.load_first_present().await;
            });
        }
    }

    pub fn accept_offer(self) {
        let Some(model) = self.state.offer.get_untracked() else { return };
        self.state.offer.set(None);
        self.load(Source::Listed { model: Box::new(model), elsewhere: true });
    }

    pub fn decline_offer(self) {
        self.state.offer.set(None);
    }

    pub fn cancel_download(self) {
        self.send(Request::CancelLoad);
        self.state.progress.set(None);
        self.forget_coming_network();
    }

    pub(super) fn open_weights(self, file: File) {
        self.clear_small_failure();
        self.state.offer.set(None);
        self.load(Source::Own(Attached(file)));
    }

    pub(super) fn load(self, source: Source) {
        self.load_with(source, None, None);
    }

    /// `choice`: which of several networks in the file; `conventions`: other ones than the tensors
    /// tell.
    fn load_with(self, source: Source, choice: Option<String>, conventions: Option<Conventions>) {
        self.forget_coming_network();
        self.inner().wanted.replace(Some(source.clone()));
        let name = match &source {
            Source::Own(Attached(file)) => file.name(),
            Source::Listed { model, .. } => untrack(|| self.state.model_name(model).to_owned()),
        };
        self.state.progress.set(Some(Progress::new(name)));
        let (models, labels) =
            (self.state.models.get_untracked(), self.state.labels.get_untracked());
        self.send(Request::Load(Load { source, models, labels, choice, conventions }));
    }

    fn connect(self, anew: bool) {
        let tunings = storage::with_prefix(TUNING_PREFIX).into_iter().collect();
        let processor = self.state.processor.get_untracked();
        self.send(Request::Connect(Connect { processor, anew, tunings }));
    }

    pub(super) fn connect_and_load(self, source: Option<Source>, anew: bool) {
        match source {
            None => self.load_first_model(),
            Some(source) => {
                self.connect(anew);
                self.load(source);
            }
        }
    }

    /// Leaves the adapter and goes on with another, or on the processor; model, photo and choices
    /// stay.
    pub fn choose_processor(self, processor: bool) {
        self.state.processor.set(Some(processor));
        storage::set(PROCESSOR_KEY, if processor { "yes" } else { "no" });
        // After weights that were too large for the adapter it is about those.
        let too_large =
            untrack(|| self.failed_by(|error| matches!(error, Error::TensorTooLarge { .. })));
        let inner = self.inner();
        let source =
            if too_large { inner.wanted.borrow().clone() } else { inner.source.borrow().clone() };
        self.state.failure.set(None);
        self.restore_full_size();
        self.connect_and_load(source, true);
    }

    pub(super) fn show_progress(self, received: u64, total: u64) {
        let due = |progress: &Option<Progress>| {
            progress.as_ref().is_some_and(|progress| progress.is_due(received, total))
        };
        if self.state.progress.with_untracked(due) {
            self.state.progress.update(|progress| {
                if let Some(progress) = progress {
                    progress.update(received, total);
                }
            });
        }
    }

    pub(super) fn on_loaded(self, not_cached: bool) {
        let (state, inner) = (self.state, self.inner());
        state.progress.set(None);
        state.not_cached.set(not_cached);
        let source = inner.wanted.borrow().clone();
        match &source {
            Some(Source::Listed { model, elsewhere }) => {
                if *elsewhere && !not_cached {
                    weights_cache::ask_to_persist();
                }
                storage::set(MODEL_KEY, &model.id);
                self.drop_own(OwnFile::Weights);
            }
            Some(Source::Own(Attached(file))) => self.use_own(OwnFile::Weights, file.clone()),
            None => {}
        }
        inner.source.replace(source);
        inner.installing.set(true);
        // As in `send`: until the worker says so the former result would pass for this network's.
        state.work.set(Some(Work::Uploading));
    }

    pub(super) fn on_load_failed(self, fault: Fault) {
        let inner = self.inner();
        self.state.progress.set(None);
        let retry = match &fault {
            fault if fault.is_of_the_device() => {
                let wanted = inner.wanted.borrow().clone();
                inner.source.replace(wanted); // “Try again” is about this one
                Retry::Start
            }
            Fault::Fetch { .. } => Retry::Model,
            _ => Retry::None,
        };
        self.fail_for_weights(fault, retry);
        inner.labels.replace(None);
    }

    pub(super) fn on_installed(self, installed: Installed) {
        let (state, inner) = (self.state, self.inner());
        let Installed {
            model,
            preprocessing,
            training,
            scores,
            notes,
            labels,
            layers,
            stages,
            part_count,
        } = installed;
        inner.installing.set(false);
        // After a lost device the same file comes again, and what the visitor has set for it still
        // holds.
        let same = state.model.with_untracked(|known| known.as_ref() == Some(&model));
        if !same {
            state.training.set(Some(training));
            state.scores.set(scores);
            state.analysis.reset_layers(
                one_layer_per_stride(&stages).into_iter().map(|(layer, _)| layer).collect(),
            );
            inner.full_size.take();
            state.class.set(None);
            state.prediction.set(None);
            state.explanation.set(None);
            state.ask.known.set(None);
            state.describe.known.set(None);
            state.preprocessing.set(preprocessing);
            self.forget_comparison();
            self.forget_pack_results();
        }
        state.notes.set(notes);
        state.layers.set(layers);
        state.stages.set(stages); // their strides differ with dilation
        state.part_count.set(part_count);
        let linked =
            inner.linked_layer.borrow_mut().take_if(|(id, _)| model.id.as_ref() == Some(id));
        if let Some((_, layer)) = linked {
            state.layer.set(layer);
        }
        if !state.has_layer(&state.layer.get_untracked()) {
            state.layer.set(untrack(|| state.pooled_layer()));
        }
        state.labels.set(Arc::new(labels));
        state.model.set(Some(model));
        self.use_labels();
        self.on_other_network();
        self.send_predict();
        self.go_on_with_pack();
    }

    pub(super) fn open_labels(self, file: File) {
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
                    self.use_own(OwnFile::Labels, file);
                    self.use_labels();
                }
                Err(fault) => self.fail(fault, Retry::None),
            }
        });
    }

    /// Puts a visitor's labels into use, unless a network that they may belong to is still on its
    /// way.
    pub(super) fn use_labels(self) {
        let inner = self.inner();
        if inner.installing.get() || self.state.progress.with_untracked(Option::is_some) {
            return;
        }
        let Some(labels) = inner.labels.take() else { return };
        let expected =
            self.state.model.with_untracked(|model| model.as_ref().map(|model| model.classes));
        let found = labels.names.len();
        match expected {
            Some(expected) if expected == found => self.state.labels.set(Arc::new(labels)),
            Some(expected) => self.fail(Error::LabelCount { expected, found }.into(), Retry::None),
            None => self.fail(Error::NoNetwork.into(), Retry::None),
        }
    }

    pub fn choose_preprocessing(self, preprocessing: Preprocessing) {
        self.inner().full_size.take();
        self.state.preprocessing.set(preprocessing);
        self.predict();
    }

    pub fn choose_conventions(self, conventions: Conventions) {
        let state = self.state;
        let Some(training) = state.training.get_untracked() else { return };
        let before = training.conventions;
        state.training.set(Some(Training {
            conventions,
            source: ConventionsSource::Visitor,
            ..training
        }));
        // Other frameworks' networks usually have other numbers, too; those that the visitor typed
        // stay.
        if before.usual_preprocessing() == state.preprocessing.get_untracked() {
            state.preprocessing.set(conventions.usual_preprocessing());
        }
        let source = self.inner().source.borrow().clone();
        match source {
            // Dilated filters take more room: the weights go up again.
            Some(source) if before.output_stride != conventions.output_stride => {
                self.load_with(source, None, Some(conventions));
            }
            _ => self.predict(),
        }
    }

    /// Takes another of the networks that the file in use holds.
    pub fn choose_network(self, name: String) {
        let source = self.inner().source.borrow().clone();
        if let Some(source) = source {
            self.clear_small_failure();
            // Another network: nothing that was set for the one before holds.
            self.state.model.set(None);
            self.load_with(source, Some(name), None);
        }
    }

    async fn read_cached_weights(self) {
        let list = self.state.models.get_untracked();
        self.state.cached_weights.set(weights_cache::list(&list).await);
    }

    pub(super) fn list_cached_weights(self) {
        spawn_local(self.read_cached_weights());
    }

    pub fn delete_cached(self, address: String) {
        spawn_local(async move {
            weights_cache::delete_at(&address).await;
            self.read_cached_weights().await;
        });
    }
}
