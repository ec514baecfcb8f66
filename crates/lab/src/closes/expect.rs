//! What must come out on the near link, whatever the machine is busy with: how the
//! peer's connection ends, whether it has every byte, what the program sends, and who
//! holds TIME_WAIT. Tests and the page ask here.

use super::case::Case;
use super::measure::{Ending, Run};
use super::packet::End;
use super::scenario::Scenario;
use super::subject::Subject;

/// What must come out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Expected {
    ending: Ending,
    /// Whether every byte must arrive. `None` where that depends on who is faster.
    whole: Option<bool>,
    fin: bool,
    reset: bool,
    time_wait: Option<End>,
}

/// Everything that is not as it must be in a run.
pub fn faults(run: &Run) -> Vec<String> {
    let mut faults = faults_of_the_end(run);
    let selected = run.timing.selected.map(|(ready, _)| ready);
    if let Some(expected) = selected_by(&run.case)
        && selected != Some(expected)
    {
        faults.push(format!("select answered {selected:?}, not {expected}"));
    }
    faults
}

/// What `select` must answer, where that does not depend on who is faster: with the
/// receive side shut there is always something to read.
fn selected_by(case: &Case) -> Option<i32> {
    if case.subject == Subject::recipe("shut-both-select") {
        return Some(1);
    }
    let waits = case.subject == Subject::recipe("shut-write-select");
    match case.scenario {
        Scenario::Never | Scenario::Vanishes if waits => Some(0),
        Scenario::First | Scenario::HalfCloses | Scenario::Uploads if waits => Some(1),
        _ => None,
    }
}

fn faults_of_the_end(run: &Run) -> Vec<String> {
    let expected = of(&run.case);
    let whole = expected.whole.map(|_| run.is_whole());
    let time_wait = run.time_wait();
    let checks = [
        (run.ending() != expected.ending, format!("the peer's read ended with {:?}", run.ending())),
        (whole != expected.whole, format!("{} bytes were delivered", run.report.received)),
        (!run.report.intact, "the bytes are not those that were sent".to_owned()),
        ((run.fins(End::Program) != 0) != expected.fin, format!("{} FINs were sent", run.fins(End::Program))),
        ((run.resets(End::Program) != 0) != expected.reset, format!("{} RSTs were sent", run.resets(End::Program))),
        (time_wait != expected.time_wait.into_iter().collect::<Vec<_>>(), format!("TIME_WAIT at {time_wait:?}")),
    ];
    checks.into_iter().filter(|(is_fault, _)| *is_fault).map(|(_, what)| format!("{what}, not {expected:?}")).collect()
}

fn of(case: &Case) -> Expected {
    let Case { subject, scenario, .. } = case;
    match scenario {
        // The FIN is behind data for which there is no window.
        Scenario::Vanishes => Expected {
            ending: Ending::Timeout,
            whole: Some(false),
            fin: false,
            reset: asks_for_reset(subject),
            time_wait: None,
        },
        _ if asks_for_reset(subject) => reset(match scenario {
            Scenario::First => Some(true),
            Scenario::Never | Scenario::Later => None,
            _ => Some(false),
        }),
        // What is unread, or still comes, is answered with a reset by who does not read.
        Scenario::Uploads | Scenario::HalfCloses if !reads(subject) => reset(Some(false)),
        Scenario::First | Scenario::HalfCloses => orderly(Some(End::Peer)),
        // FIN_WAIT2, for want of the peer's FIN.
        Scenario::Never => orderly(None),
        Scenario::Later if subject.strategy == Some("peer-first") => orderly(Some(End::Peer)),
        Scenario::Slow | Scenario::Uploads | Scenario::Later => orderly(Some(End::Program)),
    }
}

fn reset(whole: Option<bool>) -> Expected {
    Expected { ending: Ending::Reset, whole, fin: false, reset: true, time_wait: None }
}

fn orderly(time_wait: Option<End>) -> Expected {
    Expected { ending: Ending::Fin, whole: Some(true), fin: true, reset: false, time_wait }
}

fn asks_for_reset(subject: &Subject) -> bool {
    subject.strategy == Some("abort") || *subject == Subject::recipe("linger-zero")
}

fn reads(subject: &Subject) -> bool {
    matches!(subject.strategy, Some("drain" | "peer-first")) || *subject == Subject::recipe("shut-write-receive")
}
