//! Captions of emoji50's drawings: how they are written, and the head against PyTorch in f64, on
//! the GPU and on the processor.
//!
//! `golden/captions.safetensors` and `golden/caption-head.safetensors` are of
//! `golden/make_captions.py`.

use std::path::{Path, PathBuf};

use gradlens::catalog::captions::Captions;
use gradlens::catalog::questions::Language;
use gradlens::{Checkpoint, Error, Explainer, Fit, Method, Network, Photo};
use pollster::block_on;
use safetensors::SafeTensors;

const HEAD: &str = "weights/emoji50-captions/emoji50-captions.safetensors";
const SMALL_HEAD: &str = "tests/golden/caption-head.safetensors";

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn file(name: &str) -> Vec<u8> {
    std::fs::read(path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn captions() -> Captions {
    Captions::parse(&String::from_utf8(file("weights/emoji50-captions/captions.json")).unwrap())
        .unwrap()
}

/// The number of a word, by itself: nouns are said by their class.
fn numbers(captions: &Captions, words: &[&str]) -> Vec<usize> {
    let known: Vec<String> = {
        let text = String::from_utf8(file("weights/emoji50-captions/captions.json")).unwrap();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        let strings = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let words = json["words"].as_array().unwrap().iter().map(strings);
        let nouns = json["nouns"].as_array().unwrap();
        let english = nouns.iter().map(|noun| strings(&noun["en"][0]));
        let chinese = nouns.iter().map(|noun| strings(&noun["zh"]));
        words.chain(english).chain(chinese).collect()
    };
    assert_eq!(known.len(), captions.words());
    let number = |word: &&str| known.iter().position(|known| known == word);
    words.iter().map(|word| number(word).unwrap_or_else(|| panic!("{word}"))).collect()
}

/// Articles, plurals and spaces.
#[test]
fn words_are_written_as_a_person_would() {
    let captions = captions();
    for (words, text) in [
        (&["two", "strawberry", "above", "a", "cat"][..], "two strawberries above a cat"),
        (&["a", "elephant", "left of", "a", "unicorn"], "an elephant left of a unicorn"),
        (
            &["a", "umbrella", ",", "two", "mouse", "and", "three", "sheep"],
            "an umbrella, two mice and three sheep",
        ),
        (&["a", "pair of scissors", "and", "a", "giraffe"], "a pair of scissors and a giraffe"),
        (&["two", "pair of scissors", "and", "a", "owl"], "two pairs of scissors and an owl"),
        (&["猫", "的上方", "有", "两", "颗", "草莓"], "猫的上方有两颗草莓"),
        (
            &["一", "条", "蛇", "、", "一", "只", "猫", "和", "一", "块", "奶酪"],
            "一条蛇、一只猫和一块奶酪",
        ),
        (&[], ""),
        (&["two"], "two"),
    ] {
        assert_eq!(captions.text(&numbers(&captions, words)), text);
    }
    let pieces = captions.pieces(&numbers(&captions, &["two", "cat", "above", "a", "dog"]));
    let classes: Vec<bool> = pieces.iter().map(|piece| piece.class.is_some()).collect();
    assert_eq!(classes, [false, true, false, false, true]);
    assert_eq!(pieces[1].class, captions.class(numbers(&captions, &["猫"])[0]));
    assert_eq!(captions.text(&[captions.words()]), "", "a word that there isn't");
}

/// Every noun has a plural that is not made up of wrong parts, and an article that is spoken.
#[test]
fn every_noun_can_be_said() {
    let captions = captions();
    let others = captions.words() - 2 * captions.classes();
    let [a, two] = ["a", "two"].map(|word| numbers(&captions, &[word])[0]);
    for class in 0..captions.classes() {
        let one = captions.text(&[a, others + class]);
        assert!(one.starts_with("a ") || one.starts_with("an "), "{one}");
        let several = captions.text(&[two, others + class]);
        let word = several.strip_prefix("two ").unwrap();
        let same = ["deer", "fish", "sheep", "squid"].contains(&word);
        assert!(same || !one.ends_with(&format!(" {word}")), "{several}");
    }
}

fn loaded(mut explainer: Explainer, head: &str) -> Explainer {
    let network = Checkpoint::read(file("weights/emoji50/emoji50.safetensors")).unwrap();
    let network = Network::from_checkpoint(&network).unwrap();
    block_on(explainer.load(&network, Default::default())).unwrap();
    explainer.load_captions(&file(head), captions()).unwrap();
    explainer
}

fn photo(name: &str) -> Photo {
    Photo::decode(&file(&format!("weights/emoji50/sample/{name}"))).unwrap()
}

#[test]
fn the_head_is_small() {
    let bytes = [HEAD, "weights/emoji50-questions/emoji50-questions.safetensors"]
        .map(|name| file(name).len());
    assert!(bytes.iter().sum::<usize>() <= 4_000_000, "{bytes:?}");
}

/// Whole heads behind the whole network: words, scores, attention, both maps of words and of all.
fn agrees_with_pytorch(mut explainers: [Explainer; 2]) {
    // Of the largest value; emoji50 itself is as far off before the head reads its layer3.
    const LOGITS: f32 = 1e-5;
    const MAPS: f32 = 1e-4;
    let golden = file("tests/golden/captions.safetensors");
    let (_, header) = SafeTensors::read_metadata(&golden).unwrap();
    let cases: Vec<serde_json::Value> =
        serde_json::from_str(&header.metadata().as_ref().unwrap()["cases"]).unwrap();
    assert_eq!(cases.len(), 12);
    let golden = SafeTensors::deserialize(&golden).unwrap();
    let f32s = |name: &str| -> Vec<f32> {
        bytemuck::pod_collect_to_vec(golden.tensor(name).unwrap().data())
    };
    let error = |found: &[f32], expected: &[f32]| {
        assert_eq!(found.len(), expected.len());
        let scale = expected.iter().fold(0.0f32, |m, v| m.max(v.abs()));
        let worst = found.iter().zip(expected).map(|(a, b)| (a - b).abs());
        let worst = worst.fold(0.0f32, |m, e| if e.is_nan() { f32::INFINITY } else { m.max(e) });
        worst / scale
    };
    let (mut worst, mut maps, mut kinks) = ([0.0f32; 4], 0, Vec::new());
    for (i, case) in cases.iter().enumerate() {
        let explainer = &mut explainers[usize::from(case["head"] == "shipped")];
        block_on(explainer.predict(&photo(case["picture"].as_str().unwrap()), Fit::Whole)).unwrap();
        let language = if case["language"] == "zh" { Language::Zh } else { Language::En };
        let caption = block_on(explainer.describe(language)).unwrap();
        let expected: Vec<i64> =
            bytemuck::pod_collect_to_vec(golden.tensor(&format!("{i}/words")).unwrap().data());
        let words: Vec<i64> = caption.words.iter().map(|&word| word as i64).collect();
        assert_eq!(words, expected, "{case}");
        // Scores are held against by what they make of the words: log-probabilities.
        let logits = f32s(&format!("{i}/logits"));
        let steps = caption.log_probabilities.len();
        let ends = caption.words.iter().copied().chain([captions().end()]);
        let of_word = |(logits, word): (&[f32], usize)| {
            let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let total: f64 = logits.iter().map(|z| f64::from(z - most).exp()).sum();
            (f64::from(logits[word] - most) - total.ln()) as f32
        };
        let each: Vec<f32> = logits.chunks(logits.len() / steps).zip(ends).map(of_word).collect();
        let largest = logits.iter().fold(0.0f32, |m, v| m.max(v.abs()));
        for (found, expected) in caption.log_probabilities.iter().zip(each) {
            worst[0] = worst[0].max((found - expected).abs() / largest);
        }
        let looks = f32s(&format!("{i}/looks"));
        for (word, expected) in looks.chunks(14 * 14).enumerate() {
            let look = block_on(explainer.caption_attention(word)).unwrap();
            worst[1] = worst[1].max(error(&look.values, expected));
        }
        for of in case["maps"].as_array().unwrap() {
            let of = of.as_str().unwrap();
            let word = of.parse::<usize>().ok();
            for (n, method) in [(2, Method::GradCam), (3, Method::HiResCam)] {
                let map = block_on(explainer.explain_caption(word, method)).unwrap();
                assert_eq!((map.cam.height, map.cam.width), (14, 14));
                let said = word.map_or(captions().end(), |word| caption.words[word]);
                assert_eq!(map.class, said);
                let off = error(&map.cam.values, &f32s(&format!("{i}/{of}/{}", method.name())));
                maps += 1;
                if off > MAPS
                    && let Some(moved) = case["at_a_kink"][of].as_f64()
                {
                    kinks.push((off, moved as f32));
                } else {
                    worst[n] = worst[n].max(off);
                }
            }
        }
    }
    println!(
        "off by {worst:?} of the largest: scores, attention, Grad-CAM, HiResCAM; {maps} maps, at kinks {kinks:?}"
    );
    // Noise has moved such a map as far in PyTorch, or half as far: it may lie at two kinks.
    let as_there = |&(off, moved): &(f32, f32)| off <= 2.0 * moved;
    assert!(kinks.len() <= maps / 10 && kinks.iter().all(as_there), "{kinks:?}");
    assert!(worst[0] <= LOGITS && worst[1..].iter().all(|&off| off <= MAPS), "{worst:?}");
}

#[test]
fn agrees_with_pytorch_on_a_gpu() {
    let on_gpu = || block_on(Explainer::new()).expect("the tests need a GPU driver");
    agrees_with_pytorch([loaded(on_gpu(), SMALL_HEAD), loaded(on_gpu(), HEAD)]);
}

#[test]
fn agrees_with_pytorch_on_the_cpu() {
    agrees_with_pytorch([
        loaded(Explainer::on_cpu(), SMALL_HEAD),
        loaded(Explainer::on_cpu(), HEAD),
    ]);
}

/// A map is of the caption and the photo that came last, whatever was asked before; a size that
/// comes back finds no stale buffers.
#[test]
fn captions_belong_to_their_photo() {
    let mut explainer = loaded(Explainer::on_cpu(), HEAD);
    let map = |explainer: &mut Explainer, word| {
        block_on(explainer.explain_caption(word, Method::HiResCam)).map(|map| map.cam.values)
    };
    assert_eq!(block_on(explainer.describe(Language::En)).unwrap_err(), Error::NoPhoto);
    assert_eq!(map(&mut explainer, None).unwrap_err(), Error::NoCaption);
    block_on(explainer.predict(&photo("000.png"), Fit::Whole)).unwrap();
    assert_eq!(map(&mut explainer, None).unwrap_err(), Error::NoCaption);
    let first = block_on(explainer.describe(Language::En)).unwrap();
    assert!(first.words.len() > 2, "{first:?}");
    let maps = [Some(1), None].map(|word| map(&mut explainer, word).unwrap());
    assert!(maps[0] != maps[1]);
    // After the whole caption an earlier word's gradient is its own again.
    assert_eq!(map(&mut explainer, Some(1)).unwrap(), maps[0]);
    assert_eq!(map(&mut explainer, Some(first.words.len())).unwrap_err(), Error::NoCaption);

    // Another language in between, another photo, another size.
    let chinese = block_on(explainer.describe(Language::Zh)).unwrap();
    assert!(chinese.words != first.words);
    assert!(map(&mut explainer, None).unwrap() != maps[1]);
    block_on(explainer.predict(&photo("001.png"), Fit::Whole)).unwrap();
    assert_eq!(map(&mut explainer, None).unwrap_err(), Error::NoCaption);
    assert_eq!(block_on(explainer.caption_attention(0)).unwrap_err(), Error::NoCaption);
    let large = Photo::new(300, 224, vec![90; 300 * 224 * 3]);
    block_on(explainer.predict(&large, Fit::Whole)).unwrap();
    let size = Error::QuestionSize { width: 300, height: 224, side: 224 };
    assert_eq!(block_on(explainer.describe(Language::En)).unwrap_err(), size);
    block_on(explainer.predict(&photo("000.png"), Fit::Whole)).unwrap();
    let again = block_on(explainer.describe(Language::En)).unwrap();
    assert_eq!((again.words, again.log_probabilities), (first.words, first.log_probabilities));
    assert_eq!(map(&mut explainer, None).unwrap(), maps[1]);

    let method = block_on(explainer.explain_caption(None, Method::ScoreCam)).unwrap_err();
    assert!(matches!(method, Error::UnknownMethod { .. }), "{method}");
}

/// Damaged weights and another network's are refused in words.
#[test]
fn weights_that_do_not_fit_are_refused() {
    let mut explainer = loaded(Explainer::on_cpu(), HEAD);
    let head = file(HEAD);
    let cut = explainer.load_captions(&head[..1000], captions()).unwrap_err();
    assert!(matches!(cut, Error::NotACheckpoint { .. }), "{cut}");
    let questions = file("weights/emoji50-questions/emoji50-questions.safetensors");
    let missing = explainer.load_captions(&questions, captions()).unwrap_err();
    assert!(matches!(missing, Error::TensorMissing { .. }), "{missing}");
    let mut none = Explainer::on_cpu();
    assert_eq!(none.load_captions(&head, captions()).unwrap_err(), Error::NoNetwork);
    for text in [
        "{}",
        "",
        &String::from_utf8(file("weights/emoji50-captions/captions.json"))
            .unwrap()
            .replace("<look>", "<gaze>"),
    ] {
        assert!(matches!(Captions::parse(text).unwrap_err(), Error::File { .. }));
    }
}
