//! The command line, parsed.

/// One step of the script.
pub enum Step {
    Say(String),
    Upload(usize),
    Firehose,
    Pour,
    Drip(u64),
    Read(usize),
    ReadToEnd,
    Head,
    Wait,
    Tell(String),
    Fin,
}

/// Where to, how, and what to do there.
#[derive(Default)]
pub struct Plan {
    pub port: u16,
    pub listens: bool,
    pub ipv6: bool,
    pub mptcp: bool,
    pub receive_buffer: Option<usize>,
    pub copies: usize,
    pub rounds: usize,
    pub steps: Vec<Step>,
}

impl Plan {
    /// A word that is not understood is a bug in a test: panic.
    pub fn parse(words: impl Iterator<Item = String>) -> Self {
        let mut plan = Self { copies: 1, rounds: 1, ..Self::default() };
        for word in words {
            let (name, value) = word.split_once('=').unwrap_or((&word, ""));
            plan.take(name, value);
        }
        plan
    }

    fn take(&mut self, name: &str, value: &str) {
        let number = || value.parse::<usize>().unwrap_or_else(|_| panic!("{name}={value}: not a number"));
        match name {
            "to" => self.port = value.parse().expect("a port"),
            "listen" => self.listens = true,
            "ipv6" => self.ipv6 = true,
            "mptcp" => self.mptcp = true,
            "rcvbuf" => self.receive_buffer = Some(number()),
            "copies" => self.copies = number(),
            "rounds" => self.rounds = number(),
            "say" => self.steps.push(Step::Say(value.to_owned())),
            "upload" => self.steps.push(Step::Upload(number())),
            "firehose" => self.steps.push(Step::Firehose),
            "pour" => self.steps.push(Step::Pour),
            "drip" => self.steps.push(Step::Drip(number() as u64)),
            "read" if value.is_empty() => self.steps.push(Step::ReadToEnd),
            "read" => self.steps.push(Step::Read(number())),
            "head" => self.steps.push(Step::Head),
            "wait" => self.steps.push(Step::Wait),
            "tell" => self.steps.push(Step::Tell(value.to_owned())),
            "fin" => self.steps.push(Step::Fin),
            _ => panic!("no such step: {name}"),
        }
    }
}
