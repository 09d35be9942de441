//! Everything that can go wrong, one enum: each variant carries what a sentence about it needs.
//!
//! `Display` is the English sentence, [`Error::chinese`] the Chinese one: what was wrong, what was
//! expected, what to do. They are written for the person at the page, not for a log. An error is
//! handled once: the engine returns it, the page or the command shows it. To extend: add a variant
//! with its English sentence here and its Chinese one in `chinese.rs`, and a call that reaches it to `tests/errors.rs`.

mod chinese;
mod detail;

pub use detail::Detail;
use serde::{Deserialize, Serialize};

use std::borrow::Cow;
use std::fmt;

use thiserror::Error;

/// Shorthand for results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong between a photo, a checkpoint file and a picture.
#[derive(Clone, Debug, Error, PartialEq, Serialize, Deserialize)]
pub enum Error {
    /// The browser has no `navigator.gpu`, or the machine offers no adapter.
    #[error(
        "No WebGPU adapter was found. Use a current Chrome, Edge, Firefox or Safari with hardware acceleration switched on."
    )]
    NoAdapter,
    /// The adapter answered, its device did not.
    #[error(
        "The graphics adapter refused to open ({detail}). Reload the page, or try another browser."
    )]
    NoDevice { detail: String },
    /// The device went away: driver reset, sleep, another tab that took all memory.
    #[error(
        "The graphics device was lost ({detail}). Your photo is still here: press “Try again”."
    )]
    DeviceLost { detail: String },
    /// A shader or a command was refused: a bug here or in a driver.
    #[error(
        "The graphics driver refused a step ({detail}). Try another browser, and please report this sentence."
    )]
    Gpu { detail: String },
    /// The adapter has no memory left for a buffer.
    #[error(
        "The graphics adapter has run out of memory ({detail}). Close other tabs and programs, or use a smaller photo or the “crop” fit."
    )]
    GpuMemory { detail: String },
    /// The adapter computes something else than the CPU: zeros are known in the wild.
    #[error(
        "This graphics adapter computes wrong results ({found} instead of {expected}), so it is not used. Update its driver, or try another browser."
    )]
    WrongResult { found: f32, expected: f32 },
    /// A photo of this size needs more than the adapter gives.
    #[error(
        "A {width}×{height} input needs a {needed}-byte buffer, and this graphics adapter allows {available}. Use a smaller photo or the “crop” fit."
    )]
    AdapterLimit { width: usize, height: usize, needed: u64, available: u64 },
    /// A layer's weights need a larger buffer than the adapter allows.
    #[error(
        "Tensor `{name}` needs a {needed}-byte buffer, and this graphics adapter allows {available}."
    )]
    TensorTooLarge { name: String, needed: u64, available: u64 },

    /// The bytes are no checkpoint file.
    #[error(
        "This is not a checkpoint that can be read here: {detail}. Choose a `.safetensors` or PyTorch `.pt`/`.pth` file with the weights of a ResNet, MobileNetV2 or EfficientNet-Lite."
    )]
    NotACheckpoint { detail: Detail },
    /// The bytes are a file of another program.
    #[error(
        "This is not a checkpoint that can be read here: {what}. Choose a `.safetensors` or PyTorch `.pt`/`.pth` file with the weights of a ResNet, MobileNetV2 or EfficientNet-Lite."
    )]
    ForeignCheckpoint { what: ForeignCheckpoint },
    /// The bytes are PyTorch's, and not a plain state dict in today's format.
    #[error("This PyTorch file cannot be read: {detail}.")]
    PyTorchFile { detail: Detail },
    /// A tensor that the network needs is absent.
    #[error(
        "The checkpoint has no tensor `{name}` (expected shape {expected:?}). It may be cut short or belong to another network."
    )]
    TensorMissing { name: String, expected: Vec<usize> },
    /// A tensor that no part of the network uses.
    #[error(
        "The checkpoint has a tensor `{name}` of shape {found:?} that a network with these layers does not use. Is it another network?"
    )]
    TensorUnexpected { name: String, found: Vec<usize> },
    /// A first convolution for something else than photos.
    #[error(
        "The first convolution `{name}` reads {channels} channels; a photo has three (red, green, blue), or one if it is grey. Networks for other inputs can't be run here."
    )]
    StemChannels { name: String, channels: usize },
    /// A tensor whose shape does not fit the others.
    #[error("Tensor `{name}` has shape {found:?}; this network needs {expected:?}.")]
    TensorShape { name: String, expected: Vec<usize>, found: Vec<usize> },
    /// A tensor of a type that weights are not read from.
    #[error("Tensor `{name}` is stored as {found}; F32, F16, BF16 and F64 can be read.")]
    TensorType { name: String, found: String },
    /// A tensor holds NaN or infinity.
    #[error(
        "Tensor `{name}` holds values that are not finite numbers: the file is damaged or its training diverged."
    )]
    TensorNotFinite { name: String },
    /// A batch norm's variance is below zero.
    #[error("Tensor `{name}` holds negative variances: the file is damaged.")]
    TensorNegative { name: String },
    /// Dilation is asked for after the weights went up.
    #[error(
        "Dilation is chosen before a network is loaded. Choose the output stride, then load the file again."
    )]
    DilationLoaded,
    /// The tensors are those of another kind of network.
    #[error(
        "This checkpoint is of another network than can be run here: {detail}. ResNet, MobileNetV2 and EfficientNet-Lite are supported."
    )]
    UnsupportedNetwork { detail: Detail },
    /// The network is another one, of a kind that is known.
    #[error(
        "This network cannot be run here: {why}. ResNet, MobileNetV2 and EfficientNet-Lite are supported."
    )]
    OtherNetwork { why: Unlike },
    /// The label list and the network disagree.
    #[error("The label list has {found} names, the network has {expected} classes.")]
    LabelCount { expected: usize, found: usize },
    /// The label list can't be read.
    #[error("The label list cannot be read: {detail}. One name a line, or a JSON array of names.")]
    LabelFormat { detail: String },

    /// The bytes are no image of a format that is decoded here.
    #[error(
        "This file is not an image that can be read here ({what}). JPEG, PNG, WebP, GIF and BMP work."
    )]
    PhotoFormat { what: Foreign },
    /// The image starts well and breaks.
    #[error("The image is damaged: {detail}. Try to open and save it again with another program.")]
    PhotoCorrupt { detail: String },
    /// More pixels than are decoded here.
    #[error(
        "The image has {width}×{height} pixels; at most {limit} million are read. Save a smaller copy."
    )]
    PhotoTooLarge { width: u64, height: u64, limit: u64 },
    /// Fewer pixels than the network can take.
    #[error(
        "The image has {width}×{height} pixels; at least {minimum}×{minimum} are needed. Choose “crop”, which enlarges it, or a larger photo."
    )]
    PhotoTooSmall { width: usize, height: usize, minimum: usize },
    /// A strip of a photo.
    #[error(
        "The image has {width}×{height} pixels: one side is more than {limit} times the other. Cut out the part that matters."
    )]
    PhotoTooNarrow { width: usize, height: usize, limit: usize },

    /// A layer name that this network does not have.
    #[error("There is no layer `{name}`. This network has {known}.")]
    UnknownLayer { name: String, known: String },
    /// A class index or name that this network does not have.
    #[error("There is no class `{name}` among the {classes} of this network.")]
    UnknownClass { name: String, classes: usize },
    /// A method that is not built here.
    #[error("There is no method `{name}`. Known: {known}.")]
    UnknownMethod { name: String, known: String },
    /// A name that stands for none of the choices.
    #[error("There is no {what} `{name}`. Known: {known}.")]
    UnknownChoice { what: String, name: String, known: String },
    /// A question about something that the head doesn't know; and what it knows.
    #[error(
        "The question asks about “{word}”, which these weights do not know. What can be asked: {known}."
    )]
    UnknownWord { word: String, known: Detail },
    /// A question of no kind that the head learnt.
    #[error("This is not a question that these weights can answer. What can be asked: {known}.")]
    UnknownQuestion { known: Detail },
    /// Weights of a head for another network than is loaded.
    #[error(
        "These weights read what {base} sees, and another network is loaded. Load {base} first."
    )]
    OtherBase { base: String },
    /// A question about a picture of another size than the head was trained with, or a description
    /// of it.
    #[error(
        "Only pictures of {side}×{side} pixels can be asked about and described; this one is {width}×{height} to the network. Choose “crop”."
    )]
    QuestionSize { width: usize, height: usize, side: usize },
    /// A map of a word that the head has not said about this photo.
    #[error("This photo has not been described with such a word yet. Describe it first.")]
    NoCaption,
    /// A map of an answer before a question.
    #[error("No question about this photo has been asked yet. Ask one first.")]
    NoQuestion,
    /// `predict` before `load`.
    #[error("No network is loaded yet. Load a checkpoint first.")]
    NoNetwork,
    /// `explain` before `predict`.
    #[error("No photo has been looked at yet. Choose a photo first.")]
    NoPhoto,
    /// A file that can't be fetched or read.
    #[error("{file} could not be read: {detail}.")]
    File { file: String, detail: String },
}

