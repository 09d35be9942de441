//! From a photo to the network's input.
//!
//! [`prepare`] resizes, crops and normalises as torchvision does on Pillow images, byte for byte,
//! and keeps the rectangle of the photo that the network saw. To extend: a filter is a variant of
//! [`Interpolation`] and an arm in `resample`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::Photo;
use super::resample::resample;
use crate::error::{Error, Result};

/// Least side of [`Fit::Whole`]: a ResNet divides its input by 32.
pub const MIN_SIDE: usize = 32;
/// Greatest ratio of the sides of [`Fit::Crop`]: beyond it, the centre crop is a sliver of the
/// photo.
const MAX_RATIO: usize = 100;
/// Greatest side of the input that a [`Preprocessing`] may ask for.
const MAX_SIDE: usize = 4096;

/// How a photo becomes an input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fit {
    /// The photo as it is, shrunk only above [`Preprocessing::longest`].
    Whole,
    /// Shorter side to [`Preprocessing::resize`], then the square in the centre.
    #[default]
    Crop,
}

impl Fit {
    pub const ALL: [Fit; 2] = [Fit::Whole, Fit::Crop];

    /// "whole" or "crop".
    pub const fn name(self) -> &'static str {
        match self {
            Fit::Whole => "whole",
            Fit::Crop => "crop",
        }
    }
}

impl fmt::Display for Fit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Fit {
    type Err = Error;
    fn from_str(name: &str) -> Result<Fit> {
        Fit::ALL.into_iter().find(|fit| fit.name() == name).ok_or_else(|| Error::UnknownChoice {
            what: "fit".into(),
            name: name.into(),
            known: Fit::ALL.map(Fit::name).join(", "),
        })
    }
}

/// Pillow's antialiased filters (`ImagingResample`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Interpolation {
    #[default]
    Bilinear,
    Bicubic,
}

/// What a model was trained to expect. Fields that a manifest leaves out are those of torchvision's
/// `IMAGENET1K_V1` weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Preprocessing {
    /// [`Fit::Crop`]: pixels of the shorter side before the crop. Less than `crop` counts as
    /// `crop`: torchvision would pad with black, which is nothing that a photo should be judged by.
    pub resize: usize,
    /// [`Fit::Crop`]: pixels of the square's side.
    pub crop: usize,
    /// [`Fit::Whole`]: pixels of the longer side above which the photo is shrunk to it.
    pub longest: usize,
    pub interpolation: Interpolation,
    /// Red, green, blue, for channels in 0..=1.
    pub mean: [f32; 3],
    pub std: [f32; 3],
    /// The photo becomes grey first: for networks that read one channel.
    pub grey: bool,
}

impl Default for Preprocessing {
    /// torchvision/transforms/_presets.py, `ImageClassification`.
    fn default() -> Preprocessing {
        Preprocessing {
            resize: 256,
            crop: 224,
            longest: 512,
            interpolation: Interpolation::Bilinear,
            mean: [0.485, 0.456, 0.406],
            std: [0.229, 0.224, 0.225],
            grey: false,
        }
    }
}

impl Preprocessing {
    /// The longest side of an input, in pixels.
    pub fn side(&self, fit: Fit) -> usize {
        if fit == Fit::Whole { self.longest } else { self.crop }
    }

    /// For inputs of half the sides, which need a quarter of the memory; None where too little of
    /// a photo of (width, height) would be left to see.
    pub fn halved(&self, fit: Fit, (width, height): (usize, usize)) -> Option<Preprocessing> {
        let longest = self.longest.min(width.max(height)) / 2;
        let halved = match fit {
            Fit::Whole => Preprocessing { longest, ..self.clone() },
            Fit::Crop => {
                Preprocessing { resize: self.resize / 2, crop: self.crop / 2, ..self.clone() }
            }
        };
        (halved.side(fit) >= 2 * MIN_SIDE).then_some(halved)
    }

    /// Refuses numbers that no photo could be prepared with.
    fn check(&self) -> Result<()> {
        let sides = [
            ("resize", self.resize, 1),
            ("crop", self.crop, MIN_SIDE),
            ("longest", self.longest, MIN_SIDE),
        ];
        let out_of_range =
            sides.into_iter().find(|&(_, side, least)| !(least..=MAX_SIDE).contains(&side));
        let detail = if let Some((name, side, least)) = out_of_range {
            format!("`{name}` is {side}; {least} to {MAX_SIDE} is possible")
        } else if !self.mean.iter().all(|mean| mean.is_finite()) {
            format!("`mean` is {:?}; three finite numbers are needed", self.mean)
        } else if !self.std.iter().all(|std| std.is_normal() && *std > 0.0) {
            format!("`std` is {:?}; three positive numbers are needed", self.std)
        } else {
            return Ok(());
        };
        Err(Error::File { file: "The model's preprocessing".into(), detail })
    }
}

/// A rectangle in photo pixels; may be fractional.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rect {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

impl Rect {
    /// On a copy of the photo that is `across` times as wide and `down` times as high.
    pub fn scaled(self, across: f64, down: f64) -> Rect {
        let Rect { x, y, width, height } = self;
        Rect { x: x * across, y: y * down, width: width * across, height: height * down }
    }
}

