//! Measure 6: connections whose peers never answer.

use crate::cpu::{Task, other_threads};
use crate::measure::{Measure, absolutes};
use crate::measurement::{Figure, Goal, Measurement, Table};
use crate::number::number;
use crate::ratio::{Spread, alternate, arm, differences, figures};
use crate::testbed::{Testbed, open_files};
use shim_tests::shim::Shim;
use shim_tests::victim::Victim;
use std::collections::BTreeMap;
use std::time::Duration;

/// Connections, where the limit of descriptors allows as many.
const CONNECTIONS: usize = 10_000;

/// How many connections must be held at least. A few may be left alone because there is no private
/// number for them.
const MOST_OF_THEM: usize = CONNECTIONS / 100 * 99;

/// How long the thread is watched.
const WATCHED: Duration = Duration::from_secs(10);

/// Bytes in a KiB.
const KIB: f64 = 1024.0;

/// Rounds are long here, and counts need fewer of them.
const ROUNDS: usize = 3;

/// The measure.
pub const MEASURE: Measure = Measure {
    name: "held",
    title: "10,000 silent peers",
    about: "A server answers 10,000 connections, and closes each as soon as it has answered it. Their peers stay silent. softclose has no \
limit of time or number here (`SOFTCLOSE_TIMEOUT=0 SOFTCLOSE_IDLE=0`), so it holds all of them throughout. *Memory* is the growth of the \
resident set of the process (`/proc/PID/smaps`) from before the first connection until all are closed, less the growth without \
softclose. After that the thread is watched for ten seconds: its context switches of both kinds, and its processor time (`schedstat`). \
Two more arms have a server that closes all connections after it has answered all of them: connections that are open at the same time \
need memory of their own.",
    run,
};

/// Shim, and when the server closes.
const ARMS: [(Shim, &str); 4] = [
    (Shim::Native, "in-turn"),
    (Shim::Preloaded, "in-turn"),
    (Shim::Native, "together"),
    (Shim::Preloaded, "together"),
];

/// What a run found.
struct Run {
    /// Growth of the resident set, bytes per connection.
    memory: f64,
    /// The same by mapping, KiB.
    mappings: BTreeMap<String, f64>,
    /// Of the thread, where there is one: wake-ups a second, and percent of a processor.
    thread: Option<[f64; 2]>,
    /// Connections that the server still has.
    held: usize,
}

fn run(rounds: usize) -> Result<Measurement, String> {
    if open_files() < CONNECTIONS as u64 + 100 {
        return Err(format!("a program may have {} descriptors only", open_files()));
    }
    let testbed = Testbed::open()?;
    let here = &testbed;
    let arms = ARMS.map(|(shim, when)| arm(move || hold(here, shim, when)));
    let found = alternate(rounds.min(ROUNDS), arms.into());
    let least = [1, 3].iter().flat_map(|&arm: &usize| &found[arm]).map(|run| run.held).min().unwrap_or(0);
    if least < MOST_OF_THEM {
        return Err(format!("only {least} of {CONNECTIONS} connections were held"));
    }
    let memory = [0, 1, 2, 3].map(|arm: usize| figures(&found[arm], |run| run.memory));
    let of_thread = |at: usize| figures(&found[1], |run| run.thread.map_or(0.0, |thread| thread[at]));
    let figure = |what: &str, unit, points| Figure::of(format!("10,000 held: {what}"), "", unit, points);
    Ok(Measurement {
        figures: vec![
            figure("softclose's memory per connection", "bytes", differences(&memory[1], &memory[0]))
                .must(Goal::AtMost(64.0))
                .aims_at(Goal::AtMost(32.0)),
            figure("the same, when all were open at once", "bytes", differences(&memory[3], &memory[2]))
                .must(Goal::AtMost(96.0))
                .aims_at(Goal::AtMost(64.0)),
            figure("wake-ups of the thread", "/s", of_thread(0)).must(Goal::AtMost(2.0)),
            figure("processor time of the thread", "%", of_thread(1)).must(Goal::AtMost(0.1)),
        ],
        tables: vec![
            absolutes(
                "Growth of the resident set, bytes per connection.",
                &[
                    ("bare", &memory[0]),
                    ("with softclose", &memory[1]),
                    ("bare, when all were open at once", &memory[2]),
                    ("with softclose, when all were open at once", &memory[3]),
                ],
            ),
            by_mapping("Where it grew with softclose, KiB.", &found[1]),
            by_mapping("Where it grew with softclose, when all were open at once, KiB.", &found[3]),
            absolutes("Connections held.", &[("with softclose", &figures(&found[1], |run| run.held as f64))]),
        ],
        ..Measurement::default()
    })
}

