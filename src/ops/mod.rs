//! One function a shader: checks shapes and records a [`Step`]. Outputs first, then inputs, then parameters.
//!
//! Shapes that do not fit are bugs of the caller, hence panics; what comes from outside was checked in `weights` and `photo`.
//! Addition and ReLU are never steps of their own: they are fused behind the operation before them.

use bytemuck::{Pod, Zeroable};

pub use crate::checkpoint::Padding;
use crate::gpu::{Buffer, Constant, Gpu, Step, Tensor, grid};
use crate::shader::{self, Shader};

/// How weights are held on the GPU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    #[default]
    F32,
    F16,
    /// 127ths.
    I8,
}

impl Precision {
    pub const ALL: [Precision; 3] = [Precision::F32, Precision::F16, Precision::I8];

    /// The shader that reads such weights.
    pub fn apply(self, shader: Shader) -> Shader {
        shader.with("F16", (self == Precision::F16) as usize).with("I8", (self == Precision::I8) as usize)
    }
}

/// A convolution's numbers on the GPU.
#[derive(Clone, Debug)]
pub struct Conv2d {
    /// [ksize, ksize, c_in, c_out], channels padded to vec4.
    pub weight: Constant,
    pub precision: Precision,
    /// [2, c_out]: what the sum is multiplied with, what is added then.
    pub scale_bias: Constant,
    pub c_in: usize,
    pub c_out: usize,
    pub ksize: usize,
    pub stride: usize,
    pub padding: Padding,
}

/// A depthwise convolution's numbers on the GPU: each channel has a filter of its own.
#[derive(Clone, Debug)]
pub struct DepthwiseConv2d {
    /// [ksize, ksize, channels], channels padded to vec4.
    pub weight: Constant,
    pub precision: Precision,
    /// [2, channels]: what the sum is multiplied with, what is added then.
    pub scale_bias: Constant,
    pub channels: usize,
    pub ksize: usize,
    pub stride: usize,
    pub padding: Padding,
}

/// An activation function, fused behind the operation before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Activation {
    #[default]
    None,
    /// max(x, 0)
    Relu,
    /// min(max(x, 0), 6). Sandler et al. 2018, arXiv 1801.04381
    Relu6,
}

/// What an activation function put out. A gradient goes back through it only where the function has a slope: where the value lies
/// above 0 and, for ReLU6, below 6.
#[derive(Clone, Copy, Debug)]
pub struct Mask<'a> {
    pub output: &'a Tensor,
    pub activation: Activation,
}

/// What follows a convolution in the same dispatch, in this order.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fused<'a> {
    /// Added to the result.
    pub residual: Option<&'a Tensor>,
    pub activation: Activation,
    /// The backward of the activation function that made the mask's output.
    pub mask: Option<Mask<'a>>,
}

/// How a gradient goes back through a ReLU or ReLU6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// Where the function has a slope: the derivative.
    Gradient,
    /// And only where the gradient itself is positive: guided backpropagation. Springenberg et al. 2014, arXiv 1412.6806
    Guided,
}

/// The activation function that a backward goes through, and by which rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Through {
    pub activation: Activation,
    pub rule: Rule,
}

/// A window that slides over an image.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    pub ksize: usize,
    pub stride: usize,
    pub padding: Padding,
}

/// A fully connected layer's numbers on the GPU.
#[derive(Clone, Debug)]
pub struct Linear {
    /// [features, classes], classes padded to vec4.
    pub weight: Constant,
    pub precision: Precision,
    /// [2, classes]: what the sum is multiplied with, what is added then.
    pub scale_bias: Constant,
    pub features: usize,
    pub classes: usize,
}

impl Window {
    /// Output rows (or columns) for `size` input rows (or columns).
    pub fn out(&self, size: usize) -> usize {
        self.padding.out(size, self.ksize, self.stride)
    }
    /// Rows (or columns) of zeros before the first of `size` input rows (or columns).
    pub fn before(&self, size: usize) -> usize {
        self.padding.before(size, self.ksize, self.stride)
    }
}

impl DepthwiseConv2d {
    /// As a window.
    pub fn window(&self) -> Window {
        Window { ksize: self.ksize, stride: self.stride, padding: self.padding }
    }
}

impl Conv2d {
    /// As a window.
    pub fn window(&self) -> Window {
        Window { ksize: self.ksize, stride: self.stride, padding: self.padding }
    }
    /// Columns of zeros that a tensor needs on either side for this convolution to read a row of taps in one run.
    pub fn border(&self) -> usize {
        self.ksize / 2
    }
    /// Bytes of the transposed weight that its backward needs.
    pub fn transposed_bytes(&self) -> u64 {
        (self.ksize * self.ksize * pad4(self.c_in) * pad4(self.c_out) * 4) as u64
    }
}

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
    /// Split-k: into how many partial sums the sum over input channels is cut, each with workgroups of its own; a second
    /// dispatch adds them.
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

