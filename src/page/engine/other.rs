//! Other photos beside the one on show, and the photo on show as another network sees it.
//!
//! The other network stays on the device beside the one in use until [`Other::drop_network`]: two
//! networks' weights lie there whenever one takes the other's place, too. The network in use is left
//! as it is; where it looked at another photo, the loop predicts the one on show again before
//! somebody asks about it (`service.rs`).

use super::super::fault::Fault;
use super::super::query::Query;
use super::loading::{self, Arrived, Outcome};
use super::photos;
use super::protocol::{
    Event, Load, OtherNetwork, OtherPhoto, PredictOther, PredictedOther, Settings, Source,
};
use super::service::{self, Service, Task};
use super::slots::Kind;
use gradlens::catalog::labels::Labels;
use gradlens::error::Error;
use gradlens::explain::objective::Objective;
use gradlens::explain::{Aside, Explainer, LAST_LAYER};
use gradlens::image::{Fit, Photo};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

/// Likeliest classes in a result.
const CLASSES: usize = 3;

/// The other network, if there is one.
#[derive(Default)]
pub struct Other {
    network: RefCell<Option<Held>>,
    /// Its entry in the list; also while it computes, when it is not here. `None`: it is no longer
    /// wanted.
    model: RefCell<Option<String>>,
}

struct Held {
    network: Aside,
    layers: Vec<String>,
    labels: Labels,
    /// Its own; the fit is asked for.
    settings: Settings,
}

impl Other {
    pub fn drop_network(&self) {
        self.model.take();
        self.network.take();
    }
}

/// Loads the other network first where that is not there yet.
pub fn receive(service: &Rc<Service>, predict: PredictOther) {
    let kind = if predict.of_many { Kind::PredictMany } else { Kind::PredictOther };
    let load = predict.network.as_ref().and_then(|network| {
        let OtherNetwork { model, elsewhere, .. } = network;
        if service.other.model.borrow().as_ref() == Some(&model.id) {
            return None;
        }
        service.other.drop_network(); // one at a time
        let source = Source::Listed { model: model.clone(), elsewhere: *elsewhere };
        let labels = Arc::new(Labels::numbered(0));
        let (models, choice, conventions) = Default::default();
        Some(Load { source, models, labels, choice, conventions })
    });
    let predict = Box::new(predict);
    let Some(load) = load else { return service.queue(kind, Task::PredictOther(predict, None)) };
    loading::run(service.clone(), load, move |service, outcome| match outcome {
        Ok(Outcome::Nothing) => {}
        Ok(Outcome::Elsewhere(_)) => service.emit(Event::PredictedOther(predict.id, Ok(None))),
        Ok(Outcome::Arrived { arrived, .. }) => {
            service.queue(kind, Task::PredictOther(predict, Some(arrived)));
        }
        Err(fault) => service.emit(Event::PredictedOther(predict.id, Err(fault))),
    });
}

/// Emits what came of it. Errors: those of the device, which the loop has to know of, too.
pub async fn serve(
    service: &Service,
    explainer: &mut Explainer,
    predict: PredictOther,
    arrived: Option<Box<Arrived>>,
) -> Result<(), Error> {
    let id = predict.id;
    let found = find(service, explainer, predict, arrived).await;
    let lost = match &found {
        Err(Fault::Engine(error)) if error.is_of_the_device() => Err(error.clone()),
        _ => Ok(()),
    };
    service.emit(Event::PredictedOther(id, found.map(|found| Some(Box::new(found)))));
    lost
}

async fn find(
    service: &Service,
    explainer: &mut Explainer,
    predict: PredictOther,
    arrived: Option<Box<Arrived>>,
) -> Result<PredictedOther, Fault> {
    let PredictOther { photo, settings, query, longest, network, .. } = predict;
    let photo = match photo {
        OtherPhoto::Held(id) => service.photos.get(id).ok_or(Error::NoPhoto)?,
        OtherPhoto::New(source) => Rc::new(photos::read(source).await?),
    };
    let Some(asked) = network else {
        service.predicted.set(None);
        return Ok(see(explainer, &photo, &settings, Some(query), longest).await?);
    };
    let other = &service.other;
    let present = other.network.take();
    let mut held = match arrived {
        Some(arrived) => {
            let held = Held::install(explainer, *arrived, settings.fit)?;
            other.model.replace(Some(asked.model.id.clone()));
            held
        }
        None => present.ok_or(Error::NoNetwork)?,
    };
    held.settings.fit = settings.fit;
    explainer.exchange(&mut held.network);
    let found =
        see(explainer, &photo, &held.settings, held.translate(query, &asked), longest).await;
    explainer.exchange(&mut held.network);
    let found = found.map(|mut found| {
        let names = &held.labels.names;
        found.names = found
            .scores
            .iter()
            .map(|score| names.get(score.class).cloned().unwrap_or_default())
            .collect();
        found
    });
    if other.model.borrow().as_ref() == Some(&asked.model.id) {
        other.network.replace(Some(held));
    }
    Ok(found?)
}

async fn see(
    explainer: &mut Explainer,
    photo: &Photo,
    settings: &Settings,
    query: Option<Query>,
    longest: usize,
) -> Result<PredictedOther, Error> {
    let prediction = service::predict(explainer, photo, settings).await?;
    let mut scores = prediction.top(CLASSES);
    let mut explanation = None;
    if let Some(query) = query {
        let known = service::explain(explainer, &query.question(&prediction)).await?;
        let other = match known.objective {
            Objective::Contrast { than } => Some(than),
            _ => None,
        };
        for class in [Some(known.class), other].into_iter().flatten() {
            if !scores.iter().any(|score| score.class == class) {
                scores.extend(prediction.score(class));
            }
        }
        explanation = Some(Arc::new(known));
    }
    Ok(PredictedOther {
        photo: photo.shrunk(longest),
        size: (photo.width, photo.height),
        scores,
        names: Vec::new(),
        explanation,
    })
}

impl Held {
    /// Puts its weights into use for a moment; the network in use comes back, whatever happens.
    fn install(explainer: &mut Explainer, arrived: Arrived, fit: Fit) -> Result<Held, Error> {
        let Arrived { weights, preprocessing, training, labels, .. } = arrived;
        let mut network = Aside::default();
        explainer.exchange(&mut network);
        let installed = explainer.install(weights, preprocessing.clone());
        let (layers, scores) = (explainer.layers(), explainer.scores());
        explainer.exchange(&mut network);
        installed?;
        let conventions = Some(training.conventions);
        Ok(Held {
            network,
            layers,
            labels,
            settings: Settings { fit, preprocessing, conventions, scores },
        })
    }

    /// The same query by this network's numbers and layers; `None`: it does not know the class.
    fn translate(&self, query: Query, asked: &OtherNetwork) -> Option<Query> {
        let number = |class: Option<usize>, name: &Option<String>| {
            self.labels.called(name.as_ref()?, class.unwrap_or(usize::MAX))
        };
        let [name, contrast] = &asked.names;
        let layer = match self.layers.contains(&query.layer) {
            true => query.layer.clone(),
            false => LAST_LAYER.to_owned(),
        };
        Some(Query {
            class: Some(number(query.class, name)?),
            contrast_class: number(query.contrast_class, contrast),
            layer,
            ..query
        })
    }
}
