//! The processor's inner loops in relaxed SIMD, whose fused multiply-add does in one instruction
//! what takes two without. A module of its own: a browser that doesn't know the instruction refuses
//! all of the module that it is in.
//!
//! Not part of the crate: `build.rs` compiles it alone. It works in the memory of the program that
//! calls it and has neither a stack nor data there; `build.rs` looks.
#![no_std]

#[path = "../depthwise_conv2d/row.rs"]
mod row;
#[path = "../matmul/rows.rs"]
mod rows;

use core::arch::wasm32::{f32x4_relaxed_madd, f32x4_splat, unreachable, v128};
use core::slice::{from_raw_parts, from_raw_parts_mut};

use row::{OUTPUTS, row};
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

/// [`row::row`] for the windows and strides that it is compiled for; others leave `sums` as they
/// are.
///
/// # Safety
/// `ring` is [ksize, length], `w` [ksize, ksize, c4] and `sums` [groups, c4, OUTPUTS].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn depthwise_row(
    ksize: usize,
    stride: usize,
    ring: *const v128,
    length: usize,
    first: usize,
    w: *const v128,
    sums: *mut [v128; OUTPUTS],
    groups: usize,
    c4: usize,
) {
    // SAFETY: as said above.
    let (ring, w, sums) = unsafe {
        (
            from_raw_parts(ring, ksize * length),
            from_raw_parts(w, ksize * ksize * c4),
            from_raw_parts_mut(sums, groups * c4),
        )
    };
    let zero = f32x4_splat(0.0);
    let multiply_add = |a, b, c| f32x4_relaxed_madd(a, b, c);
    match (ksize, stride) {
        (3, 1) => row::<_, 3, 1>(ring, length, first, w, sums, c4, zero, multiply_add),
        (3, 2) => row::<_, 3, 2>(ring, length, first, w, sums, c4, zero, multiply_add),
        (5, 1) => row::<_, 5, 1>(ring, length, first, w, sums, c4, zero, multiply_add),
        (5, 2) => row::<_, 5, 2>(ring, length, first, w, sums, c4, zero, multiply_add),
        _ => {}
    }
}