/// [`Error::PhotoCorrupt`]'s detail of a file that was cut.
const ENDS_EARLY: &str = "the file ends too early";
/// And of a picture with a frame larger than itself.
const FRAME_TOO_LARGE: &str = "one of its frames is larger than the picture";

/// What a file is that is no photo which can be read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Foreign {
    Empty,
    Heic,
    Avif,
    CameraRaw,
    Video,
    WebPage,
    Svg,
    Pdf,
    Tiff,
    Photoshop,
    JpegXl,
    Jpeg2000,
    Icon,
    Zip,
    Checkpoint,
    Dicom,
    Nifti,
    Gzip,
    Netpbm,
    Targa,
    NumPy,
    /// A JPEG of arithmetic coding, which no common program writes.
    JpegArithmetic,
    /// A JPEG of separate scans in a ratio of colour planes that its decoder miscounts.
    JpegScans,
    /// Another known format, by its name.
    Named(String),
    Unknown,
    /// A kind of a known format, in its decoder's words.
    Kind(String),
}

impl Foreign {
    /// What it is and what to do about it, in English and Chinese.
    fn words(&self) -> [Cow<'_, str>; 2] {
        let words = match self {
            Foreign::Empty => [
                "the file is empty; choose it again, or download it again",
                "文件是空的，请重新选择或重新下载",
            ],
            Foreign::Heic => [
                "it is a HEIC photo; export it as JPEG (on an iPhone: Settings, Camera, Formats, Most Compatible)",
                "它是 HEIC 照片，请先导出为 JPEG；在 iPhone 上依次打开“设置”“相机”“格式”，选择“兼容性最佳”",
            ],
            Foreign::Avif => [
                "it is an AVIF picture; save it as PNG or JPEG first",
                "它是 AVIF 图片，请先另存为 PNG 或 JPEG",
            ],
            Foreign::CameraRaw => [
                "it is a camera's raw file; export it as JPEG first",
                "它是相机的 RAW 文件，请先导出为 JPEG",
            ],
            Foreign::Video => [
                "it is a video; save one frame as PNG or JPEG first",
                "它是视频，请先把一帧存为 PNG 或 JPEG",
            ],
            Foreign::WebPage => {
                ["it is a web page; save the picture itself", "它是网页，请保存图片本身"]
            }
            Foreign::Svg => {
                ["it is an SVG drawing; export it as PNG first", "它是 SVG 矢量图，请先导出为 PNG"]
            }
            Foreign::Pdf => [
                "it is a PDF document; export the page as PNG first",
                "它是 PDF 文档，请先把页面导出为 PNG",
            ],
            Foreign::Tiff => [
                "it is a TIFF picture or a camera's raw file; export it as JPEG or PNG first",
                "它是 TIFF 图片或相机的 RAW 文件，请先导出为 JPEG 或 PNG",
            ],
            Foreign::Photoshop => [
                "it is a Photoshop document; export it as PNG first",
                "它是 Photoshop 文档，请先导出为 PNG",
            ],
            Foreign::JpegXl => [
                "it is a JPEG XL picture; save it as PNG or JPEG first",
                "它是 JPEG XL 图片，请先另存为 PNG 或 JPEG",
            ],
            Foreign::Jpeg2000 => [
                "it is a JPEG 2000 picture; save it as PNG or JPEG first",
                "它是 JPEG 2000 图片，请先另存为 PNG 或 JPEG",
            ],
            Foreign::Icon => ["it is an icon; save it as PNG first", "它是图标，请先另存为 PNG"],
            Foreign::Zip => [
                "it is a ZIP archive or an office document; take the picture out first",
                "它是压缩包或办公文档，请先取出其中的图片",
            ],
            Foreign::Checkpoint => {
                ["it is a checkpoint; choose it as weights instead", "它是权重文件，请作为权重打开"]
            }
            Foreign::Dicom => [
                "it is a DICOM file; export the picture as PNG from a DICOM viewer first",
                "它是 DICOM 医学影像，请先用 DICOM 查看器导出为 PNG",
            ],
            Foreign::Nifti => [
                "it is a NIfTI or Analyze volume; export one slice as PNG first",
                "它是 NIfTI 或 Analyze 体数据，请先把一个切片导出为 PNG",
            ],
            Foreign::Gzip => [
                "it is compressed with gzip (a NIfTI volume, perhaps); unpack it, and export the picture as PNG",
                "它是 gzip 压缩文件（可能是 NIfTI 体数据），请先解压并把图片导出为 PNG",
            ],
            Foreign::Netpbm => [
                "it is a Netpbm picture (PPM, PGM, PBM, PAM or PFM); save it as PNG first",
                "它是 Netpbm 图片（PPM、PGM、PBM、PAM 或 PFM），请先另存为 PNG",
            ],
            Foreign::Targa => [
                "it is a Targa picture (TGA); save it as PNG first",
                "它是 TGA 图片，请先另存为 PNG",
            ],
            Foreign::NumPy => [
                "it is a NumPy array (NPY or NPZ); save it as PNG first",
                "它是 NumPy 数组（NPY 或 NPZ），请先另存为 PNG",
            ],
            Foreign::JpegArithmetic => [
                "it is a JPEG of arithmetic coding, which hardly any program reads; save it as an ordinary JPEG or PNG first",
                "它是算术编码的 JPEG，几乎没有程序能读取，请先另存为普通 JPEG 或 PNG",
            ],
            Foreign::JpegScans => [
                "it is a JPEG of separate scans with an unusual ratio of colour planes; save it as an ordinary JPEG or PNG first",
                "它是分开扫描、色度比例特殊的 JPEG，请先另存为普通 JPEG 或 PNG",
            ],
            Foreign::Named(name) => {
                return [
                    format!("it is a {name} file; export it as PNG or JPEG first").into(),
                    format!("它是 {name} 文件，请先导出为 PNG 或 JPEG").into(),
                ];
            }
            Foreign::Unknown => [
                "its first bytes are those of no known image",
                "开头的字节不属于任何已知的图片格式",
            ],
            Foreign::Kind(detail) => [detail.as_str(), detail.as_str()],
        };
        words.map(Cow::Borrowed)
    }
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.words()[0])
    }
}

