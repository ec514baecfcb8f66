//! The shim exports exactly the intended symbols. With one more, some program would find its own
//! function replaced by ours.

use object::{Object, ObjectSection, ObjectSymbol};
use shim_tests::shim::{dist, library};
use shim_tests::{here, skip};
use std::collections::BTreeSet;
use std::process::Command;

/// What a program may find in us.
const EXPORTED: &[&str] = &[
    // The end of a descriptor.
    "close",
    "closesocket",
    "close_range",
    "closefrom",
    "fclose",
    "freopen",
    "freopen64",
    "shutdown",
    "setsockopt",
    // How a connection comes to be.
    "socket",
    "accept",
    "accept4",
    "connect",
    "bind",
    "listen",
    // Copies.
    "dup",
    "dup2",
    "dup3",
    "fcntl",
    "fcntl64",
    // New processes.
    "fork",
    "forkpty",
    "daemon",
    "_Fork",
    "forkpty",
    "vfork",
    "posix_spawn",
    "posix_spawnp",
    "pidfd_spawn",
    "pidfd_spawnp",
    "wordexp",
    "popen",
    "system",
    "clone",
    // What may find no room beside a thread of ours.
    "pthread_create",
    // The limit of which is raised for the length of a call.
    "setrlimit",
    "setrlimit64",
    "prlimit",
    "prlimit64",
    // What may find no number free beside ours.
    "open",
    "open64",
    "openat",
    "openat64",
    "__open_2",
    "__open64_2",
    "__openat_2",
    "__openat64_2",
    "creat",
    "creat64",
    "pipe",
    "pipe2",
    "socketpair",
    "eventfd",
    "timerfd_create",
    "inotify_init",
    "inotify_init1",
    "memfd_create",
    "signalfd",
    "fopen",
    "fopen64",
    "tmpfile",
    "tmpfile64",
    "opendir",
    // Passing.
    "sendmsg",
    "sendmmsg",
    "recvmsg",
    "recvmmsg",
    "pidfd_getfd",
    // What must find no thread of ours.
    "unshare",
    "setns",
    "prctl",
    "setuid",
    "setgid",
    "seteuid",
    "setreuid",
    "setregid",
    "setresuid",
    "setresgid",
    "setgroups",
    "initgroups",
    "capset",
    // All of these by number.
    "syscall",
    // Who watches.
    "epoll_create",
    "epoll_create1",
    "epoll_pwait",
    "epoll_pwait2",
    "epoll_wait",
    "epoll_ctl",
    // The end of the program.
    "execve",
    "execv",
    "execl",
    "execle",
    "execvp",
    "execvpe",
    "execlp",
    "fexecve",
    "execveat",
    // The end of the process; `exit` ends in a handler, `quick_exit` in a
    // handler of `at_quick_exit`.
    "_exit",
    "_Exit",
    "on_exit",
];

#[test]
fn exactly_the_intended_symbols_are_exported() {
    let data = std::fs::read(library()).expect("the shim is there");
    let file = object::File::parse(&*data).expect("the shim is an object file");
    let found: BTreeSet<&str> = file
        .dynamic_symbols()
        .filter(|symbol| symbol.is_definition() && symbol.is_global())
        .map(|symbol| symbol.name().expect("a name"))
        .collect();
    let intended: BTreeSet<&str> = EXPORTED.iter().copied().collect();
    let missing: Vec<_> = intended.difference(&found).collect();
    let leaked: Vec<_> = found.difference(&intended).collect();
    assert!(
        missing.is_empty() && leaked.is_empty(),
        "`EXPORTED` in this file names these, and softclose does not export them: {missing:?}\n\
softclose exports these, and `EXPORTED` lacks them (add or hide them): {leaked:?}"
    );
}

