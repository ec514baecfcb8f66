//! Measure 5: how long `close` keeps a thread.

use crate::measure::{Measure, median};
use crate::measurement::{Figure, Goal, Measurement, Table};
use crate::number::number;
use crate::ratio::{Spread, alternate, arm, figures, ratios};
use crate::testbed::{Testbed, result};
use shim_tests::program::Program;
use shim_tests::shim::Shim;
use shim_tests::victim::Victim;

/// Connections per second.
const RATE: u64 = 10_000;

/// Length of a run.
const MILLISECONDS: u64 = 1000;

/// Threads of the server.
const THREADS: usize = 16;

/// At most so many connections are open at once.
const AT_ONCE: usize = 256;

/// The measure.
pub const MEASURE: Measure = Measure {
    name: "latency",
    title: "What close takes in a program with threads",
    about: "A server has 16 threads. Each of them accepts, reads a byte, answers 1 KiB and closes. For one second a client begins 10,000 \
connections a second by a timer, however fast the server is. The server reads the clock before and after each `close`. The server and \
softclose's thread may use every processor. The client has the last one, and never sleeps. Two more arms have a client that sleeps when \
it has nothing to do. Data or a FIN for that client must wake its processor too, and the sender waits for that.",
    run,
};

/// What a run found.
#[derive(Clone, Copy, Debug)]
struct Run {
    /// Nanoseconds at p50, p99 and p99.9.
    took: [f64; 3],
    /// Connections per second that were reached.
    rate: f64,
}

/// What the client does while it has nothing to do.
#[derive(Clone, Copy)]
enum Client {
    Awake,
    Asleep,
}

/// Name, shim, client.
const ARMS: [(&str, Shim, Client); 4] = [
    ("bare", Shim::Native, Client::Awake),
    ("with softclose", Shim::Preloaded, Client::Awake),
    ("bare, a client that sleeps", Shim::Native, Client::Asleep),
    ("with softclose, a client that sleeps", Shim::Preloaded, Client::Asleep),
];

fn run(rounds: usize) -> Result<Measurement, String> {
    let testbed = Testbed::open()?;
    let mut servers = ARMS.map(|(_, shim, client)| (Server::start(&testbed, shim, 0), client));
    let arms = servers.iter_mut().map(|(server, client)| arm(|| server.run(&testbed, *client))).collect();
    let found = alternate(rounds, arms);
    let took = |arm: usize, at: usize| figures(&found[arm], |run| run.took[at]);
    let figure = |bare: usize, name: &str, at| {
        let (bare, with) = (took(bare, at), took(bare + 1, at));
        Figure::ratio(format!("`close` in a program with threads: {name}"), median(&bare, "ns"), ratios(&with, &bare))
    };
    let goals = |figure: Figure, most, aim| figure.must(Goal::AtMost(most)).aims_at(Goal::AtMost(aim));
    let mut table = Table::new("Nanoseconds, medians of the rounds.", &["", "p50", "p99", "p99.9", "connections/s"]);
    for (arm, (name, ..)) in ARMS.into_iter().enumerate() {
        let rate = figures(&found[arm], |run| run.rate);
        let columns = [took(arm, 0), took(arm, 1), took(arm, 2), rate].map(|points| number(Spread::of(&points).median));
        table.row([name.to_owned()].into_iter().chain(columns));
    }
    Ok(Measurement {
        figures: vec![
            goals(figure(0, "p50", 0), 1.3, 1.1),
            goals(figure(0, "p99", 1), 1.5, 1.2),
            goals(figure(0, "p99.9", 2), 2.5, 1.5),
            figure(2, "p50, a client that sleeps", 0),
            figure(2, "p99, a client that sleeps", 1),
        ],
        tables: vec![table],
        ..Measurement::default()
    })
}

/// A server that serves all rounds of its arm.
pub struct Server {
    program: Program,
    port: u16,
    _idle: Program,
}

impl Server {
    /// Starts the server, with `idle` connections that stay open.
    pub fn start(testbed: &Testbed, shim: Shim, idle: usize) -> Self {
        let victim = Victim::c("bench_latency").arg(THREADS.to_string()).arg(idle.to_string());
        let mut program = testbed.roaming(&victim, shim);
        let port = program.port();
        let holder = testbed.idle(port, idle, None);
        program.expect("idle");
        Self { program, port, _idle: holder }
    }

    fn run(&mut self, testbed: &Testbed, client: Client) -> Run {
        let patience = match client {
            Client::Awake => "0",
            Client::Asleep => "1000",
        };
        let driver = Victim::c("bench_driver").arg(self.port.to_string()).arg(AT_ONCE.to_string());
        let driver = driver.arg(RATE.to_string()).arg(MILLISECONDS.to_string()).arg(patience);
        let said = result(&mut testbed.client(&driver));
        self.program.go();
        let took = result(&mut self.program);
        Run { took: [took[0], took[1], took[2]], rate: said[0] / said[2] * 1e9 }
    }

    /// Median of what `close` takes, nanoseconds.
    pub fn median(&mut self, testbed: &Testbed) -> f64 {
        self.run(testbed, Client::Awake).took[0]
    }
}
