//! Heatmaps: from a raw cam to a picture.
//!
//! [`heatmap`] and [`overlay`] repeat what the Python package `grad-cam` does with a cam
//! (`scale_cam_image`, `aggregate_multi_layers`, `show_cam_on_image`), with OpenCV's resize and
//! colour tables, so that the same cam gives the same picture. [`blend`] is the page's view: the
//! same colours over the whole photo, at an opacity of the visitor's choice.
//!
//! A heatmap is `[h, w]` in 0..=1 where 1 is the strongest evidence *of this map*: maps of two
//! classes are not comparable by colour. A cam without anything positive stays all zero. Not done
//! here: how a cam comes about (see `cam`), canvases, words. To extend: a colour map is a variant
//! of [`ColourMap`] and 256 colours more in `make_colour_maps.py`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{
    error::{Error, Result},
    image::{Photo, Rect},
};

/// What a CAM method leaves for one layer: raw, before ReLU.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cam {
    pub height: usize,
    pub width: usize,
    pub values: Vec<f32>, // [height, width]
}

/// `scale_cam_image` of pytorch_grad_cam/utils/image.py: minus the minimum, divided by (1e-7 +
/// maximum), in f32. An all-zero cam stays all zero, a constant one becomes it.
pub fn normalise(cam: &[f32]) -> Vec<f32> {
    let min = cam.iter().copied().fold(f32::INFINITY, f32::min);
    let shifted: Vec<f32> = cam.iter().map(|value| value - min).collect();
    let max = shifted.iter().copied().fold(0.0, f32::max);
    shifted.iter().map(|value| value / (1e-7 + max)).collect()
}

/// OpenCV's `INTER_LINEAR` for f32: half-pixel centres, the border replicated; `[h, w]` to `[out_h,
/// out_w]`, across and then down.
///
/// # Panics
/// When `values` is not `h·w` long or empty: a mistake of the caller.
pub fn resize(values: &[f32], (h, w): (usize, usize), (out_h, out_w): (usize, usize)) -> Vec<f32> {
    assert!(
        !values.is_empty() && values.len() == h * w,
        "{} values for a {h}×{w} map",
        values.len()
    );
    let across = between(w, out_w, 0.0, out_w as f64);
    let wide: Vec<f32> = values
        .chunks_exact(w)
        .flat_map(|row| across.iter().map(|at| at.mix(row[at.low], row[at.high])))
        .collect();
    let mut out = Vec::with_capacity(out_h * out_w);
    for at in between(h, out_h, 0.0, out_h as f64) {
        let (upper, lower) = (&wide[at.low * out_w..][..out_w], &wide[at.high * out_w..][..out_w]);
        out.extend(upper.iter().zip(lower).map(|(&upper, &lower)| at.mix(upper, lower)));
    }
    out
}

/// Two neighbouring samples and how far between them a point lies.
struct Between {
    low: usize,
    high: usize,
    fraction: f32,
}

impl Between {
    /// OpenCV takes one fused multiply-add here. The product of two f32 is exact in f64, so this
    /// rounds alike but for ties, and WebAssembly has no fused instruction for f32.
    fn mix(&self, low: f32, high: f32) -> f32 {
        (f64::from(high - low) * f64::from(self.fraction) + f64::from(low)) as f32
    }
}

/// For each of `count` unit pixels: where its centre falls among `size` samples that are spread
/// over `start..start + length`. Coordinates in f64, as OpenCV's.
fn between(size: usize, count: usize, start: f64, length: f64) -> Vec<Between> {
    let last = size - 1;
    let scale = size as f64 / length;
    let place = |pixel: usize| {
        let at = ((pixel as f64 + 0.5 - start) * scale - 0.5).clamp(0.0, last as f64);
        let low = at as usize;
        Between { low, high: (low + 1).min(last), fraction: (at - low as f64) as f32 }
    };
    (0..count).map(place).collect()
}

/// What `grad-cam` returns for one or more target layers: ReLU, normalise and resize each cam; the
/// mean over layers; normalise again. `[out_h, out_w]` in 0..=1. Values that are not numbers count
/// as zero.
///
/// # Panics
/// When `cams` is empty or one's `values` do not fit its size.
pub fn heatmap(cams: &[Cam], (out_h, out_w): (usize, usize)) -> Vec<f32> {
    assert!(!cams.is_empty(), "a heatmap needs at least one layer's cam");
    let mut sum = vec![0.0; out_h * out_w];
    for cam in cams {
        let positive: Vec<f32> = cam.values.iter().map(|value| value.max(0.0)).collect(); // NaN.max(0) is 0
        let layer = resize(&normalise(&positive), (cam.height, cam.width), (out_h, out_w));
        sum.iter_mut().zip(layer).for_each(|(sum, value)| *sum += value);
    }
    let layers = cams.len() as f32;
    sum.iter_mut().for_each(|value| *value /= layers);
    normalise(&sum)
}