/// What a file is that holds no weights which can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ForeignCheckpoint {
    WebPage,
    GitLfs,
    Hdf5,
    Keras,
    TensorFlowLite,
    TensorFlow,
    Gguf,
    Numpy,
    Pickle,
    Gzip,
    Archive,
    Json,
    Onnx,
}

impl ForeignCheckpoint {
    /// What it is and what to do about it, in English and Chinese.
    fn words(self) -> [&'static str; 2] {
        match self {
            ForeignCheckpoint::WebPage => [
                "it is a web page or XML; the download probably led to a page about the file instead of the file",
                "它是网页或 XML；下载到的可能是介绍文件的页面，而不是文件本身",
            ],
            ForeignCheckpoint::GitLfs => [
                "it is a Git LFS pointer of a few lines, not the file that it points to",
                "它是只有几行的 Git LFS 指针，不是它指向的文件本身",
            ],
            ForeignCheckpoint::Hdf5 => [
                "it is an HDF5 file (`.h5`) as Keras writes; networks of PyTorch are read",
                "它是 Keras 保存的 HDF5 文件（.h5）；这里只能读取 PyTorch 的网络",
            ],
            ForeignCheckpoint::Keras => [
                "it is a Keras model (`.keras`); networks of PyTorch are read",
                "它是 Keras 模型（.keras）；这里只能读取 PyTorch 的网络",
            ],
            ForeignCheckpoint::TensorFlowLite => [
                "it is a TensorFlow Lite model (`.tflite`); networks of PyTorch are read",
                "它是 TensorFlow Lite 模型（.tflite）；这里只能读取 PyTorch 的网络",
            ],
            ForeignCheckpoint::TensorFlow => [
                "it is a model of TensorFlow (`.pb`); networks of PyTorch are read",
                "它是 TensorFlow 模型（.pb）；这里只能读取 PyTorch 的网络",
            ],
            ForeignCheckpoint::Gguf => {
                ["it is a GGUF file of a language model", "它是语言模型的 GGUF 文件"]
            }
            ForeignCheckpoint::Numpy => ["it is a NumPy array", "它是 NumPy 数组"],
            ForeignCheckpoint::Pickle => [
                "it is a Python pickle that PyTorch did not write; save `model.state_dict()` with torch.save",
                "它是 Python 的 pickle 文件，但不是 PyTorch 保存的；请用 torch.save 保存 model.state_dict()",
            ],
            ForeignCheckpoint::Gzip => {
                ["it is compressed with gzip; unpack it first", "它用 gzip 压缩过，请先解压"]
            }
            ForeignCheckpoint::Archive => [
                "it is an archive (tar, 7z, xz or RAR); unpack it first",
                "它是压缩包（tar、7z、xz 或 RAR），请先解压",
            ],
            ForeignCheckpoint::Json => [
                "it is JSON: a configuration or an index, not the weights",
                "它是 JSON：是配置或索引，不是权重",
            ],
            ForeignCheckpoint::Onnx => [
                "it looks like an ONNX model (`.onnx`); save the PyTorch network's weights with \
                 `torch.save(model.state_dict(), \"weights.pth\")`",
                "它像是 ONNX 模型（.onnx）；请用 torch.save(model.state_dict(), \"weights.pth\") 保存 PyTorch 网络的权重",
            ],
        }
    }
}

