//! Questions about emoji50's drawings: how they are read, and the head against PyTorch in f64, on
//! the GPU and on the processor.
//!
//! `golden/questions.safetensors` is of `golden/make_questions.py`: fourteen questions about each
//! of four kept scenes.

use std::path::{Path, PathBuf};

use gradlens::catalog::questions::{Language, Questions};
use gradlens::{Checkpoint, Error, Explainer, Fit, Method, Network, Photo};
use pollster::block_on;
use safetensors::SafeTensors;

fn weights(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("weights").join(name)
}

fn questions() -> Questions {
    let path = weights("emoji50-questions/questions.json");
    Questions::parse(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn numbers(text: &str) -> Vec<usize> {
    questions().read(text).unwrap_or_else(|e| panic!("{text}: {e}")).numbers().to_vec()
}

/// What was said, and what else says the same.
#[test]
fn ways_to_say_the_same() {
    for (text, others) in [
        ("Is there a cat?", &["is there any cat", "Are there any cats?", "  IS THERE A CAT  "][..]),
        ("How many mice are there?", &["how many mice do you see?", "How many mouse are there"]),
        ("How many things are there?", &["how many objects are there?"]),
        (
            "What is left of the cat?",
            &["what's to the left of the cat", "What lies left of the cat?"],
        ),
        (
            "What is above the jack-o'-lantern?",
            &["what is over the jack-o-lantern", "what’s above the Jack-o’-lantern?"],
        ),
        ("What is largest?", &["What is the biggest thing?", "what is the largest"]),
        ("Are there more fire engines than T-shirts?", &["more fire engines than t-shirts?"]),
        ("Is the cat below the dog?", &["is the cat under the dog"]),
        ("有没有猫？", &["图里有猫吗？", "有没有 一只猫", "图中有没有猫"]),
        ("有几条鱼？", &["一共有几条鱼", "有多少鱼？", "有几个鱼", "鱼有几条？"]),
        ("一共有几个东西？", &["有多少东西", "有几样东西"]),
        ("猫的左边是什么？", &["猫左边有什么？", "什么东西在猫的左侧"]),
        ("什么最大？", &["最大的是什么", "哪个最大？"]),
        ("猫头鹰比牛油果多吗？", &["猫头鹰是不是比鳄梨多"]),
        ("T恤在猫的下方吗？", &["T恤衫是不是在猫的下面", "t恤在猫下面吗"]),
    ] {
        for other in others {
            assert_eq!(numbers(text), numbers(other), "{text} and {other}");
        }
    }
    // Which language it was, and that slots make a difference.
    assert_eq!(questions().read("有没有猫？").unwrap().language(), Language::Zh);
    assert_eq!(questions().read("Is there a cat?").unwrap().language(), Language::En);
    let all = [
        "Is there a cat?",
        "Is there a dog?",
        "有没有猫？",
        "Is the cat above the dog?",
        "Is the dog above the cat?",
        "Is the cat below the dog?",
    ];
    for (i, a) in all.iter().enumerate() {
        assert!(all[..i].iter().all(|b| numbers(a) != numbers(b)), "{a}");
    }
}

/// Every name of everything is understood in every kind of question.
#[test]
fn every_example_is_understood() {
    let questions = questions();
    for language in [Language::En, Language::Zh] {
        // And with every noun in its slots, whatever its plural is.
        let classes = questions.classes();
        let suggested =
            (0..classes).flat_map(|noun| questions.about(language, [noun, (noun + 1) % classes]));
        let examples: Vec<String> =
            questions.examples(language).into_iter().chain(suggested).collect();
        assert_eq!(examples.len(), 7 * (1 + classes));
        for example in &examples {
            assert!(!example.contains('{'), "{example}");
            let words = questions.read(example).unwrap();
            assert_eq!(words.language(), language);
            assert!(words.numbers().len() <= questions.longest());
            assert!(words.numbers().iter().all(|&word| 0 < word && word < questions.words()));
        }
    }
    // The answers' last names are the things'.
    let [answers, things] = [questions.answers().len(), questions.classes()];
    for answer in &questions.answers()[answers - things..] {
        numbers(&format!("What is right of the {}?", answer.en));
        numbers(&format!("{}的右边是什么？", answer.zh));
    }
}

/// What isn't known is named; nothing is guessed.
#[test]
fn what_is_not_known_is_named() {
    let questions = questions();
    for (text, unknown) in [
        ("What is left of the wombat?", "wombat"),
        ("Is there a flying saucer?", "flying saucer"),
        ("Are there any catss?", "catss"),
        ("Is the wombat above the cat?", "wombat"),
        ("Is the cat above the wombat?", "wombat"),
        ("有没有袋熊？", "袋熊"),
        ("袋熊的左边是什么？", "袋熊"),
        ("猫比袋熊多吗？", "袋熊"),
    ] {
        match questions.read(text).unwrap_err() {
            Error::UnknownWord { word, known } => {
                assert_eq!(word, unknown, "{text}");
                let says = |sentence: &str, parts: [&str; 2]| {
                    assert!(parts.iter().all(|part| sentence.contains(part)), "{sentence}");
                };
                says(&known.english, ["What is left of the cat?", "the 149 classes of emoji50"]);
                says(&known.chinese, ["猫的左边是什么？", "emoji50 的 149 个类别"]);
            }
            other => panic!("{text}: {other}"),
        }
    }
    let long = "is there a ".repeat(1000);
    for text in [
        "",
        "?",
        "Cat cat is",
        "Why is the cat left of the dog?",
        "What colour is the cat?",
        "猫猫猫",
        "为什么？",
        &long,
    ] {
        let error = questions.read(text).unwrap_err();
        assert!(matches!(error, Error::UnknownQuestion { .. }), "{text}: {error}");
    }
}

fn loaded(mut explainer: Explainer) -> Explainer {
    let file = std::fs::read(weights("emoji50/emoji50.safetensors")).unwrap();
    let network = Network::from_checkpoint(&Checkpoint::read(file).unwrap()).unwrap();
    block_on(explainer.load(&network, Default::default())).unwrap();
    let head = std::fs::read(weights("emoji50-questions/emoji50-questions.safetensors")).unwrap();
    assert!(head.len() <= 2_000_000, "{} bytes", head.len());
    explainer.load_questions(&head, questions()).unwrap();
    explainer
}

fn photo(name: &str) -> Photo {
    Photo::decode(&std::fs::read(weights("emoji50/sample").join(name)).unwrap()).unwrap()
}

/// The whole head behind the whole network: logits, the likeliest answer, both maps.
fn agrees_with_pytorch(explainer: Explainer) {
    // Of the largest value; emoji50 itself is as far off before the head reads its layer3.
    const LOGITS: f32 = 1e-5;
    const MAPS: f32 = 1e-4;
    let questions = questions();
    let mut explainer = loaded(explainer);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = std::fs::read(root.join("tests/golden/questions.safetensors")).unwrap();
    let (_, header) = SafeTensors::read_metadata(&file).unwrap();
    let cases: Vec<serde_json::Value> =
        serde_json::from_str(&header.metadata().as_ref().unwrap()["cases"]).unwrap();
    assert_eq!(cases.len(), 56);
    // There rounding may change a derivative: see `make_questions.py`.
    let at_a_kink = |case: &serde_json::Value| case["at_a_kink"] == true;
    let mut kinks = Vec::new();
    let golden = SafeTensors::deserialize(&file).unwrap();
    let f32s = |name: &str| -> Vec<f32> {
        bytemuck::pod_collect_to_vec(golden.tensor(name).unwrap().data())
    };
    let i64s = |name: &str| -> Vec<i64> {
        bytemuck::pod_collect_to_vec(golden.tensor(name).unwrap().data())
    };
    let error = |found: &[f32], expected: &[f32]| {
        assert_eq!(found.len(), expected.len());
        let scale = expected.iter().fold(0.0f32, |m, v| m.max(v.abs()));
        let worst = found.iter().zip(expected).map(|(a, b)| (a - b).abs());
        let worst = worst.fold(0.0f32, |m, e| if e.is_nan() { f32::INFINITY } else { m.max(e) });
        if scale == 0.0 { worst } else { worst / scale }
    };
    let (mut worst, mut last) = ([0.0f32; 3], "");
    for (i, case) in cases.iter().enumerate() {
        let picture = case["picture"].as_str().unwrap();
        if picture != last {
            block_on(explainer.predict(&photo(picture), Fit::Whole)).unwrap();
            last = picture;
        }
        let words = questions.read(case["text"].as_str().unwrap()).unwrap();
        // Python and Rust read the same file.
        let numbers: Vec<i64> = words.numbers().iter().map(|&word| word as i64).collect();
        assert_eq!(numbers, i64s(&format!("{i}/words")), "{case}");
        let answers = block_on(explainer.answer(&words)).unwrap();
        let best = answers.top(1)[0].class;
        assert_eq!(best as i64, i64s(&format!("{i}/answer"))[0], "{case}");
        worst[0] = worst[0].max(error(&answers.logits, &f32s(&format!("{i}/logits"))));
        for (of, method) in [(1, Method::GradCam), (2, Method::HiResCam)] {
            let map = block_on(explainer.explain_answer(best, method)).unwrap();
            assert_eq!((map.cam.height, map.cam.width, map.class), (14, 14, best));
            let off = error(&map.cam.values, &f32s(&format!("{i}/{}", method.name())));
            if off > MAPS && at_a_kink(case) {
                kinks.push(off);
            } else {
                worst[of] = worst[of].max(off);
            }
        }
    }
    println!("off by {worst:?} of the largest: logits, Grad-CAM, HiResCAM; at kinks {kinks:?}");
    assert!(kinks.len() <= 3 && kinks.iter().all(|&off| off < 1e-2), "{kinks:?}");
    assert!(worst[0] <= LOGITS && worst[1] <= MAPS && worst[2] <= MAPS, "{worst:?}");
}

#[test]
fn agrees_with_pytorch_on_a_gpu() {
    agrees_with_pytorch(block_on(Explainer::new()).expect("the tests need a GPU driver"));
}

#[test]
fn agrees_with_pytorch_on_the_cpu() {
    agrees_with_pytorch(Explainer::on_cpu());
}

/// The gradient is of the question and the photo that came last, and a size that comes back finds
/// no stale buffers.
#[test]
fn answers_belong_to_their_photo() {
    let mut explainer = loaded(Explainer::on_cpu());
    let words = questions().read("What is largest?").unwrap();
    assert_eq!(block_on(explainer.answer(&words)).unwrap_err(), Error::NoPhoto);
    block_on(explainer.predict(&photo("000.png"), Fit::Whole)).unwrap();
    assert_eq!(
        block_on(explainer.explain_answer(0, Method::GradCam)).unwrap_err(),
        Error::NoQuestion
    );
    let first = block_on(explainer.answer(&words)).unwrap();
    let map = block_on(explainer.explain_answer(0, Method::HiResCam)).unwrap();

    // Another question in between, another photo, another size.
    let other = questions().read("有没有猫？").unwrap();
    assert!(block_on(explainer.answer(&other)).unwrap().logits != first.logits);
    assert!(block_on(explainer.explain_answer(0, Method::HiResCam)).unwrap().cam != map.cam);
    block_on(explainer.predict(&photo("001.png"), Fit::Whole)).unwrap();
    assert_eq!(
        block_on(explainer.explain_answer(0, Method::GradCam)).unwrap_err(),
        Error::NoQuestion
    );
    assert!(block_on(explainer.answer(&words)).unwrap().logits != first.logits);
    let large = Photo::new(300, 224, vec![90; 300 * 224 * 3]);
    block_on(explainer.predict(&large, Fit::Whole)).unwrap();
    let size = Error::QuestionSize { width: 300, height: 224, side: 224 };
    assert_eq!(block_on(explainer.answer(&words)).unwrap_err(), size);
    block_on(explainer.predict(&photo("000.png"), Fit::Whole)).unwrap();
    assert_eq!(block_on(explainer.answer(&words)).unwrap().logits, first.logits);
    assert_eq!(block_on(explainer.explain_answer(0, Method::HiResCam)).unwrap().cam, map.cam);

    let unknown = block_on(explainer.explain_answer(999, Method::GradCam)).unwrap_err();
    assert!(matches!(unknown, Error::UnknownClass { .. }), "{unknown}");
    let method = block_on(explainer.explain_answer(0, Method::ScoreCam)).unwrap_err();
    assert!(matches!(method, Error::UnknownMethod { .. }), "{method}");
}

/// Damaged weights and another network's are refused in words.
#[test]
fn weights_that_do_not_fit_are_refused() {
    let mut explainer = loaded(Explainer::on_cpu());
    let head = std::fs::read(weights("emoji50-questions/emoji50-questions.safetensors")).unwrap();
    let cut = explainer.load_questions(&head[..1000], questions()).unwrap_err();
    assert!(matches!(cut, Error::NotACheckpoint { .. }), "{cut}");
    let classifier = std::fs::read(weights("emoji50/emoji50.safetensors")).unwrap();
    let missing = explainer.load_questions(&classifier, questions()).unwrap_err();
    assert!(matches!(missing, Error::TensorMissing { .. }), "{missing}");
    let mut none = Explainer::on_cpu();
    assert_eq!(none.load_questions(&head, questions()).unwrap_err(), Error::NoNetwork);
}
