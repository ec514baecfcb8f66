//! What to do about the services, once for those that are started in the same way.

use super::kind::Kind;
use super::manager::Manager;
use super::remedy::Remedy;
use super::services::{FoundBy, Service, Side};
use super::text::list;
use crate::human;
use std::collections::BTreeSet;

/// The advice for all services, in their order.
pub fn text(services: &[Service]) -> String {
    groups(services).iter().map(|group| advice(group)).collect::<Vec<_>>().join("\n")
}

/// The services by what is to be done. That is one thing for all services of a unit, but many programs with a common
/// interpreter have nothing else in common.
fn groups(services: &[Service]) -> Vec<Vec<&Service>> {
    let mut groups: Vec<Vec<&Service>> = Vec::new();
    let (unknown, known): (Vec<_>, Vec<_>) = services.iter().partition(|one| one.remedy == Remedy::Unknown);
    for service in known {
        put(&mut groups, service, |group| is_called_alike(group[0], service) && is_advised_alike(group[0], service));
    }
    for service in unknown {
        // Of several programs with this name, nobody knows which one it is.
        let is_sure = groups.iter().filter(|group| is_called_alike(group[0], service)).count() == 1;
        let is_unknown = |group: &[&Service]| group[0].remedy == Remedy::Unknown;
        put(&mut groups, service, |group| is_called_alike(group[0], service) && (is_sure || is_unknown(group)));
    }
    groups.sort_by_key(|group| services.iter().position(|one| one.id == group[0].id));
    groups
}

/// Puts a service into the first group that is its own, or into a new one.
fn put<'a>(groups: &mut Vec<Vec<&'a Service>>, service: &'a Service, is_own: impl Fn(&[&Service]) -> bool) {
    match groups.iter_mut().find(|group| is_own(group)) {
        Some(group) => group.push(service),
        None => groups.push(vec![service]),
    }
}

fn is_called_alike(one: &Service, other: &Service) -> bool {
    (&one.id.program, &one.id.manager) == (&other.id.program, &other.id.manager)
}

fn is_advised_alike(one: &Service, other: &Service) -> bool {
    match (&one.remedy, &other.remedy) {
        // Any process of a unit can be asked, and that of another program not.
        (Remedy::Loaded { .. }, Remedy::Loaded { pid }) => one.id.manager != Manager::Nobody || one.pids.contains(pid),
        (its, others) => {
            let steps = |service: &Service| service.remedy.steps(&service.id.manager);
            its.notes() == others.notes() && steps(one) == steps(other)
        }
    }
}

/// The advice for services that are started together.
fn advice(group: &[&Service]) -> String {
    let who = name(group);
    if group.iter().all(|one| one.total() == one.of(Kind::Asked)) {
        return headed(&who, "the program asks for resets. softclose leaves those alone.");
    }
    let Some(best) = group.iter().find(|one| one.remedy != Remedy::Unknown) else {
        return headed(&who, why_unknown(group));
    };
    let notes = best.remedy.notes().iter().map(|note| format!("    {note}\n"));
    let steps = best.remedy.steps(&best.id.manager).into_iter().map(|step| format!("    {step}\n"));
    [headed(&who, what(&best.remedy, group))].into_iter().chain(notes).chain(steps).collect()
}

/// What softclose can do for a group.
fn what(remedy: &Remedy, group: &[&Service]) -> &'static str {
    let is_client = group.iter().all(|one| matches!(one.id.side, Side::Client(_)));
    match remedy {
        Remedy::Loaded { .. } => "softclose is loaded. It says what it has left alone, and why:",
        Remedy::Possible { notes, .. } if !notes.is_empty() => "softclose would be loaded. Read this first:",
        Remedy::Possible { .. } if is_client => {
            "a client that closes before it has read everything.\n    Where its server misses what it has sent last, softclose can help:"
        }
        Remedy::Possible { .. } => "softclose can help. The next step:",
        Remedy::Impossible(_) | Remedy::Unknown => "softclose cannot help:",
    }
}

/// Why nothing can be said of a group.
fn why_unknown(group: &[&Service]) -> &'static str {
    match group.iter().any(|one| one.found[FoundBy::Several as usize] != 0) {
        true => "several programs have a socket that listens on that port.\n    Any of them may be meant.",
        false => "no process of it could be looked at. Scan again while it runs.",
    }
}

