//! The other end of a victim's connection. See `shim_tests::peer` for what each
//! word means to a test.
//!
//!     peer (to=PORT | listen) [host=ADDRESS] [patience=MS] [ipv6] [mptcp] [rcvbuf=N] [sndbuf=N] [copies=N | rounds=N] STEP...
//!
//! Follows the steps on each connection and prints one line for each:
//!
//!     report received=N end=eof|reset|timeout|unread sent=N upload=done|refused|timeout content=good|bad

mod connection;
mod plan;
mod turnstile;

use connection::Connection;
use plan::{Plan, Step};
use std::io::Write;
use std::sync::Arc;
use turnstile::Turnstile;

fn main() {
    let plan = Arc::new(Plan::parse(std::env::args().skip(1)));
    let turnstile = Arc::new(Turnstile::open());
    if plan.listens {
        return listen(&plan, &turnstile);
    }
    let copies: Vec<_> = (0..plan.copies)
        .map(|_| {
            let (plan, turnstile) = (Arc::clone(&plan), Arc::clone(&turnstile));
            std::thread::Builder::new().stack_size(256 << 10).spawn(move || all_rounds(&plan, &turnstile))
        })
        .collect();
    for copy in copies {
        copy.expect("a thread").join().expect("a peer that does not panic");
    }
}

fn listen(plan: &Plan, turnstile: &Arc<Turnstile>) {
    let listener = connection::listen(plan);
    print(&format!("port {}", connection::local_port(&listener)));
    for _ in 0..plan.copies {
        follow(plan, Connection::new(connection::accept(&listener), plan.patience), turnstile);
    }
}

fn all_rounds(plan: &Plan, turnstile: &Arc<Turnstile>) {
    for _ in 0..plan.rounds {
        follow(plan, Connection::new(connection::connect(plan), plan.patience), turnstile);
    }
}

fn follow(plan: &Plan, connection: Connection, turnstile: &Arc<Turnstile>) {
    let connection = Arc::new(connection);
    let mut pass = turnstile.pass();
    for step in &plan.steps {
        match step {
            Step::Say(line) => connection.send(format!("{line}\n").as_bytes()),
            Step::Upload(bytes) => connection.upload(*bytes),
            Step::Firehose => connection.upload(usize::MAX),
            Step::Pour => in_background(&connection, |connection| connection.upload(usize::MAX)),
            Step::Drip(pause) => {
                let pause = *pause;
                in_background(&connection, move |connection| connection.drip(pause));
            }
            Step::Read(bytes) => connection.read(*bytes),
            Step::ReadToEnd => connection.read(usize::MAX),
            Step::Slowly(pause) => connection.read_slowly(*pause),
            Step::Rest(time) => std::thread::sleep(*time),
            Step::Head => connection.read_head(),
            Step::Wait => pass.wait(),
            Step::Tell(word) => print(word),
            Step::Fin => connection.fin(),
        }
    }
    print(&connection.report());
}

/// Starts a thread for `work`. It ends when the connection does, at the latest with the process.
fn in_background(connection: &Arc<Connection>, work: impl FnOnce(&Connection) + Send + 'static) {
    let connection = Arc::clone(connection);
    std::thread::spawn(move || work(&connection));
}

/// Prints one whole line, whichever thread it comes from.
fn print(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
