//! What to do about the services, once for those that are started in the same way.

use super::kind::Kind;
use super::manager::Manager;
use super::remedy::Remedy;
use super::services::Service;
use super::text::port;

/// The advice for all services, in their order.
pub fn text(services: &[Service]) -> String {
    let groups = groups(services);
    let has_namesake =
        |group: &[&Service]| groups.iter().filter(|other| is_called_alike(other[0], group[0])).count() > 1;
    let texts = groups.iter().map(|group| advice(&name(group, has_namesake(group)), group));
    texts.collect::<Vec<_>>().join("\n")
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
        // Any of its processes can be asked.
        (Remedy::Loaded { .. }, Remedy::Loaded { .. }) => true,
        (its, others) => {
            let steps = |service: &Service| service.remedy.steps(&service.id.manager);
            its.notes() == others.notes() && steps(one) == steps(other)
        }
    }
}

/// The name of a group, with its ports if another group has the same.
fn name(group: &[&Service], has_namesake: bool) -> String {
    const SHOWN: usize = 3;
    let id = &group[0].id;
    let who = match &id.manager {
        Manager::Nobody => id.program.clone(),
        manager => format!("{} ({})", id.program, manager.name()),
    };
    if !has_namesake {
        return who;
    }
    let ports: Vec<_> = group.iter().take(SHOWN).map(|service| port(service.id.side)).collect();
    let more = if group.len() > SHOWN { ", …" } else { "" };
    format!("{who}, port {}{more}", ports.join(", "))
}

/// The advice for services that are started together.
fn advice(who: &str, group: &[&Service]) -> String {
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
    let steps = best.remedy.steps(&best.id.manager).into_iter().map(|step| format!("    {step}\n"));
    [format!("{who}: {what}\n")].into_iter().chain(notes).chain(steps).collect()
}

#[cfg(test)]
mod tests {
    use super::super::services::{FoundBy, ServiceId, Services, Side};
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

    fn cannot(why: &str) -> Remedy {
        Remedy::Impossible(vec![why.to_owned()])
    }

    /// The command line of one was the advice for all programs of its interpreter.
    #[test]
    fn programs_of_one_interpreter_are_told_apart() {
        let services = [service(80, cannot("a")), service(81, cannot("b")), service(82, cannot("a"))];
        let expected = "python3.11, port 80, 82: softclose cannot help:\n    a\n\n\
                        python3.11, port 81: softclose cannot help:\n    b\n";
        assert_eq!(text(&services), expected);
        assert_eq!(text(&services[..1]), "python3.11: softclose cannot help:\n    a\n");
    }

    #[test]
    fn what_could_not_be_looked_at_belongs_to_the_only_one_of_its_name() {
        let services = [service(79, Remedy::Unknown), service(80, cannot("a")), service(81, cannot("b"))];
        assert_eq!(text(&services[..2]), "python3.11: softclose cannot help:\n    a\n");
        let first = "python3.11, port 79: no process of it could be looked at. Scan again while it runs.\n";
        assert!(text(&services).starts_with(first), "{}", text(&services));
    }

    #[test]
    fn any_process_tells_what_softclose_has_left_alone() {
        let services = [service(80, Remedy::Loaded { pid: 7 }), service(81, Remedy::Loaded { pid: 8 })];
        assert!(text(&services).ends_with(", and why:\n    softclosectl explain 7\n"), "{}", text(&services));
    }
}
