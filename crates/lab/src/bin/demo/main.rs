//! `make demo`: what softclose is for, in two small tables.
//!
//! Real programs, each run once without softclose and once through the launcher,
//! in a network namespace of its own, so that the kernel's counters count
//! nothing else. Nothing is simulated and nothing is asserted about the runs
//! without; the exit status says whether the runs with delivered everything.

mod command_line;
mod early;
mod network;
mod server;
mod table;
mod tail;
mod upload;

use network::Network;
use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args().nth(1) {
        // The demo is its own client: see `early`.
        Some(port) => upload::run(port.parse().expect("a port")),
        None => return show(),
    }
    ExitCode::SUCCESS
}

fn show() -> ExitCode {
    let network = Network::open();
    println!("{}\n", network.describe());
    let answered = early::show(&network);
    println!();
    let complete = tail::show();
    if answered && complete {
        println!("\nWith softclose everything was delivered.");
        return ExitCode::SUCCESS;
    }
    println!("\nSoftclose did NOT deliver everything.");
    ExitCode::FAILURE
}
