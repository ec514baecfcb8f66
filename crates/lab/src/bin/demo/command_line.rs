//! A command line, without softclose and with it.

use shim_tests::shim::{Shim, launcher};
use std::fmt;
use std::path::Path;
use std::process::Command;

pub struct CommandLine(Vec<String>);

impl CommandLine {
    pub fn new<'a>(words: impl IntoIterator<Item = &'a str>) -> Self {
        Self(words.into_iter().map(str::to_owned).collect())
    }

    /// The command line of the victim `victims/NAME.c`, which is compiled if need be.
    pub fn compiled(name: &str) -> Self {
        let path = shim_tests::victim::compiled(name);
        Self::new([path.to_str().expect("a target directory in UTF-8")])
    }

    /// The command to run. With the shim it goes through the launcher, as a user's command would.
    /// `SOFTCLOSE_` variables of the shell do not reach it.
    pub fn command(&self, shim: Shim) -> Command {
        let mut command = match shim {
            Shim::Native => Command::new(&self.0[0]),
            Shim::Preloaded => through_launcher(&self.0[0]),
        };
        Shim::Native.dress(&mut command);
        command.args(&self.0[1..]);
        command
    }
}

fn through_launcher(program: &str) -> Command {
    let mut command = Command::new(launcher());
    command.arg("--").arg(program);
    command
}

/// Shows the line as a user would type it: a path is shortened to its file name.
impl fmt::Display for CommandLine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = self.0.clone();
        if let Some(name) = Path::new(&words[0]).file_name().filter(|_| words[0].contains('/')) {
            words[0] = format!("./{}", name.to_string_lossy());
        }
        formatter.write_str(&words.join(" "))
    }
}
