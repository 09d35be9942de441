//! Leptos' signals, memos and effects of the same names, with their code in the page once: Leptos' own cost two to three kilobytes for
//! every type that a signal holds and for every closure. Values lie behind `Arc<dyn Any>`; reading one clones no more than that.
//!
//! Here is what the page uses of them and nothing else. To add: a method, beside its namesake's behaviour.

use leptos::prelude::{ArcMemo, GetUntracked, Set, Track, WithUntracked, on_cleanup};
use leptos::prelude::{Effect as LeptosEffect, Memo as LeptosMemo, RwSignal as LeptosSignal};
use leptos::reactive::graph::{AnySource, Observer, Source, ToAnySource};
use std::any::Any;
use std::marker::PhantomData;
use std::sync::Arc;

type Erased = Arc<dyn Any + Send + Sync>;

fn value<T: 'static>(erased: &Erased) -> &T {
    erased.downcast_ref().expect("a signal keeps its type")
}

/// What can be read and written by everybody.
pub struct RwSignal<T> {
    erased: LeptosSignal<Erased>,
    kind: PhantomData<fn() -> T>,
}

impl<T> Clone for RwSignal<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for RwSignal<T> {}

impl<T: Default + Send + Sync + 'static> Default for RwSignal<T> {
    fn default() -> Self {
        RwSignal::new(T::default())
    }
}

/// Leptos leaves a reader that is gone among a source's readers until that changes, and a language changes once a lesson: whoever
/// reads leaves its address with what takes it off the list when it goes.
fn forget_when_gone(source: AnySource) {
    if let Some(reader) = Observer::get() {
        on_cleanup(move || source.remove_subscriber(&reader)); // one that runs again subscribes again
    }
}

fn read(signal: LeptosSignal<Erased>, track: bool) -> Erased {
    if track {
        signal.track();
        forget_when_gone(signal.to_any_source());
    }
    signal.get_untracked()
}

impl<T: Send + Sync + 'static> RwSignal<T> {
    pub fn new(first: T) -> RwSignal<T> {
        RwSignal { erased: LeptosSignal::new(Arc::new(first)), kind: PhantomData }
    }

    pub fn with<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        look(value(&read(self.erased, true)))
    }

    pub fn with_untracked<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        look(value(&read(self.erased, false)))
    }

    pub fn track(&self) {
        read(self.erased, true);
    }

    pub fn set(&self, new: T) {
        self.erased.set(Arc::new(new));
    }
}

impl<T: Clone + Send + Sync + 'static> RwSignal<T> {
    pub fn get(&self) -> T {
        self.with(T::clone)
    }

    pub fn get_untracked(&self) -> T {
        self.with_untracked(T::clone)
    }

    pub fn update(&self, change: impl FnOnce(&mut T)) {
        let mut new = self.get_untracked();
        change(&mut new);
        self.set(new);
    }
}

/// What follows from signals. Those who read it hear of it only when it has become another.
pub struct Memo<T> {
    erased: LeptosMemo<Erased>,
    kind: PhantomData<fn() -> T>,
}

impl<T> Clone for Memo<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Memo<T> {}

fn memo(
    compute: Box<dyn Fn() -> Erased + Send + Sync>,
    changed: fn(Option<&Erased>, Option<&Erased>) -> bool,
) -> LeptosMemo<Erased> {
    LeptosMemo::new_with_compare(move |_| compute(), changed)
}

fn changed<T: PartialEq + 'static>(before: Option<&Erased>, now: Option<&Erased>) -> bool {
    before.map(value::<T>) != now.map(value::<T>)
}

fn recall(memo: LeptosMemo<Erased>, track: bool) -> Erased {
    if track {
        memo.track();
        forget_when_gone(ArcMemo::from(memo).to_any_source());
    }
    memo.with_untracked(Arc::clone)
}

impl<T: PartialEq + Send + Sync + 'static> Memo<T> {
    pub fn new(compute: impl Fn(()) -> T + Send + Sync + 'static) -> Memo<T> {
        Memo { erased: memo(Box::new(move || Arc::new(compute(()))), changed::<T>), kind: PhantomData }
    }

    pub fn with<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        look(value(&recall(self.erased, true)))
    }
}

impl<T: Clone + PartialEq + Send + Sync + 'static> Memo<T> {
    pub fn get(&self) -> T {
        self.with(T::clone)
    }

    pub fn get_untracked(&self) -> T {
        value::<T>(&recall(self.erased, false)).clone()
    }
}

/// What is done when a signal that it reads changes, for as long as the component is there.
pub struct Effect;

impl Effect {
    #[expect(clippy::new_ret_no_self, reason = "as Leptos' own, whose handle nobody here needs")]
    pub fn new(run: impl Fn(()) + 'static) {
        let run: Box<dyn Fn(())> = Box::new(run);
        LeptosEffect::new(move |_: Option<()>| run(()));
    }
}
