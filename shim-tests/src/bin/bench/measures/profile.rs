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
    let rows = report(&file).ok_or(format!("perf: {said}"))?;
    let mut table = Table::new(title, &["share", "function", "where"]);
    rows.into_iter().take(SHOWN).for_each(|row| table.row(row));
    Ok(table)
}

fn report(file: &Path) -> Option<Vec<[String; 3]>> {
    let output = Command::new("perf")
        .args([
            "report",
            "--stdio",
            "--no-children",
            "-g",
            "none",
            "--sort",
            "sym,dso",
            "-F",
            "overhead,sym,dso",
            "-t",
            "\t",
            "-i",
        ])
        .arg(file)
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let rows: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).filter_map(row).collect();
    (!rows.is_empty()).then_some(rows)
}

/// `1.23%`, `[k] tcp_close`, `[kernel.kallsyms]`, with tabs between them.
fn row(line: &str) -> Option<[String; 3]> {
    let mut cells = line.split('\t').map(str::trim);
    let (share, symbol, object) = (cells.next()?, cells.next()?, cells.next()?);
    let name = symbol.split_once("] ").map_or(symbol, |(_, name)| name);
    let object = if object.starts_with('[') { "" } else { object };
    Some([share.to_owned(), format!("`{name}`"), object.to_owned()])
}
