//! `softclosectl explain`: why closes were left alone, and what to do about it.

use crate::human;
use crate::survey::{Arbiter, Program};
use softclose_core::counters::names::{BEGUN, COUNTED_BY_KERNEL, DOUBTED, LEFT_ALONE, OBSERVED, RESETS_AVOIDED};
use softclose_core::decision::{REASONS, Reason};
use softclose_core::holders::standing::{DOUBTS, Doubt};
use softclose_launcher::wrap::wrapped;

const FINE: &str = "Nothing to do.";

/// The reasons with their advice: those first that call for some action, and of these the most frequent first.
/// Descriptors that are no TCP sockets come last.
pub fn text(program: &Program) -> String {
    let reading = &program.reading;
    let count = |reason: Reason| reading.value(LEFT_ALONE + reason as usize);
    let mut seen: Vec<_> = REASONS.iter().filter(|(reason, _)| count(*reason) != 0).collect();
    seen.sort_by_key(|(reason, _)| (is_no_connection(*reason), is_fine(*reason), std::cmp::Reverse(count(*reason))));
    let head = format!(
        "{} {}: {} drains, {} resets avoided, {} held now, {}{}\n",
        reading.program,
        program.pid(),
        reading.value(BEGUN),
        reading.value(RESETS_AVOIDED),
        program.held(),
        program
            .processes
            .first()
            .map_or("ended".to_owned(), |process| format!("up for {}", human::duration(process.uptime))),
        program.owner_in_doubt(),
    );
    let proof = proof(reading.value(COUNTED_BY_KERNEL), program.processes.first().and_then(|process| process.arbiter));
    let none = if seen.is_empty() {
        "softclose has left no close alone.\n"
    } else {
        "softclose has left these closes alone:\n"
    };
    let doubts = doubts(program);
    let lines = seen.into_iter().map(|(reason, name)| {
        let more = match reason {
            Reason::Unsure => doubts.clone(),
            Reason::Observed => losses(program, count(*reason)),
            _ => String::new(),
        };
        entry(count(*reason), name, *reason) + &more
    });
    [head, proof, none.to_owned()].into_iter().chain(lines).collect()
}

/// What closes under the strategy observe have lost.
fn losses(program: &Program, closes: u64) -> String {
    let [resets, unread] = [OBSERVED, OBSERVED + 1].map(|at| program.reading.value(at));
    below(&format!("{resets} of {closes} closes were resets, {} unread.", human::bytes(unread)))
}

/// What has decided so far, and what decides now, where softclose's own counts prove nothing.
fn proof(count: u64, now: Option<Arbiter>) -> String {
    const WHERE: &str = "If its own counts do not prove who holds a connection,";
    let so_far = format!("Closes that the kernel's own count has decided so far: {count}.");
    let text = match now {
        Some(Arbiter::Kernel) => format!("{WHERE} the kernel's own count decides. {so_far}"),
        Some(Arbiter::Procfs) if count == 0 => format!(
            "{WHERE} a look at /proc decides. The kernel's own count would be faster, and decides more: \
             'softclosectl refs install', as root on the host."
        ),
        Some(Arbiter::Procfs) => {
            format!(
                "{WHERE} a look at /proc decides. {so_far} It is not installed any more: softclosectl refs install."
            )
        }
        None if count == 0 => return String::new(),
        None => so_far,
    };
    wrapped("", &text)
}

fn entry(count: u64, name: &str, reason: Reason) -> String {
    let (what, advice) = meaning(reason);
    let first = format!("{name}: {what}");
    format!("\n{}{}", wrapped(&format!("{count:>12}  "), &first), below(advice))
}

/// Lines that begin below the text of an entry.
fn below(text: &str) -> String {
    if text.is_empty() { String::new() } else { wrapped(&" ".repeat(14), text) }
}

/// The lines about what could not be proved, the most frequent first.
fn doubts(program: &Program) -> String {
    let count = |doubt: Doubt| program.reading.value(DOUBTED + doubt as usize);
    let mut seen: Vec<_> = DOUBTS.iter().filter(|(doubt, _)| count(*doubt) != 0).collect();
    seen.sort_by_key(|(doubt, _)| std::cmp::Reverse(count(*doubt)));
    seen.into_iter().map(|(doubt, name)| doubt_entry(count(*doubt), name, *doubt)).collect()
}

fn doubt_entry(count: u64, name: &str, doubt: Doubt) -> String {
    let (what, advice) = doubted(doubt);
    wrapped(&format!("{count:>16}  "), &format!("{name}: {what} {advice}"))
}

/// What a doubt means, and what to do about it.
fn doubted(doubt: Doubt) -> (&'static str, &'static str) {
    const COUNT: &str = "The kernel's own count can decide that: softclosectl refs status.";
    match doubt {
        Doubt::Passed => {
            ("the connection was passed in a message or by pidfd_getfd: a message may still hold a copy of it.", COUNT)
        }
        Doubt::Spawned => (
            "the connection was not close-on-exec while another program was executed, which may have passed it on; or \
             another thread was inside vfork.",
            "Make connections close-on-exec (SOCK_CLOEXEC), or let that program inherit LD_PRELOAD. But for vfork, the \
             kernel's own count can decide that: softclosectl refs status.",
        ),
        Doubt::Watched => {
            ("an epoll set may watch the connection, and this process cannot remove it from that set.", COUNT)
        }
        Doubt::Blind => (
            "the process has an io_uring that may do more than change epoll sets, or a second table of descriptors.",
            "The kernel's own count can decide about an io_uring: softclosectl refs status. Nothing can about a second \
             table.",
        ),
        Doubt::Unseen => (
            "the process cannot see every other process: no /proc, hidepid, a container, another user.",
            "Mount /proc without hidepid and subset=pid. The kernel's own count can decide all of that: softclosectl \
             refs status, on the host.",
        ),
        Doubt::Found => (
            "/proc shows another process that has the connection, or the kernel counts another reference.",
            "Nothing to do, if that process has softclose loaded as well.",
        ),
        Doubt::LookBudget => (
            "a look at /proc took longer than two milliseconds (eight at the end of a process, and where it has no \
             other connection), or waited 20 of them for a processor: there are many processes or descriptors, or too few \
             processors.",
            COUNT,
        ),
        Doubt::SetsBudget => {
            ("the search for epoll sets took longer than a millisecond: there are many descriptors.", COUNT)
        }
        Doubt::NoCookie => (
            "the kernel gives a socket no cookie (SO_COOKIE: Linux 4.12 or later; gVisor has none), by which softclose \
             knows it again.",
            "Another kernel would help.",
        ),
    }
}

