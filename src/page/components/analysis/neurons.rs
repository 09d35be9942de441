//! An explanation in words, and the neurons that it speaks of.

use super::figure::{Figure, over_small};
use crate::i18n::fill;
use crate::state::State;
use gradlens::explain::Explanation;
use gradlens::explain::neurons::Neuron;
use gradlens::image::heatmap;
use leptos::prelude::*;

#[component]
pub fn Neurons(state: State) -> impl IntoView {
    let analysis = state.analysis;
    // The classes that neurons stand for beside the one that is explained, each once.
    let others = move |neurons: &[Neuron]| {
        let class = state.explanation.with(|known| known.as_ref().map_or(0, |known| known.class));
        let mut names: Vec<usize> = Vec::new();
        for neuron in neurons {
            let other = neuron
                .classes
                .iter()
                .copied()
                .find(|&other| other != class && !names.contains(&other));
            names.extend(other);
        }
        let listed: Vec<String> =
            names.into_iter().take(3).map(|class| state.label(class)).collect();
        listed.join(state.text().analysis.and)
    };
    let sentence = move || {
        let (neurons, known) = (analysis.results.get().neurons?, state.explanation.get()?);
        let text = state.text().analysis;
        let (speak_for, against) = (others(&neurons.speak_for), others(&neurons.speak_against));
        let class = state.label(known.class);
        let mut words = vec![match speak_for.is_empty() {
            true => fill(text.nothing_for, &[&class]),
            false => fill(text.speaks_for, &[&class, &speak_for]),
        }];
        if !against.is_empty() {
            words.push(fill(text.speaks_against, &[&against]));
        }
        Some(words.concat())
    };
    let figures = move || {
        let (neurons, known) = (analysis.results.get().neurons?, state.explanation.get()?);
        let over = over_small(state)?;
        let one = |(n, neuron): (usize, &Neuron)| {
            let names: Vec<String> =
                neuron.classes.iter().take(3).map(|&class| state.label(class)).collect();
            let sign = if n < neurons.speak_for.len() { "+" } else { "−" };
            let (number, names) =
                (neuron.channel.to_string(), names.join(state.text().analysis.and));
            let caption = fill(state.text().analysis.neuron, &[&number, sign, &names]);
            let map = Explanation {
                heatmap: heatmap::normalise(&neuron.map.values),
                height: neuron.map.height,
                width: neuron.map.width,
                ..(*known).clone()
            };
            let (what, pixels) = (format!("neuron {}", neuron.channel), over(&map));
            view! { <Figure what caption pixels /> }
        };
        let all = neurons.speak_for.iter().chain(&neurons.speak_against);
        Some(all.enumerate().map(one).collect_view())
    };
    view! {
        <p class="analysis-sentence" data-testid="sentence">{move || sentence().unwrap_or_default()}</p>
        <div class="picture-grid analysis-grid">{figures}</div>
    }
}
