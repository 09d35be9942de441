//! What is asked about a photo, independent of what the network predicts for it.

use gradlens::explain::cam::Method;
use gradlens::explain::objective::Objective;
use gradlens::explain::{Prediction, Question};
use serde::{Deserialize, Serialize};

/// Which number of a class is explained. An [`Objective`] without its contrast class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ObjectiveKind {
    #[default]
    Logit,
    Probability,
    /// The class's logit minus another's.
    Contrast,
    /// Counter-evidence: what lowers the logit.
    Against,
}

impl ObjectiveKind {
    pub const ALL: [ObjectiveKind; 4] = [
        ObjectiveKind::Logit,
        ObjectiveKind::Probability,
        ObjectiveKind::Contrast,
        ObjectiveKind::Against,
    ];

    /// The name in links and in the page's `<option>`s.
    pub fn name(self) -> &'static str {
        ["logit", "probability", "contrast", "against"][self as usize]
    }

    pub fn from_name(name: &str) -> Option<ObjectiveKind> {
        ObjectiveKind::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// `None`: a contrast without another class.
    pub fn objective(self, contrast_class: Option<usize>) -> Option<Objective> {
        Some(match self {
            ObjectiveKind::Logit => Objective::Logit,
            ObjectiveKind::Probability => Objective::Probability,
            ObjectiveKind::Contrast => Objective::Contrast { than: contrast_class? },
            ObjectiveKind::Against => Objective::Against,
        })
    }
}

/// grad-cam's two switches: `aug_smooth` and `eigen_smooth`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Smoothing {
    pub aug: bool,
    pub eigen: bool,
}

impl Smoothing {
    /// The name in links.
    pub fn name(self) -> &'static str {
        match (self.aug, self.eigen) {
            (false, false) => "none",
            (true, false) => "aug",
            (false, true) => "eigen",
            (true, true) => "aug,eigen",
        }
    }

    pub fn from_name(name: &str) -> Option<Smoothing> {
        let each = [false, true].map(|aug| [false, true].map(|eigen| Smoothing { aug, eigen }));
        each.into_iter().flatten().find(|smoothing| smoothing.name() == name)
    }
}

/// The visitor's choices. `None` means: the likeliest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Query {
    pub class: Option<usize>,
    pub objective: ObjectiveKind,
    pub contrast_class: Option<usize>,
    /// A layer, or several to fuse: `layer3+layer4`.
    pub layer: String,
    pub method: Method,
    pub smoothing: Smoothing,
}

impl Query {
    /// The engine's question for this prediction. Choices that its classes don't have are replaced
    /// by the likeliest ones.
    pub fn question(&self, prediction: &Prediction) -> Question {
        let chosen = self.class.filter(|&class| class < prediction.logits.len());
        let class = chosen.or_else(|| prediction.top(1).first().map(|score| score.class));
        let other = class.and_then(|class| contrast_class(self.contrast_class, class, prediction));
        let objective = self.objective.objective(other).unwrap_or_default();
        Question {
            class,
            objective,
            layers: layers(&self.layer),
            method: self.method,
            channels: None,
            aug_smooth: self.smoothing.aug,
            eigen_smooth: self.smoothing.eigen,
        }
    }
}

/// The names in `layer3+layer4`.
pub fn layers(fused: &str) -> Vec<String> {
    fused.split('+').map(String::from).collect()
}

/// The class that `class` is compared with: the chosen one, else the likeliest other one.
pub fn contrast_class(
    chosen: Option<usize>,
    class: usize,
    prediction: &Prediction,
) -> Option<usize> {
    let other = |candidate: &usize| *candidate != class && *candidate < prediction.logits.len();
    chosen
        .filter(other)
        .or_else(|| prediction.top(2).into_iter().map(|score| score.class).find(other))
}

#[cfg(test)]
mod tests {
    use super::*;
    use gradlens::image::Rect;

    fn prediction(logits: &[f32]) -> Prediction {
        let rect = Rect { x: 0.0, y: 0.0, width: 1.0, height: 1.0 };
        let (rgb, input) = (Vec::new(), Vec::new());
        Prediction {
            logits: logits.to_vec(),
            height: 1,
            width: 1,
            rect,
            rgb,
            input,
            scores: Default::default(),
            milliseconds: 0.0,
        }
    }

    fn query() -> Query {
        let (layer, method) = ("layer3+layer4".to_owned(), Method::GradCam);
        Query {
            class: None,
            objective: ObjectiveKind::Contrast,
            contrast_class: None,
            layer,
            method,
            smoothing: Smoothing { aug: false, eigen: true },
        }
    }

    #[test]
    fn the_likeliest_classes_stand_in_for_missing_choices() {
        let question = query().question(&prediction(&[0.0, 3.0, 2.0]));
        assert_eq!(
            (question.class, question.objective),
            (Some(1), Objective::Contrast { than: 2 })
        );
        assert_eq!(question.layers, ["layer3", "layer4"]);
        assert_eq!((question.aug_smooth, question.eigen_smooth), (false, true));
    }

    #[test]
    fn choices_of_another_network_are_replaced() {
        let query = Query { class: Some(7), contrast_class: Some(9), ..query() };
        let question = query.question(&prediction(&[0.0, 3.0, 2.0]));
        assert_eq!(
            (question.class, question.objective),
            (Some(1), Objective::Contrast { than: 2 })
        );
    }

    #[test]
    fn a_class_is_not_contrasted_with_itself() {
        let query = Query { class: Some(2), contrast_class: Some(2), ..query() };
        assert_eq!(
            query.question(&prediction(&[0.0, 3.0, 2.0])).objective,
            Objective::Contrast { than: 1 }
        );
        // A network of one class has no other.
        let alone = Query { class: Some(0), ..query };
        assert_eq!(alone.question(&prediction(&[1.0])).objective, Objective::Logit);
    }

    #[test]
    fn names_are_read_back() {
        for kind in ObjectiveKind::ALL {
            assert_eq!(ObjectiveKind::from_name(kind.name()), Some(kind));
        }
        assert_eq!(ObjectiveKind::from_name("score"), None);
        for name in ["none", "aug", "eigen", "aug,eigen"] {
            assert_eq!(Smoothing::from_name(name).unwrap().name(), name);
        }
        assert_eq!(Smoothing::from_name("much"), None);
    }
}
