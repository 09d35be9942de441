//! The methods: what each is called, what it computes, when to use it and where it comes from.

use super::Language;

/// A method's name and one plain sentence about it, by its stable name.
pub fn method(language: Language, id: &str) -> (&'static str, &'static str) {
    let (name, english, chinese) = match id {
        "grad-cam" => (
            "Grad-CAM",
            "The classic: each channel weighted by its average gradient.",
            "经典方法：以每个通道的平均梯度为权重。",
        ),
        "hires-cam" => (
            "HiResCAM",
            "Gradients applied place by place: shows exactly what was used.",
            "逐位置乘以梯度：准确反映网络用到的地方。",
        ),
        "grad-cam++" => (
            "Grad-CAM++",
            "Weights that do better with several objects of one class.",
            "同类物体有多个时，权重更合理。",
        ),
        "xgrad-cam" => (
            "XGrad-CAM",
            "Gradients weighted by how active each place is.",
            "按各处的激活强度给梯度加权。",
        ),
        "layer-cam" => (
            "LayerCAM",
            "Only positive gradients, place by place: sharp at early layers.",
            "逐位置只取正梯度：在前面的层也清晰。",
        ),
        "grad-cam-elementwise" => (
            "Grad-CAM, element-wise",
            "Activation times gradient, negatives cut off at each place.",
            "激活与梯度逐元素相乘，各处截去负值。",
        ),
        "eigen-cam" => (
            "EigenCAM",
            "The strongest pattern of the layer; knows no class.",
            "该层最主要的模式；与类别无关。",
        ),
        "eigen-grad-cam" => (
            "EigenGradCAM",
            "The strongest pattern of activation times gradient.",
            "激活乘梯度之后最主要的模式。",
        ),
        "score-cam" => (
            "Score-CAM",
            "Each channel weighted by the score of the photo seen through it.",
            "用每个通道的激活遮罩照片再识别一次，以得分为权重。",
        ),
        "ablation-cam" => (
            "Ablation-CAM",
            "Each channel weighted by what the score loses without it.",
            "逐个去掉通道，以得分下降的幅度为权重。",
        ),
        "finer-cam" => (
            "FinerCAM",
            "What sets the class apart from the three that come nearest.",
            "找出该类别与最接近的三个类别的不同之处。",
        ),
        "shapley-cam" => (
            "ShapleyCAM",
            "Grad-CAM with a second-derivative term; of a logit it is the same.",
            "在 Grad-CAM 中加入二阶导数项；以 logit 为目标时两者相同。",
        ),
        "refine-cam" => (
            "RefineCAM",
            "What Grad-CAM++ shows at this layer and at all later ones alike.",
            "Grad-CAM++ 在这一层和后面各层都显示的地方。",
        ),
        "fem" => (
            "FEM",
            "Each channel weighted by how much of it is far above its mean; knows no class.",
            "以明显高于平均值的位置所占的比例为各通道的权重；与类别无关。",
        ),
        "kpca-cam" => (
            "KPCA-CAM",
            "Like EigenCAM, but nonlinear (kernel PCA); knows no class.",
            "与 EigenCAM 相似，但用核主成分分析，能捕捉非线性的模式；与类别无关。",
        ),
        "ss-cam" => (
            "SS-CAM",
            "Score-CAM with noise on its masks, 35 passes a channel.",
            "给 Score-CAM 的遮罩加噪声，每个通道计算 35 次。",
        ),
        "is-cam" => (
            "IS-CAM",
            "Score-CAM with masks of ten strengths, ten passes a channel.",
            "Score-CAM 的遮罩取十种强度，每个通道计算十次。",
        ),
        "input-x-gradient" => (
            "Input × gradient",
            "Each pixel times its own gradient: quick, fine and noisy.",
            "每个像素乘以自身的梯度：快而细致，但噪声多。",
        ),
        "full-grad" => (
            "FullGrad",
            "Input × gradient plus every layer's bias × gradient: all that makes up the score.",
            "输入乘以梯度，再加上每一层的偏置乘以梯度：得分的全部来源。",
        ),
        "smooth-grad" => (
            "SmoothGrad",
            "The gradient averaged over photos with noise added: calmer.",
            "给照片多次加噪声，再平均梯度：结果更平稳。",
        ),
        "integrated-gradients" => (
            "Integrated gradients",
            "Gradients summed from a blank picture to the photo: the shares add up to the score.",
            "从空白图到照片累加梯度：各像素的贡献之和就是得分之差。",
        ),
        "occlusion" => (
            "Occlusion",
            "A grey square covers one place after another: what does the score lose?",
            "用灰色方块依次遮住各处，看得分下降多少。",
        ),
        "rise" => (
            "RISE",
            "A thousand random masks, each weighted by the score it leaves.",
            "用一千个随机遮罩遮挡照片，按遮挡后的得分加权平均。",
        ),
        _ => ("", "", ""),
    };
    (name, language.choose(english, Some(chinese)))
}

