//! Every shader against its plain f64 twin: odd shapes, fresh random data, outputs poisoned with
//! NaN.
//!
//! A run prints its seed; `SEED=… cargo test --test kernels` repeats it. A failing comparison names
//! operation, shape, index and both values, and every failure of a test is reported, not the first.
//! Backwards are also held against central differences of the forward twin, and linear ones against
//! the adjoint identity <dy, A x> = <Aᵀ dy, x>.

#[path = "../common/mod.rs"]
mod common;
mod conv2d;
mod depthwise_conv2d;
mod heads;
mod others;
mod pool;
mod reference;
mod support;

macro_rules! on_both {
    ($($module:ident::$name:ident),* $(,)?) => {
        mod on_a_gpu {
            $(#[test] fn $name() { crate::$module::$name(&crate::support::gpu()); })*
        }
        mod on_the_cpu {
            $(#[test] fn $name() { crate::$module::$name(&gradlens::gpu::Gpu::cpu()); })*
        }
    };
}

on_both!(
    conv2d::conv2d,
    conv2d::conv2d_backward_input,
    depthwise_conv2d::depthwise_conv2d,
    depthwise_conv2d::depthwise_conv2d_backward_input,
    heads::gru_cell,
    heads::gru_gates,
    heads::film,
    heads::attention,
    heads::weighted_sum,
    heads::offsets,
    heads::outer_product,
    pool::max_pool2d,
    pool::max_pool2d_backward,
    pool::global_average_pool,
    others::linear,
    others::randomize,
    others::ablate_channel,
    others::cam_and_weights
);
