//! What was found about one program, and what is worse with softclose than without.

use super::loss::{Toll, Tolls};
use super::row::Row;
use super::sanity::{Leftover, MEMORY, Observed};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What was found out about one program.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RowResult {
    /// The first line that the program prints about its version.
    pub version: String,
    /// The calls that ended its connections, each with the number of connections.
    pub endings: BTreeMap<String, usize>,
    /// What was lost without softclose, and with it.
    pub tolls: [Tolls; 2],
    /// What its everyday users saw without softclose, and with it.
    pub observed: [Observed; 2],
    /// What was lost in a container.
    #[serde(default)]
    pub in_container: InContainer,
}

/// What the first way to lose something came to in a container.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InContainer {
    /// Without softclose and with it.
    Tolls([Tolls; 2]),
    /// It was not tried, for this reason.
    Not(String),
}

impl Default for InContainer {
    fn default() -> Self {
        Self::Not("not run".to_owned())
    }
}

impl InContainer {
    /// Everything that is worse with softclose.
    pub fn faults(&self, row: &Row) -> Vec<String> {
        match self {
            Self::Tolls(_) if row.out_of_reach.is_some() => Vec::new(),
            Self::Tolls(tolls) => worse_ways(tolls, row).map(|fault| format!("in a container, {fault}")).collect(),
            Self::Not(_) => Vec::new(),
        }
    }
}

impl RowResult {
    /// Everything that is worse with softclose, or different where it must not be.
    ///
    /// Where softclose does nothing, what is lost and what grows is the program's own,
    /// and a matter of luck.
    pub fn faults(&self, row: &Row) -> Vec<String> {
        let mut faults = self.differences();
        if row.out_of_reach.is_some() {
            return faults;
        }
        faults.extend(self.growth());
        faults.extend(worse_ways(&self.tolls, row));
        faults.extend(self.in_container.faults(row));
        faults
    }

    fn differences(&self) -> Vec<String> {
        let [native, with] = &self.observed;
        let names = native.same.keys().chain(with.same.keys());
        let mut different: Vec<_> =
            names.filter(|name| native.same.get(*name) != with.same.get(*name)).cloned().collect();
        different.sort();
        different.dedup();
        different.into_iter().map(|name| format!("{name}: differs from the native run")).collect()
    }

    fn growth(&self) -> Vec<String> {
        let [Some(native), Some(with)] = self.observed.each_ref().map(|observed| observed.left) else {
            return Vec::new();
        };
        let Leftover { memory, descriptors } = with;
        let mut faults = Vec::new();
        if descriptors > native.descriptors.max(0) {
            faults.push(format!("{descriptors} descriptors left, {} without", native.descriptors));
        }
        if memory > native.memory.max(0) + MEMORY {
            faults.push(format!("{memory} KiB left, {} without", native.memory));
        }
        faults
    }

    /// Responses lost, of all that were asked for: without and with.
    pub fn lost(&self) -> [(usize, usize); 2] {
        self.tolls.each_ref().map(|tolls| {
            tolls
                .values()
                .fold((0, 0), |(lost, all), toll| (lost + toll.connections - toll.full, all + toll.connections))
        })
    }
}

fn worse_ways(tolls: &[Tolls; 2], row: &Row) -> impl Iterator<Item = String> {
    let [native, with] = tolls;
    native.iter().flat_map(|(way, toll)| {
        let with = with.get(way).copied().unwrap_or_default();
        worse(way, toll, &with, row.asks_for_resets.is_some())
    })
}

/// What is worse with softclose in one way to lose something: fewer full answers, or any abort by
/// the kernel.
fn worse(way: &str, native: &Toll, with: &Toll, asks_for_resets: bool) -> Vec<String> {
    let mut faults = Vec::new();
    if with.full < native.full {
        faults.push(format!("{way}: {} full answers, {} without", with.full, native.full));
    }
    // A reset that is asked for is counted among those on data.
    let aborts = with.abort_on_close + if asks_for_resets { 0 } else { with.abort_on_data };
    if aborts > 0 {
        faults.push(format!("{way}: {aborts} aborts by the kernel"));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn toll(full: usize, aborts: u64) -> Toll {
        Toll { connections: 20, full, abort_on_close: aborts, ..Toll::default() }
    }

    #[test]
    fn fewer_answers_and_aborts_are_faults() {
        assert!(worse("slow", &toll(3, 17), &toll(20, 0), false).is_empty());
        assert_eq!(worse("slow", &toll(20, 0), &toll(19, 0), false).len(), 1);
        assert_eq!(worse("slow", &toll(3, 17), &toll(19, 1), false).len(), 1);
        assert_eq!(worse("slow", &toll(3, 17), &toll(19, 1), true).len(), 1);
        let reset = |aborts| Toll { abort_on_data: aborts, ..toll(20, 0) };
        assert_eq!(worse("slow", &reset(9), &reset(9), false).len(), 1);
        assert!(worse("slow", &reset(9), &reset(9), true).is_empty());
    }

    #[test]
    fn what_must_be_the_same_is_compared() {
        let observed = |status: &str| Observed { same: [("end".to_owned(), status.to_owned())].into(), left: None };
        let result = |with| RowResult {
            version: String::new(),
            endings: BTreeMap::new(),
            tolls: Default::default(),
            observed: [observed("Code(0)"), with],
            in_container: InContainer::default(),
        };
        let row = &Row::all(&["nginx".to_owned()]).unwrap()[0];
        assert!(result(observed("Code(0)")).faults(row).is_empty());
        assert_eq!(result(observed("Signal(11)")).faults(row), ["end: differs from the native run"]);
        assert_eq!(result(Observed::default()).faults(row), ["end: differs from the native run"]);
    }
}
