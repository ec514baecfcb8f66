//! Writes `docs/compatibility.md` from the results that are kept.

use super::comparison::{InContainer, RowResult};
use super::loss::{CONNECTIONS, Toll};
use super::row::{Group, Row, WAYS};
use super::sanity::MEMORY;
use std::fmt::Write;

const HEAD: &str = "\
# Compatibility

This page is about real programs from Debian, PyPI, npm and crates.io, none of them changed. `make compat` makes it. Each program runs
natively and with softclose, each time in a network namespace of its own.

![answers lost, without softclose and with it](compatibility.svg)

A program is *out of reach* when softclose cannot do anything at its closes; the last column gives the reason. softclose changes
nothing there, so a difference between the two numbers is chance: it depends on which packet comes first.
{still}
Columns:

- *ends by*: the call of libc that drops the last reference to a connection, seen with strace and its call stacks. The cell is empty
  where strace finds no call stack.
- *early*: the server answers before it has read the body of the request. *trailing*: bytes follow a complete request. *slow*: a
  large response, a slow reader, and input that nobody reads. The numbers are the answers that arrived in full, of {connections},
  without softclose and with it. In brackets: the connections that the kernel aborted (`TcpExtTCPAbortOnClose` and
  `TcpExtTCPAbortOnData`). An answer counts as lost when the client gets \"broken pipe\" or \"connection reset\" before it.
- *in a container*: the first of these three that applies to the program, in a container that crun makes. It has a pid namespace and a
  mount namespace of its own, Docker's default capabilities, and Docker's seccomp profile, which refuses io_uring with EPERM. A shell
  is pid 1 and the program is its child; softclose is loaded into both. The clients are outside, in the same network namespace. A
  dash: none of the three applies, the program does not run there natively, or the machine has no crun. A note gives the reason for
  the last two.
- *the rest*: *the same* means that these do not differ from the native run: the bytes of everyday sessions, the lines of logs, and
  the exit status for every signal, for a reload and for a graceful stop. It also means that 5,000 connections leave no more
  descriptors behind, and at most {memory} KiB more memory. Whatever differs is named.
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
    let mut page = HEAD
        .replace("{connections}", &CONNECTIONS.to_string())
        .replace("{still}", &still_lost(entries))
        .replace("{memory}", &MEMORY.to_string());
    for (group, title) in GROUPS {
        let of_group: Vec<_> = entries.iter().filter(|(row, _)| row.group == group).collect();
        if !of_group.is_empty() {
            let _ = write!(page, "\n## {title}\n\n{}", table(&of_group));
        }
    }
    page.push_str(&notes(entries));
    page
}

/// The programs within reach that lose answers with softclose too, as a sentence.
fn still_lost(entries: &[Entry]) -> String {
    let mut losses = Vec::new();
    for (row, found) in entries.iter().filter(|(row, _)| row.out_of_reach.is_none()) {
        let Ok(found) = found else { continue };
        let [_, (lost, of)] = found.lost();
        losses.extend((lost > 0).then(|| format!("{} lost {lost} of {of}", row.title)));
        if let InContainer::Tolls([_, with]) = &found.in_container {
            let lost: usize = with.values().map(|toll| toll.connections - toll.full).sum();
            losses.extend((lost > 0).then(|| format!("{} lost {lost} of {CONNECTIONS} in a container", row.title)));
        }
    }
    match losses.as_slice() {
        [] => String::new(),
        some => {
            format!("\nThese programs are within reach and lost answers with softclose too: {}.\n", some.join("; "))
        }
    }
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
        (None, []) => "the same".to_owned(),
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
    use crate::head::missing_words;

    #[test]
    fn the_page_has_the_words_of_the_code() {
        let missing = missing_words(HEAD, "compatibility.md");
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn of_what_a_program_says_the_version_is_shown() {
        assert_eq!(version("nginx version: nginx/1.22.1"), "nginx/1.22.1");
        assert_eq!(version("PHP 8.2.29 (cli) (built: Jul  3)"), "8.2.29");
        assert_eq!(version("unknown"), "unknown");
    }
}
