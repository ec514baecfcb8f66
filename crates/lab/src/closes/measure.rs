//! Runs a case, and looks at it from all sides: the peer's report, the packets, the
//! program's descriptors, the kernel's sockets at both ends.

use super::case::{Case, Side};
use super::link::{self, Link};
use super::packet::{End, Packet, Tap};
use super::scenario::{RESPONSE, Scenario};
use shim_tests::arena::Arena;
use shim_tests::peer::{self, Peer, Report, RunningPeer, Upload};
use shim_tests::proc::{LISTEN, Socket};
use shim_tests::program::{Exit, Program};
use std::time::{Duration, Instant};

/// The number of this state in `/proc/net/tcp` (`include/net/tcp_states.h`).
pub const FIN_WAIT2: u8 = 5;
/// The number of this state, as for [`FIN_WAIT2`].
pub const TIME_WAIT: u8 = 6;
/// The number of this state in `/proc/net/tcp`, as for [`FIN_WAIT2`].
pub const CLOSE_WAIT: u8 = 8;

/// The time between two looks. Each look reads the kernel's tables of connections four times.
const LOOK: Duration = Duration::from_millis(20);

/// How long a run is followed after its end. What happens later is not part of it.
const CALM: Duration = Duration::from_millis(150);

/// When a run that does not come to its end is looked at for the last time.
const LONGEST: Duration = Duration::from_secs(10);

/// How the peer's connection ended, in its own eyes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It read the end of the stream.
    Fin,
    /// A read or a write failed.
    Reset,
    /// The peer gave up.
    Timeout,
}

/// When things happened in the program, in nanoseconds of `CLOCK_REALTIME`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CloseTiming {
    /// The first call of the recipe.
    pub began: i128,
    /// `close` returned.
    pub returned: i128,
    /// The descriptor had left the process, at the first look that found it so.
    pub let_go: i128,
    /// Looks that this took. After the first one nobody knows how much earlier it was.
    pub looks: usize,
    /// What `select` answered, if there was one, and after how long.
    pub selected: Option<(i32, Duration)>,
}

/// Everything that was seen in a run.
#[derive(Clone, Debug)]
pub struct Run {
    /// The run itself.
    pub case: Case,
    /// What the peer reports.
    pub report: Report,
    /// The captured packets.
    pub packets: Vec<Packet>,
    /// When the program did what.
    pub timing: CloseTiming,
    /// The socket that each kernel keeps at the end, as it was when it came into its state.
    pub kept: [Option<Socket>; 2],
}

impl Run {
    /// How it ended for the peer.
    pub fn ending(&self) -> Ending {
        match self.report {
            Report { end: peer::End::Reset, .. } | Report { upload: Upload::Refused, .. } => Ending::Reset,
            Report { end: peer::End::Eof, .. } => Ending::Fin,
            _ => Ending::Timeout,
        }
    }

    /// Whether every byte arrived.
    pub fn is_whole(&self) -> bool {
        self.report.received == RESPONSE && self.report.intact
    }

    /// FINs that this end sent, retransmissions among them.
    pub fn fins(&self, from: End) -> usize {
        self.packets.iter().filter(|packet| packet.from == from && packet.fin).count()
    }

    /// RSTs that this end sent.
    pub fn resets(&self, from: End) -> usize {
        self.packets.iter().filter(|packet| packet.from == from && packet.rst).count()
    }

    /// Which end sent the first FIN.
    pub fn first_fin(&self) -> Option<End> {
        self.packets.iter().find(|packet| packet.fin).map(|packet| packet.from)
    }

    /// What the kernel at this end keeps.
    pub fn kept_by(&self, end: End) -> Option<&Socket> {
        self.kept[end as usize].as_ref()
    }

    /// The ends that hold TIME_WAIT.
    pub fn time_wait(&self) -> Vec<End> {
        let holds = |end: &End| self.kept_by(*end).is_some_and(|socket| socket.state == TIME_WAIT);
        End::BOTH.into_iter().filter(holds).collect()
    }

    /// How long the close took the program: from the first call of the recipe to the return of
    /// `close`.
    pub fn took(&self) -> Duration {
        between(self.timing.began, self.timing.returned)
    }

    /// How long the descriptor was held after that.
    pub fn held(&self) -> Duration {
        between(self.timing.returned, self.timing.let_go)
    }
}

/// From one time to a later one; zero, if it is not later.
pub fn between(from: i128, to: i128) -> Duration {
    Duration::from_nanos(u64::try_from(to - from).unwrap_or(0))
}

