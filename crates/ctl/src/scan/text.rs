//! The report for people, in lines of 80 columns.

use super::advice;
use super::kind::{KINDS, Kind};
use super::loaded::Loaded;
use super::manager::Manager;
use super::netstat::COUNTERS;
use super::report::Report;
use super::services::{Service, Side};
use crate::human;

/// The whole report.
pub fn text(report: &Report) -> String {
    let mut parts = vec![head(report)];
    if report.total() != 0 {
        let services: Vec<_> = report.services.iter().collect();
        let table = Table::of(&services, &report.others, report.tells_why);
        parts.push(human::table(&table.heads(), &table.rows));
        parts.push(table.legend());
    }
    parts.push(advice::text(&report.services));
    parts.push(loaded(report));
    parts.retain(|part| !part.is_empty());
    parts.join("\n")
}

/// The first lines: how many, and how far that can be trusted.
fn head(report: &Report) -> String {
    let (time, total) = (human::duration(report.time), report.total());
    let mut head = match (total, report.services.len()) {
        (0, _) => format!("In {time} no connection was cut off.\n"),
        (total, services) => format!(
            "In {time}: {}, by {}.\n",
            counted(total, "connection", " cut off"),
            counted(services as u64, "service", "")
        ),
    };
    if report.lost != 0 {
        head += &format!(
            "{} lost, as there were too many: the counts are too low.\n",
            counted(report.lost, "event was", "")
        );
    }
    if !report.is_whole {
        head += "Somebody else has ended the tracing of this scan: the counts are too low.\n";
    }
    if !report.tells_why {
        let grown = COUNTERS.iter().zip(report.counters).map(|(name, value)| format!("{name} +{value}"));
        head += "This kernel does not say why it resets a connection at a close: Linux 6.12 does.\nIts own counters, of the whole host: ";
        head += &(grown.collect::<Vec<_>>().join(", ").replace(", TCPAbortOnLinger", ",\n    TCPAbortOnLinger") + "\n");
    }
    head
}

/// `1 connection`, `2 connections`; `1 event was`, `2 events were`.
pub fn counted(number: u64, word: &str, more: &str) -> String {
    let words = match (number, word.split_once(' ')) {
        (1, _) => word.to_owned(),
        (_, Some((noun, _))) => format!("{noun}s were"),
        (_, None) => format!("{word}s"),
    };
    format!("{number} {words}{more}")
}

/// The services as a table.
pub struct Table {
    kinds: Vec<(Kind, &'static str)>,
    /// A row for each service, and one for all others.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// The table of these services, in their order.
    pub fn of(services: &[&Service], others: &[u64; KINDS.len()], tells_why: bool) -> Self {
        let kinds = kinds(services, others, tells_why);
        let mut rows: Vec<_> = services.iter().map(|service| row(service, &kinds)).collect();
        if others.iter().any(|&count| count != 0) {
            let counts = kinds.iter().map(|(kind, _)| others[*kind as usize].to_string());
            rows.push(["others", "", "", ""].map(str::to_owned).into_iter().chain(counts).collect());
        }
        Self { kinds, rows }
    }

    /// The heads of the columns.
    pub fn heads(&self) -> Vec<&'static str> {
        ["PROGRAM", "UNIT", "PORT", "PID"].into_iter().chain(self.kinds.iter().map(|(_, head)| *head)).collect()
    }

    /// What the heads of the columns mean.
    fn legend(&self) -> String {
        let line = |(kind, head): &(Kind, &str)| format!("{head:<7} {}\n", meaning(*kind));
        self.kinds.iter().map(line).collect()
    }
}

/// The kinds that have a column: those that the kernel tells, and that have occurred.
fn kinds(services: &[&Service], others: &[u64; KINDS.len()], tells_why: bool) -> Vec<(Kind, &'static str)> {
    let usual: &[Kind] = if tells_why { &[Kind::Unread, Kind::Late, Kind::Asked] } else { &[Kind::Closed, Kind::Late] };
    let occurs = |kind: Kind| others[kind as usize] != 0 || services.iter().any(|service| service.of(kind) != 0);
    let all = KINDS.iter().filter(|(kind, ..)| usual.contains(kind) || occurs(*kind));
    all.map(|&(kind, _, head)| (kind, head)).collect()
}

fn row(service: &Service, kinds: &[(Kind, &str)]) -> Vec<String> {
    let id = &service.id;
    let unit = match &id.manager {
        // `docker ps` and its like take that number.
        Manager::Container(_, number) => number.clone(),
        manager => manager.name(),
    };
    let unit = unit.strip_suffix(".service").unwrap_or(&unit);
    let cells = [shortened(&id.program, 14), shortened(unit, 13), port(id.side), processes(service)];
    cells.into_iter().chain(kinds.iter().map(|(kind, _)| service.of(*kind).to_string())).collect()
}

/// A port as `443`, as `to 443` where the service connects to it, or `-`.
pub fn port(side: Side) -> String {
    match side {
        Side::Server(port) => port.to_string(),
        Side::Client(port) => format!("to {port}"),
        Side::Unknown => "-".to_owned(),
    }
}

fn processes(service: &Service) -> String {
    let mut pids = service.pids.iter();
    match (pids.next(), pids.next()) {
        (None, _) => "-".to_owned(),
        (Some(pid), None) => pid.to_string(),
        _ => format!("{} procs", service.pids.len()),
    }
}

