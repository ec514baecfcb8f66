//! The report for people, in lines of 80 columns.

use super::kind::{KINDS, Kind};
use super::loaded::Loaded;
use super::manager::Manager;
use super::netstat::COUNTERS;
use super::remedy::Remedy;
use super::report::Report;
use super::services::{Service, Side};
use crate::human;
use std::collections::BTreeMap;

/// The whole report.
pub fn text(report: &Report) -> String {
    let mut parts = vec![head(report)];
    if report.total() != 0 {
        let services: Vec<_> = report.services.iter().collect();
        let table = Table::of(&services, &report.others, report.tells_why);
        parts.push(human::table(&table.heads(), &table.rows));
        parts.push(table.legend());
    }
    parts.push(steps(&report.services));
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
    if !report.tells_why {
        let grown = COUNTERS.iter().zip(report.counters).map(|(name, value)| format!("{name} +{value}"));
        head += "This kernel does not say why it resets a connection at a close: that takes Linux 6.12.\nIts own counters, of the whole host: ";
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
        Manager::Inner(name, _) => name.clone(),
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

/// Text with no more than so many characters.
pub fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
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

/// What to do, once for each program that is started in the same way.
fn steps(services: &[Service]) -> String {
    let mut seen = BTreeMap::new();
    for service in services {
        let known: &mut Vec<&Service> = seen.entry((&service.id.program, &service.id.manager)).or_default();
        known.push(service);
    }
    let first = |group: &[&Service]| services.iter().position(|one| one.id == group[0].id);
    let mut groups: Vec<_> = seen.into_values().collect();
    groups.sort_by_key(|group| first(group));
    groups.iter().map(|group| advice(group)).collect::<Vec<_>>().join("\n")
}

/// The advice for services that are started together.
fn advice(group: &[&Service]) -> String {
    let id = &group[0].id;
    let who = match &id.manager {
        Manager::Nobody => id.program.clone(),
        manager => format!("{} ({})", id.program, manager.name()),
    };
    let Some(best) = group.iter().find(|one| one.remedy != Remedy::Unknown) else {
        return format!("{who}: no process of it could be looked at. Scan again while it runs.\n");
    };
    if group.iter().all(|one| one.total() == one.of(Kind::Asked)) {
        return format!("{who}: the program asks for resets. softclose leaves those alone.\n");
    }
    let what = match &best.remedy {
        Remedy::Loaded { .. } => "softclose is loaded. It says what it has left alone, and why:",
        Remedy::Possible { notes, .. } if notes.is_empty() => "softclose can help. The next step:",
        Remedy::Possible { .. } => "softclose would be loaded. Read this first:",
        Remedy::Impossible(_) | Remedy::Unknown => "softclose cannot help:",
    };
    let notes = best.remedy.notes().iter().map(|note| format!("    {note}\n"));
    let steps = best.remedy.steps(&id.manager).into_iter().map(|step| format!("    {step}\n"));
    [format!("{who}: {what}\n")].into_iter().chain(notes).chain(steps).collect()
}

/// The programs that have softclose and have cut off nothing.
fn loaded(report: &Report) -> String {
    let is = |service: &Service, one: &Loaded| service.id.file == one.file && service.id.manager == one.manager;
    let cuts_nothing = |one: &&Loaded| !report.services.iter().any(|service| is(service, one));
    let line = |one: &Loaded| {
        let manager = if one.manager == Manager::Nobody { String::new() } else { format!("{}, ", one.manager.name()) };
        let processes = match one.pids[..] {
            [pid] => format!("pid {pid}"),
            _ => format!("{} processes", one.pids.len()),
        };
        format!("    {} ({manager}{processes})\n", one.program)
    };
    let lines: String = report.loaded.iter().filter(cuts_nothing).map(line).collect();
    if lines.is_empty() { lines } else { format!("softclose is loaded, and nothing was cut off:\n{lines}") }
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
        let (table, _) = text.split_once("\na-program-with-a-long-name").unwrap();
        assert!(table.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(text.starts_with("In 1m00s: 1999998 connections cut off, by 1 service.\n"), "{text}");
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
    fn a_service_that_asks_for_resets_gets_no_advice() {
        let text = text(&report(service("p", Side::Server(80), Kind::Asked, 3)));
        assert!(text.contains("no process of it could be looked at"), "{text}");
    }
}
