//! Every function that this machine's libc exports is reviewed: `libc.txt` says of each what it
//! does to descriptors and processes. A new glibc with a new way to make, copy, pass or end them
//! fails here, and not in production.

use shim_tests::exports::{Review, ReviewTable, functions, libraries};
use shim_tests::shim::library;
use std::collections::BTreeSet;

#[test]
fn every_function_of_libc_is_reviewed() {
    let table = ReviewTable::reviewed();
    let exported = libraries()
        .into_iter()
        .flat_map(|path| functions(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())));
    let all: BTreeSet<String> = exported.collect();
    assert!(all.len() > 2000, "{} functions: is this libc?", all.len());
    let unknown: Vec<&String> = all.iter().filter(|name| table.verdict(name).is_none()).collect();
    assert!(
        unknown.is_empty(),
        "nobody has looked at {unknown:?}.\nRead what each of them does. One that makes, copies, passes or ends a \
descriptor of a socket, an epoll set or a process, or changes who holds or watches one, gets a hook (src/hooks) and a \
test; or, if it cannot have one, a line in docs/limits.md. Then write it down in shim-tests/libc.txt, with its reason."
    );
}

#[test]
fn what_is_said_to_be_hooked_is_exported_and_nothing_else() {
    let table = ReviewTable::reviewed();
    let ours = functions(library()).expect("the shim is an object file");
    let ours: BTreeSet<&str> = ours.iter().map(String::as_str).collect();
    let hooked = table.names(Review::Hooked);
    let missing: Vec<_> = hooked.difference(&ours).collect();
    let leaked: Vec<_> = ours.difference(&hooked).collect();
    assert!(
        missing.is_empty() && leaked.is_empty(),
        "shim-tests/libc.txt says `hooked`, and softclose does not export: {missing:?}\n\
softclose exports, and shim-tests/libc.txt does not say `hooked`: {leaked:?}"
    );
}

#[test]
fn what_is_not_hooked_although_it_matters_is_a_known_limit() {
    let limits = include_str!("../../docs/limits.md");
    let words: BTreeSet<&str> = limits.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
    let table = ReviewTable::reviewed();
    let silent: Vec<_> = table.names(Review::NotHooked).into_iter().filter(|name| !words.contains(name)).collect();
    assert!(silent.is_empty(), "docs/limits.md does not say that these are not seen: {silent:?}");
}

/// A family that swallowed one of these would keep quiet about the next of its kind.
#[test]
fn no_family_decides_of_a_way_to_a_descriptor_or_a_process() {
    let table = ReviewTable::reviewed();
    for name in
        ["memfd_secret", "memfd_new", "pthread_exec", "posix_spawn_new", "pidfd_new", "epoll_new", "io_uring_new"]
    {
        assert_eq!(table.verdict(name), None, "{name}");
    }
}
