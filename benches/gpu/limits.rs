//! What the card can do at most: multiply-adds of f32 a second, and bytes of memory a second. Both
//! are measured, since no API tells them.

use std::time::Instant;

use wgpu::util::DeviceExt;

/// By `multiply_add.wgsl` and `copy.wgsl`.
pub struct Limits {
    pub multiply_adds_per_second: f64,
    pub bytes_per_second: f64,
}

/// Invocations of `multiply_add.wgsl`: enough to fill the largest cards.
const INVOCATIONS: u64 = 1 << 20;
/// Multiply-adds of an invocation in a round of its loop.
const A_ROUND: f64 = 32.0;
/// Rounds of the first try; more where that is over too soon.
const ROUNDS: f64 = 16.0;

pub async fn measure(software: bool) -> Limits {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
    let adapter = instance
        .request_adapter(&wgpu::RequestAdapterOptions {
            power_preference: wgpu::PowerPreference::HighPerformance,
            ..Default::default()
        })
        .await
        .expect("the adapter that the engine found");
    let limits = adapter.limits();
    let (device, queue) = adapter
        .request_device(&wgpu::DeviceDescriptor {
            required_limits: wgpu::Limits {
                max_buffer_size: limits.max_buffer_size,
                max_storage_buffer_binding_size: limits.max_storage_buffer_binding_size,
                ..wgpu::Limits::defaults()
            },
            ..Default::default()
        })
        .await
        .expect("a device of it");
    let card = Card { device, queue };

    let out = card.buffer(16 * INVOCATIONS);
    let multiply_adds = |rounds: f64| {
        // Factors near 1: the sums neither vanish nor overflow.
        let input =
            [0.999_f32, 0.999, 0.999, 0.999, 1e-3, 1e-3, 1e-3, 1e-3, rounds as f32, 0.0, 0.0, 0.0];
        let input = card.device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
            label: None,
            contents: bytemuck::cast_slice(&input),
            usage: wgpu::BufferUsages::STORAGE,
        });
        let workgroups = (INVOCATIONS / 64) as u32;
        card.seconds(include_str!("multiply_add.wgsl"), &out, &input, workgroups)
    };
    let once = multiply_adds(ROUNDS);
    let rounds = (ROUNDS * LONG_ENOUGH / once).clamp(ROUNDS, 1e6).round();
    let a_round = INVOCATIONS as f64 * A_ROUND;
    let multiply_adds_per_second = rounds * a_round / multiply_adds(rounds);

    // Larger than any card's last cache.
    let bytes = if software { 64 << 20 } else { 512 << 20 };
    let largest = limits.max_storage_buffer_binding_size.min(limits.max_buffer_size);
    let bytes = bytes.min(largest / 16 * 16);
    let [from, to] = [card.buffer(bytes), card.buffer(bytes)];
    let copied = card.seconds(include_str!("copy.wgsl"), &to, &from, 8192);
    Limits { multiply_adds_per_second, bytes_per_second: 2.0 * bytes as f64 / copied }
}

/// A trial that lasts so many seconds is not disturbed by what it takes to start it.
const LONG_ENOUGH: f64 = 0.1;

struct Card {
    device: wgpu::Device,
    queue: wgpu::Queue,
}

impl Card {
    fn buffer(&self, size: u64) -> wgpu::Buffer {
        let usage = wgpu::BufferUsages::STORAGE;
        self.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size,
            usage,
            mapped_at_creation: false,
        })
    }

    /// Seconds of a dispatch: the least of three trials, after one that doesn't count.
    fn seconds(
        &self,
        wgsl: &str,
        out: &wgpu::Buffer,
        input: &wgpu::Buffer,
        workgroups: u32,
    ) -> f64 {
        let module = self.device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: None,
            source: wgpu::ShaderSource::Wgsl(wgsl.into()),
        });
        let pipeline = self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: None,
            layout: None,
            module: &module,
            entry_point: Some("main"),
            compilation_options: Default::default(),
            cache: None,
        });
        let bind_group = self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &pipeline.get_bind_group_layout(0),
            entries: &[out, input]
                .map(|buffer| buffer.as_entire_binding())
                .into_iter()
                .zip(0..)
                .map(|(resource, binding)| wgpu::BindGroupEntry { binding, resource })
                .collect::<Vec<_>>(),
        });
        let trial = |times: usize| {
            let started = Instant::now();
            let mut encoder = self.device.create_command_encoder(&Default::default());
            for _ in 0..times {
                let mut pass = encoder.begin_compute_pass(&Default::default());
                pass.set_pipeline(&pipeline);
                pass.set_bind_group(0, &bind_group, &[]);
                pass.dispatch_workgroups(workgroups, 1, 1);
            }
            self.queue.submit([encoder.finish()]);
            self.device.poll(wgpu::PollType::wait_indefinitely()).expect("the device answers");
            started.elapsed().as_secs_f64() / times as f64
        };
        let times = (LONG_ENOUGH / trial(1)).ceil().clamp(1.0, 100.0) as usize;
        (0..3).map(|_| trial(times)).fold(f64::INFINITY, f64::min)
    }
}
