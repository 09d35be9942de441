//! The operations of [`ops`](crate::ops) as plain f64 loops on the CPU: what the shaders are tested
//! against.
//!
//! Slow and obvious on purpose; nothing here is fast, fused or packed. Images are planes [channels,
//! height, width], convolution weights [c_out, c_in, ksize, ksize] as in a checkpoint. To extend:
//! the twin of a new shader, same name.

use crate::operation::{CAM_ELEMENT_WISE, CAM_HIRES, CAM_WEIGHTED, WEIGHTS_XGRAD};
use crate::ops::Window;

/// An image: `planes` [channels, height, width].
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    pub channels: usize,
    pub height: usize,
    pub width: usize,
    pub planes: Vec<f64>,
}

impl Image {
    /// All zeros.
    pub fn zeros(channels: usize, height: usize, width: usize) -> Image {
        Image { channels, height, width, planes: vec![0.0; channels * height * width] }
    }
    /// From f32 planes.
    pub fn new(channels: usize, height: usize, width: usize, planes: &[f32]) -> Image {
        assert_eq!(planes.len(), channels * height * width);
        Image { channels, height, width, planes: planes.iter().map(|&v| v as f64).collect() }
    }
    fn index(&self, c: usize, y: usize, x: usize) -> usize {
        (c * self.height + y) * self.width + x
    }
    /// The value at (y, x), or nothing outside the image.
    fn get(&self, c: usize, y: isize, x: isize) -> Option<f64> {
        let inside =
            (0..self.height as isize).contains(&y) && (0..self.width as isize).contains(&x);
        inside.then(|| self.planes[self.index(c, y as usize, x as usize)])
    }
    /// `f(self, other)` element by element.
    pub fn zip(&self, other: &Image, f: impl Fn(f64, f64) -> f64) -> Image {
        assert_eq!(
            [self.channels, self.height, self.width],
            [other.channels, other.height, other.width]
        );
        let planes = self.planes.iter().zip(&other.planes).map(|(&a, &b)| f(a, b)).collect();
        Image { planes, ..*self }
    }
}

/// The input position that output position `o` and tap `k` meet along an axis of `size` input
/// positions.
fn meet(o: usize, k: usize, window: Window, size: usize) -> isize {
    (o * window.stride + k) as isize - window.before(size) as isize
}

/// y[co,oy,ox] = sum over ci,ky,kx of x[ci, oy·stride+ky−pad, ox·stride+kx−pad] · w[co,ci,ky,kx]
pub fn conv2d(x: &Image, w: &[f64], c_out: usize, window: Window) -> Image {
    let Window { ksize, .. } = window;
    let mut y = Image::zeros(c_out, window.out(x.height), window.out(x.width));
    for co in 0..c_out {
        for oy in 0..y.height {
            for ox in 0..y.width {
                let mut sum = 0.0;
                for ci in 0..x.channels {
                    for ky in 0..ksize {
                        for kx in 0..ksize {
                            let at = x.get(
                                ci,
                                meet(oy, ky, window, x.height),
                                meet(ox, kx, window, x.width),
                            );
                            sum += at.unwrap_or(0.0)
                                * w[((co * x.channels + ci) * ksize + ky) * ksize + kx];
                        }
                    }
                }
                let i = y.index(co, oy, ox);
                y.planes[i] = sum;
            }
        }
    }
    y
}

/// dx[ci,iy,ix] = sum over co,ky,kx of w[co,ci,ky,kx] · dy[co,oy,ox]   where oy·stride + ky − pad
/// == iy, and so for x
pub fn conv2d_backward_input(
    c_in: usize,
    height: usize,
    width: usize,
    dy: &Image,
    w: &[f64],
    window: Window,
) -> Image {
    let Window { ksize, .. } = window;
    let mut dx = Image::zeros(c_in, height, width);
    for co in 0..dy.channels {
        for oy in 0..dy.height {
            for ox in 0..dy.width {
                for ci in 0..c_in {
                    for ky in 0..ksize {
                        for kx in 0..ksize {
                            let (iy, ix) =
                                (meet(oy, ky, window, dx.height), meet(ox, kx, window, dx.width));
                            if dx.get(ci, iy, ix).is_some() {
                                let i = dx.index(ci, iy as usize, ix as usize);
                                let weight = w[((co * c_in + ci) * ksize + ky) * ksize + kx];
                                dx.planes[i] += weight * dy.planes[dy.index(co, oy, ox)];
                            }
                        }
                    }
                }
            }
        }
    }
    dx
}

