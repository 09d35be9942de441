//! Every operation with its parameters, declared once: a shader gets the struct as its uniform, the
//! [processor](crate) reads the same one.
//!
//! To add an operation: its parameters as in its shader's `Params`, a variant, and an arm in
//! [`Operation::params`].

use bytemuck::{Pod, Zeroable, bytes_of};

/// How weights are held in memory.
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
}

// What follows a sum in the same dispatch: bits of `flags`, as in `shaders/shared/flags.wgsl`.
pub const RESIDUAL: u32 = 1;
pub const RELU: u32 = 2;
pub const MASK: u32 = 4;
pub const SCALE_BIAS: u32 = 8;
pub const RELU6: u32 = 16;
pub const MASK_BELOW_6: u32 = 32;

// What a map is the sum of: `method` of a `Cam`, as in `shaders/cam.wgsl`.
pub const CAM_WEIGHTED: u32 = 0;
pub const CAM_HIRES: u32 = 1;
pub const CAM_ELEMENT_WISE: u32 = 2;
pub const CAM_LAYER: u32 = 3;

// Which channel weights: `method` of `CamWeights`, as in `shaders/cam_weights.wgsl`.
pub const WEIGHTS_XGRAD: u32 = 0;
pub const WEIGHTS_PLUS_PLUS: u32 = 1;

macro_rules! params {
    ($($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty),* $(,)? })*) => {
        $(
            $(#[$doc])*
            #[repr(C)]
            #[derive(Clone, Copy, Debug, Default, Pod, Zeroable)]
            pub struct $name { $(pub $field: $type),* }
        )*
    };
}

params! {
    /// `shaders/shared/conv2d.wgsl` says what each is.
    Conv2dParams {
        rows: u32, cols: u32,
        y_width: u32, y_step: u32, y_row: u32, y_col: u32,
        x_height: u32, x_width: u32, x_step: u32, x_row: i32, x_col: i32,
        tap_rows: u32, tap_cols: u32, tap_step: i32,
        w_row: u32, w_col: u32, w_step: u32, ksize: u32,
        c_in4: u32, c_out4: u32, run4: u32, flags: u32, part4: u32,
    }
    Conv2dSumParams {
        rows: u32, cols: u32, y_width: u32, y_step: u32, y_row: u32, y_col: u32, c_out4: u32, split: u32, flags: u32,
    }
    TransposeWeightParams { c_in4: u32, c_out4: u32 }
    WinogradWeightParams { count: u32, flipped: u32 }
    /// Without `flags` those of `winograd_input.wgsl`, which ends before them.
    WinogradParams { height: u32, width: u32, tiles_y: u32, tiles_x: u32, c4: u32, flags: u32 }
    /// Sizes are those of the forward pass, in the backward, too.
    DepthwiseParams {
        h_out: u32, w_out: u32, h_in: u32, w_in: u32, c4: u32, ksize: u32, stride: u32, top: u32, left: u32, flags: u32,
    }
    /// `through` is read by the backward only.
    MaxPoolParams {
        h_out: u32, w_out: u32, h_in: u32, w_in: u32, c4: u32, ksize: u32, stride: u32, padding: u32, through: u32,
    }
    /// `through` is read by the backward only.
    GlobalAveragePoolParams { positions: u32, c4: u32, through: u32 }
    LinearParams { k4: u32, n4: u32 }
    /// `method`: one of `CAM_` for a `Cam`, one of `WEIGHTS_` for `CamWeights`.
    CamParams { positions: u32, c4: u32, method: u32 }
    AblateChannelParams { count: u32, c4: u32 }
    RandomizeParams { count: u32, mask: u32, seed: u32 }
    GruCellParams { inputs: u32, units: u32 }
    GruGatesParams { units: u32 }
    FilmParams { count: u32, c4: u32 }
    /// Of attention, forward and backward, and of weighted sums.
    AttentionParams { positions: u32, c4: u32 }
    WeightedSumBackwardParams { positions: u32, c4: u32, flags: u32 }
    OffsetsParams { height: u32, width: u32 }
    OuterProductParams { count: u32, c4: u32, a4: u32, flags: u32 }
}

