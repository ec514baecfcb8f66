//! Where a suite is downloaded, built and logged: `target/upstream/SUITE`.

use crate::outcome::{TestOutcome, TestOutcomes};
use shim_tests::built::target_dir;
use shim_tests::program::Parting;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The directory of one suite.
pub struct Workshop(PathBuf);

impl Workshop {
    /// Opens the directory of a suite. It is made if it is not there.
    pub fn of(suite: &str) -> Result<Self, String> {
        let path = shared().join(suite);
        fs::create_dir_all(path.join("logs")).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Where the Debian source of this suite is unpacked.
    pub fn source(&self) -> PathBuf {
        let entries = fs::read_dir(self.0.join("source")).into_iter().flatten().flatten().map(|entry| entry.path());
        entries.filter(|path| path.is_dir()).max().expect("`get` has unpacked it")
    }

    /// Makes something by a shell script inside `directory`, once.
    pub fn make(&self, what: &str, directory: &Path, script: &str) -> Result<(), String> {
        let stamp = self.0.join(format!("{what}.done"));
        if fs::read_to_string(&stamp).is_ok_and(|made_by| made_by == script) {
            return Ok(());
        }
        let log = self.0.join("logs").join(format!("{what}.log"));
        let mut command = Command::new("sh");
        // An outer make would lend its jobs to the inner one.
        command.args(["-ec", script]).current_dir(directory).env_remove("MAKEFLAGS").env_remove("MAKELEVEL");
        said(&mut command, &log)?;
        fs::write(stamp, script).map_err(|error| error.to_string())
    }

    /// Makes a Python environment with `requirements` from PyPI.
    pub fn python_with(&self, requirements: &[&str]) -> Result<(), String> {
        let script = format!("python3 -m venv python\npython/bin/pip install --quiet {}", requirements.join(" "));
        self.make("python", &self.0, &script)
    }

    /// The interpreter that [`Self::python_with`] has made.
    pub fn python(&self) -> String {
        self.0.join("python/bin/python").to_str().expect("a path in UTF-8").to_owned()
    }

    /// Keeps everything that a run has printed, in a log file.
    pub fn log(&self, run: &str, parting: &Parting) {
        let path = self.0.join("logs").join(run.replace('/', "_"));
        let text = format!("{:?}\n{}\n{}\n", parting.exit, parting.stdout.join("\n"), parting.stderr.join("\n"));
        fs::write(path, text).expect("the target directory is writable");
    }

    /// Keeps what became of every test, both ways.
    pub fn table(&self, native: &TestOutcomes, shimmed: &TestOutcomes) {
        let word = |outcomes: &TestOutcomes, test: &str| outcomes.of(test).map_or("nothing heard", TestOutcome::word);
        let line =
            |(test, outcome): (&str, TestOutcome)| format!("{}\t{}\t{test}\n", outcome.word(), word(shimmed, test));
        let text: String = native.iter().map(line).collect();
        fs::write(self.0.join("outcomes.tsv"), text).expect("the target directory is writable");
    }
}

/// The directory that all suites share.
pub fn shared() -> PathBuf {
    target_dir().parent().expect("a target directory").join("upstream")
}

/// Runs `command` to its end and answers its standard output, or the last line of its
/// complaint. All of it is in `log`.
pub fn said(command: &mut Command, log: &Path) -> Result<String, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("{program}: {error}"))?;
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    fs::write(log, format!("{command:?}\n{stdout}\n{stderr}")).map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(stdout.into_owned());
    }
    let last = stderr.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("no complaint").to_owned();
    Err(format!("{program}: {}: {last} (see {})", output.status, log.display()))
}
