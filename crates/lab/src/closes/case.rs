//! One run: which program closes in which way, and what its peer does.

use super::link::Distance;
use super::scenario::Scenario;
use super::subject::{BY_HAND, Subject};

/// Which end of the connection the program is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// The program accepted the connection.
    Server,
    /// The program connected.
    Client,
}

/// The bounds that softclose has in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// `SOFTCLOSE_IDLE`
    pub idle: &'static str,
    /// `SOFTCLOSE_TIMEOUT`
    pub timeout: &'static str,
    /// `SOFTCLOSE_PEER_FIRST`
    pub peer_first: &'static str,
}

/// The bounds of the page. They are short, so that a run with a peer that never ends is soon over.
pub const SHORT: Bounds = Bounds { idle: "1s", timeout: "4s", peer_first: "200ms" };

/// One run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Case {
    /// The way to close.
    pub subject: Subject,
    /// What the peer does.
    pub scenario: Scenario,
    /// Which end the program is.
    pub side: Side,
    /// How far away the peer is.
    pub distance: Distance,
    /// Bounds of softclose.
    pub bounds: Bounds,
}

impl Case {
    /// A run on the near link, server-side.
    pub fn new(subject: Subject, scenario: Scenario) -> Self {
        Self { subject, scenario, side: Side::Server, distance: Distance::Near, bounds: SHORT }
    }

    /// The name of the run, in one line.
    pub fn name(&self) -> String {
        let Self { subject, scenario, side, distance, .. } = self;
        format!("{}, peer {}, {side:?}, {distance:?}", subject.name, scenario.name())
    }

    /// All runs of the page. Recipes by hand are only run as a server on the near link.
    pub fn all() -> Vec<Self> {
        let mut cases = Vec::new();
        for (side, distance) in PLACES {
            for scenario in Scenario::ALL {
                let recipes = (side, distance) == PLACES[0];
                let by_hand = BY_HAND.into_iter().filter(|_| recipes);
                cases.extend(Subject::main().chain(by_hand).map(|subject| Self {
                    side,
                    distance,
                    ..Self::new(subject, scenario)
                }));
            }
        }
        cases
    }
}

/// The combinations of side and distance, in the order of the page.
pub const PLACES: [(Side, Distance); 4] = [
    (Side::Server, Distance::Near),
    (Side::Client, Distance::Near),
    (Side::Server, Distance::Far),
    (Side::Client, Distance::Far),
];
