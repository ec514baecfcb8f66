//! A row of the matrix: one program, as its file in `programs/` describes it.

use super::script::{Script, Step};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What kind of program it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// Serves HTTP.
    Http,
    /// Passes on what another server serves.
    Proxy,
    /// Serves something else.
    Service,
    /// Is a client.
    Client,
}

/// One program of the matrix.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// The name of the file, without its extension.
    #[serde(default)]
    pub name: String,
    /// The name of the program in the table.
    pub title: String,
    /// What kind of program it is.
    pub group: Group,
    /// The language that it is written in.
    pub language: String,
    /// How it serves, such as `prefork`.
    pub model: String,
    /// What it does itself at a close.
    #[serde(default = "no")]
    pub lingers: String,
    /// A shell line that prints the version.
    pub version: String,
    /// Whether `make test` runs it too.
    #[serde(default)]
    pub smoke: bool,
    /// A note for the reader of the table.
    #[serde(default)]
    pub note: Option<String>,
    /// Why softclose cannot help this program, if it cannot.
    #[serde(default)]
    pub out_of_reach: Option<String>,
    /// Why it asks the kernel to reset connections, if it does.
    #[serde(default)]
    pub asks_for_resets: Option<String>,
    /// What must be installed.
    pub needs: Needs,
    /// What is under test, or what a client talks to.
    pub server: Server,
    /// What is under test, if it is a client.
    #[serde(default)]
    pub client: Option<Client>,
    /// Sessions of everyday use.
    #[serde(default)]
    pub session: Vec<Session>,
    /// The ways in which its close can lose something, by name.
    #[serde(default)]
    pub loss: BTreeMap<String, LossScenario>,
}

fn no() -> String {
    "no".to_owned()
}

/// What must be installed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Needs {
    /// Debian packages.
    pub debian: Vec<String>,
    /// Debian packages that are only unpacked, into `{unpacked}`: what conflicts with others.
    pub unpacked: Vec<String>,
    /// PyPI requirements.
    pub pypi: Vec<String>,
    /// npm packages.
    pub npm: Vec<String>,
    /// A package of ours below `programs/apps`, built by cargo.
    pub cargo: Option<String>,
    /// What must be in the path.
    pub commands: Vec<String>,
}

/// A server.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// A shell line that runs before each start, never shimmed.
    #[serde(default)]
    pub prepare: Option<String>,
    /// Processes that it talks to: started before it, ended after it, never shimmed.
    #[serde(default)]
    pub backend: Vec<Backend>,
    /// Program and arguments.
    #[serde(default)]
    pub run: Vec<String>,
    /// The name of a server of the lab (`src/bin/fixture`) that runs instead of `run`.
    #[serde(default)]
    pub fixture: Option<String>,
    /// Environment variables.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Where it listens on 127.0.0.1.
    pub port: u16,
    /// Files in the directory of the run whose lines are compared.
    #[serde(default)]
    pub logs: Vec<String>,
    /// Patterns of what may differ from run to run.
    #[serde(default)]
    pub mask: Vec<String>,
    /// A signal after which it still serves.
    #[serde(default)]
    pub reload: Option<String>,
    /// Signals that end it.
    #[serde(default)]
    pub stop: Vec<String>,
    /// A signal after which a download under way is still finished.
    #[serde(default)]
    pub graceful: Option<String>,
    /// Whether only SIGKILL ends it.
    #[serde(default)]
    pub deaf: bool,
    /// Files that are written to the directory of the run.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// The path whose requests are refused.
    #[serde(default = "reject")]
    pub reject: String,
    /// The path of a document of 1,000 bytes.
    #[serde(default = "small")]
    pub small: String,
    /// The path of a document of 3 MiB.
    #[serde(default = "big")]
    pub big: String,
}

/// A process that a server talks to.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backend {
    /// Program and arguments.
    pub run: Vec<String>,
    /// Where it listens.
    pub port: u16,
}

fn reject() -> String {
    "/reject".to_owned()
}

fn small() -> String {
    "/small.txt".to_owned()
}

fn big() -> String {
    "/big.bin".to_owned()
}

/// A client.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// Program and arguments.
    pub run: Vec<String>,
    /// Environment variables.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
}

/// One session of everyday use.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    /// What one step says. Together with `hear` it is short for two steps.
    #[serde(default)]
    pub say: Option<String>,
    /// What the second of these two steps hears.
    #[serde(default)]
    pub hear: Option<String>,
    /// Step by step.
    #[serde(default)]
    pub steps: Vec<Step>,
    /// A program that speaks the protocol, never shimmed.
    #[serde(default)]
    pub command: Vec<String>,
}

impl Session {
    /// The script of the session. `None` if a program speaks.
    pub fn script(&self) -> Option<Script> {
        let said = self.say.clone().map(Step::Say);
        let heard = self.hear.clone().map(Step::Hear);
        let steps: Vec<_> = said.into_iter().chain(heard).chain(self.steps.iter().cloned()).collect();
        (!steps.is_empty()).then_some(Script { steps, slow: false })
    }
}

/// A way to lose something.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LossScenario {
    /// What the peer does.
    pub steps: Vec<Step>,
    /// Whether it reads slowly.
    pub slow: bool,
    /// Why this way does not apply to the program, if it does not.
    pub why_not: Option<String>,
}

