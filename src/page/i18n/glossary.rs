//! Terms that a lesson meets first on this page, each explained in a sentence or two.

use super::Language;

/// Terms that texts explain where they use them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Term {
    Logit,
    Channel,
    Gradient,
    Relu,
    Softmax,
}

pub struct Glossary {
    /// What terms are called, in the order of `Term::ALL`.
    pub names: [&'static str; 5],
    pub meanings: [&'static str; 5],
}

impl Term {
    pub const ALL: [Term; 5] =
        [Term::Logit, Term::Channel, Term::Gradient, Term::Relu, Term::Softmax];

    pub fn id(self) -> &'static str {
        ["term-logit", "term-channel", "term-gradient", "term-relu", "term-softmax"][self as usize]
    }

    /// The word in texts; English has plurals, too.
    fn word(self, language: Language) -> &'static str {
        match (self, language) {
            (Term::Logit, _) => "logit",
            (Term::Channel, Language::English) => "channel",
            (Term::Channel, Language::Chinese) => "通道",
            (Term::Gradient, Language::English) => "gradient",
            (Term::Gradient, Language::Chinese) => "梯度",
            (Term::Relu, _) => "ReLU",
            (Term::Softmax, _) => "softmax",
        }
    }
}

/// Where in a text each term stands first: its bytes, in the order of the text.
pub fn terms(language: Language, text: &str) -> Vec<(Term, std::ops::Range<usize>)> {
    let lower = text.to_ascii_lowercase(); // as long, byte for byte
    let letter = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let first = |term: Term| {
        let word = term.word(language).to_ascii_lowercase();
        lower.match_indices(&word).find_map(|(start, _)| {
            let plural = lower[start + word.len()..].starts_with('s') && word.is_ascii();
            let end = start + word.len() + usize::from(plural);
            let bytes = lower.as_bytes();
            let inside = word.is_ascii()
                && (letter(bytes.get(start.wrapping_sub(1))) || letter(bytes.get(end)));
            // “gradient-based” and “gradient-free” name methods.
            let compound = bytes.get(end) == Some(&b'-');
            (!inside && !compound).then_some((term, start..end))
        })
    };
    let mut found: Vec<_> = Term::ALL.into_iter().filter_map(first).collect();
    found.sort_by_key(|(_, place)| place.start);
    found
}

pub static ENGLISH: Glossary = Glossary {
    names: ["Logit", "Channel", "Gradient", "ReLU", "Softmax"],
    meanings: [
        "The score that the network gives a class, before softmax. It can be any number; what counts is how far it lies above the others.",
        "One of the maps that a layer puts out. Each responds to a feature of its own: an edge, a texture, an eye.",
        "How much one number changes when another one is changed a little. Here: how much the score of the class rises when an activation grows.",
        "A function of the network's layers, and the last step of Grad-CAM: what is positive stays, what is negative becomes 0.",
        "Makes probabilities of the scores of all classes: e to the power of each, divided by the sum of all. They add up to 100 %.",
    ],
};

pub static CHINESE: Glossary = Glossary {
    names: ["logit（得分）", "通道", "梯度", "ReLU", "softmax"],
    meanings: [
        "网络给每个类别打的分，还没有经过 softmax。它可以是任何数，重要的是比其他类别高出多少。",
        "一层会输出许多张特征图，每一张就是一个通道。每个通道只对某种特征有响应，例如边缘、纹理或眼睛。",
        "一个量稍微变化时，另一个量会变化多少。这里指激活值稍微增大时，类别的得分会升高多少。",
        "网络各层常用的函数，也是 Grad-CAM 的最后一步：正数不变，负数变为 0。",
        "把所有类别的得分换算成概率：各取 e 的得分次方，再除以它们的总和。所有概率之和为 100%。",
    ],
};
