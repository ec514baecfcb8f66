//! One page of a ring buffer, as `trace_pipe_raw` gives it: binary, so that no name of a process can forge a record.
//!
//! A page has a header (`events/header_page` describes it) and entries. Each entry begins with a word: five bits of
//! type or length, and 27 bits of time. Source: `include/linux/ring_buffer.h`, `kernel/trace/ring_buffer.c`.

use super::description::{Description, Field};

/// Where the parts of a page lie.
#[derive(Clone, Copy, Debug)]
pub struct PageLayout {
    commit: Field,
    data: Field,
}

impl PageLayout {
    /// Takes the description in `header_page`. `None` where it is none.
    pub fn of(header: &Description) -> Option<Self> {
        Some(Self { commit: header.field("commit")?, data: header.field("data")? })
    }

    /// The size of a page in bytes.
    pub fn page(self) -> usize {
        self.data.offset.saturating_add(self.data.size)
    }

    /// The records of a page, each from its `common_type` on. A page that makes no sense has none, or ends early.
    pub fn records(self, page: &[u8]) -> Records<'_> {
        /// The flags for lost events, which the kernel puts above the length (`RB_MISSED_EVENTS`, `RB_MISSED_STORED`).
        const MISSED: u64 = 3 << 30;
        let length = self.commit.number(page).unwrap_or(0) & u64::from(u32::MAX) & !MISSED;
        let data = self.data.bytes(page).unwrap_or_default();
        Records(data.get(..length as usize).unwrap_or_default())
    }
}

/// The records of a page.
pub struct Records<'a>(&'a [u8]);

/// What an entry is, with its whole length.
enum Entry<'a> {
    Record(&'a [u8], usize),
    Other(usize),
}

impl<'a> Iterator for Records<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            let (record, length) = match entry(self.0)? {
                Entry::Record(record, length) => (Some(record), length),
                Entry::Other(length) => (None, length),
            };
            self.0 = self.0.get(length..)?;
            if record.is_some() {
                return record;
            }
        }
    }
}

/// The first entry. `None` at the end, and where it does not fit.
fn entry(data: &[u8]) -> Option<Entry<'_>> {
    const WORD: usize = 4;
    const PADDING: u32 = 29;
    const TIME_EXTEND: u32 = 30;
    const TIME_STAMP: u32 = 31;
    let word = |at: usize| Some(u32::from_ne_bytes(*data.get(at..)?.first_chunk()?));
    let head = word(0)?;
    // The five bits are the low ones, as every machine that softclose runs on is little-endian.
    match head & 31 {
        // Nothing but waste follows.
        PADDING if head >> 5 == 0 => None,
        PADDING => Some(Entry::Other(word(WORD)? as usize + WORD)),
        TIME_EXTEND | TIME_STAMP => Some(Entry::Other(2 * WORD)),
        0 => {
            // The length counts its own word.
            let length = (word(WORD)? as usize).checked_sub(WORD)?;
            Some(Entry::Record(data.get(2 * WORD..)?.get(..length)?, 2 * WORD + length.next_multiple_of(WORD)))
        }
        words => {
            let length = words as usize * WORD;
            Some(Entry::Record(data.get(WORD..)?.get(..length)?, WORD + length))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    fn layout() -> PageLayout {
        PageLayout::of(&Description::parse(samples::HEADER_PAGE)).unwrap()
    }

    fn page(commit: u64, entries: &[&[u32]]) -> Vec<u8> {
        let words: Vec<u8> = entries.concat().iter().flat_map(|word| word.to_ne_bytes()).collect();
        let mut page = [[0; 8], commit.to_ne_bytes()].concat();
        page.extend(words);
        page.resize(layout().page(), 0);
        page
    }

    #[test]
    fn records_are_found_between_times_and_padding() {
        let entries: [&[u32]; 5] = [&[30, 7], &[2 | 99 << 5, 11, 12], &[0, 12, 21, 22], &[29 | 1 << 5, 8, 0], &[1, 31]];
        let length = 4 * entries.concat().len() as u64;
        for commit in [length, length | 1 << 31, length | 3 << 30] {
            let page = page(commit, &entries);
            let found: Vec<_> = layout().records(&page).map(<[u8]>::to_vec).collect();
            let words = |words: &[u32]| words.iter().flat_map(|word| word.to_ne_bytes()).collect::<Vec<u8>>();
            assert_eq!(found, [words(&[11, 12]), words(&[21, 22]), words(&[31])]);
        }
    }

    #[test]
    fn the_end_of_a_page_is_its_commit() {
        let page = page(8, &[&[1, 5], &[1, 6]]);
        assert_eq!(layout().records(&page).count(), 1);
        assert_eq!(layout().records(&page[..20]).count(), 0, "a page that was cut off");
    }

    /// A small generator (xorshift): the same bytes in every run.
    fn noise(seed: u64) -> impl Iterator<Item = u8> {
        let mut state = seed | 1;
        std::iter::repeat_with(move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        })
    }

    #[test]
    fn no_bytes_make_it_panic_or_run_for_ever() {
        for seed in 0..2000 {
            let mut page: Vec<u8> = noise(seed * 7919).take(4096).collect();
            if seed % 2 == 0 {
                page[8..16].copy_from_slice(&4080u64.to_ne_bytes());
            }
            if seed % 3 == 0 {
                page.truncate(seed as usize % 64);
            }
            assert!(layout().records(&page).count() <= 4096 / 4);
        }
    }
}
