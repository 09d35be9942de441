//! The sentences in Chinese.

use super::{ENDS_EARLY, Error, FRAME_TOO_LARGE};

impl Error {
    /// The sentence in Chinese; what a decoder or a driver said stays as it was said.
    pub fn chinese(&self) -> String {
        match self {
            Error::NoAdapter => {
                "没有找到支持 WebGPU 的显卡。请使用最新版的 Chrome、Edge、Firefox 或 Safari，并开启硬件加速。".into()
            }
            Error::NoDevice { detail } => format!("无法启用显卡（{detail}）。请刷新页面，或换一个浏览器。"),
            Error::DeviceLost { detail } => format!("与显卡的连接中断（{detail}）。你的照片还在，点击“重试”即可继续。"),
            Error::Gpu { detail } => {
                format!("显卡驱动拒绝执行其中一步（{detail}）。请换一个浏览器，并把这条提示反馈给我们。")
            }
            Error::GpuMemory { detail } => {
                format!("显存不足（{detail}）。请关闭其他标签页和程序，或换一张小一些的照片，或选择“中心裁剪”。")
            }
            Error::TensorTooLarge { name, needed, available } => {
                format!("张量 {name} 需要 {needed} 字节的缓冲区，而这块显卡只允许 {available} 字节。")
            }
            Error::WrongResult { found, expected } => format!(
                "这块显卡在自检中算错了（得到 {found}，应为 {expected}），因此没有使用。请更新显卡驱动，或换一个浏览器。"
            ),
            Error::AdapterLimit { width, height, needed, available } => format!(
                "{width}×{height} 的输入需要 {needed} 字节的缓冲区，而这块显卡只允许 {available} 字节。请换一张小一些的照片，或选择“中心裁剪”。"
            ),
            Error::NotACheckpoint { detail } => {
                format!(
                    "这不是这里能读取的权重文件：{}。请选择保存了 ResNet、MobileNetV2 或 EfficientNet-Lite 权重的 .safetensors、.pt 或 .pth 文件。",
                    detail.chinese
                )
            }
            Error::ForeignCheckpoint { what } => {
                format!(
                    "这不是这里能读取的权重文件：{}。请选择保存了 ResNet、MobileNetV2 或 EfficientNet-Lite 权重的 .safetensors、.pt 或 .pth 文件。",
                    what.words()[1]
                )
            }
            Error::OtherNetwork { why } => {
                format!("这里不能运行这个网络：{}。支持的网络有 ResNet、MobileNetV2 和 EfficientNet-Lite。", why.words()[1])
            }
            Error::TensorMissing { name, expected } => {
                format!("权重文件缺少张量 {name}（形状应为 {expected:?}）。文件可能不完整，或属于另一种网络。")
            }
            Error::TensorUnexpected { name, found } => {
                format!("权重文件里多出了张量 {name}（形状为 {found:?}），由这些层组成的网络用不到它。这是不是另一种网络的权重？")
            }
            Error::TensorShape { name, expected, found } => {
                format!("张量 {name} 的形状是 {found:?}，而这个网络需要 {expected:?}。")
            }
            Error::StemChannels { name, channels } => {
                format!(
                    "第一个卷积层 {name} 的输入有 {channels} 个通道，而彩色照片有三个（红、绿、蓝），灰度照片有一个。输入不是照片的网络不能在这里运行。"
                )
            }
            Error::TensorType { name, found } => {
                format!("张量 {name} 的数据类型是 {found}，而这里只能读取 F32、F16、BF16 和 F64。")
            }
            Error::TensorNotFinite { name } => format!("张量 {name} 含有无穷大或 NaN：文件已损坏，或训练时发散了。"),
            Error::DilationLoaded => "空洞卷积要在加载网络之前设定。请先选择输出步长，再重新加载文件。".into(),
            Error::UnsupportedNetwork { detail } => {
                format!("这里不能运行这个权重文件里的网络：{}。支持的网络有 ResNet、MobileNetV2 和 EfficientNet-Lite。", detail.chinese)
            }
            Error::LabelCount { expected, found } => {
                format!("类别名称表有 {found} 个名称，而网络有 {expected} 个类别。")
            }
            Error::LabelFormat { detail } => {
                format!("无法读取类别名称表：{detail}。应当每行一个名称，或是由名称组成的 JSON 数组。")
            }
            Error::PhotoFormat { what } => {
                format!("这个文件不是这里能读取的图片（{}）。支持 JPEG、PNG、WebP、GIF 和 BMP。", what.words()[1])
            }
            Error::PhotoCorrupt { detail } if detail == ENDS_EARLY => {
                "图片已损坏：文件不完整。请重新下载或重新保存。".into()
            }
            Error::PhotoCorrupt { detail } if detail == FRAME_TOO_LARGE => {
                "图片已损坏：其中一帧比整张图片还大。请用别的程序打开并重新保存。".into()
            }
            Error::PhotoCorrupt { detail } => format!("图片已损坏：{detail}。请用别的程序打开并重新保存。"),
            Error::PhotoTooLarge { width, height, limit } => {
                let limit = *limit as f64 / 100.0; // in 亿
                format!("图片有 {width}×{height} 像素，最多只能读取 {limit} 亿像素。请缩小后另存一份。")
            }
            Error::PhotoTooSmall { width, height, minimum } => format!(
                "图片只有 {width}×{height} 像素，至少需要 {minimum}×{minimum}。请选择“中心裁剪”（会先放大），或换一张大一些的照片。"
            ),
            Error::UnknownLayer { name, known } => format!("没有名为 {name} 的层。这个网络的层有：{known}。"),
            Error::UnknownClass { name, classes } => format!("这个网络的 {classes} 个类别里没有“{name}”。"),
            Error::PyTorchFile { detail } => {
                format!("无法读取这个 PyTorch 文件：{}。", detail.chinese)
            }
            Error::TensorNegative { name } => format!("张量 {name} 里的方差有负数：文件已损坏。"),
            Error::PhotoTooNarrow { width, height, limit } => {
                format!("图片有 {width}×{height} 像素，一边超过另一边的 {limit} 倍。请先裁出重要的部分。")
            }
            Error::UnknownChoice { what, name, known } => {
                format!("没有“{name}”这个选项（{what}）。可用的有：{known}。")
            }
            Error::UnknownMethod { name, known } => format!("没有名为 {name} 的方法。可用的有：{known}。"),
            Error::UnknownWord { word, known } => {
                format!("问题里的“{word}”不在这个权重认识的事物之中。可以这样问：{}。", known.chinese)
            }
            Error::UnknownQuestion { known } => {
                format!("这个权重回答不了这样的问题。可以这样问：{}。", known.chinese)
            }
            Error::OtherBase { base } => {
                format!("这个权重要与 {base} 一起使用，而现在加载的是另一个网络。请先加载 {base}。")
            }
            Error::QuestionSize { width, height, side } => format!(
                "提问或描述时，网络看到的图片应为 {side}×{side} 像素，而现在是 {width}×{height}。请选择“中心裁剪”。"
            ),
            Error::NoCaption => "这张图片还没有用这样的词描述过。请先让网络描述它。".into(),
            Error::NoQuestion => "还没有就这张图片提问。请先提一个问题。".into(),
            Error::NoNetwork => "还没有加载网络。请先加载权重。".into(),
            Error::NoPhoto => "还没有输入照片。请先选择一张照片。".into(),
            Error::File { file, detail } => format!("无法读取 {file}：{detail}。"),
        }
    }
}
