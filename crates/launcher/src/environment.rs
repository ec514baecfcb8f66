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
    (NAME, prepended(library, &env::var_os(NAME).unwrap_or_default()))
}

/// `library` before the list `present`, or `present` if that has it already.
///
/// The shim comes first, as the first definition of a symbol wins. It calls the other libraries by
/// `RTLD_NEXT`.
fn prepended(library: &Path, present: &OsStr) -> OsString {
    if present.is_empty() {
        return library.as_os_str().to_owned();
    }
    if entries(present).any(|entry| library::same_file(Path::new(entry), library)) {
        return present.to_owned();
    }
    OsString::from_vec([library.as_os_str().as_bytes(), b":", present.as_bytes()].concat())
}

/// The entries of a list, which ld.so(8) splits at colons and spaces.
fn entries(list: &OsStr) -> impl Iterator<Item = &OsStr> {
    list.as_bytes().split(|byte| b": ".contains(byte)).filter(|entry| !entry.is_empty()).map(OsStr::from_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(present: &str) -> OsString {
        prepended(Path::new("/l/libsoftclose.so"), OsStr::new(present))
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

    #[test]
    fn lines_can_be_read_by_a_shell() {
        let assignments = [("A", "/x".into()), ("B", "/x y".into()), ("C", "".into())];
        assert_eq!(lines(&assignments), b"A=/x\nB='/x y'\nC=\n");
    }
}
