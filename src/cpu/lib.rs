//! The shaders' work on the processor, where there is no GPU to do it: each operation's arithmetic
//! on the same memory, by the same parameters ([`Operation`]). What the library's `ops`
//! record runs here unchanged, so everything above gives the same results.
//!
//! - `operation.rs`: the operations and their parameters, for GPU and processor;
//! - `memory.rs`: what stands for a GPU's buffers;
//! - a file an operation, named as its shader; `epilogue.rs`: what follows sums; `matmul/`: the
//!   product of convolutions; `relaxed_simd/`: the inner loops once more, for browsers.
//!
//! A package of its own, so that it is compiled for speed where the rest of the page is compiled
//! for size. Not the slow reference of the tests. Knows neither networks nor tiles. To add an operation: a
//! file, and an arm in [`run`].

mod ablate_channel;
mod attention;
mod cam;
mod conv2d;
mod depthwise_conv2d;
mod epilogue;
mod film;
mod global_average_pool;
mod gru_cell;
mod gru_gates;
mod linear;
mod matmul;
mod max_pool2d;
mod memory;
mod offsets;
pub mod operation;
mod outer_product;
mod randomize;
#[cfg(target_arch = "wasm32")]
mod relaxed_simd;
mod weighted_sum;

use std::borrow::Cow;

use half::f16;
pub use memory::Memory;
use wide::f32x4;

use crate::operation::{MASK, Operation, Precision, RESIDUAL, SCALE_BIAS};

/// A weight is kept packed beside its words up to so many bytes: packing a larger one takes little
/// time beside its products.
const MOST_KEPT: usize = 2 << 20;

