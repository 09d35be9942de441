//! The steps of the guided tour.

/// What a step is about, first to last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Input,
    Forward,
    /// Scores and what softmax makes of them.
    Scores,
    Backward,
    Weights,
    Heatmap,
    Questions,
}

impl Step {
    pub const ALL: [Step; 7] = [
        Step::Input,
        Step::Forward,
        Step::Scores,
        Step::Backward,
        Step::Weights,
        Step::Heatmap,
        Step::Questions,
    ];

    /// The name in links.
    pub fn name(self) -> &'static str {
        ["input", "forward", "scores", "backward", "weights", "heatmap", "questions"][self as usize]
    }

    pub fn from_name(name: &str) -> Option<Step> {
        Step::ALL.into_iter().find(|step| step.name() == name)
    }

    /// The step that many places further on; `None` before the first and behind the last.
    pub fn further(self, by: isize) -> Option<Step> {
        Step::ALL.get((self as usize).checked_add_signed(by)?).copied()
    }
}
