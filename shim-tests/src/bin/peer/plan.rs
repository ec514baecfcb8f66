//! What the command line asks for: where to connect or listen, and the steps of the script.

use std::net::Ipv4Addr;
use std::time::Duration;

/// How long the peer waits for anything. The harness waits longer, so that a stuck peer still
/// reports.
const PATIENCE: Duration = Duration::from_secs(20);

/// One step of the script.
pub enum Step {
    Say(String),
    Upload(usize),
    Firehose,
    Pour,
    Drip(Duration),
    Read(usize),
    ReadToEnd,
    Slowly(Duration),
    Head,
    Rest(Duration),
    Wait,
    Tell(String),
    Fin,
}

/// The whole plan of a peer.
pub struct Plan {
    pub host: Ipv4Addr,
    pub port: u16,
    pub listens: bool,
    pub ipv6: bool,
    pub mptcp: bool,
    pub receive_buffer: Option<usize>,
    pub send_buffer: Option<usize>,
    pub copies: usize,
    pub rounds: usize,
    pub patience: Duration,
    pub steps: Vec<Step>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            host: Ipv4Addr::LOCALHOST,
            port: 0,
            listens: false,
            ipv6: false,
            mptcp: false,
            receive_buffer: None,
            send_buffer: None,
            copies: 1,
            rounds: 1,
            patience: PATIENCE,
            steps: Vec::new(),
        }
    }
}

impl Plan {
    /// Parses the words of the command line. An unknown word is a bug in a test: it panics.
    pub fn parse(words: impl Iterator<Item = String>) -> Self {
        let mut plan = Self::default();
        for word in words {
            let (name, value) = word.split_once('=').unwrap_or((&word, ""));
            plan.take(name, value);
        }
        plan
    }

    fn take(&mut self, name: &str, value: &str) {
        let number = || value.parse::<usize>().unwrap_or_else(|_| panic!("{name}={value}: not a number"));
        let millis = || Duration::from_millis(number() as u64);
        match name {
            "host" => self.host = value.parse().expect("an address"),
            "patience" => self.patience = millis(),
            "to" => self.port = value.parse().expect("a port"),
            "listen" => self.listens = true,
            "ipv6" => self.ipv6 = true,
            "mptcp" => self.mptcp = true,
            "rcvbuf" => self.receive_buffer = Some(number()),
            "sndbuf" => self.send_buffer = Some(number()),
            "copies" => self.copies = number(),
            "rounds" => self.rounds = number(),
            "say" => self.steps.push(Step::Say(value.to_owned())),
            "upload" => self.steps.push(Step::Upload(number())),
            "firehose" => self.steps.push(Step::Firehose),
            "pour" => self.steps.push(Step::Pour),
            "drip" => self.steps.push(Step::Drip(millis())),
            "read" if value.is_empty() => self.steps.push(Step::ReadToEnd),
            "read" => self.steps.push(Step::Read(number())),
            "slowly" => self.steps.push(Step::Slowly(millis())),
            "rest" => self.steps.push(Step::Rest(millis())),
            "head" => self.steps.push(Step::Head),
            "wait" => self.steps.push(Step::Wait),
            "tell" => self.steps.push(Step::Tell(value.to_owned())),
            "fin" => self.steps.push(Step::Fin),
            _ => panic!("no such step: {name}"),
        }
    }
}
