//! Words of the picture's tools: threshold and contours, reading values, the heatmap in words, ways
//! out.

pub struct Tools {
    pub more: &'static str,
    pub threshold: &'static str,
    pub threshold_hint: &'static str,
    pub contours: &'static str,
    pub larger: &'static str,

    /// Rows of columns: upper left, upper middle …
    pub places: [[&'static str; 3]; 3],
    pub described: &'static str,
    pub described_blank: &'static str,

    pub read: &'static str,
    pub read_hint: &'static str,
    pub read_hint_touch: &'static str,
    pub read_value: &'static str,
    pub read_cell: &'static str,
    pub read_field: &'static str,
    pub read_all: &'static str,
    pub read_outside: &'static str,

    pub out: &'static str,
    pub out_heatmap: &'static str,
    pub out_captioned: &'static str,
    pub out_raw: &'static str,
    pub out_copy: &'static str,
    pub out_link: &'static str,
    pub out_link_hint: &'static str,
    pub copied: &'static str,
    pub link_copied: &'static str,
    pub no_copy: &'static str,
    pub caption: &'static str,
    pub made_with: &'static str,
}

pub static ENGLISH: Tools = Tools {
    more: "Threshold and contours",
    threshold: "Hide below",
    threshold_hint: "Weaker places show the photo alone.",
    contours: "Lines at ¼, ½ and ¾ of the strongest",
    larger: "A+: larger text",

    places: [
        ["the upper left", "the upper middle", "the upper right"],
        ["the middle left", "the centre", "the middle right"],
        ["the lower left", "the lower middle", "the lower right"],
    ],
    described: "Strongest at {}; {} % of what the network saw is at least half as strong.",
    described_blank: "The heatmap is empty.",

    read: "Read the heatmap: arrow keys move from cell to cell",
    read_hint: "Point at the picture, or focus it and use the arrow keys, to read values.",
    read_hint_touch: "Tap the picture to read values.",
    read_value: "{} % of the strongest place",
    read_cell: "cell {} of {} across, {} of {} down; raw value {}",
    read_field: "it can see {} × {} pixels of the input (dashed)",
    read_all: "it can see the whole input",
    read_outside: "The network did not see this place.",

    out: "Export",
    out_heatmap: "Heatmap alone (PNG)",
    out_captioned: "Side by side, with caption (PNG)",
    out_raw: "Raw map (NumPy .npy)",
    out_copy: "Copy the picture",
    out_link: "Copy a link to these settings",
    out_link_hint: "Model, sample, class, question, layer, method and everything else that is set; never your own photo.",
    copied: "The picture is on the clipboard.",
    link_copied: "The link is on the clipboard.",
    no_copy: "The browser refused the clipboard.",
    caption: "“{}”, {} % · {} at {}",
    made_with: "{} · {} · Gradlens",
};

pub static CHINESE: Tools = Tools {
    more: "阈值与等高线",
    threshold: "隐藏低于",
    threshold_hint: "较弱的地方只显示照片。",
    contours: "在最强处的 ¼、½、¾ 画线",
    larger: "A+：放大文字",

    places: [
        ["左上", "上方中间", "右上"],
        ["左侧中间", "中央", "右侧中间"],
        ["左下", "下方中间", "右下"],
    ],
    described: "最强处在{}；网络所见范围的 {}% 达到最强处的一半以上。",
    described_blank: "热力图是空的。",

    read: "读取热力图：用方向键逐格移动",
    read_hint: "把指针移到图上，或选中图片后用方向键，即可读取数值。",
    read_hint_touch: "点按图片即可读取数值。",
    read_value: "为最强处的 {}%",
    read_cell: "横向第 {} / {} 格，纵向第 {} / {} 格；原始值 {}",
    read_field: "能看到输入中 {} × {} 像素的范围（虚线）",
    read_all: "能看到整个输入",
    read_outside: "网络没有看到这里。",

    out: "导出",
    out_heatmap: "只要热力图（PNG）",
    out_captioned: "并排并附说明（PNG）",
    out_raw: "原始热力图（NumPy .npy）",
    out_copy: "复制图片",
    out_link: "复制当前设置的链接",
    out_link_hint: "包含模型、示例图片、类别、解释目标、层、方法和其他全部设置；绝不含你自己的照片。",
    copied: "图片已复制到剪贴板。",
    link_copied: "链接已复制到剪贴板。",
    no_copy: "浏览器不允许使用剪贴板。",
    caption: "“{}”，{}% · {}，{}",
    made_with: "{} · {} · Gradlens",
};
