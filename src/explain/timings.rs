//! How long passes take on the GPU, by shader or by dispatch.

use super::Explainer;
use crate::error::Result;
use crate::explain::ranking::largest_first;
use crate::gpu::DispatchTiming;
use serde::{Deserialize, Serialize};

/// What one shader cost in a pass.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Timing {
    /// The shader's.
    pub name: String,
    /// How many dispatches.
    pub count: usize,
    /// Of all of them together.
    pub microseconds: f64,
}

impl Explainer {
    /// Whether the adapter can time its dispatches.
    pub fn timings_available(&self) -> bool {
        self.gpu.timings_available()
    }

    /// Times every dispatch from now on, where the adapter can; off at first, and free while off.
    /// Passes take longer while on.
    pub fn set_timings(&mut self, on: bool) {
        self.gpu.set_timings(on);
    }

    /// What the last `predict`, `explain` or the like cost on the GPU, by shader, the dearest
    /// first; empty while timings are off.
    pub async fn timings(&self) -> Result<Vec<Timing>> {
        let mut timings: Vec<Timing> = Vec::new();
        for DispatchTiming { name, microseconds, .. } in self.dispatch_timings().await? {
            match timings.iter_mut().find(|timing| timing.name == name) {
                Some(timing) => {
                    timing.count += 1;
                    timing.microseconds += microseconds;
                }
                None => timings.push(Timing { name: name.into(), count: 1, microseconds }),
            }
        }
        let costs: Vec<f32> = timings.iter().map(|timing| timing.microseconds as f32).collect();
        Ok(largest_first(&costs).into_iter().map(|place| timings[place].clone()).collect())
    }

    /// The same dispatch by dispatch, in order. Browsers round time stamps to 100 µs: see
    /// [`DispatchTiming`].
    pub async fn dispatch_timings(&self) -> Result<Vec<DispatchTiming>> {
        self.gpu.timings().await
    }
}
