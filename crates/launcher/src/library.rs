//! Where `libsoftclose.so` is.
//!
//! Only places that belong to this executable are searched: a library found
//! through the current directory or a variable is one that somebody else may
//! have put there, and it would run inside the command.

use crate::failure::Failure;
use std::env;
use std::fmt::Write;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// File name of the shim.
pub const NAME: &str = "libsoftclose.so";

/// The library of this executable, as a path that `LD_PRELOAD` can hold.
pub fn find() -> Result<PathBuf, Failure> {
    let executable = own_executable()?;
    let places = places(&executable);
    match places.iter().find(|place| place.is_file()) {
        Some(found) if expressible(found) => Ok(found.clone()),
        Some(found) => Err(inexpressible(found)),
        None => Err(missing(&places)),
    }
}

/// Whether two paths name one file, as far as can be told.
pub fn same_file(one: &Path, other: &Path) -> bool {
    let resolved = |path: &Path| fs::canonicalize(path).ok();
    one == other || resolved(one).is_some_and(|path| Some(path) == resolved(other))
}

/// `/proc/self/exe`, so that a symbolic link in `/usr/local/bin` leads to where
/// the library was installed, and argv[0] is never trusted.
fn own_executable() -> Result<PathBuf, Failure> {
    fs::read_link("/proc/self/exe").map_err(|error| {
        Failure::own(format_args!(
            "cannot find {NAME}: where softclose itself is, /proc/self/exe does not say: {error}"
        ))
    })
}

/// Beside the executable (an unpacked archive, cargo's target directory), then
/// where packages put it.
fn places(executable: &Path) -> Vec<PathBuf> {
    let Some(beside) = executable.parent() else { return Vec::new() };
    let installed = beside.parent().into_iter().flat_map(|prefix| {
        ["lib/softclose", &format!("lib/{}", multiarch()), "lib64", "lib"].map(|lib| prefix.join(lib))
    });
    [beside.to_owned()].into_iter().chain(installed).map(|directory| directory.join(NAME)).collect()
}

/// Debian's name for the architecture that this was compiled for.
fn multiarch() -> String {
    match env::consts::ARCH {
        "x86" => "i386-linux-gnu".to_owned(),
        "arm" => "arm-linux-gnueabihf".to_owned(),
        "powerpc64" if cfg!(target_endian = "little") => "powerpc64le-linux-gnu".to_owned(),
        arch => format!("{arch}-linux-gnu"),
    }
}

/// ld.so(8) splits at colons and blanks, expands `$ORIGIN` and its like, and
/// knows no escape for any of them.
fn expressible(path: &Path) -> bool {
    !path.as_os_str().as_bytes().iter().any(|byte| byte.is_ascii_whitespace() || b":$\x0b".contains(byte))
}

fn inexpressible(path: &Path) -> Failure {
    Failure::own(format_args!(
        "LD_PRELOAD cannot express the path {path:?}: it has a colon, a blank or a dollar sign in it; \
         install softclose somewhere else"
    ))
}

fn missing(places: &[PathBuf]) -> Failure {
    let mut message = format!("cannot find {NAME}; searched:");
    for place in places {
        // Writing to a String cannot fail.
        let _ = write!(message, "\n  {}", place.display());
    }
    Failure::own(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beside_comes_before_the_installed_places() {
        let places = places(Path::new("/usr/bin/softclose"));
        assert_eq!(places.first().unwrap(), Path::new("/usr/bin/libsoftclose.so"));
        assert_eq!(places.get(1).unwrap(), Path::new("/usr/lib/softclose/libsoftclose.so"));
        assert!(places.get(2).unwrap().starts_with(format!("/usr/lib/{}", multiarch())));
        assert_eq!(places.get(3).unwrap(), Path::new("/usr/lib64/libsoftclose.so"));
        assert_eq!(places.last().unwrap(), Path::new("/usr/lib/libsoftclose.so"));
    }

    #[test]
    fn an_executable_in_the_root_has_only_its_own_directory() {
        assert_eq!(places(Path::new("/softclose")), [Path::new("/libsoftclose.so")]);
    }

    #[test]
    fn only_what_the_loader_takes_as_it_stands_is_expressible() {
        assert!(expressible(Path::new("/opt/soft-close_1.0/libsoftclose.so")));
        for bad in ["/a b/l.so", "/a:b/l.so", "/a\tb/l.so", "/a\nb/l.so", "/$ORIGIN/l.so"] {
            assert!(!expressible(Path::new(bad)), "{bad:?}");
        }
    }
}
