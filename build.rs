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
    link_library(&out);
    println!("cargo::rerun-if-changed={SOURCES}");
    println!("cargo::rerun-if-changed={}", beside.display());
    println!("cargo::rerun-if-env-changed=RUSTC");
}

/// The C runtime's part of a library runs at each start and end of a process, for constructors and
/// destructors of C++, of which there are none here: more code to map, and a page that is written to.
/// Where the library means its own functions, the loader need not look them up. `hot.ld` says which
/// functions lie together. What the linker cannot do is left out.
fn link_library(out: &Path) {
    let order = Path::new("src/hot.ld").canonicalize().expect("it is in the repository");
    let order = format!("-T{}", order.display());
    let optional: [&[&str]; 2] = [&[&order], &FEW_MAPPINGS];
    let optional = optional.into_iter().filter(|options| can_link(out, options)).flatten().copied();
    for option in ["-nostartfiles", "-Wl,-Bsymbolic"].into_iter().chain(optional) {
        println!("cargo::rustc-cdylib-link-arg={option}");
    }
    println!("cargo::rerun-if-changed=src/hot.ld");
}

/// Every fork copies each mapping of the library, and every end of a process removes it. So code and
/// constants are one mapping, and the loader finds no gap that it would map without access. These
/// options are lld's, and not every wrapper of lld has them (zig). Nor can gold order functions.
const FEW_MAPPINGS: [&str; 2] = ["-Wl,--no-rosegment", "-Wl,-z,separate-loadable-segments"];

/// Whether the linker has these options.
fn can_link(out: &Path, options: &[&str]) -> bool {
    const LIBRARY: &str = "#![no_std]\n#[panic_handler]\nfn panic(_: &core::panic::PanicInfo) -> ! {\n    loop {}\n}\n";
    let source = out.join("empty.rs");
    std::fs::write(&source, LIBRARY).expect("OUT_DIR can be written to");
    let mut command = rustc();
    command.args(["--crate-type", "cdylib", "--crate-name", "empty", "-C", "panic=abort"]);
    command.arg(&source).arg("-o").arg(out.join("empty.so"));
    command
        .args(flags().iter())
        .args(options.iter().flat_map(|option| ["-C".to_owned(), format!("link-arg={option}")]));
    command.output().is_ok_and(|output| output.status.success())
}

fn compile(made: &Path) {
    let mut command = rustc();
    command.args(["--crate-type", "bin", "--crate-name", "softclose_drain"]);
    command.arg(Path::new(SOURCES).join("program.rs")).arg("-o").arg(made);
    for option in ["panic=abort", "opt-level=s", "strip=symbols", "relocation-model=static"] {
        command.args(["-C", option]);
    }
    for option in ["-nostartfiles", "-nostdlib", "-static", "-Wl,--build-id=none"] {
        command.arg("-C").arg(format!("link-arg={option}"));
    }
    // Paths of this machine are renamed as in the library.
    command.args(flags().iter().filter(|flag| flag.starts_with("--remap-path-prefix=")));
    let status = command.status().expect("rustc runs");
    assert!(status.success(), "{NAME} does not build: {status}");
}

/// What cargo gives to the compiler as well, by the user's wish.
fn flags() -> Vec<String> {
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    flags.split('\x1f').filter(|flag| !flag.is_empty()).map(str::to_owned).collect()
}

/// The compiler, for the target and with the linker of the library.
fn rustc() -> Command {
    let mut command = Command::new(env::var_os("RUSTC").expect("cargo says which"));
    command.args(["--edition", "2024"]);
    let variable = |name| env::var_os(name).filter(|value| !value.is_empty());
    if let Some(linker) = variable("RUSTC_LINKER") {
        command.arg("-C").arg(format!("linker={}", linker.display()));
    }
    if env::var_os("TARGET") != env::var_os("HOST") {
        command.arg("--target").arg(variable("TARGET").expect("cargo says which"));
    }
    command
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
