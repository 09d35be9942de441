//! Words about weights: downloads, copies in the browser, how photos become inputs.

pub struct Weights {
    /// Megabytes received, of how many.
    pub received: &'static str,
    /// Megabytes a second, seconds left.
    pub rate: &'static str,
    pub unverified: &'static str,
    /// A name, megabytes.
    pub kept: &'static str,
    pub kept_old: &'static str,
    pub delete: &'static str,
    pub delete_file: &'static str,
    pub not_kept: &'static str,

    pub preprocessing: &'static str,
    pub preprocessing_hint: &'static str,
    pub resize: &'static str,
    pub crop: &'static str,
    pub longest: &'static str,
    pub mean: &'static str,
    pub std: &'static str,
    pub channels: [&'static str; 3],
    pub reset: &'static str,

    /// A name.
    pub take_other: &'static str,
    pub stride_in: &'static str,
    pub stride_places: [&'static str; 2],
    pub output_stride: &'static str,
    /// In the order of `Conventions::OUTPUT_STRIDES`.
    pub output_strides: [&'static str; 3],
    pub epsilon: &'static str,
    pub scores: &'static str,
    /// In the order of `Scores::ALL`.
    pub scores_of: [&'static str; 2],

    pub conventions: &'static str,
    /// PyTorch's, TensorFlow's.
    pub trained_with: [&'static str; 2],
    /// What that means.
    pub conventions_mean: [&'static str; 2],
    /// How that is known: in the order of `ConventionsSource`.
    pub conventions_from: [&'static str; 4],
}

pub static ENGLISH: Weights = Weights {
    received: "{} of {} MB",
    rate: "{} MB/s, {} s left",
    unverified: "Not verified: this page knows no checksum of this file.",
    kept: "Kept in this browser: {}, {} MB",
    kept_old: "{} (no longer listed)",
    delete: "Delete",
    delete_file: "Delete the copy of {}",
    not_kept: "This browser has no room for a copy of this model, or keeps none: it is in use, and will be downloaded again next time.",

    preprocessing: "Preprocessing",
    preprocessing_hint: "Enter what your network was trained with. Sides are in pixels; mean and standard deviation are of channel values between 0 and 1.",
    resize: "Shorter side, before cropping",
    crop: "Side of the crop",
    longest: "Longer side of a whole photo, at most",
    mean: "Mean",
    std: "Standard deviation",
    channels: ["red", "green", "blue"],
    reset: "ImageNet’s values",

    take_other: "Use {} instead",
    stride_in: "Stride of bottlenecks",
    stride_places: ["in the 3×3 (PyTorch)", "in the 1×1 (Caffe)"],
    output_stride: "Output stride",
    output_strides: ["32 (no dilation)", "16 (dilated)", "8 (dilated)"],
    epsilon: "Batch norm epsilon",
    scores: "Scores",
    scores_of: ["softmax: one class is right", "sigmoid: each class by itself"],

    conventions: "Trained with",
    trained_with: ["PyTorch", "TensorFlow"],
    conventions_mean: ["Symmetric padding, epsilon 1e-5.", "“SAME” padding, epsilon 1e-3."],
    conventions_from: [
        "The names of its tensors say so.",
        "The names of its tensors do not tell, so PyTorch is assumed. If the classes look wrong, try the other.",
        "The names of its tensors do not tell, but the file is called “tf_”, as timm calls weights that came from TensorFlow.",
        "Your choice.",
    ],
};

pub static CHINESE: Weights = Weights {
    received: "已收 {}，共 {} MB",
    rate: "{} MB/秒，还需 {} 秒",
    unverified: "未经校验：本页不知道这个文件的校验和。",
    kept: "已存在这个浏览器里：{}，{} MB",
    kept_old: "{}（已不在列表中）",
    delete: "删除",
    delete_file: "删除{}的副本",
    not_kept: "这个浏览器没有空间保存该模型，或不允许保存：现在可以使用，下次需要重新下载。",

    preprocessing: "图像预处理",
    preprocessing_hint: "应与你的网络训练时相同。边长以像素计；均值和标准差按 0 到 1 的通道值计。",
    resize: "裁剪前的短边",
    crop: "裁剪后的边长",
    longest: "整张照片的长边上限",
    mean: "均值",
    std: "标准差",
    channels: ["红", "绿", "蓝"],
    reset: "ImageNet 的数值",

    take_other: "改用 {}",
    stride_in: "瓶颈块的步长",
    stride_places: ["在 3×3 卷积（PyTorch）", "在 1×1 卷积（Caffe）"],
    output_stride: "输出步长",
    output_strides: ["32（无空洞）", "16（空洞卷积）", "8（空洞卷积）"],
    epsilon: "批归一化的 epsilon",
    scores: "得分换算",
    scores_of: ["softmax：只有一个类别正确", "sigmoid：各类别相互独立"],

    conventions: "训练框架",
    trained_with: ["PyTorch", "TensorFlow"],
    conventions_mean: ["两侧对称填充，epsilon 为 1e-5。", "“SAME”填充，epsilon 为 1e-3。"],
    conventions_from: [
        "由张量的名称得知。",
        "从张量的名称看不出来，暂按 PyTorch 处理。如果识别结果不对，请换另一种试试。",
        "从张量的名称看不出来，但文件名里有“tf_”：timm 这样命名来自 TensorFlow 的权重。",
        "由你选定。",
    ],
};
