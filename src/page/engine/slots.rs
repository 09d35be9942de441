//! Requests that wait for the engine.

use std::collections::BTreeMap;

/// What is asked of the engine, the most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Connect,
    Install,
    Predict,
    Explain,
    Ask,
    Describe,
    Frame,
    Channels,
    Analyze,
    PredictOther,
    PredictMany,
}

impl Kind {
    /// Whether the engine needs a network for it.
    pub fn needs_network(self) -> bool {
        self > Kind::Install
    }
}

/// One slot a kind: a newer request replaces the one that waits. Of ten quick clicks the last one
/// is computed.
#[derive(Debug)]
pub struct Slots<R> {
    waiting: BTreeMap<Kind, R>,
}

impl<R> Default for Slots<R> {
    fn default() -> Self {
        Slots { waiting: BTreeMap::new() }
    }
}

impl<R> Slots<R> {
    pub fn put(&mut self, kind: Kind, request: R) {
        self.waiting.insert(kind, request);
    }

    /// Takes the most urgent request that can be served; without a network those that need one go
    /// on waiting.
    pub fn take(&mut self, has_network: bool) -> Option<R> {
        let kind = *self.waiting.keys().find(|kind| has_network || !kind.needs_network())?;
        self.waiting.remove(&kind)
    }

    /// Whether something waits for which slow work should stop. Channels, frames and other
    /// photos can wait.
    pub fn preempts(&self) -> bool {
        self.waiting.keys().any(|kind| {
            matches!(
                kind,
                Kind::Install
                    | Kind::Predict
                    | Kind::Explain
                    | Kind::Ask
                    | Kind::Describe
                    | Kind::Analyze
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_request_of_a_kind_wins() {
        let mut slots = Slots::default();
        for n in 0..10 {
            slots.put(Kind::Explain, n);
        }
        assert_eq!(slots.take(true), Some(9));
        assert_eq!(slots.take(true), None);
    }

    #[test]
    fn the_most_urgent_kind_comes_first() {
        let mut slots = Slots::default();
        let kinds = [
            Kind::PredictMany,
            Kind::PredictOther,
            Kind::Analyze,
            Kind::Channels,
            Kind::Frame,
            Kind::Describe,
            Kind::Ask,
            Kind::Explain,
            Kind::Predict,
            Kind::Install,
            Kind::Connect,
        ];
        for kind in kinds {
            slots.put(kind, kind);
        }
        for kind in kinds.into_iter().rev() {
            assert_eq!(slots.take(true), Some(kind));
        }
    }

    #[test]
    fn without_a_network_only_what_brings_one_is_served() {
        let mut slots = Slots::default();
        slots.put(Kind::Predict, "predict");
        assert_eq!(slots.take(false), None);
        slots.put(Kind::Install, "install");
        assert_eq!(slots.take(false), Some("install"));
        assert_eq!(slots.take(true), Some("predict"));
    }

    #[test]
    fn slow_work_stops_for_what_the_visitor_waits_for() {
        let mut slots = Slots::default();
        for kind in [Kind::Connect, Kind::Frame, Kind::Channels, Kind::PredictOther] {
            slots.put(kind, ());
            assert!(!slots.preempts(), "{kind:?}");
        }
        slots.put(Kind::Analyze, ());
        assert!(slots.preempts());
    }
}