/// A sentence about somebody: in the same line where that has room for its beginning.
fn headed(who: &str, sentence: &str) -> String {
    const COLUMNS: usize = 80;
    let first = sentence.lines().next().unwrap_or_default();
    let is_short = human::width(who) + ": ".len() + first.len() <= COLUMNS;
    let between = if is_short { " " } else { "\n    " };
    format!("{who}:{between}{sentence}\n")
}

/// What a group is called: by what starts it, or else by its rows in the table.
fn name(group: &[&Service]) -> String {
    let id = &group[0].id;
    match &id.manager {
        Manager::Nobody => {
            let sides: BTreeSet<_> = group.iter().map(|one| one.id.side).collect();
            format!("{} ({})", id.program, list(sides.into_iter()))
        }
        manager => format!("{} ({})", id.program, manager.name()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::command_line::CommandLine;
    use super::super::place::Place;
    use super::super::services::{ServiceId, Services};
    use super::*;

    fn service(port: u16, remedy: Remedy) -> Service {
        let (program, manager) = ("python3.11".into(), Manager::Nobody);
        let id = ServiceId { program, file: None, manager, side: Side::Server(port) };
        let mut services = Services::default();
        services.count(id, None, Kind::Late, FoundBy::Nobody);
        let mut service = services.sorted()[0].clone();
        service.remedy = remedy;
        service
    }

    fn possible() -> Remedy {
        let command = CommandLine::from_words(vec![b"python3".to_vec(), b"a.py".to_vec()]);
        Remedy::Possible { notes: Vec::new(), command, place: Place::of(std::process::id()), has_preload: false }
    }

    fn cannot(why: &str) -> Remedy {
        Remedy::Impossible(vec![why.to_owned()])
    }

    /// The command line of one was the advice for all programs of its interpreter.
    #[test]
    fn programs_of_one_interpreter_are_told_apart() {
        let services = [service(80, cannot("a")), service(81, cannot("b")), service(82, cannot("a"))];
        let expected = "python3.11 (port 80, port 82): softclose cannot help:\n    a\n\n\
                        python3.11 (port 81): softclose cannot help:\n    b\n";
        assert_eq!(text(&services), expected);
    }

    #[test]
    fn what_could_not_be_looked_at_belongs_to_the_only_one_of_its_name() {
        let services = [service(79, Remedy::Unknown), service(80, cannot("a")), service(81, cannot("b"))];
        assert_eq!(text(&services[..2]), "python3.11 (port 79, port 80): softclose cannot help:\n    a\n");
        let first = "python3.11 (port 79):\n    no process of it could be looked at. Scan again while it runs.\n";
        assert!(text(&services).starts_with(first), "{}", text(&services));
    }

    #[test]
    fn any_process_of_a_unit_tells_what_softclose_has_left_alone() {
        let mut services = [service(80, Remedy::Loaded { pid: 7 }), service(81, Remedy::Loaded { pid: 8 })];
        assert!(
            text(&services).ends_with(", and why:\n    softclosectl explain 8\n"),
            "another program: {}",
            text(&services)
        );
        services.iter_mut().for_each(|one| one.id.manager = Manager::Unit("a.service".into()));
        assert!(text(&services).ends_with(", and why:\n    softclosectl explain 7\n"), "{}", text(&services));
    }

    #[test]
    fn a_service_that_asks_for_resets_gets_no_advice() {
        let mut one = service(80, Remedy::Unknown);
        one.cut_off.swap(Kind::Asked as usize, Kind::Late as usize);
        let expected = "python3.11 (port 80): the program asks for resets. softclose leaves those alone.\n";
        assert_eq!(text(&[one]), expected);
    }

    #[test]
    fn a_client_is_told_what_it_is() {
        let mut one = service(80, possible());
        assert_eq!(
            text(&[one.clone()]).lines().next(),
            Some("python3.11 (port 80): softclose can help. The next step:")
        );
        one.id.side = Side::Client(80);
        let text = text(&[one]);
        assert!(
            text.starts_with("python3.11 (to 80): a client that closes before it has read everything.\n"),
            "{text}"
        );
        assert!(text.ends_with("\n    softclose -- python3 a.py\n"), "{text}");
    }
}
