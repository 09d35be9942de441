//! The part of the zip format that `torch.save` writes: stored (uncompressed) entries, found
//! through the central directory.
//!
//! A private reader because a window onto the file's buffer is all that is wanted, and zip crates
//! hand out decompressing streams. Deliberately absent: decompression, encryption, several disks,
//! and CRC-32: PyTorch lets its users write files without valid ones
//! (`torch.serialization.set_crc32_options`), and a file that was altered on purpose has a correct
//! one. Format: PKWARE's APPNOTE.TXT, sections 4.3 (records) and 4.5.3 (zip64 sizes).

use std::collections::BTreeMap;
use std::ops::Range;

const END: &[u8] = b"PK\x05\x06"; // 4.3.16
const END_ZIP64: &[u8] = b"PK\x06\x06"; // 4.3.14
const LOCATOR_ZIP64: &[u8] = b"PK\x06\x07"; // 4.3.15
const DIRECTORY: &[u8] = b"PK\x01\x02"; // 4.3.12
const LOCAL: &[u8] = b"PK\x03\x04"; // 4.3.7
const IN_ZIP64: u64 = u32::MAX as u64;

/// Where the bytes of an entry lie in the file, or why they can't be used as they are.
type Place = Result<Range<usize>, &'static str>;

/// The entries of a zip file by name.
pub struct Archive<'a> {
    entries: BTreeMap<&'a str, Place>,
}

impl<'a> Archive<'a> {
    /// Reads the central directory. Errors are the end of a sentence that begins with "this file".
    pub fn open(file: &'a [u8]) -> Result<Archive<'a>, String> {
        let (mut at, count) = directory(file).ok_or("its end is missing, so it is cut short")?;
        let mut entries = BTreeMap::new();
        for _ in 0..count {
            let (name, place, next) = entry(file, at).ok_or("its list of entries is damaged")?;
            if let Ok(name) = str::from_utf8(name) {
                entries.insert(name, place);
            }
            at = next;
        }
        Ok(Archive { entries })
    }

    pub fn names(&self) -> impl Iterator<Item = &'a str> {
        self.entries.keys().copied()
    }

    /// Where the bytes of the entry `name` lie; `None`: there is no such entry.
    pub fn get(&self, name: &str) -> Option<&Place> {
        self.entries.get(name)
    }
}

/// Offset of the central directory and its number of entries. The end record is the last thing in
/// the file but for a comment of up to 65,535 bytes.
fn directory(file: &[u8]) -> Option<(usize, u64)> {
    let earliest = file.len().saturating_sub(22 + usize::from(u16::MAX));
    let end = (earliest..=file.len().checked_sub(22)?).rev().find(|&at| signed(file, at, END))?;
    let (count, offset) = (u16_at(file, end + 10)?, u32_at(file, end + 16)?);
    if count < u64::from(u16::MAX) && offset < IN_ZIP64 {
        return Some((usize::try_from(offset).ok()?, count));
    }
    let locator = end.checked_sub(20).filter(|&at| signed(file, at, LOCATOR_ZIP64))?;
    let end = usize::try_from(u64_at(file, locator + 8)?)
        .ok()
        .filter(|&at| signed(file, at, END_ZIP64))?;
    Some((
        usize::try_from(u64_at(file, end.checked_add(48)?)?).ok()?,
        u64_at(file, end.checked_add(32)?)?,
    ))
}

/// Name and place of the entry that the central directory describes at `at`, and where the next
/// description begins.
fn entry(file: &[u8], at: usize) -> Option<(&[u8], Place, usize)> {
    let flags = u16_at(file, at.checked_add(8)?).filter(|_| signed(file, at, DIRECTORY))?;
    let method = u16_at(file, at + 10)?;
    let (mut size, mut unpacked) = (u32_at(file, at + 20)?, u32_at(file, at + 24)?);
    let [name, extra, comment] =
        [u16_at(file, at + 28)?, u16_at(file, at + 30)?, u16_at(file, at + 32)?];
    let mut local = u32_at(file, at + 42)?;
    let name_end = at + 46 + name as usize;
    let extra_end = name_end + extra as usize;
    let next = extra_end + comment as usize;

    // A zip64 field holds, in this order, those of the three numbers that didn't fit into 32 bits.
    let mut field = name_end;
    while field + 4 <= extra_end {
        let (id, length) = (u16_at(file, field)?, u16_at(file, field + 2)? as usize);
        let mut value = field + 4;
        if id == 1 {
            for number in [&mut unpacked, &mut size, &mut local]
                .into_iter()
                .filter(|number| **number == IN_ZIP64)
            {
                *number = u64_at(file, value)?;
                value += 8;
            }
        }
        field += 4 + length;
    }

    let place = if flags & 1 == 1 {
        Err("is encrypted")
    } else if method != 0 {
        Err(
            "is compressed, and PyTorch stores it plainly: load the file and save it again with torch.save",
        )
    } else if size != unpacked {
        Err("has two different sizes")
    } else {
        stored(file, local, size)
            .ok_or("lies beyond the end of the file, so the file is cut short or damaged")
    };
    Some((file.get(at + 46..name_end)?, place, next))
}

/// The bytes behind the local header at `local`, whose name and extra field may differ in length
/// from the directory's.
fn stored(file: &[u8], local: u64, size: u64) -> Option<Range<usize>> {
    let local = usize::try_from(local).ok().filter(|&at| signed(file, at, LOCAL))?;
    let start =
        local + 30 + u16_at(file, local + 26)? as usize + u16_at(file, local + 28)? as usize;
    let end = start.checked_add(usize::try_from(size).ok()?)?;
    (end <= file.len()).then_some(start..end)
}

fn signed(file: &[u8], at: usize, signature: &[u8]) -> bool {
    file.get(at..).is_some_and(|rest| rest.starts_with(signature))
}

fn u16_at(file: &[u8], at: usize) -> Option<u64> {
    Some(u64::from(u16::from_le_bytes(*file.get(at..)?.first_chunk()?)))
}

fn u32_at(file: &[u8], at: usize) -> Option<u64> {
    Some(u64::from(u32::from_le_bytes(*file.get(at..)?.first_chunk()?)))
}

fn u64_at(file: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*file.get(at..)?.first_chunk()?))
}
