//! Every convolution of a network, by its shape, in every form that the engine has for it.

use std::time::Instant;

use gradlens::Network;
use gradlens::checkpoint::{Architecture, Conv};
use gradlens::gpu::{Dispatch, Gpu};
use gradlens::ops::{
    self, Activation, Conv2d, DepthwiseConv2d, Fused, Precision, Scratch, TILES, Tile,
    pack_conv_weight, pack_depthwise_weight, pack_scale_bias, suits_winograd, winograd_bytes,
};
use serde::Serialize;

/// Convolutions of one shape.
#[derive(Serialize)]
pub struct Shape {
    /// The first of them.
    pub name: String,
    /// How many the network has.
    pub count: usize,
    #[serde(skip)]
    conv: Conv,
    /// Of the input, a square.
    pub side: usize,
    pub multiply_adds: f64,
    /// Input, weight and output once each, f32.
    pub bytes: f64,
    /// Microseconds by the form's name, the fastest first.
    pub forms: Vec<(String, f64)>,
}

/// The shapes of `network`'s convolutions for a 224×224 input, in the order of the forward pass.
pub fn shapes(network: &Network) -> Vec<Shape> {
    let network = network.without_weights();
    let mut shapes: Vec<Shape> = Vec::new();
    // Sides of what comes next, and of what the present block began with, for its downsample.
    let (mut side, mut first, mut block) = (224, 224, "");
    for conv in network.convs() {
        let shortcut = conv.name.contains("downsample");
        let parent = conv.name.rsplit_once('.').map_or("", |(parent, _)| parent);
        if !shortcut && parent != block {
            (first, block) = (side, parent);
        }
        let input = if shortcut { first } else { side };
        let out = conv.padding.out(input, conv.ksize, conv.stride);
        let positions = (out * out) as f64;
        let per_group = if conv.depthwise { 1 } else { conv.c_in };
        let weights = (conv.c_out * per_group * conv.ksize * conv.ksize) as f64;
        let multiply_adds = positions * weights;
        let bytes =
            4.0 * ((input * input * conv.c_in) as f64 + weights + positions * conv.c_out as f64);
        let key = |conv: &Conv, side: usize| {
            (side, conv.c_in, conv.c_out, conv.ksize, conv.stride, conv.depthwise)
        };
        match shapes.iter_mut().find(|shape| key(&shape.conv, shape.side) == key(conv, input)) {
            Some(shape) => shape.count += 1,
            None => {
                let (name, conv, forms) = (conv.name.clone(), conv.clone(), Vec::new());
                shapes.push(Shape {
                    name,
                    count: 1,
                    conv,
                    side: input,
                    multiply_adds,
                    bytes,
                    forms,
                });
            }
        }
        if !shortcut {
            side = out;
        }
        let is_stem = shapes.len() == 1;
        if is_stem && matches!(network.architecture, Architecture::ResNet(_)) {
            side = side.div_ceil(2); // the max pooling
        }
    }
    shapes
}

impl Shape {
    /// Times every form.
    pub async fn measure(&mut self, gpu: &Gpu) -> gradlens::Result<()> {
        let &mut Shape { ref conv, side, .. } = self;
        let fused = Fused { activation: Activation::Relu, ..Default::default() };
        let scale_bias = pack_scale_bias(gpu, &vec![1.0; conv.c_out], &vec![0.0; conv.c_out]);
        let per_group = if conv.depthwise { 1 } else { conv.c_in };
        let count = conv.c_out * per_group * conv.ksize * conv.ksize;
        let values: Vec<f32> = (0..count).map(|i| (i * 7919 % 1000) as f32 / 1e3 - 0.5).collect();
        let out = conv.padding.out(side, conv.ksize, conv.stride);
        let y = gpu.tensor(out, out, conv.c_out);
        let precision = Precision::F32;
        let &Conv { c_in, c_out, ksize, stride, padding, .. } = conv;
        let mut forms: Vec<(String, Vec<Dispatch>)> = Vec::new();
        if conv.depthwise {
            let weight = pack_depthwise_weight(gpu, &values, precision, c_out, ksize);
            let conv = DepthwiseConv2d {
                weight,
                precision,
                scale_bias,
                channels: c_out,
                ksize,
                stride,
                padding,
            };
            let x = gpu.tensor(side, side, c_out);
            let dispatch = ops::depthwise_conv2d(gpu, &y, &x, &conv, fused);
            forms.push(("depthwise".into(), vec![dispatch]));
        } else {
            let weight = pack_conv_weight(gpu, &values, precision, c_out, c_in, ksize);
            let conv =
                Conv2d { weight, precision, scale_bias, c_in, c_out, ksize, stride, padding };
            let border = if c_in == 3 { conv.border() } else { 0 };
            let x = gpu.tensor_with_border(side, side, c_in, border);
            let mut bytes = winograd_bytes([out, out], c_in, c_out);
            let sums = |tile: &Tile| tile.partial_sums_bytes(y.positions(), c_out);
            bytes[0] = bytes[0].max(TILES.iter().map(sums).max().unwrap_or(0));
            let scratch = Scratch::new(gpu, bytes);
            for tile in TILES {
                let dispatches =
                    ops::conv2d(gpu, &y, &x, &conv, fused, tile, &scratch.partial_sums);
                forms.push((tile.to_string(), dispatches));
                if tile.split == 1 && suits_winograd(&conv, [out, out], tile) {
                    let dispatches =
                        ops::conv2d_winograd(gpu, &y, &x, &conv, fused, tile, &scratch);
                    forms.push((format!("{tile}w"), dispatches));
                }
            }
        }
        for (name, dispatches) in forms {
            self.forms.push((name, 1e6 * seconds(gpu, &dispatches, &y).await?));
        }
        self.forms.sort_by(|a, b| a.1.total_cmp(&b.1));
        Ok(())
    }
}

/// Seconds of `dispatches`, the least of two trials, each long enough to be told from noise.
async fn seconds(
    gpu: &Gpu,
    dispatches: &[Dispatch],
    y: &gradlens::gpu::Tensor,
) -> gradlens::Result<f64> {
    const LONG_ENOUGH: f64 = 0.01;
    let trial = async |times: usize| -> gradlens::Result<f64> {
        let all: Vec<&Dispatch> = std::iter::repeat_n(dispatches, times).flatten().collect();
        let started = Instant::now();
        let seconds = match gpu.seconds(&all).await? {
            Some(seconds) => seconds,
            None => {
                gpu.run(all);
                gpu.read(y).await?;
                started.elapsed().as_secs_f64()
            }
        };
        Ok(seconds / times as f64)
    };
    trial(1).await?; // compiles
    let once = trial(1).await?;
    let times = (LONG_ENOUGH / once.max(1e-7)).ceil().clamp(1.0, 500.0) as usize;
    Ok(if times == 1 { once } else { trial(times).await?.min(trial(times).await?) })
}
