//! Many photos at once: what is known of each, and which of them are on show.

use super::State;
use crate::fault::Fault;
use gradlens::explain::Score;
use leptos::prelude::*;
use std::collections::BTreeMap;

/// Photos of a pack; more would be more than anybody looks through.
pub const MOST: usize = 500;

/// From this probability on the network counts as confident.
pub const CONFIDENT: f32 = 0.7;

#[derive(Clone, Debug, PartialEq)]
pub struct PackPhoto {
    pub id: usize,
    /// With the folders that it came in: `dogs/a.jpg`.
    pub path: String,
    pub outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Waiting,
    Explained(PackResult),
    Failed(Fault),
}

/// What is kept of an explained photo. Its pixels are not.
#[derive(Clone, Debug, PartialEq)]
pub struct PackResult {
    /// Of a PNG: the heatmap over a small copy of the photo.
    pub address: String,
    /// The likeliest classes, the first one being explained.
    pub scores: Vec<Score>,
    /// Width and height of the photo, and where its heatmap is strongest; `None` of an empty one.
    pub size: (usize, usize),
    pub peak: Option<(f64, f64)>,
    pub model: String,
    pub layer: String,
    pub method: String,
}

impl PackPhoto {
    pub fn result(&self) -> Option<&PackResult> {
        match &self.outcome {
            Outcome::Explained(result) => Some(result),
            _ => None,
        }
    }

    /// The likeliest class.
    pub fn likeliest(&self) -> Option<Score> {
        self.result()?.scores.first().copied()
    }

    /// The folders that it came in, the nearest first.
    pub fn folders(&self) -> impl Iterator<Item = &str> {
        self.path.rsplit('/').skip(1)
    }
}

/// What is expected of photos: classes, by the name of the folder or by what was typed for all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Expectations {
    pub for_all: Option<Expected>,
    pub folders: BTreeMap<String, Expected>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Expected {
    /// As it was typed, or the folder's name.
    pub name: String,
    pub classes: Vec<usize>,
}

impl Expectations {
    /// The nearest folder that means something counts.
    pub fn of(&self, photo: &PackPhoto) -> Option<&Expected> {
        let named = || photo.folders().find_map(|folder| self.folders.get(folder));
        self.for_all.as_ref().or_else(named)
    }

    /// Whether the likeliest class is the expected one; `None` where one of them is not known.
    pub fn is_right(&self, photo: &PackPhoto) -> Option<bool> {
        let likeliest = photo.likeliest()?.class;
        Some(self.of(photo)?.classes.contains(&likeliest))
    }

    /// Another class than the expected one, and with a high probability.
    pub fn is_confidently_wrong(&self, photo: &PackPhoto) -> bool {
        self.is_right(photo) == Some(false)
            && photo.likeliest().is_some_and(|score| score.probability >= CONFIDENT)
    }
}

/// Which photos are on show, by class.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Filter {
    #[default]
    All,
    Expected(String),
    Likeliest(usize),
}

impl Filter {
    /// The value in the page's `<option>`s.
    pub fn value(&self) -> String {
        match self {
            Filter::All => String::new(),
            Filter::Expected(name) => format!("expected:{name}"),
            Filter::Likeliest(class) => format!("likeliest:{class}"),
        }
    }

    pub fn from_value(value: &str) -> Filter {
        match value.split_once(':') {
            Some(("expected", name)) => Filter::Expected(name.into()),
            Some(("likeliest", class)) => class.parse().map(Filter::Likeliest).unwrap_or_default(),
            _ => Filter::All,
        }
    }

    pub fn shows(&self, photo: &PackPhoto, expectations: &Expectations) -> bool {
        match self {
            Filter::All => true,
            Filter::Expected(name) => expectations.of(photo).is_some_and(|one| one.name == *name),
            Filter::Likeliest(class) => photo.likeliest().is_some_and(|one| one.class == *class),
        }
    }
}

#[derive(Clone, Copy)]
pub struct PackState {
    pub photos: RwSignal<Vec<PackPhoto>>,
    pub running: RwSignal<bool>,
    /// Files that are no photos by their names, or were too many.
    pub left_out: RwSignal<usize>,
    /// The class that is expected of all, as it is typed.
    pub expected: RwSignal<String>,
    pub filter: RwSignal<Filter>,
    pub only_wrong: RwSignal<bool>,
    /// The folders' names, each once; derived, so that results don't change it.
    pub folders: Memo<Vec<String>>,
}

impl PackState {
    pub fn new() -> PackState {
        let photos = RwSignal::<Vec<PackPhoto>>::default();
        let folders = Memo::new(move |_| {
            photos.with(|photos| {
                let mut names: Vec<String> =
                    photos.iter().flat_map(PackPhoto::folders).map(String::from).collect();
                names.sort();
                names.dedup();
                names
            })
        });
        PackState {
            photos,
            running: RwSignal::new(false),
            left_out: RwSignal::new(0),
            expected: RwSignal::default(),
            filter: RwSignal::default(),
            only_wrong: RwSignal::new(false),
            folders,
        }
    }
}

impl State {
    /// What is expected of the pack's photos, by the names of the network in use.
    pub fn expectations(&self) -> Expectations {
        let labels = self.labels.get();
        let meaning = |name: &str| {
            let classes = labels.meant_by(name);
            (!classes.is_empty()).then(|| Expected { name: name.trim().to_owned(), classes })
        };
        Expectations {
            for_all: self.pack.expected.with(|typed| meaning(typed)),
            folders: self.pack.folders.with(|folders| {
                let known = folders.iter().filter_map(|name| Some((name.clone(), meaning(name)?)));
                known.collect()
            }),
        }
    }
}
