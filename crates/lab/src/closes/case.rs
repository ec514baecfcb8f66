//! One cell of the page: who closes what, and who is at the other end.

use super::link::Distance;
use super::scenario::Scenario;
use super::subject::{BY_HAND, Subject};

/// Who has connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// The program accepted the connection.
    Server,
    /// The program connected.
    Client,
}

/// Bounds of softclose in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// `SOFTCLOSE_IDLE`
    pub idle: &'static str,
    /// `SOFTCLOSE_TIMEOUT`
    pub timeout: &'static str,
    /// `SOFTCLOSE_PEER_FIRST`
    pub peer_first: &'static str,
}

/// Those of the page: short, so that a peer that never ends is done with soon.
pub const SHORT: Bounds = Bounds { idle: "1s", timeout: "4s", peer_first: "200ms" };

/// One run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Case {
    /// Who closes.
    pub subject: Subject,
    /// What the peer does.
    pub scenario: Scenario,
    /// Who has connected.
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

    /// In a line.
    pub fn name(&self) -> String {
        let Self { subject, scenario, side, distance, .. } = self;
        format!("{}, peer {}, {side:?}, {distance:?}", subject.name, scenario.name())
    }

    /// All of the page. Recipes by hand are compared on the server's side of a near
    /// link.
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

/// In the order of the page.
pub const PLACES: [(Side, Distance); 4] = [
    (Side::Server, Distance::Near),
    (Side::Client, Distance::Near),
    (Side::Server, Distance::Far),
    (Side::Client, Distance::Far),
];
