//! One run: the director tells the actors what to do, plays their peer, and
//! writes down what happens.
//!
//! Everything happens in lockstep. The peer reads nothing by itself, so that
//! responses are in flight when their connection ends; but once an act takes
//! longer than 20 ms, it reads all there is until the act is done: a
//! close, or an end, that waits for the peer is worth waiting for.

use super::case::{Case, Step};
use super::compare::has_undirected_child;
use super::connection::Connection;
use super::mailboxes::{ActResult, Awaited, Mailboxes, OpenNumber};
use super::outcome::{ConnectionReport, End, RunOutcome};
use super::process::{Processes, is_thread_gone, reap_all};
use super::verb::{ACTORS, Doer, ENDINGS};
use shim_tests::proc::{Socket, becomes_true};
use shim_tests::shim::Shim;
use std::fs::File;
use std::io::{Read, Seek};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long an act may take before the peer reads all that has arrived.
const PATIENCE: Duration = Duration::from_millis(20);
/// After so long an act counts as hanging. The exit bound of the shim is 2 s.
const HANG: Duration = Duration::from_secs(10);
/// How long a child that nobody directs may take to end, once its input has.
const UNDIRECTED: Duration = Duration::from_millis(500);
/// The longest time by which a half-close may come late.
const LATE: Duration = Duration::from_millis(60);
/// softclose may put `shutdown(SHUT_RD)` off. A step that could see that waits so long first.
const GRACE: Duration = Duration::from_millis(400);
/// Verbs that make processes. They take their time, but do not wait for the peer.
const MAKES_PROCESSES: [&str; 9] =
    ["fork", "thread", "spawn", "vspawn", "forkexec", "spawnon", "system", "vfork", "popen"];
/// By then a process that ends must be gone, although its peer reads nothing. Natively it is gone
/// at once.
const PROMPT: Duration = Duration::from_millis(500);
/// How long what is still in flight at the end may take.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// One process of a run, or one thread of it.
#[derive(Clone, Copy)]
struct Actor {
    pid: i32,
    tid: i32,
}

/// How waiting for an actor ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    Ready,
    Died,
    Hung,
}

/// The director of all runs of one process.
pub struct Director<'a> {
    mailboxes: &'a Mailboxes,
    listener: TcpListener,
    actors: [Option<Actor>; ACTORS],
    processes: Processes,
    links: Vec<Connection>,
    /// The port of the program's last listener.
    port: Option<u16>,
    outcome: RunOutcome,
    calm_from: Instant,
}

/// Runs `case` with `program` on `stage`.
pub fn run(mailboxes: &Mailboxes, program: &Path, case: &Case, shim: Shim) -> RunOutcome {
    let mut director = Director::new(mailboxes);
    let mut stderr = memory_file();
    let mut command = Command::new(program);
    command.arg(mailboxes.path()).arg("0").stdin(Stdio::null()).stdout(Stdio::null()).process_group(0);
    command.stderr(stderr.try_clone().expect("a descriptor"));
    // SAFETY: between fork and exec only setrlimit(2) is called.
    unsafe { command.pre_exec(limit_numbers) };
    shim.dress(&mut command);
    let vars = director.standard_streams(case, &mut command);
    mailboxes.clear(vars);
    let group = started(command);
    director.play(case);
    director.finish(group);
    let _ = stderr.rewind();
    let _ = stderr.read_to_string(&mut director.outcome.stderr);
    director.outcome
}

/// Starts a process. [`reap_all`] waits for its end.
fn started(mut command: Command) -> i32 {
    i32::try_from(command.spawn().expect("the interpreter runs").id()).expect("a pid fits")
}

/// Limits the descriptors of a process to as many as an actor looks through.
fn limit_numbers() -> std::io::Result<()> {
    let limit = libc::rlimit { rlim_cur: 1024, rlim_max: 1024 };
    // SAFETY: reads one rlimit.
    match unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    }
}

/// A file in memory for standard error. What is written to it is still there after its writer was
/// killed.
fn memory_file() -> File {
    // SAFETY: a constant name; the result is checked and owned at once.
    unsafe {
        let fd = libc::memfd_create(c"stderr".as_ptr(), libc::MFD_CLOEXEC);
        assert!(fd >= 0, "memfd_create: {}", std::io::Error::last_os_error());
        File::from_raw_fd(fd)
    }
}

