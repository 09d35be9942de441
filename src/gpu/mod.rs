//! The GPU: a device, its shaders, tensors on it, and recorded dispatches that run in one go. The
//! only room that names `wgpu`.
//!
//! - `device.rs`: opening a device, compiling shaders, its failures;
//! - `buffer.rs`: buffers, and uploading weights into them; `tensor.rs`: images of channels in a
//!   buffer;
//! - `dispatch.rs`: recording and running; `read.rs`: read back; `timestamps.rs`: how long
//!   dispatches take.
//!
//! Where there is no GPU, the [processor](crate::cpu) takes its place: dispatches are then queued
//! here and computed at the next read back. Knows neither networks nor photos.
//!
//! Every failure that `wgpu` reports late (validation, memory, a lost device) is kept and surfaces
//! as an [`Error`] at the next read back, which every result passes through.

mod buffer;
mod device;
mod dispatch;
mod read;
mod tensor;
mod timestamps;

use std::cell::RefCell;

pub use buffer::{Buffer, Uploader};
use device::{Driver, Failure};
pub use dispatch::Dispatch;
pub(crate) use dispatch::grid;
pub use tensor::{Tensor, tensor_bytes};
pub use timestamps::DispatchTiming;

use crate::error::{Error, Result};

/// What the machine runs the network on.
#[derive(Clone, Debug, PartialEq)]
pub struct AdapterInfo {
    /// As the driver names it: "llvmpipe (LLVM 15, 256 bits)", "apple metal-3".
    pub name: String,
    /// Vulkan, Metal, Dx12 or BrowserWebGpu.
    pub backend: String,
    /// True for an adapter that computes on the CPU.
    pub software: bool,
}

/// What runs recorded dispatches: a GPU, or in its place the processor.
pub struct Gpu {
    info: AdapterInfo,
    /// None: the processor does it.
    driver: Option<Driver>,
    /// What the processor has yet to do.
    queued: RefCell<Vec<Dispatch>>,
    failure: Failure,
}

impl Gpu {
    /// Asks for the fastest adapter and opens it with the largest buffers that it allows.
    pub async fn new() -> Result<Gpu> {
        Gpu::with_buffers(None).await
    }

    /// The same with buffers of at most `largest` bytes, as a smaller adapter has them; of what the
    /// adapter allows where `None`.
    pub async fn with_buffers(largest: Option<u64>) -> Result<Gpu> {
        let (info, driver, failure) = Driver::open(largest).await?;
        Ok(Gpu { info, driver: Some(driver), queued: RefCell::default(), failure })
    }

    /// The processor in the place of a GPU: the same results, slower.
    pub fn cpu() -> Gpu {
        let info = AdapterInfo { name: "CPU".into(), backend: "Cpu".into(), software: true };
        Gpu { info, driver: None, queued: RefCell::default(), failure: Failure::default() }
    }

    /// Whether the processor does the work.
    pub fn is_cpu(&self) -> bool {
        self.driver.is_none()
    }

    /// What this runs on.
    pub fn info(&self) -> &AdapterInfo {
        &self.info
    }

    /// The first failure since the device was opened, if any; it stays.
    pub fn check(&self) -> Result<()> {
        self.failure.check()
    }

    /// Takes the device away, as a driver reset would: for tests of how that is survived.
    pub fn destroy(&self) {
        match &self.driver {
            Some(driver) => driver.device.destroy(),
            None => self.failure.record(Error::DeviceLost { detail: "given up".into() }),
        }
    }

    fn device(&self) -> Option<&wgpu::Device> {
        self.driver.as_ref().map(|driver| &driver.device)
    }
}