/// The product of each cam's [`heatmap`], scaled anew: what several layers agree on. `RefineCAM` of
/// `grad-cam`.
///
/// # Panics
/// As [`heatmap`].
pub fn product(cams: &[Cam], (out_h, out_w): (usize, usize)) -> Vec<f32> {
    let mut product = vec![1.0; out_h * out_w];
    for cam in cams {
        let one = heatmap(std::slice::from_ref(cam), (out_h, out_w));
        product.iter_mut().zip(one).for_each(|(product, value)| *product *= value);
    }
    normalise(&product)
}

/// Heatmaps [height, width] of several cams on one scale: what is 1 in one is as strong as what is
/// 1 in another, and none is stretched to look like more than it is.
pub fn on_one_scale(cams: &[Cam], size: (usize, usize)) -> Vec<Vec<f32>> {
    let positive = |cam: &Cam| cam.values.iter().map(|value| value.max(0.0)).collect::<Vec<_>>();
    let mut maps: Vec<Vec<f32>> =
        cams.iter().map(|cam| resize(&positive(cam), (cam.height, cam.width), size)).collect();
    let max = maps.iter().flatten().copied().fold(0.0, f32::max);
    maps.iter_mut().flatten().for_each(|value| *value = if max > 0.0 { *value / max } else { 0.0 });
    maps
}

/// A heatmap [height, width] of one layer's cam on a scale that others share: 1 stands for `top` or
/// more, 0 for no evidence.
pub fn on_scale(cam: &Cam, size: (usize, usize), top: f32) -> Vec<f32> {
    let positive = cam.values.iter().map(|value| value.max(0.0)); // NaN.max(0) is 0
    let share: Vec<f32> = positive.map(|value| (value / top).min(1.0)).collect();
    resize(&share, (cam.height, cam.width), size)
}

/// The colours of a heatmap, from none to the strongest evidence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColourMap {
    /// Blue, green, red: what Grad-CAM pictures have always looked like. OpenCV's table.
    #[default]
    Jet,
    /// Violet to yellow, lightness rises evenly: legible without colour vision.
    Viridis,
    /// Jet's order without its false edges.
    Turbo,
    /// Black over purple to cream, lightness rises evenly.
    Magma,
    Grey,
}

impl ColourMap {
    pub const ALL: [ColourMap; 5] =
        [ColourMap::Jet, ColourMap::Viridis, ColourMap::Turbo, ColourMap::Magma, ColourMap::Grey];

    /// Lower case: "jet".
    pub const fn name(self) -> &'static str {
        match self {
            ColourMap::Jet => "jet",
            ColourMap::Viridis => "viridis",
            ColourMap::Turbo => "turbo",
            ColourMap::Magma => "magma",
            ColourMap::Grey => "grey",
        }
    }

    /// 256 colours, RGB. Sources and licences: `make_colour_maps.py`, which wrote them.
    pub fn table(self) -> &'static [[u8; 3]; 256] {
        static BYTES: &[u8; 5 * 256 * 3] = include_bytes!("colour_maps.bin"); // [map, 256, 3]
        let (colours, _) = BYTES.as_chunks::<3>();
        let (tables, _) = colours.as_chunks::<256>();
        &tables[self as usize]
    }

    /// The colour of `heat` in 0..=1: `u8(255·heat)`, truncated, into the table.
    fn colour(self, heat: f32) -> [u8; 3] {
        self.table()[usize::from((255.0 * heat) as u8)]
    }
}

impl fmt::Display for ColourMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for ColourMap {
    type Err = Error;
    fn from_str(name: &str) -> Result<ColourMap> {
        ColourMap::ALL.into_iter().find(|map| map.name() == name).ok_or_else(|| {
            Error::UnknownChoice {
                what: "colour map".into(),
                name: name.into(),
                known: ColourMap::ALL.map(ColourMap::name).join(", "),
            }
        })
    }
}

