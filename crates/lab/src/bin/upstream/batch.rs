//! One program of a suite, with everything that it needs to run.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// How long a batch may take before it counts as hanging.
const PATIENCE: Duration = Duration::from_secs(600);

/// What the name of a batch that runs again ends with.
const AGAIN: &str = ".again";

/// A program that runs one or more tests.
#[derive(Clone, Debug)]
pub struct Batch {
    name: String,
    words: Vec<String>,
    directory: Option<PathBuf>,
    environment: Vec<(&'static str, String)>,
}

impl Batch {
    /// A batch that runs `program`, in a new directory for each run.
    pub fn new(name: impl Into<String>, program: impl Into<String>) -> Self {
        Self { name: name.into(), words: vec![program.into()], directory: None, environment: Vec::new() }
    }

    pub fn arguments<S: Into<String>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.words.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Replaces all arguments after `marker` by `arguments`.
    pub fn replaced_after(mut self, marker: &str, arguments: impl IntoIterator<Item = String>) -> Self {
        self.words.truncate(self.words.iter().position(|word| word == marker).map_or(self.words.len(), |at| at + 1));
        self.arguments(arguments)
    }

    /// Runs it in this directory, for a suite that looks for its files where it runs.
    pub fn inside(mut self, directory: PathBuf) -> Self {
        self.directory = Some(directory);
        self
    }

    pub fn variable(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.environment.push((name, value.into()));
        self
    }

    pub fn named(self, name: String) -> Self {
        Self { name, ..self }
    }

    /// The same batch, named as one that runs again; see [`Self::first_name`].
    pub fn run_again(self) -> Self {
        let name = format!("{}{AGAIN}", self.name);
        self.named(name)
    }

    /// The name that it had when it ran for the first time.
    pub fn first_name(&self) -> &str {
        self.name.trim_end_matches(AGAIN)
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// How long it may take.
    pub fn patience(&self) -> Duration {
        PATIENCE
    }

    /// The command to run, with `scratch` as the directory for temporary files.
    pub fn command(&self, scratch: &std::path::Path) -> Command {
        let mut command = Command::new(&self.words[0]);
        command.args(&self.words[1..]).env("TMPDIR", scratch);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.current_dir(self.directory.as_deref().unwrap_or(scratch));
        command
    }
}
