//! The shaders' work on the CPU, where there is no GPU to do it: each shader's arithmetic on the same memory, by the same numbers.
//!
//! Not the slow reference of the tests: convolutions gather their taps into a matrix and leave the product to the crate
//! `matmul` beside this one. Knows neither networks nor tiles; what [`ops`](crate::ops) records runs here unchanged, so everything above
//! gives the same results. To add an operation: an arm in [`run`].

use std::borrow::Cow;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, OnceLock, RwLock, RwLockReadGuard, RwLockWriteGuard};

use half::f16;
use matmul::{Packed, Right, matmul};
use wide::f32x4;

use crate::shader::Shader;

/// A buffer: 32-bit words, of which most hold an f32.
#[derive(Clone, Debug)]
pub struct Memory(Arc<RwLock<Contents>>);

/// Reads as its words. Writing to them drops what was made of them.
#[derive(Debug)]
struct Contents {
    words: Vec<u32>,
    /// A convolution's weight as products read it: packed in the first pass, kept for those that follow.
    packed: OnceLock<Packed>,
}

/// Of the weights that are kept packed beside their words: larger ones take little time to pack beside that of their products.
const MOST_KEPT: usize = 2 << 20;

impl From<Vec<u32>> for Contents {
    fn from(words: Vec<u32>) -> Contents {
        Contents { words, packed: OnceLock::new() }
    }
}

impl Deref for Contents {
    type Target = Vec<u32>;
    fn deref(&self) -> &Vec<u32> {
        &self.words
    }
}

impl DerefMut for Contents {
    fn deref_mut(&mut self) -> &mut Vec<u32> {
        self.packed.take();
        &mut self.words
    }
}

impl Memory {
    /// Zeros, `bytes` of them rounded up to words.
    pub fn new(bytes: u64) -> Memory {
        Memory(Arc::new(RwLock::new(vec![0; bytes.div_ceil(4) as usize].into())))
    }
    pub fn bytes(&self) -> u64 {
        4 * self.words().len() as u64
    }
    pub fn write(&self, offset: usize, bytes: &[u8]) {
        bytemuck::cast_slice_mut::<u32, u8>(&mut self.words_mut())[offset..][..bytes.len()].copy_from_slice(bytes);
    }
    pub fn read<T: bytemuck::Pod>(&self, count: usize) -> Vec<T> {
        bytemuck::pod_collect_to_vec(&bytemuck::cast_slice::<u32, u8>(&self.words())[..count * size_of::<T>()])
    }
    /// Copies `count` bytes of `from` to `offset`.
    pub fn copy(&self, offset: usize, from: &Memory, count: usize) {
        let bytes: Vec<u8> = from.read(count);
        self.write(offset, &bytes);
    }
    /// Gives it back, whoever still holds a handle.
    pub fn free(&self) {
        *self.words_mut() = Vec::new().into();
    }
    // A panic while it was locked was a bug, and ended the program.
    fn words(&self) -> RwLockReadGuard<'_, Contents> {
        self.0.read().unwrap_or_else(|e| e.into_inner())
    }
    fn words_mut(&self) -> RwLockWriteGuard<'_, Contents> {
        self.0.write().unwrap_or_else(|e| e.into_inner())
    }
}

fn floats(words: &[u32]) -> &[f32] {
    bytemuck::cast_slice(words)
}

fn floats_mut(words: &mut [u32]) -> &mut [f32] {
    bytemuck::cast_slice_mut(words)
}

