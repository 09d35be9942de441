//! CRC-32 (IEEE), with as much of the crate `crc32fast`'s interface as `png` and `flate2` use.
//!
//! The real one's tables are 16 kB of what no compression makes smaller: a thirtieth of the page, for the checksum of a PNG, which takes
//! no time beside inflating it. This one's have 64 bytes.

#[derive(Clone, Debug, Default)]
pub struct Hasher {
    crc: u32,
    amount: u64, // bytes
}

/// The remainders of half a byte: PNG specification, annex D, with 16 entries in place of 256.
const TABLE: [u32; 16] = {
    let mut table = [0; 16];
    let mut n = 0;
    while n < 16 {
        let mut c = n as u32;
        let mut bit = 0;
        while bit < 4 {
            c = if c & 1 == 1 { 0xEDB8_8320 ^ (c >> 1) } else { c >> 1 };
            bit += 1;
        }
        table[n] = c;
        n += 1;
    }
    table
};

/// Takes one more byte into an inverted checksum.
fn step(crc: u32, byte: u8) -> u32 {
    let half = |crc: u32| TABLE[(crc & 15) as usize] ^ (crc >> 4);
    half(half(crc ^ u32::from(byte)))
}

impl Hasher {
    pub fn new() -> Hasher {
        Hasher::default()
    }

    pub fn update(&mut self, bytes: &[u8]) {
        self.amount += bytes.len() as u64;
        self.crc = !bytes.iter().fold(!self.crc, |crc, &byte| step(crc, byte));
    }

    pub fn finalize(self) -> u32 {
        self.crc
    }

    pub fn reset(&mut self) {
        *self = Hasher::default();
    }

    /// As if `other`'s bytes had been taken after this one's: zeros in their place, then the difference that they make.
    pub fn combine(&mut self, other: &Hasher) {
        self.crc = (0..other.amount).fold(self.crc, |crc, _| step(crc, 0)) ^ other.crc;
        self.amount += other.amount;
    }
}

/// The checksum of `bytes`.
pub fn hash(bytes: &[u8]) -> u32 {
    let mut hasher = Hasher::new();
    hasher.update(bytes);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers_in_pieces_and_combined() {
        assert_eq!(hash(b"123456789"), 0xCBF4_3926); // the check value of every catalogue of CRCs
        assert_eq!(hash(b""), 0);
        assert_eq!(hash(b"IEND"), 0xAE42_6082); // the end of every PNG
        let (mut first, mut second) = (Hasher::new(), Hasher::new());
        first.update(b"1234");
        second.update(b"56");
        second.update(b"789");
        first.combine(&second);
        assert_eq!(first.clone().finalize(), 0xCBF4_3926);
        first.reset();
        assert_eq!(first.finalize(), 0);
    }
}
