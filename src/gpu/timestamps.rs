//! How long dispatches take, by the adapter's own clock.

use super::device::{Driver, Failure};
use super::{Dispatch, Gpu};
use crate::error::Result;

/// How long one dispatch took on the GPU.
#[derive(Clone, Debug, PartialEq)]
pub struct DispatchTiming {
    /// The shader's name.
    pub name: &'static str,
    /// As the checkpoint names it, `layer3.2`; empty outside the blocks.
    pub layer: String,
    /// Browsers round time stamps to 100 µs, so that single dispatches come out as 0 or 100; sums
    /// are right on average.
    pub microseconds: f64,
}

/// Dispatches that ran with time stamps around each.
#[derive(Clone)]
pub(super) struct Timed {
    dispatches: Vec<(&'static str, String)>,
    stamps: wgpu::Buffer, // [dispatches, 2]: begin and end, u64
}

impl Timed {
    /// WebGPU allows 4096 time stamps in a query set.
    pub const MOST: usize = 4096 / 2;

    pub fn encode(
        driver: &Driver,
        encoder: &mut wgpu::CommandEncoder,
        dispatches: &[&Dispatch],
    ) -> Timed {
        let passes: Vec<_> = dispatches.iter().map(std::slice::from_ref).collect();
        Timed {
            dispatches: dispatches
                .iter()
                .map(|dispatch| (dispatch.name, dispatch.layer.clone()))
                .collect(),
            stamps: driver.encode_stamped(encoder, &passes),
        }
    }
}

impl Gpu {
    /// Runs dispatches in one go and waits: seconds by the adapter's own clock; None where it has
    /// none, or one that stands still.
    pub async fn seconds(&self, dispatches: &[&Dispatch]) -> Result<Option<f64>> {
        let Some(driver) = self.driver.as_ref().filter(|_| self.timings_available()) else {
            return Ok(None);
        };
        let mut encoder = driver.device.create_command_encoder(&Default::default());
        let stamps = driver.encode_stamped(&mut encoder, &[dispatches]);
        driver.queue.submit([encoder.finish()]);
        let seconds = driver.read_stamps(&stamps, 1, &self.failure).await?;
        Ok(seconds.into_iter().next().filter(|&seconds| seconds > 0.0))
    }

    /// Whether the adapter has time stamps.
    pub fn timings_available(&self) -> bool {
        self.device()
            .is_some_and(|device| device.features().contains(wgpu::Features::TIMESTAMP_QUERY))
    }

    /// Times every dispatch from now on, where the adapter can.
    pub fn set_timings(&self, on: bool) {
        if let Some(driver) = &self.driver {
            driver.timed.replace((on && self.timings_available()).then(Vec::new));
        }
    }

    /// Leaves out of [`timings`](Gpu::timings) what ran until now.
    pub fn forget_timings(&self) {
        if let Some(driver) = &self.driver {
            driver.timed.borrow_mut().iter_mut().for_each(Vec::clear);
        }
    }

    /// Waits for what was queued: the dispatches that ran since timings were turned on or
    /// forgotten, in order.
    pub async fn timings(&self) -> Result<Vec<DispatchTiming>> {
        let Some(driver) = &self.driver else { return Ok(Vec::new()) };
        let runs = driver.timed.borrow().clone().unwrap_or_default();
        let mut timings = Vec::new();
        for Timed { dispatches, stamps } in runs {
            let seconds = driver.read_stamps(&stamps, dispatches.len(), &self.failure).await?;
            timings.extend(dispatches.into_iter().zip(seconds).map(|((name, layer), seconds)| {
                DispatchTiming { name, layer, microseconds: 1e6 * seconds }
            }));
        }
        Ok(timings)
    }
}

impl Driver {
    /// One pass for each of `passes`, with time stamps around it: [passes, 2], u64.
    fn encode_stamped(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        passes: &[&[&Dispatch]],
    ) -> wgpu::Buffer {
        let count = 2 * passes.len() as u32;
        let query_set = self.device.create_query_set(&wgpu::QuerySetDescriptor {
            label: None,
            ty: wgpu::QueryType::Timestamp,
            count,
        });
        for (dispatches, begin) in passes.iter().zip((0..).step_by(2)) {
            let timestamp_writes = Some(wgpu::ComputePassTimestampWrites {
                query_set: &query_set,
                beginning_of_pass_write_index: Some(begin),
                end_of_pass_write_index: Some(begin + 1),
            });
            let label = dispatches.first().map(|dispatch| dispatch.name);
            let mut pass = encoder
                .begin_compute_pass(&wgpu::ComputePassDescriptor { label, timestamp_writes });
            dispatches.iter().for_each(|dispatch| dispatch.encode(&mut pass));
        }
        let stamps = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: count as u64 * 8,
            usage: wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC,
            mapped_at_creation: false,
        });
        encoder.resolve_query_set(&query_set, 0..count, &stamps, 0);
        stamps
    }

    /// Waits for them: seconds from begin to end, for each pass. Stamps may run backwards where a
    /// driver resets its clock.
    async fn read_stamps(
        &self,
        stamps: &wgpu::Buffer,
        passes: usize,
        failure: &Failure,
    ) -> Result<Vec<f64>> {
        let period = 1e-9 * self.queue.get_timestamp_period() as f64;
        let stamps: Vec<[u64; 2]> = self.read(stamps, passes, failure).await?;
        Ok(stamps
            .into_iter()
            .map(|[begin, end]| end.saturating_sub(begin) as f64 * period)
            .collect())
    }
}
