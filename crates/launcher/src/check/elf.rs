//! What an ELF file says about its loader, its machine and its libraries.
//!
//! Only headers, program headers, section names and the dynamic section are read, through a cache:
//! some servers are hundreds of megabytes large.

use super::finding::Finding;
use object::elf::{DT_NEEDED, DT_SONAME, DynamicTag, FileHeader32, FileHeader64, Machine};
use object::read::elf::{Dyn, FileHeader, ProgramHeader};
use object::read::{ReadCache, ReadRef};
use object::{Endianness, FileKind};
use std::ffi::OsStr;
use std::fmt;
use std::fs::File;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A file, of which no more is read at once than tables of a sane program have: the headers may say
/// any size, and a file with holes is as large as one likes.
#[derive(Clone, Copy, Debug)]
struct Bounded<'a>(&'a ReadCache<File>);

impl<'a> ReadRef<'a> for Bounded<'a> {
    fn len(self) -> Result<u64, ()> {
        self.0.len()
    }

    fn read_bytes_at(self, offset: u64, size: u64) -> Result<&'a [u8], ()> {
        const MOST: u64 = 1 << 20;
        if size > MOST { Err(()) } else { self.0.read_bytes_at(offset, size) }
    }

    fn read_bytes_at_until(self, range: Range<u64>, delimiter: u8) -> Result<&'a [u8], ()> {
        self.0.read_bytes_at_until(range, delimiter)
    }
}

/// What must be the same in a program and in a library that it loads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Target {
    is_class_64: bool,
    is_little_endian: bool,
    machine: Machine,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = if self.is_class_64 { 64 } else { 32 };
        let order = if self.is_little_endian { "little" } else { "big" };
        let machine = format!("{:?}", self.machine);
        write!(f, "{} ({bits}-bit, {order}-endian)", machine.trim_start_matches("EM_"))
    }
}

/// What the check wants to know of an ELF file.
#[derive(Debug)]
pub struct Image {
    target: Target,
    /// PT_INTERP: the dynamic loader.
    interpreter: Option<PathBuf>,
    /// Whether it has a name as a library. With such a name and without an interpreter it is a dynamic loader itself,
    /// which can be run with a program as its argument.
    is_library: bool,
    /// Whether the Go toolchain has made it.
    go: bool,
    /// The library of GCC's AddressSanitizer, if it needs that.
    asan: Option<String>,
}

/// Whether a file that begins with `head` is ELF.
pub fn is_elf(head: &[u8]) -> bool {
    head.starts_with(b"\x7fELF")
}

/// Reads a file, or says why that is not possible.
pub fn read(file: &Path) -> Result<Image, String> {
    let cache = ReadCache::new(File::open(file).map_err(|error| error.to_string())?);
    let cache = Bounded(&cache);
    let image = match FileKind::parse(cache) {
        Ok(FileKind::Elf32) => image::<FileHeader32<Endianness>>(cache),
        Ok(FileKind::Elf64) => image::<FileHeader64<Endianness>>(cache),
        _ => return Err("not an ELF file".to_owned()),
    };
    image.map_err(|error| format!("not a readable ELF file: {error}"))
}

fn image<Elf: FileHeader<Endian = Endianness>>(cache: Bounded<'_>) -> object::Result<Image> {
    let header = Elf::parse(cache)?;
    let endian = header.endian()?;
    let target = Target {
        is_class_64: header.is_class_64(),
        is_little_endian: header.is_little_endian(),
        machine: header.e_machine(endian),
    };
    Ok(Image {
        target,
        interpreter: interpreter(header, endian, cache)?,
        go: is_go(header, endian, cache),
        is_library: !names(header, endian, cache, DT_SONAME).is_empty(),
        asan: names(header, endian, cache, DT_NEEDED).into_iter().find(|name| name.starts_with("libasan.so")),
    })
}