/// Runs `case`. The `seed` decides what a far link loses.
///
/// # Errors
/// What this machine lacks.
pub fn run(case: Case, seed: u64) -> Result<Run, String> {
    let link = Link::open(case.distance, seed)?;
    let tap = Tap::start(&link.program);
    let (mut victim, peer) = start(&case, &link);
    victim.expect("ready");
    if case.scenario == Scenario::Vanishes {
        link.cut();
    }
    victim.go();
    let mut watch = Watch { case, link, victim, peer, is_closed: false, timing: None, kept: [None, None] };
    watch.follow();
    let packets = tap.packets();
    let Watch { victim, peer, timing, kept, .. } = watch;
    let report = peer.finish();
    let finished = victim.finish();
    assert_eq!((finished.exit, &finished.stderr[..]), (Exit::Code(0), &[][..]), "{}: {finished:#?}", case.name());
    let timing = timing.expect("it has let go, or `follow` had failed");
    Ok(Run { case, report, packets, timing, kept })
}

fn start(case: &Case, link: &Link) -> (Program, RunningPeer) {
    let (victim, shim) = case.subject.victim();
    let victim = victim.env("SOFTCLOSE_IDLE", case.bounds.idle).env("SOFTCLOSE_TIMEOUT", case.bounds.timeout);
    let victim = victim.env("SOFTCLOSE_PEER_FIRST", case.bounds.peer_first);
    let victim = victim.arg(if case.scenario.awaits_fin() { "fin" } else { "-" });
    match case.side {
        Side::Server => {
            let mut victim = victim.arg("listen").start(&link.program, shim);
            let peer = case.scenario.script(Peer::to(victim.port()).host(link::PROGRAM)).start(&link.peer);
            (victim, peer)
        }
        Side::Client => {
            let mut peer = case.scenario.script(Peer::listening().host(link::PEER)).start(&link.peer);
            let port = peer.program().port();
            (victim.arg(link::PEER.to_string()).arg(port.to_string()).start(&link.program, shim), peer)
        }
    }
}

/// A run that is followed until it is over.
struct Watch {
    case: Case,
    link: Link,
    victim: Program,
    peer: RunningPeer,
    is_closed: bool,
    /// The times of the close. `None` until the program has let go of the descriptor.
    timing: Option<CloseTiming>,
    kept: [Option<Socket>; 2],
}

impl Watch {
    /// Looks until nothing changes any more.
    fn follow(&mut self) {
        let until = Instant::now() + LONGEST;
        let mut calm_since = None;
        while Instant::now() < until {
            self.look();
            match calm_since {
                _ if !self.has_ended() => calm_since = None,
                None => calm_since = Some(Instant::now()),
                Some(since) if since.elapsed() >= CALM => return,
                Some(_) => {}
            }
            std::thread::park_timeout(LOOK);
        }
        if self.timing.is_none() {
            self.victim.fail(&format!("{}: did not close and let go in {LONGEST:?}", self.case.name()));
        }
    }

    fn look(&mut self) {
        let Self { link, kept, .. } = self;
        note(&link.program, &mut kept[End::Program as usize]);
        note(&link.peer, &mut kept[End::Peer as usize]);
        let said = self.victim.said();
        if !self.is_closed && said.iter().any(|line| line.starts_with("closed ")) {
            self.is_closed = true;
            if self.case.scenario.reads_after_close() {
                self.peer.go();
            }
        }
        self.timing = timing(&said);
    }

    fn has_ended(&mut self) -> bool {
        let is_resting = |socket: &Socket| match self.case.scenario {
            Scenario::Never => matches!(socket.state, FIN_WAIT2 | CLOSE_WAIT),
            Scenario::Vanishes => true,
            _ => socket.state == TIME_WAIT,
        };
        let kernels_rest = self.kept.iter().flatten().all(is_resting);
        let said = self.peer.program().said();
        self.timing.is_some() && kernels_rest && said.iter().any(|line| line == "end" || line.starts_with("report "))
    }
}

/// Notes the socket of this side, as it was when it came into its state.
fn note(side: &Arena, kept: &mut Option<Socket>) {
    let socket = side.sockets().into_iter().find(|socket| socket.state != LISTEN);
    let state = |socket: &Option<Socket>| socket.as_ref().map(|socket| (socket.state, socket.inode == 0));
    if state(&socket) != state(kept) {
        *kept = socket;
    }
}

fn timing(said: &[String]) -> Option<CloseTiming> {
    let numbers = |word: &str| -> Option<Vec<i128>> {
        let rest = said.iter().find_map(|line| line.strip_prefix(word))?;
        Some(rest.split(' ').map(|number| number.parse().expect("a number")).collect())
    };
    let [began, returned] = numbers("closed ")?[..] else { panic!("not two times: {said:?}") };
    let [let_go, looks] = numbers("gone ")?[..] else { panic!("not a time and a number: {said:?}") };
    let selected = numbers("selected ").map(|numbers| (numbers[0] as i32, between(0, numbers[1])));
    Some(CloseTiming { began, returned, let_go, looks: looks as usize, selected })
}
