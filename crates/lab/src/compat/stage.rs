//! One run of one program: a namespace, a directory, its backends, its server.

use super::container::Container;
use super::placeholders::Placeholders;
use super::row::{Backend, Row, Server};
use super::script::{Script, TalkOrder, TalkReport};
use crate::tree;
use shim_tests::arena::Arena;
use shim_tests::built::{helper, target_dir};
use shim_tests::counters::KernelCounters;
use shim_tests::installed::find;
use shim_tests::proc::becomes_true;
use shim_tests::program::{Exit, Program};
use shim_tests::scratch::Scratch;
use shim_tests::shim::Shim;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// How long a server may take to listen. Under strace, with the stack of each call, the
/// imports of a Python program were seen to take 100 s on a busy machine.
const START: Duration = Duration::from_secs(300);

/// How long a server may take to let go of its connections, or to serve again.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How long a server may take to end.
const END: Duration = Duration::from_secs(15);

/// How long a peer waits for any one thing.
const PEER_PATIENCE: Duration = Duration::from_secs(10);

/// Sizes of what is served.
const SMALL: usize = 1000;
const BIG: usize = 3 << 20;

/// A namespace and a directory in which a program runs.
pub struct Stage {
    arena: Arena,
    scratch: Scratch,
    /// The program, with the placeholders of this run replaced.
    pub row: Row,
    shim: Shim,
    container: Option<Container>,
}

impl Stage {
    /// Makes a fresh namespace and directory. `placeholders` are those of the row itself.
    ///
    /// # Errors
    /// Why there is none.
    pub fn open(row: &Row, placeholders: &Placeholders, shim: Shim) -> Result<Self, String> {
        let arena = Arena::open()?;
        arena.use_usual_buffers();
        let scratch = Scratch::directory();
        let placeholders = placeholders
            .clone()
            .with("dir", scratch.path().to_string_lossy())
            .with("www", documents().to_string_lossy())
            .with("programs", super::row::directory().to_string_lossy())
            .with("port", row.server.port.to_string());
        Ok(Self { arena, scratch, row: placeholders.replace_in(row), shim, container: None })
    }

    /// The same stage, on which the program under test runs in a container.
    ///
    /// # Errors
    /// Why there can be none.
    pub fn in_container(self) -> Result<Self, String> {
        Ok(Self { container: Some(Container::new()?), ..self })
    }

    /// Starts a command. If it is `contained` and the stage has a container, it starts in there.
    fn launch(&self, command: Command, contained: bool) -> Result<Program, String> {
        Ok(self.arena.start(match &self.container {
            Some(container) if contained => container.around(&command)?,
            _ => command,
        }))
    }

    fn server(&self) -> &Server {
        &self.row.server
    }

