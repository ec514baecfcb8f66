//! The counters in memory that others can read: one layout, written here and read
//! here.
//!
//! Plain atomics, so that a reader needs nothing of the process but the file. The
//! magic comes last: a page without it is being made. Magic, layout, size and version are
//! where they are in every layout.
//!
//! A worker that has given up its rights maps the page of a parent which has them, and can
//! write anything there. So nothing that lies here is ever acted on, but counted.
//!
//! Context: any hook; loads and stores only.

use super::names::COUNT;
use crate::zeroed;
use core::mem::offset_of;
use core::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed, Ordering::SeqCst};

/// `softclos`.
pub const MAGIC: u64 = u64::from_le_bytes(*b"softclos");
/// Raised with every change of what lies where, and of what counts.
pub const LAYOUT: u32 = 3;
/// So many processes of a family can say how much they hold.
pub const CELLS: usize = 256;

zeroed! {
    /// Text of at most `N` bytes, zeroes behind.
    pub struct Text<const N: usize>([AtomicU8; N]);
}

impl<const N: usize> Text<N> {
    /// Empty.
    pub const fn new() -> Self {
        Self([const { AtomicU8::new(0) }; N])
    }

    /// Stores as much of `text` as there is room for.
    pub fn set(&self, text: &str) {
        for (to, from) in self.0.iter().zip(text.bytes()) {
            to.store(from, Relaxed);
        }
    }

    /// Writes it into `room`, which is terminated if it is longer by one.
    pub fn get(&self, room: &mut [u8]) {
        for (to, from) in room.iter_mut().zip(&self.0) {
            *to = from.load(Relaxed);
        }
    }
}

zeroed! {
    /// Every value of [`super::names`].
    pub struct Values([AtomicU64; COUNT]);
}

impl Values {
    /// All zero.
    pub const fn new() -> Self {
        Self([const { AtomicU64::new(0) }; COUNT])
    }

    /// Adds to the value at a place.
    pub fn add(&self, at: usize, more: u64) {
        if let Some(value) = self.0.get(at) {
            value.fetch_add(more, Relaxed);
        }
    }

    /// Raises the value at a place to at least `value`.
    pub fn raise(&self, at: usize, value: u64) {
        if let Some(most) = self.0.get(at) {
            most.fetch_max(value, Relaxed);
        }
    }

    /// The value at a place.
    pub fn get(&self, at: usize) -> u64 {
        self.0.get(at).map_or(0, |value| value.load(Relaxed))
    }

    /// Takes the value at a place away; memory that holds none is not written to.
    pub fn take(&self, at: usize) -> u64 {
        self.0.get(at).filter(|value| value.load(Relaxed) != 0).map_or(0, |value| value.swap(0, Relaxed))
    }
}

/// A process and how many connections it holds: pid in the upper half.
pub type Cell = AtomicU64;

zeroed! {
    /// The page.
    pub struct Page {
        magic: AtomicU64,
        /// [`LAYOUT`].
        pub layout: AtomicU32,
        /// Size of it all in bytes.
        pub size: AtomicU32,
        /// Version of softclose.
        pub version: Text<24>,
        /// Who made it, as its own pid namespace calls it.
        pub founder: AtomicU32,
        /// Processes that use it, as far as anybody has kept count.
        pub members: AtomicU32,
        /// When the founder was started, clock ticks after boot.
        pub started: AtomicU64,
        /// When the page was made, seconds since 1970.
        pub founded: AtomicU64,
        /// Inode of the pid namespace; 0 where it is not known.
        pub namespace: AtomicU64,
        /// The program, as it was called.
        pub program: Text<64>,
        /// The settings in force, one `NAME=value` a line.
        pub settings: Text<3072>,
        /// The numbers.
        pub values: Values,
        /// Who holds how many.
        pub cells: [Cell; CELLS],
    }
}

/// Size of a page in bytes.
pub const SIZE: usize = size_of::<Page>();

impl Page {
    /// Everything else is in its place.
    pub fn open(&self) {
        self.layout.store(LAYOUT, SeqCst);
        self.size.store(SIZE as u32, SeqCst);
        self.magic.store(MAGIC, SeqCst);
    }
}

/// What was read of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Version of softclose.
    pub version: String,
    /// See [`Page::founder`].
    pub founder: u32,
    /// See [`Page::started`].
    pub started: u64,
    /// See [`Page::founded`].
    pub founded: u64,
    /// See [`Page::namespace`].
    pub namespace: u64,
    /// See [`Page::program`].
    pub program: String,
    /// Name and value of each setting.
    pub settings: Vec<(String, String)>,
    /// The numbers, by their places.
    pub values: Vec<u64>,
    /// Pid and number held of every process that said so.
    pub held: Vec<(u32, u32)>,
}

/// Why a file cannot be read as a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// Being made, cut off, or no page.
    NoPage,
    /// Of another version of softclose, with this layout.
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

impl Reading {
    /// Understands the content of a file.
    ///
    /// # Errors
    /// See [`Unreadable`].
    pub fn of(bytes: &[u8]) -> Result<Self, Unreadable> {
        let word = |at| u64_at(bytes, at).unwrap_or(0);
        let has_head = bytes.len() >= offset_of!(Page, founder);
        if word(offset_of!(Page, magic)) != MAGIC || !has_head {
            return Err(Unreadable::NoPage);
        }
        let version = text_at(bytes, offset_of!(Page, version), 24);
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
            founder: u32_at(bytes, offset_of!(Page, founder)).unwrap_or(0),
            started: word(offset_of!(Page, started)),
            founded: word(offset_of!(Page, founded)),
            namespace: word(offset_of!(Page, namespace)),
            program: text_at(bytes, offset_of!(Page, program), 64),
            settings: settings.lines().filter_map(setting).collect(),
            values,
            held: cells.filter(|&cell| cell != 0).map(|cell| ((cell >> 32) as u32, cell as u32)).collect(),
        })
    }

    /// The value at a place of [`super::names`].
    pub fn value(&self, at: usize) -> u64 {
        self.values.get(at).copied().unwrap_or(0)
    }
}

fn setting(line: &str) -> Option<(String, String)> {
    line.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|bytes| u64::from_ne_bytes(*bytes))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes))
}

/// Whoever may write the file may have put anything there: nothing of it reaches a
/// terminal but printable text and line ends.
fn text_at(bytes: &[u8], at: usize, most: usize) -> String {
    let text = bytes.get(at..at + most).unwrap_or_default();
    let text = text.split(|&byte| byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).chars().map(|one| if one.is_control() && one != '\n' { '?' } else { one }).collect()
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
        put(offset_of!(Page, founder), &42u32.to_ne_bytes());
        put(offset_of!(Page, program), b"evil\x1b[2J");
        put(offset_of!(Page, settings), b"A=1\nB=x=y\n");
        put(offset_of!(Page, values) + 8, &7u64.to_ne_bytes());
        put(offset_of!(Page, cells) + 16, &(42u64 << 32 | 3).to_ne_bytes());
        bytes
    }

    #[test]
    fn what_was_written_is_read() {
        let reading = Reading::of(&content()).unwrap();
        assert_eq!((reading.version.as_str(), reading.founder, reading.value(1)), ("0.1.0", 42, 7));
        assert_eq!(reading.settings, [("A".into(), "1".into()), ("B".into(), "x=y".into())]);
        assert_eq!(reading.held, [(42, 3)]);
    }

    #[test]
    fn nothing_of_a_page_moves_a_cursor() {
        assert_eq!(Reading::of(&content()).unwrap().program, "evil?[2J");
    }

    #[test]
    fn what_is_no_page_is_refused() {
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