/// Text that takes no more than so many columns.
pub fn shortened(text: &str, most: usize) -> String {
    if human::width(text) <= most {
        return text.to_owned();
    }
    let ends = text.char_indices().map(|(at, one)| at + one.len_utf8());
    let begin = ends.map_while(|end| text.get(..end)).take_while(|begin| human::width(begin) < most).last();
    format!("{}…", begin.unwrap_or_default())
}

fn meaning(kind: Kind) -> &'static str {
    match kind {
        Kind::Unread => "closed with data that the program had not read: reset at once",
        Kind::Late => "data came after the close, and was answered by a reset",
        Kind::Asked => "the program asked for it (SO_LINGER{1,0}): softclose leaves that alone",
        Kind::Memory => "too many closed connections for the kernel (net.ipv4.tcp_max_orphans)",
        Kind::Closed => "reset at the close: unread data, or the program asked for it",
    }
}

/// The first of some sides.
pub fn list(sides: impl ExactSizeIterator<Item = Side>) -> String {
    const SHOWN: usize = 4;
    let more = if sides.len() > SHOWN { ", …" } else { "" };
    let word = |side| if matches!(side, Side::Server(_)) { "port " } else { "" };
    let shown = sides.take(SHOWN).map(|side| format!("{}{}", word(side), port(side)));
    shown.collect::<Vec<_>>().join(", ") + more
}

/// The programs that have softclose and have cut off nothing.
fn loaded(report: &Report) -> String {
    const SHOWN: usize = 20;
    let cuts_nothing = |one: &&Loaded| !report.services.iter().any(|service| one.is(service));
    let all: Vec<_> = report.loaded.iter().filter(cuts_nothing).map(line).collect();
    if all.is_empty() {
        return String::new();
    }
    let lines = human::beginning(&all, SHOWN, "--json has them all");
    let indented = lines.lines().map(|line| format!("    {line}\n"));
    ["softclose is loaded, and nothing was cut off:\n".to_owned()].into_iter().chain(indented).collect()
}

fn line(one: &Loaded) -> String {
    let manager = (one.manager != Manager::Nobody).then(|| one.manager.name());
    let ports = (!one.ports.is_empty()).then(|| list(one.ports.iter().copied().map(Side::Server)));
    let processes = match one.pids[..] {
        [pid] => format!("pid {pid}"),
        _ => format!("{} processes", one.pids.len()),
    };
    let parts: Vec<_> = [manager, ports, Some(processes)].into_iter().flatten().collect();
    format!("{} ({})\n", one.program, parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::super::services::{FoundBy, ServiceId, Services};
    use super::*;
    use std::time::{Duration, SystemTime};

    fn report(services: Vec<Service>) -> Report {
        let tells_why = services.iter().all(|service| service.of(Kind::Closed) == 0);
        Report {
            started: SystemTime::UNIX_EPOCH,
            time: Duration::from_secs(60),
            tells_why,
            services,
            others: [0; KINDS.len()],
            loaded: Vec::new(),
            lost: 0,
            is_whole: true,
            counters: [1, 2, 3, 4],
        }
    }

    fn service(program: &str, side: Side, kind: Kind, count: usize) -> Vec<Service> {
        let manager = Manager::Container("containerd", "0123456789ab".into());
        let id = ServiceId { program: program.into(), file: None, manager, side };
        let mut services = Services::default();
        (0..count).for_each(|_| services.count(id.clone(), None, kind, FoundBy::Nobody));
        services.sorted().into_iter().cloned().collect()
    }

    #[test]
    fn the_widest_row_fits_a_terminal() {
        let mut services = service("a-program-with-a-long-name", Side::Client(65_535), Kind::Memory, 999_999);
        services[0].pids.extend(0..1000);
        services[0].cut_off[Kind::Unread as usize] = 999_999;
        let text = text(&report(services));
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(text.starts_with("In 1m00s: 1999998 connections cut off, by 1 service.\n"), "{text}");
    }

    /// A name of 14 such letters made rows of 90 columns.
    #[test]
    fn a_letter_of_two_columns_takes_two() {
        assert_eq!(shortened("漢字漢字", 8), "漢字漢字");
        assert_eq!(["漢字漢字", "a漢字漢"].map(|name| shortened(name, 6)), ["漢字…", "a漢字…"]);
        assert_eq!(["program", "漢"].map(|name| shortened(name, 1)), ["…", "…"]);
    }

    #[test]
    fn an_older_kernel_says_less_and_its_counters_are_shown() {
        let text = text(&report(service("p", Side::Server(80), Kind::Closed, 1)));
        for part in ["In 1m00s: 1 connection cut off", "TCPAbortOnClose +1, TCPAbortOnData +2,\n", "LATE  CLOSED\n"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains("UNREAD"), "{text}");
    }

    #[test]
    fn what_was_lost_comes_first() {
        let text = text(&Report { lost: 1, ..report(Vec::new()) });
        let expected =
            "In 1m00s no connection was cut off.\n1 event was lost, as there were too many: the counts are too low.\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_cured_program_is_not_taken_for_another_of_its_interpreter() {
        let one = |port, pid| Loaded {
            program: "python3".into(),
            file: None,
            manager: Manager::Nobody,
            ports: [port].into(),
            pids: vec![pid],
        };
        let loaded = vec![one(1, 10), one(2, 20)];
        let mut services = service("python3", Side::Server(1), Kind::Unread, 1);
        services[0].id.manager = Manager::Nobody;
        let text = text(&Report { loaded, ..report(services) });
        assert!(text.ends_with("nothing was cut off:\n    python3 (port 2, pid 20)\n"), "{text}");
    }
}
