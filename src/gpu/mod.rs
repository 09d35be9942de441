//! The GPU: a device, its shaders, tensors on it, and recorded steps that run in one go.
//!
//! Where there is no GPU, the [CPU](crate::cpu) takes its place: steps are then queued here and computed at the next read back.
//!
//! The only room that names `wgpu`. It knows neither networks nor photos. To add an operation: a shader in `shaders/`, a
//! constant here, a function in [`ops`](crate::ops), a twin in [`reference`](crate::reference), a row in `tests/kernels.rs`.
//!
//! Every failure that `wgpu` reports late (validation, memory, a lost device) is kept and surfaces as an [`Error`] at the next
//! read back, which every result passes through.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytemuck::Pod;
use web_time::Instant;
use wgpu::util::DeviceExt;

use crate::cpu;
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

/// What runs recorded steps: a GPU, or in its place the CPU.
pub struct Gpu {
    info: AdapterInfo,
    /// None: the CPU does it.
    driver: Option<Driver>,
    /// What the CPU has yet to do.
    queued: RefCell<Vec<Step>>,
    failure: Arc<Mutex<Option<Error>>>,
}

/// A device, its queue, and what was compiled for it.
struct Driver {
    device: wgpu::Device,
    queue: wgpu::Queue,
    pipelines: RefCell<HashMap<Shader, wgpu::ComputePipeline>>,
    staging: RefCell<HashMap<u64, wgpu::Buffer>>,
    /// What ran since timings were turned on or last forgotten; None while they are off.
    timed: RefCell<Option<Vec<Timed>>>,
}

/// Memory where the steps run.
#[derive(Clone, Debug)]
pub(crate) enum Buffer {
    Gpu(wgpu::Buffer),
    Cpu(cpu::Memory),
}

/// An image of `channels` planes on the GPU, f32.
///
/// Stored as [height, width, channels], channels padded with zeros to whole vec4, then one more position of zeros: what a
/// convolution's tap outside the image reads. Shaders write positions only, so those zeros stay. A tensor with a border has
/// that many positions of zeros left and right of each row, too.
#[derive(Clone, Debug)]
pub struct Tensor {
    pub(crate) buffer: Buffer,
    pub height: usize,
    pub width: usize,
    pub channels: usize,
    pub border: usize,
}

/// Constant numbers on the GPU: weights, scales.
#[derive(Clone, Debug)]
pub struct Constant {
    pub(crate) buffer: Buffer,
}

/// Fills constants, also while the [`Gpu`] that it came from is in use elsewhere.
#[derive(Clone)]
pub struct Uploader {
    /// None: on the CPU.
    driver: Option<(wgpu::Device, wgpu::Queue)>,
    failure: Arc<Mutex<Option<Error>>>,
}

/// One dispatch: a compiled shader, what it is bound to, and how many workgroups.
#[derive(Clone, Debug)]
pub struct Step {
    work: Work,
    /// The shader's name, for timings.
    pub name: &'static str,
    /// The network's layer, for timings; empty where the name says it.
    pub layer: String,
}

#[derive(Clone, Debug)]
enum Work {
    Gpu { pipeline: wgpu::ComputePipeline, bind_group: wgpu::BindGroup, workgroups: [u32; 3] },
    Cpu { shader: Shader, memory: Vec<cpu::Memory>, params: Vec<u32> },
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

impl Buffer {
    fn size(&self) -> u64 {
        match self {
            Buffer::Gpu(buffer) => buffer.size(),
            Buffer::Cpu(memory) => memory.bytes(),
        }
    }
    fn destroy(&self) {
        match self {
            Buffer::Gpu(buffer) => buffer.destroy(),
            Buffer::Cpu(memory) => memory.free(),
        }
    }
    /// The device's own; a buffer never meets another [`Gpu`] than the one that made it.
    fn on_gpu(&self) -> &wgpu::Buffer {
        match self {
            Buffer::Gpu(buffer) => buffer,
            Buffer::Cpu(_) => unreachable!("memory of the CPU on a GPU"),
        }
    }
    fn on_cpu(&self) -> &cpu::Memory {
        match self {
            Buffer::Cpu(memory) => memory,
            Buffer::Gpu(_) => unreachable!("a GPU's buffer on the CPU"),
        }
    }
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
        let Work::Gpu { pipeline, bind_group, workgroups: [x, y, z] } = &self.work else {
            unreachable!("a step of the CPU on a GPU");
        };
        pass.set_pipeline(pipeline);
        pass.set_bind_group(0, bind_group, &[]);
        pass.dispatch_workgroups(*x, *y, *z);
    }

