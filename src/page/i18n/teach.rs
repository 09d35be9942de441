//! Words for teachers: ready lessons on the sample photos, and a code that brings a class to the
//! same view.

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
    pub lessons: [Lesson; 6],
    pub code_title: &'static str,
    pub code_hint: &'static str,
    pub show_code: &'static str,
    pub hide_code: &'static str,
    /// Of the picture of the code.
    pub code: &'static str,
    pub own_photo: &'static str,
}

pub static ENGLISH: Teach = Teach {
    title: "Teach",
    hint: "Six lessons on the sample photos. Each opens with everything set; the notes are for the teacher.",
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
    ],
    code_title: "Your own lesson",
    code_hint: "Set model, sample, class, layer and target as you like. The link holds all of it, and pupils open it by this code.",
    show_code: "Show QR code",
    hide_code: "Hide QR code",
    code: "QR code of the link to this view",
    own_photo: "Your own photo is not part of the link: pupils need it as a file.",
};

pub static CHINESE: Teach = Teach {
    title: "教学",
    hint: "用示例照片准备的六节课。每节课打开时都已设置好，备注供教师参考。",
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
    ],
    code_title: "自己备课",
    code_hint: "按需要设置模型、示例、类别、层和解释目标。链接里包含全部设置，学生扫码即可打开。",
    show_code: "显示二维码",
    hide_code: "隐藏二维码",
    code: "当前画面链接的二维码",
    own_photo: "链接里不包含你自己的照片，需要另外把文件发给学生。",
};
