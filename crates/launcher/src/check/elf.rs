//! What an ELF file says about its loader and its machine.
//!
//! Only headers, program headers and section names are read, through a cache:
//! servers of hundreds of megabytes are ordinary.

use super::Finding;
use object::elf::{DT_NEEDED, FileHeader32, FileHeader64, Machine};
use object::read::ReadCache;
use object::read::elf::{Dyn, FileHeader, ProgramHeader};
use object::{Endianness, FileKind};
use std::ffi::OsStr;
use std::fmt;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

type Cache = ReadCache<File>;

/// What must be the same in a program and in a library that it loads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Target {
    is_class_64: bool,
    is_little_endian: bool,
    machine: Machine,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let class = if self.is_class_64 { "ELFCLASS64" } else { "ELFCLASS32" };
        let data = if self.is_little_endian { "ELFDATA2LSB" } else { "ELFDATA2MSB" };
        write!(f, "{class} {data} {:?}", self.machine)
    }
}

/// What we want to know of an ELF file.
#[derive(Debug)]
pub struct Image {
    target: Target,
    /// PT_INTERP: the dynamic loader.
    interpreter: Option<PathBuf>,
    /// Made by the Go toolchain.
    go: bool,
    /// Needs GCC's AddressSanitizer as a library.
    asan: Option<String>,
}

/// Whether a file that begins with `head` is ELF.
pub fn is_elf(head: &[u8]) -> bool {
    head.starts_with(b"\x7fELF")
}

/// Reads what we want to know, or says why that is not possible.
pub fn read(file: &Path) -> Result<Image, String> {
    let cache = Cache::new(File::open(file).map_err(|error| error.to_string())?);
    let image = match FileKind::parse(&cache) {
        Ok(FileKind::Elf32) => image::<FileHeader32<Endianness>>(&cache),
        Ok(FileKind::Elf64) => image::<FileHeader64<Endianness>>(&cache),
        _ => return Err("not an ELF file".to_owned()),
    };
    image.map_err(|error| format!("not a readable ELF file: {error}"))
}

fn image<Elf: FileHeader<Endian = Endianness>>(cache: &Cache) -> object::Result<Image> {
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
        asan: needed(header, endian, cache).find(|name| name.starts_with("libasan.so")),
    })
}

/// The libraries that it names (`DT_NEEDED`); none where the sections do not tell.
fn needed<Elf: FileHeader<Endian = Endianness>>(
    header: &Elf,
    endian: Endianness,
    cache: &Cache,
) -> impl Iterator<Item = String> {
    let names = || {
        let sections = header.sections(endian, cache).ok()?;
        let (entries, link) = sections.dynamic(endian, cache).ok()??;
        let strings = sections.strings(endian, cache, link).ok()?;
        let needed = entries.iter().filter(|entry| entry.tag(endian) == DT_NEEDED);
        let names = needed.filter_map(|entry| entry.string(endian, strings).ok());
        Some(names.map(|name| String::from_utf8_lossy(name).into_owned()).collect::<Vec<_>>())
    };
    names().unwrap_or_default().into_iter()
}

fn interpreter<Elf: FileHeader<Endian = Endianness>>(
    header: &Elf,
    endian: Endianness,
    cache: &Cache,
) -> object::Result<Option<PathBuf>> {
    for segment in header.program_headers(endian, cache)? {
        if let Some(path) = segment.interpreter(endian, cache)? {
            return Ok(Some(OsStr::from_bytes(path).into()));
        }
    }
    Ok(None)
}

/// Sections are not needed to run a program: one without any, or with broken
/// ones, is simply not known to be Go.
fn is_go<Elf: FileHeader<Endian = Endianness>>(header: &Elf, endian: Endianness, cache: &Cache) -> bool {
    let marks: [&[u8]; 2] = [b".go.buildinfo", b".note.go.buildid"];
    header
        .sections(endian, cache)
        .is_ok_and(|sections| marks.iter().any(|mark| sections.section_by_name(endian, mark).is_some()))
}

/// What speaks against `shim` being loaded into `file`, or working there.
pub fn findings(file: &Path, shim: &Image) -> Vec<Finding> {
    match read(file) {
        Ok(image) => {
            let findings = [machine(file, &image, shim), loader(file, &image), asan(file, &image), go(file, &image)];
            findings.into_iter().flatten().collect()
        }
        Err(reason) => vec![Finding::warning(file, reason)],
    }
}

fn machine(file: &Path, image: &Image, shim: &Image) -> Option<Finding> {
    let (its, ours) = (image.target, shim.target);
    (its != ours).then(|| Finding::warning(file, format!("is for {its}, the shim for {ours}")))
}

fn loader(file: &Path, image: &Image) -> Option<Finding> {
    let Some(interpreter) = &image.interpreter else {
        return Some(Finding::warning(file, "statically linked (no PT_INTERP), so nothing reads LD_PRELOAD"));
    };
    let shown = interpreter.display();
    if interpreter.as_os_str().as_bytes().windows(7).any(|part| part == b"ld-musl") {
        return Some(Finding::warning(file, format!("linked with musl ({shown}), the shim with glibc")));
    }
    (!interpreter.exists()).then(|| Finding::warning(file, format!("its dynamic loader {shown} does not exist")))
}

/// It wants to be the first library of all, and ends the program where it is not.
fn asan(file: &Path, image: &Image) -> Option<Finding> {
    let name = image.asan.as_ref()?;
    let text = format!(
        "needs {name}, which refuses to run behind another library: set ASAN_OPTIONS=verify_asan_link_order=0, \
         or put {name} before the shim in LD_PRELOAD"
    );
    Some(Finding::warning(file, text))
}

fn go(file: &Path, image: &Image) -> Option<Finding> {
    let text = "made by Go, which makes its system calls itself: only what its C libraries close is seen";
    image.go.then(|| Finding::note(file, text))
}
