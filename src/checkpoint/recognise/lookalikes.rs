//! What a checkpoint of another network looks like, by names that its kind alone has. For
//! sentences; nothing is run by it.

use crate::checkpoint::Checkpoint;
use crate::checkpoint::names::word_starts;

/// A part of a tensor's name, from the beginning of one of its words, and whose it is. Sources:
/// torchvision, timm, transformers, and the networks' own repositories.
const PARTS: [(&str, &str); 40] = [
    ("roi_heads.", "an object detector (Faster R-CNN)"),
    ("rpn.", "an object detector (Faster R-CNN)"),
    ("bbox_head.", "an object detector"),
    ("bbox_embed.", "an object detector (DETR)"),
    ("decode_head.", "a segmentation network"),
    ("aux_classifier.", "a segmentation network"),
    ("segmentation_head.", "a segmentation network"),
    ("down1.maxpool_conv.", "a segmentation network (U-Net)"),
    ("diffusion_model.", "Stable Diffusion"),
    ("lora_", "LoRA weights, which are changes to another file's"),
    ("embed_tokens.", "a language model"),
    ("word_embeddings.", "a language model"),
    ("visual.", "CLIP"),
    ("vision_model.", "CLIP"),
    ("relative_position_bias_table", "a Swin Transformer"),
    ("class_token", "a vision transformer (ViT)"),
    ("cls_token", "a vision transformer (ViT)"),
    ("patch_embed.", "a vision transformer"),
    ("features.1.0.block.", "EfficientNet-B or EfficientNetV2"),
    ("_se_reduce.", "EfficientNet-B"),
    ("features.1.block.", "MobileNetV3"),
    ("features.1.0.layer_scale", "ConvNeXt"),
    ("downsample_layers.", "ConvNeXt"),
    ("stages.0.blocks.0.gamma", "ConvNeXt"),
    ("features.denseblock1.", "DenseNet"),
    ("Mixed_5b.", "Inception v3"),
    ("inception3a.", "GoogLeNet"),
    ("features.3.squeeze.", "SqueezeNet"),
    ("stage2.0.branch2.", "ShuffleNetV2"),
    ("stage2.0.branches.", "HRNet"),
    ("layers.8.0.layers.", "MnasNet"),
    ("trunk_output.", "RegNet"),
    ("s1.b1.conv1.", "RegNet"),
    ("block1.rep.", "Xception"),
    ("cell_0.", "NASNet"),
    ("attnpool.", "CLIP's ResNet, which pools by attention"),
    ("mixer_layers.", "MLP-Mixer"),
    ("model.0.conv.", "YOLO"),
    ("bn_data.", "a network of MXNet"),
    ("features.0.weight", "VGG or AlexNet"),
];

/// What the tensors look like, and one of them, by the file's own name.
pub fn looks_like(checkpoint: &Checkpoint) -> Option<(&'static str, String)> {
    let kept = checkpoint.tensors.iter().map(|(name, tensor)| (&name[..], &tensor.name[..]));
    let names =
        || kept.clone().chain(checkpoint.found.ignored.iter().map(|name| (&name[..], &name[..])));
    PARTS.iter().find_map(|(part, what)| {
        let has = |name: &str| word_starts(name).any(|at| name[at..].starts_with(part));
        names().find(|(name, _)| has(name)).map(|(_, own)| (*what, own.to_owned()))
    })
}