/// `show_cam_on_image` of pytorch_grad_cam/utils/image.py with `image_weight = 0.5`, byte for byte:
/// half colour, half photo, brightened until the brightest channel is full. `rgb: [h, w, 3]`,
/// `heatmap: [h, w]` in 0..=1; returns bytes shaped as `rgb`.
///
/// # Panics
/// When the sizes differ.
pub fn overlay(rgb: &[u8], heatmap: &[f32], map: ColourMap) -> Vec<u8> {
    assert_eq!(rgb.len(), heatmap.len() * 3, "bytes of a photo under {} values", heatmap.len());
    let half = |byte: u8| 0.5 * (f32::from(byte) / 255.0);
    let colours = heatmap.iter().flat_map(|&heat| map.colour(heat));
    let mixed: Vec<f32> =
        colours.zip(rgb).map(|(colour, &photo)| half(colour) + half(photo)).collect();
    let max = mixed.iter().copied().fold(0.0, f32::max);
    // 0/0 in an all-black picture is NaN, which `as` makes 0: black stays black.
    mixed.iter().map(|value| (255.0 * (value / max)) as u8).collect()
}

/// How bright the photo stays where the network did not look, of 256.
const OUTSIDE: u32 = 168;

/// How [`blend`] shows a heatmap.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Look {
    pub colours: ColourMap,
    /// 0: the photo's own bytes, 1: the colours alone.
    pub opacity: f32,
    /// Where the heatmap is below this, the photo shows alone; 0 hides nothing.
    pub threshold: f32,
    /// Draws lines where the heatmap passes ¼, ½ and ¾.
    pub contours: bool,
}

impl Look {
    pub fn new(colours: ColourMap, opacity: f32) -> Look {
        Look { colours, opacity, threshold: 0.0, contours: false }
    }
}

/// The longest side of a photo is so many contour lines wide: thin, and still there when a large
/// photo is shown small.
const CONTOURS_A_SIDE: usize = 400;

/// The page's picture: RGBA `[photo.height, photo.width, 4]`, opaque. `heatmap: [h, w]` in 0..=1 is
/// spread smoothly over `rect` of the photo and laid over it as `look` says; outside `rect`, which
/// the network did not see, the photo is dimmed.
///
/// # Panics
/// When `heatmap` is not `h·w` long or empty.
pub fn blend(
    photo: &Photo,
    heatmap: &[f32],
    (h, w): (usize, usize),
    rect: Rect,
    look: Look,
) -> Vec<u8> {
    assert_size(heatmap, (h, w));
    let table = look.colours.table();
    let over = (look.opacity.clamp(0.0, 1.0) * 256.0).round() as u32; // of 256
    let across = between(w, photo.width, rect.x, rect.width);
    let down = between(h, photo.height, rect.y, rect.height);
    let columns = covered(rect.x, rect.width, photo.width);
    let rows = covered(rect.y, rect.height, photo.height);
    let dimmed = |rgb: &[u8; 3]| opaque(rgb.map(|byte| (u32::from(byte) * OUTSIDE + 128) >> 8));

    let (pixels, _) = photo.rgb.as_chunks::<3>();
    let mut out = vec![[0; 4]; pixels.len()]; // [photo.height, photo.width, 4]
    let mut line = vec![0.0; w]; // the heatmap's row at this height
    let thick = photo.width.max(photo.height).div_ceil(CONTOURS_A_SIDE);
    let mut quarters = vec![vec![0; photo.width]; thick]; // how many contours lie below each pixel of the last `thick` rows
    for (y, at) in down.iter().enumerate() {
        let row = &pixels[y * photo.width..][..photo.width];
        let out = &mut out[y * photo.width..][..photo.width];
        if !rows.contains(&y) {
            out.iter_mut().zip(row).for_each(|(out, rgb)| *out = dimmed(rgb));
            continue;
        }
        let (upper, lower) = (&heatmap[at.low * w..][..w], &heatmap[at.high * w..][..w]);
        for (value, (upper, lower)) in line.iter_mut().zip(upper.iter().zip(lower)) {
            *value = upper + (lower - upper) * at.fraction;
        }
        let place = y % thick;
        let first = y - rows.start < thick;
        for (x, ((out, rgb), at)) in out.iter_mut().zip(row).zip(&across).enumerate() {
            if !columns.contains(&x) {
                *out = dimmed(rgb);
                continue;
            }
            let heat = line[at.low] + (line[at.high] - line[at.low]) * at.fraction;
            let colour = &table[usize::from((255.0 * heat) as u8)];
            let over = if heat < look.threshold { 0 } else { over };
            let mix = |channel| {
                (u32::from(rgb[channel]) * (256 - over) + u32::from(colour[channel]) * over + 128)
                    >> 8
            };
            *out = opaque([mix(0), mix(1), mix(2)]);
            if look.contours {
                let quarter = ((4.0 * heat) as u8).min(3); // the strongest place, 1, lies above ¾ like its neighbours
                let above = if first { quarter } else { quarters[place][x] };
                quarters[place][x] = quarter;
                let left =
                    if x < columns.start + thick { quarter } else { quarters[place][x - thick] };
                if quarter != above || quarter != left {
                    *out = against(*out);
                }
            }
        }
    }
    out.into_flattened()
}

