//! `--copy`: puts the library, `softclose-drain` and the launcher into a directory, for containers
//! whose own image has none of them. An image that has nothing but softclose has no cp(1).

use crate::failure::Failure;
use crate::library;
use std::fs;
use std::io;
use std::path::Path;

/// The library looks for it beside itself.
const DRAIN: &str = "softclose-drain";

/// Copies everything that `softclose` in `directory` needs.
pub fn to(directory: &Path) -> Result<(), Failure> {
    let library = library::find()?;
    let failed = |path: &Path, error| Failure::own(format_args!("cannot copy {}: {error}", path.display()));
    for file in [&library.with_file_name(DRAIN), &library::own_executable()?, &library] {
        put(file, directory).map_err(|error| failed(file, error))?;
    }
    Ok(())
}

/// By a rename, as for any library that programs may be starting with.
fn put(file: &Path, directory: &Path) -> io::Result<()> {
    let name = file.file_name().unwrap_or(file.as_os_str());
    let mut new = name.to_owned();
    new.push(".new");
    let new = directory.join(new);
    fs::copy(file, &new)?;
    fs::rename(&new, directory.join(name))
}