    /// Starts the server, and waits until it listens. A client's server is never
    /// shimmed.
    ///
    /// # Errors
    /// What it said instead.
    pub fn start(&self) -> Result<RunningServer<'_>, String> {
        let shim = if self.row.client.is_some() { Shim::Native } else { self.shim };
        self.start_under(&[], shim)
    }

    /// As [`Stage::start`], under another program that executes it.
    ///
    /// # Errors
    /// What it said instead.
    pub fn start_under(&self, wrapper: &[String], shim: Shim) -> Result<RunningServer<'_>, String> {
        self.prepare()?;
        let backends = self.server().backend.iter().map(|backend| self.back(backend)).collect::<Result<Vec<_>, _>>()?;
        let line = match &self.server().fixture {
            Some(kind) => {
                vec![helper("fixture").to_string_lossy().into_owned(), kind.clone(), self.server().port.to_string()]
            }
            None => self.server().run.clone(),
        };
        let mut command = self.command(&[wrapper, &line].concat(), shim)?;
        command.envs(&self.server().env);
        let program = self.launch(command, self.row.client.is_none())?;
        let mut running = RunningServer { stage: self, program, backends };
        self.wait_for(self.server().port, &mut running.program)?;
        Ok(running)
    }

    fn prepare(&self) -> Result<(), String> {
        self.empty()?;
        for (name, content) in &self.server().files {
            let path = self.scratch.path().join(name);
            let parent = path.parent().expect("a directory");
            fs::create_dir_all(parent)
                .and_then(|()| fs::write(&path, content))
                .map_err(|error| format!("{name}: {error}"))?;
        }
        let Some(line) = &self.server().prepare else { return Ok(()) };
        let finished =
            self.arena.start(self.command(&["sh".to_owned(), "-c".to_owned(), line.clone()], Shim::Native)?).finish();
        match finished.exit {
            Exit::Code(0) => Ok(()),
            exit => Err(format!("prepare: {exit:?}: {}", finished.stderr.join("; "))),
        }
    }

    /// Empties the directory: what an earlier start has left there would be in the way of the next
    /// one.
    fn empty(&self) -> Result<(), String> {
        let place = self.scratch.path();
        let anew = || fs::remove_dir_all(place).and_then(|()| fs::create_dir(place));
        anew().map_err(|error| format!("{}: {error}", place.display()))
    }

    fn back(&self, backend: &Backend) -> Result<Program, String> {
        let mut program = self.arena.start(self.command(&backend.run, Shim::Native)?);
        self.wait_for(backend.port, &mut program)?;
        Ok(program)
    }

    /// A command of this run, in its directory.
    ///
    /// # Errors
    /// That there is no such program.
    pub fn command(&self, line: &[String], shim: Shim) -> Result<Command, String> {
        let (name, arguments) = line.split_first().ok_or("an empty command")?;
        let mut command = Command::new(find(name).ok_or_else(|| format!("no {name}"))?);
        command.args(arguments).current_dir(self.scratch.path()).env("HOME", self.scratch.path());
        shim.dress(&mut command);
        Ok(command)
    }

    fn wait_for(&self, port: u16, program: &mut Program) -> Result<(), String> {
        let listens = || self.arena.sockets().iter().any(|socket| socket.listens_on(port));
        if becomes_true(START, || listens() || program.ended_within(Duration::ZERO)) && listens() {
            return Ok(());
        }
        Err(format!("does not listen on {port}: {}", program.said().join("; ")))
    }

    /// Runs another program in this place, to its end.
    ///
    /// # Errors
    /// That there is no such program.
    pub fn run(&self, line: &[String], shim: Shim) -> Result<shim_tests::program::Finished, String> {
        Ok(self.arena.start(self.command(line, shim)?).finish())
    }

    /// As [`Stage::run`], for the client under test.
    ///
    /// # Errors
    /// That there is no such program.
    pub fn run_client(&self) -> Result<shim_tests::program::Finished, String> {
        let client = self.row.client.as_ref().ok_or("no client")?;
        let mut command = self.command(&client.run, self.shim)?;
        command.envs(&client.env);
        Ok(self.launch(command, true)?.finish())
    }

    /// What the kernel has counted, after nobody holds a connection of the server any more. A
    /// connection that is still drained may yet be reset.
    pub fn counters(&self) -> KernelCounters {
        self.settle();
        self.arena.counters()
    }

    /// What the kernel has counted so far, while connections may still be open.
    pub fn counters_now(&self) -> KernelCounters {
        self.arena.counters()
    }

    /// Waits until nobody holds a connection of the server any more.
    pub fn settle(&self) -> bool {
        let port = self.server().port;
        becomes_true(PATIENCE, || !self.arena.sockets().iter().any(|socket| socket.is_held_by_server(port)))
    }

    /// Lines of the logs that the row names, and of nothing else.
    pub fn logged(&self) -> Vec<String> {
        let files = self.server().logs.iter().map(|name| self.scratch.path().join(name));
        files.filter_map(|file| fs::read(file).ok()).flat_map(|text| lines(&text)).collect()
    }

    /// A file in the directory of this run.
    pub fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    fn order(&self, scripts: Vec<Script>, connections: usize, concurrency: usize) -> TalkOrder {
        let patience = PEER_PATIENCE.as_millis().try_into().expect("seconds");
        let mask = self.server().mask.clone();
        TalkOrder {
            port: self.server().port,
            scripts,
            connections,
            concurrency,
            mask,
            patience,
            pause: false,
            reset: false,
        }
    }
}

fn lines(text: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(text).lines().map(str::to_owned).collect()
}

/// A server at work.
pub struct RunningServer<'a> {
    stage: &'a Stage,
    /// The process that was started.
    pub program: Program,
    backends: Vec<Program>,
}

