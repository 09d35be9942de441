//! The GPU: a device, its shaders, tensors on it, and recorded steps that run in one go.
//!
//! The only room that names `wgpu`. It knows neither networks nor photos. To add an operation: a shader in `shaders/`, a
//! constant here, a function in [`ops`](crate::ops), a twin in [`reference`](crate::reference), a row in `tests/kernels.rs`.
//!
//! Every failure that `wgpu` reports late (validation, memory, a lost device) is kept and surfaces as an [`Error`] at the next
//! read back, which every result passes through.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use bytemuck::Pod;
use wgpu::util::DeviceExt;

use crate::error::{Error, Result};
use crate::shader::{self, Shader};

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

/// A device, its queue, and what was compiled for it.
pub struct Gpu {
    device: wgpu::Device,
    queue: wgpu::Queue,
    info: AdapterInfo,
    pipelines: RefCell<HashMap<Shader, wgpu::ComputePipeline>>,
    staging: RefCell<HashMap<u64, wgpu::Buffer>>,
    /// What ran since timings were turned on or last forgotten; None while they are off.
    timed: RefCell<Option<Vec<Timed>>>,
    failure: Arc<Mutex<Option<Error>>>,
}

/// An image of `channels` planes on the GPU, f32.
///
/// Stored as [height, width, channels], channels padded with zeros to whole vec4, then one more position of zeros: what a
/// convolution's tap outside the image reads. Shaders write positions only, so those zeros stay. A tensor with a border has
/// that many positions of zeros left and right of each row, too.
#[derive(Clone, Debug)]
pub struct Tensor {
    pub(crate) buffer: wgpu::Buffer,
    pub height: usize,
    pub width: usize,
    pub channels: usize,
    pub border: usize,
}

/// Constant numbers on the GPU: weights, scales.
#[derive(Clone, Debug)]
pub struct Constant {
    pub(crate) buffer: wgpu::Buffer,
}

/// Fills constants, also while the [`Gpu`] that it came from is in use elsewhere.
#[derive(Clone)]
pub struct Uploader {
    device: wgpu::Device,
    queue: wgpu::Queue,
    failure: Arc<Mutex<Option<Error>>>,
}

/// One dispatch: a compiled shader, what it is bound to, and how many workgroups.
#[derive(Clone, Debug)]
pub struct Step {
    pipeline: wgpu::ComputePipeline,
    bind_group: wgpu::BindGroup,
    workgroups: [u32; 3],
    /// The shader's name, for timings.
    pub name: &'static str,
    /// The network's layer, for timings; empty where the name says it.
    pub layer: String,
}

/// How long one step took on the GPU.
#[derive(Clone, Debug, PartialEq)]
pub struct StepTiming {
    /// The shader's name.
    pub name: &'static str,
    /// As the checkpoint names it, `layer3.2`; empty outside the blocks.
    pub layer: String,
    /// Browsers round time stamps to 100 µs, so that single steps come out as 0 or 100; sums are right on average.
    pub microseconds: f64,
}

/// Steps that ran with time stamps around each.
#[derive(Clone)]
struct Timed {
    steps: Vec<(&'static str, String)>,
    stamps: wgpu::Buffer, // [steps, 2]: begin and end, u64
}

impl Tensor {
    /// Channels in vec4.
    pub fn c4(&self) -> usize {
        self.channels.div_ceil(4)
    }
    /// height · width.
    pub fn positions(&self) -> usize {
        self.height * self.width
    }
    /// Gives its memory back now: a browser's garbage collector does not know how much a forgotten buffer holds.
    pub(crate) fn free(&self) {
        self.buffer.destroy();
    }
    /// Positions from one row to the next.
    fn row(&self) -> usize {
        self.width + 2 * self.border
    }
    /// Bytes on the GPU.
    pub fn bytes(&self) -> u64 {
        self.buffer.size()
    }
    /// Its memory as numbers in a row, the zeros at its end included.
    pub fn constant(&self) -> Constant {
        Constant { buffer: self.buffer.clone() }
    }
}

impl Step {
    fn encode(&self, pass: &mut wgpu::ComputePass) {
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, &self.bind_group, &[]);
        let [x, y, z] = self.workgroups;
        pass.dispatch_workgroups(x, y, z);
    }
}