    fn compute(&self) {
        let Work::Cpu { shader, memory, params } = &self.work else { unreachable!("a step of a GPU on the CPU") };
        cpu::run(shader, memory, params);
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
        let device = self.driver.as_ref().map(|(device, _)| device);
        Constant { buffer: create_buffer(device, bytes.max(16) as u64, usage) }
    }

    /// Whether the processor does the work.
    pub fn is_cpu(&self) -> bool {
        self.driver.is_none()
    }

    /// The largest constant that a shader may be bound to, in bytes.
    pub fn largest_buffer(&self) -> u64 {
        largest_buffer(self.driver.as_ref().map(|(device, _)| device))
    }

    /// Copies `bytes` to `offset` of a constant; both are multiples of 4.
    pub fn write(&self, constant: &Constant, offset: usize, bytes: &[u8]) {
        match &self.driver {
            Some((_, queue)) => queue.write_buffer(constant.buffer.on_gpu(), offset as u64, bytes),
            None => constant.buffer.on_cpu().write(offset, bytes),
        }
    }

    /// Lets the driver have what was written: until then it is held a second time.
    pub fn flush(&self) {
        if let Some((_, queue)) = &self.driver {
            queue.submit([]);
        }
    }

    /// As [`Gpu::check`].
    pub fn check(&self) -> Result<()> {
        #[cfg(not(target_arch = "wasm32"))]
        if let Some((device, _)) = &self.driver {
            let _ = device.poll(wgpu::PollType::Poll); // a device that is gone is told of here, not by what it refuses next
        }
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
        Gpu::with_buffers(None).await
    }

