//! The licences of what is linked into each program and into the library.
//!
//! Cargo says which crates these are, and where their sources lie; every source has the
//! texts of its licences. Where a crate offers a choice ("MIT OR Apache-2.0"), the longer
//! texts are left out. A text that several crates share word for word is printed once.

use anyhow::{Context, Result, bail};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Node, Package, PackageId, TargetKind};
use spdx::{Expression, ParseMode};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The machines that softclose is for: one list of crates is true of both.
const TARGETS: [&str; 2] = ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"];

/// Below `share`.
const DIRECTORY: &str = "doc/softclose/licences";

/// What is installed, and the package that it is built from. `softclose-drain` is built
/// from a part of what is in the library.
const INSTALLED: [(&str, &str); 3] =
    [("libsoftclose.so", "softclose"), ("softclose", "softclose-launcher"), ("softclosectl", "softclose-ctl")];

/// Parts of the names of licence files, and the licence that is in such a file. The first
/// ones are left out first, where there is a choice.
const NAMED: [(&str, &str); 5] = [
    ("APACHE", "Apache-2.0"),
    ("BOOST", "BSL-1.0"),
    ("UNLICENSE", "Unlicense"),
    ("UNICODE", "Unicode-3.0"),
    ("MIT", "MIT"),
];

/// Paths below `share`, and what is in them.
pub fn all() -> Result<Vec<(PathBuf, String)>> {
    let mut command = MetadataCommand::new();
    let platforms = TARGETS.iter().flat_map(|target| ["--filter-platform", target]);
    command.other_options(["--locked"].into_iter().chain(platforms).map(str::to_owned).collect::<Vec<_>>());
    let metadata = command.exec().context("cargo metadata, in the directory of the project")?;
    let directory = Path::new(DIRECTORY);
    let mut files = Vec::new();
    for (name, package) in INSTALLED {
        files.push((directory.join(format!("{name}.txt")), of(name, &linked(&metadata, package)?)?));
    }
    files.extend(standard_library()?.map(|text| (directory.join("rust-standard-library.html"), text)));
    Ok(files)
}

/// Everything that is compiled into a package's own code, by name; our own crates, and what
/// runs in the compiler only, are left out.
fn linked<'a>(metadata: &'a Metadata, package: &str) -> Result<BTreeMap<String, &'a Package>> {
    let resolve = metadata.resolve.as_ref().context("cargo has resolved nothing")?;
    let nodes: BTreeMap<&PackageId, &Node> = resolve.nodes.iter().map(|node| (&node.id, node)).collect();
    let root = metadata.packages.iter().find(|found| found.name == package).with_context(|| package.to_owned())?;
    let (mut todo, mut seen) = (vec![&root.id], BTreeSet::new());
    while let Some(id) = todo.pop() {
        if is_macro(&metadata[id]) || !seen.insert(id) {
            continue;
        }
        let links =
            |dep: &&cargo_metadata::NodeDep| dep.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal);
        todo.extend(nodes.get(id).into_iter().flat_map(|node| &node.deps).filter(links).map(|dep| &dep.pkg));
    }
    let others = seen.into_iter().map(|id| &metadata[id]).filter(|package| package.source.is_some());
    Ok(others.map(|package| (format!("{} {}", package.name, package.version), package)).collect())
}

fn is_macro(package: &Package) -> bool {
    package.targets.iter().any(|target| target.kind.contains(&TargetKind::ProcMacro))
}

/// The notices of one program.
fn of(name: &str, linked: &BTreeMap<String, &Package>) -> Result<String> {
    let mut page = format!("The crates that are linked into {name}, and their licences\n\n");
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (crate_, package) in linked {
        let licence = package.license.as_deref().unwrap_or("see below");
        let home = package.repository.as_deref().unwrap_or_default();
        writeln!(page, "{crate_}: {licence} {home}")?;
        for (file, text) in texts_of(package)? {
            texts.entry(text).or_default().push(format!("{crate_} ({file})"));
        }
    }
    write!(page, "\nRust's standard library: MIT OR Apache-2.0 https://github.com/rust-lang/rust\n{STANDARD_LIBRARY}")?;
    let mut texts: Vec<_> = texts.into_iter().collect();
    texts.sort_by(|(_, crates), (_, others)| crates.cmp(others));
    for (text, crates) in texts {
        write!(page, "\n{}\n{}\n\n{text}\n", "-".repeat(72), crates.join("\n"))?;
    }
    Ok(page)
}

