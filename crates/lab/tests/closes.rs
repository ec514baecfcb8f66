//! Each way to close does on the near link what `docs/closes.md` says: how the peer's connection
//! ends, what arrives, FIN or RST, and which end holds TIME_WAIT. No test looks at a time.

use shim_tests::here;
use softclose_lab::closes::case::{Bounds, Case, SHORT, Side};
use softclose_lab::closes::link::{Distance, Link};
use softclose_lab::closes::packet::End;
use softclose_lab::closes::scenario::Scenario;
use softclose_lab::closes::subject::{BY_HAND, NATIVE, Subject};
use softclose_lab::closes::{expect, measure};

/// More than any peer takes that comes to its end, even on a busy machine.
const PATIENT: Bounds = Bounds { idle: "8s", timeout: "8s", peer_first: "100ms" };

/// Tests that wait for a bound use a short one.
fn bounds(subject: &Subject, scenario: Scenario) -> Bounds {
    match (subject.strategy, scenario) {
        (_, Scenario::Never | Scenario::Vanishes) | (Some("wait"), Scenario::Uploads) => SHORT,
        (Some("peer-first"), Scenario::Later) => Bounds { peer_first: "8s", ..PATIENT },
        _ => PATIENT,
    }
}

/// One run, with bounds that no busy machine runs into by chance.
fn run(subject: Subject, side: Side, scenario: Scenario) -> Case {
    Case { side, bounds: bounds(&subject, scenario), ..Case::new(subject, scenario) }
}

/// Whether there can be no such link; says so.
fn is_skipped(test: &str, distance: Distance) -> bool {
    let link = Link::open(distance, 0);
    link.map_err(|reason| shim_tests::skip(test, &reason)).is_err()
}

/// Runs all of them at once.
fn come_out_as_expected(test: &str, cases: &[Case]) {
    if is_skipped(test, Distance::Near) {
        return;
    }
    std::thread::scope(|scope| {
        for case in cases {
            scope.spawn(move || {
                let run = measure::run(*case, 0).expect("there was a link a moment ago");
                let faults = expect::faults(&run);
                assert!(faults.is_empty(), "{}: {faults:#?}\n{run:#?}", case.name());
            });
        }
    });
}

/// Those of a server against every peer but one that reads slowly, which takes long,
/// and those of a client against two that tell them apart.
macro_rules! as_the_page_says {
    ($($name:ident: $subject:expr;)*) => {$(
        #[test]
        fn $name() {
            use Scenario::{First, HalfCloses, Later, Never, Uploads};
            let server = [First, HalfCloses, Later, Never, Uploads].map(|scenario| run($subject, Side::Server, scenario));
            let client = [HalfCloses, Later].map(|scenario| run($subject, Side::Client, scenario));
            come_out_as_expected(here!(), &[&server[..], &client[..]].concat());
        }
    )*};
}

mod ends {
    use super::*;

    as_the_page_says! {
        a_native_close: NATIVE;
        drain: Subject::under("drain");
        wait: Subject::under("wait");
        both: Subject::under("both");
        linger: Subject::under("linger");
        abort: Subject::under("abort");
        peer_first: Subject::under("peer-first");
        observe: Subject::under("observe");
    }

    #[test]
    fn a_recipe_by_hand() {
        let peers = [Scenario::Uploads, Scenario::Later, Scenario::Never];
        let runs = BY_HAND.into_iter().flat_map(|recipe| peers.map(|peer| run(recipe, Side::Server, peer)));
        come_out_as_expected(here!(), &runs.collect::<Vec<_>>());
    }

    #[test]
    fn a_connection_to_a_peer_that_vanishes() {
        let subjects = [NATIVE, Subject::under("drain"), Subject::under("abort")];
        come_out_as_expected(here!(), &subjects.map(|subject| run(subject, Side::Server, Scenario::Vanishes)));
    }
}

/// What is expected is not simply everything: a run of one way to close is not taken for
/// one of another.
#[test]
fn a_run_of_another_way_to_close_is_found_out() {
    if is_skipped(here!(), Distance::Near) {
        return;
    }
    for (scenario, others) in [(Scenario::Uploads, ["drain", "peer-first"]), (Scenario::Later, ["abort", "peer-first"])]
    {
        let mut run = measure::run(Case::new(NATIVE, scenario), 0).expect("there was a link a moment ago");
        for other in others {
            run.case.subject = Subject::under(other);
            assert!(!expect::faults(&run).is_empty(), "{run:#?}");
        }
    }
}

/// On a link that delays and loses, where this machine can have one.
#[test]
fn a_response_is_drained_over_a_link_with_delay_and_loss() {
    if is_skipped(here!(), Distance::Far) {
        return;
    }
    let near = Case { bounds: PATIENT, ..Case::new(Subject::under("drain"), Scenario::Uploads) };
    let run = measure::run(Case { distance: Distance::Far, ..near }, 1).expect("there was a link a moment ago");
    assert!(run.is_whole() && run.ending() == measure::Ending::Fin, "{run:#?}");
    assert_eq!(run.resets(End::Program), 0, "{run:#?}");
}
