//! The oldest glibc that can load a file.
//!
//! The loader refuses a file if libc lacks a *version* that the file needs, even where libc has all
//! symbols (gABI symbol versioning, `.gnu.version_r`; `_dl_check_map_versions` in glibc). So this
//! reads the versions that a file needs, and not its symbols. The loader does not refuse a file for
//! a version that only weak symbols need (`VER_FLG_WEAK`).

use anyhow::{Context, Result};
use object::elf::{FileHeader64, VER_FLG_WEAK};
use object::read::elf::{FileHeader, SectionHeader, VerneedIterator};
use object::{Endianness, elf};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// A version of glibc. A newer version is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(u32, u32, u32);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(major, minor, patch) = self;
        write!(f, "{major}.{minor}")?;
        if *patch == 0 { Ok(()) } else { write!(f, ".{patch}") }
    }
}

impl FromStr for Version {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut numbers = text.split('.').map(str::parse);
        let mut next = || numbers.next().unwrap_or(Ok(0));
        Ok(Self(next()?, next()?, next()?))
    }
}

/// The oldest glibc that can load all of these files.
pub fn oldest(files: &[PathBuf]) -> Result<Version> {
    let needed = files.iter().map(|file| needed(file).with_context(|| file.display().to_string()));
    let needed = needed.collect::<Result<Vec<_>>>()?;
    needed.into_iter().flatten().max().context("none of these files needs glibc")
}

/// The newest version that this file needs.
fn needed(file: &Path) -> Result<Option<Version>> {
    let data = fs::read(file)?;
    let header = FileHeader64::<Endianness>::parse(&*data)?;
    let endian = header.endian()?;
    let sections = header.sections(endian, &*data)?;
    let mut newest = None;
    for section in sections.iter().filter(|section| section.sh_type(endian) == elf::SHT_GNU_VERNEED) {
        let Some((list, strings)) = section.gnu_verneed(endian, &*data)? else { continue };
        let strings = sections.strings(endian, &*data, strings)?;
        newest = newest.max(newest_of(list, endian, strings)?);
    }
    Ok(newest)
}

fn newest_of(
    mut list: VerneedIterator<'_, FileHeader64<Endianness>>,
    endian: Endianness,
    strings: object::StringTable<'_>,
) -> Result<Option<Version>> {
    let mut newest = None;
    while let Some((_, mut versions)) = list.next()? {
        while let Some(version) = versions.next()? {
            if version.vna_flags.get(endian).contains(VER_FLG_WEAK) {
                continue;
            }
            let name = String::from_utf8_lossy(version.name(endian, strings).unwrap_or_default()).into_owned();
            // Not a version of glibc: GLIBC_PRIVATE, GLIBC_ABI_DT_RELR, GCC_3.0.
            let version = name.strip_prefix("GLIBC_").and_then(|number| number.parse().ok());
            newest = newest.max(version);
        }
    }
    Ok(newest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        let version = |text: &str| text.parse::<Version>().unwrap();
        assert!(version("2.2.5") < version("2.17") && version("2.9") < version("2.34"));
        assert_eq!(version("2.2.5").to_string(), "2.2.5");
        assert_eq!(version("2.34").to_string(), "2.34");
        assert!("PRIVATE".parse::<Version>().is_err());
    }

    #[test]
    fn this_test_itself_needs_a_glibc() {
        let own = std::env::current_exe().unwrap();
        assert!(oldest(&[own]).unwrap() >= Version(2, 17, 0));
    }

    #[test]
    fn what_is_no_elf_file_is_named() {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        assert!(format!("{:#}", oldest(&[source]).unwrap_err()).contains("Cargo.toml"));
    }
}
