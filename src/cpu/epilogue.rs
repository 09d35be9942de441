//! What follows sums in the same dispatch.

use wide::f32x4;

use crate::operation::{MASK_BELOW_6, RELU, RELU6};

/// What follows a convolution's sums: see `shaders/shared/epilogue.wgsl`. In vec4 of channels.
#[derive(Clone, Copy)]
pub struct Epilogue<'a> {
    /// Scale, then bias, of as many channels as y has.
    scale_bias: Option<&'a [[f32; 4]]>,
    /// Both as all of y, where the flags name them.
    residual: Option<&'a [[f32; 4]]>,
    mask: Option<&'a [[f32; 4]]>,
    flags: u32,
}

impl<'a> Epilogue<'a> {
    /// `follows`: scale and bias, residual, mask, where there are any.
    pub fn new(follows: [Option<&'a [f32]>; 3], flags: u32) -> Epilogue<'a> {
        let [scale_bias, residual, mask] =
            follows.map(|words| words.map(|words| words.as_chunks().0));
        Epilogue { scale_bias, residual, mask, flags }
    }

    /// Stores what follows `sums`, those of the channels that begin at vec4 `at` of y. A loop for
    /// each part: the channels stay in the first cache, and no loop has a branch.
    pub fn store(&self, y: &mut [[f32; 4]], at: usize, sums: impl ExactSizeIterator<Item = f32x4>) {
        let channels = at..at + sums.len();
        let y = &mut y[channels.clone()];
        match self.scale_bias {
            Some(scale_bias) => {
                let (scale, bias) = scale_bias.split_at(y.len());
                for (((y, sum), &scale), &bias) in y.iter_mut().zip(sums).zip(scale).zip(bias) {
                    *y = (sum * f32x4::new(scale) + f32x4::new(bias)).to_array();
                }
            }
            None => y.iter_mut().zip(sums).for_each(|(y, sum)| *y = sum.to_array()),
        }
        if let Some(residual) = self.residual {
            for (y, &residual) in y.iter_mut().zip(&residual[channels.clone()]) {
                *y = (f32x4::new(*y) + f32x4::new(residual)).to_array();
            }
        }
        if self.flags & RELU != 0 {
            let six = if self.flags & RELU6 != 0 { 6.0 } else { f32::INFINITY };
            for y in y.iter_mut() {
                *y = f32x4::new(*y).fast_max(f32x4::ZERO).fast_min(f32x4::splat(six)).to_array();
            }
        }
        if let Some(mask) = self.mask {
            let mask = &mask[channels];
            if self.flags & MASK_BELOW_6 != 0 {
                keep(y, mask, |mask| mask.simd_gt(f32x4::ZERO) & mask.simd_lt(f32x4::splat(6.0)));
            } else {
                keep(y, mask, |mask| mask.simd_gt(f32x4::ZERO));
            }
        }
    }
}

/// y where the mask `passes`, which gives bits; else 0.
fn keep(y: &mut [[f32; 4]], mask: &[[f32; 4]], passes: impl Fn(f32x4) -> f32x4) {
    for (y, &mask) in y.iter_mut().zip(mask) {
        *y = (passes(f32x4::new(mask)) & f32x4::new(*y)).to_array();
    }
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
