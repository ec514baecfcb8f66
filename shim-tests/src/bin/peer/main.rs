//! The other end of a victim's connection. See `shim_tests::peer` for what each
//! word means to a test.
//!
//!     peer (to=PORT | listen) [host=ADDRESS] [patience=MS] [ipv6] [mptcp] [rcvbuf=N] [sndbuf=N] [copies=N | rounds=N] STEP...
//!
//! Follows the steps on each connection and prints one line for each:
//!
//!     report received=N end=eof|reset|timeout|unread sent=N upload=done|refused|timeout content=good|bad

mod gate;
mod link;
mod plan;

use gate::Gate;
use link::Link;
use plan::{Plan, Step};
use std::io::Write;
use std::sync::Arc;

fn main() {
    let plan = Arc::new(Plan::parse(std::env::args().skip(1)));
    let gate = Arc::new(Gate::open());
    if plan.listens {
        return listen(&plan, &gate);
    }
    let copies: Vec<_> = (0..plan.copies)
        .map(|_| {
            let (plan, gate) = (Arc::clone(&plan), Arc::clone(&gate));
            std::thread::Builder::new().stack_size(256 << 10).spawn(move || all_rounds(&plan, &gate))
        })
        .collect();
    for copy in copies {
        copy.expect("a thread").join().expect("a peer that does not panic");
    }
}

fn listen(plan: &Plan, gate: &Arc<Gate>) {
    let listener = link::listen(plan);
    print(&format!("port {}", link::local_port(&listener)));
    for _ in 0..plan.copies {
        follow(plan, Link::new(link::accept(&listener), plan.patience), gate);
    }
}

fn all_rounds(plan: &Plan, gate: &Arc<Gate>) {
    for _ in 0..plan.rounds {
        follow(plan, Link::new(link::connect(plan), plan.patience), gate);
    }
}

fn follow(plan: &Plan, link: Link, gate: &Arc<Gate>) {
    let link = Arc::new(link);
    let mut ticket = gate.ticket();
    for step in &plan.steps {
        match step {
            Step::Say(line) => link.send(format!("{line}\n").as_bytes()),
            Step::Upload(bytes) => link.upload(*bytes),
            Step::Firehose => link.upload(usize::MAX),
            Step::Pour => in_background(&link, |link| link.upload(usize::MAX)),
            Step::Drip(pause) => {
                let pause = *pause;
                in_background(&link, move |link| link.drip(pause));
            }
            Step::Read(bytes) => link.read(*bytes),
            Step::ReadToEnd => link.read(usize::MAX),
            Step::Slowly(pause) => link.read_slowly(*pause),
            Step::Rest(time) => std::thread::sleep(*time),
            Step::Head => link.read_head(),
            Step::Wait => ticket.wait(),
            Step::Tell(word) => print(word),
            Step::Fin => link.fin(),
        }
    }
    print(&link.report());
}

/// The thread ends with the connection, at the latest with the process.
fn in_background(link: &Arc<Link>, work: impl FnOnce(&Link) + Send + 'static) {
    let link = Arc::clone(link);
    std::thread::spawn(move || work(&link));
}

/// One line at once, whichever thread it comes from.
fn print(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
