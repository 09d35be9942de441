//! Every word of the page, once a language: one table of strings each, and the sentences for
//! errors.
//!
//! To add a language: a variant of [`Language`], a table, arms in `faults.rs` and `methods.rs`.
//! Class names are in the label files, the sentences for the engine's errors in `src/error/`.

mod analysis;
mod ask;
mod camera;
mod compare;
mod describe;
mod faults;
mod glossary;
mod methods;
mod network;
mod own_files;
mod pack;
mod processor;
mod shortcuts;
mod teach;
mod tools;
mod tour;
pub mod weights;

use gradlens::catalog::questions::Language as Heads;

pub use analysis::Analysis;
pub use ask::Ask;
pub use camera::Camera;
pub use compare::Compare;
pub use describe::Describe;
pub use faults::sentence;
pub use glossary::{Glossary, Term, terms};
pub use methods::{METHODS, method};
pub use network::Network;
pub use own_files::OwnFiles;
pub use pack::Pack;
pub use processor::Processor;
pub use teach::Teach;
pub use tools::Tools;
pub use tour::Tour;

/// A language of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    English,
    Chinese,
}

impl Language {
    /// The first of the browser's languages that the page speaks.
    pub fn preferred<'a>(tags: impl IntoIterator<Item = &'a str>) -> Language {
        tags.into_iter()
            .find_map(|tag| match tag.get(..2).map(str::to_ascii_lowercase).as_deref() {
                Some("zh") => Some(Language::Chinese),
                Some("en") => Some(Language::English),
                _ => None,
            })
            .unwrap_or(Language::English)
    }

    pub fn tag(self) -> &'static str {
        match self {
            Language::English => "en",
            Language::Chinese => "zh-CN",
        }
    }

    pub fn from_tag(tag: &str) -> Option<Language> {
        [Language::English, Language::Chinese].into_iter().find(|language| language.tag() == tag)
    }

    pub fn other(self) -> Language {
        match self {
            Language::English => Language::Chinese,
            Language::Chinese => Language::English,
        }
    }

    /// The same for heads, which read and write words.
    pub fn of_heads(self) -> Heads {
        match self {
            Language::English => Heads::En,
            Language::Chinese => Heads::Zh,
        }
    }

    /// What the language calls itself: for the switch.
    pub fn own_name(self) -> &'static str {
        match self {
            Language::English => "English",
            Language::Chinese => "中文",
        }
    }

    pub fn text(self) -> &'static Text {
        match self {
            Language::English => &ENGLISH,
            Language::Chinese => &CHINESE,
        }
    }

    /// The better of the two names in this language.
    pub fn choose<'a>(self, english: &'a str, chinese: Option<&'a str>) -> &'a str {
        match self {
            Language::English => english,
            Language::Chinese => chinese.unwrap_or(english),
        }
    }
}

/// Fills `{}`s in order.
pub fn fill(template: &str, values: &[&str]) -> String {
    let mut parts = template.split("{}");
    let mut out = parts.next().unwrap_or_default().to_owned();
    let mut values = values.iter();
    for part in parts {
        out.push_str(values.next().copied().unwrap_or_default());
        out.push_str(part);
    }
    out
}

