//! PyTorch's files. A first byte below 128: what follows is the pickle of an otherwise sound file,
//! for most bytes of a file say nothing; else it is the file, directory and all.
#![no_main]

#[allow(dead_code)]
#[path = "../../src/error/mod.rs"]
mod error;
mod heap;
mod reading;
#[allow(dead_code, unused_imports)]
#[path = "../../src/checkpoint/mod.rs"]
mod checkpoint;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    match input {
        [kind @ ..128, pickle @ ..] => {
            let storage = [0x3c; 4096];
            let size = usize::from(*kind) * 32;
            reading::check(&zip(&[
                ("m/data.pkl", pickle),
                ("m/data/0", &storage[..size]),
                ("m/data/1", &storage[..64]),
            ]));
        }
        [_, file @ ..] => reading::check(file),
        [] => {}
    }
});

/// A zip file of stored entries, like `torch.save`'s. Checksums are left out, which nothing reads.
fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for (name, data) in entries {
        let size = (data.len() as u32).to_le_bytes();
        let length = (name.len() as u16).to_le_bytes();
        let common = [&[0; 6][..], &[0; 4], &[0; 4], &size, &size, &length, &[0; 2]].concat();
        directory.extend(
            [b"PK\x01\x02\0\0", &common[..], &[0; 10], &(file.len() as u32).to_le_bytes(), name.as_bytes()]
                .concat(),
        );
        file.extend([b"PK\x03\x04", &common[..], name.as_bytes(), data].concat());
    }
    let count = (entries.len() as u16).to_le_bytes();
    let (size, offset) = ((directory.len() as u32).to_le_bytes(), (file.len() as u32).to_le_bytes());
    file.extend(directory);
    file.extend([b"PK\x05\x06\0\0\0\0", &count[..], &count, &size, &offset, &[0; 2]].concat());
    file
}