/// Where a method comes from and when to use it, in the order of `Method::ALL`: address, English,
/// Chinese.
pub static METHODS: &[(&str, &str, &str)] = &[
    ("https://arxiv.org/abs/1610.02391", "The first one to try.", "先用它。"),
    (
        "https://arxiv.org/abs/1710.11063",
        "When Grad-CAM marks one of them alone.",
        "Grad-CAM 只标出其中一个时使用。",
    ),
    (
        "https://arxiv.org/abs/2008.02312",
        "When Grad-CAM's weights seem arbitrary.",
        "觉得 Grad-CAM 的权重不合理时使用。",
    ),
    (
        "https://arxiv.org/abs/2011.08891",
        "When the map must not claim more than was used.",
        "要求只显示真正用到之处时使用。",
    ),
    (
        "https://github.com/jacobgil/pytorch-grad-cam",
        "At early layers, against noise that cancels out.",
        "用于前面的层，避免正负抵消。",
    ),
    (
        "https://doi.org/10.1109/TIP.2021.3089943",
        "For fine maps from early layers.",
        "想从前面的层得到细致的图时使用。",
    ),
    (
        "https://arxiv.org/abs/2008.00299",
        "To see what stands out, whatever the class.",
        "想看最突出的东西而不论类别时使用。",
    ),
    (
        "https://github.com/jacobgil/pytorch-grad-cam",
        "As EigenCAM, but for one class.",
        "与 EigenCAM 相似，但针对一个类别。",
    ),
    (
        "https://arxiv.org/abs/1910.01279",
        "When gradients are not to be trusted, and there is time.",
        "不信任梯度且有时间时使用。",
    ),
    (
        "https://doi.org/10.1109/WACV45572.2020.9093360",
        "As Score-CAM; quick at the last layer.",
        "与 Score-CAM 相似；在最后一层很快。",
    ),
    (
        "https://arxiv.org/abs/2501.11309",
        "To tell two breeds or models apart.",
        "区分两个相近的品种或型号时使用。",
    ),
    (
        "https://arxiv.org/abs/2501.06261",
        "When the target is a probability.",
        "以概率为目标时使用。",
    ),
    (
        "https://arxiv.org/abs/2605.14641",
        "For an early layer's detail without its noise.",
        "想要浅层的细节又不要噪声时使用。",
    ),
    (
        "https://hal.science/hal-02963298",
        "To see rare features, whatever the class.",
        "想看少见的特征而不论类别时使用。",
    ),
    (
        "https://arxiv.org/abs/2410.00267",
        "When EigenCAM's map is flat.",
        "EigenCAM 的图过于平淡时使用。",
    ),
    (
        "https://arxiv.org/abs/2006.14255",
        "When Score-CAM's map is noisy.",
        "Score-CAM 的图噪声多时使用。",
    ),
    (
        "https://arxiv.org/abs/2010.03023",
        "Like SS-CAM, with fewer passes.",
        "与 SS-CAM 相似，计算次数较少。",
    ),
    (
        "https://arxiv.org/abs/1605.01713",
        "For a first look at single pixels.",
        "想初步看看单个像素时使用。",
    ),
    (
        "https://arxiv.org/abs/1905.00780",
        "For what all layers count together.",
        "想看所有层合起来的贡献时使用。",
    ),
    (
        "https://arxiv.org/abs/1706.03825",
        "When single pixels' gradients are too noisy.",
        "单个像素的梯度噪声太大时使用。",
    ),
    (
        "https://arxiv.org/abs/1703.01365",
        "When all of the score must be accounted for.",
        "希望把得分完整地分摊到各像素时使用。",
    ),
    (
        "https://arxiv.org/abs/1311.2901",
        "To check another map; easy to understand.",
        "用来核对其他方法的图，容易理解。",
    ),
    (
        "https://arxiv.org/abs/1806.07421",
        "When a network is a black box, and there is time.",
        "把网络当作黑箱且有时间时使用。",
    ),
];
