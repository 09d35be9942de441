//! The sentences in Chinese.

use super::{ENDS_EARLY, Error};

impl Error {
    /// The sentence in Chinese; what a decoder or a driver said stays as it was said.
    pub fn chinese(&self) -> String {
        match self {
            Error::NoAdapter => {
                "没有找到 WebGPU 显卡。请使用最新的 Chrome、Edge、Firefox 或 Safari，并开启硬件加速。".into()
            }
            Error::NoDevice { detail } => format!("显卡拒绝打开（{detail}）。请重新加载页面，或换一个浏览器。"),
            Error::DeviceLost { detail } => format!("显卡连接中断（{detail}）。你的照片还在：请按“重试”。"),
            Error::Gpu { detail } => {
                format!("显卡驱动拒绝了一个步骤（{detail}）。请换一个浏览器，并把这句话告诉我们。")
            }
            Error::GpuMemory { detail } => {
                format!("显卡内存不足（{detail}）。请关闭其他标签页和程序，或用小一些的照片，或选“中心裁剪”。")
            }
            Error::TensorTooLarge { name, needed, available } => {
                format!("张量 {name} 需要 {needed} 字节的缓冲区，而这块显卡只允许 {available}。")
            }
            Error::WrongResult { found, expected } => format!(
                "这块显卡对一个已知的小输入算错了（得到 {found}，应为 {expected}），因此不使用它。请换一个浏览器，或更新显卡驱动。"
            ),
            Error::AdapterLimit { width, height, needed, available } => format!(
                "{width}×{height} 的输入需要 {needed} 字节的缓冲区，而这块显卡只允许 {available}。请用小一些的照片，或选“中心裁剪”。"
            ),
            Error::NotACheckpoint { detail } => {
                format!(
                    "这不是权重文件：{}。请选择保存了 ResNet、MobileNetV2 或 EfficientNet-Lite 权重的 .safetensors、.pt 或 .pth 文件。",
                    detail.chinese
                )
            }
            Error::ForeignCheckpoint { what } => {
                format!(
                    "这不是权重文件：{}。请选择保存了 ResNet、MobileNetV2 或 EfficientNet-Lite 权重的 .safetensors、.pt 或 .pth 文件。",
                    what.words()[1]
                )
            }
            Error::OtherNetwork { why } => {
                format!("这个网络不能在这里运行：{}。支持 ResNet、MobileNetV2 和 EfficientNet-Lite。", why.words()[1])
            }
            Error::TensorMissing { name, expected } => {
                format!("权重文件缺少张量 {name}（形状应为 {expected:?}）。文件可能不完整，或属于另一种网络。")
            }
            Error::TensorUnexpected { name, found } => {
                format!("权重文件里有张量 {name}（形状 {found:?}），有这些层的网络用不到它。是不是另一种网络？")
            }
            Error::TensorShape { name, expected, found } => {
                format!("张量 {name} 的形状是 {found:?}，这个网络需要 {expected:?}。")
            }
            Error::StemChannels { name, channels } => {
                format!(
                    "第一个卷积 {name} 读取 {channels} 个通道；照片有三个（红、绿、蓝），灰度照片有一个。这里不能运行其他输入的网络。"
                )
            }
            Error::TensorType { name, found } => {
                format!("张量 {name} 以 {found} 存储；只能读取 F32、F16、BF16 和 F64。")
            }
            Error::TensorNotFinite { name } => format!("张量 {name} 含有无穷大或非数值：文件已损坏，或训练发散了。"),
            Error::DilationLoaded => "空洞卷积要在加载网络之前选择。请先选择输出步长，再重新加载文件。".into(),
            Error::UnsupportedNetwork { detail } => {
                format!("这个权重文件里的网络不能在这里运行：{}。支持 ResNet、MobileNetV2 和 EfficientNet-Lite。", detail.chinese)
            }
            Error::LabelCount { expected, found } => {
                format!("类别名称表有 {found} 个名称，而网络有 {expected} 个类别。")
            }
            Error::LabelFormat { detail } => {
                format!("无法读取类别名称表：{detail}。应为每行一个名称，或由名称组成的 JSON 数组。")
            }
            Error::PhotoFormat { what } => {
                format!("这个文件不是这里能读取的图片（{}）。支持 JPEG、PNG、WebP、GIF 和 BMP。", what.words()[1])
            }
            Error::PhotoCorrupt { detail } if detail == ENDS_EARLY => {
                "图片已损坏：文件不完整。请重新下载或重新保存。".into()
            }
            Error::PhotoCorrupt { detail } => format!("图片已损坏：{detail}。请用别的程序打开并重新保存。"),
            Error::PhotoTooLarge { width, height, limit } => {
                format!("图片有 {width}×{height} 像素，最多读取 {limit} 百万像素。请保存一份小一些的。")
            }
            Error::PhotoTooSmall { width, height, minimum } => format!(
                "图片只有 {width}×{height} 像素，至少需要 {minimum}×{minimum}。请选“中心裁剪”（会放大），或换一张大一些的照片。"
            ),
            Error::UnknownLayer { name, known } => format!("没有叫 {name} 的层。这个网络有 {known}。"),
            Error::UnknownClass { name, classes } => format!("这个网络的 {classes} 个类别里没有“{name}”。"),
            Error::PyTorchFile { detail } => {
                format!("无法读取这个 PyTorch 文件：{}。", detail.chinese)
            }
            Error::TensorNegative { name } => format!("张量 {name} 含有负的方差：文件已损坏。"),
            Error::PhotoTooNarrow { width, height, limit } => {
                format!("图片有 {width}×{height} 像素，一边超过另一边的 {limit} 倍。请先裁出重要的部分。")
            }
            Error::UnknownChoice { what, name, known } => {
                format!("没有“{name}”这个选项（{what}）。可用的有：{known}。")
            }
            Error::UnknownMethod { name, known } => format!("没有叫 {name} 的方法。可用的有：{known}。"),
            Error::NoNetwork => "还没有加载网络。请先加载权重。".into(),
            Error::NoPhoto => "还没有看过照片。请先选择一张照片。".into(),
            Error::File { file, detail } => format!("无法读取 {file}：{detail}。"),
        }
    }
}
