//! Words for teachers: ready lessons on the sample photos, and a code that brings a class to the
//! same view; a guess before the heatmap; a page to print.

use gradlens::catalog::notebook::Comments;

pub struct Lesson {
    pub title: &'static str,
    /// What the pupils are asked.
    pub question: &'static str,
    /// What to look for and what it shows, for the teacher.
    pub notes: &'static str,
}

pub struct Teach {
    pub title: &'static str,
    pub hint: &'static str,
    pub open: &'static str,
    pub notes: &'static str,
    /// In the order of `teach::LINKS`.
    pub lessons: [Lesson; 7],
    pub code_title: &'static str,
    pub code_hint: &'static str,
    pub show_code: &'static str,
    pub hide_code: &'static str,
    /// Of the picture of the code.
    pub code: &'static str,
    pub own_photo: &'static str,

    /// In the order of `TeachPanel::ALL`.
    pub tabs: [&'static str; 4],
    pub no_photo: &'static str,
    pub present: &'static str,

    pub predict: &'static str,
    pub predict_hint: &'static str,
    pub predict_touch: &'static str,
    pub board: &'static str,
    pub cursor: &'static str,
    pub cursor_marked: &'static str,
    pub reveal: &'static str,
    pub clear: &'static str,
    /// In the order of `Verdict`.
    pub verdicts: [&'static str; 3],
    pub iou: &'static str,
    pub heat: &'static str,
    pub nothing_to_compare: &'static str,

    pub cover_hint: &'static str,
    pub cover_touch: &'static str,
    /// A probability before and after.
    pub cover_change: &'static str,

    pub report_hint: &'static str,
    pub print: &'static str,
    pub report_title: &'static str,
    /// Name, class, date: blanks for them.
    pub blanks: [&'static str; 3],
    pub report_photo: &'static str,
    pub report_map: &'static str,
    /// Model, input, target layer, method, target, strongest place, largest value, the guess.
    pub facts: [&'static str; 8],
    pub fact_input: &'static str,
    pub fact_layer: &'static str,
    pub fact_place: &'static str,
    pub fact_guess: &'static str,
    pub likeliest: &'static str,
    pub report_questions: [&'static str; 3],
    pub notebook: &'static str,
    pub copy: &'static str,
    pub copied: &'static str,
    pub comments: Comments,
}

pub static ENGLISH: Teach = Teach {
    title: "Teach",
    hint: "Seven lessons on the samples. Each opens with everything set; the notes are for the teacher.",
    open: "Open this lesson",
    notes: "Notes for the teacher",
    lessons: [
        Lesson {
            title: "Wrong, but sensible",
            question: "The network calls these giraffes a cheetah. Where does it look, and why this name?",
            notes: "The heatmap lies on the animals, so the network looks at the right place. But among its 1,000 classes there is no giraffe: it has to choose another name, and takes an animal with a spotted coat. Ask: what would it need to get this right? (Photos of giraffes, with that name.) Then choose “leopard” and compare: the same coat speaks for both.",
        },
        Lesson {
            title: "The background gives the answer",
            question: "The network is two thirds sure of a scuba diver. Can you find one?",
            notes: "There is no diver. In the photos that it learned from, divers were under water, in front of rocks and light from above: here the water, the cave's edge and the light are enough. This is called a shortcut. Ask: how could one test this? (A photo of a diver on land; a cave without water.) With “Cover this region and look again” under Analyse, Localization, one can hide the warm places and see what is left of the score.",
        },
        Lesson {
            title: "Two names for one picture",
            question: "Dam or castle? Choose one class after the other. What part of the picture does each name rest on?",
            notes: "For “dam” the arches over the water are warm, for “castle” the towers and the roof. Each answer has good reasons, and the network gives both a third or more. Probabilities are shares of one whole (softmax): when one name gets more, the others get less, although both are in the picture.",
        },
        Lesson {
            title: "Two animals",
            question: "Choose the cat, then the dog. How does the heatmap move? Why is the network so unsure?",
            notes: "Each class has its own heatmap: it moves from the cat's face to the dog. That is what “class activation” means. The probabilities are low because several kinds of cats and dogs share the whole. Look at an earlier layer, too: its grid is finer, but it tells cat and dog apart less well.",
        },
        Lesson {
            title: "What speaks against it",
            question: "Target is set to counter-evidence. What speaks against “Egyptian cat”?",
            notes: "Now those places are warm that lower the score of the cat: the dog's head. Set Target back to the class score and compare. A plain Grad-CAM heatmap cuts such places off, so blue can mean “nothing” or “against”.",
        },
        Lesson {
            title: "An empty heatmap",
            question: "This network knows drawings only. It is three quarters sure of a monkey. Where is the monkey?",
            notes: "The heatmap is empty: no place of the photo raises the score of “monkey”; it is only lowered less than that of the other classes. The network must answer, and the sum of its answers is always 100 %, so a high percentage does not mean that it knows. Choose the model for photos above the picture and look again.",
        },
        Lesson {
            title: "An answer and its evidence",
            question: "“What is left of the mouse?” The question names the mouse. What is warm in the picture, and why?",
            notes: "The elephant: the map shows what speaks for the answer, not what the question is about. The network first has to find the mouse, then look to its left; with Grad-CAM some heat stays on the mouse, with HiResCAM nearly none. Let the class ask “What is right of the elephant?”: same picture, and the heat moves to the mouse, although the network is less sure. Ask: does it understand the question? (It was trained on seven kinds of questions about such drawings. Try words that it does not know.)",
        },
    ],
    code_title: "Your own lesson",
    code_hint: "Set model, sample, class, layer and target as you like. The link holds all of it, and pupils open it by this code.",
    show_code: "Show QR code",
    hide_code: "Hide QR code",
    code: "QR code of the link to this view",
    own_photo: "Your own photo is not part of the link: pupils need it as a file.",

    tabs: ["Lessons", "Predict first", "Cover", "Report"],
    no_photo: "Choose a photo first.",
    present: "Full screen",

    predict: "Where does the network look for “{}”?",
    predict_hint: "Paint over the places with the pointer. By keyboard: arrow keys move, the space bar marks or takes the mark away. The heatmap stays hidden until you reveal it.",
    predict_touch: "Paint over the places with a finger. The heatmap stays hidden until you reveal it.",
    board: "The photo to mark: arrow keys move, the space bar marks",
    cursor: "{} from the left, {} from the top",
    cursor_marked: "{} from the left, {} from the top, marked",
    reveal: "Reveal the heatmap",
    clear: "Start again",
    verdicts: [
        "You and the network mark much the same place.",
        "Partly: much of the heat lies where you expected it.",
        "The network looks elsewhere: chance would have done about as well.",
    ],
    iou: "Overlap (IoU): {}. Of all that you marked or that is warm (at least half of the strongest place), this share is both. 1 is perfect, 0 is nothing in common.",
    heat: "Heat inside your drawing: {}. It covers {} of the picture, which is what chance would give.",
    nothing_to_compare: "The heatmap is empty: no place speaks for this class, so there is nothing to compare with. Choose another class.",

    cover_hint: "Paint over parts of the photo: they get the mean colour of the training photos, and the network looks again while you paint. What does it need to see? By keyboard: arrow keys move, the space bar covers or uncovers.",
    cover_touch: "Paint over parts of the photo with a finger: they get the mean colour of the training photos, and the network looks again while you paint. What does it need to see?",
    cover_change: "{} → {}",

    report_hint: "One page of what is on show, with room for answers. Change class, layer or method above and the page follows.",
    print: "Print",
    report_title: "Where does the network look?",
    blanks: ["Name", "Class", "Date"],
    report_photo: "The photo",
    report_map: "Heatmap of “{}”",
    facts: [
        "Model",
        "Input",
        "Target layer",
        "Method",
        "Target",
        "Strongest place",
        "Largest value",
        "Own guess",
    ],
    fact_input: "{} × {} pixels",
    fact_layer: "{}, {} × {} cells",
    fact_place: "{}; {} at least half as strong",
    fact_guess: "IoU {}, heat inside {}",
    likeliest: "What it sees",
    report_questions: [
        "What did you expect the network to look at?",
        "What does it look at, and is that the thing itself or what is around it?",
        "Is its answer right? How could one test what it relies on?",
    ],
    notebook: "The same in Python",
    copy: "Copy",
    copied: "The script is on the clipboard.",
    comments: Comments {
        install: "pip install {}",
        weights: "Weights: {}",
        in_order: "The file names its tensors otherwise, but has them in the same order.",
        own: "your network ({}) with the weights of {}; the layers below follow torchvision's and timm's names",
        elsewhere: "grad-cam does not have {}, {} does: this is Grad-CAM.",
        no_class: "This method looks at no class: the target changes nothing.",
    },
};

pub static CHINESE: Teach = Teach {
    title: "教学",
    hint: "用示例图片准备的七节课。每节课打开时都已设置好，备注供教师参考。",
    open: "打开这节课",
    notes: "教师备注",
    lessons: [
        Lesson {
            title: "错了，但有道理",
            question: "网络把这些长颈鹿认成了猎豹。它看的是哪里？为什么会给出这个名称？",
            notes: "热力图落在动物身上，说明网络看对了地方。但在它认识的 1000 个类别里没有长颈鹿，只能选别的名称，于是选了一种身上有斑纹的动物。可以问学生：怎样才能让它答对？（用标注为长颈鹿的照片来训练。）再选“豹”比较一下：同样的斑纹对两个类别都是依据。",
        },
        Lesson {
            title: "答案来自背景",
            question: "网络有三分之二的把握说这是潜水员。你找得到潜水员吗？",
            notes: "照片里没有潜水员。在网络学过的照片里，潜水员总是在水下，周围有岩石和上方射来的光；在这里，海水、洞口边缘和光线就足够了。这叫“捷径”。可以问学生：怎样验证？（给它看岸上的潜水员，或者没有水的洞穴。）在“深入分析”的“定位”里可以遮住热区，看看得分还剩多少。",
        },
        Lesson {
            title: "一张照片，两个名称",
            question: "是水坝还是城堡？依次选择这两个类别：每个名称的依据在照片的哪个部分？",
            notes: "选“水坝”时，水面上的拱洞是热区；选“城堡”时，热区在塔楼和屋顶。两个答案都有依据，网络给它们的概率都在三成以上。概率是在所有类别之间分配的（softmax）：一个多了，其他的就少了，哪怕两样东西都在照片里。",
        },
        Lesson {
            title: "两种动物",
            question: "先选猫，再选狗。热力图怎样移动？网络为什么没有把握？",
            notes: "每个类别都有自己的热力图：它会从猫的脸移到狗的身上，这就是“类激活”的意思。概率不高，是因为好几种猫和狗在分同一个总和。再看看浅一些的层：网格更细，但不太能把猫和狗区分开。",
        },
        Lesson {
            title: "反面证据",
            question: "“解释目标”已设为反面证据。是什么在反对“埃及猫”这个答案？",
            notes: "现在的热区是降低猫的得分的地方：狗的头部。把“解释目标”改回类别得分再比较。普通的 Grad-CAM 热力图会舍去这些地方，所以蓝色既可能表示“无关”，也可能表示“反对”。",
        },
        Lesson {
            title: "空的热力图",
            question: "这个网络只认识图画，它有七成多的把握说这是“猴子”。猴子在哪里？",
            notes: "热力图是空的：照片里没有任何地方提高“猴子”的得分，只是它被拉低得比其他类别少一些。网络必须给出答案，而所有答案的概率之和总是 100%，所以百分比高并不代表它真的认识。在图片上方换成识别照片的模型，再看一次。",
        },
        Lesson {
            title: "答案和它的依据",
            question: "“老鼠的左边是什么？”问题里说的是老鼠，图中的热区却在哪里？为什么？",
            notes: "在大象身上：热力图显示的是支持答案的地方，而不是问题提到的东西。网络要先找到老鼠，再看它的左边；用 Grad-CAM 时老鼠身上还有一些热量，用 HiResCAM 时几乎没有。让学生再问“大象的右边是什么？”：图没有变，热区却移到了老鼠身上，只是网络不那么有把握。可以问学生：它真的听懂了问题吗？（它只用七类关于这种图画的问题训练过。试试它不认识的词。）",
        },
    ],
    code_title: "自己备课",
    code_hint: "按需要设置模型、示例、类别、层和解释目标。链接里包含全部设置，学生扫码即可打开。",
    show_code: "显示二维码",
    hide_code: "隐藏二维码",
    code: "当前画面链接的二维码",
    own_photo: "链接里不包含你自己的照片，需要另外把文件发给学生。",

    tabs: ["课例", "先猜后看", "遮挡", "记录单"],
    no_photo: "请先选择一张照片。",
    present: "全屏演示",

    predict: "你认为网络会根据哪里认出“{}”？",
    predict_hint: "用鼠标在照片上涂出这些地方。也可以用键盘：方向键移动，空格键标记或取消标记。点“揭晓”之前不会显示热力图。",
    predict_touch: "用手指在照片上涂出这些地方。点“揭晓”之前不会显示热力图。",
    board: "在照片上标记：方向键移动，空格键标记",
    cursor: "距左边 {}，距上边 {}",
    cursor_marked: "距左边 {}，距上边 {}，已标记",
    reveal: "揭晓热力图",
    clear: "重新标记",
    verdicts: [
        "你和网络关注的地方基本一致。",
        "部分一致：热量有很大一部分落在你标记的地方。",
        "网络看的是别处：随便标记，结果也差不多。",
    ],
    iou: "重叠度（IoU）：{}。在你标记的区域和热区（不低于最强处的一半）合起来的范围中，两者重叠的部分占这个比例。1 表示完全重合，0 表示毫无重叠。",
    heat: "落在标记范围内的热量：{}。标记范围占整个画面的 {}，随便标记平均也能得到这么多。",
    nothing_to_compare: "热力图是空的：没有任何地方支持这个类别，无从比较。请换一个类别。",

    cover_hint: "在照片上涂抹：涂过的地方会换成训练照片的平均颜色，网络随即重新识别。它离不开哪些部分？也可以用键盘：方向键移动，空格键遮挡或取消遮挡。",
    cover_touch: "用手指在照片上涂抹：涂过的地方会换成训练照片的平均颜色，网络随即重新识别。它离不开哪些部分？",
    cover_change: "{} → {}",

    report_hint: "把当前画面整理成一页，留有作答的空白。在上面更换类别、层或方法，内容会随之更新。",
    print: "打印",
    report_title: "神经网络在看哪里？",
    blanks: ["姓名", "班级", "日期"],
    report_photo: "照片",
    report_map: "“{}”的热力图",
    facts: ["模型", "输入", "目标层", "方法", "解释目标", "最强处", "最大值", "我的猜测"],
    fact_input: "{} × {} 像素",
    fact_layer: "{}，{} × {} 格",
    fact_place: "{}；{} 的范围达到最强处的一半以上",
    fact_guess: "IoU {}，范围内热量 {}",
    likeliest: "它看到了什么",
    report_questions: [
        "你原以为网络会看哪里？",
        "它实际看的是哪里？那是物体本身，还是周围的东西？",
        "它答对了吗？怎样检验它的依据？",
    ],
    notebook: "用 Python 做同样的计算",
    copy: "复制",
    copied: "代码已复制到剪贴板。",
    comments: Comments {
        install: "pip install {}",
        weights: "权重：{}",
        in_order: "文件中的张量名称不同，但顺序相同",
        own: "你的网络（{}），使用 {} 的权重；下面的层按 torchvision 和 timm 的名称书写",
        elsewhere: "grad-cam 没有 {}，可用 {}；这里用 Grad-CAM 代替",
        no_class: "这种方法与类别无关，target 不起作用",
    },
};