impl fmt::Display for ForeignCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.words()[0])
    }
}

/// Why a network is none that can be run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Unlike {
    /// Its tensors are named like another's; one of them.
    Looks {
        like: String,
        tensor: String,
    },
    NoClassifier {
        name: String,
    },
    /// Two layers read the same features.
    TwoClassifiers {
        names: [String; 2],
    },
    /// Mean and largest value of each channel, as fastai pools them.
    PoolsTwice {
        name: String,
        reads: usize,
        channels: usize,
    },
    /// Of self-supervised training.
    Projection {
        name: String,
    },
    /// An activation function: its module's name and class, and what could be run.
    Activation {
        name: String,
        class: String,
        expected: String,
    },
    /// The file names a network that has the same tensors.
    Named {
        name: String,
    },
}

impl Unlike {
    /// In English and Chinese.
    fn words(&self) -> [String; 2] {
        match self {
            Unlike::Looks { like, tensor } => [
                format!("it looks like {like} (`{tensor}`)"),
                format!("它看起来是 {like}（{tensor}）"),
            ],
            Unlike::NoClassifier { name } => [
                format!(
                    "it has no classifier `{name}`, and without class scores there is nothing to explain"
                ),
                format!("它没有分类层 {name}，没有类别得分，也就没有可解释的对象"),
            ],
            Unlike::TwoClassifiers { names: [one, other] } => [
                format!(
                    "it has two classifiers, `{one}` and `{other}`; save a state dict that has one"
                ),
                format!("它有两个分类层 {one} 和 {other}；请保存只含一个分类层的 state_dict"),
            ],
            Unlike::PoolsTwice { name, reads, channels } => [
                format!(
                    "its classifier `{name}` reads {reads} numbers of {channels} channels: mean and largest value, \
                     as fastai pools; the mean alone can be run"
                ),
                format!(
                    "它的分类层 {name} 从 {channels} 个通道读取 {reads} 个数：像 fastai 那样同时取均值和最大值；这里只支持取均值"
                ),
            ],
            Unlike::Projection { name } => [
                format!(
                    "`{name}` is a projection of self-supervised training, and no classifier is behind it"
                ),
                format!("{name} 是自监督训练的投影层，后面没有分类层"),
            ],
            Unlike::Activation { name, class, expected } => [
                format!("its activation function `{name}` is {class}, and {expected} can be run"),
                format!("它的激活函数 {name} 是 {class}，这里只支持 {expected}"),
            ],
            Unlike::Named { name } => [
                format!(
                    "the file says that it is `{name}`, which has a plain network's tensors and computes something else"
                ),
                format!("文件里注明它是 {name}：张量与普通网络相同，计算方式却不同"),
            ],
        }
    }
}

impl fmt::Display for Unlike {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.words()[0])
    }
}

impl Error {
    /// Of a picture whose file was cut.
    pub(crate) fn photo_ends_early() -> Error {
        Error::PhotoCorrupt { detail: ENDS_EARLY.into() }
    }

    /// Of a picture with a frame larger than itself.
    pub(crate) fn photo_frame_too_large() -> Error {
        Error::PhotoCorrupt { detail: FRAME_TOO_LARGE.into() }
    }

    /// Whether the device is of no use after this: it is gone, or keeps its first failure.
    pub fn is_of_the_device(&self) -> bool {
        matches!(
            self,
            Error::DeviceLost { .. }
                | Error::NoDevice { .. }
                | Error::Gpu { .. }
                | Error::GpuMemory { .. }
        )
    }
}
