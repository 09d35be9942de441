//! A ResNet in plain f64 loops.

use gradlens::checkpoint::{Architecture, Block, Conv, Network, Padding, ResNetConfig};

/// The plainest possible forward pass: [c, h, w] in, logits out.
pub fn forward(network: &Network, input: Vec<f64>, height: usize, width: usize) -> Vec<f64> {
    let stem = relu(conv(&network.stem, &(input, height, width)));
    let mut x = max_pool(&stem, network.stem.c_out);
    for block in network.stages.iter().flatten() {
        let shortcut =
            block.downsample.as_ref().map_or_else(|| x.clone(), |downsample| conv(downsample, &x));
        let (last, first) = block.convs.split_last().expect("a block has convolutions");
        for layer in first {
            x = relu(conv(layer, &x));
        }
        x = conv(last, &x);
        x.0.iter_mut().zip(shortcut.0).for_each(|(y, s)| *y += s);
        x = relu(x);
    }
    let (x, area) = (&x.0, x.1 * x.2);
    let means: Vec<f64> =
        x.chunks(area).map(|channel| channel.iter().sum::<f64>() / area as f64).collect();
    let weight = network.fc.weight.to_f32();
    let row = |(row, &bias): (&[f32], &f32)| {
        row.iter().zip(&means).map(|(&w, x)| f64::from(w) * x).sum::<f64>() + f64::from(bias)
    };
    weight.chunks(network.fc.features).zip(&network.fc.bias).map(row).collect()
}

type Image = (Vec<f64>, usize, usize);

fn symmetric(conv: &Conv) -> usize {
    let Padding::Symmetric(padding) = conv.padding else {
        panic!("{}: {:?}", conv.name, conv.padding)
    };
    padding
}

fn conv(layer: &Conv, (x, height, width): &Image) -> Image {
    let out = |size: usize| (size + 2 * symmetric(layer) - layer.ksize) / layer.stride + 1;
    let (h_out, w_out) = (out(*height), out(*width));
    let (per_group, out_per_group) = (layer.c_in / layer.groups, layer.c_out / layer.groups);
    let weight = layer.weight.to_f32();
    let mut y = Vec::new();
    for co in 0..layer.c_out {
        for (oy, ox) in (0..h_out).flat_map(|oy| (0..w_out).map(move |ox| (oy, ox))) {
            let mut sum = 0.0;
            for ci in 0..per_group {
                for (ky, kx) in
                    (0..layer.ksize).flat_map(|ky| (0..layer.ksize).map(move |kx| (ky, kx)))
                {
                    let (iy, ix) = (oy * layer.stride + ky, ox * layer.stride + kx);
                    let inside = |i: usize, size: usize| {
                        i.checked_sub(symmetric(layer)).filter(|&i| i < size)
                    };
                    if let (Some(iy), Some(ix)) = (inside(iy, *height), inside(ix, *width)) {
                        let channel = co / out_per_group * per_group + ci;
                        let w =
                            weight[((co * per_group + ci) * layer.ksize + ky) * layer.ksize + kx];
                        sum += f64::from(w) * x[(channel * height + iy) * width + ix];
                    }
                }
            }
            y.push(sum * f64::from(layer.scale[co]) + f64::from(layer.bias[co]));
        }
    }
    (y, h_out, w_out)
}

fn relu((mut x, height, width): Image) -> Image {
    x.iter_mut().for_each(|x| *x = x.max(0.0));
    (x, height, width)
}

/// 3×3, stride 2, padding 1.
fn max_pool((x, height, width): &Image, channels: usize) -> Image {
    let (h_out, w_out) = ((height - 1) / 2 + 1, (width - 1) / 2 + 1);
    let mut y = Vec::new();
    for (c, oy, ox) in (0..channels)
        .flat_map(|c| (0..h_out).flat_map(move |oy| (0..w_out).map(move |ox| (c, oy, ox))))
    {
        let near = |o: usize, size: usize| (2 * o).saturating_sub(1)..(2 * o + 2).min(size);
        let window = near(oy, *height).flat_map(|iy| near(ox, *width).map(move |ix| (iy, ix)));
        y.push(
            window.fold(f64::NEG_INFINITY, |most, (iy, ix)| {
                most.max(x[(c * height + iy) * width + ix])
            }),
        );
    }
    (y, h_out, w_out)
}

/// torchvision's v1.5 layout: stride 2 in the stem and in the first block's 3×3 (basic: its first)
/// of stages 2 to 4.
pub fn check_layout(network: &Network) {
    let geometry = |conv: &Conv| (conv.ksize, conv.stride, symmetric(conv), conv.groups);
    let Architecture::ResNet(ResNetConfig { block, groups, .. }) = network.architecture else {
        panic!("{:?}", network.architecture)
    };
    assert_eq!(geometry(&network.stem), (7, 2, 3, 1));
    let mut c_in = network.stem.c_out;
    for (stage, blocks) in network.stages.iter().enumerate() {
        for (index, weights) in blocks.iter().enumerate() {
            let stride = if stage > 0 && index == 0 { 2 } else { 1 };
            let expected = match block {
                Block::Basic => vec![(3, stride, 1, 1), (3, 1, 1, 1)],
                Block::Bottleneck => vec![(1, 1, 0, 1), (3, stride, 1, groups), (1, 1, 0, 1)],
            };
            assert_eq!(weights.convs.iter().map(geometry).collect::<Vec<_>>(), expected);
            let mut width = c_in;
            for (number, conv) in (1..).zip(&weights.convs) {
                assert_eq!(conv.name, format!("layer{}.{index}.conv{number}", stage + 1));
                assert_eq!(conv.c_in, width);
                width = conv.c_out;
            }
            let changes = stride > 1 || c_in != width;
            assert_eq!(
                weights.downsample.as_ref().map(geometry),
                changes.then_some((1, stride, 0, 1))
            );
            c_in = width;
        }
    }
    for conv in network.convs() {
        assert_eq!(
            conv.weight.len(),
            conv.c_out * (conv.c_in / conv.groups) * conv.ksize * conv.ksize,
            "{}",
            conv.name
        );
        assert_eq!((conv.scale.len(), conv.bias.len()), (conv.c_out, conv.c_out), "{}", conv.name);
    }
    assert_eq!(network.fc.features, c_in);
    assert_eq!(
        (network.fc.weight.len(), network.fc.bias.len()),
        (network.fc.classes * c_in, network.fc.classes)
    );
}
