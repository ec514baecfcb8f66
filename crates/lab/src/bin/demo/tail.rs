//! Part two, the long tail: a response that is larger than any window, closed
//! with a part of the request unread, and a peer that uploads on before it reads.
//!
//! The victim and the peer are the tests' own.

use crate::command_line::CommandLine;
use crate::network::Network;
use crate::table::{Table, grouped};
use shim_tests::counters::KernelCounters;
use shim_tests::peer::{End, Peer, Report, Upload};
use shim_tests::shim::Shim;
use shim_tests::{RESPONSE, UNREAD, UPLOAD};

struct Run {
    received: usize,
    end: &'static str,
    counters: Option<KernelCounters>,
}

/// How a connection must end.
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
    let script = Peer::to(port).ask(RESPONSE, UNREAD).upload(UNREAD).upload(UPLOAD).read_to_end();
    let mut peer = network.start(script.command());
    let report = Report::parse(&peer.expect("report "));
    peer.exit();
    Run { received: report.received, end: end(&report), counters: network.counters_after(port) }
}

/// How the connection ended, in words. After a write has failed with a reset, a read finds what had
/// come before and then an ordinary end. So the upload is looked at first.
fn end(report: &Report) -> &'static str {
    match report {
        Report { intact: false, .. } => "wrong bytes",
        Report { upload: Upload::Refused, .. } | Report { end: End::Reset, .. } => "a reset",
        Report { upload: Upload::Done, end: End::Eof, .. } => CLEAN,
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