/// Cancellation unwinds through us with libgcc's unwinder, which libc loads for it. With
/// another one linked in, a thread that was cancelled in `close` aborted; and to have
/// libgcc loaded into every program costs each of them a tenth of a millisecond.
#[test]
fn no_unwinder_is_linked_in_or_asked_for() {
    let data = std::fs::read(library()).expect("the shim is there");
    let file = object::File::parse(&*data).expect("the shim is an object file");
    let names = |symbol: object::Symbol<'_, '_>| symbol.name().unwrap_or_default().to_owned();
    let asked: Vec<_> = file.dynamic_symbols().map(names).filter(|name| name.starts_with("_Unwind_")).collect();
    assert_eq!(asked, [""; 0]);
    let linked: Vec<_> = file.symbols().map(names).filter(|name| name.starts_with("unw_")).collect();
    assert_eq!(linked, [""; 0], "LLVM's unwinder, as zig brings it");
}

/// The loader of musl stands in for the libraries of libc, by these names, and finds no other library of glibc's. On
/// aarch64 the library needed glibc's loader by name, for the canary of a stack protector, and libgcc_s: no program for
/// musl started with it.
#[test]
fn no_library_is_needed_that_musl_has_not() {
    const OF_LIBC: [&str; 7] = ["libc.", "libpthread.", "librt.", "libm.", "libdl.", "libutil.", "libxnet."];
    let data = std::fs::read(library()).expect("the shim is there");
    let file = object::read::elf::ElfFile64::<object::Endianness>::parse(&*data).expect("the shim is an object file");
    let table = file.elf_dynamic_table().expect("a library has one");
    let needed = table.iter().filter(|entry| entry.tag == object::elf::DT_NEEDED);
    let needed = needed.map(|entry| String::from_utf8_lossy(table.string(entry).expect("a name")));
    let others: Vec<_> = needed.filter(|name| !OF_LIBC.iter().any(|of_libc| name.starts_with(of_libc))).collect();
    assert_eq!(others, [""; 0]);
}

/// As numbers, so that 2.9 comes before 2.34.
fn version(text: &str) -> Vec<u32> {
    text.split('.').map(|number| number.parse().expect("a version of glibc")).collect()
}

#[test]
fn the_library_asks_for_no_newer_glibc_than_the_readme_says() {
    let readme = include_str!("../../README.md");
    let documented = readme.split_once("glibc ").and_then(|(_, rest)| rest.split_once(" or later"));
    let (documented, _) = documented.expect("README.md says which glibc");
    let output = Command::new(dist()).arg("glibc").arg(library()).output().expect("softclose-dist runs");
    let asked = String::from_utf8(output.stdout).expect("a version");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(version(asked.trim()) <= version(documented), "glibc {asked}, and the README says {documented}");
}

/// A pattern whose function was renamed would leave that function far from the others, silently. In a release
/// build the compiler may have put a function into its caller.
#[test]
fn every_pattern_of_hot_ld_is_a_function() {
    let data = std::fs::read(library()).expect("the shim is there");
    let file = object::File::parse(&*data).expect("the shim is an object file");
    let hot = file.section_by_name(".text.hot").expect("the linker has read hot.ld").index();
    let is_hot = |symbol: &object::Symbol<'_, '_>| symbol.section_index() == Some(hot);
    let names: Vec<_> = file.symbols().filter(is_hot).map(|symbol| symbol.name().expect("a name").to_owned()).collect();
    if names.is_empty() || !library().ends_with("debug/libsoftclose.so") {
        return skip(here!(), "no debug build");
    }
    let patterns = include_str!("../../src/hot.ld")
        .lines()
        .filter_map(|line| line.trim().strip_prefix("*(.text.").and_then(|rest| rest.strip_suffix(")")));
    let lost: Vec<_> = patterns.filter(|pattern| !names.iter().any(|name| matches(pattern, name))).collect();
    assert_eq!(lost, [""; 0]);
}

/// Whether `name` is what `pattern` says, with any text for each `*`.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == name };
    let ends = |at: &usize| name.is_char_boundary(*at) && matches(rest, &name[*at..]);
    name.starts_with(first) && (first.len()..=name.len()).any(|at| ends(&at))
}
