//! Checkpoint files that are damaged on purpose: windows beyond their storage, hostile pickles and
//! headers, thousands of mutations. No GPU needed.

#[path = "common/archive.rs"]
mod archive;
#[path = "common/golden_weights.rs"]
mod golden_weights;

use archive::pickled;
use golden_weights::splitmix64;
use gradlens::checkpoint::{Checkpoint, Incoming, Network};
use gradlens::error::{Error, Result};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/weights");

fn fixture(name: &str) -> Vec<u8> {
    let path = format!("{FIXTURES}/{name}");
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}
/// The opcodes of `{"w": tensor}` over storage "0" of `count` f32, in a hand-written pickle.
fn tensor_pickle(count: u8, offset: i32, shape: &[i32], strides: &[i32]) -> Vec<u8> {
    let mut pickle = b"\x80\x02}X\x01\0\0\0wctorch._utils\n_rebuild_tensor_v2\n((".to_vec();
    pickle.extend(b"X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK");
    pickle.extend([count, b't', b'Q', b'J']);
    pickle.extend(offset.to_le_bytes());
    for numbers in [shape, strides] {
        pickle.push(b'(');
        numbers
            .iter()
            .for_each(|number| pickle.extend([&b"J"[..], &number.to_le_bytes()].concat()));
        pickle.push(b't');
    }
    pickle.extend(b"\x89}tRs.");
    pickle
}

#[test]
fn checks_windows_onto_storages() {
    let read = |count, offset, shape: &[i32], strides: &[i32]| {
        Checkpoint::read(pickled(&tensor_pickle(count, offset, shape, strides)))
    };
    let count = |checkpoint: Result<Checkpoint>| {
        checkpoint.map(|c| c.get("w").unwrap().f32().unwrap().len())
    };
    assert_eq!(count(read(4, 0, &[2, 2], &[2, 1])), Ok(4));
    assert_eq!(count(read(4, 1, &[3], &[1])), Ok(3));
    assert_eq!(count(read(4, 3, &[], &[])), Ok(1));
    assert_eq!(count(read(4, 0, &[2, 2], &[1, 2])), Ok(4));
    assert_eq!(count(read(4, 4, &[0, 7], &[7, 1])), Ok(0));
    assert_eq!(count(read(4, 0, &[8], &[0])), Ok(8));
    let big = i32::MAX;
    type Window = (u8, i32, &'static [i32], &'static [i32]);
    let refused: [Window; 13] = [
        (4, 0, &[i32::MAX, i32::MAX, 2], &[0, 0, 0]), // the bytes overflow, the count does not
        (5, 0, &[5], &[1]),                           // more than the entry holds
        (4, 2, &[3], &[1]),                           // beyond the end
        (4, -1, &[1], &[1]),                          // before the beginning
        (4, 0, &[-1], &[1]),                          // negative size
        (4, 0, &[2], &[-1]),                          // negative stride
        (4, 0, &[2, 2], &[1]),                        // ranks differ
        (4, 0, &[1; 9], &[1; 9]),                     // too many dimensions
        (4, 0, &[i32::MAX, i32::MAX, i32::MAX, i32::MAX], &[0, 0, 0, 0]), // product overflows
        (4, 0, &[2, 2, 2], &[i32::MAX, i32::MAX, i32::MAX]), // far beyond
        (4, 0, &[i32::MAX], &[0]),                    // 8 GB from 4 numbers
        (4, 5, &[0], &[1]),                           // empty, and beyond the end
        (4, 0, &[1 << 20, 1 << 10], &[0, 0]),         // 4 GB from 4 numbers
    ];
    for (numbers, offset, shape, strides) in refused {
        let result = read(numbers, offset, shape, strides);
        assert!(
            matches!(result, Err(Error::PyTorchFile { .. })),
            "{numbers} {offset} {shape:?} {strides:?}: {result:?}"
        );
    }
    assert!(read(4, big, &[1], &[1]).is_err());
}

/// Pickles that would cost a naive reader its stack or its memory.
#[test]
fn survives_hostile_pickles() {
    let start = b"\x80\x02".to_vec();
    let cases: [(&str, Vec<u8>); 8] = [
        ("nested lists", [start.clone(), vec![b']'; 3_000_000]].concat()),
        (
            "nested tuples",
            [start.clone(), b")".to_vec(), vec![0x85; 3_000_000], b".".to_vec()].concat(),
        ),
        ("marks", [start.clone(), vec![b'('; 3_000_000]].concat()),
        ("dictionaries", [start.clone(), vec![b'}'; 3_000_000]].concat()),
        ("a dictionary inside itself", b"\x80\x02}q\0X\x05\0\0\0modelh\0s.".to_vec()),
        ("a string longer than the file", b"\x80\x02X\xff\xff\xff\x7fabc.".to_vec()),
        ("a memo key far away", b"\x80\x02}r\xff\xff\xff\xff.".to_vec()),
        ("no end", b"\x80\x02}".to_vec()),
    ];
    for (what, pickle) in cases {
        assert!(
            matches!(Checkpoint::read(pickled(&pickle)), Err(Error::PyTorchFile { .. })),
            "{what}"
        );
    }
}

