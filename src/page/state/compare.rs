//! Side by side: what is on show, and what stands beside it.

use crate::engine::protocol::{PhotoId, PredictedOther};
use crate::fault::Fault;
use leptos::prelude::*;
use std::sync::Arc;

/// What stands beside the picture on show.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Beside {
    #[default]
    Nothing,
    /// The same photo, seen by another model of the list.
    Model(String),
    Sample(String),
    /// A photo of the tray.
    Photo(PhotoId),
    /// A file of the visitor's, by its name.
    File(String),
}

impl Beside {
    /// The value in the page's `<option>`s.
    pub fn value(&self) -> String {
        match self {
            Beside::Nothing => String::new(),
            Beside::Model(id) => format!("model:{id}"),
            Beside::Sample(id) => format!("sample:{id}"),
            Beside::Photo(id) => format!("photo:{id}"),
            Beside::File(name) => format!("file:{name}"),
        }
    }

    pub fn from_value(value: &str) -> Beside {
        match value.split_once(':') {
            Some(("model", id)) => Beside::Model(id.into()),
            Some(("sample", id)) => Beside::Sample(id.into()),
            Some(("photo", id)) => id.parse().map(Beside::Photo).unwrap_or_default(),
            Some(("file", name)) => Beside::File(name.into()),
            _ => Beside::Nothing,
        }
    }

    /// The name in links; `None` for what is the visitor's own.
    pub fn name(&self) -> Option<String> {
        matches!(self, Beside::Model(_) | Beside::Sample(_)).then(|| self.value())
    }

    pub fn from_name(name: &str) -> Option<Beside> {
        Some(Beside::from_value(name)).filter(|beside| beside.name().is_some())
    }
}

#[derive(Clone, Copy)]
pub struct CompareState {
    pub beside: RwSignal<Beside>,
    pub found: RwSignal<Option<Arc<PredictedOther>>>,
    /// Something is on its way.
    pub waiting: RwSignal<bool>,
    pub fault: RwSignal<Option<Fault>>,
    /// The other model's weights are not on this site: the visitor is asked.
    pub offered: RwSignal<bool>,
    /// Both heatmaps on one scale.
    pub one_scale: RwSignal<bool>,
}

impl CompareState {
    pub fn new() -> CompareState {
        CompareState {
            beside: RwSignal::default(),
            found: RwSignal::new(None),
            waiting: RwSignal::new(false),
            fault: RwSignal::new(None),
            offered: RwSignal::new(false),
            one_scale: RwSignal::new(true),
        }
    }
}