/// For a result of one vec4 of channels, the photo's gradient: other tiles span up to sixteen and would compute the rest in vain.
pub const NARROW_TILE: Tile = registers(16, 1, 1, 16);

/// What tuning chooses from; split ones for large GPUs, which layers of 14×14 and 7×7 positions leave idle.
pub const TILES: [Tile; 8] = [
    DEFAULT_TILE,
    registers(4, 2, 8, 8),
    registers(4, 1, 16, 4),
    shared(8, 2, 8, 8),
    shared(4, 1, 8, 8),
    Tile { split: 8, ..shared(8, 2, 8, 8) },
    Tile { split: 4, ..shared(4, 1, 8, 8) },
    Tile { split: 4, ..registers(4, 1, 16, 4) },
];

impl Tile {
    /// Bytes of the partial sums of a result [positions, channels].
    pub fn partial_sums_bytes(self, positions: usize, channels: usize) -> u64 {
        if self.split == 1 { 0 } else { (self.split * positions * pad4(channels) * 4) as u64 }
    }

    /// How many workgroups compute a result [positions, 4·c4].
    fn workgroups(self, positions: usize, c4: usize) -> [u32; 3] {
        match self.kernel {
            Kernel::Naive => grid((positions * c4).div_ceil(64)),
            _ => [c4.div_ceil(self.wx * self.cols), positions.div_ceil(self.wy * self.rows).max(1), self.split]
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
                // Positions are fetched four vec4 each: every invocation takes one vec4 of X_LOADS positions.
                assert!((wx * wy).is_multiple_of(4) && (wy * rows * 4).is_multiple_of(wx * wy), "{self:?}");
                let loads = wy * rows * 4 / (wx * wy);
                let shader = tiled(shader::conv2d_shared()).with("WY_ROWS", wy * rows).with("X_LOADS", loads);
                shader.with("X_TILE", wy * rows * 4).with("W_TILE", 16 * wx * cols)
            }
        }
    }
}

#[repr(C)]
#[derive(Clone, Copy, Default, Pod, Zeroable)]
struct Conv2dParams {
    rows: u32,
    cols: u32,
    y_width: u32,
    y_step: u32,
    y_row: u32,
    y_col: u32,
    x_height: u32,
    x_width: u32,
    x_step: u32,
    x_row: i32,
    x_col: i32,
    tap_rows: u32,
    tap_cols: u32,
    tap_step: i32,
    w_row: u32,
    w_col: u32,
    w_step: u32,
    ksize: u32,
    c_in4: u32,
    c_out4: u32,
    run4: u32,
    flags: u32,
    part4: u32,
    _pad: u32,
}

/// y = relu(scale · conv(x, w) + bias + residual): `shaders/conv2d.wgsl`. y [h_out, w_out, c_out], x [h_in, w_in, c_in].
///
/// One step; with a tile that splits the sum two, the first leaving [`Tile::partial_sums_bytes`] in `partial_sums`.
pub fn conv2d(
    gpu: &Gpu,
    y: &Tensor,
    x: &Tensor,
    conv: &Conv2d,
    fused: Fused,
    tile: Tile,
    partial_sums: &Constant,
) -> Vec<Step> {
    let window = conv.window();
    assert_eq!([y.height, y.width, y.channels], [window.out(x.height), window.out(x.width), conv.c_out]);
    assert_eq!(x.channels, conv.c_in);
    // With a border at least as wide as the padding, the taps of one row lie side by side and never leave the row.
    let bordered = x.border > 0;
    let [top, left] = [x.height, x.width].map(|side| window.before(side));
    let right = ((y.width - 1) * conv.stride + conv.ksize).saturating_sub(left + x.width);
    assert!(!bordered || (left.max(right) <= x.border && y.border == 0));
    let params = Conv2dParams {
        rows: y.height as u32,
        cols: y.width as u32,
        y_width: y.width as u32,
        y_step: 1,
        x_height: x.height as u32,
        x_width: (x.width + 2 * x.border) as u32,
        x_step: conv.stride as u32,
        x_row: -(top as i32),
        x_col: x.border as i32 - left as i32,
        tap_rows: conv.ksize as u32,
        tap_cols: if bordered { 1 } else { conv.ksize as u32 },
        tap_step: 1,
        w_step: 1,
        ksize: conv.ksize as u32,
        c_in4: x.c4() as u32,
        c_out4: y.c4() as u32,
        run4: (if bordered { conv.ksize * x.c4() } else { x.c4() }) as u32,
        ..Default::default()
    };
    let scale = Scale::OfY(&conv.scale_bias);
    conv2d_steps(gpu, y, x, &conv.weight, conv.precision, scale, fused, params, tile, partial_sums)
}

