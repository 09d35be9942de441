//! Words for many photos at once.

pub struct Pack {
    pub hint: &'static str,
    pub photos: &'static str,
    pub folder: &'static str,
    /// Done, of how many.
    pub progress: &'static str,
    pub stop: &'static str,
    pub go_on: &'static str,
    pub again: &'static str,
    pub clear: &'static str,
    pub save_table: &'static str,
    pub save_all: &'static str,
    /// Files that were no photos or too many, the most.
    pub left_out: &'static str,

    pub expected: &'static str,
    pub expected_hint: &'static str,
    /// What the word that was typed means: one class, several, none.
    pub means_one: &'static str,
    pub means: &'static str,
    pub means_none: &'static str,
    /// Between names.
    pub comma: &'static str,

    pub show: &'static str,
    pub all: &'static str,
    /// Groups of the filter: by what is expected, by what is likeliest.
    pub groups: [&'static str; 2],
    pub only_wrong: &'static str,
    pub nothing: &'static str,
    /// Right ones, of how many with an expected class.
    pub score: &'static str,

    /// Of a tile's picture: class, file.
    pub overlay: &'static str,
    pub open: &'static str,
    pub expected_is: &'static str,
    /// Wrong, right.
    pub right: [&'static str; 2],

    /// The table's: file, expected, right, three classes with probabilities, place, size, model,
    /// layer, method, what went wrong.
    pub columns: [&'static str; 17],
}

pub static ENGLISH: Pack = Pack {
    hint: "Drop a folder or several photos on the page, or choose them here. Each is explained for its likeliest class, with the settings above. A click on one puts it on show.",
    photos: "Choose photos…",
    folder: "Choose a folder…",
    progress: "{} of {} photos",
    stop: "Stop",
    go_on: "Go on",
    again: "Explain again",
    clear: "Remove all",
    save_table: "Save CSV",
    save_all: "Save ZIP",
    left_out: "{} files were left out: they are no photos, or more than {}.",

    expected: "Expected class of all",
    expected_hint: "Empty: the name of a photo's folder counts, where it names a class or a kind of things (cheetah, dogs).",
    means_one: "“{}”",
    means: "{} classes: {}, …",
    means_none: "No class of this model is called so; the folders' names count.",
    comma: ", ",

    show: "Show",
    all: "All",
    groups: ["Expected", "Likeliest"],
    only_wrong: "Wrong and confident (at least {}): {}",
    nothing: "No photo is like that.",
    score: "{} of {} as expected",

    overlay: "Heatmap of “{}” over {}",
    open: "Put {} on show",
    expected_is: "expected: {}",
    right: ["no", "yes"],

    columns: [
        "file",
        "expected",
        "as expected",
        "class 1",
        "probability 1",
        "class 2",
        "probability 2",
        "class 3",
        "probability 3",
        "peak x",
        "peak y",
        "width",
        "height",
        "model",
        "layer",
        "method",
        "problem",
    ],
};

pub static CHINESE: Pack = Pack {
    hint: "把一个文件夹或多张照片拖进页面，或在这里选择。每张照片都按上面的设置解释其最可能的类别。点击任意一张，即可在上方查看。",
    photos: "选择照片…",
    folder: "选择文件夹…",
    progress: "{} / {} 张",
    stop: "停止",
    go_on: "继续",
    again: "重新解释",
    clear: "全部移除",
    save_table: "保存 CSV",
    save_all: "保存 ZIP",
    left_out: "有 {} 个文件未加入：不是照片，或超出了 {} 张的上限。",

    expected: "全部照片的预期类别",
    expected_hint: "留空时以照片所在文件夹的名称为准：名称是某个类别或某类事物（如“猎豹”“狗”）即可。",
    means_one: "“{}”",
    means: "{} 个类别：{} 等",
    means_none: "这个模型没有这样的类别；以文件夹名称为准。",
    comma: "、",

    show: "显示",
    all: "全部",
    groups: ["预期类别", "最可能的类别"],
    only_wrong: "错得很自信（概率不低于 {}）：{}",
    nothing: "没有这样的照片。",
    score: "{} / {} 张与预期一致",

    overlay: "“{}”的热力图：{}",
    open: "在上方查看 {}",
    expected_is: "预期：{}",
    right: ["否", "是"],

    columns: [
        "文件",
        "预期类别",
        "与预期一致",
        "类别 1",
        "概率 1",
        "类别 2",
        "概率 2",
        "类别 3",
        "概率 3",
        "最强处 x",
        "最强处 y",
        "宽",
        "高",
        "模型",
        "层",
        "方法",
        "问题",
    ],
};