/// y[c,oy,ox] = sum over ky,kx of x[c, oy·stride+ky−top, ox·stride+kx−left] · w[c,0,ky,kx]
pub fn depthwise_conv2d(x: &Image, w: &[f64], window: Window) -> Image {
    let Window { ksize, .. } = window;
    let mut y = Image::zeros(x.channels, window.out(x.height), window.out(x.width));
    for c in 0..x.channels {
        for oy in 0..y.height {
            for ox in 0..y.width {
                let mut sum = 0.0;
                for ky in 0..ksize {
                    for kx in 0..ksize {
                        let at =
                            x.get(c, meet(oy, ky, window, x.height), meet(ox, kx, window, x.width));
                        sum += at.unwrap_or(0.0) * w[(c * ksize + ky) * ksize + kx];
                    }
                }
                let i = y.index(c, oy, ox);
                y.planes[i] = sum;
            }
        }
    }
    y
}

/// dx[c,iy,ix] = sum over ky,kx of w[c,0,ky,kx] · dy[c,oy,ox]   where oy·stride + ky − top == iy,
/// and so for x
pub fn depthwise_conv2d_backward_input(
    height: usize,
    width: usize,
    dy: &Image,
    w: &[f64],
    window: Window,
) -> Image {
    let Window { ksize, .. } = window;
    let mut dx = Image::zeros(dy.channels, height, width);
    for c in 0..dy.channels {
        for oy in 0..dy.height {
            for ox in 0..dy.width {
                for ky in 0..ksize {
                    for kx in 0..ksize {
                        let (iy, ix) =
                            (meet(oy, ky, window, dx.height), meet(ox, kx, window, dx.width));
                        if dx.get(c, iy, ix).is_some() {
                            let i = dx.index(c, iy as usize, ix as usize);
                            dx.planes[i] +=
                                w[(c * ksize + ky) * ksize + kx] * dy.planes[dy.index(c, oy, ox)];
                        }
                    }
                }
            }
        }
    }
    dx
}

/// y[c] = scale[c] · x[c] + bias[c]
pub fn scale_bias(x: &Image, scale: &[f64], bias: &[f64]) -> Image {
    let positions = x.height * x.width;
    let planes = x
        .planes
        .iter()
        .enumerate()
        .map(|(i, v)| scale[i / positions] * v + bias[i / positions])
        .collect();
    Image { planes, ..*x }
}

/// y = max(x, 0)
pub fn relu(x: &Image) -> Image {
    Image { planes: x.planes.iter().map(|v| v.max(0.0)).collect(), ..*x }
}

/// y = min(max(x, 0), 6)
pub fn relu6(x: &Image) -> Image {
    Image { planes: x.planes.iter().map(|v| v.clamp(0.0, 6.0)).collect(), ..*x }
}

/// dx = dy where 0 < y < 6, else 0
pub fn relu6_backward(dy: &Image, y: &Image) -> Image {
    dy.zip(y, |dy, y| if y > 0.0 && y < 6.0 { dy } else { 0.0 })
}

/// Guided backpropagation: dx = dy where 0 < y < 6 and dy > 0, else 0
pub fn relu6_backward_guided(dy: &Image, y: &Image) -> Image {
    relu(&relu6_backward(dy, y))
}

/// dx = dy where y > 0, else 0
pub fn relu_backward(dy: &Image, y: &Image) -> Image {
    dy.zip(y, |dy, y| if y > 0.0 { dy } else { 0.0 })
}

/// Guided backpropagation: dx = dy where y > 0 and dy > 0, else 0
pub fn relu_backward_guided(dy: &Image, y: &Image) -> Image {
    relu(&relu_backward(dy, y))
}

/// y[c,oy,ox] = max over ky,kx of x[c, oy·stride+ky−pad, ox·stride+kx−pad]
pub fn max_pool2d(x: &Image, window: Window) -> Image {
    let mut y = Image::zeros(x.channels, window.out(x.height), window.out(x.width));
    for_each_window(&y.clone(), x, window, |i, _, value| y.planes[i] = value);
    y
}