/// The ways that have a column in the table, in order.
pub const WAYS: [&str; 3] = ["early", "trailing", "slow"];

impl Row {
    /// All rows, or the rows with these names, in the order of groups and titles.
    ///
    /// # Errors
    /// Which file, and what is wrong with it.
    pub fn all(names: &[String]) -> Result<Vec<Self>, String> {
        let entries = fs::read_dir(directory()).map_err(|error| format!("{}: {error}", directory().display()))?;
        let files = entries.flatten().map(|entry| entry.path());
        let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "toml"));
        let mut rows = files.map(|path| Self::read(&path)).collect::<Result<Vec<_>, _>>()?;
        if let Some(unknown) = names.iter().find(|name| !rows.iter().any(|row| row.name == **name)) {
            return Err(format!("no row {unknown:?} in {}", directory().display()));
        }
        rows.retain(|row| names.is_empty() || names.contains(&row.name));
        rows.sort_by_key(|row| (row.group, row.title.to_lowercase()));
        Ok(rows)
    }

    fn read(path: &Path) -> Result<Self, String> {
        let named = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let text = fs::read_to_string(path).map_err(|error| named(&error))?;
        let mut row: Self = toml::from_str(&text).map_err(|error| named(&error))?;
        row.name = path.file_stem().expect("it has an extension").to_string_lossy().into_owned();
        row.add_defaults();
        row.check().map_err(|error| named(&error))?;
        Ok(row)
    }

    /// Adds the sessions and ways to lose something that every HTTP server has.
    fn add_defaults(&mut self) {
        if !matches!(self.group, Group::Http | Group::Proxy) {
            return;
        }
        if self.session.is_empty() {
            self.session = everyday(&self.server);
        }
        for (way, loss) in lossy(&self.server) {
            self.loss.entry(way.to_owned()).or_insert(loss);
        }
    }

    fn check(&self) -> Result<(), String> {
        if let Some(way) = self.loss.keys().find(|way| !WAYS.contains(&way.as_str())) {
            return Err(format!("no such way to lose: {way}"));
        }
        if self.client.is_some() != (self.group == Group::Client) {
            return Err("a client, and only a client, has [client]".to_owned());
        }
        if self.server.run.is_empty() == self.server.fixture.is_none() {
            return Err("a server has either `run` or `fixture`".to_owned());
        }
        if self.session.iter().any(|session| session.script().is_some() != session.command.is_empty()) {
            return Err("a session has either a command or steps".to_owned());
        }
        Ok(())
    }

    /// The scripts of the sessions that the peer speaks itself.
    pub fn scripts(&self) -> Vec<Script> {
        self.session.iter().filter_map(Session::script).collect()
    }

    /// A script that downloads a large response slowly.
    pub fn download(&self) -> Option<Script> {
        let asks = |step: &Step| matches!(step, Step::Say(text) if text.contains(&self.server.big));
        let everyday = self.scripts().into_iter().find(|script| script.steps.iter().any(asks));
        let steps = everyday.map(|script| script.steps).or_else(|| Some(self.loss.get("slow")?.steps.clone()));
        steps.filter(|steps| !steps.is_empty()).map(|steps| Script { steps, slow: true })
    }

    /// The command lines of the sessions that a program speaks.
    pub fn commands(&self) -> Vec<&[String]> {
        self.session.iter().map(|session| session.command.as_slice()).filter(|command| !command.is_empty()).collect()
    }
}

/// The directory of the rows.
pub fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("programs")
}

fn get(path: &str, connection: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: {connection}\r\n\r\n")
}

fn hear_http() -> Step {
    Step::Hear("http".to_owned())
}

fn everyday(server: &Server) -> Vec<Session> {
    let session = |steps| Session { say: None, hear: None, steps, command: Vec::new() };
    let once = |path: &str| session(vec![Step::Say(get(path, "close")), hear_http()]);
    let mut twice = vec![Step::Say(get(&server.small, "keep-alive")), hear_http()];
    twice.extend([Step::Say(get(&server.small, "close")), hear_http()]);
    vec![once(&server.small), once(&server.big), session(twice)]
}

fn lossy(server: &Server) -> [(&'static str, LossScenario); 3] {
    const BODY: usize = 4 << 20;
    let ask = |ask: String, upload, slow| LossScenario {
        steps: vec![Step::Say(ask), Step::Upload(upload), hear_http()],
        slow,
        why_not: None,
    };
    let post = format!("POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {BODY}\r\n\r\n", server.reject);
    [
        ("early", ask(post, BODY, false)),
        ("trailing", ask(get(&server.small, "close"), 256 << 10, false)),
        ("slow", ask(get(&server.big, "close"), 64 << 10, true)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_a_row() {
        let rows = Row::all(&[]).unwrap();
        assert!(rows.iter().all(|row| !row.session.is_empty() || row.client.is_some()), "{rows:#?}");
    }

    #[test]
    fn a_server_of_http_is_asked_the_usual() {
        let rows = Row::all(&["nginx".to_owned()]).unwrap();
        assert_eq!(rows[0].session.len(), 3);
        assert_eq!(rows[0].loss.len(), 3);
        assert!(Row::all(&["no-such-program".to_owned()]).is_err());
    }
}
