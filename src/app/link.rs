//! The settings that a link carries, in the address's fragment, which no server is sent: never the photo.
//!
//! `#model=efficientnet-lite0&class=12&target=logit&layer=head&method=grad-cam&fit=whole&opacity=0.50&colours=jet&threshold=0.00&contours=no`, and
//! `than=7` of a contrast; what is missing or not understood stays as it is.

use super::asked;
use super::state::State;
use crate::catalog::permalink;
use crate::explain::cam::Method;
use crate::image::Fit;
use crate::image::heatmap::ColourMap;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Link {
    pub model: Option<String>,
    pub class: Option<usize>,
    pub objective: Option<&'static str>,
    pub than: Option<usize>,
    pub layer: Option<String>,
    pub method: Option<Method>,
    pub fit: Option<Fit>,
    pub opacity: Option<f32>,
    pub colours: Option<ColourMap>,
    pub threshold: Option<f32>,
    pub contours: Option<bool>,
}

impl Link {
    /// What the page shows now.
    pub fn of(state: &State) -> Link {
        Link {
            model: state.model.with_untracked(|model| model.as_ref()?.id.clone()),
            class: state.explanation.with_untracked(|known| known.as_ref().map(|known| known.class)),
            objective: Some(state.objective.get_untracked()),
            than: state.than.get_untracked(),
            layer: Some(state.layer.get_untracked()),
            method: Some(state.method.get_untracked()),
            fit: Some(state.fit.get_untracked()),
            opacity: Some(state.opacity.get_untracked()),
            colours: Some(state.colours.get_untracked()),
            threshold: Some(state.threshold.get_untracked()),
            contours: Some(state.contours.get_untracked()),
        }
    }

    pub fn fragment(&self) -> String {
        let share = |share: f32| format!("{share:.2}");
        let pairs = [
            ("model", self.model.clone()),
            ("class", self.class.map(|class| class.to_string())),
            ("target", self.objective.map(String::from)),
            ("than", self.than.map(|class| class.to_string())),
            ("layer", self.layer.clone()),
            ("method", self.method.map(|method| method.name().to_owned())),
            ("fit", self.fit.map(|fit| fit.name().to_owned())),
            ("opacity", self.opacity.map(share)),
            ("colours", self.colours.map(|colours| colours.name().to_owned())),
            ("threshold", self.threshold.map(share)),
            ("contours", self.contours.map(|on| if on { "yes" } else { "no" }.to_owned())),
        ];
        permalink::write(pairs)
    }

    pub fn parse(fragment: &str) -> Link {
        let mut link = Link::default();
        // As the browser reads numbers: Rust's parser alone would make the page 13 kB larger.
        let share = |value: &str| Some(js_sys::parse_float(value) as f32).filter(|share| (0.0..=1.0).contains(share));
        for (key, value) in permalink::read(fragment) {
            match key {
                "model" => link.model = Some(value),
                "class" => link.class = value.parse().ok(),
                "target" => link.objective = asked::named(&value),
                "than" => link.than = value.parse().ok(),
                "layer" => link.layer = Some(value),
                "method" => link.method = value.parse().ok(),
                "fit" => link.fit = value.parse().ok(),
                "opacity" => link.opacity = share(&value),
                "colours" => link.colours = value.parse().ok(),
                "threshold" => link.threshold = share(&value),
                "contours" => link.contours = Some(value == "yes"),
                _ => {}
            }
        }
        link
    }
}
