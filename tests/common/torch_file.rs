//! Writes what `torch.save(state_dict)` writes: a zip archive with a pickle and an entry a tensor.
//! For files of the real size, which are too large to keep; PyTorch 2.15 loads them and finds the
//! same tensors (`torch.load(path, weights_only=True)`).

use super::golden_weights::StateDict;

/// `state` as a `.pth` file, every tensor in F32.
pub fn to_torch_file(state: &StateDict) -> Vec<u8> {
    let mut pickle = b"\x80\x02ccollections\nOrderedDict\n)R(".to_vec();
    let text = |pickle: &mut Vec<u8>, text: &str| {
        pickle.push(b'X');
        pickle.extend((text.len() as u32).to_le_bytes());
        pickle.extend(text.as_bytes());
    };
    let number = |pickle: &mut Vec<u8>, number: usize| {
        pickle.push(b'J');
        pickle.extend((number as i32).to_le_bytes());
    };
    for (key, (name, (shape, values))) in state.iter().enumerate() {
        text(&mut pickle, name);
        pickle.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
        text(&mut pickle, "storage");
        pickle.extend(b"ctorch\nFloatStorage\n");
        text(&mut pickle, &key.to_string());
        text(&mut pickle, "cpu");
        number(&mut pickle, values.len());
        pickle.extend(b"tQ");
        number(&mut pickle, 0);
        let mut stride = values.len();
        pickle.push(b'(');
        shape.iter().for_each(|&size| number(&mut pickle, size));
        pickle.extend(b"t(");
        shape.iter().for_each(|&size| {
            stride /= size;
            number(&mut pickle, stride);
        });
        pickle.extend(b"t\x89ccollections\nOrderedDict\n)RtR");
    }
    pickle.extend(b"u.");

    let mut archive = Archive::default();
    archive.add("archive/data.pkl", &pickle);
    archive.add("archive/byteorder", b"little");
    for (key, (_, values)) in state.values().enumerate() {
        archive.add(
            &format!("archive/data/{key}"),
            &values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>(),
        );
    }
    archive.add("archive/version", b"3\n");
    archive.finish()
}

#[derive(Default)]
struct Archive {
    file: Vec<u8>,
    directory: Vec<u8>,
    entries: u16,
}

impl Archive {
    fn add(&mut self, name: &str, bytes: &[u8]) {
        let size = (bytes.len() as u32).to_le_bytes();
        let at = (self.file.len() as u32).to_le_bytes();
        let length = (name.len() as u16).to_le_bytes();
        // version, flags, method (stored), time, date, checksum, sizes, length of the name
        let common =
            [&[0; 6][..], &[0; 4], &crc32fast::hash(bytes).to_le_bytes(), &size, &size, &length]
                .concat();
        // The extra field makes tensors begin at a multiple of 64, as PyTorch does.
        let padding = (64 - (self.file.len() + 30 + name.len() + 4) % 64) % 64;
        let extra = ((4 + padding) as u16).to_le_bytes();
        let field = [&b"FB"[..], &(padding as u16).to_le_bytes(), &vec![b'Z'; padding]].concat();
        self.file
            .extend([b"PK\x03\x04", &common[..], &extra, name.as_bytes(), &field, bytes].concat());
        self.directory
            .extend([b"PK\x01\x02\0\0", &common[..], &[0; 12], &at, name.as_bytes()].concat());
        self.entries += 1;
    }

    fn finish(mut self) -> Vec<u8> {
        let (size, at) =
            ((self.directory.len() as u32).to_le_bytes(), (self.file.len() as u32).to_le_bytes());
        let count = self.entries.to_le_bytes();
        self.file.extend(self.directory);
        self.file.extend([b"PK\x05\x06\0\0\0\0", &count[..], &count, &size, &at, &[0; 2]].concat());
        self.file
    }
}