const STANDARD_LIBRARY: &str = "\
Its own notices are in rust-standard-library.html beside this file, if the Rust toolchain
that built softclose came with them.
";

/// The names and the texts of the licences that a crate is taken under.
fn texts_of(package: &Package) -> Result<Vec<(String, String)>> {
    let directory = package.manifest_path.parent().context("a file is in a directory")?;
    let mut files: Vec<_> = fs::read_dir(directory)?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| is_licence(name))
        .collect();
    files.sort();
    if let Some(licence) = &package.license {
        let expression = Expression::parse_mode(licence, ParseMode::LAX).with_context(|| package.name.to_string())?;
        leave_out_alternatives(&mut files, &expression);
    }
    if files.is_empty() {
        bail!("{} has no text of a licence in {directory}", package.name);
    }
    files
        .into_iter()
        .map(|name| {
            let text = fs::read(directory.join(&name)).with_context(|| name.clone())?;
            Ok((name, String::from_utf8_lossy(&text).replace('\r', "").trim_matches('\n').to_owned()))
        })
        .collect()
}

fn is_licence(name: &str) -> bool {
    let name = name.to_uppercase();
    ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE"].iter().any(|start| name.starts_with(start))
}

/// A file goes if what is left still satisfies the expression.
fn leave_out_alternatives(files: &mut Vec<String>, expression: &Expression) {
    let mut left_out = Vec::new();
    for (part, licence) in NAMED {
        let is_of = |name: &String| name.to_uppercase().contains(part);
        left_out.push(licence);
        let is_enough =
            expression.evaluate(|required| required.license.id().is_none_or(|id| !left_out.contains(&id.name)));
        if is_enough && !files.iter().all(is_of) {
            files.retain(|name| !is_of(name));
        } else {
            left_out.pop();
        }
    }
}

/// The standard library's own notices, where the toolchain has them.
fn standard_library() -> Result<Option<String>> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).args(["--print", "sysroot"]).output().context("rustc")?;
    let sysroot = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    Ok(fs::read_to_string(sysroot.join("share/doc/rust/COPYRIGHT-library.html")).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn is_left(licence: &str, files: &[&str], left: &[&str]) {
        let mut files = files.iter().map(|&name| name.to_owned()).collect();
        leave_out_alternatives(&mut files, &Expression::parse_mode(licence, ParseMode::LAX).unwrap());
        assert_eq!(files, left, "{licence}");
    }

    #[test]
    fn of_alternatives_one_is_left() {
        is_left("MIT OR Apache-2.0", &["LICENSE-APACHE", "LICENSE-MIT"], &["LICENSE-MIT"]);
        is_left("MIT/Apache-2.0", &["COPYRIGHT", "LICENSE-Apache", "LICENSE-MIT"], &["COPYRIGHT", "LICENSE-MIT"]);
        is_left("Apache-2.0 OR BSL-1.0", &["LICENSE-APACHE", "LICENSE-BOOST"], &["LICENSE-BOOST"]);
    }

    #[test]
    fn what_is_required_stays() {
        is_left("MIT AND Apache-2.0", &["LICENSE-APACHE", "LICENSE-MIT"], &["LICENSE-APACHE", "LICENSE-MIT"]);
        let unicode = ["LICENSE-APACHE", "LICENSE-MIT", "LICENSE-UNICODE"];
        is_left("(MIT OR Apache-2.0) AND Unicode-3.0", &unicode, &["LICENSE-MIT", "LICENSE-UNICODE"]);
        is_left("BSD-2-Clause", &["COPYING"], &["COPYING"]);
        is_left("MIT OR Apache-2.0", &["LICENSE-APACHE"], &["LICENSE-APACHE"]);
    }
}