/// Picks one of the page's strings: for components that are given what to say.
pub type Words = fn(&'static Text) -> &'static str;

/// One table: field names say where the words stand.
pub struct Text {
    pub weights: &'static weights::Weights,
    pub title: &'static str,
    pub tagline: &'static str,
    pub skip: &'static str,

    pub drop_title: &'static str,
    pub drop_hint: &'static str,
    /// In their place where there is a touch screen alone.
    pub choose_title: &'static str,
    pub choose_hint: &'static str,
    pub drop_here: &'static str,
    pub choose_photo: &'static str,
    pub another_photo: &'static str,
    pub privacy: &'static str,
    pub samples: &'static str,
    pub sample_title: &'static str,

    pub picture: &'static str,
    pub view: &'static str,
    pub view_overlay: &'static str,
    pub view_photo: &'static str,
    pub view_heatmap: &'static str,
    pub view_both: &'static str,
    pub opacity: &'static str,
    pub colours: &'static str,
    /// In the order of `ColourMap::ALL`.
    pub colour_names: [&'static str; 5],
    pub bar_low: &'static str,
    pub bar_high: &'static str,
    pub bar_note: &'static str,
    pub save: &'static str,
    pub blank: &'static str,
    pub overlay_of: &'static str,
    pub caption: &'static str,
    pub plain_photo: &'static str,

    pub sees: &'static str,
    pub sees_hint: &'static str,
    pub sees_empty: &'static str,
    pub rank: &'static str,
    pub search: &'static str,
    pub search_placeholder: &'static str,
    pub search_none: &'static str,

    pub where_from: &'static str,
    pub layer: &'static str,
    /// What layers look for, by their stride: 2, 4, 8, 16, 32.
    pub stages: [&'static str; 5],
    pub whole_stage: &'static str,
    pub block: &'static str,
    pub layer_hint: &'static str,
    pub method: &'static str,
    pub all_methods: &'static str,
    /// In the order of `cam::Group`.
    pub method_groups: [&'static str; 3],
    pub smoothing: &'static str,
    pub aug_smooth: &'static str,
    pub eigen_smooth: &'static str,
    /// Behind a method's name.
    pub smoothed: &'static str,
    pub fit: &'static str,
    pub fit_whole: &'static str,
    pub fit_crop: &'static str,
    pub fit_hint_whole: &'static str,
    pub fit_hint_crop: &'static str,

    pub model: &'static str,
    pub own_weights: &'static str,
    pub open_weights: &'static str,
    pub weights_hint: &'static str,
    pub classes: &'static str,
    pub licence: &'static str,
    pub no_model: &'static str,

    pub loading_page: &'static str,
    pub connecting: &'static str,
    pub tuning: &'static str,
    pub loading: &'static str,
    pub uploading: &'static str,
    pub predicting: &'static str,
    pub explaining: &'static str,
    pub ready: &'static str,
    pub done: &'static str,
    /// The same for other objectives than the score: what speaks for or against.
    pub done_evidence: &'static str,
    pub stopped: &'static str,
    pub times: &'static str,
    pub adapter: &'static str,
    pub software: &'static str,
    pub cancel: &'static str,
    pub retry: &'static str,
    pub dismiss: &'static str,

    pub offer_title: &'static str,
    pub offer: &'static str,
    pub offer_yes: &'static str,
    pub offer_file: &'static str,
    pub offer_no: &'static str,

    pub reading_title: &'static str,
    pub reading: &'static [(&'static str, &'static str)],
    pub processor: &'static Processor,
    pub tools: &'static Tools,
    pub analysis: &'static Analysis,
    pub ask: &'static Ask,
    pub describe: &'static Describe,
    pub shortcuts: &'static shortcuts::Shortcuts,
    pub glossary: &'static Glossary,
    pub network: &'static Network,
    pub tour: &'static Tour,
    pub camera: &'static Camera,
    pub own_files: &'static OwnFiles,
    pub teach: &'static Teach,
    pub compare: &'static Compare,
    pub pack: &'static Pack,
    pub footer: &'static str,
    pub kept: &'static str,
}

pub static ENGLISH: Text = Text {
    weights: &weights::ENGLISH,
    title: "Gradlens",
    tagline: "See where a neural network looks",
    skip: "Skip to the picture",

    drop_title: "Drop a photo",
    drop_hint: "or paste one, or choose a file",
    choose_title: "Choose a photo",
    choose_hint: "or take one with the camera",
    drop_here: "Let go: photos or a folder of them, weights or a list of labels",
    choose_photo: "Choose a photo",
    another_photo: "Another photo",
    privacy: "Your photo stays in this browser.",
    samples: "Or try one of these",
    sample_title: "{}. {}",

    picture: "Picture",
    view: "View",
    view_overlay: "Overlay",
    view_photo: "Photo",
    view_heatmap: "Heatmap",
    view_both: "Side by side",
    opacity: "Opacity",
    colours: "Colours",
    colour_names: ["Jet", "Viridis", "Turbo", "Magma", "Grey"],
    bar_low: "low evidence",
    bar_high: "high evidence",
    bar_note: "How much each place {}, measured against the strongest place of this photo.",
    save: "Save PNG",
    blank: "Nothing in this photo {} at {}: the map is empty, and that is the answer.",
    overlay_of: "Heatmap over the photo: where {} sees “{}”, at {}",
    caption: "{} · {} · a map of {} × {} cells, stretched over the photo",
    plain_photo: "The photo, not yet explained",

    sees: "What it sees",
    sees_hint: "Choose a class to see its heatmap.",
    sees_empty: "The five likeliest classes appear here.",
    rank: "no. {}",
    search: "Any other class",
    search_placeholder: "Name or number",
    search_none: "No class by this name",

    where_from: "Heatmap settings",
    layer: "Target layer",
    stages: ["strokes", "edges", "textures", "parts", "objects"],
    whole_stage: "all",
    block: "All layers",
    layer_hint: "Early layers see fine detail, late ones see meaning.",
    method: "Method",
    all_methods: "All methods",
    method_groups: ["Gradient-based", "Gradient-free", "Pixel-level, without a layer"],
    smoothing: "Smoothing",
    aug_smooth: "Augmentation: the mean of six maps (slower)",
    eigen_smooth: "Eigen: the channels' main pattern",
    smoothed: ", smoothed",
    fit: "Input",
    fit_whole: "Whole photo",
    fit_crop: "Center crop",
    fit_hint_whole: "Nothing is cut off; shrunk only when large.",
    fit_hint_crop: "As in training: shorter side scaled, middle cut out.",

    model: "Model",
    own_weights: "Your file: {}",
    open_weights: "Open weights…",
    weights_hint: "Weights of a ResNet, MobileNetV2 or EfficientNet-Lite: .safetensors, .pt or .pth; labels: .txt or .json. Dropping them works too.",
    classes: "{} classes",
    licence: "Licence: {}",
    no_model: "No model is on this site yet. Choose one of the list, or open a weights file of your own.",

    loading_page: "Loading…",
    connecting: "Asking for the graphics adapter…",
    tuning: "Trying out the graphics adapter…",
    loading: "Loading {}…",
    uploading: "Preparing {}…",
    predicting: "Running the network on the photo…",
    explaining: "Computing the heatmap of “{}”…",
    ready: "Ready for a photo.",
    done: "Done: where “{}” is seen.",
    done_evidence: "Done: what {}.",
    stopped: "Something needs your attention.",
    times: "Forward {} ms · CAM {} ms",
    adapter: "Computed on {}",
    software: "software, slow",
    cancel: "Cancel",
    retry: "Try again",
    dismiss: "Close",

    offer_title: "Download {}?",
    offer: "Its weights are not on this site. They are {} MB and would come from {}. Only the file is asked for; nothing of yours is sent.",
    offer_yes: "Download {} MB",
    offer_file: "I have the file",
    offer_no: "Not now",

    reading_title: "How to read the heatmap",
    reading: &[
        (
            "What do the colours mean?",
            "Warm colours mark the places that raise the score of the chosen class, cold ones contribute little to it. The scale is relative: the strongest place of this photo is always at the top of the bar, however sure the network is.",
        ),
        (
            "Why is so much of it blue?",
            "Blue is the low end of the bar: these places contribute little to this class. That is the usual case, and no fault: most of a photo is background to the question asked.",
        ),
        (
            "Which class should I pick?",
            "Start with the likeliest: it shows what the answer rests on. Then pick another to ask “and where would you see that?”. Any class can be asked for; one that is not in the photo gives a weak or empty map, scaled up all the same.",
        ),
        (
            "Which layer should I take?",
            "The last one is the usual choice: it knows what things are, on a coarse grid. Earlier layers have a finer grid but know only parts, textures or edges.",
        ),
        (
            "Why does another class give the same map?",
            "Classes that look alike share most of their evidence. And a network that only saw single objects may have nowhere else to look.",
        ),
        (
            "Why is the map empty?",
            "Negative evidence is cut off. If every place lowers the score, nothing is left to draw.",
        ),
        ("Why are two methods alike?", analysis::ENGLISH.coincide),
        (
            "Is the network right?",
            "The map shows what the answer rests on, not whether it is true. A wrong answer with a sensible map is still wrong.",
        ),
    ],
    processor: &processor::ENGLISH,
    tools: &tools::ENGLISH,
    analysis: &analysis::ENGLISH,
    ask: &ask::ENGLISH,
    describe: &describe::ENGLISH,
    shortcuts: &shortcuts::ENGLISH,
    glossary: &glossary::ENGLISH,
    network: &network::ENGLISH,
    tour: &tour::ENGLISH,
    camera: &camera::ENGLISH,
    own_files: &own_files::ENGLISH,
    teach: &teach::ENGLISH,
    compare: &compare::ENGLISH,
    pack: &pack::ENGLISH,
    footer: "Everything is computed here, in this browser. Nothing is uploaded.",
    kept: "This page now opens without a network, too.",
};

pub static CHINESE: Text = Text {
    weights: &weights::CHINESE,
    title: "Gradlens",
    tagline: "看看神经网络在看哪里",
    skip: "跳到图片",

    drop_title: "把照片拖到这里",
    drop_hint: "也可以粘贴，或选择文件",
    choose_title: "选择一张照片",
    choose_hint: "也可以用摄像头拍一张",
    drop_here: "松开即可：照片、权重或类别名称表",
    choose_photo: "选择照片",
    another_photo: "换一张照片",
    privacy: "照片不会离开这个浏览器。",
    samples: "或者试试这些",
    sample_title: "{}。{}",

    picture: "图片",
    view: "显示",
    view_overlay: "叠加",
    view_photo: "原图",
    view_heatmap: "热力图",
    view_both: "并排",
    opacity: "不透明度",
    colours: "配色",
    colour_names: ["Jet", "Viridis", "Turbo", "Magma", "灰度"],
    bar_low: "依据弱",
    bar_high: "依据强",
    bar_note: "各处在多大程度上{}，以这张照片中最强处为准。",
    save: "保存 PNG",
    blank: "这张照片里没有任何地方{}（{}）：热力图是空的，这就是答案。",
    overlay_of: "照片上的热力图：{} 看到“{}”的位置，取自 {}",
    caption: "{} · {} · {} × {} 格的热力图，拉伸到整张照片",
    plain_photo: "照片，尚未解释",

    sees: "它看到了什么",
    sees_hint: "点选一个类别，查看它的热力图。",
    sees_empty: "最可能的五个类别会显示在这里。",
    rank: "第 {} 位",
    search: "其他任意类别",
    search_placeholder: "名称或编号",
    search_none: "没有叫这个名字的类别",

    where_from: "热力图设置",
    layer: "目标层",
    stages: ["线条", "边缘", "纹理", "部件", "物体"],
    whole_stage: "整段",
    block: "所有层",
    layer_hint: "浅层看细节，深层看语义。",
    method: "方法",
    all_methods: "全部方法",
    method_groups: ["基于梯度", "无梯度", "像素级（不针对某一层）"],
    smoothing: "平滑",
    aug_smooth: "数据增强：六张热力图取平均（较慢）",
    eigen_smooth: "主成分：用第一主成分代替通道求和",
    smoothed: "（已平滑）",
    fit: "输入",
    fit_whole: "整张照片",
    fit_crop: "中心裁剪",
    fit_hint_whole: "不裁剪，只在照片很大时缩小。",
    fit_hint_crop: "与训练时相同：短边缩放，取正中一块。",

    model: "模型",
    own_weights: "你的文件：{}",
    open_weights: "打开权重…",
    weights_hint: "可用 ResNet、MobileNetV2 或 EfficientNet-Lite 的权重（.safetensors、.pt、.pth），以及类别名称（.txt、.json）。也可以直接拖进来。",
    classes: "{} 个类别",
    licence: "许可：{}",
    no_model: "本站还没有可用的模型。请从列表中选择一个，或打开自己的权重文件。",

    loading_page: "正在加载…",
    connecting: "正在连接显卡…",
    tuning: "正在测试显卡…",
    loading: "正在加载{}…",
    uploading: "正在准备{}…",
    predicting: "正在用网络识别照片…",
    explaining: "正在计算“{}”的热力图…",
    ready: "已就绪，请选择照片。",
    done: "完成：“{}”所在的位置。",
    done_evidence: "完成：{}的位置。",
    stopped: "出了点问题，请看提示。",
    times: "前向 {} 毫秒 · 热力图 {} 毫秒",
    adapter: "计算设备：{}",
    software: "软件模拟，较慢",
    cancel: "取消",
    retry: "重试",
    dismiss: "关闭",

    offer_title: "下载{}？",
    offer: "它的权重不在本站。文件共 {} MB，将从 {} 下载。只请求这个文件，不会发送你的任何内容。",
    offer_yes: "下载 {} MB",
    offer_file: "我已有这个文件",
    offer_no: "暂不",

    reading_title: "怎样读热力图",
    reading: &[
        (
            "颜色代表什么？",
            "暖色处提高所选类别的得分，冷色处几乎无关。刻度是相对的：无论网络有多大把握，这张照片中最强的地方总在色条顶端。",
        ),
        (
            "为什么大片是蓝色？",
            "蓝色是色条的低端：这些地方与所选类别几乎无关。这很正常，并不是出错：对所问的问题来说，照片的大部分都是背景。",
        ),
        (
            "该选哪个类别？",
            "先看最可能的类别：它说明答案的依据。再换一个，等于问“如果是它，你会在哪里看到？”。任何类别都可以问；照片里没有的，得到的图很弱或是空的，却同样会被放大到满刻度。",
        ),
        (
            "该选哪一层？",
            "通常选最后一层：它知道物体是什么，但格子粗。前面的层格子细，却只认得部件、纹理或边缘。",
        ),
        (
            "为什么换个类别，图却一样？",
            "长得像的类别，依据大多相同。而且只见过单个物体的网络，可能没有别处可看。",
        ),
        ("为什么图是空的？", "负面的依据会被截去。如果处处都不支持这个类别，就没有东西可画。"),
        ("为什么两种方法的图一样？", analysis::CHINESE.coincide),
        (
            "网络答对了吗？",
            "热力图说明答案的依据，不说明答案是否正确。依据合理的错误答案仍然是错的。",
        ),
    ],
    processor: &processor::CHINESE,
    tools: &tools::CHINESE,
    analysis: &analysis::CHINESE,
    ask: &ask::CHINESE,
    describe: &describe::CHINESE,
    shortcuts: &shortcuts::CHINESE,
    glossary: &glossary::CHINESE,
    network: &network::CHINESE,
    tour: &tour::CHINESE,
    camera: &camera::CHINESE,
    own_files: &own_files::CHINESE,
    teach: &teach::CHINESE,
    compare: &compare::CHINESE,
    pack: &pack::CHINESE,
    footer: "一切都在这个浏览器里计算，不上传任何内容。",
    kept: "现在没有网络也能打开本页。",
};