/// What a file names in its dynamic section: the libraries that it needs (`DT_NEEDED`), or itself (`DT_SONAME`); nothing
/// where its sections do not say.
fn names<Elf: FileHeader<Endian = Endianness>>(
    header: &Elf,
    endian: Endianness,
    cache: Bounded<'_>,
    tag: DynamicTag,
) -> Vec<String> {
    /// The names are looked up one by one, and the table may have any.
    const MOST: usize = 1024;
    let names = || {
        let sections = header.sections(endian, cache).ok()?;
        let (entries, link) = sections.dynamic(endian, cache).ok()??;
        let strings = sections.strings(endian, cache, link).ok()?;
        let such = entries.iter().filter(|entry| entry.tag(endian) == tag).take(MOST);
        let names = such.filter_map(|entry| entry.string(endian, strings).ok());
        Some(names.map(|name| String::from_utf8_lossy(name).into_owned()).collect())
    };
    names().unwrap_or_default()
}

fn interpreter<Elf: FileHeader<Endian = Endianness>>(
    header: &Elf,
    endian: Endianness,
    cache: Bounded<'_>,
) -> object::Result<Option<PathBuf>> {
    for segment in header.program_headers(endian, cache)? {
        if let Some(path) = segment.interpreter(endian, cache)? {
            return Ok(Some(OsStr::from_bytes(path).into()));
        }
    }
    Ok(None)
}

/// Whether the Go toolchain has made the file. A program runs without sections: one that has none,
/// or broken ones, is not taken for Go.
fn is_go<Elf: FileHeader<Endian = Endianness>>(header: &Elf, endian: Endianness, cache: Bounded<'_>) -> bool {
    let marks: [&[u8]; 2] = [b".go.buildinfo", b".note.go.buildid"];
    header
        .sections(endian, cache)
        .is_ok_and(|sections| marks.iter().any(|mark| sections.section_by_name(endian, mark).is_some()))
}

/// The reasons why `shim` will not be loaded into `file`, or will not work there.
pub fn findings(file: &Path, shim: &Image) -> Vec<Finding> {
    match read(file) {
        Ok(image) => lasting(file, &image, shim).chain(missing_loader(file, &image)).collect(),
        Err(reason) => vec![Finding::warning(file, reason)],
    }
}

/// The same for a program that runs: its loader is there, and perhaps not at this path, as seen from here.
pub fn findings_of_running(file: &Path, shim: &Image) -> Vec<Finding> {
    match read(file) {
        Ok(image) => lasting(file, &image, shim).collect(),
        Err(reason) => vec![Finding::warning(file, reason)],
    }
}

/// The reasons that lie in the file alone.
fn lasting(file: &Path, image: &Image, shim: &Image) -> impl Iterator<Item = Finding> {
    [machine(file, image, shim), no_loader(file, image), asan(file, image), go(file, image)].into_iter().flatten()
}

fn machine(file: &Path, image: &Image, shim: &Image) -> Option<Finding> {
    let (its, ours) = (image.target, shim.target);
    (its != ours).then(|| Finding::warning(file, format!("this program is for {its}, the shim is for {ours}")))
}

fn no_loader(file: &Path, image: &Image) -> Option<Finding> {
    let text = "this program is linked statically (no PT_INTERP): nothing in it reads LD_PRELOAD";
    (image.interpreter.is_none() && !image.is_library).then(|| Finding::warning(file, text))
}

fn missing_loader(file: &Path, image: &Image) -> Option<Finding> {
    let interpreter = image.interpreter.as_ref().filter(|path| !path.exists())?;
    Some(Finding::warning(file, format!("its dynamic loader {} does not exist", interpreter.display())))
}

/// AddressSanitizer must be the first library of all; otherwise it ends the program.
fn asan(file: &Path, image: &Image) -> Option<Finding> {
    let name = image.asan.as_ref()?;
    let text = format!(
        "this program needs {name}, which ends it if another library is loaded first: set \
         ASAN_OPTIONS=verify_asan_link_order=0, or put {name} before the shim in LD_PRELOAD"
    );
    Some(Finding::warning(file, text))
}

fn go(file: &Path, image: &Image) -> Option<Finding> {
    let text = "this is a Go program. Go makes system calls without libc: softclose sees only what C libraries close";
    image.go.then(|| Finding::note(file, text))
}