/// Does what `shader` does when it is bound to `memory` and `params`: output first, as in the shader.
pub fn run(shader: &Shader, memory: &[Memory], params: &[u32]) {
    let mut out = memory[0].words_mut();
    let input = |i: usize| memory[i].words();
    let p = |i: usize| params[i] as usize;
    match shader.name {
        "conv2d" => {
            let params = Conv2dParams::of(params);
            let follow = |i: usize, bit: u32| (params.flags & bit != 0).then(|| input(i));
            let [scale_bias, residual, mask] = [follow(3, SCALE_BIAS), follow(4, RESIDUAL), follow(5, MASK)];
            let follows = [&scale_bias, &residual, &mask].map(|words| words.as_ref().map(|words| floats(words)));
            let words = input(2);
            let weight = weights(shader, &words, params.weights());
            let scale = (shader.constant("TRANSPOSE") != 0).then(|| input(3));
            let scale = scale.as_ref().map(|scale| &floats(scale)[..params.c_in]);
            let is_f32 = matches!(weight, Cow::Borrowed(_));
            let kept = Some(&words.packed).filter(|_| is_f32 && scale.is_none() && size_of_val(&*weight) <= MOST_KEPT);
            conv2d(floats_mut(&mut out), floats(&input(1)), &weight, kept, scale, follows, &params);
        }
        "depthwise_conv2d" | "depthwise_conv2d_backward_input" => {
            let params = DepthwiseParams::of(params);
            let follow = |i: usize, bit: u32| (params.flags & bit != 0).then(|| input(i));
            let [residual, mask] = [follow(4, RESIDUAL), follow(5, MASK)];
            let [residual, mask] = [&residual, &mask].map(|words| words.as_ref().map(|words| floats(words)));
            let (words, scale_bias) = (input(2), input(3));
            let weight = weights(shader, &words, params.ksize * params.ksize * params.channels);
            let x = input(1);
            let (x, scale_bias) = (floats(&x), floats(&scale_bias));
            let out = floats_mut(&mut out);
            if shader.name == "depthwise_conv2d" {
                depthwise_conv2d(out, x, &weight, scale_bias, residual, mask, &params);
            } else {
                depthwise_conv2d_backward_input(out, x, &weight, scale_bias, residual, mask, &params);
            }
        }
        "max_pool2d" => max_pool2d(floats_mut(&mut out), floats(&input(1)), params),
        "max_pool2d_backward" => {
            let (dy, x, indices) = (input(1), input(2), input(3));
            max_pool2d_backward(floats_mut(&mut out), floats(&dy), floats(&x), &indices, params);
        }
        "max_pool2d_indices" => max_pool2d_indices(&mut out, floats(&input(1)), params),
        "global_average_pool" => {
            let (positions, c) = (p(0), 4 * p(1));
            let y = &mut floats_mut(&mut out)[..c];
            y.fill(0.0);
            for row in floats(&input(1)).chunks_exact(c).take(positions) {
                y.iter_mut().zip(row).for_each(|(y, x)| *y += x);
            }
            y.iter_mut().for_each(|y| *y /= positions as f32);
        }
        "global_average_pool_backward" => {
            let (positions, c, rule) = (p(0), 4 * p(1), params[2]);
            let (dy, x) = (input(1), input(2));
            let dx = &mut floats_mut(&mut out)[..positions * c];
            for (i, (dx, &x)) in dx.iter_mut().zip(floats(&x)).enumerate() {
                *dx = through_activation(floats(&dy)[i % c] / positions as f32, x, rule);
            }
        }
        "linear" => {
            let (features, classes) = (4 * p(0), 4 * p(1));
            let (x, words, scale_bias) = (input(1), input(2), input(3));
            let weight = weights(shader, &words, features * classes);
            let (y, (scale, bias)) = (&mut floats_mut(&mut out)[..classes], floats(&scale_bias).split_at(classes));
            matmul([1, features, classes], floats(&x), Right::Plain(&weight), y, false);
            y.iter_mut().zip(scale).zip(bias).for_each(|((y, scale), bias)| *y = scale.mul_add(*y, *bias));
        }
        "linear_backward" => {
            let (features, classes) = (4 * p(0), 4 * p(1));
            let (dy, words, scale) = (input(1), input(2), input(3));
            let weight = weights(shader, &words, features * classes);
            let felt: Vec<(usize, f32)> = floats(&dy)
                .chunks_exact(4)
                .take_while(|dy| dy[1] != 0.0)
                .map(|dy| (dy[0] as usize, dy[1] * floats(&scale)[dy[0] as usize]))
                .collect();
            let dx = &mut floats_mut(&mut out)[..features];
            for (dx, row) in dx.iter_mut().zip(weight.chunks_exact(classes)) {
                *dx = felt.iter().map(|&(n, scaled)| row[n] * scaled).sum();
            }
        }
        "cam" => {
            let (positions, c, method) = (p(0), 4 * p(1), params[2]);
            let (a, g, w) = (input(1), input(2), input(3));
            let rows = floats(&a).chunks_exact(c).zip(floats(&g).chunks_exact(c)).take(positions);
            for (cam, (a, g)) in floats_mut(&mut out).iter_mut().zip(rows) {
                let terms = a.iter().zip(g).enumerate().map(|(c, (&a, &g))| match method {
                    0 => floats(&w)[c] * a,
                    1 => g * a,
                    2 => (g * a).max(0.0),
                    _ => g.max(0.0) * a,
                });
                *cam = terms.sum();
            }
        }
        "cam_weights" => {
            let (positions, c, method) = (p(0), 4 * p(1), params[2]);
            let (a, g) = (input(1), input(2));
            let (a, g) = (floats(&a), floats(&g));
            for (c0, weight) in floats_mut(&mut out)[..c].iter_mut().enumerate() {
                let at = || (0..positions).map(|position| position * c + c0);
                let total: f32 = at().map(|i| a[i]).sum();
                *weight = at()
                    .map(|i| match (method, g[i]) {
                        (0, g) => g * a[i] / (total + 1e-7),
                        (_, g) => g.max(0.0) * g * g / (2.0 * g * g + total * g * g * g + 1e-6),
                    })
                    .sum();
            }
        }
        "without_channel" => {
            let (count, c) = (4 * p(0), 4 * p(1));
            let (x, channel) = (input(1), floats(&input(2))[0]);
            for (i, (y, &x)) in floats_mut(&mut out).iter_mut().zip(floats(&x)).take(count).enumerate() {
                *y = if (i % c) as f32 == channel { 0.0 } else { x };
            }
        }
        "scramble" => {
            for i in 0..params[0] {
                let j = i ^ params[1];
                // lowbias32, as in the shader
                let mut hash = i ^ params[2];
                hash = (hash ^ (hash >> 16)).wrapping_mul(0x7feb_352d);
                hash = (hash ^ (hash >> 15)).wrapping_mul(0x846c_a68b);
                hash ^= hash >> 16;
                if i < j && j < params[0] && hash & 1 == 1 {
                    out.swap(i as usize, j as usize);
                }
            }
        }
        name => unreachable!("{name} is not recorded for the CPU"),
    }
}

