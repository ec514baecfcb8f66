//! The page: the counters of a family of processes, in memory that other processes can read.
//!
//! A page consists of plain atomics, so that a reader needs nothing but the file. The magic number
//! is stored last: a page without it is still being made. Magic, layout, size and version are at
//! the same offsets in every layout.
//!
//! A worker that has given up its rights still maps the page of its parent, and can write anything
//! there. So nothing here decides what softclose does, but for one thing: the count of members says
//! which process removes the file, under the condition of [`crate::counters::stats_file::remove`].
//!
//! Context: any hook; async-signal-safe. Loads and stores only.

use crate::counters::names::COUNT;
use crate::zeroed;
use core::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed, Ordering::SeqCst};

/// The first eight bytes of every page: `softclos`.
pub const MAGIC: u64 = u64::from_le_bytes(*b"softclos");
/// The version of the layout. It is raised with every change of the fields or of the counters.
pub const LAYOUT: u32 = 4;
/// How many processes of a family can say how many connections they hold.
pub const CELLS: usize = 256;

zeroed! {
    /// Text of at most `N` bytes, filled up with zeroes.
    pub struct Text<const N: usize>([AtomicU8; N]);
}

impl<const N: usize> Text<N> {
    /// The empty text.
    pub const fn new() -> Self {
        Self([const { AtomicU8::new(0) }; N])
    }

    /// Stores `text`, cut off after `N` bytes.
    pub fn set(&self, text: &str) {
        self.set_all([text]);
    }

    /// Stores `parts` one behind the other, cut off after `N` bytes.
    pub fn set_all<'a>(&self, parts: impl IntoIterator<Item = &'a str>) {
        let bytes = parts.into_iter().flat_map(str::bytes);
        for (to, from) in self.0.iter().zip(bytes) {
            to.store(from, Relaxed);
        }
    }

    /// Copies the text into `buffer`. What is behind the `N` bytes there stays as it is.
    pub fn get(&self, buffer: &mut [u8]) {
        for (to, from) in buffer.iter_mut().zip(&self.0) {
            *to = from.load(Relaxed);
        }
    }
}

zeroed! {
    /// The values, at the indices that [`crate::counters::names`] defines.
    pub struct Values([AtomicU64; COUNT]);
}

impl Values {
    /// Values that are all zero.
    pub const fn new() -> Self {
        Self([const { AtomicU64::new(0) }; COUNT])
    }

    /// Adds `more` to the value at index `at`.
    pub fn add(&self, at: usize, more: u64) {
        if let Some(value) = self.0.get(at) {
            value.fetch_add(more, Relaxed);
        }
    }

    /// Raises the value at index `at` to `value`, if it is lower.
    pub fn raise(&self, at: usize, value: u64) {
        if let Some(most) = self.0.get(at) {
            most.fetch_max(value, Relaxed);
        }
    }

    /// The value at index `at`.
    pub fn get(&self, at: usize) -> u64 {
        self.0.get(at).map_or(0, |value| value.load(Relaxed))
    }

    /// Sets the value at index `at` to 0, and answers what it was. Where it is 0 already, nothing is
    /// written, so that no page of memory is touched.
    pub fn take(&self, at: usize) -> u64 {
        self.0.get(at).filter(|value| value.load(Relaxed) != 0).map_or(0, |value| value.swap(0, Relaxed))
    }
}

/// A process and how many connections it holds: the pid in the upper 32 bits, the number in the lower
/// ones. 0 is a free cell.
pub type Cell = AtomicU64;

zeroed! {
    /// The content of a stats file.
    pub struct Page {
        pub(super) magic: AtomicU64,
        /// [`LAYOUT`].
        pub layout: AtomicU32,
        /// [`SIZE`].
        pub size: AtomicU32,
        /// The version of softclose.
        pub version: Text<24>,
        /// The pid of the process that made the page, in its own pid namespace.
        pub creator: AtomicU32,
        /// How many processes use the page. Too high where a process was killed.
        pub members: AtomicU32,
        /// When the creator was started, in clock ticks after boot.
        pub started: AtomicU64,
        /// When the page was made, in seconds since 1970.
        pub created: AtomicU64,
        /// The inode of the creator's pid namespace; 0 where it is not known.
        pub namespace: AtomicU64,
        /// The name of the program, as it was called.
        pub program: Text<64>,
        /// The settings in force, one `NAME=value` per line.
        pub settings: Text<3072>,
        /// The counters.
        pub values: Values,
        /// Which process holds how many connections.
        pub cells: [Cell; CELLS],
    }
}

/// The size of a page in bytes.
pub const SIZE: usize = size_of::<Page>();

impl Page {
    /// Stores layout, size and magic number. From then on the page can be read; everything else must
    /// be in it.
    pub fn open(&self) {
        self.layout.store(LAYOUT, SeqCst);
        self.size.store(SIZE as u32, SeqCst);
        self.magic.store(MAGIC, SeqCst);
    }
}
