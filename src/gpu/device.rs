//! The device: opening it, compiling for it, and what it reports late.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::AdapterInfo;
use super::timestamps::Timed;
use crate::error::{Error, Result};
use crate::shader::{self, Shader};

/// A device, its queue, and what was compiled for it.
pub(super) struct Driver {
    pub device: wgpu::Device,
    pub queue: wgpu::Queue,
    pub pipelines: RefCell<HashMap<Shader, wgpu::ComputePipeline>>,
    /// Buffers to read back through, by size.
    pub staging: RefCell<HashMap<u64, wgpu::Buffer>>,
    /// What ran since timings were turned on or last forgotten; None while they are off.
    pub timed: RefCell<Option<Vec<Timed>>>,
}

/// The first failure of a device. It stays: each later use of the device reports it.
#[derive(Clone, Default)]
pub(super) struct Failure(Arc<Mutex<Option<Error>>>);

impl Failure {
    pub fn record(&self, error: Error) {
        self.0.lock().unwrap_or_else(|e| e.into_inner()).get_or_insert(error);
    }

    pub fn check(&self) -> Result<()> {
        self.0.lock().unwrap_or_else(|e| e.into_inner()).clone().map_or(Ok(()), Err)
    }

    /// Whether both are of one device.
    pub fn is(&self, other: &Failure) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Driver {
    /// Opens the fastest adapter, with buffers of at most `largest` bytes, or of what it allows.
    pub async fn open(largest: Option<u64>) -> Result<(AdapterInfo, Driver, Failure)> {
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
        let adapter = instance
            .request_adapter(&wgpu::RequestAdapterOptions {
                power_preference: wgpu::PowerPreference::HighPerformance,
                ..Default::default()
            })
            .await
            .map_err(|_| Error::NoAdapter)?;
        let offered = adapter.limits();
        let (device, queue) = adapter
            .request_device(&wgpu::DeviceDescriptor {
                required_features: adapter.features() & wgpu::Features::TIMESTAMP_QUERY,
                required_limits: wgpu::Limits {
                    max_buffer_size: largest.unwrap_or(offered.max_buffer_size),
                    max_storage_buffer_binding_size: largest
                        .unwrap_or(offered.max_storage_buffer_binding_size),
                    ..wgpu::Limits::defaults()
                },
                ..Default::default()
            })
            .await
            .map_err(|e| Error::NoDevice { detail: e.to_string() })?;

        let failure = Failure::default();
        let keep = failure.clone();
        device.set_device_lost_callback(move |_, detail| {
            let detail =
                if detail.is_empty() { "no reason was given".into() } else { in_brief(&detail) };
            keep.record(Error::DeviceLost { detail });
        });
        let keep = failure.clone();
        device.on_uncaptured_error(Arc::new(move |e| keep.record(reported(e))));

        let found = adapter.get_info();
        let name = if found.name.is_empty() { found.driver.clone() } else { found.name.clone() };
        let software = found.device_type == wgpu::DeviceType::Cpu
            || ["swiftshader", "llvmpipe", "basic render"]
                .iter()
                .any(|s| name.to_ascii_lowercase().contains(s));
        let info = AdapterInfo { name, backend: format!("{:?}", found.backend), software };
        let (pipelines, staging, timed) = Default::default();
        Ok((info, Driver { device, queue, pipelines, staging, timed }, failure))
    }

    pub fn compile(&self, shader: Shader) -> wgpu::ComputePipeline {
        let create = |shader: &Shader| {
            let module = self.device.create_shader_module(wgpu::ShaderModuleDescriptor {
                label: Some(shader.name),
                source: wgpu::ShaderSource::Wgsl(shader::expand(shader).into()),
            });
            self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: Some(shader.name),
                layout: None,
                module: &module,
                entry_point: Some("main"),
                compilation_options: Default::default(),
                cache: None,
            })
        };
        let mut pipelines = self.pipelines.borrow_mut();
        pipelines.entry(shader).or_insert_with_key(create).clone()
    }
}

/// What `wgpu` reports late, in this program's words.
fn reported(error: wgpu::Error) -> Error {
    let detail = in_brief(&error.to_string());
    match error {
        wgpu::Error::OutOfMemory { .. } => Error::GpuMemory { detail },
        _ => Error::Gpu { detail },
    }
}

/// A driver's message on one line, 300 characters of it at most.
fn in_brief(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.trim_end_matches('.').chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_runs_out_has_a_sentence_of_its_own() {
        let memory = reported(wgpu::Error::OutOfMemory { source: "no room".into() });
        assert!(matches!(memory, Error::GpuMemory { .. }), "{memory}");
        let internal =
            reported(wgpu::Error::Internal { source: "a bug".into(), description: "a bug".into() });
        assert!(matches!(internal, Error::Gpu { .. }), "{internal}");
    }
}