/// `count` weights as f32, whatever the shader was compiled to read.
fn weights<'a>(shader: &Shader, words: &'a [u32], count: usize) -> Cow<'a, [f32]> {
    if shader.constant("I8") != 0 {
        let values: &[i8] = bytemuck::cast_slice(words);
        values[..count].iter().map(|&v| (v as f32 / 127.0).max(-1.0)).collect()
    } else if shader.constant("F16") != 0 {
        let halves: &[u16] = bytemuck::cast_slice(words);
        halves[..count].iter().map(|&bits| f16::from_bits(bits).to_f32()).collect()
    } else {
        floats(&words[..count]).into()
    }
}

const RESIDUAL: u32 = 1;
const RELU: u32 = 2;
const MASK: u32 = 4;
const SCALE_BIAS: u32 = 8;
const RELU6: u32 = 16;
const MASK_BELOW_6: u32 = 32;

/// What follows a sum: see `shaders/shared/epilogue.wgsl`. `residual` and `mask` are the vec4 at its place, of no meaning where the flags
/// say so.
#[inline(always)]
fn epilogue(mut sum: f32x4, residual: Option<[f32; 4]>, mask: Option<[f32; 4]>, flags: u32) -> f32x4 {
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

/// As in `depthwise_conv2d.wgsl`.
struct DepthwiseParams {
    h_out: usize,
    w_out: usize,
    h_in: usize,
    w_in: usize,
    channels: usize,
    ksize: usize,
    stride: usize,
    top: usize,
    left: usize,
    flags: u32,
}

impl DepthwiseParams {
    fn of(words: &[u32]) -> DepthwiseParams {
        let u = |at: usize| words[at] as usize;
        DepthwiseParams {
            h_out: u(0),
            w_out: u(1),
            h_in: u(2),
            w_in: u(3),
            channels: 4 * u(4),
            ksize: u(5),
            stride: u(6),
            top: u(7),
            left: u(8),
            flags: words[9],
        }
    }
}

/// The taps of output position `o` that lie inside `size` inputs, and the input of the first.
fn taps(o: usize, before: usize, size: usize, p: &DepthwiseParams) -> (std::ops::Range<usize>, usize) {
    let at = o * p.stride;
    let first = before.saturating_sub(at);
    let end = p.ksize.min(size + before - at);
    (first..end, at + first - before)
}

/// How many vec4 of channels are summed at a time: a cache line of each tap.
const DEPTHWISE_COLS: usize = 4;

/// x of `positions` neighbouring outputs times w, over taps that are the same for all of them; of `C` vec4 of channels, in registers.
/// `taps`: where each begins in x, for the first output, and in w; `next`: from there to the next output's.
#[inline(always)]
fn depthwise_sums<const P: usize, const C: usize>(
    x: &[[f32; 4]],
    w: &[[f32; 4]],
    taps: &[[usize; 2]],
    next: usize,
    c: usize,
) -> [[f32x4; C]; P] {
    let mut sums = [[f32x4::ZERO; C]; P];
    for &[x_at, w_at] in taps {
        let w: &[[f32; 4]; C] = w[w_at + c..].first_chunk().expect("C vec4 of channels");
        for (p, sums) in sums.iter_mut().enumerate() {
            let x: &[[f32; 4]; C] = x[x_at + p * next + c..].first_chunk().expect("C vec4 of channels");
            for i in 0..C {
                sums[i] += f32x4::new(x[i]) * f32x4::new(w[i]);
            }
        }
    }
    sums
}

fn depthwise_conv2d(
    y: &mut [f32],
    x: &[f32],
    w: &[f32],
    scale_bias: &[f32],
    residual: Option<&[f32]>,
    mask: Option<&[f32]>,
    p: &DepthwiseParams,
) {
    let c4 = p.channels / 4;
    let (x, w) = (x.as_chunks::<4>().0, w.as_chunks::<4>().0);
    let (scale, bias) = scale_bias.as_chunks::<4>().0.split_at(c4);
    let [residual, mask] = [residual, mask].map(|words| words.map(|words| words.as_chunks::<4>().0));
    let y = y.as_chunks_mut::<4>().0;
    let mut store = |at: usize, c: usize, sum: f32x4| {
        let sum = sum * f32x4::new(scale[c]) + f32x4::new(bias[c]);
        y[at + c] = epilogue(sum, residual.map(|r| r[at + c]), mask.map(|m| m[at + c]), p.flags).to_array();
    };
    let mut places = Vec::new();
    for oy in 0..p.h_out {
        let (kys, iy) = taps(oy, p.top, p.h_in, p);
        let mut ox = 0;
        while ox < p.w_out {
            let (kxs, ix) = taps(ox, p.left, p.w_in, p);
            // Two outputs share their weights where neither's taps leave the row.
            let whole = |ox: usize| ox < p.w_out && taps(ox, p.left, p.w_in, p).0 == (0..p.ksize);
            let outputs = if whole(ox) && whole(ox + 1) { 2 } else { 1 };
            places.clear();
            for (ky, iy) in kys.clone().zip(iy..) {
                places
                    .extend(kxs.clone().zip(ix..).map(|(kx, ix)| [(iy * p.w_in + ix) * c4, (ky * p.ksize + kx) * c4]));
            }
            let at = (oy * p.w_out + ox) * c4;
            let mut c = 0;
            while c < c4 {
                let next = p.stride * c4;
                match (outputs, c4 - c >= DEPTHWISE_COLS) {
                    (2, true) => {
                        let sums = depthwise_sums::<2, DEPTHWISE_COLS>(x, w, &places, next, c);
                        for (o, sums) in sums.into_iter().enumerate() {
                            sums.into_iter().zip(c..).for_each(|(sum, c)| store(at + o * c4, c, sum));
                        }
                        c += DEPTHWISE_COLS;
                    }
                    (_, true) => {
                        let [sums] = depthwise_sums::<1, DEPTHWISE_COLS>(x, w, &places, next, c);
                        sums.into_iter().zip(c..).for_each(|(sum, c)| store(at, c, sum));
                        c += DEPTHWISE_COLS;
                    }
                    (outputs, false) => {
                        let sums = depthwise_sums::<2, 1>(x, w, &places, if outputs == 2 { next } else { 0 }, c);
                        for (o, [sum]) in sums.into_iter().enumerate().take(outputs) {
                            store(at + o * c4, c, sum);
                        }
                        c += 1;
                    }
                }
            }
            ox += outputs;
        }
    }
}

/// dx gathers from the windows that it lies in.
fn depthwise_conv2d_backward_input(
    dx: &mut [f32],
    dy: &[f32],
    w: &[f32],
    scale_bias: &[f32],
    residual: Option<&[f32]>,
    mask: Option<&[f32]>,
    p: &DepthwiseParams,
) {
    let c4 = p.channels / 4;
    let (dy, w, scale) = (dy.as_chunks::<4>().0, w.as_chunks::<4>().0, scale_bias.as_chunks::<4>().0);
    let [residual, mask] = [residual, mask].map(|words| words.map(|words| words.as_chunks::<4>().0));
    let dx = dx.as_chunks_mut::<4>().0;
    let mut store = |at: usize, c: usize, sum: f32x4| {
        let sum = sum * f32x4::new(scale[c]);
        dx[at + c] = epilogue(sum, residual.map(|r| r[at + c]), mask.map(|m| m[at + c]), p.flags).to_array();
    };
    // The windows that padded position `i` lies in.
    let windows =
        |i: usize, outs: usize| (i + p.stride).saturating_sub(p.ksize) / p.stride..(i / p.stride + 1).min(outs);
    let mut places = Vec::new();
    for i in 0..p.h_in * p.w_in {
        let (row, col) = (i / p.w_in + p.top, i % p.w_in + p.left);
        places.clear();
        for oy in windows(row, p.h_out) {
            let ky = row - oy * p.stride;
            places.extend(
                windows(col, p.w_out).map(|ox| [(oy * p.w_out + ox) * c4, (ky * p.ksize + col - ox * p.stride) * c4]),
            );
        }
        let (at, mut c) = (i * c4, 0);
        while c4 - c >= DEPTHWISE_COLS {
            let [sums] = depthwise_sums::<1, DEPTHWISE_COLS>(dy, w, &places, 0, c);
            sums.into_iter().zip(c..).for_each(|(sum, c)| store(at, c, sum));
            c += DEPTHWISE_COLS;
        }
        for c in c..c4 {
            let [[sum]] = depthwise_sums::<1, 1>(dy, w, &places, 0, c);
            store(at, c, sum);
        }
    }
}

/// As in `conv2d.wgsl`.
struct Conv2dParams {
    rows: usize,
    cols: usize,
    y_width: usize,
    y_step: usize,
    y_row: usize,
    y_col: usize,
    x_height: i32,
    x_width: i32,
    x_step: i32,
    x_row: i32,
    x_col: i32,
    tap_rows: usize,
    tap_cols: usize,
    tap_step: i32,
    w_row: usize,
    w_col: usize,
    w_step: usize,
    ksize: usize,
    c_in: usize,
    c_out: usize,
    run: usize,
    flags: u32,
}

impl Conv2dParams {
    fn of(words: &[u32]) -> Conv2dParams {
        let (u, i) = (|at: usize| words[at] as usize, |at: usize| words[at] as i32);
        Conv2dParams {
            rows: u(0),
            cols: u(1),
            y_width: u(2),
            y_step: u(3),
            y_row: u(4),
            y_col: u(5),
            x_height: i(6),
            x_width: i(7),
            x_step: i(8),
            x_row: i(9),
            x_col: i(10),
            tap_rows: u(11),
            tap_cols: u(12),
            tap_step: i(13),
            w_row: u(14),
            w_col: u(15),
            w_step: u(16),
            ksize: u(17),
            c_in: 4 * u(18),
            c_out: 4 * u(19),
            run: 4 * u(20),
            flags: words[21],
        }
    }

    fn weights(&self) -> usize {
        self.ksize * self.ksize * self.c_in * self.c_out
    }

    /// Where tap (row, col) of x begins, or where the zeros do.
    fn tap(&self, row: i32, col: i32) -> usize {
        let inside = (0..self.x_height).contains(&row) && (0..self.x_width).contains(&col);
        let position = if inside { row * self.x_width + col } else { self.x_height * self.x_width };
        position as usize * self.c_in
    }
}

/// The right operand of a convolution's product.
enum Factor<'a> {
    Kept(&'a Packed),
    Packed(Packed),
    AsItLies(Right<'a>),
}

/// Positions at a time: their taps, gathered, stay in the cache.
const BLOCK: usize = 256;

/// With `transposed`, dL/dy's scale, the weight is the forward pass's, read transposed.
fn conv2d(
    y: &mut [f32],
    x: &[f32],
    w: &[f32],
    kept: Option<&OnceLock<Packed>>,
    transposed: Option<&[f32]>,
    [scale_bias, residual, mask]: [Option<&[f32]>; 3],
    p: &Conv2dParams,
) {
    let &Conv2dParams { cols, c_out, run, .. } = p;
    let positions = p.rows * cols;
    // A 1×1 convolution of stride 1 reads x as it lies.
    let as_it_lies = [p.tap_rows, p.tap_cols] == [1, 1] && [p.x_step, p.x_row, p.x_col] == [1, 0, 0] && run == p.c_in;
    let as_it_lies = as_it_lies && p.x_width as usize == cols && p.x_height as usize >= p.rows;
    // Taps, and where their weights begin. Where those follow each other, all taps make one product: a longer sum costs less than several.
    let weights_of = |ty: usize, tx: usize| ((p.w_row + ty * p.w_step) * p.ksize + p.w_col + tx * p.w_step) * p.c_in;
    let taps: Vec<_> = (0..p.tap_rows)
        .flat_map(|ty| (0..p.tap_cols).map(move |tx| (ty, tx)))
        .map(|(ty, tx)| (ty as i32 * p.tap_step, tx as i32 * p.tap_step, weights_of(ty, tx)))
        .collect();
    let one_product = taps.windows(2).all(|pair| pair[0].2 + run == pair[1].2);
    let longest = if one_product { taps.len().max(1) } else { 1 }; // some gradients have no tap at all: they are zero
    let long = longest * run;
    let mut gathered = vec![0.0; if as_it_lies { 0 } else { BLOCK.min(positions) * long }];
    let mut sums = vec![0.0; BLOCK.min(positions) * c_out];
    let scale_bias = scale_bias.map(|both| both.as_chunks::<4>().0.split_at(c_out / 4));
    // Of each product the right operand, packed once for all positions; the whole weight also for the passes that follow.
    let whole = kept.filter(|_| one_product && long * c_out == w.len());
    let whole = whole.map(|kept| kept.get_or_init(|| Packed::new([long, c_out], w)));
    let weights: Vec<_> = taps
        .chunks(longest)
        .map(|taps| {
            let w = &w[taps[0].2 * c_out..][..long * c_out];
            match (whole, transposed) {
                (Some(packed), _) => Factor::Kept(packed),
                (None, None) => Factor::Packed(Packed::new([long, c_out], w)),
                (None, Some(scale)) => Factor::AsItLies(Right::Transposed { weights: w, scale }),
            }
        })
        .collect();
    for first in (0..positions).step_by(BLOCK) {
        let count = BLOCK.min(positions - first);
        let sums = &mut sums[..count * c_out];
        if taps.is_empty() {
            sums.fill(0.0);
        }
        for (nth, (taps, weights)) in taps.chunks(longest).zip(&weights).enumerate() {
            let rows = if as_it_lies {
                &x[first * run..][..count * run]
            } else {
                for (i, row) in gathered.chunks_exact_mut(long).take(count).enumerate() {
                    let (r, c) = (((first + i) / cols) as i32, ((first + i) % cols) as i32);
                    let (row_at, col_at) = (r * p.x_step + p.x_row, c * p.x_step + p.x_col);
                    for (to, (ty, tx, _)) in row.chunks_exact_mut(run).zip(taps) {
                        to.copy_from_slice(&x[p.tap(row_at + ty, col_at + tx)..][..run]);
                    }
                }
                &gathered[..count * long]
            };
            match weights {
                Factor::Kept(packed) => packed.multiply(count, rows, sums, nth > 0),
                Factor::Packed(packed) => packed.multiply(count, rows, sums, nth > 0),
                Factor::AsItLies(right) => matmul([count, long, c_out], rows, *right, sums, nth > 0),
            }
        }
        for (i, sums) in sums.chunks_exact_mut(c_out).enumerate() {
            let (r, c) = ((first + i) / cols, (first + i) % cols);
            let at = ((r * p.y_step + p.y_row) * p.y_width + c * p.y_step + p.y_col) * c_out;
            let [residual, mask] = [residual, mask].map(|words| words.map(|words| words[at..][..c_out].as_chunks().0));
            for (c, (y, sum)) in fours(&mut y[at..][..c_out]).zip(fours(sums)).enumerate() {
                let mut sum = f32x4::from(*sum);
                if let Some((scale, bias)) = scale_bias {
                    sum = sum * f32x4::new(scale[c]) + f32x4::new(bias[c]);
                }
                let [residual, mask] = [residual, mask].map(|words| words.map(|words| words[c]));
                *y = epilogue(sum, residual, mask, p.flags).to_array();
            }
        }
    }
}

/// Channels side by side, as one vector.
fn fours(values: &mut [f32]) -> std::slice::IterMut<'_, [f32; 4]> {
    values.as_chunks_mut().0.iter_mut()
}

/// The `c`-th of them.
fn four(values: &[f32], c: usize) -> f32x4 {
    values.as_chunks().0[c].into()
}

/// A gradient behind an activation function that put out `x`; `through` as in the shaders: 0 none, 1 ReLU, 2 guided; 3 and 4 ReLU6.
fn through_activation(gradient: f32, x: f32, through: u32) -> f32 {
    match through {
        0 => gradient,
        _ if x <= 0.0 || (through >= 3 && x >= 6.0) => 0.0,
        1 | 3 => gradient,
        _ => gradient.max(0.0),
    }
}

fn max_pool2d(y: &mut [f32], x: &[f32], params: &[u32]) {
    let [h_out, w_out, h_in, w_in, c, ksize, stride, padding] = pool(params);
    for (o, best) in y.chunks_exact_mut(c).take(h_out * w_out).enumerate() {
        best.fill(f32::MIN);
        for (ky, kx) in (0..ksize).flat_map(|ky| (0..ksize).map(move |kx| (ky, kx))) {
            let (iy, ix) = (o / w_out * stride + ky, o % w_out * stride + kx);
            if (padding..h_in + padding).contains(&iy) && (padding..w_in + padding).contains(&ix) {
                let tap = &x[((iy - padding) * w_in + ix - padding) * c..];
                for (c, best) in fours(best).enumerate() {
                    *best = f32x4::from(*best).fast_max(four(tap, c)).to_array();
                }
            }
        }
    }
}

fn max_pool2d_indices(indices: &mut [u32], x: &[f32], params: &[u32]) {
    let [h_out, w_out, h_in, w_in, c, ksize, stride, padding] = pool(params);
    let mut best = vec![0.0; c];
    for (o, words) in indices.chunks_exact_mut(c / 4).take(h_out * w_out).enumerate() {
        best.fill(f32::MIN);
        let indices: &mut [u8] = bytemuck::cast_slice_mut(words);
        indices.fill(0);
        for k in 0..ksize * ksize {
            let (iy, ix) = (o / w_out * stride + k / ksize, o % w_out * stride + k % ksize);
            if (padding..h_in + padding).contains(&iy) && (padding..w_in + padding).contains(&ix) {
                let tap = &x[((iy - padding) * w_in + ix - padding) * c..][..c];
                for ((index, best), &value) in indices.iter_mut().zip(&mut best).zip(tap) {
                    if value > *best {
                        (*best, *index) = (value, k as u8);
                    }
                }
            }
        }
    }
}

fn max_pool2d_backward(dx: &mut [f32], dy: &[f32], x: &[f32], indices: &[u32], params: &[u32]) {
    let [h_out, w_out, h_in, w_in, c, ksize, stride, padding] = pool(params);
    let dx = &mut dx[..h_in * w_in * c];
    dx.fill(0.0);
    for (o, words) in indices.chunks_exact(c / 4).take(h_out * w_out).enumerate() {
        let indices: &[u8] = bytemuck::cast_slice(words);
        for (channel, (&k, &dy)) in indices.iter().zip(&dy[o * c..]).enumerate() {
            let (ky, kx) = (k as usize / ksize, k as usize % ksize);
            let (iy, ix) = (o / w_out * stride + ky, o % w_out * stride + kx);
            // A window of NaN has no maximum, and its first tap may lie outside.
            if (padding..h_in + padding).contains(&iy) && (padding..w_in + padding).contains(&ix) {
                dx[((iy - padding) * w_in + ix - padding) * c + channel] += dy;
            }
        }
    }
    dx.iter_mut().zip(x).for_each(|(dx, &x)| *dx = through_activation(*dx, x, params[8]));
}

fn pool(params: &[u32]) -> [usize; 8] {
    std::array::from_fn(|i| if i == 4 { 4 * params[i] as usize } else { params[i] as usize })
}
