//! Tensors: images of channels on the GPU.

use super::{Buffer, Gpu};

/// An image of `channels` planes on the GPU, f32.
///
/// Stored as [height, width, channels], channels padded with zeros to whole vec4, then one more
/// position of zeros: what a convolution's tap outside the image reads. Shaders write positions
/// only, so those zeros stay. A tensor with a border has that many positions of zeros left and
/// right of each row, too.
#[derive(Clone, Debug)]
pub struct Tensor {
    pub(crate) buffer: Buffer,
    pub height: usize,
    pub width: usize,
    pub channels: usize,
    pub border: usize,
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
    /// As [`Buffer::free`].
    pub(crate) fn free(&self) {
        self.buffer.free();
    }
    /// Positions from one row to the next.
    pub(super) fn row(&self) -> usize {
        self.width + 2 * self.border
    }
    /// Bytes on the GPU.
    pub fn bytes(&self) -> u64 {
        self.buffer.bytes()
    }
    /// Its memory, the zeros at its end included.
    pub fn as_buffer(&self) -> &Buffer {
        &self.buffer
    }
}

/// Bytes of a tensor of this shape, its position of zeros included.
pub fn tensor_bytes(height: usize, width: usize, channels: usize) -> u64 {
    ((height * width + 1) * channels.div_ceil(4) * 16) as u64
}

impl Gpu {
    /// A tensor of zeros.
    pub fn tensor(&self, height: usize, width: usize, channels: usize) -> Tensor {
        self.tensor_with_border(height, width, channels, 0)
    }

    /// A tensor of zeros with `border` more columns of zeros on either side, for the photo that a
    /// wide convolution reads.
    pub fn tensor_with_border(
        &self,
        height: usize,
        width: usize,
        channels: usize,
        border: usize,
    ) -> Tensor {
        let size = tensor_bytes(height, width + 2 * border, channels)
            + tensor_bytes(0, 0, channels) * 2 * border as u64;
        let usage = wgpu::BufferUsages::STORAGE
            | wgpu::BufferUsages::COPY_DST
            | wgpu::BufferUsages::COPY_SRC;
        Tensor { buffer: Buffer::new(self.device(), size, usage), height, width, channels, border }
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
            Some(driver) => {
                driver.queue.write_buffer(tensor.buffer.on_gpu(), 0, bytemuck::cast_slice(&packed))
            }
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
        let Some(driver) = &self.driver else {
            self.compute_queued();
            return to.buffer.on_cpu().copy(offset as usize, from.buffer.on_cpu(), bytes as usize);
        };
        let mut encoder = driver.device.create_command_encoder(&Default::default());
        encoder.copy_buffer_to_buffer(from.buffer.on_gpu(), 0, to.buffer.on_gpu(), offset, bytes);
        driver.queue.submit([encoder.finish()]);
    }
}
