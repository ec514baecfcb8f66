//! The environment variables that the launcher sets for the command: `LD_PRELOAD`, and one for
//! every setting that was given.

use crate::library;
use crate::options::Options;
use crate::quote::quote;
use softclose_core::settings::knobs::KNOBS;
use std::env;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

/// The name of a variable and its value.
pub type Assignment = (&'static str, OsString);

/// The variables that are set for the command. It inherits all others as they are.
pub fn assignments(library: &Path, options: &Options) -> Vec<Assignment> {
    let given = KNOBS.iter().filter_map(|knob| Some((knob.env, options.get(knob.env)?.into())));
    [preload(library)].into_iter().chain(given).collect()
}

/// All variables of softclose that the command would see, inherited ones too: a unit file to which
/// they are copied does not inherit them.
pub fn effective(library: &Path, options: &Options) -> Vec<Assignment> {
    let given = |env| options.get(env).map(OsString::from);
    let knobs = KNOBS.iter().filter_map(|knob| Some((knob.env, given(knob.env).or_else(|| env::var_os(knob.env))?)));
    [preload(library)].into_iter().chain(knobs).collect()
}

/// One line `NAME=value` for each variable, quoted.
pub fn lines(assignments: &[Assignment]) -> Vec<u8> {
    let line = |(name, value): &Assignment| [name.as_bytes(), b"=", &quote(value.as_bytes()), b"\n"].concat();
    assignments.iter().flat_map(line).collect()
}

fn preload(library: &Path) -> Assignment {
    const NAME: &str = "LD_PRELOAD";
    (NAME, with_shim(library, &env::var_os(NAME).unwrap_or_default()))
}

/// The list `present` with `library` in it, and with no other copy of the shim: two copies would both
/// hook each close.
///
/// The shim comes first, as the first definition of a symbol wins. It calls the other libraries by
/// `RTLD_NEXT`. Where the list has a shim already, `library` takes that place: somebody has chosen it.
fn with_shim(library: &Path, present: &OsStr) -> OsString {
    let shims = entries(present).filter(|entry| is_shim(entry, library)).count();
    match (shims, entries(present).any(|entry| library::same_file(Path::new(entry), library))) {
        (0, _) if present.is_empty() => library.as_os_str().to_owned(),
        (0, _) => OsString::from_vec([library.as_os_str().as_bytes(), b":", present.as_bytes()].concat()),
        (1, true) => present.to_owned(),
        _ => replaced(library, present),
    }
}

/// The list with `library` in the place of the first shim, and without the others.
fn replaced(library: &Path, present: &OsStr) -> OsString {
    let mut ours = Some(library.as_os_str());
    let kept = entries(present).filter_map(|entry| if is_shim(entry, library) { ours.take() } else { Some(entry) });
    kept.collect::<Vec<_>>().join(OsStr::new(":"))
}

/// Whether an entry is `library` or another copy of it.
fn is_shim(entry: &OsStr, library: &Path) -> bool {
    let entry = Path::new(entry);
    entry.file_name() == Some(OsStr::new(library::NAME)) || library::same_file(entry, library)
}

/// The entries of a list, which ld.so(8) splits at colons and spaces.
fn entries(list: &OsStr) -> impl Iterator<Item = &OsStr> {
    list.as_bytes().split(|byte| b": ".contains(byte)).filter(|entry| !entry.is_empty()).map(OsStr::from_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(present: &str) -> OsString {
        with_shim(Path::new("/l/libsoftclose.so"), OsStr::new(present))
    }

    #[test]
    fn ours_comes_first_and_what_was_there_stays() {
        assert_eq!(list(""), "/l/libsoftclose.so");
        assert_eq!(list("/a.so"), "/l/libsoftclose.so:/a.so");
        assert_eq!(list("/a.so /b.so"), "/l/libsoftclose.so:/a.so /b.so");
    }

    #[test]
    fn ours_is_not_added_twice() {
        for present in ["/l/libsoftclose.so", "/a.so:/l/libsoftclose.so", "/a.so /l/libsoftclose.so /b.so"] {
            assert_eq!(list(present), present);
        }
        assert_eq!(list("/l/libsoftclose.so.1"), "/l/libsoftclose.so:/l/libsoftclose.so.1");
    }

    /// The launcher made a process with two copies of the library.
    #[test]
    fn another_copy_gives_its_place_to_ours() {
        assert_eq!(list("/old/libsoftclose.so"), "/l/libsoftclose.so");
        assert_eq!(list("libsoftclose.so"), "/l/libsoftclose.so");
        assert_eq!(list("/a.so:/old/libsoftclose.so /b.so"), "/a.so:/l/libsoftclose.so:/b.so");
        assert_eq!(list("/old/libsoftclose.so:/a.so:/l/libsoftclose.so"), "/l/libsoftclose.so:/a.so");
        assert_eq!(list("/l/libsoftclose.so:/l/libsoftclose.so"), "/l/libsoftclose.so");
    }

    #[test]
    fn lines_can_be_read_by_a_shell() {
        let assignments = [("A", "/x".into()), ("B", "/x y".into()), ("C", "".into())];
        assert_eq!(lines(&assignments), b"A=/x\nB='/x y'\nC=\n");
    }
}
