//! Buffers: memory where dispatches run, on the device or, where the processor computes, in
//! ordinary memory.

use bytemuck::Pod;
use wgpu::util::DeviceExt;

use super::Gpu;
use super::device::{Driver, Failure};
use crate::cpu;
use crate::error::Result;

/// Numbers where dispatches run: weights, scales, scratch.
#[derive(Clone, Debug)]
pub struct Buffer(Storage);

#[derive(Clone, Debug)]
enum Storage {
    Gpu(wgpu::Buffer),
    Cpu(cpu::Memory),
}

/// Fills buffers, also while the [`Gpu`] that it came from is in use elsewhere.
#[derive(Clone)]
pub struct Uploader {
    /// None: on the CPU.
    driver: Option<(wgpu::Device, wgpu::Queue)>,
    failure: Failure,
}

impl Buffer {
    /// Zeros; on the CPU where there is no device.
    pub(super) fn new(
        device: Option<&wgpu::Device>,
        size: u64,
        usage: wgpu::BufferUsages,
    ) -> Buffer {
        Buffer(match device {
            Some(device) => Storage::Gpu(device.create_buffer(&wgpu::BufferDescriptor {
                label: None,
                size,
                usage,
                mapped_at_creation: false,
            })),
            None => Storage::Cpu(cpu::Memory::new(size)),
        })
    }

    pub fn bytes(&self) -> u64 {
        match &self.0 {
            Storage::Gpu(buffer) => buffer.size(),
            Storage::Cpu(memory) => memory.bytes(),
        }
    }

    /// Gives its memory back now: a browser's garbage collector does not know how much a forgotten
    /// buffer holds.
    pub(crate) fn free(&self) {
        match &self.0 {
            Storage::Gpu(buffer) => buffer.destroy(),
            Storage::Cpu(memory) => memory.free(),
        }
    }

    /// The device's own; a buffer never meets another [`Gpu`] than the one that made it.
    pub(super) fn on_gpu(&self) -> &wgpu::Buffer {
        match &self.0 {
            Storage::Gpu(buffer) => buffer,
            Storage::Cpu(_) => unreachable!("memory of the CPU on a GPU"),
        }
    }

    pub(super) fn on_cpu(&self) -> &cpu::Memory {
        match &self.0 {
            Storage::Cpu(memory) => memory,
            Storage::Gpu(_) => unreachable!("a GPU's buffer on the CPU"),
        }
    }
}

impl Uploader {
    /// Room for `bytes` bytes that shaders read.
    pub fn buffer(&self, bytes: usize) -> Buffer {
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST;
        Buffer::new(self.driver.as_ref().map(|(device, _)| device), bytes.max(16) as u64, usage)
    }

    /// Whether the processor does the work.
    pub fn is_cpu(&self) -> bool {
        self.driver.is_none()
    }

    /// The largest buffer that a shader may be bound to, in bytes.
    pub fn largest_buffer(&self) -> u64 {
        largest_buffer(self.driver.as_ref().map(|(device, _)| device))
    }

    /// Copies `bytes` to `offset` of a buffer; both are multiples of 4.
    pub fn write(&self, buffer: &Buffer, offset: usize, bytes: &[u8]) {
        match &self.driver {
            Some((_, queue)) => queue.write_buffer(buffer.on_gpu(), offset as u64, bytes),
            None => buffer.on_cpu().write(offset, bytes),
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
            let _ = device.poll(wgpu::PollType::Poll); // runs the callback that tells of a lost device
        }
        self.failure.check()
    }

    /// Whether this belongs to that device.
    pub fn is_of(&self, gpu: &Gpu) -> bool {
        self.failure.is(&gpu.failure)
    }
}

impl Gpu {
    /// For weights that arrive while this is in use.
    pub fn uploader(&self) -> Uploader {
        let handles = |driver: &Driver| (driver.device.clone(), driver.queue.clone());
        Uploader { driver: self.driver.as_ref().map(handles), failure: self.failure.clone() }
    }

    /// A buffer of numbers that stay as they are.
    pub fn buffer<T: Pod>(&self, values: &[T]) -> Buffer {
        let contents = bytemuck::cast_slice(values);
        Buffer(match &self.driver {
            Some(Driver { device, .. }) => {
                Storage::Gpu(device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
                    label: None,
                    contents,
                    usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC,
                }))
            }
            None => {
                let memory = cpu::Memory::new(contents.len() as u64);
                memory.write(0, contents);
                Storage::Cpu(memory)
            }
        })
    }

    /// Room for `bytes` bytes that shaders write and read.
    pub fn scratch(&self, bytes: u64) -> Buffer {
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC;
        Buffer::new(self.device(), bytes.max(16), usage)
    }

    /// The largest buffer that a shader may be bound to, in bytes.
    pub fn largest_buffer(&self) -> u64 {
        largest_buffer(self.device())
    }
}

fn largest_buffer(device: Option<&wgpu::Device>) -> u64 {
    const ON_CPU: u64 = 1 << 30; // of the 4 GB that WebAssembly can address
    device.map_or(ON_CPU, |device| {
        let limits = device.limits();
        limits.max_storage_buffer_binding_size.min(limits.max_buffer_size)
    })
}
