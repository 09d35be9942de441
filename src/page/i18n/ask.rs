//! Words for questions about the photo.

pub struct Ask {
    /// Of the choice between the two.
    pub ways: &'static str,
    pub name_it: &'static str,
    pub ask_it: &'static str,
    pub heading: &'static str,
    pub hint: &'static str,
    /// Before there is a photo.
    pub empty: &'static str,
    pub question: &'static str,
    pub ask: &'static str,
    /// Over the suggested questions.
    pub suggestions: &'static str,
    pub other_network: &'static str,
    /// Follows the sentence before.
    pub not_here: &'static str,
    pub choose_network: &'static str,
    /// Why the two methods differ.
    pub differ: &'static str,
    pub limits: &'static str,
    /// What the warm places of an answer's heatmap do.
    pub speaks: &'static str,
    /// For the status line, before a question.
    pub ready: &'static str,
}

pub static ENGLISH: Ask = Ask {
    ways: "Name it, describe it or ask it",
    name_it: "Name it",
    ask_it: "Ask it",
    heading: "Ask about the picture",
    hint: "Choose a question or type one; then choose an answer to see its heatmap.",
    empty: "Choose a drawing first; then ask about it.",
    question: "A question about the picture",
    ask: "Ask",
    suggestions: "Questions about this picture",
    other_network: "The network in use only names things. Questions are answered by another one, which knows drawings of 149 things and no photos.",
    not_here: " This copy of the page does not hold it.",
    choose_network: "Use “Emoji drawings”",
    differ: "The two maps differ: Grad-CAM averages the gradient over the whole picture first, HiResCAM multiplies it cell by cell. This network also reads where things are, so its gradient is not the same everywhere, and HiResCAM shows more exactly which cells the answer rests on.",
    limits: "It was trained on scenes of one to four drawings and answers every question, even one about something that is not there. Other words than it knows are refused.",
    speaks: "speaks for the answer “{}”",
    ready: "Ready for a question.",
};

pub static CHINESE: Ask = Ask {
    ways: "识别、描述或提问",
    name_it: "识别",
    ask_it: "提问",
    heading: "就图片提问",
    hint: "选一个问题，或自己输入；再选一个答案，看它的热力图。",
    empty: "请先选择一张图画，再提问。",
    question: "输入关于图片的问题",
    ask: "提问",
    suggestions: "可以这样问",
    other_network: "当前网络只能说出物体的名称。能回答问题的是另一个网络，它认识 149 种事物的图画，不认识照片。",
    not_here: "本页没有附带这个网络。",
    choose_network: "改用“表情符号图画”",
    differ: "两张热力图并不相同：Grad-CAM 先在整张图上对梯度求平均，HiResCAM 则逐格相乘。这个网络还要看物体的位置，所以各处的梯度不一样，HiResCAM 能更准确地显示答案依据的是哪些格子。",
    limits: "它是用含有一到四个图形的画面训练的，什么问题都会回答，即使问的东西不在图中。含有生词的问题它不会回答。",
    speaks: "支持答案“{}”",
    ready: "请提问。",
};
