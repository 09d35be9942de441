//! Files of many photos: tables as CSV, pictures as ZIP, and the names in them.
//!
//! By hand, since what is wanted of them is little: the crates `zip` and `csv` would make the page
//! 39 and 17 kB larger (brotli, measured alone). Entries are stored: PNG is compressed already.
//! Formats: RFC 4180; PKWARE's APPNOTE.TXT, sections 4.3.7 (local header), 4.3.12 (directory) and
//! 4.3.16 (end). Below zip64's 65,535 entries and 4 GB, which a page's memory does not hold.

use std::collections::HashSet;

/// What spreadsheets take for the beginning of a formula; OWASP's list.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// What some disk or other refuses in names.
const REFUSED: &str = "<>:\"|?*\\";

/// A table as UTF-8, with the mark by which Excel knows that. What a spreadsheet would take for a
/// formula gets an apostrophe before it.
pub fn csv(rows: impl IntoIterator<Item = Vec<String>>) -> Vec<u8> {
    let mut text = String::from('\u{feff}');
    for row in rows {
        for (n, cell) in row.iter().enumerate() {
            let guard = if cell.starts_with(FORMULA) { "'" } else { "" };
            let comma = if n > 0 { "," } else { "" };
            text.extend([comma, "\"", guard, &cell.replace('"', "\"\""), "\""]);
        }
        text.push_str("\r\n");
    }
    text.into_bytes()
}

/// Names within an archive, each once, on disks that don't tell capitals from small letters too.
#[derive(Default)]
pub struct Names(HashSet<String>);

impl Names {
    /// `path` with what every disk takes, and `extension` behind it: `dogs/a.jpg` to
    /// `dogs/a.jpg.png`. A second one of that name is `dogs/a.jpg (2).png`.
    pub fn unique(&mut self, path: &str, extension: &str) -> String {
        let allowed = |letter: char| {
            if REFUSED.contains(letter) || letter.is_control() { '-' } else { letter }
        };
        let steps = path.split('/').map(|step| step.trim().trim_end_matches('.'));
        let steps: Vec<String> = steps
            .filter(|step| !step.is_empty()) // neither an absolute path nor `..`
            .map(|step| step.chars().map(allowed).collect())
            .collect();
        let stem = if steps.is_empty() { "-".to_owned() } else { steps.join("/") };
        let mut name = format!("{stem}.{extension}");
        for n in 2.. {
            if self.0.insert(name.to_lowercase()) {
                break;
            }
            name = format!("{stem} ({n}).{extension}");
        }
        name
    }
}

/// A ZIP file as it is put together: a header before each entry's bytes, and the directory.
#[derive(Default)]
pub struct Zip {
    directory: Vec<u8>,
    entries: u16,
    /// Bytes so far, but for the directory.
    length: u32,
}

impl Zip {
    /// What stands before the bytes of the entry `name`.
    pub fn header(&mut self, name: &str, bytes: &[u8]) -> Vec<u8> {
        let mut common = vec![20, 0]; // version 2.0
        common.extend([0, 8]); // the name is UTF-8
        common.extend([0, 0]); // stored
        common.extend([0, 0, 0x21, 0]); // no time: 1980-01-01
        common.extend(crc32fast::hash(bytes).to_le_bytes());
        common.extend((bytes.len() as u32).to_le_bytes()); // compressed
        common.extend((bytes.len() as u32).to_le_bytes());
        common.extend((name.len() as u16).to_le_bytes());
        common.extend([0, 0]); // nothing extra
        let header = [b"PK\x03\x04", &common[..], name.as_bytes()].concat();

        self.directory.extend(b"PK\x01\x02\x14\x00"); // made by version 2.0, without attributes
        self.directory.extend(&common);
        self.directory.extend([0; 10]); // no comment, disk 0, no attributes
        self.directory.extend(self.length.to_le_bytes());
        self.directory.extend(name.as_bytes());
        self.entries += 1;
        self.length += (header.len() + bytes.len()) as u32;
        header
    }