impl RunningServer<'_> {
    /// Lets a peer talk to it.
    ///
    /// # Errors
    /// That the peer gave up.
    pub fn talk(&self, scripts: Vec<Script>, connections: usize, concurrency: usize) -> Result<TalkReport, String> {
        self.begin(&self.stage.order(scripts, connections, concurrency)).report()
    }

    /// Begins a download, and waits until its first bytes are there.
    ///
    /// # Errors
    /// What the peer said instead.
    pub fn begin_download(&self, script: Script) -> Result<Talk, String> {
        let order = TalkOrder { pause: true, ..self.stage.order(vec![script], 1, 1) };
        let mut talk = self.begin(&order);
        talk.0.says("first")?;
        Ok(talk)
    }

    /// Begins one connection that ends with a reset from the peer.
    ///
    /// # Errors
    /// That the peer gave up.
    pub fn reset(&self, script: Script) -> Result<TalkReport, String> {
        self.begin(&TalkOrder { reset: true, ..self.stage.order(vec![script], 1, 1) }).report()
    }

    fn begin(&self, order: &TalkOrder) -> Talk {
        let mut command = Command::new(helper("talker"));
        Shim::Native.dress(&mut command);
        command.arg(serde_json::to_string(order).expect("an order is plain data"));
        Talk(self.stage.arena.start(command))
    }

    /// Sends it a signal.
    pub fn signal(&self, name: &str) {
        self.program.signal(number(name));
    }

    /// Everything that it has said and logged so far.
    pub fn logged(&mut self) -> Vec<String> {
        [self.program.said(), self.stage.logged()].concat()
    }

    /// Sends it a signal, and waits for its end.
    pub fn stop(self, signal: &str) -> ServerEnd {
        self.signal(signal);
        self.wait()
    }

    /// Ends all of it but the process that was started, which ends by itself then.
    pub fn end_children(mut self) {
        self.kill_family();
        self.program.ended_within(END);
    }

    /// Waits for its end, and for that of its children: those that outlive it for
    /// long are counted, and ended.
    pub fn wait(mut self) -> ServerEnd {
        let exit = self.program.ended_within(END).then(|| self.program.exit());
        if exit.is_some() {
            becomes_true(END, || self.family().is_empty());
        }
        let survivors = self.family().len();
        self.kill();
        let said = [self.program.last_words(END), self.stage.logged()].concat();
        ServerEnd { exit, survivors, said }
    }

    /// The processes that are left of the server, also those that another process has adopted.
    fn family(&self) -> Vec<u32> {
        let backends: Vec<_> = self.backends.iter().flat_map(|backend| tree::processes(backend.pid())).collect();
        let mut all = self.stage.arena.processes();
        all.retain(|&pid| pid != self.program.pid() && !backends.contains(&pid) && is_alive(pid));
        all
    }

    fn kill(&mut self) {
        self.program.signal(libc::SIGKILL);
        self.kill_family();
    }

    fn kill_family(&mut self) {
        self.family().into_iter().for_each(|pid| self.stage.arena.end(pid));
        becomes_true(END, || self.family().is_empty());
    }
}

impl Drop for RunningServer<'_> {
    fn drop(&mut self) {
        self.kill();
    }
}

/// How a server ended.
pub struct ServerEnd {
    /// How; not at all, in time, where there is none.
    pub exit: Option<Exit>,
    /// Processes of it that outlived it.
    pub survivors: usize,
    /// Everything that it has said and logged.
    pub said: Vec<String>,
}

fn is_alive(pid: u32) -> bool {
    let state = fs::read_to_string(format!("/proc/{pid}/stat"));
    state.is_ok_and(|text| !text.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with(['Z', 'X'])))
}

/// A peer at work.
pub struct Talk(Program);

impl Talk {
    /// Ends the peer where it is.
    pub fn kill(self) {
        drop(self);
    }

    /// The peer does nothing for so long, as one whose network is gone.
    pub fn stall(&self, pause: Duration) {
        self.0.signal(libc::SIGSTOP);
        std::thread::sleep(pause);
        self.0.signal(libc::SIGCONT);
    }

    /// Lets it go on, and waits for its report.
    ///
    /// # Errors
    /// What it said instead.
    pub fn report(mut self) -> Result<TalkReport, String> {
        self.0.go();
        if !self.0.ended_within(Duration::from_secs(300)) {
            return Err("the peer did not come to an end".to_owned());
        }
        let finished = self.0.finish();
        let report = finished.stdout.iter().find_map(|line| line.strip_prefix("report "));
        serde_json::from_str(report.ok_or_else(|| finished.stderr.join("; "))?).map_err(|error| error.to_string())
    }
}

fn number(signal: &str) -> i32 {
    match signal {
        "TERM" => libc::SIGTERM,
        "INT" => libc::SIGINT,
        "QUIT" => libc::SIGQUIT,
        "HUP" => libc::SIGHUP,
        "USR1" => libc::SIGUSR1,
        "USR2" => libc::SIGUSR2,
        "WINCH" => libc::SIGWINCH,
        "KILL" => libc::SIGKILL,
        other => panic!("no signal {other}"),
    }
}

/// What every server of files serves: made once, and the same for all runs.
fn documents() -> PathBuf {
    let place = target_dir().join("matrix").join("www");
    let letters = |length| (0..length).map(|at: usize| b'a' + (at / 7 % 26) as u8).collect::<Vec<u8>>();
    for (name, length) in [("small.txt", SMALL), ("big.bin", BIG)] {
        let path = place.join(name);
        if fs::metadata(&path).is_ok_and(|data| data.len() == length as u64) {
            continue;
        }
        let draft = path.with_extension(std::process::id().to_string());
        fs::create_dir_all(&place)
            .and_then(|()| fs::write(&draft, letters(length)))
            .expect("the target directory is writable");
        fs::rename(&draft, &path).expect("the target directory is writable");
    }
    place
}