/// dL/dx of [`max_pool2d`]: the first maximum of a window, in reading order, takes all of its dy.
pub fn max_pool2d_backward(dy: &Image, x: &Image, window: Window) -> Image {
    let mut dx = Image::zeros(x.channels, x.height, x.width);
    for_each_window(dy, x, window, |i, winner, _| dx.planes[winner] += dy.planes[i]);
    dx
}

/// Calls `f(index in y, index in x of the first maximum, maximum)` for each window.
fn for_each_window(y: &Image, x: &Image, window: Window, mut f: impl FnMut(usize, usize, f64)) {
    for c in 0..y.channels {
        for oy in 0..y.height {
            for ox in 0..y.width {
                let (mut winner, mut best) = (0, f64::NEG_INFINITY);
                for ky in 0..window.ksize {
                    for kx in 0..window.ksize {
                        let (iy, ix) =
                            (meet(oy, ky, window, x.height), meet(ox, kx, window, x.width));
                        if let Some(value) = x.get(c, iy, ix).filter(|&value| value > best) {
                            (winner, best) = (x.index(c, iy as usize, ix as usize), value);
                        }
                    }
                }
                f(y.index(c, oy, ox), winner, best);
            }
        }
    }
}

/// y[c] = mean of x[c]
pub fn global_average_pool(x: &Image) -> Vec<f64> {
    let positions = x.height * x.width;
    x.planes.chunks(positions).map(|plane| plane.iter().sum::<f64>() / positions as f64).collect()
}

/// dx[c,y,x] = dy[c] / (h·w)
pub fn global_average_pool_backward(dy: &[f64], height: usize, width: usize) -> Image {
    let positions = height * width;
    let planes =
        dy.iter().flat_map(|v| std::iter::repeat_n(v / positions as f64, positions)).collect();
    Image { channels: dy.len(), height, width, planes }
}

/// y[n] = bias[n] + scale[n] · sum over k of w[n,k] · x[k]
pub fn linear(x: &[f64], w: &[f64], scale: &[f64], bias: &[f64]) -> Vec<f64> {
    let dot = |row: &[f64]| row.iter().zip(x).map(|(w, x)| w * x).sum::<f64>();
    w.chunks(x.len())
        .zip(scale.iter().zip(bias))
        .map(|(row, (scale, bias))| bias + scale * dot(row))
        .collect()
}

/// dx[k] = sum over n of w[n,k] · scale[n] · dy[n]
pub fn linear_backward(features: usize, dy: &[f64], w: &[f64], scale: &[f64]) -> Vec<f64> {
    let scaled: Vec<f64> = dy.iter().zip(scale).map(|(dy, scale)| dy * scale).collect();
    (0..features)
        .map(|k| scaled.iter().enumerate().map(|(n, dy)| w[n * features + k] * dy).sum())
        .collect()
}

/// `rounds` of pairs that change places, each (mask, seed): as `shaders/randomize.wgsl`, word by
/// word.
pub fn randomize(words: &mut [u32], rounds: impl IntoIterator<Item = (u32, u32)>) {
    for (mask, seed) in rounds {
        for i in 0..words.len() as u32 {
            let j = i ^ mask;
            if i < j && j < words.len() as u32 && crate::operation::hash(i ^ seed) & 1 == 1 {
                words.swap(i as usize, j as usize);
            }
        }
    }
}

/// y = x, but zero where c is `channel`
pub fn ablate_channel(x: &Image, channel: Option<usize>) -> Image {
    let positions = x.height * x.width;
    let planes = x
        .planes
        .iter()
        .enumerate()
        .map(|(i, &v)| if Some(i / positions) == channel { 0.0 } else { v });
    Image { planes: planes.collect(), ..*x }
}

/// Channel weights, `method` as in [`CamParams`](crate::operation::CamParams).
pub fn cam_weights(activations: &Image, gradients: &Image, method: u32) -> Vec<f64> {
    let positions = activations.height * activations.width;
    let channels = activations.planes.chunks(positions).zip(gradients.planes.chunks(positions));
    channels
        .map(|(a, g)| {
            let total: f64 = a.iter().sum();
            let term = |a: f64, g: f64| match method {
                WEIGHTS_XGRAD => g * a / (total + 1e-7),
                _ => g.max(0.0) * g * g / (2.0 * g * g + total * g * g * g + 1e-6),
            };
            a.iter().zip(g).map(|(&a, &g)| term(a, g)).sum()
        })
        .collect()
}

