//! How the conv2d kernels cut their work.

use std::fmt;

use super::pad4;
use crate::gpu::grid;
use crate::shader::{self, Shader};

/// Which of the three shaders computes a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kernel {
    /// `shaders/conv2d.wgsl`: plain, slow, what the others are compared with.
    Naive,
    /// `shaders/conv2d_registers.wgsl`: each invocation reads its own operands.
    Registers,
    /// `shaders/conv2d_shared.wgsl`: operands go through workgroup memory.
    Shared,
}

/// The tile of output that one invocation of conv2d owns, and how invocations stand in a workgroup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tile {
    pub kernel: Kernel,
    /// Positions of an invocation.
    pub rows: usize,
    /// vec4 of channels of an invocation.
    pub cols: usize,
    /// Invocations of a workgroup along channels, and along positions.
    pub wx: usize,
    pub wy: usize,
    /// Split-k: into how many partial sums the sum over input channels is cut, each with workgroups
    /// of its own; a second dispatch adds them.
    pub split: usize,
}

const fn registers(rows: usize, cols: usize, wx: usize, wy: usize) -> Tile {
    Tile { kernel: Kernel::Registers, rows, cols, wx, wy, split: 1 }
}

const fn shared(rows: usize, cols: usize, wx: usize, wy: usize) -> Tile {
    Tile { kernel: Kernel::Shared, ..registers(rows, cols, wx, wy) }
}

/// Fits every shape and adapter well enough.
pub const DEFAULT_TILE: Tile = registers(8, 2, 8, 8);

/// The naive kernel, for an adapter that computes wrongly with the others.
pub const NAIVE: Tile = Tile { kernel: Kernel::Naive, ..registers(1, 1, 64, 1) };

/// For a result of one vec4 of channels, the photo's gradient: other tiles span up to sixteen and
/// would compute the rest in vain.
pub const NARROW_TILE: Tile = registers(16, 1, 1, 16);

/// What tuning chooses from, in the order in which it tries them; split-k for large GPUs, which
/// layers of 14×14 and 7×7 positions leave idle.
pub const TILES: [Tile; 8] = [
    DEFAULT_TILE,
    shared(8, 2, 8, 8),
    shared(4, 1, 8, 8),
    registers(4, 2, 8, 8),
    registers(4, 1, 16, 4),
    Tile { split: 4, ..shared(4, 1, 8, 8) },
    Tile { split: 4, ..registers(4, 1, 16, 4) },
    Tile { split: 8, ..shared(8, 2, 8, 8) },
];

impl Tile {
    /// Bytes of the partial sums of a result [positions, channels].
    pub fn partial_sums_bytes(self, positions: usize, channels: usize) -> u64 {
        if self.split == 1 { 0 } else { (self.split * positions * pad4(channels) * 4) as u64 }
    }

    /// How many workgroups compute a result [positions, 4·c4].
    pub(super) fn workgroups(self, positions: usize, c4: usize) -> [u32; 3] {
        match self.kernel {
            Kernel::Naive => grid((positions * c4).div_ceil(64)),
            _ => [
                c4.div_ceil(self.wx * self.cols),
                positions.div_ceil(self.wy * self.rows).max(1),
                self.split,
            ]
            .map(|n| n as u32),
        }
    }

    /// The shader, whether it splits the sum or not.
    pub fn shader(self) -> Shader {
        let Tile { kernel, rows, cols, wx, wy, .. } = self;
        let tiled = |shader: Shader| {
            let shader = shader.with("ROWS", rows).with("COLS", cols).with("WX", wx).with("WY", wy);
            shader.with("WX_COLS", wx * cols).with("LANES", wx * wy)
        };
        match kernel {
            Kernel::Naive => shader::conv2d(),
            Kernel::Registers => tiled(shader::conv2d_registers()),
            Kernel::Shared => {
                // Positions are fetched four vec4 each: every invocation takes one vec4 of X_LOADS
                // positions.
                assert!(
                    (wx * wy).is_multiple_of(4) && (wy * rows * 4).is_multiple_of(wx * wy),
                    "{self:?}"
                );
                let loads = wy * rows * 4 / (wx * wy);
                let shader = tiled(shader::conv2d_shared())
                    .with("WY_ROWS", wy * rows)
                    .with("X_LOADS", loads);
                shader.with("X_TILE", wy * rows * 4).with("W_TILE", 16 * wx * cols)
            }
        }
    }
}

/// Rows x columns / workgroup, `s` with workgroup memory, `k4` with the sum split into four.
impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Tile { kernel, rows, cols, wx, wy, split } = self;
        let shared = match kernel {
            Kernel::Naive => return f.write_str("naive"),
            Kernel::Registers => "",
            Kernel::Shared => "s",
        };
        write!(f, "{rows}x{cols}/{wx}x{wy}{shared}")?;
        if *split > 1 { write!(f, "k{split}") } else { Ok(()) }
    }
}
