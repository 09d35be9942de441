//! Dispatches: recorded once, replayed for each photo.

use wgpu::util::DeviceExt;

use super::timestamps::Timed;
use super::{Buffer, Gpu};
use crate::cpu;
use crate::operation::Operation;
use crate::shader::Shader;

/// One dispatch: a compiled shader, what it is bound to, and how many workgroups; on the processor
/// an operation and its memory.
#[derive(Clone, Debug)]
pub struct Dispatch {
    work: Work,
    /// The shader's name, for timings.
    pub name: &'static str,
    /// The network's layer, for timings; empty where the name says it.
    pub layer: String,
}

#[derive(Clone, Debug)]
enum Work {
    Gpu { pipeline: wgpu::ComputePipeline, bind_group: wgpu::BindGroup, workgroups: [u32; 3] },
    Cpu { operation: Operation, memory: Vec<cpu::Memory> },
}

impl Dispatch {
    pub(super) fn encode(&self, pass: &mut wgpu::ComputePass) {
        let Work::Gpu { pipeline, bind_group, workgroups: [x, y, z] } = &self.work else {
            unreachable!("a dispatch of the CPU on a GPU");
        };
        pass.set_pipeline(pipeline);
        pass.set_bind_group(0, bind_group, &[]);
        pass.dispatch_workgroups(*x, *y, *z);
    }

    pub(super) fn compute(&self) {
        let Work::Cpu { operation, memory } = &self.work else {
            unreachable!("a dispatch of a GPU on the CPU")
        };
        cpu::run(operation, memory);
    }
}

impl Gpu {
    /// Records one dispatch. Bindings in the shader's order: output, inputs; the operation's
    /// parameters are its uniform.
    pub(crate) fn dispatch(
        &self,
        shader: Shader,
        operation: Operation,
        bindings: &[&Buffer],
        workgroups: [u32; 3],
    ) -> Dispatch {
        let name = shader.name;
        let Some(driver) = &self.driver else {
            let memory = bindings.iter().map(|buffer| buffer.on_cpu().clone()).collect();
            return Dispatch { work: Work::Cpu { operation, memory }, name, layer: String::new() };
        };
        let pipeline = driver.compile(shader);
        let mut params = operation.params().to_vec();
        params.resize(params.len().next_multiple_of(16), 0); // some backends round a uniform's size up
        let uniform = driver.device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
            label: None,
            contents: &params,
            usage: wgpu::BufferUsages::UNIFORM,
        });
        let buffers = bindings.iter().map(|buffer| buffer.on_gpu()).chain([&uniform]);
        let entries: Vec<_> = buffers
            .zip(0..)
            .map(|(buffer, binding)| wgpu::BindGroupEntry {
                binding,
                resource: buffer.as_entire_binding(),
            })
            .collect();
        let bind_group = driver.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some(name),
            layout: &pipeline.get_bind_group_layout(0),
            entries: &entries,
        });
        Dispatch {
            work: Work::Gpu { pipeline, bind_group, workgroups },
            name,
            layer: String::new(),
        }
    }

    /// Queues dispatches, in order, as one compute pass; with timings on, as one each, since
    /// browsers allow time stamps at the bounds of passes only. The processor computes them at the
    /// next read back.
    pub fn run<'a>(&self, dispatches: impl IntoIterator<Item = &'a Dispatch>) {
        self.submit(&dispatches.into_iter().collect::<Vec<_>>());
    }

    /// Not generic, so that it is compiled once.
    fn submit(&self, dispatches: &[&Dispatch]) {
        let Some(driver) = &self.driver else {
            return self.queued.borrow_mut().extend(dispatches.iter().copied().cloned());
        };
        let mut encoder = driver.device.create_command_encoder(&Default::default());
        if let Some(timed) = driver.timed.borrow_mut().as_mut() {
            timed.extend(
                dispatches
                    .chunks(Timed::MOST)
                    .map(|chunk| Timed::encode(driver, &mut encoder, chunk)),
            );
        } else {
            let mut pass = encoder.begin_compute_pass(&Default::default());
            dispatches.iter().for_each(|dispatch| dispatch.encode(&mut pass));
        }
        driver.queue.submit([encoder.finish()]);
    }
}

/// A dispatch of `count` workgroups as x and y, since one dimension holds 65,535 at most.
pub(crate) fn grid(count: usize) -> [u32; 3] {
    const MOST: usize = 65_535;
    let rows = count.div_ceil(MOST).max(1);
    [count.div_ceil(rows).max(1) as u32, rows as u32, 1]
}
