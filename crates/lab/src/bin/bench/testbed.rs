//! Where servers and their clients run: a network namespace with room for many
//! connections, and a processor for each side.

use shim_tests::arena::Arena;
use shim_tests::proc::{descriptors, wait_until};
use shim_tests::program::{Exit, Program};
use shim_tests::shim::Shim;
use shim_tests::victim::Victim;
use softclose_lab::tree;
use std::process::Command;

/// The processor of servers.
pub const FIRST_CORE: &str = "0";

/// Descriptors that a program may have here: the hard limit, whatever the soft one is.
pub fn open_files() -> u64 {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is valid for writes.
    let answer = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) };
    assert_eq!(answer, 0, "getrlimit");
    limit.rlim_max
}

/// Shell lines that set up the namespace, in the same way for all arms: many ports for clients,
/// some kept free for servers, and long queues.
pub const SETTINGS: &str = "cd /proc/sys/net && \
    echo '1024 65535' >ipv4/ip_local_port_range && echo 8000-8999 >ipv4/ip_local_reserved_ports && \
    echo 1 >ipv4/tcp_tw_reuse && \
    echo 65535 >core/somaxconn && echo 65535 >ipv4/tcp_max_syn_backlog";

/// A network namespace that is set up for many connections.
pub struct Testbed {
    /// The namespace itself.
    pub arena: Arena,
}

impl Testbed {
    /// Makes a new namespace and sets it up.
    ///
    /// # Errors
    /// Why there can be none.
    pub fn open() -> Result<Self, String> {
        let arena = Arena::open()?;
        arena.use_usual_buffers();
        let mut command = Command::new("sh");
        command.args(["-c", SETTINGS]);
        match arena.start(command).finish() {
            finished if finished.exit == Exit::Code(0) => Ok(Self { arena }),
            finished => Err(finished.stderr.join("; ")),
        }
    }

    /// A server, on the first processor: so what softclose's thread does costs the
    /// server its time, and does not hide on another processor.
    pub fn server(&self, victim: &Victim, shim: Shim) -> Program {
        self.pinned(victim, FIRST_CORE, shim)
    }

    /// Starts a server that may use every processor.
    pub fn roaming(&self, victim: &Victim, shim: Shim) -> Program {
        victim.clone().open_files(open_files()).start(&self.arena, shim)
    }

    /// A client, never shimmed, on the last processor.
    pub fn client(&self, victim: &Victim) -> Program {
        self.pinned(victim, &last_core(), Shim::Native)
    }

    fn pinned(&self, victim: &Victim, core: &str, shim: Shim) -> Program {
        victim.clone().under(["taskset", "-c", core]).open_files(open_files()).start(&self.arena, shim)
    }

    /// Waits until somebody listens on `port`.
    pub fn wait_for_listener(&self, port: u16) {
        let listens = || self.arena.sockets().iter().any(|socket| socket.listens_on(port));
        wait_until(&format!("somebody listens on port {port}"), listens);
    }

    /// Connections to `port` that are silent until what is answered is dropped. `ask`:
    /// the byte that each of them sends, if it is to.
    pub fn idle(&self, port: u16, connections: usize, ask: Option<char>) -> Program {
        let byte = ask.map_or("-".to_owned(), String::from);
        let victim = Victim::c("bench_hold").arg(port.to_string()).arg(connections.to_string()).arg(byte);
        let mut holder = self.client(&victim);
        holder.expect("held");
        holder
    }
}

/// The last processor, which clients have.
pub fn last_core() -> String {
    (std::thread::available_parallelism().map_or(1, usize::from) - 1).to_string()
}

/// The number of sockets that a process and its descendants hold. `/proc/net/tcp` would not show
/// all: a connection that has ended at both ends may still be held.
pub fn sockets(pid: u32) -> usize {
    let all = tree::processes(pid).into_iter().flat_map(|pid| descriptors(pid).into_values());
    all.filter(|kind| kind == "socket").count()
}

/// The numbers in a program's next line `result ...`.
pub fn result(program: &mut Program) -> Vec<f64> {
    program.expect("result ").split_whitespace().map(|word| word.parse().expect("a number")).collect()
}
