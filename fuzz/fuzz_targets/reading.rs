//! What must hold of any bytes that are read as a checkpoint: no panic, no more memory than the
//! file's size allows, whole tensors, and the same outcome whether the file comes whole or in
//! pieces.

use crate::heap::peak;
use crate::checkpoint::{Arrival, Checkpoint, Incoming, Network};

/// Bytes that may be held for a byte of the file: an opcode of a pickle, or a bracket of JSON,
/// becomes up to some hundred.
const A_BYTE: usize = 256;
/// And for a file of none.
const AT_LEAST: usize = 1 << 20;

pub fn check(file: &[u8]) {
    let ((), held) = peak(|| read(file));
    assert!(held <= AT_LEAST + A_BYTE * file.len(), "{held} bytes held for a file of {}", file.len());
}

fn read(file: &[u8]) {
    let whole = Checkpoint::read(file.to_vec());
    if let Ok(checkpoint) = &whole {
        for tensor in checkpoint.names().filter_map(|name| checkpoint.get(name)) {
            assert_eq!(tensor.bytes().len(), tensor.shape.iter().product::<usize>() * tensor.dtype.size());
        }
        let _ = Network::from_checkpoint(checkpoint);
    }
    let piece = 1 + file.len() % 61;
    for size in [None, Some(file.len())] {
        let mut described = None;
        let mut incoming = Incoming::new(size);
        let mut take = |arrival| {
            match (arrival, &mut described) {
                (Arrival::Described(checkpoint), known) => *known = Some(checkpoint),
                (Arrival::Tensor(name, tensor), Some(known)) => known.fill(name, tensor),
                (Arrival::Tensor(..), None) => panic!("a tensor before its description"),
            }
            Ok(())
        };
        let pushed = file.chunks(piece).try_for_each(|piece| incoming.push(piece, &mut take));
        let read = pushed.and_then(|()| incoming.finish(&mut take));
        assert_eq!(read.is_ok(), whole.is_ok(), "in pieces: {read:?}, whole: {:?}", whole.as_ref().err());
        if let (Some(pieces), Ok(whole), Ok(())) = (described, &whole, read) {
            assert!(pieces.names().eq(whole.names()));
            for name in whole.names() {
                assert_eq!(
                    pieces.get(name).map(|tensor| tensor.bytes()),
                    whole.get(name).map(|tensor| tensor.bytes()),
                    "{name}"
                );
            }
        }
    }
}