impl Constant {
    /// Bytes on the GPU.
    pub fn bytes(&self) -> u64 {
        self.buffer.size()
    }
    /// As [`Tensor::free`].
    pub(crate) fn free(&self) {
        self.buffer.destroy();
    }
}

impl Uploader {
    /// Room for `bytes` bytes that shaders read.
    pub fn constant(&self, bytes: usize) -> Constant {
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST;
        let size = bytes.max(16) as u64;
        Constant {
            buffer: self.device.create_buffer(&wgpu::BufferDescriptor {
                label: None,
                size,
                usage,
                mapped_at_creation: false,
            }),
        }
    }

    /// Copies `bytes` to `offset` of a constant; both are multiples of 4.
    pub fn write(&self, constant: &Constant, offset: usize, bytes: &[u8]) {
        self.queue.write_buffer(&constant.buffer, offset as u64, bytes);
    }

    /// Lets the driver have what was written: until then it is held a second time.
    pub fn flush(&self) {
        self.queue.submit([]);
    }

    /// As [`Gpu::check`].
    pub fn check(&self) -> Result<()> {
        #[cfg(not(target_arch = "wasm32"))]
        let _ = self.device.poll(wgpu::PollType::Poll); // a device that is gone is told of here, not by what it refuses next
        check(&self.failure)
    }

    /// Whether this belongs to that device.
    pub fn is_of(&self, gpu: &Gpu) -> bool {
        Arc::ptr_eq(&self.failure, &gpu.failure)
    }
}

