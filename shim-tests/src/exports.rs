//! What libc exports, and what was decided of each function: `libc.txt`.
//!
//! A new glibc brings new functions. One that makes, copies, passes or ends a descriptor or a process, and that nobody
//! has looked at, would be a hole that no test of behaviour shows. So each name is reviewed, and an unknown one fails.

use object::elf::{FileHeader64, SHT_DYNSYM, STB_LOCAL, STT_FUNC, STT_GNU_IFUNC};
use object::read::elf::{FileHeader, Sym};
use object::{Endianness, SymbolIndex};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// What was decided of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Review {
    /// softclose exports it.
    Hooked,
    /// It touches a descriptor or a process, and needs no hook.
    PassesThrough,
    /// It matters, and is not seen.
    NotHooked,
    /// It touches no descriptor and no process.
    NoDescriptor,
}

/// The words that `libc.txt` uses for them.
const WORDS: [(&str, Review); 4] = [
    ("hooked: ", Review::Hooked),
    ("passes through: ", Review::PassesThrough),
    ("not hooked: ", Review::NotHooked),
    ("no descriptor: ", Review::NoDescriptor),
];

/// The reviewed list.
#[derive(Debug, Default)]
pub struct ReviewTable {
    names: BTreeMap<String, Review>,
    /// What is decided of all names with this beginning.
    families: BTreeMap<String, Review>,
}

impl ReviewTable {
    /// The list of this project, `libc.txt`.
    pub fn reviewed() -> Self {
        Self::parse(include_str!("../libc.txt")).unwrap_or_else(|fault| panic!("libc.txt: {fault}"))
    }

    /// Reads such a list.
    ///
    /// # Errors
    /// The line that is wrong, and why.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut table = Self::default();
        let mut verdict = None;
        for line in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
            if line.starts_with(' ') {
                let verdict = verdict.ok_or_else(|| format!("names without a verdict: {line}"))?;
                line.split_whitespace().try_for_each(|name| table.add(name, verdict))?;
            } else {
                let reasoned = |word: &str| line.strip_prefix(word).is_some_and(|reason| !reason.trim().is_empty());
                let found = WORDS.iter().find(|(word, _)| reasoned(word));
                verdict = Some(found.ok_or_else(|| format!("no verdict with a reason: {line}"))?.1);
            }
        }
        Ok(table)
    }

    fn add(&mut self, name: &str, verdict: Review) -> Result<(), String> {
        let (to, name) = match name.strip_suffix('*') {
            Some(beginning) => (&mut self.families, beginning),
            None => (&mut self.names, name),
        };
        let is_new = to.insert(name.to_owned(), verdict).is_none();
        if is_new && name.len() > 2 && !name.contains('*') { Ok(()) } else { Err(format!("{name}: twice, or no name")) }
    }

    /// What was decided of `name`.
    pub fn verdict(&self, name: &str) -> Option<Review> {
        let exact = self.names.get(name);
        let family = || (0..=name.len()).rev().find_map(|length| self.families.get(name.get(..length)?));
        exact.or_else(family).copied()
    }

    /// All names of which this was decided.
    pub fn names(&self, verdict: Review) -> BTreeSet<&str> {
        self.names.iter().filter(|(_, found)| **found == verdict).map(|(name, _)| name.as_str()).collect()
    }
}

/// The libraries of the libc that this process runs with. Since 2.34 all but the first are empty.
pub fn libraries() -> Vec<PathBuf> {
    const NAMES: [&str; 6] =
        ["libc.so.6", "libpthread.so.0", "librt.so.1", "libutil.so.1", "libanl.so.1", "libdl.so.2"];
    let maps = fs::read_to_string("/proc/self/maps").expect("procfs is there");
    let libc = maps.lines().filter_map(|line| line.split_whitespace().nth(5)).find(|path| path.ends_with("/libc.so.6"));
    let directory = Path::new(libc.expect("a glibc")).parent().expect("a directory");
    NAMES.iter().map(|name| directory.join(name)).filter(|path| path.exists()).collect()
}

/// Every function that a program may find in `library`. Functions that glibc keeps to itself have
/// the version `GLIBC_PRIVATE`, and are left out.
///
/// # Errors
/// Why it cannot be read.
pub fn functions(library: &Path) -> Result<BTreeSet<String>, Box<dyn std::error::Error>> {
    let data = fs::read(library)?;
    let header = FileHeader64::<Endianness>::parse(&*data)?;
    let endian = header.endian()?;
    let sections = header.sections(endian, &*data)?;
    let symbols = sections.symbols(endian, &*data, SHT_DYNSYM)?;
    let versions = sections.versions(endian, &*data)?;
    let is_public = |at: SymbolIndex| {
        let version =
            versions.as_ref().and_then(|versions| versions.version(versions.version_index(endian, at).index()).ok()?);
        version.is_none_or(|version| version.name() != b"GLIBC_PRIVATE")
    };
    let mut found = BTreeSet::new();
    for (at, symbol) in symbols.enumerate() {
        let is_function = matches!(symbol.st_type(), STT_FUNC | STT_GNU_IFUNC);
        if is_function && !symbol.is_undefined(endian) && symbol.st_bind() != STB_LOCAL && is_public(at) {
            found.insert(String::from_utf8_lossy(symbols.symbol_name(endian, symbol)?).into_owned());
        }
    }
    // Only there so that old programs find the library.
    found.retain(|name| !name.ends_with("_version_placeholder"));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_goes_before_a_family_and_a_long_family_before_a_short_one() {
        let text =
            "no descriptor: bytes\n    mem*\npasses through: files\n    memfd_* memory\nhooked: x\n    memfd_create\n";
        let table = ReviewTable::parse(text).unwrap();
        let verdict = |name| table.verdict(name);
        assert_eq!(verdict("memcpy"), Some(Review::NoDescriptor));
        assert_eq!(verdict("memfd_secret"), Some(Review::PassesThrough));
        assert_eq!(verdict("memfd_create"), Some(Review::Hooked));
        assert_eq!(verdict("open"), None);
    }

    #[test]
    fn a_verdict_needs_a_reason_and_a_name_has_one_verdict() {
        assert!(ReviewTable::parse("hooked: x\n    close\n").is_ok());
        assert!(ReviewTable::parse("passes through: \n    close\n").is_err());
        assert!(ReviewTable::parse("    close\n").is_err());
        assert!(ReviewTable::parse("hooked: x\n    close dup\n    close\n").is_err());
    }
}
