//! Words for two pictures side by side.

pub struct Compare {
    pub hint: &'static str,
    pub beside: &'static str,
    pub choose: &'static str,
    /// Groups of what can stand there: models, samples, photos of this visit.
    pub groups: [&'static str; 3],
    pub file: &'static str,
    pub one_scale: &'static str,
    pub save: &'static str,
    pub waiting: &'static str,
    /// The class and its probability.
    pub class: &'static str,
    /// The likeliest classes.
    pub likeliest: &'static str,
    /// Model, layer, method, largest value.
    pub made: &'static str,
    /// The class, the other model.
    pub unknown: &'static str,
    /// The top of the scale.
    pub scale: &'static str,
    pub scale_of_models: &'static str,
    pub own_scales: &'static str,
    pub fused: &'static str,
    pub layers_differ: &'static str,
}

pub static ENGLISH: Compare = Compare {
    hint: "On the left is what is on show above. Choose what stands on the right: both are explained for the class that is chosen above.",
    beside: "On the right",
    choose: "Choose…",
    groups: ["The same photo, another model", "Samples", "Photos of this visit"],
    file: "A photo of yours…",
    one_scale: "One colour scale for both",
    save: "Save both as PNG",
    waiting: "Computing…",
    class: "“{}” {}",
    likeliest: "Likeliest: {}",
    made: "{} · {} · {} · largest value {}",
    unknown: "“{}” is not among the classes of {}, so there is nothing to explain on the right.",
    scale: "The top of the colour scale is {} in both pictures.",
    scale_of_models: "Two models do not measure in the same unit: a paler picture need not mean less evidence. Compare places, or give each its own scale.",
    own_scales: "Each picture has its own scale: its strongest place is at the top.",
    fused: "Fused layers have no common scale: each picture has its own.",
    layers_differ: "The layers have different names in the two models: each is explained at the one that its classifier reads.",
};

pub static CHINESE: Compare = Compare {
    hint: "左边是上方正在显示的画面。请选择右边放什么：两边解释的都是上方选中的类别。",
    beside: "右边",
    choose: "请选择…",
    groups: ["同一张照片，另一个模型", "示例图片", "本次打开的照片"],
    file: "选择自己的照片…",
    one_scale: "两图使用同一色标",
    save: "将两图保存为 PNG",
    waiting: "正在计算…",
    class: "“{}” {}",
    likeliest: "最可能：{}",
    made: "{} · {} · {} · 最大值 {}",
    unknown: "“{}”不在“{}”的类别之中，因此右图无从解释。",
    scale: "两图色标的最高值都是 {}。",
    scale_of_models: "两个模型的数值单位并不相同：颜色浅不一定表示依据少。请比较位置，或让两图各用各的色标。",
    own_scales: "两图各用各的色标：各自最强的地方都位于色标顶端。",
    fused: "融合多层时没有共同的数值，因此两图各用各的色标。",
    layers_differ: "两个模型的层名称不同：各取其分类器所读取的那一层。",
};
