//! What a network says of the photo.

use crate::engine::protocol::Described;
use crate::fault::Fault;
use gradlens::catalog::captions::Captions;
use leptos::prelude::*;
use std::sync::Arc;

#[derive(Clone, Copy)]
pub struct DescribeState {
    /// The words of the network in use; `None` until they have been fetched.
    pub known: RwSignal<Option<Arc<Captions>>>,
    /// Of this photo.
    pub described: RwSignal<Option<Arc<Described>>>,
    /// Why there is no description.
    pub fault: RwSignal<Option<Fault>>,
    /// Which of [`Described::maps`] is on show.
    pub map: RwSignal<usize>,
    /// The word of a link that was followed.
    pub linked: RwSignal<Option<usize>>,
}

impl DescribeState {
    pub fn new() -> DescribeState {
        DescribeState {
            known: RwSignal::new(None),
            described: RwSignal::new(None),
            fault: RwSignal::new(None),
            map: RwSignal::new(0),
            linked: RwSignal::new(None),
        }
    }

    /// For whenever the photo or the network changes.
    pub fn forget(&self) {
        self.described.set(None);
        self.fault.set(None);
        self.map.set(0);
    }
}
