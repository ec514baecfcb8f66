//! What has started a process and would start it again: a unit of systemd, a container, or nothing that is known. By its
//! control group (`/proc/PID/cgroup`, cgroups(7)).

use crate::printable::printable;

/// Who starts a process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Manager {
    /// A service of systemd.
    Unit(String),
    /// A service of a user's systemd.
    UserUnit(String),
    /// A container: what runs it, and the beginning of its number.
    Container(&'static str, String),
    /// Nobody who is known.
    #[default]
    Nobody,
}

/// The beginnings of the names of containers' control groups, with what runs them.
const ENGINES: [(&str, &str); 8] = [
    ("docker", "docker"),
    ("libpod", "podman"),
    ("cri-containerd", "containerd"),
    ("crio", "cri-o"),
    ("kubepods", "kubernetes"),
    ("buildkit", "buildkit"),
    ("nerdctl", "containerd"),
    ("containerd", "containerd"),
];

impl Manager {
    /// Reads the text of `/proc/PID/cgroup`: lines `NUMBER:CONTROLLERS:PATH`.
    pub fn of(text: &str) -> Self {
        // systemd's own hierarchy says it, or the only one (`0::`). A container may be in others only.
        let path = |line: &str| line.splitn(3, ':').nth(2).map(str::to_owned);
        let paths: Vec<_> = text.lines().filter_map(path).collect();
        let container = paths.iter().find_map(|path| container(path));
        container.or_else(|| paths.iter().find_map(|path| unit(path))).unwrap_or_default()
    }

    /// Its name for the table: `nginx.service`, `docker 0123456789ab`, or `-`.
    pub fn name(&self) -> String {
        match self {
            Self::Unit(name) | Self::UserUnit(name) => name.clone(),
            Self::Container(engine, id) => format!("{engine} {id}"),
            Self::Nobody => "-".to_owned(),
        }
    }
}

/// The container in whose control group a path leads: a name with 64 hexadecimal digits, such as
/// `docker-ID.scope`, `/docker/ID`, `/kubepods/burstable/podUID/ID` or `kubepods-podUID.slice:cri-containerd:ID`.
fn container(path: &str) -> Option<Manager> {
    const SHOWN: usize = 12;
    let words = || path.split(['/', ':']);
    let id = words().rev().find_map(number)?;
    let engine = |word: &str| ENGINES.iter().find(|(start, _)| word.starts_with(start)).map(|&(_, engine)| engine);
    let engine = words().rev().find_map(engine).unwrap_or("container");
    Some(Manager::Container(engine, id.get(..SHOWN)?.to_owned()))
}