/// cam [h, w], `method` as in [`CamParams`](crate::operation::CamParams).
pub fn cam(activations: &Image, gradients: &Image, weights: &[f64], method: u32) -> Vec<f64> {
    let positions = activations.height * activations.width;
    let mut cam = vec![0.0; positions];
    for (i, (&a, &g)) in activations.planes.iter().zip(&gradients.planes).enumerate() {
        cam[i % positions] += match method {
            CAM_WEIGHTED => weights[i / positions] * a,
            CAM_HIRES => g * a,
            CAM_ELEMENT_WISE => (g * a).max(0.0),
            _ => g.max(0.0) * a,
        };
    }
    cam
}

/// One step of a gated recurrent unit, as `torch.nn.GRUCell`; weights [3 · units, inputs] and
/// [3 · units, units], gates r, z, n:
///
/// y = (1 − z) · n + z · h, n = tanh(W_in x + b_in + r · (W_hn h + b_hn)), r and z sigmoids
pub fn gru_cell(
    x: &[f64],
    h: &[f64],
    [w_x, w_h]: [&[f64]; 2],
    [b_x, b_h]: [&[f64]; 2],
) -> Vec<f64> {
    let ones = vec![1.0; b_x.len()];
    let (of_x, of_h) = (linear(x, w_x, &ones, b_x), linear(h, w_h, &ones, b_h));
    let sigmoid = |v: f64| 1.0 / (1.0 + (-v).exp());
    let units = h.len();
    (0..units)
        .map(|unit| {
            let [r, z] = [unit, units + unit].map(|gate| sigmoid(of_x[gate] + of_h[gate]));
            let n = (of_x[2 * units + unit] + r * of_h[2 * units + unit]).tanh();
            (1.0 - z) * n + z * h[unit]
        })
        .collect()
}

/// y = (1 − σ(z)) · tanh(n + σ(r) · m) + σ(z) · h of the fifths (r, z, n, m, h) of s
pub fn gru_gates(s: &[f64]) -> Vec<f64> {
    let sigmoid = |v: f64| 1.0 / (1.0 + (-v).exp());
    let units = s.len() / 5;
    let gates = (0..units).map(|unit| [0, 1, 2, 3, 4].map(|gate| s[gate * units + unit]));
    gates
        .map(|[r, z, n, m, h]| {
            let z = sigmoid(z);
            (1.0 - z) * (n + sigmoid(r) * m).tanh() + z * h
        })
        .collect()
}

/// ds of [`gru_gates`], a fifth each of dr, dz, dn, dm, dh
pub fn gru_gates_backward(dy: &[f64], s: &[f64]) -> Vec<f64> {
    let sigmoid = |v: f64| 1.0 / (1.0 + (-v).exp());
    let units = dy.len();
    let mut ds = vec![0.0; s.len()];
    for (unit, dy) in dy.iter().enumerate() {
        let [r, z, n, m, h] = [0, 1, 2, 3, 4].map(|gate| s[gate * units + unit]);
        let (r, z) = (sigmoid(r), sigmoid(z));
        let n = (n + r * m).tanh();
        let dn = (1.0 - z) * (1.0 - n * n) * dy;
        let dr = m * r * (1.0 - r) * dn;
        let dz = (h - n) * z * (1.0 - z) * dy;
        for (gate, d) in [dr, dz, dn, r * dn, z * dy].into_iter().enumerate() {
            ds[gate * units + unit] = d;
        }
    }
    ds
}

/// y[c] = x[c] + relu(gamma[c] · t[c] + beta[c])
pub fn film(x: &Image, t: &Image, gamma: &[f64], beta: &[f64]) -> Image {
    x.zip(&relu(&scale_bias(t, gamma, beta)), |x, modulated| x + modulated)
}

/// dt[c] = dy[c] · gamma[c] where gamma[c] · t[c] + beta[c] > 0, else 0
pub fn film_backward(dy: &Image, t: &Image, gamma: &[f64], beta: &[f64]) -> Image {
    let modulated = relu(&scale_bias(t, gamma, beta));
    let zeros = vec![0.0; gamma.len()];
    scale_bias(&relu_backward(dy, &modulated), gamma, &zeros)
}

