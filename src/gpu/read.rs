//! Read back: waiting for results without holding up the page.

use std::time::Duration;

use bytemuck::Pod;
use web_time::Instant;

use super::device::{Driver, Failure};
use super::{Dispatch, Gpu, Tensor};
use crate::error::{Error, Result};

/// The processor lets others have their turn after so long.
const UNINTERRUPTED: Duration = Duration::from_millis(40);

impl Gpu {
    /// Waits for what was queued and copies a tensor back: planes [channels, height, width].
    pub async fn read(&self, tensor: &Tensor) -> Result<Vec<f32>> {
        let Tensor { height, width, channels, border, .. } = *tensor;
        let (row, padded) = (tensor.row() * tensor.c4() * 4, tensor.c4() * 4);
        let packed = match &self.driver {
            Some(driver) => {
                driver.read::<f32>(tensor.buffer.on_gpu(), height * row, &self.failure).await?
            }
            None => {
                self.compute_with_pauses().await;
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

    /// Does what the processor has yet to do, in one go.
    pub(super) fn compute_queued(&self) {
        self.queued.take().iter().for_each(Dispatch::compute);
    }

    /// Drops what the processor has yet to do, before buffers go that it would use.
    pub(crate) fn forget_queued(&self) {
        self.queued.take();
    }

    /// [`compute_queued`](Gpu::compute_queued) with pauses, in which a page can paint.
    async fn compute_with_pauses(&self) {
        let mut since = Instant::now();
        for dispatch in self.queued.take() {
            dispatch.compute();
            if since.elapsed() > UNINTERRUPTED {
                yield_now().await;
                since = Instant::now();
            }
        }
    }
}

impl Driver {
    /// Waits for what was queued and copies the first `count` numbers of a buffer back.
    pub async fn read<T: Pod>(
        &self,
        buffer: &wgpu::Buffer,
        count: usize,
        failure: &Failure,
    ) -> Result<Vec<T>> {
        let size = (count * size_of::<T>()) as u64;
        // Taken out while in use: a second read of the same size meanwhile makes its own.
        let reused = self.staging.borrow_mut().remove(&size);
        let staging = reused.unwrap_or_else(|| {
            let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
            self.device.create_buffer(&wgpu::BufferDescriptor {
                label: None,
                size,
                usage,
                mapped_at_creation: false,
            })
        });
        let mut encoder = self.device.create_command_encoder(&Default::default());
        encoder.copy_buffer_to_buffer(buffer, 0, &staging, 0, size);
        self.queue.submit([encoder.finish()]);

        let (sender, receiver) = futures_channel::oneshot::channel();
        staging.map_async(wgpu::MapMode::Read, .., move |result| {
            sender.send(result).ok(); // fails only where nobody waits any more
        });
        #[cfg(not(target_arch = "wasm32"))]
        if let Err(e) = self.device.poll(wgpu::PollType::wait_indefinitely()) {
            failure.record(Error::DeviceLost { detail: e.to_string() });
        }
        #[cfg(target_arch = "wasm32")]
        let polling = keep_polling(&self.queue);
        let mapped = receiver.await;
        #[cfg(target_arch = "wasm32")]
        drop(polling);
        failure.check()?;
        let lost = |detail: String| Error::DeviceLost { detail };
        mapped.map_err(|e| lost(e.to_string()))?.map_err(|e| lost(e.to_string()))?;
        let values = {
            let view =
                staging.get_mapped_range(..).map_err(|e| Error::Gpu { detail: e.to_string() })?;
            bytemuck::pod_collect_to_vec(&view[..])
        };
        staging.unmap();
        self.staging.borrow_mut().insert(size, staging);
        Ok(values)
    }
}

/// Submits nothing every 4 ms until what it returns is dropped. Firefox looks for finished work
/// every 100 ms only, but also at each submission.
#[cfg(target_arch = "wasm32")]
fn keep_polling(queue: &wgpu::Queue) -> std::rc::Rc<()> {
    let wanted = std::rc::Rc::new(());
    let (still_wanted, queue) = (std::rc::Rc::downgrade(&wanted), queue.clone());
    wasm_bindgen_futures::spawn_local(async move {
        loop {
            sleep(4).await;
            if still_wanted.strong_count() == 0 {
                break;
            }
            queue.submit([]);
        }
    });
    wanted
}

/// Waits so many milliseconds. `setTimeout` is the global object's, since a worker has no window.
#[cfg(target_arch = "wasm32")]
async fn sleep(milliseconds: i32) {
    use wasm_bindgen::JsCast;
    let global = js_sys::global();
    let Some(set_timeout) = js_sys::Reflect::get(&global, &"setTimeout".into())
        .ok()
        .and_then(|f| f.dyn_into::<js_sys::Function>().ok())
    else {
        return std::future::pending().await; // there is no event loop to wait in
    };
    let after = |resolve: js_sys::Function, _| {
        let _ = set_timeout.call2(&global, &resolve, &milliseconds.into()); // throws for nothing that is a function
    };
    let _ = wasm_bindgen_futures::JsFuture::from(js_sys::Promise::new(&mut { after })).await;
}

/// Lets the browser paint and answer clicks. Through a message, since nested timers wait 4 ms at
/// least.
#[cfg(target_arch = "wasm32")]
async fn yield_now() {
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
async fn yield_now() {}
