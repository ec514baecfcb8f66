//! `softclosectl explain`: why closes were left alone, and what to do about it.

use crate::human;
use crate::survey::{Arbiter, Program};
use softclose_core::counters::names::{BEGUN, COUNTED_BY_KERNEL, DOUBTED, LEFT_ALONE, OBSERVED, RESETS_AVOIDED};
use softclose_core::decision::{REASONS, Reason};
use softclose_core::holders::standing::{DOUBTS, Doubt};

/// The reasons with their advice, the most frequent first. Reasons about descriptors that are no TCP
/// sockets come last.
pub fn text(program: &Program) -> String {
    let reading = &program.reading;
    let count = |reason: Reason| reading.value(LEFT_ALONE + reason as usize);
    let mut seen: Vec<_> = REASONS.iter().filter(|(reason, _)| count(*reason) != 0).collect();
    seen.sort_by_key(|(reason, _)| (is_no_connection(*reason), std::cmp::Reverse(count(*reason))));
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
    format!("              {resets} of {closes} closes were resets, {} unread.\n", human::bytes(unread))
}

/// What has decided so far, and what decides now, where softclose's own counts prove nothing.
fn proof(count: u64, now: Option<Arbiter>) -> String {
    const WHERE: &str = "If its own counts do not prove who holds a connection,";
    let so_far = format!("Closes that the kernel's own count has decided so far: {count}.\n");
    match now {
        Some(Arbiter::Kernel) => format!("{WHERE} the kernel's own count decides.\n{so_far}"),
        Some(Arbiter::Procfs) if count == 0 => format!(
            "{WHERE} a look at /proc decides.\n\
             'softclosectl refs install' lets the kernel's own count decide, which is faster.\n"
        ),
        Some(Arbiter::Procfs) => format!(
            "{WHERE} a look at /proc decides.\n{so_far}It is not installed any more: softclosectl refs install.\n"
        ),
        None if count == 0 => String::new(),
        None => so_far,
    }
}

fn entry(count: u64, name: &str, reason: Reason) -> String {
    let (what, advice) = meaning(reason);
    format!("\n{count:>12}  {name}: {what}\n              {advice}\n")
}

/// The lines about what could not be proved, the most frequent first.
fn doubts(program: &Program) -> String {
    let count = |doubt: Doubt| program.reading.value(DOUBTED + doubt as usize);
    let mut seen: Vec<_> = DOUBTS.iter().filter(|(doubt, _)| count(*doubt) != 0).collect();
    seen.sort_by_key(|(doubt, _)| std::cmp::Reverse(count(*doubt)));
    let line = |(doubt, name): &(Doubt, &str)| format!("{:>16} {name}: {}\n", count(*doubt), doubted(*doubt));
    seen.into_iter().map(line).collect()
}

/// What a doubt means.
fn doubted(doubt: Doubt) -> &'static str {
    match doubt {
        Doubt::Passed => {
            "the connection was passed in a message or by pidfd_getfd: a message may still hold a copy of it."
        }
        Doubt::Spawned => {
            "the connection was not close-on-exec while another program was executed, which may have passed it on."
        }
        Doubt::Watched => "an epoll set may watch the connection, and this process cannot remove it from that set.",
        Doubt::Blind => {
            "the process has an io_uring that may do more than change epoll sets, or a second table of descriptors."
        }
        Doubt::Unseen => "the process cannot see every other process: no /proc, hidepid, a container, another user.",
        Doubt::Found => "/proc shows another process that has the connection, or the kernel counts another reference.",
        Doubt::LookBudget => {
            "a look at /proc took longer than two milliseconds (eight at the end of a process, and where it has no \
             other connection): there are many processes or descriptors."
        }
        Doubt::SetsBudget => "the search for epoll sets took longer than a millisecond: there are many descriptors.",
        Doubt::NoCookie => {
            "the kernel gives a socket no cookie (SO_COOKIE: Linux 4.12 or later; gVisor has none), by which softclose \
             knows it again."
        }
    }
}

fn is_no_connection(reason: Reason) -> bool {
    matches!(reason, Reason::NotASocket | Reason::NotTcp | Reason::NotOpen)
}

/// What a reason means, and what to do about it.
pub fn meaning(reason: Reason) -> (&'static str, &'static str) {
    const FINE: &str = "Nothing to do.";
    match reason {
        Reason::Unconnected => ("the socket was listening, connecting, or closed already.", FINE),
        Reason::PeerDone => ("the peer had closed and everything was read: a plain close loses nothing.", FINE),
        Reason::Shared => (
            "another process or another descriptor still had the connection. The last close drains it.",
            "Nothing to do, if that process has softclose loaded as well (softclosectl ps).",
        ),
        Reason::Unsure => (
            "nothing proved that this was the last close of the connection.",
            "What could not be proved is below; see LIMITS in softclose(7).",
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
            "Compare the filter (systemd SystemCallFilter=, the container's profile) with LIMITS in softclose(7).",
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
        let meanings = REASONS.iter().flat_map(|(reason, _)| <[_; 2]>::from(meaning(*reason)));
        meanings.chain(DOUBTS.iter().map(|(doubt, _)| doubted(*doubt))).collect()
    }

    #[test]
    fn what_stands_in_the_way_is_named() {
        let names = ["io_uring", "container", "milliseconds", "SO_COOKIE", "never sent a byte", "seccomp", "epoll"];
        for name in names {
            assert!(texts().iter().any(|text| text.contains(name)), "{name}");
        }
    }

    /// Where a process got no thread, it was told to wait inside close.
    #[test]
    fn no_advice_makes_the_program_itself_wait() {
        assert!(!texts().iter().any(|text| text.contains("inline") || text.contains("SOFTCLOSE_ENGINE")));
    }
}
