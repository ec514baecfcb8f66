//! How the library is linked. Compiles `softclose-drain`, and puts it beside the library, where the
//! library looks for it.
//!
//! `softclose-drain` is no cargo target. It has no libc: it aborts on a panic, and is linked
//! without the usual start-up files. As a target it would need a profile of its own.

// It runs at build time, where no function is hooked.
#![allow(clippy::disallowed_types)]

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

const SOURCES: &str = "crates/finisher";
const NAME: &str = "softclose-drain";

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo says where"));
    let made = out.join(NAME);
    compile(&made);
    // TARGET/PROFILE/build/softclose-HASH/out
    let beside = out.ancestors().nth(3).expect("cargo's own layout").join(NAME);
    put(&made, &beside);
    link_library();
    println!("cargo::rerun-if-changed={SOURCES}");
    println!("cargo::rerun-if-changed={}", beside.display());
    println!("cargo::rerun-if-env-changed=RUSTC");
}

/// The C runtime's part of a library runs at each start and end of a process, for constructors and
/// destructors of C++, of which there are none here: more code to map, and a page that is written to.
/// Where the library means its own functions, the loader need not look them up.
fn link_library() {
    for option in ["-nostartfiles", "-Wl,-Bsymbolic"] {
        println!("cargo::rustc-cdylib-link-arg={option}");
    }
}

fn compile(made: &Path) {
    let mut command = Command::new(env::var_os("RUSTC").expect("cargo says which"));
    command.args(["--edition", "2024", "--crate-type", "bin", "--crate-name", "softclose_drain"]);
    command.arg(Path::new(SOURCES).join("program.rs")).arg("-o").arg(made);
    for option in ["panic=abort", "opt-level=s", "strip=symbols", "relocation-model=static"] {
        command.args(["-C", option]);
    }
    for option in ["-nostartfiles", "-nostdlib", "-static", "-Wl,--build-id=none"] {
        command.arg("-C").arg(format!("link-arg={option}"));
    }
    let variable = |name| env::var_os(name).filter(|value| !value.is_empty());
    if let Some(linker) = variable("RUSTC_LINKER") {
        command.arg("-C").arg(format!("linker={}", linker.display()));
    }
    if env::var_os("TARGET") != env::var_os("HOST") {
        command.arg("--target").arg(variable("TARGET").expect("cargo says which"));
    }
    // Paths of this machine are renamed as in the library.
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    command.args(flags.split('\x1f').filter(|flag| flag.starts_with("--remap-path-prefix=")));
    let status = command.status().expect("rustc runs");
    assert!(status.success(), "{NAME} does not build: {status}");
}

/// Puts the program beside the library by a rename, as a process may be running the old one. Its
/// time is that of this file: cargo would build again for a file that is newer than the build.
fn put(made: &Path, beside: &Path) {
    let new = beside.with_extension("new");
    let age = std::fs::metadata("build.rs").and_then(|source| source.modified()).expect("it is being run");
    std::fs::copy(made, &new).expect("room beside the library");
    let file = std::fs::File::options().write(true).open(&new).expect("it was just written");
    file.set_modified(age).expect("it is ours");
    std::fs::rename(&new, beside).expect("the same directory");
}