/// The number of a container in a part of a path: as it stands, or between a prefix and `.scope`.
fn number(word: &str) -> Option<&str> {
    const LENGTH: usize = 64;
    let id = word.strip_suffix(".scope").unwrap_or(word).rsplit('-').next()?;
    (id.len() == LENGTH && id.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(id)
}

/// The service that systemd has started: behind slices only. A service of a user is behind that of his own systemd.
/// Deeper units are those of a systemd in a container: this systemd may have one of the same name.
fn unit(path: &str) -> Option<Manager> {
    let (name, inner) = service(path)?;
    if name.starts_with("user@") {
        let (name, inner) = service(inner)?;
        return (!has_units(inner)).then(|| Manager::UserUnit(edited(name)));
    }
    (!has_units(inner)).then(|| Manager::Unit(edited(name)))
}

/// The service at the beginning of a path, behind slices, and what follows it.
fn service(path: &str) -> Option<(&str, &str)> {
    let path = path.trim_start_matches('/');
    let (first, inner) = path.split_once('/').unwrap_or((path, ""));
    match first {
        _ if first.ends_with(".service") => Some((first, inner)),
        // `..` is there for whoever is in a control group namespace.
        _ if first.ends_with(".slice") || first == ".." => service(inner),
        _ => None,
    }
}

fn has_units(path: &str) -> bool {
    let is_unit = |word: &str| [".service", ".scope", ".slice"].iter().any(|kind| word.ends_with(kind));
    path.split('/').any(is_unit)
}

/// The name under which a unit is edited. systemd starts one for each connection where a socket says `Accept=yes`
/// (`instance_from_socket`): `ssh@4-10.0.0.1:22-10.0.0.2:50000.service` comes from `ssh@.service`.
fn edited(name: &str) -> String {
    let is_connection = |instance: &str| {
        let (number, ends) = instance.split_once('-').unwrap_or_default();
        let port = ends.rsplit(':').next().unwrap_or_default();
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        is_number(number) && ends.contains(':') && is_number(port)
    };
    match name.strip_suffix(".service").and_then(|name| name.split_once('@')) {
        Some((template, instance)) if is_connection(instance) => printable(&format!("{template}@.service")),
        _ => printable(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn name(path: &str) -> String {
        Manager::of(&format!("0::{}\n", path.replace("ID", ID))).name()
    }

    #[test]
    fn units_are_found_behind_slices() {
        assert_eq!(name("/system.slice/nginx.service"), "nginx.service");
        assert_eq!(
            name("/system.slice/system-postgresql.slice/postgresql@15-main.service"),
            "postgresql@15-main.service"
        );
        assert_eq!(name("/system.slice/app.service/payload"), "app.service");
        assert_eq!(name("/user.slice/user-1000.slice/session-3.scope"), "-");
        assert_eq!(name("/"), "-");
        let user = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/web.service";
        assert_eq!(Manager::of(user), Manager::UserUnit("web.service".into()));
        assert_eq!(name("/user.slice/user-1000.slice/user@1000.service/init.scope"), "-");
    }

    /// The report said to restart the unit of that name on the host.
    #[test]
    fn a_unit_inside_a_container_is_none_of_the_host() {
        for path in [
            "/machine.slice/systemd-nspawn@web.service/payload/system.slice/nginx.service",
            "/machine.slice/machine-web.scope/payload/system.slice/nginx.service",
            "/lxc.payload.web/system.slice/nginx.service",
            "/lxc/web/system.slice/nginx.service",
            "/user.slice/user-1000.slice/user@1000.service/user.slice/box.scope/system.slice/nginx.service",
        ] {
            assert_eq!(name(path), "-", "{path}");
        }
        assert_eq!(name("/../../system.slice/nginx.service"), "nginx.service");
    }

    /// Each was a service of its own, in the name of one that has ended.
    #[test]
    fn a_unit_for_each_connection_is_its_template() {
        for instance in
            ["4-10.0.0.1:22-10.0.0.2:50000", "17-fe80::1:22-fe80::2:50000", "4-99-10.0.0.1:22-10.0.0.2:50000"]
        {
            assert_eq!(name(&format!("/system.slice/system-ssh.slice/ssh@{instance}.service")), "ssh@.service");
        }
        for other in ["postgresql@15-main.service", "getty@tty1.service", "a@b:80.service", "a@1-b:c.service"] {
            assert_eq!(name(&format!("/system.slice/{other}")), other);
        }
    }

    #[test]
    fn containers_are_found_by_their_number() {
        for (path, engine) in [
            ("/system.slice/docker-ID.scope", "docker"),
            ("/docker/ID", "docker"),
            ("/machine.slice/libpod-ID.scope/container", "podman"),
            ("/kubepods.slice/kubepods-pod1_2.slice/cri-containerd-ID.scope", "containerd"),
            ("/kubepods.slice/kubepods-pod1_2.slice/crio-ID.scope", "cri-o"),
            ("/kubepods/burstable/pod1-2/ID", "kubernetes"),
            ("/system.slice/containerd.service/kubepods-pod1.slice:cri-containerd:ID", "containerd"),
            ("/other/ID", "container"),
        ] {
            assert_eq!(name(path), format!("{engine} 0123456789ab"), "{path}");
        }
        assert_eq!(name("/docker/0123"), "-", "that is no number of a container");
    }

    #[test]
    fn of_several_hierarchies_one_tells() {
        let text = "12:pids:/system.slice/cron.service\n1:name=systemd:/system.slice/cron.service\n0::/\n";
        assert_eq!(Manager::of(text), Manager::Unit("cron.service".into()));
        assert_eq!(Manager::of("garbage"), Manager::Nobody);
    }

    #[test]
    fn a_name_cannot_move_the_cursor() {
        assert_eq!(name("/system.slice/a\x1b[2J.service"), "a?[2J.service");
    }
}