#[test]
fn survives_hostile_headers() {
    let file = |header: &str, data: usize| {
        [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &vec![0; data]].concat()
    };
    let cases = [
        file(r#"{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}"#, 0),
        file(r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,18446744073709551615]}}"#, 8),
        file(r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#, 8),
        file(
            r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
            4,
        ),
        file(
            &format!(
                r#"{{"a":{{"dtype":"F32","shape":[{}1],"data_offsets":[0,4]}}}}"#,
                "1,".repeat(100_000)
            ),
            4,
        ),
        file(&format!("{{\"a\":{}", "[".repeat(1_000_000)), 0),
        file(&format!("{{{}", " ".repeat(3 << 20)), 0),
        [&u64::MAX.to_le_bytes()[..], b"{}"].concat(),
        [&[0; 8][..], b"{}"].concat(),
        [&1u64.to_le_bytes()[..], b"{}"].concat(),
        [&(1u64 << 40).to_le_bytes()[..], b"{}"].concat(),
    ];
    for (index, case) in cases.into_iter().enumerate() {
        for piece in [1, 9, case.len()] {
            let mut incoming = Incoming::new(None);
            let pushed =
                case.chunks(piece).try_for_each(|piece| incoming.push(piece, &mut |_| Ok(())));
            let result = pushed.and_then(|()| incoming.finish(&mut |_| Ok(())));
            assert!(
                matches!(result, Err(Error::NotACheckpoint { .. })),
                "{index} by {piece}: {result:?}"
            );
        }
        let result = Checkpoint::read(case);
        assert!(matches!(result, Err(Error::NotACheckpoint { .. })), "{index}: {result:?}");
    }
}

/// Thousands of seeded mutations: no panic, and what still reads has as many bytes as its shape
/// says.
#[test]
fn survives_mutated_files() {
    let files = [
        "basic.safetensors",
        "hugging_face.safetensors",
        "training.pth",
        "bottleneck_strided.pt",
        "bottleneck_legacy.pt",
        "bottleneck_f16.pt",
    ];
    let (mut read, mut refused) = (0, 0);
    for name in files {
        let original = fixture(name);
        let places = interesting(&original);
        for round in 0..2_000u64 {
            let mut state = golden_weights::SEED ^ (round << 8);
            let mut random = |below: usize| {
                state = splitmix64(state, round);
                (state % below as u64) as usize
            };
            let mut file = original.clone();
            for _ in 0..1 + random(3) {
                let at = places[random(places.len())].min(file.len() - 1);
                match random(6) {
                    0 => file[at] ^= 1 << random(8),
                    1 => {
                        file[at] =
                            [0, 1, 0x7f, 0x80, 0xff, b'.', b'R', b'u', b't', b'(', b'Q'][random(11)]
                    }
                    2 => file[at] = file[random(file.len())],
                    3 => file.truncate(at.max(1)),
                    4 => {
                        let end = (at + 1 + random(16)).min(file.len());
                        let copy = file[at..end].to_vec();
                        let to = places[random(places.len())].min(file.len());
                        file.splice(to..to, copy);
                    }
                    _ => {
                        let end = (at + random(8)).min(file.len());
                        file.drain(at..end);
                        if file.is_empty() {
                            file.push(0);
                        }
                    }
                }
            }
            match Checkpoint::read(file) {
                Err(error) => {
                    refused += 1;
                    assert!(error.to_string().len() < 2_000, "{name} {round}: {error}");
                }
                Ok(checkpoint) => {
                    read += 1;
                    for tensor in checkpoint.names().filter_map(|name| checkpoint.get(name)) {
                        assert_eq!(
                            tensor.bytes().len(),
                            tensor.shape.iter().product::<usize>() * tensor.dtype.size()
                        );
                    }
                    let _ = Network::from_checkpoint(&checkpoint);
                }
            }
        }
    }
    println!("{read} of the mutated files were still read, {refused} refused");
    assert!(
        read > 100 && refused > 1_000,
        "mutations too mild or too wild: {read} read, {refused} refused"
    );
}

/// Offsets of bytes with structure, where mutations hurt: the JSON header, or the pickle and the
/// zip's directory.
fn interesting(file: &[u8]) -> Vec<usize> {
    if let Some(pickle) =
        file.starts_with(b"PK").then(|| file.windows(2).position(|w| w == b"\x80\x02")).flatten()
    {
        let directory = file.windows(4).position(|w| w == b"PK\x01\x02").expect("a directory");
        let stop = pickle
            + file[pickle..].windows(2).position(|w| w == b".P" || w == b".\0").unwrap_or(20_000);
        return (0..stop.min(directory)).chain(directory..file.len()).collect();
    }
    if file.starts_with(b"\x80\x02") {
        return (0..20_000.min(file.len())).collect(); // pickles, the keys and the first storages
    }
    let header = u64::from_le_bytes(*file.first_chunk().expect("a header length")) as usize;
    (0..8 + header).collect()
}