impl<'a> Director<'a> {
    fn new(mailboxes: &'a Mailboxes) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a listener");
        listener.set_nonblocking(true).expect("a listener");
        keep_window_small(&listener);
        Self {
            mailboxes,
            listener,
            actors: [None; ACTORS],
            processes: Processes::default(),
            links: Vec::new(),
            port: None,
            outcome: RunOutcome::default(),
            calm_from: Instant::now(),
        }
    }

    /// A program that begins with `inetd` is started like a server of that one: with
    /// a connection as its standard streams, which are in its first variables.
    fn standard_streams(&mut self, case: &Case, command: &mut Command) -> &'static [i32] {
        let Some(Step { args: [with_output, ..], .. }) = case.steps.first().filter(|step| step.verb.name == "inetd")
        else {
            return &[];
        };
        let port = self.listener.local_addr().expect("an address").port();
        let server = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("we listen");
        let (peer, _) = self.listener.accept().expect("it has connected");
        self.links.push(Connection::new(peer));
        let copy = server.try_clone().expect("a descriptor");
        command.stdin(OwnedFd::from(server));
        if *with_output == 0 {
            return &[0];
        }
        command.stdout(OwnedFd::from(copy));
        &[0, 1]
    }

    fn play(&mut self, case: &Case) {
        self.await_birth(0, 0);
        for (at, step) in case.steps.iter().enumerate() {
            if self.outcome.hung.is_some() {
                return;
            }
            self.stay_calm(step);
            // Each step writes a value of its own.
            match step.verb.doer {
                Doer::Peer => self.as_peer(step),
                Doer::Actor if self.can_act(step) => self.act(step, (at % 255) as i32 + 1),
                Doer::Actor => self.outcome.seen.push(format!("{step}: skipped")),
            }
        }
    }

    fn can_act(&self, step: &Step) -> bool {
        let is_free = |actor: i32| self.actors.get(actor as usize).is_some_and(Option::is_none);
        self.actors[step.actor].is_some() && (!step.verb.bears() || is_free(step.args[0]))
    }

    fn act(&mut self, step: &Step, value: i32) {
        match step.verb.name {
            "end" => self.end(step.actor, step.args, step),
            "leave" => self.leave(step),
            "accept" => self.accept(step),
            "connect" => self.connect(step),
            "write" | "fwrite" => self.act_with(step, [step.args[0], step.args[1], 0, value]),
            "exec" => self.exec(step),
            _ if step.verb.bears() => self.bear(step),
            _ => self.act_with(step, step.args),
        }
    }

    fn act_with(&mut self, step: &Step, args: [i32; 4]) {
        let wait = self.perform(step.actor, step.verb.name, args);
        if let Some(answer) = self.told(step, wait) {
            self.note(step, args, &answer);
        }
    }

    /// Writes down what an act came to.
    fn told(&mut self, step: &Step, wait: Wait) -> Option<ActResult> {
        let actor = self.actors[step.actor]?;
        match wait {
            Wait::Ready => {
                let answer = self.mailboxes.answer(step.actor);
                let text = self.describe(&answer);
                self.outcome.seen.push(format!("{step}: {text}"));
                return Some(answer);
            }
            Wait::Died => {
                let status = self.bury(actor.pid);
                self.outcome.seen.push(format!("{step}: ended, {status}"));
            }
            Wait::Hung => self.outcome.hung = Some(step.to_string()),
        }
        None
    }

    fn describe(&self, answer: &ActResult) -> String {
        let ActResult { value, error, events, seen, .. } = answer;
        let numbers: Vec<String> = seen.iter().map(|seen| self.describe_number(seen)).collect();
        let events: String = events.iter().map(|(data, bits)| format!(" {data}:{bits:#x}")).collect();
        format!("{value} errno {error}{events} [{}]", numbers.join(" "))
    }

    /// Kinds as in `S_IFMT`. A FIN that is acknowledged and one that is not are the
    /// same to the program.
    fn describe_number(&self, seen: &OpenNumber) -> String {
        let OpenNumber { number, kind, flags, unread, .. } = seen;
        let state = match seen.state {
            4 | 5 => 4,
            7 | 9 | 11 => 7,
            other => other,
        };
        let link = self.link_of(seen).filter(|_| state != 7).map_or(String::new(), |link| format!("k{link}"));
        format!("{number}={kind}/{flags}/{state}/{unread}{link}")
    }

    fn link_of(&self, seen: &OpenNumber) -> Option<usize> {
        let ports = (seen.local, seen.remote);
        if seen.remote == 0 { None } else { self.links.iter().rposition(|link| link.ports == ports) }
    }

    /// Notes what the director has to know of an act that has succeeded.
    fn note(&mut self, step: &Step, args: [i32; 4], answer: &ActResult) {
        if step.verb.name == "listen" {
            let listener = answer.seen.iter().find(|seen| i32::from(seen.number) == answer.value);
            self.port = listener.map(|seen| seen.local).or(self.port);
        }
        let link_at = |at: usize| {
            let seen = answer.seen.iter().find(|seen| i32::from(seen.number) == answer.numbers[at]);
            seen.and_then(|seen| self.link_of(seen))
        };
        let is_message = matches!(step.verb.name, "scmsend" | "scmtwo");
        let Some(link) = (if is_message { link_at(1) } else { link_at(0) }) else { return };
        let link = &mut self.links[link];
        match step.verb.name {
            _ if answer.value < 0 => {}
            "write" => link.written.push(args[3] as u8, answer.value as usize),
            "linger" => link.wants_reset = args[1] == 1 && args[2] == 0,
            "scmsend" | "scmtwo" => link.was_passed = true,
            "shutdown" => {
                link.is_shut |= args[1] != libc::SHUT_RD;
                if args[1] != libc::SHUT_WR {
                    self.calm_from = Instant::now() + GRACE;
                }
            }
            _ => {}
        }
    }

    /// Waits before a step that could see that the receive side is not shut yet.
    fn stay_calm(&self, step: &Step) {
        let sees_receive_side = ["recv", "read", "poll", "wait", "submit", "psend", "pfin", "pgone", "check"];
        if sees_receive_side.contains(&step.verb.name) {
            std::thread::sleep(self.calm_from.saturating_duration_since(Instant::now()));
        }
    }

    // Who does what.

    fn perform(&mut self, actor: usize, verb: &str, args: [i32; 4]) -> Wait {
        self.mailboxes.tell(actor, verb, args);
        let may_wait_for_peer = !MAKES_PROCESSES.contains(&verb);
        self.until(actor, Awaited::Done, may_wait_for_peer, |mailboxes| mailboxes.is_done(actor))
    }

    fn until(
        &mut self,
        actor: usize,
        word: Awaited,
        may_wait_for_peer: bool,
        is_ready: impl Fn(&Mailboxes) -> bool,
    ) -> Wait {
        let begun = Instant::now();
        let pid = self.actors[actor].map(|actor| actor.pid);
        let mut pause = PATIENCE;
        while !is_ready(self.mailboxes) {
            self.mailboxes.wait(actor, word, pause, || is_ready(self.mailboxes));
            if begun.elapsed() >= PATIENCE && !is_ready(self.mailboxes) {
                pause = Duration::from_millis(1);
                if may_wait_for_peer {
                    self.read_all(false);
                }
                if pid.is_some_and(|pid| self.processes.ended_within(pid, Duration::ZERO)) {
                    return Wait::Died;
                }
                if begun.elapsed() > HANG {
                    return Wait::Hung;
                }
            }
        }
        Wait::Ready
    }

    fn read_all(&mut self, at_the_end: bool) {
        for link in &mut self.links {
            link.read(usize::MAX);
            link.answer(at_the_end);
        }
    }

    fn accept(&mut self, step: &Step) {
        let port = match self.perform(step.actor, "port", [step.args[1], 0, 0, 0]) {
            Wait::Ready => self.mailboxes.answer(step.actor).value,
            wait => {
                self.told(step, wait);
                return;
            }
        };
        if port != 0 {
            self.links.push(Connection::new(connect_to(port as u16)));
        }
        self.act_with(step, step.args);
    }

    fn connect(&mut self, step: &Step) {
        let port = self.listener.local_addr().expect("an address").port();
        let wait = self.perform(step.actor, "connect", [step.args[0], step.args[1], i32::from(port), 0]);
        if let Ok((stream, _)) = self.listener.accept() {
            self.links.push(Connection::new(stream));
        }
        self.told(step, wait);
    }

    fn exec(&mut self, step: &Step) {
        let births = self.mailboxes.births(step.actor);
        let wait = self.perform(step.actor, "exec", step.args);
        if wait == Wait::Ready && self.mailboxes.births(step.actor) != births {
            let answer = self.mailboxes.answer(step.actor);
            self.succeed(step.actor);
            let numbers = self.describe(&answer);
            self.outcome.seen.push(format!("{step}: another image {numbers}"));
        } else {
            self.told(step, wait);
        }
    }

    /// Notes that a process executes another program: its other threads are gone.
    fn succeed(&mut self, actor: usize) {
        let (pid, tid) = self.mailboxes.ids(actor);
        self.each_of(pid, |director, other| director.actors[other] = None);
        self.actors[actor] = Some(Actor { pid, tid });
    }

    fn bear(&mut self, step: &Step) {
        let child = step.args[0] as usize;
        let births = self.mailboxes.births(child);
        let wait = self.perform(step.actor, step.verb.name, step.args);
        if self.told(step, wait).is_some_and(|answer| answer.value > 0) {
            self.await_birth(child, births);
        }
    }

    fn await_birth(&mut self, actor: usize, births: u32) {
        match self.until(actor, Awaited::Births, false, |mailboxes| {
            mailboxes.births(actor) != births && mailboxes.is_done(actor)
        }) {
            Wait::Ready => {
                let (pid, tid) = self.mailboxes.ids(actor);
                self.processes.note(pid);
                self.actors[actor] = Some(Actor { pid, tid });
                let numbers = self.describe(&self.mailboxes.answer(actor));
                self.outcome.seen.push(format!("a{actor} is born: {numbers}"));
            }
            _ => self.outcome.hung = Some(format!("a{actor} is not born")),
        }
    }

    fn end(&mut self, actor: usize, args: [i32; 4], what: impl std::fmt::Display) {
        self.mailboxes.tell(actor, "end", args);
        self.await_end(actor, args, what);
    }

    /// Ends an actor without reading from its peers, unless its end is late.
    fn leave(&mut self, step: &Step) {
        let Some(Actor { pid, .. }) = self.actors[step.actor] else { return };
        self.mailboxes.tell(step.actor, "leave", step.args);
        let is_late = !self.processes.ended_within(pid, PROMPT);
        self.await_end(step.actor, step.args, format!("{step}{}", if is_late { " late" } else { "" }));
    }

    fn await_end(&mut self, actor: usize, args: [i32; 4], what: impl std::fmt::Display) {
        let Some(Actor { pid, tid }) = self.actors[actor] else { return };
        let may_end_thread = matches!(ENDINGS[args[0] as usize], "pthread_exit" | "return");
        let is_crash = matches!(ENDINGS[args[0] as usize], "kill" | "abort");
        let is_last = self.actors.iter().flatten().filter(|other| other.pid == pid).count() == 1;
        let begun = Instant::now();
        let mut gone = None;
        while !self.processes.ended_within(pid, Duration::from_millis(1)) {
            if may_end_thread && !is_last && is_thread_gone(pid, tid) {
                gone.get_or_insert_with(Instant::now);
            }
            // Where the first thread returns, the whole process ends, a moment later.
            if gone.is_some_and(|gone: Instant| pid != tid || gone.elapsed() > LATE) {
                self.actors[actor] = None;
                self.mailboxes.retire(actor);
                return self.outcome.seen.push(format!("{what}: the thread is gone"));
            }
            // A crash waits for nobody, however long it takes.
            if begun.elapsed() >= PATIENCE && !is_crash {
                self.read_all(false);
            }
            if begun.elapsed() > HANG {
                return self.outcome.hung = Some(what.to_string());
            }
        }
        let status = self.bury(pid);
        self.outcome.seen.push(format!("{what}: ended, {status}"));
    }

    /// Notes the end of a process and of all actors in it, and answers its status.
    fn bury(&mut self, pid: i32) -> String {
        self.each_of(pid, |director, actor| {
            director.actors[actor] = None;
            director.mailboxes.retire(actor);
        });
        self.processes.forget(pid)
    }

    fn each_of(&mut self, pid: i32, mut visit: impl FnMut(&mut Self, usize)) {
        for actor in 0..ACTORS {
            if self.actors[actor].is_some_and(|actor| actor.pid == pid) {
                visit(self, actor);
            }
        }
    }

    // The peer.

    /// What a new client of this port meets. A child of `popen` may have the listener, and ends at a time
    /// of its own: it gets time for that.
    fn probe(&self, port: u16) -> &'static str {
        if self.outcome.seen.iter().any(|line| has_undirected_child(line)) {
            let has_listener = || Socket::all(std::process::id()).iter().any(|socket| socket.listens_on(port));
            becomes_true(UNDIRECTED, || !has_listener());
        }
        probe(port)
    }

    fn as_peer(&mut self, step: &Step) {
        if step.verb.name == "probe" {
            let found = self.port.map_or("nowhere", |port| self.probe(port));
            return self.outcome.seen.push(format!("{step}: {found}"));
        }
        let at = step.args[0] as usize;
        self.outcome.seen.push(step.to_string());
        if at >= self.links.len() {
            return;
        }
        let link = &mut self.links[at];
        match step.verb.name {
            "psend" => link.send(step.args[1] as usize),
            "pread" => link.read(step.args[1] as usize),
            "pfin" => link.fin(),
            "pgone" => link.close(step.args[1] == 1),
            "check" => self.check(at),
            _ => {}
        }
    }

    /// Whether the connection goes on; a half-close may come a little late.
    fn check(&mut self, at: usize) {
        let until = Instant::now() + LATE;
        while self.links[at].look() == End::Open && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(1));
        }
        self.outcome.checks.push((at, self.links[at].look()));
    }

    // The end.

    /// Ends all actors that are left, the first process last.
    fn finish(&mut self, group: i32) {
        for actor in (0..ACTORS).rev() {
            if self.outcome.hung.is_none() && self.actors[actor].is_some() {
                self.end(actor, [0, actor as i32, 0, 0], format!("a{actor} leaves"));
            }
        }
        if self.outcome.hung.is_some() {
            self.processes.kill();
        }
        self.last_words(group);
        self.outcome.links = self.links.iter().map(report).collect();
    }

    /// Waits until what is in flight has arrived, and until no process is left.
    fn last_words(&mut self, group: i32) {
        let until = Instant::now() + LAST_WORDS;
        let mut is_over = false;
        while !is_over && Instant::now() < until {
            self.read_all(true);
            is_over = self.links.iter_mut().all(|link| link.look() != End::Open);
            if !is_over {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        if !reap_all(group, LAST_WORDS) {
            self.outcome.hung.get_or_insert("a process that nobody directs".to_owned());
        }
    }
}

fn report(link: &Connection) -> ConnectionReport {
    ConnectionReport {
        end: link.end,
        received: link.received.clone(),
        written: link.written.clone(),
        // A FIN that the program itself has sent may come before it.
        wants_reset: link.wants_reset && !link.is_shut,
        was_passed: link.was_passed,
    }
}

/// Keeps the peer's window so small that a large response does not fit and can be lost. It must be
/// set on the listener, or before the connection is made.
fn keep_window_small(socket: &impl AsRawFd) {
    let bytes: libc::c_int = 16 << 10;
    // SAFETY: SO_RCVBUF reads one int.
    unsafe {
        let (value, length) = ((&raw const bytes).cast(), size_of::<libc::c_int>() as libc::socklen_t);
        libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_RCVBUF, value, length);
    }
}

/// What a new client of this port meets, in a word.
fn probe(port: u16) -> &'static str {
    match TcpStream::connect_timeout(&(Ipv4Addr::LOCALHOST, port).into(), LATE) {
        Ok(_) => "accepted",
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => "refused",
        Err(_) => "no answer",
    }
}

fn connect_to(port: u16) -> TcpStream {
    let address = libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: port.to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(Ipv4Addr::LOCALHOST.octets()) },
        sin_zero: [0; 8],
    };
    // SAFETY: the result is checked and owned at once; the address has that length.
    unsafe {
        let fd = libc::socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0);
        assert!(fd >= 0, "socket: {}", std::io::Error::last_os_error());
        let socket = TcpStream::from_raw_fd(fd);
        keep_window_small(&socket);
        let answer = libc::connect(fd, (&raw const address).cast(), size_of_val(&address) as libc::socklen_t);
        assert_eq!(answer, 0, "connect to {port}: {}", std::io::Error::last_os_error());
        socket
    }
}