/// What a dispatch computes.
#[derive(Clone, Debug)]
pub enum Operation {
    Conv2d {
        params: Conv2dParams,
        precision: Precision,
        /// The weight is the forward pass's, to be read transposed, and binding 3 is the scale of
        /// what is read.
        transposed: bool,
    },
    Conv2dSum(Conv2dSumParams),
    Conv2dTransposeWeight(TransposeWeightParams),
    WinogradWeight(WinogradWeightParams),
    WinogradInput(WinogradParams),
    WinogradOutput(WinogradParams),
    DepthwiseConv2d(DepthwiseParams, Precision),
    DepthwiseConv2dBackwardInput(DepthwiseParams, Precision),
    MaxPool2d(MaxPoolParams),
    MaxPool2dIndices(MaxPoolParams),
    MaxPool2dBackward(MaxPoolParams),
    GlobalAveragePool(GlobalAveragePoolParams),
    GlobalAveragePoolBackward(GlobalAveragePoolParams),
    Linear(LinearParams, Precision),
    LinearBackward(LinearParams, Precision),
    Cam(CamParams),
    CamWeights(CamParams),
    AblateChannel(AblateChannelParams),
    Randomize(RandomizeParams),
    GruCell(GruCellParams),
    GruGates(GruGatesParams),
    GruGatesBackward(GruGatesParams),
    Film(FilmParams),
    FilmBackward(FilmParams),
    Attention(AttentionParams),
    AttentionBackward(AttentionParams),
    WeightedSum(AttentionParams),
    WeightedSumBackward(WeightedSumBackwardParams),
    Offsets(OffsetsParams),
    OffsetsBackward(OffsetsParams),
    OuterProduct(OuterProductParams),
}

impl Operation {
    /// The shader's uniform.
    pub fn params(&self) -> &[u8] {
        match self {
            Operation::Conv2d { params, .. } => bytes_of(params),
            Operation::Conv2dSum(params) => bytes_of(params),
            Operation::Conv2dTransposeWeight(params) => bytes_of(params),
            Operation::WinogradWeight(params) => bytes_of(params),
            Operation::WinogradInput(params) | Operation::WinogradOutput(params) => {
                bytes_of(params)
            }
            Operation::DepthwiseConv2d(params, _)
            | Operation::DepthwiseConv2dBackwardInput(params, _) => bytes_of(params),
            Operation::MaxPool2d(params)
            | Operation::MaxPool2dIndices(params)
            | Operation::MaxPool2dBackward(params) => bytes_of(params),
            Operation::GlobalAveragePool(params) | Operation::GlobalAveragePoolBackward(params) => {
                bytes_of(params)
            }
            Operation::Linear(params, _) | Operation::LinearBackward(params, _) => bytes_of(params),
            Operation::Cam(params) | Operation::CamWeights(params) => bytes_of(params),
            Operation::AblateChannel(params) => bytes_of(params),
            Operation::Randomize(params) => bytes_of(params),
            Operation::GruCell(params) => bytes_of(params),
            Operation::GruGates(params) | Operation::GruGatesBackward(params) => bytes_of(params),
            Operation::Film(params) | Operation::FilmBackward(params) => bytes_of(params),
            Operation::Attention(params)
            | Operation::AttentionBackward(params)
            | Operation::WeightedSum(params) => bytes_of(params),
            Operation::WeightedSumBackward(params) => bytes_of(params),
            Operation::Offsets(params) | Operation::OffsetsBackward(params) => bytes_of(params),
            Operation::OuterProduct(params) => bytes_of(params),
        }
    }
}

/// lowbias32 of Chris Wellons' hash prospector, as `shaders/randomize.wgsl` has it.
pub fn hash(mut x: u32) -> u32 {
    x = (x ^ (x >> 16)).wrapping_mul(0x7feb_352d);
    x = (x ^ (x >> 15)).wrapping_mul(0x846c_a68b);
    x ^ (x >> 16)
}