/// Black on light, white on dark: a line that shows on any colour map.
fn against([r, g, b, _]: [u8; 4]) -> [u8; 4] {
    let luma = 299 * u32::from(r) + 587 * u32::from(g) + 114 * u32::from(b); // ITU-R BT.601
    opaque(if luma > 128_000 { [0; 3] } else { [255; 3] })
}

/// The heatmap's value at a point of the photo, as [`blend`] shows it there; `None` where the
/// network did not see.
///
/// # Panics
/// When `heatmap` is not `h·w` long or empty.
pub fn value_at(
    heatmap: &[f32],
    (h, w): (usize, usize),
    rect: Rect,
    (x, y): (f64, f64),
) -> Option<f32> {
    assert_size(heatmap, (h, w));
    let inside = |at: f64, start: f64, length: f64| at >= start && at < start + length;
    if !inside(x, rect.x, rect.width) || !inside(y, rect.y, rect.height) {
        return None;
    }
    // `between` counts from pixels' centres, half a pixel further on.
    let [x] = &between(w, 1, rect.x - x + 0.5, rect.width)[..] else { return None };
    let [y] = &between(h, 1, rect.y - y + 0.5, rect.height)[..] else { return None };
    let row = |row: usize| x.mix(heatmap[row * w + x.low], heatmap[row * w + x.high]);
    Some(y.mix(row(y.low), row(y.high)))
}

/// A cam as a NumPy file, f32 [height, width]: `numpy.load` reads it.
///
/// Format: `numpy/lib/format.py`, version 1.0.
pub fn npy(cam: &Cam) -> Vec<u8> {
    let mut header = format!(
        "{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}",
        cam.height, cam.width
    );
    let before = 6 + 2 + 2; // magic, version, length of the header
    let padded = (before + header.len() + 1).next_multiple_of(64) - before;
    header.extend(std::iter::repeat_n(' ', padded - 1 - header.len()));
    header.push('\n');
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((header.len() as u16).to_le_bytes());
    file.extend(header.as_bytes());
    cam.values.iter().for_each(|value| file.extend(value.to_le_bytes()));
    file
}

/// The pixels, of `count`, whose centres lie within `start..start + length`.
fn covered(start: f64, length: f64, count: usize) -> std::ops::Range<usize> {
    let first_at_or_after = |edge: f64| ((edge - 0.5).ceil().max(0.0) as usize).min(count);
    first_at_or_after(start)..first_at_or_after(start + length)
}

#[track_caller]
fn assert_size(heatmap: &[f32], (h, w): (usize, usize)) {
    assert!(
        !heatmap.is_empty() && heatmap.len() == h * w,
        "{} values for a {h}×{w} heatmap",
        heatmap.len()
    );
}

fn opaque([r, g, b]: [u32; 3]) -> [u8; 4] {
    [r as u8, g as u8, b as u8, 255]
}

/// Where a heatmap is strongest and how much of it is strong: the numbers behind "strongest at the
/// upper left, covers 12 %".
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Description {
    /// Third of the width that holds the maximum: 0 left, 1 middle, 2 right.
    pub column: usize,
    /// Third of the height that holds the maximum: 0 upper, 1 middle, 2 lower.
    pub row: usize,
    /// Share of the pixels above half of the maximum, 0..=1; 0 only when nothing is positive.
    pub share: f32,
    /// The maximum itself, as shares of width and height, 0..=1.
    pub peak: (f64, f64),
}

/// Describes `heatmap: [h, w]`. Where several pixels share the maximum, as at a replicated border,
/// their centre counts.
///
/// # Panics
/// When `heatmap` is not `h·w` long or empty.
pub fn describe(heatmap: &[f32], (h, w): (usize, usize)) -> Description {
    assert_size(heatmap, (h, w));
    let max = heatmap.iter().copied().fold(0.0, f32::max);
    let share =
        heatmap.iter().filter(|&&value| value > max / 2.0).count() as f32 / heatmap.len() as f32;
    let peaks = || (0..heatmap.len()).filter(|&at| heatmap[at] == max);
    let count = peaks().count().max(1) as f64;
    let place = |sum: f64, side: usize| (sum / count + 0.5) / side as f64;
    let third = |place: f64| ((place * 3.0) as usize).min(2);
    let across = place(peaks().map(|at| (at % w) as f64).sum(), w);
    let down = place(peaks().map(|at| (at / w) as f64).sum(), h);
    Description { column: third(across), row: third(down), share, peak: (across, down) }
}