    /// The same with buffers of at most `largest` bytes, as a smaller adapter has them; of what the adapter allows where `None`.
    pub async fn with_buffers(largest: Option<u64>) -> Result<Gpu> {
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
                    max_storage_buffer_binding_size: largest.unwrap_or(offered.max_storage_buffer_binding_size),
                    ..wgpu::Limits::defaults()
                },
                ..Default::default()
            })
            .await
            .map_err(|e| Error::NoDevice { detail: e.to_string() })?;

        let failure = Arc::new(Mutex::new(None));
        let keep = failure.clone();
        device.set_device_lost_callback(move |_, detail| {
            let detail = if detail.is_empty() { "no reason was given".into() } else { in_brief(&detail) };
            record(&keep, Error::DeviceLost { detail });
        });
        let keep = failure.clone();
        device.on_uncaptured_error(Arc::new(move |e| record(&keep, reported(e))));

        let found = adapter.get_info();
        let name = if found.name.is_empty() { found.driver.clone() } else { found.name.clone() };
        let software = found.device_type == wgpu::DeviceType::Cpu
            || ["swiftshader", "llvmpipe", "basic render"].iter().any(|s| name.to_ascii_lowercase().contains(s));
        let info = AdapterInfo { name, backend: format!("{:?}", found.backend), software };
        let (pipelines, staging, timed) = Default::default();
        let driver = Some(Driver { device, queue, pipelines, staging, timed });
        Ok(Gpu { info, driver, queued: RefCell::default(), failure })
    }

    /// The CPU in the place of a GPU: the same results, slower.
    pub fn cpu() -> Gpu {
        let info = AdapterInfo { name: "CPU".into(), backend: "Cpu".into(), software: true };
        Gpu { info, driver: None, queued: RefCell::default(), failure: Arc::default() }
    }

    /// Whether the CPU does the work.
    pub fn is_cpu(&self) -> bool {
        self.driver.is_none()
    }

    /// What this runs on.
    pub fn info(&self) -> &AdapterInfo {
        &self.info
    }

    /// The largest buffer that a shader may be bound to, in bytes.
    pub fn largest_buffer(&self) -> u64 {
        largest_buffer(self.driver.as_ref().map(|driver| &driver.device))
    }

    /// Takes the device away, as a driver reset would: for tests of how that is survived.
    pub fn destroy(&self) {
        match &self.driver {
            Some(driver) => driver.device.destroy(),
            None => record(&self.failure, Error::DeviceLost { detail: "given up".into() }),
        }
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
        Tensor { buffer: self.buffer(size, usage), height, width, channels, border }
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
        match &self.driver {
            Some(driver) => driver.queue.write_buffer(tensor.buffer.on_gpu(), 0, bytemuck::cast_slice(&packed)),
            None => {
                self.compute_queued();
                tensor.buffer.on_cpu().write(0, bytemuck::cast_slice(&packed));
            }
        }
    }

    /// Queues a copy of `from`, whole, as row `row` of `to`, whose rows are as long as `from` is.
    pub fn copy(&self, to: &Tensor, row: usize, from: &Tensor) {
        let bytes = (from.height * from.row() * from.c4() * 16) as u64;
        assert!(to.c4() == from.c4() && (row as u64 + 1) * bytes <= to.bytes());
        let offset = row as u64 * bytes;
        let Some(Driver { device, queue, .. }) = &self.driver else {
            self.compute_queued();
            return to.buffer.on_cpu().copy(offset as usize, from.buffer.on_cpu(), bytes as usize);
        };
        let mut encoder = device.create_command_encoder(&Default::default());
        encoder.copy_buffer_to_buffer(from.buffer.on_gpu(), 0, to.buffer.on_gpu(), offset, bytes);
        queue.submit([encoder.finish()]);
    }

    /// For weights that arrive while this is in use.
    pub fn uploader(&self) -> Uploader {
        let handles = |driver: &Driver| (driver.device.clone(), driver.queue.clone());
        Uploader { driver: self.driver.as_ref().map(handles), failure: self.failure.clone() }
    }

    /// Numbers that stay as they are.
    pub fn constant<T: Pod>(&self, values: &[T]) -> Constant {
        let contents = bytemuck::cast_slice(values);
        let usage = wgpu::BufferUsages::STORAGE;
        let buffer = match &self.driver {
            Some(Driver { device, .. }) => Buffer::Gpu(device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
                label: None,
                contents,
                usage,
            })),
            None => {
                let memory = cpu::Memory::new(contents.len() as u64);
                memory.write(0, contents);
                Buffer::Cpu(memory)
            }
        };
        Constant { buffer }
    }

    /// Room for `bytes` bytes that shaders write and read.
    pub fn scratch(&self, bytes: u64) -> Constant {
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC;
        Constant { buffer: self.buffer(bytes.max(16), usage) }
    }

    fn buffer(&self, size: u64, usage: wgpu::BufferUsages) -> Buffer {
        create_buffer(self.driver.as_ref().map(|driver| &driver.device), size, usage)
    }

    /// Records one dispatch. Bindings in the shader's order: output, inputs; then `params` as its uniform.
    pub(crate) fn step<P: Pod>(&self, shader: Shader, bindings: &[&Buffer], params: P, workgroups: [u32; 3]) -> Step {
        let name = shader.name;
        let Some(driver) = &self.driver else {
            let memory = bindings.iter().map(|buffer| buffer.on_cpu().clone()).collect();
            let params = bytemuck::pod_collect_to_vec(bytemuck::bytes_of(&params));
            return Step { work: Work::Cpu { shader, memory, params }, name, layer: String::new() };
        };
        let pipeline = driver.compile(shader);
        let uniform = driver.device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
            label: None,
            contents: bytemuck::bytes_of(&params),
            usage: wgpu::BufferUsages::UNIFORM,
        });
        let entries: Vec<_> = bindings
            .iter()
            .map(|buffer| buffer.on_gpu())
            .chain([&uniform])
            .zip(0..)
            .map(|(buffer, binding)| wgpu::BindGroupEntry { binding, resource: buffer.as_entire_binding() })
            .collect();
        let bind_group = driver.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some(name),
            layout: &pipeline.get_bind_group_layout(0),
            entries: &entries,
        });
        Step { work: Work::Gpu { pipeline, bind_group, workgroups }, name, layer: String::new() }
    }

    /// Queues steps, in order, as one compute pass; with timings on, as one each, since browsers allow time stamps at the
    /// bounds of passes only.
    pub fn run<'a>(&self, steps: impl IntoIterator<Item = &'a Step>) {
        self.submit(&steps.into_iter().collect::<Vec<_>>());
    }

    /// Not for any iterator, so that it is compiled once.
    fn submit(&self, steps: &[&Step]) {
        let Some(driver) = &self.driver else { return self.queued.borrow_mut().extend(steps.iter().copied().cloned()) };
        let mut encoder = driver.device.create_command_encoder(&Default::default());
        if let Some(timed) = driver.timed.borrow_mut().as_mut() {
            // The most time stamps that WebGPU allows in a query set are 4096.
            const MOST: usize = 4096 / 2;
            timed.extend(steps.chunks(MOST).map(|steps| Timed {
                steps: steps.iter().map(|step| (step.name, step.layer.clone())).collect(),
                stamps:
                    driver.encode_stamped(&mut encoder, &steps.iter().map(std::slice::from_ref).collect::<Vec<_>>()),
            }));
        } else {
            let mut pass = encoder.begin_compute_pass(&Default::default());
            steps.iter().for_each(|step| step.encode(&mut pass));
        }
        driver.queue.submit([encoder.finish()]);
    }

    /// Does what the CPU has yet to do, in one go.
    fn compute_queued(&self) {
        self.queued.take().iter().for_each(Step::compute);
    }

    /// The same, letting others have their turn now and then: a page stays alive meanwhile.
    async fn compute_politely(&self) {
        let mut since = Instant::now();
        for step in self.queued.take() {
            step.compute();
            if since.elapsed() > Duration::from_millis(40) {
                breathe().await;
                since = Instant::now();
            }
        }
    }

    /// Runs steps in one go and waits: seconds by the adapter's own clock; None where it has none, or one that stands still.
    pub async fn seconds(&self, steps: &[&Step]) -> Result<Option<f64>> {
        let Some(driver) = self.driver.as_ref().filter(|_| self.timings_available()) else { return Ok(None) };
        let mut encoder = driver.device.create_command_encoder(&Default::default());
        let stamps = driver.encode_stamped(&mut encoder, &[steps]);
        driver.queue.submit([encoder.finish()]);
        let seconds = driver.read_stamps(&stamps, 1, &self.failure).await?;
        Ok(seconds.into_iter().next().filter(|&seconds| seconds > 0.0))
    }

    /// Whether the adapter has time stamps.
    pub fn timings_available(&self) -> bool {
        let has = |driver: &Driver| driver.device.features().contains(wgpu::Features::TIMESTAMP_QUERY);
        self.driver.as_ref().is_some_and(has)
    }

    /// Times every step from now on, where the adapter can.
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

    /// Waits for what was queued: the steps that ran since timings were turned on or forgotten, in order.
    pub async fn timings(&self) -> Result<Vec<StepTiming>> {
        let Some(driver) = &self.driver else { return Ok(Vec::new()) };
        let runs = driver.timed.borrow().clone().unwrap_or_default();
        let mut timings = Vec::new();
        for Timed { steps, stamps } in runs {
            let seconds = driver.read_stamps(&stamps, steps.len(), &self.failure).await?;
            timings.extend(steps.into_iter().zip(seconds).map(|((name, layer), seconds)| StepTiming {
                name,
                layer,
                microseconds: 1e6 * seconds,
            }));
        }
        Ok(timings)
    }

    /// Waits for what was queued and copies a tensor back: planes [channels, height, width].
    pub async fn read(&self, tensor: &Tensor) -> Result<Vec<f32>> {
        let Tensor { height, width, channels, border, .. } = *tensor;
        let (row, padded) = (tensor.row() * tensor.c4() * 4, tensor.c4() * 4);
        let packed = match &self.driver {
            Some(driver) => driver.read::<f32>(tensor.buffer.on_gpu(), height * row, &self.failure).await?,
            None => {
                self.compute_politely().await;
                self.check()?;
                tensor.buffer.on_cpu().read(height * row)
            }
        };
        let mut planes = Vec::with_capacity(channels * height * width);
        for c in 0..channels {
            for y in 0..height {
                let first = y * row + border * padded + c;
                planes.extend(packed[first..].iter().step_by(padded).take(width));
            }
        }
        Ok(planes)
    }

    /// The first failure since the device was opened, if any; it stays.
    pub fn check(&self) -> Result<()> {
        check(&self.failure)
    }
}

