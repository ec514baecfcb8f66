//! Part two, the long tail: a response that is larger than any window, closed
//! with a part of the request unread, and a peer that uploads on before it reads.
//!
//! The victim and the peer are the tests' own. The peer's command line is written
//! out here: `shim_tests::peer` starts it only in an arena.

use crate::command_line::CommandLine;
use crate::network::Network;
use crate::table::{Table, grouped};
use shim_tests::built::helper;
use shim_tests::counters::KernelCounters;
use shim_tests::shim::Shim;
use shim_tests::{RESPONSE, UNREAD, UPLOAD};
use std::process::Command;

struct Run {
    received: usize,
    end: &'static str,
    counters: Option<KernelCounters>,
}

/// How a connection should end.
const CLEAN: &str = "a FIN";

impl Run {
    fn is_complete(&self) -> bool {
        self.received == RESPONSE && self.end == CLEAN
    }
}

/// Shows both runs and answers whether the second delivered every byte.
pub fn show() -> bool {
    let server = CommandLine::compiled("blocking");
    println!(
        "2. The long tail. A server writes {} MiB and closes with {} KiB of the request unread;",
        RESPONSE >> 20,
        UNREAD >> 10
    );
    println!("   its peer uploads {} MiB more before it reads.", UPLOAD >> 20);
    println!("   $ softclose -- {server}");
    let runs = Shim::BOTH.map(|shim| run(&server, shim));
    println!("{}", table(&runs));
    runs[1].is_complete()
}

fn run(server: &CommandLine, shim: Shim) -> Run {
    let network = Network::open();
    let mut server = network.start(server.command(shim));
    let port = server.port();
    let mut peer = network.start(peer(port));
    let report = peer.expect("report ");
    peer.exit();
    Run {
        received: field(&report, "received").parse().expect("a number of bytes"),
        end: end(&report),
        counters: network.counters_after(port),
    }
}

fn peer(port: u16) -> Command {
    let mut command = Command::new(helper("peer"));
    Shim::Native.dress(&mut command);
    command.args([format!("to={port}"), format!("say=GO {RESPONSE} {UNREAD}")]);
    command.args([format!("upload={UNREAD}"), format!("upload={UPLOAD}"), "read".to_owned()]);
    command
}

/// A value of the peer's line `report received=N end=eof ...`.
fn field<'a>(report: &'a str, name: &str) -> &'a str {
    let found = report.split(' ').find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
    found.unwrap_or_else(|| panic!("no {name} in the report {report:?}"))
}

/// A reset that a write was told of is over and done with: a read after that
/// finds what had come before, and then an end like any other.
fn end(report: &str) -> &'static str {
    match (field(report, "content"), field(report, "upload"), field(report, "end")) {
        ("bad", ..) => "wrong bytes",
        (_, "refused", _) | (_, _, "reset") => "a reset",
        (_, "done", "eof") => CLEAN,
        _ => "no end in time",
    }
}

fn table(runs: &[Run; 2]) -> Table {
    let mut table = Table::default();
    table.row(&format!("bytes received of {}", grouped(RESPONSE)), runs.each_ref().map(|run| grouped(run.received)));
    table.row("the connection ended with", runs.each_ref().map(|run| run.end.to_owned()));
    table.counters(runs.each_ref().map(|run| run.counters));
    table
}
