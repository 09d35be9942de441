//! What follows a sum in the same dispatch.

use wide::f32x4;

use crate::operation::{MASK_BELOW_6, RELU, RELU6};

/// What follows a sum: see `shaders/shared/epilogue.wgsl`. `residual` and `mask` are the vec4 at
/// its place, where the flags name them.
#[inline(always)]
pub fn epilogue(
    mut sum: f32x4,
    residual: Option<[f32; 4]>,
    mask: Option<[f32; 4]>,
    flags: u32,
) -> f32x4 {
    if let Some(residual) = residual {
        sum += f32x4::new(residual);
    }
    if flags & RELU != 0 {
        sum = sum.fast_max(f32x4::ZERO);
    }
    if flags & RELU6 != 0 {
        sum = sum.fast_min(f32x4::splat(6.0));
    }
    if let Some(mask) = mask {
        sum = f32x4::new(mask).simd_gt(f32x4::ZERO) & sum;
        if flags & MASK_BELOW_6 != 0 {
            sum = f32x4::new(mask).simd_lt(f32x4::splat(6.0)) & sum;
        }
    }
    sum
}

/// A gradient behind an activation function that put out `x`: see `shaders/shared/through.wgsl`.
pub fn through_activation(gradient: f32, x: f32, through: u32) -> f32 {
    match through {
        0 => gradient,
        _ if x <= 0.0 || (through >= 3 && x >= 6.0) => 0.0,
        1 | 3 => gradient,
        _ => gradient.max(0.0),
    }
}
