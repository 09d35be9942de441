//! Tensors that are no part of a network: losses', metrics' and counters', and those that normalise
//! its input.

/// Words in names of what only training reads.
const PARTS: [&str; 7] =
    ["loss", "criteri", "metric", "pos_weight", "class_weight", "confmat", "confusion"];
const WORDS: [&str; 20] = [
    "acc",
    "accuracy",
    "auc",
    "auroc",
    "ap",
    "map",
    "f1",
    "f1score",
    "precision",
    "recall",
    "specificity",
    "kappa",
    "iou",
    "dice",
    "mae",
    "mse",
    "rmse",
    "ece",
    "calibration",
    "meter",
];
/// Beginnings of names like `val_acc`.
const SPLITS: [&str; 5] = ["train", "val", "valid", "validation", "test"];

/// Whether a name says that the tensor is one of a loss or a metric.
pub fn is_of_training(name: &str) -> bool {
    name.split('.').any(|component| {
        let component = component.to_lowercase();
        let mut words = component.split('_');
        let splits =
            component.contains('_') && SPLITS.contains(&words.clone().next().unwrap_or_default());
        splits
            || PARTS.iter().any(|part| component.contains(part))
            || words.any(|word| WORDS.contains(&word))
    })
}

/// The name of the deviations that belong to these means; `None`: these are no means of an input.
pub fn deviations_of(means: &str) -> Option<String> {
    let (of, last) = means.rsplit_once('.').map_or(("", means), |(of, last)| (of, last));
    let before = last.strip_suffix("mean").filter(|before| !before.ends_with("running_"))?;
    Some(match of {
        "" => format!("{before}std"),
        of => format!("{of}.{before}std"),
    })
}

/// Whether a shape is that of a number for each channel of an input.
pub fn is_a_channel_each(shape: &[usize]) -> bool {
    let count: usize = shape.iter().product();
    matches!(count, 1 | 3) && shape.iter().filter(|&&size| size != 1).count() <= 1
}

/// Whether a tensor of this name and shape beside a network could change what it computes: it must
/// not be passed over.
pub fn may_compute(name: &str, shape: &[usize], has_bias: bool) -> bool {
    const TELLING: [&str; 8] =
        ["pool", "gem", "norm", "temperature", "scale", "attn", "attention", "neck"];
    let lower = name.to_lowercase();
    shape.len() >= 2 || has_bias || TELLING.iter().any(|word| lower.contains(word))
}
