//! An explanation in words, and the neurons that it speaks of.

use super::maps::{figure, over_small};
use crate::app::state::State;
use crate::app::text::fill;
use crate::app::widgets::{part, told};
use crate::explain::Explanation;
use crate::explain::neurons::Neuron;
use crate::image::heatmap;
use leptos::prelude::*;

#[component]
pub fn InWords(state: State) -> impl IntoView {
    let closer = state.closer;
    // The classes that neurons stand for beside the one that is explained, each once.
    let others = move |neurons: &[Neuron]| {
        let class = state.explanation.with(|known| known.as_ref().map_or(0, |known| known.class));
        let mut names: Vec<usize> = Vec::new();
        for neuron in neurons {
            let other = neuron.classes.iter().copied().find(|&other| other != class && !names.contains(&other));
            names.extend(other);
        }
        let listed: Vec<String> = names.into_iter().take(3).map(|class| state.label(class)).collect();
        listed.join(state.text().closer.and)
    };
    let sentence = move || {
        let (neurons, known) = (closer.found.get().neurons?, state.explanation.get()?);
        let text = state.text().closer;
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
        let (neurons, known) = (closer.found.get().neurons?, state.explanation.get()?);
        let one = |(n, neuron): (usize, &Neuron)| {
            let names: Vec<String> = neuron.classes.iter().take(3).map(|&class| state.label(class)).collect();
            let sign = if n < neurons.speak_for.len() { "+" } else { "−" };
            let (number, names) = (neuron.channel.to_string(), names.join(state.text().closer.and));
            let caption = fill(state.text().closer.neuron, &[&number, sign, &names]);
            let map = Explanation {
                heatmap: heatmap::normalise(&neuron.map.values),
                height: neuron.map.height,
                width: neuron.map.width,
                ..(*known).clone()
            };
            Some(figure(format!("neuron {}", neuron.channel), caption, over_small(state, &map)?))
        };
        let all = neurons.speak_for.iter().chain(&neurons.speak_against);
        Some(all.enumerate().filter_map(one).collect_view())
    };
    view! {
        <p class="sentence" data-testid="sentence">{told(move || sentence().unwrap_or_default())}</p>
        <div class="maps grid">{part(figures)}</div>
    }
}