/// Whether nothing is to be done about closes that were left alone for this reason.
fn is_fine(reason: Reason) -> bool {
    meaning(reason).1 == FINE
}

fn is_no_connection(reason: Reason) -> bool {
    matches!(reason, Reason::NotASocket | Reason::NotTcp | Reason::NotOpen)
}

/// What a reason means, and what to do about it.
pub fn meaning(reason: Reason) -> (&'static str, &'static str) {
    match reason {
        Reason::Unconnected => ("the socket was listening, connecting, or closed already.", FINE),
        Reason::PeerDone => ("the peer had closed and everything was read: a plain close loses nothing.", FINE),
        Reason::Shared => (
            "another process or another descriptor still had the connection. The last close drains it.",
            "Nothing to do, if that process has softclose loaded as well (softclosectl ps). If not, load it there, too.",
        ),
        Reason::Unsure => (
            "nothing proved that this was the last close of the connection.",
            "What could not be proved (\"Proof of sole ownership\" in softclose(7) has more):",
        ),
        Reason::ResetAsked => ("the program asked for a reset: SO_LINGER{1,0}.", FINE),
        Reason::Role => ("SOFTCLOSE_ROLE excludes these connections.", "To include them, set SOFTCLOSE_ROLE=both."),
        Reason::Repair => ("the program was moving the connection elsewhere (TCP_REPAIR).", FINE),
        Reason::Busy => (
            "another thread was writing to the connection, or that could not be ruled out.",
            "If this happens often, the program closes connections while its own threads write to them.",
        ),
        Reason::Full => (
            "the drain held as many connections as it may, or the process could get no further descriptor.",
            "Raise RLIMIT_NOFILE or SOFTCLOSE_MAX_PENDING, or lower SOFTCLOSE_IDLE.",
        ),
        Reason::NoThread => {
            ("the process could get no thread for the drain.", "Raise RLIMIT_NPROC or the pids limit of the cgroup.")
        }
        Reason::Denied => (
            "a seccomp filter refuses a system call that a drain needs.",
            "Compare the filter (systemd SystemCallFilter=, the container's profile) with \"Things that a program could \
             see\" in softclose(7).",
        ),
        Reason::Observed => (
            "the strategy is observe, which counts closes and changes none.",
            "If softclose_observed_resets_total grows, drains would help: set SOFTCLOSE_STRATEGY=drain.",
        ),
        Reason::WaitAsked => ("the program asked for a wait (SO_LINGER{1,n}), which the strategy would break.", FINE),
        Reason::Unread => (
            "the program left data unread, and the strategy would not read it.",
            "The strategy drain reads and discards it: set SOFTCLOSE_STRATEGY=drain.",
        ),
        Reason::NothingSent => (
            "the program never sent a byte on the connection. No response could be lost, and the peer must not take \
             for delivered what the program did not read.",
            FINE,
        ),
        Reason::NotASocket => ("the descriptor was a file, a pipe or the like.", FINE),
        Reason::NotTcp => ("the socket was of another kind, such as UDP or Unix.", FINE),
        Reason::NotOpen => ("the descriptor was not open: the close failed, as it does natively.", FINE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts() -> Vec<&'static str> {
        let meanings = REASONS.iter().map(|(reason, _)| meaning(*reason));
        meanings.chain(DOUBTS.iter().map(|(doubt, _)| doubted(*doubt))).flat_map(<[_; 2]>::from).collect()
    }

    #[test]
    fn what_stands_in_the_way_is_named() {
        let names = ["io_uring", "container", "milliseconds", "SO_COOKIE", "never sent a byte", "seccomp", "epoll"];
        for name in names {
            assert!(texts().iter().any(|text| text.contains(name)), "{name}");
        }
    }

    /// Lines had up to 170 columns.
    #[test]
    fn every_line_fits_a_terminal() {
        let proofs =
            [None, Some(Arbiter::Kernel), Some(Arbiter::Procfs)].map(|now| proof(u64::MAX, now) + &proof(0, now));
        let reasons = REASONS.iter().map(|(reason, name)| entry(999_999_999_999, name, *reason));
        let doubts = DOUBTS.iter().map(|(doubt, name)| doubt_entry(u64::MAX, name, *doubt));
        for text in proofs.into_iter().chain(reasons).chain(doubts) {
            assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        }
    }

    /// What a doubt meant was said, and not what to do.
    #[test]
    fn every_doubt_has_a_next_step() {
        assert!(DOUBTS.iter().all(|(doubt, _)| !doubted(*doubt).1.is_empty()));
    }

    /// Where a process got no thread, it was told to wait inside close.
    #[test]
    fn no_advice_makes_the_program_itself_wait() {
        assert!(!texts().iter().any(|text| text.contains("inline") || text.contains("SOFTCLOSE_ENGINE")));
    }
}
