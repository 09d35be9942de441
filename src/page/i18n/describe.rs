//! Words for descriptions of the photo.

pub struct Describe {
    pub describe_it: &'static str,
    pub heading: &'static str,
    pub hint: &'static str,
    /// Follows it where there are keys.
    pub keys: &'static str,
    /// Before there is a photo.
    pub empty: &'static str,
    /// Of the sentence, for those who hear it.
    pub said: &'static str,
    /// The heatmap of the whole sentence.
    pub all: &'static str,
    /// The third picture.
    pub attention: &'static str,
    pub other_network: &'static str,
    /// Why the pictures differ.
    pub differ: &'static str,
    pub limits: &'static str,
    /// What the warm places of a word's heatmap do, of all words', and of the attention.
    pub speaks: &'static str,
    pub speaks_all: &'static str,
    pub looks: &'static str,
}

pub static ENGLISH: Describe = Describe {
    describe_it: "Describe it",
    heading: "What the network says",
    hint: "Choose a word to see what speaks for it.",
    keys: " Arrow keys go from word to word.",
    empty: "Choose a drawing first; the network then describes it.",
    said: "The description, word by word",
    all: "Whole sentence",
    attention: "Attention",
    other_network: "The network in use only names things. Another one describes; it knows drawings of 149 things and no photos.",
    differ: "Attention is where the network looked when it chose the word. Grad-CAM and HiResCAM show what raised the word's probability, by its gradient; Grad-CAM averages the gradient over the picture first, HiResCAM multiplies it cell by cell and shows more exactly which cells counted.",
    limits: "It was trained on scenes of one to three drawings and describes everything as if it were such a scene.",
    speaks: "speaks for the word “{}”",
    speaks_all: "speaks for the whole sentence",
    looks: "was looked at for the word “{}”",
};

pub static CHINESE: Describe = Describe {
    describe_it: "描述",
    heading: "网络的描述",
    hint: "点一个词，看图中哪里支持它。",
    keys: "用左右方向键可以逐词移动。",
    empty: "请先选择一张图画，网络会描述它。",
    said: "逐词显示的描述",
    all: "整句话",
    attention: "注意力",
    other_network: "当前网络只能说出物体的名称。能描述图片的是另一个网络，它认识 149 种事物的图画，不认识照片。",
    differ: "“注意力”是网络选这个词时看的地方。Grad-CAM 和 HiResCAM 则用梯度显示图中哪里提高了这个词的概率：Grad-CAM 先在整张图上对梯度求平均，HiResCAM 逐格相乘，能更准确地显示起作用的是哪些格子。",
    limits: "它是用含有一到三个图形的画面训练的，看到别的图片也会照样描述。",
    speaks: "支持“{}”这个词",
    speaks_all: "支持整句话",
    looks: "网络说“{}”时看",
};
