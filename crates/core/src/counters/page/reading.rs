//! A stats file, as read by another process that does not trust it.
//!
//! Context: `softclosectl`; it allocates.

use super::layout::{CELLS, LAYOUT, MAGIC, Page, SIZE};
use super::printable::printable;
use crate::counters::names::COUNT;
use crate::settings::knobs::KNOBS;
use core::mem::offset_of;

/// The content of a page, as it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// The version of softclose that wrote the page.
    pub version: String,
    /// See [`Page::creator`].
    pub creator: u32,
    /// See [`Page::started`].
    pub started: u64,
    /// See [`Page::created`].
    pub created: u64,
    /// See [`Page::namespace`].
    pub namespace: u64,
    /// See [`Page::program`].
    pub program: String,
    /// The name and value of each setting.
    pub settings: Vec<(String, String)>,
    /// The values, by the indices of [`crate::counters::names`].
    pub values: Vec<u64>,
    /// The pid of each process that has a cell, and how many connections it holds.
    pub held: Vec<(u32, u32)>,
}

/// Why a file cannot be read as a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// It is still being made, is cut off, or is no page.
    NoPage,
    /// It was written in this other layout, by this version of softclose.
    Layout(u32, String),
}

impl core::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::NoPage => write!(f, "not the counters of softclose, or not yet"),
            Self::Layout(layout, version) => write!(f, "written by softclose {version}, in layout {layout}"),
        }
    }
}

/// How many settings are read. The text has room for many more short lines, and each takes memory of
/// the reader's.
const MOST_SETTINGS: usize = 2 * KNOBS.len();

impl Reading {
    /// Reads the content of a stats file.
    ///
    /// # Errors
    /// As [`Unreadable`] says.
    pub fn of(bytes: &[u8]) -> Result<Self, Unreadable> {
        let word = |at| u64_at(bytes, at).unwrap_or(0);
        let has_head = bytes.len() >= offset_of!(Page, creator);
        if word(offset_of!(Page, magic)) != MAGIC || !has_head {
            return Err(Unreadable::NoPage);
        }
        let version = printable(&text_at(bytes, offset_of!(Page, version), 24));
        let layout = u32_at(bytes, offset_of!(Page, layout)).unwrap_or(0);
        if layout != LAYOUT {
            return Err(Unreadable::Layout(layout, version));
        }
        if bytes.len() < SIZE {
            return Err(Unreadable::NoPage);
        }
        let settings = text_at(bytes, offset_of!(Page, settings), 3072);
        let values = (0..COUNT).map(|at| word(offset_of!(Page, values) + at * size_of::<u64>())).collect();
        let cells = (0..CELLS).map(|at| word(offset_of!(Page, cells) + at * size_of::<u64>()));
        Ok(Self {
            version,
            creator: u32_at(bytes, offset_of!(Page, creator)).unwrap_or(0),
            started: word(offset_of!(Page, started)),
            created: word(offset_of!(Page, created)),
            namespace: word(offset_of!(Page, namespace)),
            program: printable(&text_at(bytes, offset_of!(Page, program), 64)),
            settings: settings.lines().take(MOST_SETTINGS).filter_map(setting).collect(),
            values,
            held: cells.filter(|&cell| cell != 0).map(|cell| ((cell >> 32) as u32, cell as u32)).collect(),
        })
    }

    /// The value at an index that [`crate::counters::names`] defines.
    pub fn value(&self, at: usize) -> u64 {
        self.values.get(at).copied().unwrap_or(0)
    }

    /// The sum of the values at these indices. The values may be anything: a sum that is too large for
    /// a number is the largest one.
    pub fn sum(&self, indices: impl IntoIterator<Item = usize>) -> u64 {
        indices.into_iter().map(|at| self.value(at)).fold(0, u64::saturating_add)
    }
}

fn setting(line: &str) -> Option<(String, String)> {
    line.split_once('=').map(|(name, value)| (printable(name), printable(value)))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|bytes| u64::from_ne_bytes(*bytes))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes))
}

/// The text at an offset, as it is there. A process that may write the file may have put anything
/// there: nobody may see it before [`printable`] has.
fn text_at(bytes: &[u8], at: usize, most: usize) -> String {
    let text = bytes.get(at..at + most).unwrap_or_default();
    let text = text.split(|&byte| byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content() -> Vec<u8> {
        let mut bytes = vec![0; SIZE];
        let mut put = |at: usize, what: &[u8]| bytes[at..at + what.len()].copy_from_slice(what);
        put(offset_of!(Page, magic), &MAGIC.to_ne_bytes());
        put(offset_of!(Page, layout), &LAYOUT.to_ne_bytes());
        put(offset_of!(Page, version), b"0.1.0");
        put(offset_of!(Page, creator), &42u32.to_ne_bytes());
        put(offset_of!(Page, program), b"evil\x1b[2J");
        put(offset_of!(Page, settings), b"A=1\nB=x=y\n");
        put(offset_of!(Page, values) + 8, &7u64.to_ne_bytes());
        put(offset_of!(Page, cells) + 16, &(42u64 << 32 | 3).to_ne_bytes());
        bytes
    }

    #[test]
    fn a_page_is_read_as_it_was_written() {
        let reading = Reading::of(&content()).unwrap();
        assert_eq!((reading.version.as_str(), reading.creator, reading.value(1)), ("0.1.0", 42, 7));
        assert_eq!(reading.settings, [("A".into(), "1".into()), ("B".into(), "x=y".into())]);
        assert_eq!(reading.held, [(42, 3)]);
    }

    fn content_with(at: usize, what: &str) -> Vec<u8> {
        let mut bytes = content();
        bytes[at..at + what.len()].copy_from_slice(what.as_bytes());
        bytes
    }

    #[test]
    fn control_characters_are_replaced() {
        assert_eq!(Reading::of(&content()).unwrap().program, "evil?[2J");
    }

    /// A user could forge lines in what root read: a line feed in a name was printed as one.
    #[test]
    fn no_text_of_a_page_ends_a_line_or_turns_its_direction() {
        let read = |at, what| Reading::of(&content_with(at, what)).unwrap();
        assert_eq!(read(offset_of!(Page, program), "a\nb\u{202e}c").program, "a?b?cJ");
        assert_eq!(read(offset_of!(Page, version), "1\n2").version, "1?2.0");
        let settings = read(offset_of!(Page, settings), "A=\u{202e}\x1b\n").settings;
        assert_eq!(settings[0], ("A".into(), "??".into()));
    }

    #[test]
    fn a_file_that_is_no_page_is_refused() {
        let whole = content();
        for len in [0, 7, 8, 100, SIZE - 1] {
            assert_eq!(Reading::of(&whole[..len]), Err(Unreadable::NoPage), "{len}");
        }
        assert_eq!(Reading::of(&vec![0; SIZE]), Err(Unreadable::NoPage));
        let mut other = content();
        other[offset_of!(Page, layout)] = 9;
        assert_eq!(Reading::of(&other), Err(Unreadable::Layout(9, "0.1.0".into())));
    }
}
