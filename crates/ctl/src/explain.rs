//! `softclosectl explain`: why closes were left alone, and what to do about it.

use crate::human;
use crate::survey::{Arbiter, Program};
use softclose_core::counters::names::{BEGUN, COUNTED_BY_KERNEL, DOUBTED, LEFT_ALONE, RESETS_AVOIDED};
use softclose_core::decision::{REASONS, Reason};
use softclose_core::holders::standing::{DOUBTS, Doubt};

/// Reasons with their advice, the most frequent first; those that are no TCP sockets last.
pub fn text(program: &Program) -> String {
    let reading = &program.reading;
    let count = |reason: Reason| reading.value(LEFT_ALONE + reason as usize);
    let mut seen: Vec<_> = REASONS.iter().filter(|(reason, _)| count(*reason) != 0).collect();
    seen.sort_by_key(|(reason, _)| (is_no_connection(*reason), std::cmp::Reverse(count(*reason))));
    let head = format!(
        "{} {}: {} drains, {} resets avoided, {} held now; up for {}\n",
        reading.program,
        program.pid(),
        reading.value(BEGUN),
        reading.value(RESETS_AVOIDED),
        program.held(),
        program.processes.first().map_or("-".to_owned(), |process| human::duration(process.uptime)),
    );
    let proof = proof(reading.value(COUNTED_BY_KERNEL), program.processes.first().and_then(|process| process.arbiter));
    let none = if seen.is_empty() { "No close was left alone.\n" } else { "Closes that were left alone:\n" };
    let doubts = doubts(program);
    let lines = seen.into_iter().map(|(reason, name)| {
        let more = if *reason == Reason::Unsure { doubts.as_str() } else { "" };
        entry(count(*reason), name, *reason) + more
    });
    [head, proof, none.to_owned()].into_iter().chain(lines).collect()
}

/// What has decided, and decides now, where the counts do not.
fn proof(count: u64, now: Option<Arbiter>) -> String {
    let so_far = if count == 0 { String::new() } else { format!("{count} closes so far, ") };
    match now {
        Some(Arbiter::Kernel) => {
            format!("Where its counts do not tell, the kernel's own count decides: {so_far}softclosectl refs.\n")
        }
        Some(Arbiter::Procfs) if count == 0 => {
            "Where its counts do not tell, a look at /proc decides. The kernel could: softclosectl refs install.\n"
                .to_owned()
        }
        Some(Arbiter::Procfs) => {
            format!("Where its counts do not tell, the kernel's own count decided: {so_far}but it is gone now.\n")
        }
        None if count == 0 => String::new(),
        None => format!("Closes that the kernel's own count has decided: {count}.\n"),
    }
}

fn entry(count: u64, name: &str, reason: Reason) -> String {
    let (what, advice) = meaning(reason);
    format!("\n{count:>12}  {name}: {what}\n              {advice}\n")
}

/// What could not be proved, the most frequent first.
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
        Doubt::Passed => "passed on (SCM_RIGHTS, pidfd_getfd): a copy may be in flight.",
        Doubt::Spawned => {
            "open, and not close-on-exec, while another program was executed. That one may have handed it on."
        }
        Doubt::Watched => "an epoll set may go on watching it that this process cannot take it out of.",
        Doubt::Blind => {
            "the process has an io_uring that may do more than change epoll sets, or a second table of descriptors."
        }
        Doubt::Unseen => "not every process can be seen: no /proc, hidepid, a container, another user.",
        Doubt::Found => "/proc shows another process that has it, or the kernel counts another reference.",
        Doubt::LookBudget => {
            "a look at /proc was not over within two milliseconds (eight at the end of a process): many processes or descriptors."
        }
        Doubt::SetsBudget => "the search for epoll sets was not over within a millisecond: many descriptors.",
    }
}

fn is_no_connection(reason: Reason) -> bool {
    matches!(reason, Reason::NotASocket | Reason::NotTcp | Reason::NotOpen)
}

/// What a reason means, and what to do about it.
pub fn meaning(reason: Reason) -> (&'static str, &'static str) {
    const FINE: &str = "Nothing to do.";
    match reason {
        Reason::Unconnected => ("listening, connecting, or closed already.", FINE),
        Reason::PeerDone => ("the peer had closed and everything was read: a plain close loses nothing.", FINE),
        Reason::Shared => (
            "somebody else still had the connection: a fork child, a dup. Whoever closes last drains it.",
            "Nothing to do, if that one has softclose loaded as well (softclosectl ps).",
        ),
        Reason::Unsure => (
            "nothing proves that nobody else had the connection.",
            "What could not be proved is below; see docs/limits.md, Arbiter of sole ownership.",
        ),
        Reason::ResetAsked => ("the program asked for a reset: SO_LINGER{1,0}.", FINE),
        Reason::Role => ("SOFTCLOSE_ROLE excludes these connections.", "If that was not meant: SOFTCLOSE_ROLE=both."),
        Reason::Repair => ("the connection was being moved elsewhere (TCP_REPAIR).", FINE),
        Reason::Busy => (
            "another thread was writing to the connection, or nobody could tell.",
            "If often: the program closes connections under its own writers.",
        ),
        Reason::Full => (
            "as many connections were in drain as may be, or no descriptor was to be had.",
            "Raise RLIMIT_NOFILE or SOFTCLOSE_MAX_PENDING, or lower SOFTCLOSE_IDLE.",
        ),
        Reason::NoThread => {
            ("no thread was to be had for the drain.", "Raise RLIMIT_NPROC or the pids limit of the cgroup.")
        }
        Reason::Denied => (
            "the kernel refuses a system call that a drain takes: a seccomp filter.",
            "Compare the filter (systemd SystemCallFilter=, the container's profile) with docs/limits.md.",
        ),
        Reason::Observed => (
            "the strategy is observe: closes are only counted.",
            "If softclose_observed_resets_total grows, drains would help: SOFTCLOSE_STRATEGY=drain.",
        ),
        Reason::WaitAsked => ("the program asked for a wait (SO_LINGER{1,n}), which the strategy would break.", FINE),
        Reason::Unread => (
            "something was left unread, and the strategy would not read it.",
            "The strategy drain reads and discards it: SOFTCLOSE_STRATEGY=drain.",
        ),
        Reason::NothingSent => (
            "the program never sent a byte on it: there was no response to lose, and its sender must not take for delivered what nobody reads.",
            FINE,
        ),
        Reason::NotASocket => ("files, pipes and the like.", FINE),
        Reason::NotTcp => ("sockets of another kind: UDP, Unix.", FINE),
        Reason::NotOpen => ("numbers that were not open: the close failed, as it does natively.", FINE),
    }
}
