//! Measure 8: how many drains a processor can begin and end.

use crate::cpu;
use crate::measure::{Measure, absolutes, median};
use crate::measurement::{Figure, Goal, Measurement, Table};
use crate::ratio::{alternate, arm, figures, ratios};
use crate::testbed::{Testbed, result};
use shim_tests::proc::wait_until;
use shim_tests::program::Program;
use shim_tests::shim::Shim;
use shim_tests::stats::Memory;
use shim_tests::victim::Victim;

/// Connections that wait for the server when it begins.
const BATCH: usize = 2000;

/// Batches in a run.
const BATCHES: usize = 4;

/// The arms: the name, the shim, and the bytes that each peer sends.
const ARMS: [(&str, Shim, usize); 4] = [
    ("bare, peer sent nothing: the ceiling", Shim::Native, 0),
    ("bare, a byte unread: a reset each", Shim::Native, 1),
    ("softclose, peer sent nothing", Shim::Preloaded, 0),
    ("softclose, a byte unread: a drain each", Shim::Preloaded, 1),
];

/// The measure.
pub const MEASURE: Measure = Measure {
    name: "drains",
    title: "Drains begun and ended",
    about: "A server with one thread accepts 2,000 connections that wait in its queue already, each with a byte that nobody reads. It \
answers each with one byte and closes it, as fast as it can. The peers answer each FIN with theirs. *Drains per second of processor time*: \
the connections, divided by the processor time that all threads of the server, softclose's too, have used until every drain has ended. \
That is what one processor can do, and it does not depend on the speed of the peers. *The program's own loop*: the time that the 2,000 \
connections took in the program. *The ceiling* is the same loop without softclose, with peers that have sent nothing: the kernel's plain \
`accept`, `write` and `close`, and a FIN each way.",
    run,
};

/// What a run found, for a close.
#[derive(Clone, Copy, Debug)]
struct Run {
    /// Nanoseconds in the program's loop.
    loop_ns: f64,
    /// Nanoseconds of processor time of the server.
    cpu_ns: f64,
    /// Nanoseconds of processor time of the peers.
    peer_ns: f64,
}

fn run(rounds: usize) -> Result<Measurement, String> {
    let testbed = Testbed::open()?;
    let mut servers = ARMS.map(|(_, shim, bytes)| Server::start(&testbed, shim, bytes, 0));
    let found = alternate(rounds, servers.iter_mut().map(|server| arm(|| server.run())).collect());
    let of = |figure: fn(&Run) -> f64| found.iter().map(|runs| figures(runs, figure)).collect::<Vec<_>>();
    let capacity = of(|run| 1e9 / run.cpu_ns);
    let own = of(|run| 1e9 / run.loop_ns);
    Ok(Measurement {
        figures: vec![
            against(0, "drains per second of processor time, against the ceiling", &capacity)
                .must(Goal::AtLeast(0.75))
                .aims_at(Goal::AtLeast(0.8)),
            against(1, "the same, against bare closes that reset", &capacity),
            against(0, "drains: the program's own loop, against the ceiling", &own),
            against(1, "the same, against bare closes that reset", &own),
        ],
        tables: vec![
            of_all("Closes per second of the server's processor time.", &capacity),
            of_all("Closes per second in the program's own loop.", &own),
            of_all("Processor time of the peers, microseconds per connection.", &of(|run| run.peer_ns / 1000.0)),
            counted(&servers)?,
        ],
        ..Measurement::default()
    })
}

/// The figure of the arm with a drain for each close, against one of the bare arms.
fn against(bare: usize, what: &str, points: &[Vec<f64>]) -> Figure {
    Figure::ratio(what, median(&points[bare], "/s"), ratios(&points[3], &points[bare]))
}

fn of_all(title: &str, points: &[Vec<f64>]) -> Table {
    let named: Vec<_> = ARMS.iter().zip(points).map(|((name, ..), points)| (*name, points.as_slice())).collect();
    absolutes(title, &named)
}

