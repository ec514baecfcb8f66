//! Describes the machine in words.

use shim_tests::installed::find;
use std::fs;
use std::process::Command;

/// Processor, cores, kernel and libc.
pub fn describe() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{}, {cores} cores{}; Linux {}; {}", processor(), under(), kernel(), libc_version())
}

/// The versions that the programs in use print.
pub fn versions(programs: &[(&str, &[&str])]) -> String {
    let said: Vec<_> = programs.iter().filter_map(|(name, words)| version(name, words)).collect();
    said.join(", ")
}

fn version(name: &str, words: &[&str]) -> Option<String> {
    let output = Command::new(find(name)?).args(words).output().ok()?;
    let text = [output.stdout, output.stderr].concat();
    let line =
        String::from_utf8_lossy(&text).lines().find(|line| line.contains(|c: char| c.is_ascii_digit()))?.to_owned();
    let line = line.split(" [").next()?.split(" Copyright").next()?;
    Some(line.rsplit("version: ").next()?.trim().to_owned())
}

fn processor() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    model.map_or("an unnamed processor".to_owned(), |(_, name)| name.to_owned())
}

/// Says whether this is a virtual machine, as its processor's flags tell.
fn under() -> &'static str {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    if info.contains(" hypervisor") { " of a virtual machine" } else { "" }
}

fn kernel() -> String {
    fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned()
}

fn libc_version() -> String {
    // SAFETY: answers a static string.
    let version = unsafe { std::ffi::CStr::from_ptr(libc::gnu_get_libc_version()) };
    format!("glibc {}", version.to_string_lossy())
}