fn by_mapping(title: &str, runs: &[Run]) -> Table {
    let mut table = Table::new(title, &["mapping", "median"]);
    let names: Vec<_> = runs.first().into_iter().flat_map(|run| run.mappings.keys()).collect();
    for name in names {
        let points = figures(runs, |run| run.mappings.get(name).copied().unwrap_or(0.0));
        let median = Spread::of(&points).median;
        if median > 0.0 {
            table.row([format!("`{name}`"), number(median)]);
        }
    }
    table
}

fn hold(testbed: &Testbed, shim: Shim, when: &str) -> Run {
    let victim = Victim::c("bench_held").arg(CONNECTIONS.to_string()).arg(when);
    let victim = victim.env("SOFTCLOSE_TIMEOUT", "0").env("SOFTCLOSE_IDLE", "0");
    let victim = victim.env("SOFTCLOSE_MAX_PENDING", &(2 * CONNECTIONS).to_string());
    let mut server = testbed.server(&victim, shim);
    let port = server.port();
    let before = resident(server.pid());
    server.go();
    let _peers = testbed.idle(port, CONNECTIONS, Some('G'));
    server.expect("answered");
    server.go();
    server.expect("closed");
    let after = resident(server.pid());
    let mappings: BTreeMap<_, _> =
        after.iter().map(|(name, kib)| (name.clone(), kib - before.get(name).copied().unwrap_or(0.0))).collect();
    let held = testbed.arena.sockets().iter().filter(|socket| socket.is_held_by_server(port)).count();
    let memory = mappings.values().sum::<f64>() * KIB / CONNECTIONS as f64;
    Run { memory, mappings, thread: watch(server.pid()), held }
}

/// Watches all threads that are not the program's own. The program has one.
fn watch(pid: u32) -> Option<[f64; 2]> {
    let threads = other_threads(pid);
    let now = || threads.iter().map(|&tid| Task::now(pid, tid)).collect::<Vec<_>>();
    let before = now();
    // A span of time is what is measured here: there is no event to wait for.
    std::thread::sleep(WATCHED);
    let spent = before.iter().zip(now()).map(|(before, after)| {
        [(after.switches - before.switches) as f64, 100.0 * (after.time - before.time).as_secs_f64()]
    });
    spent
        .reduce(|one, other| [one[0] + other[0], one[1] + other[1]])
        .map(|sum| sum.map(|value| value / WATCHED.as_secs_f64()))
}

/// Resident set of a process by mapping, KiB.
fn resident(pid: u32) -> BTreeMap<String, f64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps")).expect("its smaps can be read");
    let (mut name, mut sizes) = (String::new(), BTreeMap::new());
    for line in text.lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        if words.first().is_some_and(|word| word.contains('-')) {
            name = mapping(words.get(5..).unwrap_or_default());
        } else if let ["Rss:", size, _] = words[..] {
            *sizes.entry(name.clone()).or_insert(0.0) += size.parse::<f64>().expect("KiB");
        }
    }
    sizes
}

/// The name of a mapping: the last part of its path, because paths of one machine are of no use on
/// another.
fn mapping(words: &[&str]) -> String {
    let path = words.join(" ");
    match path.rsplit('/').next() {
        Some("") | None => "anonymous".to_owned(),
        Some(name) if name.ends_with(".softclose") => "the page of counters".to_owned(),
        Some("zero (deleted)") => "anonymous, shared with children".to_owned(),
        Some(name) => name.to_owned(),
    }
}
