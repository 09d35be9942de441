//! What a file says beside its tensors, held against the network that they describe: a name
//! (`arch`), and the attributes of pickled modules. Whatever contradicts is refused by name, for it
//! would compute something else.

use super::reader::{unlike, unsupported};
use super::{Architecture, Conventions, Network};
use crate::checkpoint::facts::{Facts, Module};
use crate::error::{Result, Unlike};

/// Parts of timm's and others' names of networks with the tensors of a plain one and other strides
/// or poolings.
const OTHER_NETWORKS: [&str; 4] = ["blur", "resnetaa", "antialias", "dilated"];

/// Activation functions by their class, as `torch.nn` and timm have them.
const ACTIVATIONS: [&str; 16] = [
    "ReLU",
    "ReLU6",
    "SiLU",
    "Swish",
    "SwishMe",
    "Hardswish",
    "HardSwish",
    "HardSwishMe",
    "GELU",
    "LeakyReLU",
    "ELU",
    "SELU",
    "CELU",
    "Mish",
    "Softplus",
    "Tanh",
];

impl Network {
    /// Takes over what the file tells of the conventions. Errors:
    /// [`Error::UnsupportedNetwork`](crate::Error::UnsupportedNetwork).
    pub(super) fn heed(&mut self, facts: &Facts) -> Result<()> {
        for word in &facts.words {
            if OTHER_NETWORKS.iter().any(|part| word.contains(part)) {
                return unlike(Unlike::Named { name: word.clone() });
            }
        }
        let is_mobilenet = matches!(self.architecture, Architecture::MobileNet(_));
        let same = facts.modules.values().any(|module| module.class == "Conv2dSame");
        if is_mobilenet && (same || facts.words.iter().any(|word| word.starts_with("tf_"))) {
            self.set_conventions(Conventions::TENSORFLOW);
        }
        if facts.caffe_style {
            self.set_conventions(Conventions { stride_in_1x1: true, ..self.conventions });
        }
        self.heed_layers(facts)?;
        self.heed_epsilons(facts)?;
        self.heed_strides(facts)
    }

    /// Layers without tensors: activation functions and poolings.
    fn heed_layers(&self, facts: &Facts) -> Result<()> {
        let expected = match self.architecture {
            Architecture::ResNet(_) => "ReLU",
            Architecture::MobileNet(_) => "ReLU6",
        };
        for (name, Module { class, ksize, stride, padding, .. }) in &facts.modules {
            let in_body = ["layer", "features.", "blocks.", "_blocks.", "act", "relu", "_swish"]
                .iter()
                .any(|part| name.starts_with(part));
            if in_body && ACTIVATIONS.contains(&&class[..]) && class != expected {
                let (name, class) = (name.clone(), class.clone());
                return unlike(Unlike::Activation { name, class, expected: expected.into() });
            }
            if class.to_lowercase().contains("blur") {
                return unsupported(
                    format!("its layer `{name}` blurs ({class})"),
                    format!("它的层 {name} 会做模糊（{class}）"),
                );
            }
            if name == "maxpool" || name == "3" && class.contains("Pool") {
                // torchvision `ResNet.maxpool`; TorchScript doesn't tell the sizes.
                let told = (*ksize, *stride, *padding);
                if class != "MaxPool2d"
                    || !matches!(told, (Some(3), Some(2), Some(1)) | (None, None, None))
                {
                    return unsupported(
                        format!("its `{name}` is {class} with kernel, stride and padding {told:?}"),
                        format!("它的 {name} 是 {class}，核、步长和填充为 {told:?}"),
                    );
                }
            }
            if ["avgpool", "global_pool", "pool"].contains(&&name[..]) && class.contains("Max") {
                return unsupported(
                    format!("its `{name}` is {class}: the mean over positions can be run"),
                    format!("它的 {name} 是 {class}；这里只能对位置取平均"),
                );
            }
        }
        Ok(())
    }

    fn heed_epsilons(&mut self, facts: &Facts) -> Result<()> {
        let norms = facts.modules.iter().filter(|(_, module)| {
            module.class.starts_with("BatchNorm2d") || module.class == "BatchNormAct2d"
        });
        let mut told: Option<(&str, f64)> = None;
        for (name, epsilon) in norms.filter_map(|(name, module)| Some((&name[..], module.epsilon?)))
        {
            match told {
                Some((first, before)) if before != epsilon => {
                    return unsupported(
                        format!(
                            "its batch norms have several epsilons ({before:e} in `{first}`, {epsilon:e} in `{name}`)"
                        ),
                        format!(
                            "它的批归一化有多个 epsilon（{first} 中为 {before:e}，{name} 中为 {epsilon:e}）"
                        ),
                    );
                }
                _ => told = Some((name, epsilon)),
            }
        }
        match told {
            Some((name, epsilon)) if !(epsilon.is_finite() && epsilon >= 0.0) => unsupported(
                format!("the epsilon of its batch norm `{name}` is {epsilon}"),
                format!("它的批归一化 {name} 的 epsilon 是 {epsilon}"),
            ),
            Some((_, epsilon)) if epsilon != self.conventions.epsilon => {
                self.set_conventions(Conventions { epsilon, ..self.conventions });
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Strides, paddings and dilations of convolutions: some conventions have to fit all of them.
    fn heed_strides(&mut self, facts: &Facts) -> Result<()> {
        let usual = self.conventions;
        let differs = |network: &Network| {
            network.convs().find_map(|conv| {
                let Module { stride, dilation, .. } = facts.modules.get(&conv.name)?;
                let is = |told: &Option<i64>, ours: usize| {
                    told.is_none_or(|told| usize::try_from(told) == Ok(ours))
                };
                let fits = is(stride, conv.stride) && is(dilation, conv.dilation);
                (!fits).then(|| (conv.name.clone(), *stride, *dilation))
            })
        };
        let Some((name, stride, dilation)) = differs(self) else { return Ok(()) };
        for stride_in_1x1 in [false, true] {
            for output_stride in Conventions::OUTPUT_STRIDES {
                self.set_conventions(Conventions { stride_in_1x1, output_stride, ..usual });
                if differs(self).is_none() {
                    return Ok(());
                }
            }
        }
        let [stride, dilation] =
            [stride, dilation].map(|number| number.map_or("?".into(), |number| number.to_string()));
        unsupported(
            format!("its convolution `{name}` has stride {stride} and dilation {dilation}"),
            format!("它的卷积 {name} 步长为 {stride}、空洞率为 {dilation}"),
        )
    }
}
