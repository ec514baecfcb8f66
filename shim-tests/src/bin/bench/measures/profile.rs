//! Where the time goes: a profile of the servers of `nginx` and `drains`, shimmed.

use super::{Measure, drains};
use crate::nginx::{Nginx, load};
use crate::outcome::{Outcome, Table};
use crate::place::Place;
use shim_tests::compat::install::find;
use shim_tests::compat::tree;
use shim_tests::program::Program;
use shim_tests::scratch::Scratch;
use shim_tests::shim::Shim;
use std::path::Path;
use std::process::Command;

/// Symbols that are shown.
const SHOWN: usize = 24;

/// Length of a run of wrk.
const SECONDS: u64 = 4;

/// Batches of connections that are watched.
const BATCHES: usize = 6;

/// The measure.
pub const MEASURE: Measure = Measure {
    name: "profile",
    title: "where the time goes",
    about: "`perf record -g` with the processor's clock, over all processes and threads of the shimmed server, under the loads of `nginx` \
and `drains`. Shares of all samples, by the function that was running: those of the kernel have no file.",
    run,
};

fn run(_rounds: usize) -> Result<Outcome, String> {
    find("perf").ok_or("no perf")?;
    let mut tables = Vec::new();
    if find("wrk").is_some() {
        let place = Place::open()?;
        let server = Nginx::start(&place, 8081, "off", Shim::Preloaded, &[])?;
        load(&place, &server, 1);
        tables.push(watched("nginx.", server.master(), || {
            load(&place, &server, SECONDS);
        })?);
    }
    let place = Place::open()?;
    let mut server = drains::Server::start(&place, Shim::Preloaded, 1, 0);
    server.cost();
    let pid = server.pid();
    tables.push(watched("drains.", pid, || {
        (0..BATCHES).for_each(|_| {
            server.cost();
        })
    })?);
    Ok(Outcome { tables, ..Outcome::default() })
}

/// The profile of a process and its children during `work`.
fn watched(title: &str, pid: u32, work: impl FnOnce()) -> Result<Table, String> {
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
    let samples = report(&file).ok_or(format!("perf: {said}"))?;
    let mut table = Table::new(title, &["share", "thread", "function", "where"]);
    for sample in samples.into_iter().take(SHOWN) {
        let who = if pids.contains(&sample.thread) { "the program's" } else { "softclose's" };
        table.row([format!("{:.2} %", sample.share), who.to_owned(), format!("`{}`", sample.function), sample.object]);
    }
    Ok(table)
}

/// What one thread did in one function.
struct Sample {
    share: f64,
    thread: String,
    function: String,
    object: String,
}

/// The most frequent first.
fn report(file: &Path) -> Option<Vec<Sample>> {
    let words = ["report", "--stdio", "--no-children", "-g", "none", "--sort", "pid,sym,dso", "-t", "\t", "-i"];
    let output = Command::new("perf").args(words).arg(file).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut samples: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).filter_map(sample).collect();
    samples.sort_by(|one, other| other.share.total_cmp(&one.share));
    (!samples.is_empty()).then_some(samples)
}

/// perf calls a thread's number `pid`: `1.23%`, `4711:nginx`, `[k] tcp_close`, `[kernel.kallsyms]`, with tabs between them.
fn sample(line: &str) -> Option<Sample> {
    let cells: Vec<_> = line.split('\t').map(str::trim).collect();
    let [share, thread, symbol, object] = cells[..] else { return None };
    let function = symbol.split_once("] ").map_or(symbol, |(_, name)| name).to_owned();
    let object = if object.starts_with('[') { "" } else { object }.to_owned();
    let thread = thread.split(':').next()?.to_owned();
    Some(Sample { share: share.trim_end_matches('%').parse().ok()?, thread, function, object })
}
