//! Files of many photos: tables as CSV, pictures as ZIP, and the names in them.

use csv::{QuoteStyle, Terminator, WriterBuilder};
use std::collections::HashSet;
use std::io::{self, Write};
use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, StreamWriter, ZipWriter};

/// What spreadsheets take for the beginning of a formula; OWASP's list.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// What some disk or other refuses in names.
const REFUSED: &str = "<>:\"|?*\\";

/// A table as UTF-8, with the mark by which Excel knows that. What a spreadsheet would take for a
/// formula gets an apostrophe before it.
pub fn csv(rows: impl IntoIterator<Item = Vec<String>>) -> io::Result<Vec<u8>> {
    let text = "\u{feff}".as_bytes().to_vec();
    let mut table = WriterBuilder::new()
        .quote_style(QuoteStyle::Always)
        .terminator(Terminator::CRLF)
        .from_writer(text);
    for row in rows {
        let guard = |cell: &String| if cell.starts_with(FORMULA) { "'" } else { "" };
        table.write_record(row.iter().map(|cell| format!("{}{cell}", guard(cell))))?;
    }
    table.into_inner().map_err(|error| error.into_error())
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

/// A ZIP file that is written as its entries come, and never held whole. They are stored: PNG is
/// compressed already.
pub struct Zip<W: Write>(ZipWriter<StreamWriter<W>>);

impl<W: Write> Zip<W> {
    pub fn new(file: W) -> Zip<W> {
        Zip(ZipWriter::new_stream(file))
    }

    pub fn add(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        self.0.start_file(name, stored)?;
        self.0.write_all(bytes)
    }

    pub fn end(self) -> io::Result<W> {
        Ok(self.0.finish()?.into_inner())
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
        let text = String::from_utf8(csv(rows).unwrap()).unwrap();
        assert_eq!(
            text,
            "\u{feff}\"file\",\"狗\"\r\n\"'=HYPERLINK(\"\"x\"\")\",\"a, b\nc\"\r\n\"'-1\",\"0.5\"\r\n"
        );
        for formula in ["+1", "@SUM(A1)", "\t=1", "\r=1"] {
            let text = String::from_utf8(csv([row(&[formula])]).unwrap()).unwrap();
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

    #[test]
    fn an_archive_holds_what_was_added() {
        let files: [(&str, &[u8]); 2] = [("a/狗.txt", b"123456789"), ("empty", b"")];
        let mut zip = Zip::new(Vec::new());
        for (name, bytes) in files {
            zip.add(name, bytes).unwrap();
        }
        let mut archive = zip::ZipArchive::new(io::Cursor::new(zip.end().unwrap())).unwrap();
        assert_eq!(archive.len(), files.len());
        for (name, bytes) in files {
            let mut found = Vec::new();
            io::Read::read_to_end(&mut archive.by_name(name).unwrap(), &mut found).unwrap();
            assert_eq!(found, bytes, "{name}");
        }
    }
}
