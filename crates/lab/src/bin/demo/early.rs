//! Part one, the early answer: a server that answers before it has read the
//! request, and clients that read after they have written it.

use crate::network::Network;
use crate::server::Server;
use crate::table::Table;
use crate::upload::{BODY, UploadEnd};
use shim_tests::counters::KernelCounters;
use shim_tests::program::Program;
use shim_tests::shim::Shim;
use std::process::Command;

const CLIENTS: usize = 20;
const AT_ONCE: usize = 4;

struct Run {
    outcomes: Vec<UploadEnd>,
    counters: Option<KernelCounters>,
}

impl Run {
    fn number_of(&self, wanted: UploadEnd) -> usize {
        self.outcomes.iter().filter(|outcome| **outcome == wanted).count()
    }
}

/// Shows both runs, each in a namespace of its own where there can be one. Answers whether every
/// client of the second run was answered.
pub fn show(network: &Network) -> bool {
    let (server, excuse) = Server::choose();
    introduce(server, excuse, network);
    let runs = Shim::BOTH.map(|shim| run(server, shim));
    println!("{}", table(&runs));
    runs[1].number_of(UploadEnd::Answered) == CLIENTS
}

fn introduce(server: Server, excuse: Option<String>, network: &Network) {
    println!("1. The early answer. {} and never reads the body.", server.habit());
    if let Some(reason) = excuse {
        println!("   ({reason}; so this is the bundled legacy server)");
    }
    println!(
        "   {CLIENTS} clients upload {} MiB each, {AT_ONCE} at a time: they write first, and read then.",
        BODY >> 20
    );
    println!("   $ softclose -- {}", server.line(network));
}

fn run(server: Server, shim: Shim) -> Run {
    let network = Network::with_usual_buffers();
    let (_server, port) = server.start(&network, shim);
    let outcomes = (0..CLIENTS / AT_ONCE).flat_map(|_| batch(&network, port)).collect();
    Run { outcomes, counters: network.counters_after(port) }
}

/// Some clients at once, each a process of its own.
fn batch(network: &Network, port: u16) -> Vec<UploadEnd> {
    let clients: Vec<_> = (0..AT_ONCE).map(|_| client(network, port)).collect();
    clients.into_iter().map(outcome).collect()
}

fn client(network: &Network, port: u16) -> Program {
    let mut command = Command::new(std::env::current_exe().expect("a path of this program"));
    Shim::Native.dress(&mut command);
    command.arg(port.to_string());
    network.start(command)
}

fn outcome(mut client: Program) -> UploadEnd {
    let outcome = UploadEnd::parse(&client.expect("outcome "));
    client.exit();
    outcome
}

fn table(runs: &[Run; 2]) -> Table {
    let count = |outcome| runs.each_ref().map(|run| run.number_of(outcome).to_string());
    let mut table = Table::default();
    table.row("answers received in full", count(UploadEnd::Answered).map(|count| format!("{count} of {CLIENTS}")));
    table.row("\"broken pipe\"", count(UploadEnd::BrokenPipe));
    table.row("\"connection reset by peer\"", count(UploadEnd::Reset));
    if runs.iter().any(|run| run.number_of(UploadEnd::Otherwise) > 0) {
        table.row("no whole answer, for another reason", count(UploadEnd::Otherwise));
    }
    table.counters(runs.each_ref().map(|run| run.counters));
    table
}
