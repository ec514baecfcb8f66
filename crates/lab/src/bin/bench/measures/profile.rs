//! Where the time goes: a profile of the servers of `nginx` and `drains`, shimmed.

use super::drains;
use crate::measure::Measure;
use crate::measurement::{Measurement, Table};
use crate::nginx::{Nginx, load};
use crate::testbed::Testbed;
use shim_tests::installed::find;
use shim_tests::program::Program;
use shim_tests::scratch::Scratch;
use shim_tests::shim::Shim;
use softclose_lab::tree;
use std::path::Path;
use std::process::Command;

/// Symbols that are shown.
const SHOWN: usize = 20;

/// System calls that are shown, percent of all samples.
const LEAST: f64 = 0.5;

/// Names of the kernel's functions that are system calls begin so, on x86_64.
const ENTRY: &str = "__x64_sys_";

/// Length of a run of wrk.
const SECONDS: u64 = 4;

/// Batches of connections that are watched.
const BATCHES: usize = 6;

/// The measure.
pub const MEASURE: Measure = Measure {
    name: "profile",
    title: "Where the time goes",
    about: "`perf record -g` samples all processes and threads of the server with softclose by the processor's clock, under the loads of \
`nginx` and `drains`. All shares are of all samples. *within a system call* counts each system call with everything that it leads to, \
also softirqs that come in between. *in a function itself* counts the functions that were running; those of the kernel have no file.",
    run,
};

fn run(_rounds: usize) -> Result<Measurement, String> {
    find("perf").ok_or("no perf")?;
    let mut tables = Vec::new();
    if find("wrk").is_some() {
        let testbed = Testbed::open()?;
        let server = Nginx::start(&testbed, 8081, "off", Shim::Preloaded, &[])?;
        load(&testbed, &server, 1);
        tables.extend(watched("`nginx`", server.master(), || {
            load(&testbed, &server, SECONDS);
        })?);
    }
    let testbed = Testbed::open()?;
    let mut server = drains::Server::start(&testbed, Shim::Preloaded, 1, 0);
    server.cost();
    let pid = server.pid();
    tables.extend(watched("`drains`", pid, || {
        (0..BATCHES).for_each(|_| {
            server.cost();
        })
    })?);
    Ok(Measurement { tables, ..Measurement::default() })
}

/// The profile of a process and its children during `work`.
fn watched(title: &str, pid: u32, work: impl FnOnce()) -> Result<[Table; 2], String> {
    let directory = Scratch::directory();
    let file = directory.path().join("perf.data");
    let pids: Vec<_> = tree::processes(pid).iter().map(u32::to_string).collect();
    let mut command = Command::new("perf");
    command
        .args(["record", "-q", "-g", "-e", "cpu-clock", "-F", "1999", "-o"])
        .arg(&file)
        .args(["-p", &pids.join(",")]);
    let mut perf = Program::start(command);
    work();
    perf.signal(libc::SIGINT);
    perf.exit();
    let said = perf.finish().stderr.join("; ");
    let samples = samples(&file, false).ok_or(format!("perf: {said}"))?;
    let within = samples_within_calls(&file).ok_or(format!("perf: {said}"))?;
    let who = |sample: &Sample| if pids.contains(&sample.thread) { "the program's" } else { "softclose's" }.to_owned();
    let share = |sample: &Sample| format!("{:.2} %", sample.share);
    let mut calls = Table::new(format!("{title}: within a system call."), &["share", "thread", "system call"]);
    for sample in within.iter().filter(|sample| sample.share >= LEAST) {
        calls.row([share(sample), who(sample), format!("`{}`", sample.function.trim_start_matches(ENTRY))]);
    }
    let mut functions =
        Table::new(format!("{title}: in a function itself."), &["share", "thread", "function", "where"]);
    for sample in samples.iter().take(SHOWN) {
        functions.row([share(sample), who(sample), format!("`{}`", sample.function), sample.object.clone()]);
    }
    Ok([calls, functions])
}

/// What one thread did in one function.
struct Sample {
    share: f64,
    thread: String,
    function: String,
    object: String,
}

/// The samples, the most frequent first. `with_callees` counts for each function also what it
/// called.
fn samples(file: &Path, with_callees: bool) -> Option<Vec<Sample>> {
    let children = if with_callees { "--children" } else { "--no-children" };
    let words = ["report", "--stdio", children, "-g", "none", "--sort", "pid,sym,dso", "-t", "\t", "-i"];
    let output = Command::new("perf").args(words).arg(file).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut samples: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).filter_map(sample).collect();
    samples.sort_by(|one, other| other.share.total_cmp(&one.share));
    (!samples.is_empty()).then_some(samples)
}

fn samples_within_calls(file: &Path) -> Option<Vec<Sample>> {
    let mut samples = samples(file, true)?;
    samples.retain(|sample| sample.function.starts_with(ENTRY));
    Some(samples)
}

/// perf calls a thread's number `pid`: `1.23%`, `4711:nginx`, `[k] tcp_close`,
/// `[kernel.kallsyms]`, with tabs between them, and with callees one more share in the second place.
fn sample(line: &str) -> Option<Sample> {
    let cells: Vec<_> = line.split('\t').map(str::trim).collect();
    let (share, [thread, symbol, object]) = (cells.first()?, cells.last_chunk()?);
    let function = symbol.split_once("] ").map_or(*symbol, |(_, name)| name).to_owned();
    let object = if object.starts_with('[') { "" } else { object }.to_owned();
    let thread = thread.split(':').next()?.to_owned();
    Some(Sample { share: share.trim_end_matches('%').parse().ok()?, thread, function, object })
}
