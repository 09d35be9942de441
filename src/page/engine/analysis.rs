//! Serves [`Analysis`]: what is asked beside the main heatmap.

use super::protocol::{Analysis, AnalysisResult};
use gradlens::error::Error;
use gradlens::explain::faithfulness::NOISE;
use gradlens::explain::objective::Objective;
use gradlens::explain::{Explainer, Explanation};
use std::sync::Arc;

/// Neurons on show for and against a class, and classes that each is named by.
const NEURONS: usize = 4;
const NEURON_CLASSES: usize = 4;
/// Classes that a concept is named by.
const CONCEPT_CLASSES: usize = 2;

/// `progress` hears passes done, of how many, and says whether to go on. `None`: it was stopped.
pub async fn analyze(
    explainer: &mut Explainer,
    explanation: &Explanation,
    analysis: Analysis,
    mut progress: impl FnMut(usize, usize) -> bool,
) -> Result<Option<AnalysisResult>, Error> {
    Ok(Some(match analysis {
        Analysis::Maps(questions) => {
            let mut maps = Vec::new();
            let count = questions.len();
            for (n, question) in questions.iter().enumerate() {
                if count > 1 && !progress(n, count) {
                    return Ok(None);
                }
                // Of several maps each counts as one; of a single slow one its passes do.
                let mut hear =
                    |done, of| if count > 1 { progress(n, count) } else { progress(done, of) };
                match explainer.ask(question, &mut hear).await? {
                    Some(map) => maps.push(Arc::new(map)),
                    None => return Ok(None),
                }
            }
            AnalysisResult::Maps(maps)
        }
        Analysis::Estimate(question) => {
            AnalysisResult::Estimate(explainer.estimate(&question).await?)
        }
        Analysis::Guided => {
            let guided = explainer.guided(Some(explanation.class), explanation.objective).await?;
            let times_map = guided.times(explanation);
            AnalysisResult::Guided([guided, times_map])
        }
        Analysis::Cover(mask) => AnalysisResult::Covered(explainer.cover_up(&mask).await?),
        Analysis::Brush(mask) => {
            let found = explainer.explain_covered(&mask, &explanation.question()).await?;
            AnalysisResult::Brushed(found.0, found.1)
        }
        Analysis::Neurons => {
            let class = Some(explanation.class);
            let neurons =
                explainer.neurons(class, Objective::Logit, NEURONS, NEURON_CLASSES).await?;
            AnalysisResult::Neurons(neurons)
        }
        Analysis::Concepts(count) => {
            AnalysisResult::Concepts(explainer.concepts(count, CONCEPT_CLASSES).await?)
        }
        Analysis::Faithfulness => match explainer.trust(explanation, NOISE, &mut progress).await? {
            Some(trust) => AnalysisResult::Faithfulness(trust),
            None => return Ok(None),
        },
        Analysis::SanityCheck => {
            match explainer.randomise(&explanation.question(), &mut progress).await? {
                Some(randomized) => AnalysisResult::SanityCheck(randomized),
                None => return Ok(None),
            }
        }
    }))
}
