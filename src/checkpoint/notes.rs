//! What a person should know of a file that was read: what was taken, passed over and assumed.
//! Sentences in both languages.

use serde::{Deserialize, Serialize};
use std::fmt;

use super::recognise::{Conventions, Normalisation};

/// One thing that is not plain from the file's name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Note {
    /// The file holds several networks.
    Taken { taken: String, others: Vec<String> },
    /// Tensors outside the network were passed over: the first names, and how many in all.
    Ignored { names: Vec<String>, count: usize },
    /// Behind this hidden layer of the classifier a ReLU was assumed, which has no tensors.
    ReluAssumed { layer: String },
    /// The network normalises its input itself.
    Normalises(Normalisation),
    /// The first convolution reads one channel.
    Grey,
    /// What neither tensors nor anything else in the file tells of a ResNet.
    Assumed(Conventions),
}

impl Note {
    /// The sentence in Chinese.
    pub fn chinese(&self) -> String {
        match self {
            Note::Taken { taken, others } => {
                format!("文件里有几个网络：使用的是 {taken}，另外还有 {}。", others.join("、"))
            }
            Note::Ignored { names, count } => {
                format!("网络之外的 {count} 个张量没有使用：{}。", listed(names, *count, "、"))
            }
            Note::ReluAssumed { layer } => {
                format!("文件没有说明 {layer} 之后的激活函数，假定为 ReLU。")
            }
            Note::Normalises(Normalisation { mean, std }) => {
                format!("网络自己归一化输入：均值 {mean:?}，标准差 {std:?}。")
            }
            Note::Grey => "网络读取灰度图像：照片会先转成灰度。".into(),
            Note::Assumed(conventions) => format!(
                "文件没有说明、因此假定：步长在{}卷积里，{}，批归一化的 epsilon 为 {:e}，\
                 用普通步长（不做模糊或平均），并有最大池化。",
                if conventions.stride_in_1x1 { " 1×1 " } else { " 3×3 " },
                match conventions.output_stride {
                    32 => "没有空洞卷积".into(),
                    stride => format!("空洞卷积使输出步长为 {stride}"),
                },
                conventions.epsilon
            ),
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Note::Taken { taken, others } => {
                let others: Vec<String> = others.iter().map(|other| format!("`{other}`")).collect();
                write!(
                    f,
                    "The file holds several networks: `{taken}` was taken; there is also {}.",
                    others.join(", ")
                )
            }
            Note::Ignored { names, count } => {
                let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
                write!(
                    f,
                    "Tensors outside the network were left out ({count}): {}.",
                    listed(&names, *count, ", ")
                )
            }
            Note::ReluAssumed { layer } => {
                write!(
                    f,
                    "The file does not tell which activation function follows `{layer}`; ReLU is assumed."
                )
            }
            Note::Normalises(Normalisation { mean, std }) => {
                write!(
                    f,
                    "The network normalises its input itself, by the mean {mean:?} and the deviation {std:?}."
                )
            }
            Note::Grey => write!(f, "The network reads one channel: photos become grey."),
            Note::Assumed(conventions) => {
                let place = if conventions.stride_in_1x1 { "1×1" } else { "3×3" };
                let dilation = match conventions.output_stride {
                    32 => "no dilation".into(),
                    stride => format!("dilation to an output stride of {stride}"),
                };
                let epsilon = conventions.epsilon;
                write!(
                    f,
                    "Not told by the file, and assumed: strides in the {place} convolutions, {dilation}, \
                     batch norm's epsilon {epsilon:e}, plain strides and max pooling."
                )
            }
        }
    }
}

fn listed(names: &[String], count: usize, between: &str) -> String {
    let dots = if count > names.len() { format!("{between}…") } else { String::new() };
    format!("{}{dots}", names.join(between))
}
