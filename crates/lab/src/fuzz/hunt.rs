//! Runs one random program natively and shimmed, judges it, and counts what many programs came to.

use super::case::Case;
use super::compare::{differences, faults, has_excuse, has_lost};
use super::generate::cases;
use super::outcome::RunOutcome;
use super::verb::VERBS;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use shim_tests::arena::Arena;
use shim_tests::built::helper;
use shim_tests::program::Program;
use shim_tests::shim::{Shim, library};
use shim_tests::victim::compiled;
use std::collections::BTreeMap;
use std::fmt;
use std::process::Command;

/// The process `fuzz_peer`, which directs runs one after the other.
pub struct DirectorProcess<'a> {
    arena: &'a Arena,
    director: Program,
    runs: usize,
}

/// What is wrong with a program.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The program.
    pub case: Case,
    /// What is wrong with the shimmed run.
    pub faults: Vec<String>,
    /// The native run.
    pub native: RunOutcome,
    /// The shimmed run.
    pub shimmed: RunOutcome,
}

/// What is found about a program.
#[derive(Clone, Debug)]
pub enum Judgement {
    /// The shimmed run is as it must be.
    Good,
    /// Another shimmed run was as it must be, or native runs differ from each other.
    Chance(Failure),
    /// The shimmed runs are not as they must be.
    Wrong(Failure),
}

/// What many programs came to.
#[derive(Clone, Debug, Default)]
pub struct HuntTally {
    /// Programs.
    pub programs: usize,
    /// Steps that an actor did, by verb.
    pub steps: BTreeMap<&'static str, usize>,
    /// Connections.
    pub links: usize,
    /// Connections that lost something natively, but not shimmed.
    pub rescued: usize,
    /// Connections that lost something shimmed too.
    pub missed: usize,
    /// Programs in which nothing excuses a loss, so that everything must arrive.
    pub strict: usize,
    /// Programs that differed only by chance.
    pub chance: usize,
    /// Programs that were run twice natively, to see whether they are the same.
    pub repeated: usize,
    /// Programs whose two native runs differed.
    pub unlike: usize,
}

impl<'a> DirectorProcess<'a> {
    /// Starts the process in `arena`, where both ends of every connection are.
    pub fn new(arena: &'a Arena) -> Self {
        Self { arena, director: start(arena), runs: 0 }
    }

    /// Runs a program once.
    pub fn run(&mut self, case: &Case, shim: Shim) -> RunOutcome {
        // It keeps what it has said.
        if self.runs == 200 {
            *self = Self::new(self.arena);
        }
        self.runs += 1;
        let word = if shim == Shim::Native { "native" } else { "shimmed" };
        self.director.tell(&format!("{word} {}", case.to_string().replace('\n', ";")));
        self.director.expect("outcome ").parse().expect("an outcome")
    }

    /// Runs a program natively and shimmed, and again where that differs: chance
    /// is what native runs do not agree on, or what the shim does only sometimes.
    pub fn judge(&mut self, case: &Case, tally: &mut HuntTally) -> Judgement {
        const RUNS: usize = 4;
        let mut natives = vec![self.run(case, Shim::Native)];
        let mut shimmed = vec![self.run(case, Shim::Preloaded)];
        tally.add(case, &natives[0], &shimmed[0]);
        let failure = Failure {
            case: case.clone(),
            faults: faults(&natives[0], &shimmed[0]),
            native: natives[0].clone(),
            shimmed: shimmed[0].clone(),
        };
        if failure.faults.is_empty() {
            return Judgement::Good;
        }
        while is_wrong(&natives, &shimmed) {
            if natives.len() == RUNS {
                return Judgement::Wrong(failure);
            }
            natives.push(self.run(case, Shim::Native));
            shimmed.push(self.run(case, Shim::Preloaded));
        }
        if is_race(case) && self.is_never_so(case, natives, &failure.shimmed) {
            return Judgement::Wrong(failure);
        }
        Judgement::Chance(failure)
    }

