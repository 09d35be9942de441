//! `rows.rs` in relaxed SIMD, whose fused multiply-add does in one instruction what takes two
//! without. A module of its own: a browser that doesn't know the instruction refuses all of the
//! module that it is in.
//!
//! Not part of the crate: `build.rs` compiles it alone. It works in the memory of the program that
//! calls it and has neither a stack nor data there.
#![no_std]

mod rows;

use core::arch::wasm32::{f32x4_relaxed_madd, f32x4_splat, unreachable, v128};
use core::slice::{from_raw_parts, from_raw_parts_mut};

use rows::COLS;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    unreachable()
}

/// [`rows::rows_times_panel`] of m rows.
///
/// # Safety
/// `panel` is [depth, COLS] and `sums` [m, COLS]; from `a` on there are m rows of `depth` numbers,
/// `stride` apart; m is not 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rows_times_panel(
    m: usize,
    depth: usize,
    a: *const f32,
    stride: usize,
    panel: *const [v128; COLS / 4],
    sums: *mut [v128; COLS / 4],
) {
    // SAFETY: as said above.
    let (a, panel, sums) = unsafe {
        (
            from_raw_parts(a, (m - 1) * stride + depth),
            from_raw_parts(panel, depth),
            from_raw_parts_mut(sums, m),
        )
    };
    rows::rows_times_panel(a, stride, panel, sums, f32x4_splat(0.0), |a, b, c| {
        f32x4_relaxed_madd(f32x4_splat(a), b, c)
    });
}