/// Does what a dispatch of the operation does that is bound to `memory`: output first, as in the
/// shader.
pub fn run(operation: &Operation, memory: &[Memory]) {
    let mut out = memory[0].words_mut();
    let input = |i: usize| memory[i].words();
    let if_flagged = |flags: u32, bit: u32, i: usize| (flags & bit != 0).then(|| input(i));
    match operation {
        Operation::Conv2d { params, precision, transposed } => {
            let follow = |i, bit| if_flagged(params.flags, bit, i);
            let [scale_bias, residual, mask] =
                [follow(3, SCALE_BIAS), follow(4, RESIDUAL), follow(5, MASK)];
            let follows = [&scale_bias, &residual, &mask]
                .map(|words| words.as_ref().map(|words| floats(words)));
            let words = input(2);
            let count = params.ksize * params.ksize * 16 * params.c_in4 * params.c_out4;
            let weight = weights(*precision, &words, count as usize);
            let scale = transposed.then(|| input(3));
            let scale = scale.as_ref().map(|scale| &floats(scale)[..4 * params.c_in4 as usize]);
            let keeps = *precision == Precision::F32
                && scale.is_none()
                && size_of_val(&*weight) <= MOST_KEPT;
            let kept = keeps.then_some(&words.packed);
            conv2d::conv2d(
                floats_mut(&mut out),
                floats(&input(1)),
                &weight,
                kept,
                scale,
                follows,
                params,
            );
        }
        Operation::DepthwiseConv2d(params, precision)
        | Operation::DepthwiseConv2dBackwardInput(params, precision) => {
            let [residual, mask] =
                [(RESIDUAL, 4), (MASK, 5)].map(|(bit, i)| if_flagged(params.flags, bit, i));
            let [residual, mask] =
                [&residual, &mask].map(|words| words.as_ref().map(|words| floats(words)));
            let (x, words, scale_bias) = (input(1), input(2), input(3));
            let weight =
                weights(*precision, &words, (params.ksize * params.ksize * 4 * params.c4) as usize);
            let compute = match operation {
                Operation::DepthwiseConv2d(..) => depthwise_conv2d::depthwise_conv2d,
                _ => depthwise_conv2d::depthwise_conv2d_backward_input,
            };
            compute(
                floats_mut(&mut out),
                floats(&x),
                &weight,
                floats(&scale_bias),
                residual,
                mask,
                params,
            );
        }
        Operation::MaxPool2d(params) => {
            max_pool2d::max_pool2d(floats_mut(&mut out), floats(&input(1)), params)
        }
        Operation::MaxPool2dIndices(params) => {
            max_pool2d::max_pool2d_indices(&mut out, floats(&input(1)), params)
        }
        Operation::MaxPool2dBackward(params) => {
            let (dy, x, indices) = (input(1), input(2), input(3));
            max_pool2d::max_pool2d_backward(
                floats_mut(&mut out),
                floats(&dy),
                floats(&x),
                &indices,
                params,
            );
        }
        Operation::GlobalAveragePool(params) => {
            global_average_pool::global_average_pool(
                floats_mut(&mut out),
                floats(&input(1)),
                params,
            );
        }
        Operation::GlobalAveragePoolBackward(params) => {
            let (dy, x) = (input(1), input(2));
            let dx = floats_mut(&mut out);
            global_average_pool::global_average_pool_backward(dx, floats(&dy), floats(&x), params);
        }
        Operation::Linear(params, precision) | Operation::LinearBackward(params, precision) => {
            let (x, words, scale_bias) = (input(1), input(2), input(3));
            let weight = weights(*precision, &words, (16 * params.k4 * params.n4) as usize);
            let compute = match operation {
                Operation::Linear(..) => linear::linear,
                _ => linear::linear_backward,
            };
            compute(floats_mut(&mut out), floats(&x), &weight, floats(&scale_bias), params);
        }
        Operation::Cam(params) => {
            let (a, g, w) = (input(1), input(2), input(3));
            cam::cam(floats_mut(&mut out), floats(&a), floats(&g), floats(&w), params);
        }
        Operation::CamWeights(params) => {
            cam::cam_weights(floats_mut(&mut out), floats(&input(1)), floats(&input(2)), params);
        }
        Operation::AblateChannel(params) => {
            let channel = floats(&input(2))[0];
            ablate_channel::ablate_channel(
                floats_mut(&mut out),
                floats(&input(1)),
                channel,
                params,
            );
        }
        Operation::Randomize(params) => randomize::randomize(&mut out, params),
        Operation::GruCell(params) => {
            let [x, h, w_x, w_h, bias] = [1, 2, 3, 4, 5].map(input);
            let weights = [&w_x, &w_h, &bias].map(|words| floats(words));
            gru_cell::gru_cell(floats_mut(&mut out), floats(&x), floats(&h), weights, params);
        }
        Operation::GruGates(params) => {
            gru_gates::gru_gates(floats_mut(&mut out), floats(&input(1)), params);
        }
        Operation::GruGatesBackward(params) => {
            let [dy, s] = [1, 2].map(input);
            gru_gates::gru_gates_backward(floats_mut(&mut out), floats(&dy), floats(&s), params);
        }
        Operation::Film(params) | Operation::FilmBackward(params) => {
            let [x, t, gamma, beta] = [1, 2, 3, 4].map(input);
            let compute = match operation {
                Operation::Film(..) => film::film,
                _ => film::film_backward,
            };
            let modulation = [floats(&gamma), floats(&beta)];
            compute(floats_mut(&mut out), floats(&x), floats(&t), modulation, params);
        }
        Operation::Attention(params) => {
            let [x, query, threshold] = [1, 2, 3].map(input);
            let threshold = floats(&threshold)[0];
            let y = floats_mut(&mut out);
            attention::attention(y, floats(&x), floats(&query), threshold, params);
        }
        Operation::AttentionBackward(params) => {
            let [dy, y] = [1, 2].map(input);
            attention::attention_backward(floats_mut(&mut out), floats(&dy), floats(&y), params);
        }
        Operation::WeightedSum(params) => {
            let [look, x] = [1, 2].map(input);
            weighted_sum::weighted_sum(floats_mut(&mut out), floats(&look), floats(&x), params);
        }
        Operation::WeightedSumBackward(params) => {
            let [dy, x] = [1, 2].map(input);
            let residual = if_flagged(params.flags, RESIDUAL, 3);
            let residual = residual.as_ref().map(|words| floats(words));
            let dlook = floats_mut(&mut out);
            weighted_sum::weighted_sum_backward(dlook, floats(&dy), floats(&x), residual, params);
        }
        Operation::Offsets(params) => {
            offsets::offsets(floats_mut(&mut out), floats(&input(1)), params);
        }
        Operation::OffsetsBackward(params) => {
            offsets::offsets_backward(floats_mut(&mut out), floats(&input(1)), params);
        }
        Operation::OuterProduct(params) => {
            let [a, b] = [1, 2].map(input);
            let [residual, mask] =
                [(RESIDUAL, 3), (MASK, 4)].map(|(bit, i)| if_flagged(params.flags, bit, i));
            let follows = [&residual, &mask].map(|words| words.as_ref().map(|words| floats(words)));
            let y = floats_mut(&mut out);
            outer_product::outer_product(y, floats(&a), floats(&b), follows, params);
        }
        Operation::Conv2dSum(_)
        | Operation::Conv2dTransposeWeight(_)
        | Operation::WinogradWeight(_)
        | Operation::WinogradInput(_)
        | Operation::WinogradOutput(_) => unreachable!("{operation:?} is of a form for GPUs"),
    }
}

/// `count` weights as f32.
fn weights(precision: Precision, words: &[u32], count: usize) -> Cow<'_, [f32]> {
    match precision {
        Precision::F32 => floats(&words[..count]).into(),
        Precision::F16 => {
            let halves: &[u16] = bytemuck::cast_slice(words);
            halves[..count].iter().map(|&bits| f16::from_bits(bits).to_f32()).collect()
        }
        Precision::I8 => {
            let values: &[i8] = bytemuck::cast_slice(words);
            values[..count].iter().map(|&v| (v as f32 / 127.0).max(-1.0)).collect()
        }
    }
}

fn floats(words: &[u32]) -> &[f32] {
    bytemuck::cast_slice(words)
}

fn floats_mut(words: &mut [u32]) -> &mut [f32] {
    bytemuck::cast_slice_mut(words)
}

/// Channels side by side, as one vector.
fn fours(values: &mut [f32]) -> std::slice::IterMut<'_, [f32; 4]> {
    values.as_chunks_mut().0.iter_mut()
}

/// The `c`-th of them.
fn four(values: &[f32], c: usize) -> f32x4 {
    values.as_chunks().0[c].into()
}