/// What a convolution's scale and bias are for.
#[derive(Clone, Copy)]
enum Scale<'a> {
    None,
    /// Applied to the sum.
    OfY(&'a Constant),
    /// The scale, applied to what is read, and the weight read transposed: `TRANSPOSE` in the shader.
    OfX(&'a Constant),
}

/// dL/dx of [`conv2d`]'s convolution, by the same shader on the weight that [`conv2d_transpose_weight`] leaves in `transposed`; the
/// processor reads the weight as it is.
///
/// dx [h_in, w_in, c_in], dy [h_out, w_out, c_out].
/// A position of dx at row iy meets tap ky where (iy + padding − ky) is a multiple of the stride: one step for each remainder
/// of iy and ix (two with a tile that splits the sum), each a dense product over its own taps.
#[allow(clippy::too_many_arguments)] // one argument for each operand of the formula
pub fn conv2d_backward_input(
    gpu: &Gpu,
    dx: &Tensor,
    dy: &Tensor,
    conv: &Conv2d,
    transposed: &Constant,
    fused: Fused,
    tile: Tile,
    partial_sums: &Constant,
) -> Vec<Step> {
    let window = conv.window();
    assert_eq!([dy.height, dy.width, dy.channels], [window.out(dx.height), window.out(dx.width), conv.c_out]);
    assert_eq!(dx.channels, conv.c_in);
    let Window { ksize, stride, .. } = window;
    let [top, left] = [dx.height, dx.width].map(|side| window.before(side));
    // For rows iy = first, first + stride, …: the first tap ky that meets them, how many do, and the row of dy that it reads.
    let phase = |first: usize, before: usize| {
        let tap = (first + before) % stride;
        let taps = if tap < ksize { (ksize - tap).div_ceil(stride) } else { 0 };
        let origin = (first + before) as i32 - tap as i32;
        (tap as u32, taps as u32, origin / stride as i32)
    };
    let as_it_is = gpu.is_cpu();
    let (weight, precision, scale) = match as_it_is {
        true => (&conv.weight, conv.precision, Scale::OfX(&conv.scale_bias)),
        false => (transposed, Precision::F32, Scale::None),
    };
    let mut steps = Vec::new();
    if !as_it_is {
        steps.push(conv2d_transpose_weight(gpu, transposed, conv));
    }
    for first_row in 0..stride.min(dx.height) {
        for first_col in 0..stride.min(dx.width) {
            let (w_row, tap_rows, x_row) = phase(first_row, top);
            let (w_col, tap_cols, x_col) = phase(first_col, left);
            let params = Conv2dParams {
                rows: (dx.height - first_row).div_ceil(stride) as u32,
                cols: (dx.width - first_col).div_ceil(stride) as u32,
                y_width: dx.width as u32,
                y_step: stride as u32,
                y_row: first_row as u32,
                y_col: first_col as u32,
                x_height: dy.height as u32,
                x_width: dy.width as u32,
                x_step: 1,
                x_row,
                x_col,
                tap_rows,
                tap_cols,
                tap_step: -1,
                w_row,
                w_col,
                w_step: stride as u32,
                ksize: ksize as u32,
                c_in4: dy.c4() as u32,
                c_out4: dx.c4() as u32,
                run4: dy.c4() as u32,
                ..Default::default()
            };
            steps.extend(conv2d_steps(gpu, dx, dy, weight, precision, scale, fused, params, tile, partial_sums));
        }
    }
    steps
}

#[allow(clippy::too_many_arguments)]
fn conv2d_steps(
    gpu: &Gpu,
    y: &Tensor,
    x: &Tensor,
    weight: &Constant,
    precision: Precision,
    scale: Scale,
    fused: Fused,
    mut params: Conv2dParams,
    tile: Tile,
    partial_sums: &Constant,
) -> Vec<Step> {
    let tile = if gpu.is_cpu() { NAIVE } else { tile }; // there, tiles mean nothing
    let of_y = if let Scale::OfY(scale_bias) = scale { Some(scale_bias) } else { None };
    let (flags, mut follows) = what_follows(y, of_y, &fused, &weight.buffer);
    params.flags = flags;
    let mut shader = precision.apply(tile.shader());
    if let Scale::OfX(scale_bias) = scale {
        follows[0] = &scale_bias.buffer;
        shader = shader.with("TRANSPOSE", 1);
    }
    let positions = (params.rows * params.cols) as usize;
    let part4 = (params.run4 as usize).div_ceil(tile.split);
    // Through workgroup memory go 16 channels at a time.
    params.part4 = (if tile.kernel == Kernel::Shared { part4.next_multiple_of(4) } else { part4 }) as u32;
    let workgroups = tile.workgroups(positions, y.c4());
    let operands = [&x.buffer, &weight.buffer];
    if tile.split == 1 {
        return vec![gpu.step(shader, &[&[&y.buffer], &operands[..], &follows[..]].concat(), params, workgroups)];
    }

    assert!(partial_sums.bytes() >= tile.partial_sums_bytes(positions, y.channels));
    let nothing = [&weight.buffer; 3];
    let products = gpu.step(
        shader,
        &[&[&partial_sums.buffer], &operands[..], &nothing[..]].concat(),
        Conv2dParams { y_width: params.cols, y_step: 1, y_row: 0, y_col: 0, flags: 0, ..params },
        workgroups,
    );
    // `shaders/conv2d_sum.wgsl`: partial sums [split, rows·cols, c_out]
    let Conv2dParams { rows, cols, y_width, y_step, y_row, y_col, c_out4, flags, .. } = params;
    let bindings = [&[&y.buffer, &partial_sums.buffer], &follows[..]].concat();
    let params = [rows, cols, y_width, y_step, y_row, y_col, c_out4, tile.split as u32, flags, 0, 0, 0];
    let sum = gpu.step(shader::conv2d_sum(), &bindings, params, grid((positions * y.c4()).div_ceil(64)));
    vec![products, sum]
}

/// The shaders' flags for what follows a convolution's sum, and what they read for it; `unused` is bound where the flags say that
/// nothing is read.
fn what_follows<'a>(
    y: &Tensor,
    scale_bias: Option<&'a Constant>,
    fused: &Fused<'a>,
    unused: &'a Buffer,
) -> (u32, [&'a Buffer; 3]) {
    const RESIDUAL: u32 = 1;
    const RELU: u32 = 2;
    const MASK: u32 = 4;
    const SCALE_BIAS: u32 = 8;
    const RELU6: u32 = 16;
    const MASK_BELOW_6: u32 = 32;
    for other in [fused.residual, fused.mask.map(|mask| mask.output)].into_iter().flatten() {
        assert_eq!([other.height, other.width, other.channels], [y.height, y.width, y.channels]);
    }
    let flag = |set: bool, bit: u32| if set { bit } else { 0 };
    let flags = flag(scale_bias.is_some(), SCALE_BIAS)
        | flag(fused.residual.is_some(), RESIDUAL)
        | flag(fused.activation != Activation::None, RELU)
        | flag(fused.activation == Activation::Relu6, RELU6)
        | flag(fused.mask.is_some(), MASK)
        | flag(fused.mask.is_some_and(|mask| mask.activation == Activation::Relu6), MASK_BELOW_6);
    let follows = [
        scale_bias.map_or(unused, |c| &c.buffer),
        fused.residual.map_or(unused, |t| &t.buffer),
        fused.mask.map_or(unused, |mask| &mask.output.buffer),
    ];
    (flags, follows)
}

/// y = activation(scale · depthwise_conv(x, w) + bias + residual): `shaders/depthwise_conv2d.wgsl`. y [h_out, w_out, c], x [h_in, w_in, c].
pub fn depthwise_conv2d(gpu: &Gpu, y: &Tensor, x: &Tensor, conv: &DepthwiseConv2d, fused: Fused) -> Step {
    let (flags, follows) = what_follows(y, Some(&conv.scale_bias), &fused, &conv.weight.buffer);
    let bindings = [&[&y.buffer, &x.buffer, &conv.weight.buffer], &follows[..]].concat();
    let workgroups = grid((y.positions() * y.c4()).div_ceil(64));
    let shader = conv.precision.apply(shader::depthwise_conv2d());
    gpu.step(shader, &bindings, depthwise_params(y, x, conv, flags), workgroups)
}

/// dL/dx of [`depthwise_conv2d`]'s convolution: `shaders/depthwise_conv2d_backward_input.wgsl`. dx [h_in, w_in, c], dy [h_out, w_out, c].
pub fn depthwise_conv2d_backward_input(
    gpu: &Gpu,
    dx: &Tensor,
    dy: &Tensor,
    conv: &DepthwiseConv2d,
    fused: Fused,
) -> Step {
    // The scale is applied to the sum: it is one number a channel, and dL/dx's channels are dL/dy's.
    let (flags, mut follows) = what_follows(dx, None, &fused, &conv.weight.buffer);
    follows[0] = &conv.scale_bias.buffer;
    let bindings = [&[&dx.buffer, &dy.buffer, &conv.weight.buffer], &follows[..]].concat();
    let workgroups = grid((dx.positions() * dx.c4()).div_ceil(64));
    let shader = conv.precision.apply(shader::depthwise_conv2d_backward_input());
    gpu.step(shader, &bindings, depthwise_params(dy, dx, conv, flags), workgroups)
}

/// Of both; y [h_out, w_out, c] and x [h_in, w_in, c] as the forward pass has them.
fn depthwise_params(y: &Tensor, x: &Tensor, conv: &DepthwiseConv2d, flags: u32) -> [u32; 12] {
    let window = conv.window();
    assert_eq!([y.height, y.width, y.channels], [window.out(x.height), window.out(x.width), conv.channels]);
    assert_eq!([x.channels, x.border, y.border], [conv.channels, 0, 0]);
    let [top, left] = [x.height, x.width].map(|side| window.before(side));
    let numbers = [y.height, y.width, x.height, x.width, y.c4(), conv.ksize, conv.stride, top, left];
    let mut params = [0; 12];
    params.iter_mut().zip(numbers).for_each(|(to, from)| *to = from as u32);
    params[9] = flags;
    params
}

/// What convolutions leave between their steps: one for all of a network.
#[derive(Clone, Debug)]
pub struct Scratch {
    /// Of tiles that split a sum; in Winograd's form the products [16, tiles, c_out].
    pub partial_sums: Constant,
    /// Winograd's form: the transformed weight [16, c_in, c_out].
    pub weight: Constant,
    /// Winograd's form: the transformed image [tiles, 16, c_in].
    pub image: Constant,
}

impl Scratch {
    /// Room for so many bytes of each, in the order of the fields.
    pub fn new(gpu: &Gpu, bytes: [u64; 3]) -> Scratch {
        let [partial_sums, weight, image] = bytes.map(|bytes| gpu.scratch(bytes));
        Scratch { partial_sums, weight, image }
    }
    pub fn parts(&self) -> [&Constant; 3] {
        [&self.partial_sums, &self.weight, &self.image]
    }
}

/// Bytes of the parts of [`Scratch`] for Winograd's form of a convolution with so many outputs.
pub fn winograd_bytes([height, width]: [usize; 2], c_in: usize, c_out: usize) -> [u64; 3] {
    let (tiles, c_in, c_out) = (height.div_ceil(2) * width.div_ceil(2), pad4(c_in), pad4(c_out));
    [tiles * c_out, c_in * c_out, tiles * c_in].map(|count| (16 * 4 * count) as u64)
}

/// Whether Winograd's form computes this convolution in markedly fewer products than `tile` does directly, which computes whole
/// tiles of positions: of 7×7 positions so much would be thrown away that nothing is gained.
pub fn winograd_pays(conv: &Conv2d, [height, width]: [usize; 2], tile: Tile) -> bool {
    let whole = |positions: usize| positions.next_multiple_of(tile.wy * tile.rows);
    let (direct, winograd) = (9 * whole(height * width), 16 * whole(height.div_ceil(2) * width.div_ceil(2)));
    // Through workgroup memory go 16 channels at a time, which must belong to one partial sum.
    let parts_fit = tile.kernel != Kernel::Shared || (conv.c_in.is_multiple_of(16) && conv.c_out.is_multiple_of(16));
    let Conv2d { ksize, stride, padding, .. } = *conv;
    let splits = tile.kernel != Kernel::Naive;
    splits && [ksize, stride] == [3, 1] && padding.is_half(ksize, stride) && parts_fit && 4 * direct >= 5 * winograd
}

/// [`conv2d`] for 3×3 windows of stride 1 by Winograd's F(2×2, 3×3): 16 products for 4 outputs instead of 36. Lavin & Gray 2016.
///
/// Four steps: weight and image are transformed (`shaders/winograd_weight.wgsl`, `winograd_input`), multiplied as sixteen matrix
/// products, which to `conv2d` are the sixteen partial sums of a sum over 16·c_in channels, and transformed back (`winograd_output`).
/// f32 results differ from those of the direct form by some 1e-6 of the largest.
pub fn conv2d_winograd(
    gpu: &Gpu,
    y: &Tensor,
    x: &Tensor,
    conv: &Conv2d,
    fused: Fused,
    tile: Tile,
    scratch: &Scratch,
) -> Vec<Step> {
    winograd_steps(gpu, y, x, conv, [conv.c_in, conv.c_out], None, fused, tile, scratch)
}

/// [`conv2d_backward_input`] likewise: the same convolution with the transposed weight, its taps read backwards.
#[allow(clippy::too_many_arguments)]
pub fn conv2d_winograd_backward_input(
    gpu: &Gpu,
    dx: &Tensor,
    dy: &Tensor,
    conv: &Conv2d,
    transposed: &Constant,
    fused: Fused,
    tile: Tile,
    scratch: &Scratch,
) -> Vec<Step> {
    winograd_steps(gpu, dx, dy, conv, [conv.c_out, conv.c_in], Some(transposed), fused, tile, scratch)
}

#[allow(clippy::too_many_arguments)]
fn winograd_steps(
    gpu: &Gpu,
    y: &Tensor,
    x: &Tensor,
    conv: &Conv2d,
    [c_in, c_out]: [usize; 2],
    transposed: Option<&Constant>,
    fused: Fused,
    tile: Tile,
    scratch: &Scratch,
) -> Vec<Step> {
    assert!([conv.ksize, conv.stride] == [3, 1] && conv.padding.is_half(3, 1));
    assert_eq!([x.channels, y.channels], [c_in, c_out]);
    assert_eq!([y.height, y.width, x.border, y.border], [x.height, x.width, 0, 0]);
    let bytes = winograd_bytes([y.height, y.width], c_in, c_out);
    assert!(scratch.parts().iter().zip(bytes).all(|(part, bytes)| part.bytes() >= bytes));

    let (c_in4, c_out4) = (x.c4() as u32, y.c4() as u32);
    let [height, width] = [y.height, y.width].map(|side| side as u32);
    let [tiles_y, tiles_x] = [height, width].map(|side| side.div_ceil(2));
    let tiles = tiles_y * tiles_x;
    let (weight, precision) =
        transposed.map_or((&conv.weight, conv.precision), |transposed| (transposed, Precision::F32));
    let count = c_in4 * 4 * c_out4;
    let transform_weight = gpu.step(
        precision.apply(shader::winograd_weight()),
        &[&scratch.weight.buffer, &weight.buffer],
        [count, transposed.is_some() as u32, 0, 0],
        grid((count as usize).div_ceil(64)),
    );
    let transform_image = gpu.step(
        shader::winograd_input(),
        &[&scratch.image.buffer, &x.buffer],
        [height, width, tiles_y, tiles_x, c_in4, 0, 0, 0],
        grid(((tiles * c_in4) as usize).div_ceil(64)),
    );

    // A 1×1 convolution of `tiles` positions with 16·c_in channels, its sum left in sixteen parts.
    let split = Tile { split: 16, ..tile };
    let params = Conv2dParams {
        rows: 1,
        cols: tiles,
        y_width: tiles,
        y_step: 1,
        x_height: 1,
        x_width: tiles,
        x_step: 1,
        tap_rows: 1,
        tap_cols: 1,
        ksize: 1,
        c_in4: 16 * c_in4,
        c_out4,
        run4: 16 * c_in4,
        part4: c_in4,
        ..Default::default()
    };
    let (weight, nothing) = (&scratch.weight.buffer, &scratch.weight.buffer);
    let bindings = [&scratch.partial_sums.buffer, &scratch.image.buffer, weight, nothing, nothing, nothing];
    let workgroups = split.workgroups(tiles as usize, y.c4());
    let multiply = gpu.step(split.shader(), &bindings, params, workgroups);

    let scale_bias = transposed.is_none().then_some(&conv.scale_bias);
    let (flags, follows) = what_follows(y, scale_bias, &fused, &scratch.partial_sums.buffer);
    let transform_back = gpu.step(
        shader::winograd_output(),
        &[&[&y.buffer, &scratch.partial_sums.buffer], &follows[..]].concat(),
        [height, width, tiles_y, tiles_x, c_out4, flags, 0, 0],
        grid(((tiles * c_out4) as usize).div_ceil(64)),
    );
    let transpose = transposed.map(|transposed| conv2d_transpose_weight(gpu, transposed, conv));
    transpose.into_iter().chain([transform_weight, transform_image, multiply, transform_back]).collect()
}

/// wt [ksize, ksize, c_out, c_in] = scale · w, transposed: `shaders/conv2d_transpose_weight.wgsl`.
pub fn conv2d_transpose_weight(gpu: &Gpu, transposed: &Constant, conv: &Conv2d) -> Step {
    assert!(transposed.bytes() >= conv.transposed_bytes());
    let [c_in4, c_out4] = [conv.c_in, conv.c_out].map(|c| c.div_ceil(4) as u32);
    let taps = (conv.ksize * conv.ksize) as u32;
    let shader = conv.precision.apply(shader::conv2d_transpose_weight());
    let bindings = [&transposed.buffer, &conv.weight.buffer, &conv.scale_bias.buffer];
    gpu.step(shader, &bindings, [c_in4, c_out4, taps, 0], [c_out4.div_ceil(16), c_in4.div_ceil(16), taps])
}

/// y [h_out, w_out, c] = the largest value of each window of x [h_in, w_in, c]: `shaders/max_pool2d.wgsl`.
pub fn max_pool2d(gpu: &Gpu, y: &Tensor, x: &Tensor, window: Window) -> Step {
    let params = pool_params(y, x, window, None);
    let workgroups = grid((y.positions() * y.c4()).div_ceil(64));
    gpu.step(shader::max_pool2d(), &[&y.buffer, &x.buffer], params, workgroups)
}

/// dL/dx of [`max_pool2d`], and of the activation function that made x, if asked for: `shaders/max_pool2d_backward.wgsl`, behind
/// `max_pool2d_indices`, which leaves in `indices` [h_out · w_out · c/4] the maximum's place in each window.
pub fn max_pool2d_backward(
    gpu: &Gpu,
    dx: &Tensor,
    dy: &Tensor,
    x: &Tensor,
    indices: &Tensor,
    window: Window,
    through: Option<Through>,
) -> [Step; 2] {
    let params = pool_params(dy, x, window, through);
    let count = dy.positions() * dy.c4();
    assert!(indices.channels >= count && window.ksize.pow(2) <= 256);
    let find = gpu.step(shader::max_pool2d_indices(), &[&indices.buffer, &x.buffer], params, grid(count.div_ceil(64)));
    let bindings = [&dx.buffer, &dy.buffer, &x.buffer, &indices.buffer];
    let workgroups = grid((x.positions() * x.c4()).div_ceil(64));
    [find, gpu.step(shader::max_pool2d_backward(), &bindings, params, workgroups)]
}

fn pool_params(y: &Tensor, x: &Tensor, window: Window, through: Option<Through>) -> [u32; 12] {
    assert_eq!([y.height, y.width, y.channels], [window.out(x.height), window.out(x.width), x.channels]);
    let shape = [y.height, y.width, x.height, x.width, x.c4()];
    let mut params = [0; 12];
    let padding = window.before(x.height);
    assert_eq!(padding, window.before(x.width), "pools of one padding on both axes");
    let numbers = shape.into_iter().chain([window.ksize, window.stride, padding, through_number(through)]);
    params.iter_mut().zip(numbers).for_each(|(to, from)| *to = from as u32);
    params
}

/// The shaders' own numbers, `through` in their parameters: 0 for none; 1 and 2 for a ReLU and guided through a ReLU; 3 and 4 for ReLU6.
fn through_number(through: Option<Through>) -> usize {
    match through {
        None | Some(Through { activation: Activation::None, .. }) => 0,
        Some(Through { activation: Activation::Relu, rule }) => 1 + rule as usize,
        Some(Through { activation: Activation::Relu6, rule }) => 3 + rule as usize,
    }
}

/// y [c] = the mean of each channel of x [h, w, c]: `shaders/global_average_pool.wgsl`.
pub fn global_average_pool(gpu: &Gpu, y: &Tensor, x: &Tensor) -> Step {
    assert_eq!([y.positions(), y.channels], [1, x.channels]);
    let params = [x.positions() as u32, x.c4() as u32, 0, 0];
    gpu.step(shader::global_average_pool(), &[&y.buffer, &x.buffer], params, grid(x.c4().div_ceil(8)))
}

/// dL/dx of [`global_average_pool`], and of the activation function that made x, if asked for: `shaders/global_average_pool_backward.wgsl`.
pub fn global_average_pool_backward(gpu: &Gpu, dx: &Tensor, dy: &Tensor, x: &Tensor, through: Option<Through>) -> Step {
    assert_eq!([dy.positions(), dy.channels], [1, x.channels]);
    assert_eq!([dx.height, dx.width, dx.channels], [x.height, x.width, x.channels]);
    let params = [x.positions() as u32, x.c4() as u32, through_number(through) as u32, 0];
    let workgroups = grid((x.positions() * x.c4()).div_ceil(64));
    gpu.step(shader::global_average_pool_backward(), &[&dx.buffer, &dy.buffer, &x.buffer], params, workgroups)
}

/// y [classes] = scale · (w · x [features]) + bias: `shaders/linear.wgsl`.
pub fn linear(gpu: &Gpu, y: &Tensor, x: &Tensor, linear: &Linear) -> Step {
    assert_eq!([y.channels, x.channels], [linear.classes, linear.features]);
    let shader = linear.precision.apply(shader::linear());
    let bindings = [&y.buffer, &x.buffer, &linear.weight.buffer, &linear.scale_bias.buffer];
    gpu.step(shader, &bindings, [x.c4() as u32, y.c4() as u32, 0, 0], grid(y.c4().div_ceil(8)))
}

/// dL/dx of [`linear`], of dy as [`sparse`] gives it: `shaders/linear_backward.wgsl`.
pub fn linear_backward(gpu: &Gpu, dx: &Tensor, dy: &Tensor, linear: &Linear) -> Step {
    assert_eq!([dy.positions(), dy.channels, dx.channels], [linear.classes, 2, linear.features]);
    let shader = linear.precision.apply(shader::linear_backward());
    let bindings = [&dx.buffer, &dy.buffer, &linear.weight.buffer, &linear.scale_bias.buffer];
    let params = [dx.c4() as u32, linear.classes.div_ceil(4) as u32, 0, 0];
    gpu.step(shader, &bindings, params, grid((dx.c4() * 4).div_ceil(64)))
}

/// Planes [2, 1, classes] of a dy [classes]: the numbers of those that are not zero and what they are, then zeros. A subnormal number is
/// left out: many GPUs take it for a zero, which would end the list.
pub fn sparse(dy: &[f32]) -> Vec<f32> {
    let felt: Vec<usize> = (0..dy.len()).filter(|&n| dy[n] != 0.0 && !dy[n].is_subnormal()).collect();
    let mut planes = vec![0.0; 2 * dy.len()];
    for (i, &n) in felt.iter().enumerate() {
        (planes[i], planes[dy.len() + i]) = (n as f32, dy[n]);
    }
    planes
}

/// y = x [h, w, c] without the channel whose number is in `channel` [1], if it has one: `shaders/without_channel.wgsl`.
pub fn without_channel(gpu: &Gpu, y: &Tensor, x: &Tensor, channel: &Tensor) -> Step {
    assert_eq!([y.height, y.width, y.channels], [x.height, x.width, x.channels]);
    let count = x.positions() * x.c4();
    let bindings = [&y.buffer, &x.buffer, &channel.buffer];
    gpu.step(shader::without_channel(), &bindings, [count as u32, x.c4() as u32, 0, 0], grid(count.div_ceil(64)))
}

/// Steps that shuffle numbers in place, one a round of [`scramble_rounds`]; in reverse order they put everything back:
/// `shaders/scramble.wgsl`. `within`: where not all may change places with all, a power of two, and each run of so many is shuffled
/// within itself.
pub fn scramble(gpu: &Gpu, words: &Constant, within: Option<usize>, seed: u32) -> Vec<Step> {
    let count = (words.bytes() / 4) as usize;
    let step = |(mask, seed)| {
        let params = [count as u32, mask, seed, 0];
        gpu.step(shader::scramble(), &[&words.buffer], params, grid(count.div_ceil(64)))
    };
    scramble_rounds(within.unwrap_or(count), seed).into_iter().map(step).collect()
}

/// (mask, seed) of each round: two a bit of the index, so that each number may end up anywhere.
pub fn scramble_rounds(count: usize, seed: u32) -> Vec<(u32, u32)> {
    let bits = usize::BITS - count.saturating_sub(1).leading_zeros();
    let below = (1u64 << bits) as u32 - 1;
    let round = |n: u32| {
        let seed = hash(seed.wrapping_mul(64).wrapping_add(n + 1));
        ((hash(seed) & below).max(1), seed)
    };
    (0..2 * bits).map(round).collect()
}

/// lowbias32 of Chris Wellons' hash prospector, as `scramble.wgsl` has it.
pub(crate) fn hash(mut x: u32) -> u32 {
    x = (x ^ (x >> 16)).wrapping_mul(0x7feb_352d);
    x = (x ^ (x >> 15)).wrapping_mul(0x846c_a68b);
    x ^ (x >> 16)
}

/// Channel weights of XGrad-CAM and Grad-CAM++: `shaders/cam_weights.wgsl`.
pub fn cam_weights(gpu: &Gpu, weights: &Tensor, activations: &Tensor, gradients: &Tensor, method: u32) -> Step {
    assert_eq!([weights.positions(), weights.channels], [1, activations.channels]);
    let params = [activations.positions() as u32, activations.c4() as u32, method, 0];
    let bindings = [&weights.buffer, &activations.buffer, &gradients.buffer];
    gpu.step(shader::cam_weights(), &bindings, params, grid(activations.c4().div_ceil(8)))
}

/// cam [h, w] of activations and gradients [h, w, c] and channel weights [c]: `shaders/cam.wgsl`.
pub fn cam(gpu: &Gpu, cam: &Tensor, activations: &Tensor, gradients: &Tensor, weights: &Tensor, method: u32) -> Step {
    assert_eq!([gradients.positions(), gradients.channels], [activations.positions(), activations.channels]);
    let params = [activations.positions() as u32, activations.c4() as u32, method, 0];
    let bindings = [&cam.buffer, &activations.buffer, &gradients.buffer, &weights.buffer];
    gpu.step(shader::cam(), &bindings, params, grid(activations.positions()))
}

/// The next multiple of 4.
pub fn pad4(channels: usize) -> usize {
    channels.next_multiple_of(4)
}