/// What goes into the network.
#[derive(Clone, Debug, PartialEq)]
pub struct Prepared {
    pub height: usize,
    pub width: usize,
    pub input: Vec<f32>, // [3, height, width], normalised
    pub rgb: Vec<u8>,    // [height, width, 3], what the network saw
    /// Where `rgb` lies on the photo.
    pub rect: Rect,
}

/// Makes the input of `photo`: torchvision's `Resize`, `CenterCrop`, `ToTensor` and `Normalize` for
/// [`Fit::Crop`]; the photo as it is, or its longer side brought to [`Preprocessing::longest`] by
/// the same filter, for [`Fit::Whole`].
///
/// # Errors
/// [`Error::PhotoTooSmall`] for a whole photo with a side below [`MIN_SIDE`],
/// [`Error::PhotoTooNarrow`] for one that would be after shrinking, for a strip that no fit helps,
/// or whose crop would be a sliver; [`Error::File`] for a preprocessing that makes no sense.
pub fn prepare(photo: &Photo, fit: Fit, preprocessing: &Preprocessing) -> Result<Prepared> {
    preprocessing.check()?;
    let size = (photo.height, photo.width);
    let (short, long) = (photo.width.min(photo.height), photo.width.max(photo.height));
    let minimum = if fit == Fit::Whole { MIN_SIDE } else { 1 };
    if short < minimum && long <= short.saturating_mul(MAX_RATIO) {
        return Err(Error::PhotoTooSmall { width: photo.width, height: photo.height, minimum });
    }
    let limit = match fit {
        Fit::Whole if short < minimum => MAX_RATIO,
        Fit::Whole if long > preprocessing.longest => preprocessing.longest / MIN_SIDE,
        Fit::Whole => usize::MAX,
        Fit::Crop => MAX_RATIO,
    };
    if long > short.saturating_mul(limit) {
        return Err(Error::PhotoTooNarrow { width: photo.width, height: photo.height, limit });
    }

    let (resized, top, left, height, width) = match fit {
        Fit::Whole if long > preprocessing.longest => {
            let other = scaled_side(short, preprocessing.longest, long);
            let resized = by_length(size, other, preprocessing.longest);
            (resized, 0, 0, resized.0, resized.1)
        }
        Fit::Whole => (size, 0, 0, photo.height, photo.width),
        Fit::Crop => {
            let crop = preprocessing.crop;
            let shorter = preprocessing.resize.max(crop);
            let resized = by_length(size, shorter, scaled_side(long, shorter, short));
            (resized, crop_offset(resized.0, crop), crop_offset(resized.1, crop), crop, crop)
        }
    };
    let rgb = if resized == size && (height, width) == size {
        photo.rgb.clone()
    } else {
        // Only what the crop keeps is computed: the resized panorama itself may be large.
        let (rows, columns) = (top..top + height, left..left + width);
        resample(&photo.rgb, size, resized, rows, columns, preprocessing.interpolation)
    };

    let rgb = if preprocessing.grey { grey(&rgb) } else { rgb };

    let (down, across) =
        (photo.height as f64 / resized.0 as f64, photo.width as f64 / resized.1 as f64);
    let rect = Rect {
        x: left as f64 * across,
        y: top as f64 * down,
        width: width as f64 * across,
        height: height as f64 * down,
    };
    Ok(Prepared { height, width, input: normalise(&rgb, preprocessing), rgb, rect })
}

/// Pillow's `convert("L")`, once for each channel: ITU-R 601-2 luma in 16 bits. Source:
/// `libImaging/Convert.c`, `L24`.
fn grey(rgb: &[u8]) -> Vec<u8> {
    let luma = |&[r, g, b]: &[u8; 3]| {
        let [r, g, b] = [r, g, b].map(u32::from);
        ((r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16) as u8
    };
    rgb.as_chunks::<3>().0.iter().flat_map(|pixel| [luma(pixel); 3]).collect()
}

/// torchvision/transforms/functional.py, `_compute_resized_output_size`: `int(requested * side /
/// other)`.
fn scaled_side(side: usize, requested: usize, other: usize) -> usize {
    (requested as u64 * side as u64 / other as u64) as usize
}

/// `(short, long)` put in the order of `(height, width)`.
fn by_length((height, width): (usize, usize), short: usize, long: usize) -> (usize, usize) {
    if width <= height { (long, short) } else { (short, long) }
}

/// torchvision/transforms/functional.py, `center_crop`: `int(round((side - crop) / 2.0))`, where
/// Python rounds halves to even.
fn crop_offset(side: usize, crop: usize) -> usize {
    ((side - crop) as f64 / 2.0).round_ties_even() as usize
}

/// `rgb: [h, w, 3]` to `[3, h, w]`: `(x / 255 - mean) / std`, each step in f32, as `ToTensor`,
/// `Normalize` do.
fn normalise(rgb: &[u8], preprocessing: &Preprocessing) -> Vec<f32> {
    let mut input = Vec::with_capacity(rgb.len());
    for channel in 0..3 {
        let (mean, std) = (preprocessing.mean[channel], preprocessing.std[channel]);
        let table: [f32; 256] = std::array::from_fn(|x| (x as f32 / 255.0 - mean) / std);
        input.extend(rgb.iter().skip(channel).step_by(3).map(|&x| table[usize::from(x)]));
    }
    input
}