/// y = (softmax over positions of s, sigmoid(s + threshold)) of s = Σ x[c] · query[c]
pub fn attention(x: &Image, query: &[f64], threshold: f64) -> Image {
    let s = over_channels(x, query);
    let most = s.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let total: f64 = s.iter().map(|s| (s - most).exp()).sum();
    let softmax = s.iter().map(|s| (s - most).exp() / total);
    let sigmoid = s.iter().map(|s| 1.0 / (1.0 + (-(s + threshold)).exp()));
    Image { channels: 2, planes: softmax.chain(sigmoid).collect(), ..*x }
}

/// ds = a · (da − Σ a · da) + b · (1 − b) · db with (a, b) the channels of y
pub fn attention_backward(dy: &Image, y: &Image) -> Image {
    let positions = y.height * y.width;
    let ((a, b), (da, db)) = (y.planes.split_at(positions), dy.planes.split_at(positions));
    let mean: f64 = a.iter().zip(da).map(|(a, da)| a * da).sum();
    let ds = |p: usize| a[p] * (da[p] - mean) + b[p] * (1.0 - b[p]) * db[p];
    Image { channels: 1, planes: (0..positions).map(ds).collect(), ..*y }
}

/// y[c] = Σ over positions of look[0] · x[c]
pub fn weighted_sum(look: &Image, x: &Image) -> Vec<f64> {
    let planes = x.planes.chunks(x.height * x.width);
    planes.map(|plane| plane.iter().zip(&look.planes).map(|(x, look)| x * look).sum()).collect()
}

/// dlook = (Σ dy[c] · x[c], 0)
pub fn weighted_sum_backward(dy: &[f64], x: &Image) -> Image {
    let mut planes = over_channels(x, dy);
    planes.resize(2 * planes.len(), 0.0);
    Image { channels: 2, planes, ..*x }
}

/// Σ x[c] · weights[c] at each position.
fn over_channels(x: &Image, weights: &[f64]) -> Vec<f64> {
    let mut sums = vec![0.0; x.height * x.width];
    for (plane, weight) in x.planes.chunks(sums.len()).zip(weights) {
        sums.iter_mut().zip(plane).for_each(|(sum, x)| *sum += weight * x);
    }
    sums
}

/// x, y, both less the mean of them that look[0] weighs, look[1]; x and y run from −1 to 1 as
/// `torch.linspace`.
pub fn offsets(look: &Image) -> Image {
    let [x, y] = coordinates(look.height, look.width);
    let centre =
        |along: &[f64]| -> f64 { along.iter().zip(&look.planes).map(|(x, look)| x * look).sum() };
    let from = |along: &[f64]| -> Vec<f64> {
        let centre = centre(along);
        along.iter().map(|x| x - centre).collect()
    };
    let there = look.planes[x.len()..].to_vec();
    let planes = [x.clone(), y.clone(), from(&x), from(&y), there].concat();
    Image { channels: 5, planes, ..*look }
}

/// dlook = (x · dcentre.x + y · dcentre.y, dextras[4]), dcentre = −Σ dextras[2..4]
pub fn offsets_backward(dextras: &Image) -> Image {
    let [x, y] = coordinates(dextras.height, dextras.width);
    let planes: Vec<&[f64]> = dextras.planes.chunks(x.len()).collect();
    let [dx, dy] = [2, 3].map(|c| -planes[c].iter().sum::<f64>());
    let along = x.iter().zip(&y).map(|(x, y)| x * dx + y * dy);
    let planes = along.chain(planes[4].iter().copied()).collect();
    Image { channels: 2, planes, ..*dextras }
}

/// Of each position, from −1 to 1.
fn coordinates(height: usize, width: usize) -> [Vec<f64>; 2] {
    let along = |at: usize, size: usize| 2.0 * at as f64 / (size.max(2) - 1) as f64 - 1.0;
    let positions = 0..height * width;
    [
        positions.clone().map(|p| along(p % width, width)).collect(),
        positions.map(|p| along(p / width, height)).collect(),
    ]
}

/// y[c] = a[0] · b[c]
pub fn outer_product(a: &Image, b: &[f64]) -> Image {
    let first = &a.planes[..a.height * a.width];
    let planes = b.iter().flat_map(|b| first.iter().map(move |a| a * b)).collect();
    Image { channels: b.len(), planes, ..*a }
}
