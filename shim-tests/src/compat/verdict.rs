//! The two runs of one program, compared.

use super::loss::{Toll, Tolls};
use super::sanity::{Left, Observed};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What was found out about one program.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Result {
    /// First line of what it says of its version.
    pub version: String,
    /// Which calls ended its connections, and how many each.
    pub endings: BTreeMap<String, usize>,
    /// Without softclose and with it.
    pub tolls: [Tolls; 2],
    /// Likewise.
    pub observed: [Observed; 2],
}

/// How much more private memory is no growth, in KiB: 5,000 connections that leak
/// one of our slots each would be 312.
const MEMORY: i64 = 256;

impl Result {
    /// Everything that is worse with softclose, or different where it must not be.
    pub fn faults(&self, out_of_reach: bool) -> Vec<String> {
        let mut faults = self.differences();
        faults.extend(self.growth());
        for (way, native) in &self.tolls[0] {
            let with = self.tolls[1].get(way).copied().unwrap_or_default();
            faults.extend(worse(way, native, &with, out_of_reach));
        }
        faults
    }

    fn differences(&self) -> Vec<String> {
        let [native, with] = &self.observed;
        let names = native.same.keys().chain(with.same.keys());
        let mut different: Vec<_> =
            names.filter(|name| native.same.get(*name) != with.same.get(*name)).cloned().collect();
        different.sort();
        different.dedup();
        different.into_iter().map(|name| format!("{name}: not as without")).collect()
    }

    fn growth(&self) -> Vec<String> {
        let [Some(native), Some(with)] = self.observed.each_ref().map(|observed| observed.left) else {
            return Vec::new();
        };
        let Left { memory, descriptors } = with;
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

/// With softclose nothing is lost that was not lost by the program itself, and the
/// kernel aborts nothing.
fn worse(way: &str, native: &Toll, with: &Toll, out_of_reach: bool) -> Vec<String> {
    let mut faults = Vec::new();
    if with.full < native.full {
        faults.push(format!("{way}: {} full answers, {} without", with.full, native.full));
    }
    let aborts = with.abort_on_close + with.abort_on_data;
    if aborts > 0 && !out_of_reach {
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
        assert!(worse("slow", &toll(3, 17), &toll(3, 17), true).is_empty());
    }

    #[test]
    fn what_must_be_the_same_is_compared() {
        let observed = |status: &str| Observed { same: [("end".to_owned(), status.to_owned())].into(), left: None };
        let result = |with| Result {
            version: String::new(),
            endings: BTreeMap::new(),
            tolls: Default::default(),
            observed: [observed("Code(0)"), with],
        };
        assert!(result(observed("Code(0)")).faults(false).is_empty());
        assert_eq!(result(observed("Signal(11)")).faults(false), ["end: not as without"]);
        assert_eq!(result(Observed::default()).faults(false), ["end: not as without"]);
    }
}