/// A table of what softclose itself counted. Every close must have become a drain that the peer's
/// FIN ended.
fn counted(servers: &[Server]) -> Result<Table, String> {
    let mut table = Table::new("What softclose counted.", &["", "closes", "drains begun", "ended by the peer's FIN"]);
    for (server, (name, shim, _)) in servers.iter().zip(ARMS) {
        if shim == Shim::Preloaded {
            let stat = server.memory.stat(server.program.pid());
            let [begun, fin] = ["drains_begun_total", "drains_ended_total.fin"].map(|name| stat.number(name));
            if begun < server.closes || fin < server.closes {
                return Err(format!("of {} closes {begun} became drains, and {fin} ended by FIN", server.closes));
            }
            table.row([name.to_owned(), server.closes.to_string(), begun.to_string(), fin.to_string()]);
        }
    }
    Ok(table)
}

/// A server that serves all rounds of its arm, and its peers.
pub struct Server {
    program: Program,
    peers: Program,
    memory: Memory,
    closes: u64,
    _idle: Program,
}

impl Server {
    /// Starts the server and its peers. Each peer sends so many bytes. `idle` connections stay open
    /// beside them.
    pub fn start(testbed: &Testbed, shim: Shim, bytes: usize, idle: usize) -> Self {
        let memory = Memory::directory();
        let victim = Victim::c("bench_drains").arg(BATCH.to_string()).arg(idle.to_string());
        let victim = memory.shows(victim).env("SOFTCLOSE_MAX_PENDING", &BATCH.to_string());
        let mut program = testbed.server(&victim, shim);
        let port = program.port();
        let holder = testbed.idle(port, idle, None);
        program.expect("idle");
        let peers = Victim::c("bench_batch").arg(port.to_string()).arg(BATCH.to_string()).arg(bytes.to_string());
        Self { program, peers: testbed.client(&peers), memory, closes: 0, _idle: holder }
    }

    fn run(&mut self) -> Run {
        let batches: Vec<_> = (0..BATCHES).map(|_| self.batch()).collect();
        let mean = |figure: fn(&Run) -> f64| batches.iter().map(figure).sum::<f64>() / BATCHES as f64;
        Run { loop_ns: mean(|run| run.loop_ns), cpu_ns: mean(|run| run.cpu_ns), peer_ns: mean(|run| run.peer_ns) }
    }

    fn batch(&mut self) -> Run {
        let (pid, peers) = (self.program.pid(), self.peers.pid());
        let (peers_before, open) = (cpu::spent(peers), allocated());
        self.peers.go();
        self.peers.expect("ready");
        let before = cpu::spent(pid);
        self.program.go();
        let took = result(&mut self.program)[0];
        self.peers.expect("done");
        wait_until("every drain has ended", || allocated() <= open);
        self.closes += BATCH as u64;
        let each = |time: std::time::Duration| time.as_secs_f64() * 1e9 / BATCH as f64;
        Run {
            loop_ns: took / BATCH as f64,
            cpu_ns: each(cpu::spent(pid) - before),
            peer_ns: each(cpu::spent(peers) - peers_before),
        }
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.program.pid()
    }

    /// Processor time of the server for a close and its drain, nanoseconds.
    pub fn cost(&mut self) -> f64 {
        self.run().cpu_ns
    }
}

/// The number of TCP sockets of the machine that are not freed yet. Listing the sockets of the
/// server would cost the server time.
fn allocated() -> usize {
    let stat = std::fs::read_to_string("/proc/net/sockstat").unwrap_or_default();
    let words: Vec<_> = stat.lines().filter(|line| line.starts_with("TCP:")).flat_map(str::split_whitespace).collect();
    let value = words.iter().skip_while(|&&word| word != "alloc").nth(1);
    value.and_then(|value| value.parse().ok()).expect("sockets in /proc/net/sockstat")
}
