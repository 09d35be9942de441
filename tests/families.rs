//! Every family of ResNets at its real size, on the weights that the golden generator makes,
//! against torchvision in float64.
//!
//! `golden/make_families.py` wrote what is compared; `golden.rs` compares ResNet-50 on photos, with
//! everything inside it.

use gradlens::checkpoint::Block;
use gradlens::{Explainer, Method, Preprocessing};
use pollster::block_on;
use safetensors::SafeTensors;

mod common;
use common::golden_weights::{GOLDEN, SEED, architecture, random_checkpoint};

#[test]
fn real_sizes_compute_what_torchvision_computes() {
    use Block::{Basic, Bottleneck};
    // torchvision's constructor; block, blocks, groups, width of a group
    let families = [
        ("resnet18", Basic, [2, 2, 2, 2], 1, 64, "ResNet-18"),
        ("resnet34", Basic, [3, 4, 6, 3], 1, 64, "ResNet-34"),
        ("resnet50", Bottleneck, [3, 4, 6, 3], 1, 64, "ResNet-50"),
        ("resnet101", Bottleneck, [3, 4, 23, 3], 1, 64, "ResNet-101"),
        ("resnet152", Bottleneck, [3, 8, 36, 3], 1, 64, "ResNet-152"),
        ("wide_resnet50_2", Bottleneck, [3, 4, 6, 3], 1, 128, "Wide ResNet-50-2"),
        ("resnext50_32x4d", Bottleneck, [3, 4, 6, 3], 32, 4, "ResNeXt-50 32x4d"),
    ];
    let file = std::fs::read(format!("{GOLDEN}/families.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&file).unwrap();
    let golden = |name: &str| -> Vec<f32> {
        let tensor = file.tensor(name).unwrap();
        tensor.data().as_chunks::<4>().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect()
    };
    let input = golden("input");
    let mut explainer =
        block_on(Explainer::new()).expect("the tests need a Vulkan, Metal or DX12 driver");
    let mut failures = Vec::new();
    for (family, block, blocks, groups, width, name) in families {
        let checkpoint =
            random_checkpoint(&architecture(block, blocks, 64, groups, width, 1000), SEED);
        let mut loader = explainer.loader(Some(checkpoint.len()));
        loader.push(&checkpoint).unwrap();
        drop(checkpoint);
        explainer.install(loader.finish().unwrap(), Preprocessing::default()).unwrap();
        assert_eq!(explainer.architecture().unwrap().name(), name);
        let mut compare = |what: &str, found: &[f32]| {
            let expected = golden(&format!("{family}/{what}"));
            assert_eq!(found.len(), expected.len(), "{family} {what}");
            let scale = expected.iter().fold(0f32, |most, value| most.max(value.abs()));
            let miss =
                found.iter().zip(&expected).fold(0f32, |most, (a, b)| most.max((a - b).abs()))
                    / scale;
            println!("{family} {what}: within {miss:.1e} of the largest");
            if miss.is_nan() || miss > TOLERANCE {
                failures.push(format!("{family} {what}: {miss:.1e}"));
            }
        };
        compare("logits", &block_on(explainer.logits_of(&input, 64, 64)).unwrap());
        for layer in ["layer3", "layer4"] {
            compare(
                layer,
                &block_on(explainer.explain(None, layer, Method::GradCam)).unwrap().cam.values,
            );
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

/// Of the largest value. PyTorch's own f32 is up to 1e-6 away from its f64, ours 7e-7 here; another
/// order of sums may do worse.
const TOLERANCE: f32 = 5e-6;
