//! The system calls of each path, and why each one is there.

use super::reasons::reason;
use crate::measure::Measure;
use crate::measurement::{Measurement, Table};
use crate::testbed::{Testbed, sockets};
use shim_tests::installed::find;
use shim_tests::proc::wait_until;
use shim_tests::program::Program;
use shim_tests::shim::Shim;
use shim_tests::strace::{Caller, Calls, Traced};
use shim_tests::victim::Victim;
use std::collections::{BTreeMap, BTreeSet};

/// How often the shorter run takes a path.
const TIMES: u32 = 100;

/// A call that softclose adds less often than this for each time that the path is taken is left
/// out: it comes by chance.
const RARE: f64 = 0.015;

/// What peers do on a path: nothing, as there is none, or an argument of `bench_calls_peer`.
type Peers = Option<&'static str>;

/// The paths: the name, a description, and the peers.
const PATHS: [(&str, &str, Peers); 17] = [
    ("file", "open and close of a file", None),
    ("accept", "accept", Some("stay")),
    ("connect", "socket and connect", None),
    ("socket-udp", "socket (UDP)", None),
    ("socket-tcp", "socket (TCP)", None),
    ("never-connected", "socket, close: never connected", None),
    ("listener", "socket, bind, listen, close: a listener", None),
    ("dup", "dup of a listener, close of it", None),
    ("fork", "fork, a child that ends, wait", None),
    ("peer-closed-first", "accept, read to the peer's FIN, close", Some("first")),
    ("drain", "accept, close: drains until the peer's FIN", Some("answer")),
    ("unread", "accept, close with a byte unread", Some("byte")),
    ("shared", "accept, fork, close in the parent, then in the child", Some("answer")),
    ("dup-connection", "accept, dup, close, close", Some("answer")),
    ("shutdown", "accept, shutdown(SHUT_RDWR), close", Some("answer")),
    ("fclose", "accept, fdopen, fclose", Some("answer")),
    ("threads", "accept, close, beside another thread", Some("answer")),
];

/// The measure.
pub const MEASURE: Measure = Measure {
    name: "calls",
    title: "System calls of each path",
    about: "strace counts the calls. Each number is the difference between 100 and 200 repetitions, so calls that a program makes only once \
are not part of it. A call is listed where it is made more or less often than without softclose: by the program's own threads, in which \
softclose's hooks run, or by softclose's thread. That thread makes one call for several connections when several are ready. The peers \
are connections one after the other, which gives the thread the most to do. `?`: nobody has written down a reason for this call.",
    run,
};

fn run(_rounds: usize) -> Result<Measurement, String> {
    find("strace").ok_or("no strace")?;
    let testbed = Testbed::open()?;
    let mut sink = testbed.roaming(&Victim::c("bench_held").arg("1").arg("together"), Shim::Native);
    let port = sink.port();
    let mut sums = sums();
    let mut table = Table::new(
        "Calls that softclose makes more or less often.",
        &["path", "call", "bare", "by the program", "by the thread", "why"],
    );
    for (path, words, peers) in PATHS {
        let [bare, with] = Shim::BOTH.map(|shim| a_time(&testbed, path, peers, port, shim));
        let [extra, thread] = [Caller::Program, Caller::Thread].map(|caller| sum(&with, caller) - sum(&bare, caller));
        sums.row([words.to_owned(), count(sum(&bare, Caller::Program)), count(extra), count(thread)]);
        compare(&mut table, path, words, &bare, &with);
    }
    let [bare, with] = Shim::BOTH.map(|shim| start_and_end(&testbed, shim));
    sums.row(whole(&bare, &with));
    compare(&mut table, "program", "start and end of `/bin/true`", &bare, &with);
    Ok(Measurement { tables: vec![sums, table], ..Measurement::default() })
}

fn sums() -> Table {
    Table::new("All calls, each time.", &["path", "bare", "more in hooks", "by the thread"])
}

fn whole(bare: &Mean, with: &Mean) -> [String; 4] {
    let [before, after] = [bare, with].map(|calls| sum(calls, Caller::Program));
    ["start and end of `/bin/true`".to_owned(), count(before), count(after - before), count(sum(with, Caller::Thread))]
}

/// How often each call is made for each time that the path is taken.
type Mean = BTreeMap<(Caller, String), f64>;

fn sum(calls: &Mean, of: Caller) -> f64 {
    calls.iter().filter(|((caller, _), _)| *caller == of).map(|(_, count)| count).sum()
}

fn compare(table: &mut Table, path: &str, words: &str, bare: &Mean, with: &Mean) {
    let names: BTreeSet<_> = bare.keys().chain(with.keys()).map(|(_, name)| name).collect();
    for name in names {
        let of = |calls: &Mean, caller| calls.get(&(caller, name.clone())).copied().unwrap_or(0.0);
        let counts = [of(bare, Caller::Program), of(with, Caller::Program), of(with, Caller::Thread)];
        let [before, after, thread] = counts;
        if (after - before).abs() > RARE || thread > RARE {
            let reasons = why(path, name, after - before > RARE, thread > RARE);
            let cells = [words.to_owned(), format!("`{name}`")].into_iter().chain(counts.map(count));
            table.row(cells.chain([reasons]));
        }
    }
}

fn why(path: &str, call: &str, in_hook: bool, by_thread: bool) -> String {
    let of = |caller| reason(path, call, caller).unwrap_or("**?**");
    let hook = in_hook.then(|| of(Caller::Program).to_owned());
    let thread = by_thread.then(|| format!("the thread: {}", of(Caller::Thread)));
    hook.into_iter().chain(thread).collect::<Vec<_>>().join("; ")
}

/// The calls that taking a path once more adds.
fn a_time(testbed: &Testbed, path: &str, peers: Peers, port: u16, shim: Shim) -> Mean {
    let [less, more] = [TIMES, 2 * TIMES].map(|times| calls(testbed, path, times, peers, port, shim));
    let names: BTreeSet<_> = less.keys().chain(more.keys()).cloned().collect();
    let of = |calls: &Calls, name: &(Caller, String)| calls.get(name).copied().unwrap_or(0) as f64;
    names
        .into_iter()
        .map(|name| {
            let count = (of(&more, &name) - of(&less, &name)) / f64::from(TIMES);
            (name, count)
        })
        .collect()
}

fn calls(testbed: &Testbed, path: &str, times: u32, peers: Peers, sink: u16, shim: Shim) -> Calls {
    let victim = Victim::c("bench_calls").arg(path).arg(times.to_string()).arg(sink.to_string());
    let traced = Traced::of(&victim);
    let mut program = traced.start(&testbed.arena, shim);
    let port = program.port();
    let mut peer = peers.map(|manner| peer(testbed, port, times, manner));
    program.expect("gone");
    if let Some(peer) = &mut peer {
        peer.expect("done");
    }
    if peers.is_some_and(|manner| manner != "stay") {
        wait_until("every drain has ended", || sockets(program.pid()) <= 1);
    }
    program.finish();
    traced.calls()
}

fn peer(testbed: &Testbed, port: u16, times: u32, manner: &str) -> Program {
    testbed.client(&Victim::c("bench_calls_peer").arg(port.to_string()).arg(times.to_string()).arg(manner))
}

/// A count, with two digits behind the point at most.
fn count(calls: f64) -> String {
    let text = format!("{:.2}", calls + 0.0);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn start_and_end(testbed: &Testbed, shim: Shim) -> Mean {
    let traced = Traced::of(&Victim::program("/bin/true".into()));
    traced.start(&testbed.arena, shim).finish();
    traced.calls().into_iter().map(|(name, count)| (name, count as f64)).collect()
}