impl Driver {
    fn compile(&self, shader: Shader) -> wgpu::ComputePipeline {
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

    /// One pass for each of `passes`, with time stamps around it: [passes, 2], u64.
    fn encode_stamped(&self, encoder: &mut wgpu::CommandEncoder, passes: &[&[&Step]]) -> wgpu::Buffer {
        let count = 2 * passes.len() as u32;
        let query_set = self.device.create_query_set(&wgpu::QuerySetDescriptor {
            label: None,
            ty: wgpu::QueryType::Timestamp,
            count,
        });
        for (steps, begin) in passes.iter().zip((0..).step_by(2)) {
            let timestamp_writes = Some(wgpu::ComputePassTimestampWrites {
                query_set: &query_set,
                beginning_of_pass_write_index: Some(begin),
                end_of_pass_write_index: Some(begin + 1),
            });
            let label = steps.first().map(|step| step.name);
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor { label, timestamp_writes });
            steps.iter().for_each(|step| step.encode(&mut pass));
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

    /// Waits for them: seconds from begin to end, for each pass. Stamps may run backwards where a driver resets its clock.
    async fn read_stamps(
        &self,
        stamps: &wgpu::Buffer,
        passes: usize,
        failure: &Mutex<Option<Error>>,
    ) -> Result<Vec<f64>> {
        let period = 1e-9 * self.queue.get_timestamp_period() as f64;
        let stamps: Vec<[u64; 2]> = self.read(stamps, passes, failure).await?;
        Ok(stamps.into_iter().map(|[begin, end]| end.saturating_sub(begin) as f64 * period).collect())
    }

    /// Waits for what was queued and copies the first `count` numbers of a buffer back.
    async fn read<T: Pod>(
        &self,
        buffer: &wgpu::Buffer,
        count: usize,
        failure: &Mutex<Option<Error>>,
    ) -> Result<Vec<T>> {
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
            record(failure, Error::DeviceLost { detail: e.to_string() });
        }
        #[cfg(target_arch = "wasm32")]
        let asking = keep_asking(&self.queue);
        let mapped = receiver.await;
        #[cfg(target_arch = "wasm32")]
        drop(asking);
        check(failure)?;
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
}

fn largest_buffer(device: Option<&wgpu::Device>) -> u64 {
    const ON_CPU: u64 = 1 << 30; // of the 4 GB that WebAssembly can address
    device.map_or(ON_CPU, |device| {
        let limits = device.limits();
        limits.max_storage_buffer_binding_size.min(limits.max_buffer_size)
    })
}

fn create_buffer(device: Option<&wgpu::Device>, size: u64, usage: wgpu::BufferUsages) -> Buffer {
    match device {
        Some(device) => Buffer::Gpu(device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size,
            usage,
            mapped_at_creation: false,
        })),
        None => Buffer::Cpu(cpu::Memory::new(size)),
    }
}

