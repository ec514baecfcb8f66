//! The format of a file: an ELF program with or without a loader, a script, or another.
//!
//! Context: async-signal-safe.

use crate::sys::Fd;
use crate::sys::file;
use crate::sys::machine::ELF_MACHINE;
use core::ffi::CStr;

/// How many bytes the kernel looks at to tell the format (`BINPRM_BUF_SIZE`).
const HEAD: usize = 256;

/// A path that was found in a file, terminated.
pub struct Name([u8; HEAD]);

impl Name {
    fn new(bytes: &[u8]) -> Option<Self> {
        let mut buffer = [0; HEAD];
        // The last byte stays zero.
        buffer.get_mut(..HEAD - 1)?.get_mut(..bytes.len())?.copy_from_slice(bytes);
        (!bytes.is_empty() && !bytes.contains(&0)).then_some(Self(buffer))
    }

    /// The path.
    pub fn bytes(&self) -> &[u8] {
        self.0.split(|&byte| byte == 0).next().unwrap_or_default()
    }

    /// The path, for a system call.
    pub fn as_ptr(&self) -> *const core::ffi::c_char {
        self.0.as_ptr().cast()
    }
}

/// The format of a file.
pub enum Format {
    /// An ELF file that the kernel loads without a loader.
    Elf,
    /// An ELF file that names a loader.
    Interpreted(Name),
    /// A script that names an interpreter.
    Script(Name),
    /// No format that the kernel knows.
    Text,
}

impl Format {
    /// Reads the format of an open file. `None` where the file is damaged or cannot be read.
    #[inline(never)]
    pub fn of(fd: Fd) -> Option<Self> {
        let mut head = [0; HEAD];
        let length = file::read_at(fd, &mut head, 0)?;
        let head = head.get(..length)?;
        match head.strip_prefix(b"#!") {
            Some(line) => Some(Self::Script(interpreter(line)?)),
            None if head.starts_with(b"\x7fELF") => Headers::of(head)?.format(fd),
            None => Some(Self::Text),
        }
    }
}

/// The interpreter of a script: the first word of its first line, if the line ends within the bytes
/// that the kernel looks at (`load_script`).
fn interpreter(line: &[u8]) -> Option<Name> {
    let end = line.iter().position(|&byte| byte == b'\n')?;
    let mut words = line.get(..end)?.split(|&byte| byte == b' ' || byte == b'\t');
    Name::new(words.find(|word| !word.is_empty())?)
}

/// Where the program headers of an ELF file for this machine are.
struct Headers {
    at: u64,
    count: u16,
}

impl Headers {
    const SIZE: u16 = 56;
    /// More headers than any linker makes.
    const MOST: u16 = 64;

    /// Finds the program headers. `None` for other machines and for ELF files that are no programs
    /// (`elf_check_arch`).
    fn of(head: &[u8]) -> Option<Self> {
        const ELF64_LITTLE: &[u8] = b"\x7fELF\x02\x01";
        const ET_EXEC: u16 = 2;
        const ET_DYN: u16 = 3;
        let kind = u16_at(head, 16)?;
        let is_ours = head.starts_with(ELF64_LITTLE) && u16_at(head, 18)? == ELF_MACHINE;
        let headers = Self { at: u64_at(head, 32)?, count: u16_at(head, 56)? };
        let is_sound = u16_at(head, 54)? == Self::SIZE && (1..=Self::MOST).contains(&headers.count);
        (is_ours && is_sound && (kind == ET_EXEC || kind == ET_DYN)).then_some(headers)
    }

    /// The format, by the program headers. `None` where a header or the name of the loader cannot be
    /// read.
    fn format(&self, fd: Fd) -> Option<Format> {
        const PT_INTERP: u32 = 3;
        let mut found = Format::Elf;
        for index in 0..self.count {
            let mut header = [0; Self::SIZE as usize];
            let at = self.at.checked_add(u64::from(index) * u64::from(Self::SIZE))?;
            if file::read_at(fd, &mut header, at)? != header.len() {
                return None;
            }
            if u32_at(&header, 0)? == PT_INTERP {
                found = Format::Interpreted(loader(fd, &header)?);
            }
        }
        Some(found)
    }
}

/// The path of the loader, from a header of type `PT_INTERP`.
fn loader(fd: Fd, header: &[u8]) -> Option<Name> {
    let mut buffer = [0; HEAD];
    let length = usize::try_from(u64_at(header, 32)?).ok()?;
    let path = buffer.get_mut(..length)?;
    let complete = file::read_at(fd, path, u64_at(header, 8)?)? == length;
    let name = CStr::from_bytes_with_nul(path).ok()?;
    if complete { Name::new(name.to_bytes()) } else { None }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}
