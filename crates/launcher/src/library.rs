//! Where `libsoftclose.so` is.
//!
//! Only directories at fixed places relative to this executable are searched. Another user may
//! have put a library into the current directory, or set a variable, and the library would run
//! inside the command.

use crate::failure::Failure;
use std::env;
use std::fmt::Write;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The file name of the shim.
pub const NAME: &str = "libsoftclose.so";

/// The path of the library. It is one that `LD_PRELOAD` can hold.
pub fn find() -> Result<PathBuf, Failure> {
    let executable = own_executable()?;
    let places = places(&executable);
    match places.iter().find(|place| place.is_file()) {
        Some(found) if expressible(found) => Ok(found.clone()),
        Some(found) => Err(inexpressible(found)),
        None => Err(missing(&places)),
    }
}

/// Whether two paths name the same file, as far as that can be told.
pub fn same_file(one: &Path, other: &Path) -> bool {
    let resolved = |path: &Path| fs::canonicalize(path).ok();
    one == other || resolved(one).is_some_and(|path| Some(path) == resolved(other))
}

/// The path of this executable, from `/proc/self/exe`: a symbolic link in `/usr/local/bin` leads to
/// the directory of the installation, and `argv[0]` is not trusted.
pub fn own_executable() -> Result<PathBuf, Failure> {
    fs::read_link("/proc/self/exe").map_err(|error| {
        Failure::own(format_args!("cannot find {NAME}: /proc/self/exe does not say where softclose itself is: {error}"))
    })
}

/// The paths to look at: beside the executable, as in an unpacked archive or in cargo's target
/// directory, and then where packages put the library.
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

/// Whether `LD_PRELOAD` can hold the path. ld.so(8) splits the list at colons and blanks, expands
/// `$ORIGIN` and its like, and has no escape for them.
fn expressible(path: &Path) -> bool {
    !path.as_os_str().as_bytes().iter().any(|byte| byte.is_ascii_whitespace() || b":$\x0b".contains(byte))
}

fn inexpressible(path: &Path) -> Failure {
    Failure::own(format_args!(
        "LD_PRELOAD cannot express the path {path:?}, which has a colon, a blank or a dollar sign: \
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