    /// Whether many native runs agree on what the program sees, and none of them looks like this
    /// shimmed run. Then the shim goes wrong now and then, and libc never does.
    fn is_never_so(&mut self, case: &Case, mut natives: Vec<RunOutcome>, shimmed: &RunOutcome) -> bool {
        const RUNS: usize = 12;
        while natives.len() < RUNS && natives.iter().all(|native| native.seen == natives[0].seen) {
            natives.push(self.run(case, Shim::Native));
        }
        natives.iter().all(|native| native.seen == natives[0].seen) && natives[0].seen != shimmed.seen
    }

    /// Whether two native runs of a program are the same.
    pub fn is_certain(&mut self, case: &Case, tally: &mut HuntTally) {
        let (first, second) = (self.run(case, Shim::Native), self.run(case, Shim::Native));
        tally.repeated += 1;
        tally.unlike += usize::from(!differences(&first, &second).is_empty());
    }
}

/// Whether no shimmed run is as it must be, while all native runs agree.
fn is_wrong(natives: &[RunOutcome], shimmed: &[RunOutcome]) -> bool {
    let agree = natives.iter().all(|native| differences(&natives[0], native).is_empty());
    agree && natives.iter().all(|native| shimmed.iter().all(|shimmed| !faults(native, shimmed).is_empty()))
}

/// Whether a thread or a timer of the program acts at a time that nobody directs.
fn is_race(case: &Case) -> bool {
    case.steps.iter().any(|step| matches!(step.verb.name, "addclose" | "jumpclose"))
}

fn start(arena: &Arena) -> Program {
    let mut command = Command::new(helper("fuzz_peer"));
    command.arg(compiled("interpreter")).env_remove("LD_PRELOAD").env("SOFTCLOSE_LIB", library());
    arena.start(command)
}

/// Program number `at` of a run with this seed.
pub fn program(seed: u64, at: u64) -> Case {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes[8..16].copy_from_slice(&at.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config { failure_persistence: None, ..Config::default() }, rng);
    cases().new_tree(&mut runner).expect("nothing is filtered").current()
}

impl HuntTally {
    fn add(&mut self, case: &Case, native: &RunOutcome, shimmed: &RunOutcome) {
        self.programs += 1;
        self.strict += usize::from(!has_excuse(&shimmed.seen));
        for step in &case.steps {
            *self.steps.entry(step.verb.name).or_default() += 1;
        }
        self.links += native.links.len();
        for (native, shimmed) in native.links.iter().zip(&shimmed.links) {
            self.rescued += usize::from(has_lost(native) && !has_lost(shimmed));
            self.missed += usize::from(has_lost(shimmed) && !shimmed.wants_reset);
        }
    }

    /// Adds what another worker has counted.
    pub fn merge(&mut self, other: &Self) {
        for (name, count) in &other.steps {
            *self.steps.entry(name).or_default() += count;
        }
        self.programs += other.programs;
        self.links += other.links;
        self.rescued += other.rescued;
        self.missed += other.missed;
        self.strict += other.strict;
        self.chance += other.chance;
        self.repeated += other.repeated;
        self.unlike += other.unlike;
    }
}

impl fmt::Display for HuntTally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { programs, links, rescued, missed, strict, chance, repeated, unlike, .. } = self;
        writeln!(f, "{programs} programs, {links} connections; without an excuse for a loss: {strict} programs")?;
        writeln!(f, "connections that natively lost data and shimmed did not: {rescued}; lost in both: {missed}")?;
        writeln!(f, "differed only by chance: {chance}; not alike in two native runs: {unlike} of {repeated}")?;
        let counts = VERBS.iter().map(|verb| (verb.name, self.steps.get(verb.name).copied().unwrap_or(0)));
        let steps: Vec<String> = counts.map(|(name, count)| format!("{name} {count}")).collect();
        write!(f, "steps: {}", steps.join(", "))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "native first, shimmed below:\n{}", self.faults.join("\n"))?;
        writeln!(f, "the program:\n{}", self.case)?;
        for (name, outcome) in [("native", &self.native), ("shimmed", &self.shimmed)] {
            writeln!(f, "{name}:\n  {}", outcome.to_string().replace('\t', "\n  "))?;
        }
        Ok(())
    }
}
