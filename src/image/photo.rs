//! A decoded photo, and what a person should know about it.

use serde::{Deserialize, Serialize};
use std::fmt;

use image::metadata::Orientation;
use image::{RgbImage, imageops};

use super::preprocess::Interpolation;
use super::resample::resample;

/// A decoded, upright photo without transparency.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Photo {
    pub width: usize,
    pub height: usize,
    /// [height, width, 3]
    #[serde(with = "serde_bytes")]
    pub rgb: Vec<u8>,
    /// What makes its pixels other than they look in other programs.
    pub notes: Vec<Note>,
}

/// What a person should know about a photo that was read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Note {
    /// Its colours are those of a wider gamut than sRGB and were not converted: neither torchvision
    /// nor Pillow does, and networks were trained on such pixels as on all others.
    WideGamut { profile: String },
    /// It has 16 bits a channel and its values use only the lowest `bits`, as a picture of 12 bits
    /// does that was not stretched.
    NearlyBlack { bits: u32 },
}

impl Note {
    /// What it is called in `result.json`.
    pub fn name(&self) -> &'static str {
        match self {
            Note::WideGamut { .. } => "wide_gamut",
            Note::NearlyBlack { .. } => "nearly_black",
        }
    }

    /// The sentence in Chinese.
    pub fn chinese(&self) -> String {
        match self {
            Note::WideGamut { profile } => format!(
                "这张照片的色彩配置文件是 {profile}，色域比 sRGB 宽；像素按原值读取，没有转换（与 torchvision 和 Pillow 相同）。"
            ),
            Note::NearlyBlack { bits } => {
                format!(
                    "这张 16 位图片几乎是黑的：它的值只用到 16 位中的 {bits} 位。请先把它拉伸到整个范围。"
                )
            }
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Note::WideGamut { profile } => write!(
                f,
                "The photo's colour profile is {profile}, of a wider gamut than sRGB; its pixels were read as they are, not converted, \
                 as torchvision and Pillow read them."
            ),
            Note::NearlyBlack { bits } => write!(
                f,
                "This 16-bit picture is nearly black: its values use only {bits} of the 16 bits. Stretch it to the whole range first."
            ),
        }
    }
}

impl fmt::Debug for Photo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Photo({}×{})", self.width, self.height)
    }
}

impl Photo {
    /// A photo from its pixels, `rgb: [height, width, 3]`.
    ///
    /// # Panics
    /// When `rgb` has another length: a mistake of the caller.
    pub fn new(width: usize, height: usize, rgb: Vec<u8>) -> Photo {
        assert_eq!(rgb.len(), width * height * 3, "rgb of a {width}×{height} photo");
        Photo { width, height, rgb, notes: Vec::new() }
    }

    /// This photo, decoded without a look at its EXIF orientation, turned as that says.
    pub(super) fn turned(self, orientation: Orientation) -> Photo {
        if orientation == Orientation::NoTransforms {
            return self;
        }
        let Some(lying) = RgbImage::from_raw(self.width as u32, self.height as u32, self.rgb)
        else {
            unreachable!()
        };
        let upright = match orientation {
            Orientation::NoTransforms => lying,
            Orientation::FlipHorizontal => imageops::flip_horizontal(&lying),
            Orientation::Rotate180 => imageops::rotate180(&lying),
            Orientation::FlipVertical => imageops::flip_vertical(&lying),
            Orientation::Rotate90FlipH => imageops::flip_horizontal(&imageops::rotate90(&lying)),
            Orientation::Rotate90 => imageops::rotate90(&lying),
            Orientation::Rotate270FlipH => imageops::flip_horizontal(&imageops::rotate270(&lying)),
            Orientation::Rotate270 => imageops::rotate270(&lying),
        };
        let (width, height) = (upright.width() as usize, upright.height() as usize);
        Photo { width, height, rgb: upright.into_raw(), notes: self.notes }
    }

    /// This photo, or a smaller copy where a side has more than `most` pixels.
    pub fn shrunk(&self, most: usize) -> Photo {
        let longest = self.width.max(self.height);
        if longest <= most {
            return self.clone();
        }
        let scaled = |side: usize| (side * most).div_ceil(longest);
        let (height, width) = (scaled(self.height), scaled(self.width));
        let size = (self.height, self.width);
        let rgb = resample(
            &self.rgb,
            size,
            (height, width),
            0..height,
            0..width,
            Interpolation::Bilinear,
        );
        Photo { width, height, rgb, notes: self.notes.clone() }
    }
}
