//! Writes `docs/compatibility.md` from the results that are kept.

use super::comparison::{InContainer, RowResult};
use super::loss::{CONNECTIONS, Toll};
use super::row::{Group, Row, WAYS};
use std::fmt::Write;

const HEAD: &str = "\
# Compatibility

Real programs as Debian, PyPI, npm and crates.io have them, none of them changed. `make compat` makes this page: each program runs
natively and with softclose, in network namespaces of its own.

![responses lost, without softclose and with it](compatibility.svg)

Columns:

- *ends by*: the call of libc that takes the last reference to a connection away, seen with strace and its call stacks.
- *early*: an answer before the request's body has been read. *trailing*: bytes behind a complete request. *slow*: a large response,
  a slow reader, and input that nobody reads. In each, answers that arrived in full, of {connections}, without softclose and with
  it; in brackets the connections that the kernel aborted (`TcpExtTCPAbortOnClose` and `TcpExtTCPAbortOnData`). A client that is told
  \"broken pipe\" or \"connection reset\" before it has its answer counts as one that has none.
- *in a container*: the first of the three that is asked of a program, again, in a container that crun makes: it has a pid and a mount
  namespace of its own, Docker's default capabilities and its seccomp profile, which refuses io_uring with EPERM. A shell is
  pid 1, the program is its child, and both are shimmed. The clients are outside, in the same network namespace. A program
  that does not run there natively, or a machine without crun, has a dash, and a note says why.
- *the rest*: everyday sessions with the same bytes, the same log lines, the same exit status for every signal, reload and graceful stop,
  no descriptor and no memory left behind by 5,000 connections. What is not as without softclose is named.
";

const GROUPS: [(Group, &str); 4] = [
    (Group::Http, "Servers of HTTP"),
    (Group::Proxy, "Proxies"),
    (Group::Service, "Other services"),
    (Group::Client, "Clients"),
];

/// A row, and its result or the reason why there is none.
pub type Entry = (Row, Result<RowResult, String>);

/// The text of the page.
pub fn render(entries: &[Entry]) -> String {
    let mut page = HEAD.replace("{connections}", &CONNECTIONS.to_string());
    for (group, title) in GROUPS {
        let of_group: Vec<_> = entries.iter().filter(|(row, _)| row.group == group).collect();
        if !of_group.is_empty() {
            let _ = write!(page, "\n## {title}\n\n{}", table(&of_group));
        }
    }
    page.push_str(&notes(entries));
    page
}

fn table(entries: &[&Entry]) -> String {
    let mut table =
        "| program | version | how it serves | lingers itself | ends by | early | trailing | slow | in a container | the rest |\n"
            .to_owned();
    table.push_str("|---|---|---|---|---|---|---|---|---|---|\n");
    for (row, found) in entries {
        let model = format!("{}; {}", row.language, row.model);
        let cells = match found {
            Ok(found) => of_result(row, found),
            Err(reason) => format!("| | | | | | | {reason} |"),
        };
        let version = found.as_ref().map_or("", |found| version(&found.version));
        let _ = writeln!(table, "| {} | {version} | {model} | {} {cells}", row.title, row.lingers);
    }
    table
}

fn of_result(row: &Row, found: &RowResult) -> String {
    let ways = WAYS.map(|way| both(found.tolls.each_ref().map(|tolls| tolls.get(way))));
    let in_container = match &found.in_container {
        InContainer::Tolls(tolls) => both(tolls.each_ref().map(|tolls| tolls.values().next())),
        InContainer::Not(_) => both([None, None]),
    };
    let faults = found.faults(row);
    let rest = match (&row.out_of_reach, faults.as_slice()) {
        (_, [_, ..]) => faults.join("; "),
        (Some(reason), []) => format!("out of reach: {reason}"),
        (None, []) => "as without".to_owned(),
    };
    format!("| {} | {} | {in_container} | {rest} |", endings(found), ways.join(" | "))
}

fn both(tolls: [Option<&Toll>; 2]) -> String {
    match tolls {
        [Some(native), Some(with)] => format!("{} → {}", cell(native), cell(with)),
        _ => "–".to_owned(),
    }
}

/// The text of a cell: full answers, and aborts if there were any.
fn cell(toll: &Toll) -> String {
    match toll.abort_on_close + toll.abort_on_data {
        0 => toll.full.to_string(),
        aborts => format!("{} ({aborts})", toll.full),
    }
}

/// The calls that ended connections, the most frequent first.
fn endings(found: &RowResult) -> String {
    let mut endings: Vec<_> = found.endings.iter().collect();
    endings.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    endings.into_iter().map(|(name, _)| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// The version number in the line that a program prints about its version.
fn version(said: &str) -> &str {
    let word =
        said.split_whitespace().find(|word| word.chars().any(|letter| letter.is_ascii_digit()) && word.contains('.'));
    word.map_or(said, |word| word.trim_matches(|letter: char| !letter.is_ascii_alphanumeric()))
}

fn notes(entries: &[Entry]) -> String {
    let mut notes = String::new();
    for (row, found) in entries {
        if let Ok(RowResult { in_container: InContainer::Not(reason), .. }) = found {
            let _ = writeln!(notes, "- {}, *in a container*: {reason}", row.title);
        }
        if let Some(note) = &row.note {
            let _ = writeln!(notes, "- {}: {note}", row.title);
        }
        if let Some(reason) = &row.asks_for_resets {
            let _ = writeln!(notes, "- {}, aborts: {reason}", row.title);
        }
        for (way, reason) in row.loss.iter().filter_map(|(way, loss)| Some((way, loss.why_not.as_ref()?))) {
            let _ = writeln!(notes, "- {}, *{way}*: {reason}", row.title);
        }
    }
    if notes.is_empty() { notes } else { format!("\n## Notes\n\n{notes}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_a_program_says_the_version_is_shown() {
        assert_eq!(version("nginx version: nginx/1.22.1"), "nginx/1.22.1");
        assert_eq!(version("PHP 8.2.29 (cli) (built: Jul  3)"), "8.2.29");
        assert_eq!(version("unknown"), "unknown");
    }
}