    /// What stands behind the last entry.
    pub fn end(mut self) -> Vec<u8> {
        let size = self.directory.len() as u32;
        self.directory.extend(b"PK\x05\x06\0\0\0\0"); // one disk
        self.directory.extend([self.entries.to_le_bytes(), self.entries.to_le_bytes()].concat());
        self.directory.extend(size.to_le_bytes());
        self.directory.extend(self.length.to_le_bytes());
        self.directory.extend([0, 0]); // no comment
        self.directory
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_read_by_spreadsheets_and_hold_no_formulas() {
        let row = |cells: &[&str]| cells.iter().map(|&cell| cell.to_owned()).collect::<Vec<_>>();
        let rows =
            [row(&["file", "狗"]), row(&["=HYPERLINK(\"x\")", "a, b\nc"]), row(&["-1", "0.5"])];
        let text = String::from_utf8(csv(rows)).unwrap();
        assert_eq!(
            text,
            "\u{feff}\"file\",\"狗\"\r\n\"'=HYPERLINK(\"\"x\"\")\",\"a, b\nc\"\r\n\"'-1\",\"0.5\"\r\n"
        );
        for formula in ["+1", "@SUM(A1)", "\t=1", "\r=1"] {
            let text = String::from_utf8(csv([row(&[formula])])).unwrap();
            assert!(text.starts_with("\u{feff}\"'"), "{text:?}");
        }
    }

    #[test]
    fn names_stay_inside_the_archive_and_come_once() {
        let mut names = Names::default();
        assert_eq!(names.unique("dogs/a.jpg", "png"), "dogs/a.jpg.png");
        assert_eq!(names.unique("dogs/A.jpg", "png"), "dogs/A.jpg (2).png");
        assert_eq!(names.unique("dogs/a.jpg", "png"), "dogs/a.jpg (3).png");
        assert_eq!(names.unique("a.jpg", "png"), "a.jpg.png");
        assert_eq!(names.unique("/../../etc/pass:wd", "png"), "etc/pass-wd.png");
        assert_eq!(names.unique("狗\\1?.jpg", "png"), "狗-1-.jpg.png");
        assert_eq!(names.unique("..", "png"), "-.png");
    }

    /// Against the bytes that the format's own description asks for; the browser tests unpack one.
    #[test]
    fn an_archive_has_its_entries_where_its_directory_says() {
        let mut zip = Zip::default();
        let files: [(&str, &[u8]); 2] = [("a/狗.txt", b"123456789"), ("empty", b"")];
        let mut file = Vec::new();
        for (name, bytes) in files {
            file.extend(zip.header(name, bytes));
            file.extend(bytes);
        }
        let before = file.len();
        file.extend(zip.end());
        let number = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap()) as usize;
        let short = |at: usize| usize::from(u16::from_le_bytes([file[at], file[at + 1]]));
        let end = file.len() - 22;
        assert_eq!(&file[end..end + 4], b"PK\x05\x06");
        assert_eq!((short(end + 8), short(end + 10)), (2, 2));
        assert_eq!((number(end + 12), number(end + 16)), (end - before, before));
        let mut at = before;
        for (name, bytes) in files {
            assert_eq!(&file[at..at + 4], b"PK\x01\x02");
            let (length, offset) = (short(at + 28), number(at + 42));
            assert_eq!(&file[at + 46..at + 46 + length], name.as_bytes());
            assert_eq!(&file[offset..offset + 4], b"PK\x03\x04");
            assert_eq!(file[at + 6..at + 32], file[offset + 4..offset + 30], "both say the same");
            let start = offset + 30 + short(offset + 26);
            assert_eq!(&file[start..start + number(at + 24)], bytes);
            at += 46 + length;
        }
        assert_eq!(at, end);
        assert_eq!(number(before + 16), 0xcbf4_3926, "the CRC-32 that everybody checks with");
    }
}
