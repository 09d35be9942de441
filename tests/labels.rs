//! Label files as people have them, hostile ones included, and the search over them.

use gradlens::catalog::labels::{Label, Labels};
use gradlens::error::Error;

fn english(labels: &Labels) -> Vec<&str> {
    labels.names.iter().map(|label| &label.en[..]).collect()
}

fn label(en: &str, zh: &str) -> Label {
    Label { en: en.into(), zh: Some(zh.into()), ..Label::default() }
}

#[test]
fn reads_every_layout() {
    let layouts = [
        "cat\ndog\nbird",
        "\u{feff}cat\r\ndog\r\nbird\r\n\r\n\n",
        "  cat \n\tdog\nbird\n",
        r#"["cat", "dog", "bird"]"#,
        "\u{feff}\n [\"cat\", \" dog\", \"bird\"]\n",
        r#"[{"en": "cat"}, {"en": "dog"}, {"en": "bird"}]"#,
        r#"{"2": "bird", "0": "cat", "1": "dog"}"#,
        r#"{"0": ["n02121808", "cat"], "1": ["n02084071", "dog"], "2": ["n01503061", "bird"]}"#,
        r#"[["n02121808", "cat"], ["n02084071", "dog"], ["n01503061", "bird"]]"#,
        r#"{"bird": 2, "cat": 0, "dog": 1}"#,
        r#"{"architectures": ["ResNet"], "id2label": {"0": "cat", "1": "dog", "2": "bird"}, "depths": [3, 4]}"#,
    ];
    for layout in layouts {
        let labels = Labels::parse(layout).unwrap_or_else(|error| panic!("{layout}: {error}"));
        assert_eq!(english(&labels), ["cat", "dog", "bird"], "{layout}");
    }
    let both = Labels::parse(r#"[{"en": "cat", "zh": "猫"}, "dog"]"#).unwrap();
    assert_eq!(both.names, [label("cat", "猫"), Label { en: "dog".into(), ..Label::default() }]);
}

#[test]
fn numbered_objects_are_ordered_as_numbers() {
    let text: Vec<String> = (0..12).map(|class| format!("\"{class}\": \"name {class}\"")).collect();
    let labels = Labels::parse(&format!("{{{}}}", text.join(","))).unwrap();
    assert_eq!(labels.names[10].en, "name 10");
}

/// A name is text: nothing in it is interpreted, cut or escaped.
#[test]
fn hostile_names_stay_text() {
    let names = [
        "<img src=x onerror=alert(1)>",
        "../../etc/passwd",
        "tench, Tinca tinca",
        "'; DROP TABLE classes; --",
        "{{constructor}}",
        "\u{202e}drowssap",
        "n01440764 tench",
        "a\u{0}b",
        "👩‍🚀",
        "\"quoted\"",
    ];
    assert_eq!(english(&Labels::parse(&names.join("\n")).unwrap()), names);
    assert_eq!(english(&Labels::parse(&serde_json::to_string(&names).unwrap()).unwrap()), names);
}

#[test]
fn refuses_what_is_no_label_list() {
    let long = "x".repeat(501);
    let deep = "[".repeat(100_000);
    let many = "x\n".repeat(100_001);
    let cases = [
        ("", "empty"),
        ("\u{feff}\r\n \n", "empty"),
        ("[]", "empty"),
        ("{}", "empty"),
        ("\ncat\ndog", "class 0, counted from 0, is empty"),
        ("cat\n\ndog", "class 1, counted from 0, is empty"),
        (r#"["cat", ""]"#, "class 1, counted from 0, is empty"),
        (r#"["cat", {"en": "dog", "zh": " "}]"#, "class 1"),
        (r#"["cat""#, "as JSON"),
        (r#"[1, 2]"#, "neither a list"),
        (r#"[["a", "b", "c"]]"#, "neither a list"),
        (r#"{"0": "cat", "2": "dog"}"#, "class 1 is missing"),
        (r#"{"0": "cat", "00": "dog"}"#, "class 1 is missing or named twice"),
        (r#"{"cat": "dog"}"#, "no numbers"),
        (r#"{"0": "cat", "-1": "dog"}"#, "no numbers"),
        (r#"{"cat": 0, "dog": 0}"#, "class 1 is missing"),
        (&long, "more than 500"),
        (&deep, "as JSON"),
        (&many, "100001 names"),
    ];
    for (text, expected) in cases {
        let start: String = text.chars().take(40).collect();
        match Labels::parse(text) {
            Err(Error::LabelFormat { detail }) => {
                assert!(detail.contains(expected), "{start}: {detail}")
            }
            other => panic!("{start}: {other:?}"),
        }
    }
}

#[test]
fn finds_by_index_and_by_exact_name() {
    let labels = Labels {
        names: vec![label("Tench", "丁鲷"), label("tiger cat", "虎斑猫"), label("tiger", "老虎")],
    };
    assert_eq!(labels.find("1"), Some(1));
    assert_eq!(labels.find(" 2 "), Some(2));
    assert_eq!(labels.find("3"), None);
    assert_eq!(labels.find("tENCH"), Some(0));
    assert_eq!(labels.find("tiger"), Some(2));
    assert_eq!(labels.find("虎斑猫"), Some(1));
    assert_eq!(labels.find("虎"), None);
    assert_eq!(labels.find(""), None);
    assert_eq!(labels.find("99999999999999999999999"), None);
}

#[test]
fn another_networks_class_is_found_by_its_name() {
    let names = [label("crane", "鹤"), label("bus", "公共汽车"), label("Crane", "起重机")];
    let labels = Labels { names: names.to_vec() };
    assert_eq!(labels.called("CRANE", 2), Some(2), "the same number, where that is called so");
    assert_eq!(labels.called("crane", 1), Some(0));
    assert_eq!(labels.called("crane", 99), Some(0));
    assert_eq!(labels.called("公共汽车", 0), Some(1));
    assert_eq!(labels.called("1", 1), None, "a name, not a number");
    assert_eq!(labels.called("", 0), None);
}

#[test]
fn a_folders_name_means_a_class_or_a_kind() {
    let kind = |en: &str, zh: &str, also: &[&str]| Label {
        also: also.iter().map(|&name| name.into()).collect(),
        ..label(en, zh)
    };
    let labels = Labels {
        names: vec![
            kind("Chihuahua", "吉娃娃", &["dog", "狗", "animal"]),
            kind("pug", "巴哥犬", &["dog", "pug-dog", "狗", "animal"]),
            kind("polar bear", "北极熊", &["ice bear", "bear", "animal"]),
            kind("ladybug", "瓢虫", &["animal"]),
            kind("hotdog", "热狗", &["dog food"]),
            kind("strawberry", "草莓", &[]),
            kind("glass", "玻璃杯", &[]),
        ],
    };
    for (folder, classes) in [
        ("dog", &[0, 1][..]),
        ("Dogs", &[0, 1]),
        (" 狗 ", &[0, 1]),
        ("pug", &[1]),
        ("pug_dog", &[1]),
        ("polar_bear", &[2]),
        ("Polar-Bears", &[2]),
        ("北极熊", &[2]),
        ("strawberries", &[5]),
        ("glasses", &[6]),
        ("ladybug", &[3]),
        ("animals", &[0, 1, 2, 3]),
        ("hot", &[]),
        ("0", &[]),
        ("s", &[]),
        ("", &[]),
    ] {
        assert_eq!(labels.meant_by(folder), classes, "{folder}");
    }
}

#[test]
fn search_ranks_beginnings_first() {
    let names = ["wildcat", "Egyptian cat", "cat", "catamaran", "dog"];
    let labels = Labels::parse(&names.join("\n")).unwrap();
    assert_eq!(labels.search("CAT", 10), [2, 3, 1, 0]);
    assert_eq!(labels.search("cat", 2), [2, 3]);
    assert_eq!(labels.search("4", 5), [4]);
    assert_eq!(labels.search("", 3), [0, 1, 2]);
    assert!(labels.search("horse", 3).is_empty());
    assert_eq!(Labels { names: vec![label("tiger cat", "虎斑猫")] }.search("斑", 5), [0]);
}

/// Folders with numbers for names, sorted as text: 10 is an index, and the name of another class.
#[test]
fn a_number_with_two_meanings_finds_both() {
    let mut names: Vec<String> = (0..120).map(|class| class.to_string()).collect();
    names.sort();
    let labels = Labels::parse(&names.join("\n")).unwrap();
    let named = names.iter().position(|name| name == "10").unwrap();
    assert_eq!((labels.find("10"), labels.second_meaning("10")), (Some(10), Some(named)));
    assert_eq!(labels.search(" 10 ", 2), [10, named]);

    // Though nine names before it begin so, too.
    let labels = Labels::parse(&["70\n".repeat(9), "7".into()].concat()).unwrap();
    assert_eq!(labels.search("7", 3), [7, 9, 0]);
    assert_eq!(labels.search("07", 3), [7]);

    // One meaning: the class of that index has that name, or no class has that index.
    assert_eq!(Labels::parse("0\n1\n2").unwrap().search("1", 5), [1]);
    assert_eq!(Labels::parse("cat\n10\n100").unwrap().search("10", 5), [1, 2]);
}

#[test]
fn numbered_names_fit_their_network() {
    let labels = Labels::numbered(3);
    assert_eq!(labels.names[2], label("class 2", "类别 2"));
    assert_eq!(labels.find("class 1"), Some(1));
    labels.check(3).unwrap();
    assert_eq!(labels.check(7), Err(Error::LabelCount { expected: 7, found: 3 }));
}

/// `weights/imagenet/labels.json`: torchvision's 1,000 names with Chinese ones, each findable, none
/// named like another.
#[test]
fn shipped_imagenet_labels_are_complete_and_distinct() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/weights/imagenet/labels.json");
    let labels = Labels::parse(&std::fs::read_to_string(path).expect(path)).unwrap();
    labels.check(1000).unwrap();
    let mut wrong = Vec::new();
    for (class, label) in labels.names.iter().enumerate() {
        let zh = label.zh.as_deref().unwrap_or_default();
        if labels.find(&label.en) != Some(class) || labels.find(zh) != Some(class) {
            wrong.push((class, &label.en, zh));
        }
    }
    assert!(wrong.is_empty(), "missing names, or names of two classes: {wrong:?}");
    for (class, en, zh) in
        [(0, "tench", "丁鲷"), (281, "tabby", "虎斑猫"), (999, "toilet tissue", "卫生纸")]
    {
        let label = &labels.names[class];
        assert_eq!((&label.en[..], label.zh.as_deref()), (en, Some(zh)));
    }
}

/// Of the labels that are shipped: other names, what a thing is a kind of, sounds.
#[test]
fn finds_other_names_kinds_and_sounds() {
    let read = |file: &str| {
        let path = format!("{}/weights/{file}", env!("CARGO_MANIFEST_DIR"));
        Labels::parse(&std::fs::read_to_string(path).unwrap()).unwrap()
    };
    let imagenet = read("imagenet/labels.json");
    let first = |query: &str| -> Vec<&str> {
        imagenet.search(query, 3).into_iter().map(|class| &imagenet.names[class].en[..]).collect()
    };
    assert_eq!(first("puppy"), ["Chihuahua", "Japanese spaniel", "Maltese dog"]);
    assert_eq!(first("小狗"), first("puppy"));
    assert_eq!(first("bike")[0], "mountain bike"); // by its own name, before the tandem
    assert!(first("bike").contains(&"bicycle-built-for-two"));
    for query in ["mao", "hubanmao", "hu ban", "HuBan"] {
        assert!(first(query).contains(&"tabby"), "{query}: {:?}", first(query));
    }
    assert_eq!(first("tabby")[0], "tabby");
    assert!(!imagenet.search("an", 1000).is_empty());
    assert!(first("uban").is_empty(), "a syllable is not cut");

    let emoji = read("emoji50/labels.json");
    assert_eq!(emoji.names[emoji.search("feiji", 1)[0]].en, "airplane");
}