/// Until what it returns is dropped, asks the browser every few milliseconds whether what was submitted is done. Firefox looks by itself
/// every 100 ms only, but also whenever something is submitted, if it is nothing.
#[cfg(target_arch = "wasm32")]
fn keep_asking(queue: &wgpu::Queue) -> std::rc::Rc<()> {
    let asked = std::rc::Rc::new(());
    let (asking, queue) = (std::rc::Rc::downgrade(&asked), queue.clone());
    wasm_bindgen_futures::spawn_local(async move {
        loop {
            pause(4).await;
            if asking.strong_count() == 0 {
                break;
            }
            queue.submit([]);
        }
    });
    asked
}

/// Some milliseconds later.
#[cfg(target_arch = "wasm32")]
async fn pause(milliseconds: i32) {
    let after = |resolve: js_sys::Function, _| {
        web_sys::window()
            .map(|window| window.set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, milliseconds));
    };
    let _ = wasm_bindgen_futures::JsFuture::from(js_sys::Promise::new(&mut { after })).await;
}

/// Lets the browser paint and answer clicks. By way of a message: timers that start one another wait 4 ms at least.
#[cfg(target_arch = "wasm32")]
async fn breathe() {
    if let Ok(channel) = web_sys::MessageChannel::new() {
        let after = |resolve: js_sys::Function, _| {
            channel.port1().set_onmessage(Some(&resolve));
            let _ = channel.port2().post_message(&wasm_bindgen::JsValue::NULL); // null can be sent
        };
        let _ = wasm_bindgen_futures::JsFuture::from(js_sys::Promise::new(&mut { after })).await;
        channel.port1().close();
    }
}

#[cfg(not(target_arch = "wasm32"))]
async fn breathe() {}

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

/// What `wgpu` reports late, in this program's words.
fn reported(error: wgpu::Error) -> Error {
    let detail = in_brief(&error.to_string());
    match error {
        wgpu::Error::OutOfMemory { .. } => Error::GpuMemory { detail },
        _ => Error::Gpu { detail },
    }
}

/// A driver's message on one line, and not a page of it.
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
        let internal = reported(wgpu::Error::Internal { source: "a bug".into(), description: "a bug".into() });
        assert!(matches!(internal, Error::Gpu { .. }), "{internal}");
    }
}