impl Gpu {
    /// Asks for the fastest adapter and opens it with the largest buffers that it allows.
    pub async fn new() -> Result<Gpu> {
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
                    max_buffer_size: offered.max_buffer_size,
                    max_storage_buffer_binding_size: offered.max_storage_buffer_binding_size,
                    ..wgpu::Limits::defaults()
                },
                ..Default::default()
            })
            .await
            .map_err(|e| Error::NoDevice { detail: e.to_string() })?;

        let failure = Arc::new(Mutex::new(None));
        let keep = failure.clone();
        device.set_device_lost_callback(move |_, detail| record(&keep, Error::DeviceLost { detail }));
        let keep = failure.clone();
        device.on_uncaptured_error(Arc::new(move |e| record(&keep, Error::Gpu { detail: in_brief(&e.to_string()) })));

        let found = adapter.get_info();
        let name = if found.name.is_empty() { found.driver.clone() } else { found.name.clone() };
        let software = found.device_type == wgpu::DeviceType::Cpu
            || ["swiftshader", "llvmpipe", "basic render"].iter().any(|s| name.to_lowercase().contains(s));
        let info = AdapterInfo { name, backend: format!("{:?}", found.backend), software };
        let (pipelines, staging, timed) = Default::default();
        Ok(Gpu { device, queue, info, pipelines, staging, timed, failure })
    }

    /// What this runs on.
    pub fn info(&self) -> &AdapterInfo {
        &self.info
    }

    /// The largest buffer that a shader may be bound to, in bytes.
    pub fn largest_buffer(&self) -> u64 {
        let limits = self.device.limits();
        limits.max_storage_buffer_binding_size.min(limits.max_buffer_size)
    }

    /// Takes the device away, as a driver reset would: for tests of how that is survived.
    pub fn destroy(&self) {
        self.device.destroy();
    }

    /// A tensor of zeros.
    pub fn tensor(&self, height: usize, width: usize, channels: usize) -> Tensor {
        self.tensor_with_border(height, width, channels, 0)
    }

    /// A tensor of zeros with `border` more columns of zeros on either side, for the photo that a wide convolution reads.
    pub fn tensor_with_border(&self, height: usize, width: usize, channels: usize, border: usize) -> Tensor {
        let size =
            tensor_bytes(height, width + 2 * border, channels) + tensor_bytes(0, 0, channels) * 2 * border as u64;
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::COPY_SRC;
        let buffer =
            self.device.create_buffer(&wgpu::BufferDescriptor { label: None, size, usage, mapped_at_creation: false });
        Tensor { buffer, height, width, channels, border }
    }

    /// Fills a tensor from planes [channels, height, width].
    pub fn write(&self, tensor: &Tensor, planes: &[f32]) {
        assert_eq!(planes.len(), tensor.channels * tensor.positions(), "planes of {tensor:?}");
        let padded = tensor.c4() * 4;
        let mut packed = vec![0.0; tensor.height * tensor.row() * padded];
        for (c, plane) in planes.chunks_exact(tensor.positions().max(1)).enumerate() {
            for (y, row) in plane.chunks_exact(tensor.width.max(1)).enumerate() {
                let first = y * tensor.row() + tensor.border;
                for (x, &value) in row.iter().enumerate() {
                    packed[(first + x) * padded + c] = value;
                }
            }
        }
        self.queue.write_buffer(&tensor.buffer, 0, bytemuck::cast_slice(&packed));
    }

    /// Queues a copy of `from`, whole, as row `row` of `to`, whose rows are as long as `from` is.
    pub fn copy(&self, to: &Tensor, row: usize, from: &Tensor) {
        let bytes = (from.height * from.row() * from.c4() * 16) as u64;
        assert!(to.c4() == from.c4() && (row as u64 + 1) * bytes <= to.bytes());
        let mut encoder = self.device.create_command_encoder(&Default::default());
        encoder.copy_buffer_to_buffer(&from.buffer, 0, &to.buffer, row as u64 * bytes, bytes);
        self.queue.submit([encoder.finish()]);
    }

    /// For weights that arrive while this is in use.
    pub fn uploader(&self) -> Uploader {
        Uploader { device: self.device.clone(), queue: self.queue.clone(), failure: self.failure.clone() }
    }

    /// Numbers that stay as they are.
    pub fn constant<T: Pod>(&self, values: &[T]) -> Constant {
        let contents = bytemuck::cast_slice(values);
        let usage = wgpu::BufferUsages::STORAGE;
        Constant {
            buffer: self.device.create_buffer_init(&wgpu::util::BufferInitDescriptor { label: None, contents, usage }),
        }
    }

    /// Room for `bytes` bytes that shaders write and read.
    pub fn scratch(&self, bytes: u64) -> Constant {
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC;
        let size = bytes.max(16);
        Constant {
            buffer: self.device.create_buffer(&wgpu::BufferDescriptor {
                label: None,
                size,
                usage,
                mapped_at_creation: false,
            }),
        }
    }

    /// Compiles a shader ahead of its first use.
    pub fn compile(&self, shader: Shader) -> wgpu::ComputePipeline {
        let mut pipelines = self.pipelines.borrow_mut();
        let create = || {
            let source = wgpu::ShaderSource::Wgsl(shader::expand(&shader).into());
            let module =
                self.device.create_shader_module(wgpu::ShaderModuleDescriptor { label: Some(shader.name), source });
            self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: Some(shader.name),
                layout: None,
                module: &module,
                entry_point: Some("main"),
                compilation_options: Default::default(),
                cache: None,
            })
        };
        pipelines.entry(shader.clone()).or_insert_with(create).clone()
    }

    /// Records one dispatch. Bindings in the shader's order: output, inputs; then `params` as its uniform.
    pub fn step<P: Pod>(&self, shader: Shader, bindings: &[&wgpu::Buffer], params: P, workgroups: [u32; 3]) -> Step {
        let name = shader.name;
        let pipeline = self.compile(shader);
        let uniform = self.device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
            label: None,
            contents: bytemuck::bytes_of(&params),
            usage: wgpu::BufferUsages::UNIFORM,
        });
        let entries: Vec<_> = bindings
            .iter()
            .copied()
            .chain([&uniform])
            .zip(0..)
            .map(|(buffer, binding)| wgpu::BindGroupEntry { binding, resource: buffer.as_entire_binding() })
            .collect();
        let bind_group = self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some(name),
            layout: &pipeline.get_bind_group_layout(0),
            entries: &entries,
        });
        Step { pipeline, bind_group, workgroups, name, layer: String::new() }
    }

    /// Queues steps, in order, as one compute pass; with timings on, as one each, since browsers allow time stamps at the
    /// bounds of passes only.
    pub fn run<'a>(&self, steps: impl IntoIterator<Item = &'a Step>) {
        let mut encoder = self.device.create_command_encoder(&Default::default());
        if let Some(timed) = self.timed.borrow_mut().as_mut() {
            // The most time stamps that WebGPU allows in a query set are 4096.
            const MOST: usize = 4096 / 2;
            let steps: Vec<&Step> = steps.into_iter().collect();
            timed.extend(steps.chunks(MOST).map(|steps| self.encode_timed(&mut encoder, steps)));
        } else {
            let mut pass = encoder.begin_compute_pass(&Default::default());
            steps.into_iter().for_each(|step| step.encode(&mut pass));
        }
        self.queue.submit([encoder.finish()]);
    }

    fn encode_timed(&self, encoder: &mut wgpu::CommandEncoder, steps: &[&Step]) -> Timed {
        let count = 2 * steps.len() as u32;
        let query_set = self.device.create_query_set(&wgpu::QuerySetDescriptor {
            label: None,
            ty: wgpu::QueryType::Timestamp,
            count,
        });
        for (step, begin) in steps.iter().zip((0..).step_by(2)) {
            let timestamp_writes = Some(wgpu::ComputePassTimestampWrites {
                query_set: &query_set,
                beginning_of_pass_write_index: Some(begin),
                end_of_pass_write_index: Some(begin + 1),
            });
            let mut pass =
                encoder.begin_compute_pass(&wgpu::ComputePassDescriptor { label: Some(step.name), timestamp_writes });
            step.encode(&mut pass);
        }
        let stamps = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: count as u64 * 8,
            usage: wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC,
            mapped_at_creation: false,
        });
        encoder.resolve_query_set(&query_set, 0..count, &stamps, 0);
        Timed { steps: steps.iter().map(|step| (step.name, step.layer.clone())).collect(), stamps }
    }

    /// Whether the adapter has time stamps.
    pub fn timings_available(&self) -> bool {
        self.device.features().contains(wgpu::Features::TIMESTAMP_QUERY)
    }

    /// Times every step from now on, where the adapter can.
    pub fn set_timings(&self, on: bool) {
        self.timed.replace((on && self.timings_available()).then(Vec::new));
    }

    /// Leaves out of [`timings`](Gpu::timings) what ran until now.
    pub fn forget_timings(&self) {
        self.timed.borrow_mut().iter_mut().for_each(Vec::clear);
    }

    /// Waits for what was queued: the steps that ran since timings were turned on or forgotten, in order.
    pub async fn timings(&self) -> Result<Vec<StepTiming>> {
        let nanoseconds = self.queue.get_timestamp_period() as f64;
        let runs = self.timed.borrow().clone().unwrap_or_default();
        let mut timings = Vec::new();
        for Timed { steps, stamps } in runs {
            let stamps: Vec<[u64; 2]> = self.read_buffer(&stamps, steps.len()).await?;
            timings.extend(steps.into_iter().zip(stamps).map(|((name, layer), [begin, end])| {
                // Stamps may run backwards where a driver resets its clock.
                let microseconds = end.saturating_sub(begin) as f64 * nanoseconds / 1e3;
                StepTiming { name, layer, microseconds }
            }));
        }
        Ok(timings)
    }

    /// Waits for what was queued and copies a tensor back: planes [channels, height, width].
    pub async fn read(&self, tensor: &Tensor) -> Result<Vec<f32>> {
        let Tensor { height, width, channels, border, .. } = *tensor;
        let (row, padded) = (tensor.row() * tensor.c4() * 4, tensor.c4() * 4);
        let packed = self.read_buffer::<f32>(&tensor.buffer, height * row).await?;
        let mut planes = Vec::with_capacity(channels * height * width);
        for c in 0..channels {
            for y in 0..height {
                let first = y * row + border * padded + c;
                planes.extend(packed[first..].iter().step_by(padded).take(width));
            }
        }
        Ok(planes)
    }

    /// Waits for what was queued and copies the first `count` numbers of a buffer back.
    async fn read_buffer<T: Pod>(&self, buffer: &wgpu::Buffer, count: usize) -> Result<Vec<T>> {
        let size = (count * size_of::<T>()) as u64;
        // Taken out while in use: a second read of the same size meanwhile makes its own.
        let reused = self.staging.borrow_mut().remove(&size);
        let staging = reused.unwrap_or_else(|| {
            let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
            self.device.create_buffer(&wgpu::BufferDescriptor { label: None, size, usage, mapped_at_creation: false })
        });
        let mut encoder = self.device.create_command_encoder(&Default::default());
        encoder.copy_buffer_to_buffer(buffer, 0, &staging, 0, size);
        self.queue.submit([encoder.finish()]);

        let (sender, receiver) = futures_channel::oneshot::channel();
        staging.map_async(wgpu::MapMode::Read, .., move |result| {
            sender.send(result).ok(); // nobody waits any more: nothing to tell
        });
        #[cfg(not(target_arch = "wasm32"))]
        if let Err(e) = self.device.poll(wgpu::PollType::wait_indefinitely()) {
            record(&self.failure, Error::DeviceLost { detail: e.to_string() });
        }
        let mapped = receiver.await;
        self.check()?;
        let lost = |detail: String| Error::DeviceLost { detail };
        mapped.map_err(|e| lost(e.to_string()))?.map_err(|e| lost(e.to_string()))?;
        let values = {
            let view = staging.get_mapped_range(..).map_err(|e| Error::Gpu { detail: e.to_string() })?;
            bytemuck::pod_collect_to_vec(&view[..])
        };
        staging.unmap();
        self.staging.borrow_mut().insert(size, staging);
        Ok(values)
    }

    /// The first failure since the device was opened, if any; it stays.
    pub fn check(&self) -> Result<()> {
        check(&self.failure)
    }
}

fn check(failure: &Mutex<Option<Error>>) -> Result<()> {
    failure.lock().unwrap_or_else(|e| e.into_inner()).clone().map_or(Ok(()), Err)
}

/// Bytes of a tensor of this shape, its position of zeros included.
pub fn tensor_bytes(height: usize, width: usize, channels: usize) -> u64 {
    ((height * width + 1) * channels.div_ceil(4) * 16) as u64
}

/// A dispatch of `count` workgroups as x and y, since one dimension holds 65,535 at most.
pub(crate) fn grid(count: usize) -> [u32; 3] {
    const MOST: usize = 65_535;
    let rows = count.div_ceil(MOST).max(1);
    [count.div_ceil(rows).max(1) as u32, rows as u32, 1]
}

fn record(failure: &Mutex<Option<Error>>, error: Error) {
    failure.lock().unwrap_or_else(|e| e.into_inner()).get_or_insert(error);
}

/// A driver's message on one line, and not a page of it.
fn in_brief(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(300).collect()
}
