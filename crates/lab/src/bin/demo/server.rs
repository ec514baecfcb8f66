//! The server of the first part: Python's, or where there is no Python one of ours.

use crate::command_line::CommandLine;
use crate::network::Network;
use shim_tests::program::Program;
use shim_tests::shim::Shim;
use std::process::{Command, Stdio};

#[derive(Clone, Copy)]
pub enum Server {
    /// `python3 -m http.server`, as it comes.
    Python,
    /// `victims/legacy_httpd.c`.
    Legacy,
}

impl Server {
    /// Chooses Python's server where it works, or else ours, with the reason.
    pub fn choose() -> (Self, Option<String>) {
        match python_works() {
            Ok(()) => (Self::Python, None),
            Err(reason) => (Self::Legacy, Some(reason)),
        }
    }

    /// What it does with a POST.
    pub fn habit(self) -> &'static str {
        match self {
            Self::Python => "Python's http.server answers a POST with 501",
            Self::Legacy => "The legacy server answers a POST with 413",
        }
    }

    /// On the loopback of this machine a well-known port may be taken, and
    /// nobody else is to reach it.
    pub fn line(self, network: &Network) -> CommandLine {
        match self {
            Self::Python if network.is_ours() => CommandLine::new("python3 -m http.server 8000".split(' ')),
            Self::Python => CommandLine::new("python3 -m http.server --bind 127.0.0.1 0".split(' ')),
            Self::Legacy => CommandLine::compiled("legacy_httpd"),
        }
    }

    /// Starts it and waits until it says where it listens.
    pub fn start(self, network: &Network, shim: Shim) -> (Program, u16) {
        let mut command = self.line(network).command(shim);
        // Else that line would stay in its buffer.
        command.env("PYTHONUNBUFFERED", "1");
        let mut program = network.start(command);
        let port = match self {
            Self::Python => port_in(&program.expect("Serving HTTP on ")),
            Self::Legacy => program.port(),
        };
        (program, port)
    }
}

/// "0.0.0.0 port 8000 (http://0.0.0.0:8000/) ..."
fn port_in(words: &str) -> u16 {
    let port = words.split_whitespace().skip_while(|word| *word != "port").nth(1);
    port.and_then(|port| port.parse().ok()).unwrap_or_else(|| panic!("no port in {words:?}"))
}

/// A `python3` in the path may still be a wrapper that leads nowhere.
fn python_works() -> Result<(), String> {
    let mut command = Command::new("python3");
    command.args(["-c", "import http.server"]).stdin(Stdio::null()).stderr(Stdio::null());
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("python3 has no http.server: {status}")),
        Err(error) => Err(format!("no python3: {error}")),
    }
}
