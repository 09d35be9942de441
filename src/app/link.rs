//! The settings that a link carries, in the address's fragment, which no server is sent: never the photo.
//!
//! `#model=emoji50&class=12&layer=layer4&method=grad-cam&opacity=0.50&colours=jet`; what is missing or not understood stays as it is.

use super::state::State;
use crate::cam::Method;
use crate::heatmap::ColourMap;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Link {
    pub model: Option<String>,
    pub class: Option<usize>,
    pub layer: Option<String>,
    pub method: Option<Method>,
    pub opacity: Option<f32>,
    pub colours: Option<ColourMap>,
}

impl Link {
    /// What the page shows now.
    pub fn of(state: &State) -> Link {
        Link {
            model: state.model.with_untracked(|model| model.as_ref()?.id.clone()),
            class: state.explanation.with_untracked(|known| known.as_ref().map(|known| known.class)),
            layer: Some(state.layer.get_untracked()),
            method: Some(state.method.get_untracked()),
            opacity: Some(state.opacity.get_untracked()),
            colours: Some(state.colours.get_untracked()),
        }
    }

    pub fn fragment(&self) -> String {
        let pairs = [
            ("model", self.model.clone()),
            ("class", self.class.map(|class| class.to_string())),
            ("layer", self.layer.clone()),
            ("method", self.method.map(|method| method.to_string())),
            ("opacity", self.opacity.map(|opacity| format!("{opacity:.2}"))),
            ("colours", self.colours.map(|colours| colours.to_string())),
        ];
        let written = pairs
            .into_iter()
            .filter_map(|(key, value)| Some(format!("{key}={}", String::from(js_sys::encode_uri_component(&value?)))));
        written.collect::<Vec<_>>().join("&")
    }

    pub fn parse(fragment: &str) -> Link {
        let mut link = Link::default();
        for (key, value) in fragment.trim_start_matches('#').split('&').filter_map(|pair| pair.split_once('=')) {
            let value = js_sys::decode_uri_component(value).map(String::from).unwrap_or_default();
            match key {
                "model" => link.model = Some(value),
                "class" => link.class = value.parse().ok(),
                "layer" => link.layer = Some(value),
                "method" => link.method = value.parse().ok(),
                // As the browser reads numbers: Rust's parser alone would make the page 13 kB larger.
                "opacity" => {
                    let opacity = js_sys::parse_float(&value) as f32;
                    link.opacity = Some(opacity).filter(|opacity| (0.0..=1.0).contains(opacity));
                }
                "colours" => link.colours = value.parse().ok(),
                _ => {}
            }
        }
        link
    }
}
