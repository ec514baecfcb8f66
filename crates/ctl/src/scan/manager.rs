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
    /// A service of a systemd that runs in a container: the service, and the container as this host knows it.
    Inner(String, String),
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
        if let Some(inner) = paths.iter().find_map(|path| inner(path)) {
            return inner;
        }
        let container = paths.iter().find_map(|path| container(path));
        container.or_else(|| paths.iter().find_map(|path| unit(path))).unwrap_or_default()
    }

    /// Its name for the table: `nginx.service`, `docker 0123456789ab`, or `-`.
    pub fn name(&self) -> String {
        match self {
            Self::Unit(name) | Self::UserUnit(name) => name.clone(),
            Self::Container(engine, id) => format!("{engine} {id}"),
            Self::Inner(name, container) => format!("{name} in {container}"),
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

/// A service in the slices of a systemd that is not this host's: there, they are at the beginning of the path.
fn inner(path: &str) -> Option<Manager> {
    let (outside, inside) = ["/system.slice/", "/user.slice/"].iter().find_map(|slice| path.rsplit_once(slice))?;
    let service = inside.split('/').rev().find(|word| word.ends_with(".service"))?;
    let container = container(outside).map_or_else(|| printable(outside.trim_start_matches('/')), |known| known.name());
    (!outside.is_empty()).then(|| Manager::Inner(without_connection(service), container))
}

/// The innermost service in a path. That of a user's whole systemd is none.
fn unit(path: &str) -> Option<Manager> {
    let is_user = path.contains("/user@");
    let name = path.split('/').rev().find(|word| word.ends_with(".service"))?;
    match (is_user, name.starts_with("user@")) {
        (_, true) => None,
        (true, false) => Some(Manager::UserUnit(without_connection(name))),
        (false, false) => Some(Manager::Unit(without_connection(name))),
    }
}

/// The name of a service, for people. With `Accept=yes` systemd names an instance for each connection,
/// `NAME@NUMBER-LOCAL-REMOTE.service`: what all of them have in common is `NAME@.service`.
fn without_connection(name: &str) -> String {
    let has_port = |address: &str| address.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let is_connection = |instance: &str| {
        let parts: Vec<_> = instance.split('-').collect();
        matches!(parts[..], [number, local, remote] if number.parse::<u64>().is_ok() && has_port(local) && has_port(remote))
    };
    let instance = name.strip_suffix(".service").and_then(|name| name.split_once('@'));
    match instance {
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
    fn units_are_found_by_the_innermost_service() {
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
    fn the_services_of_a_socket_with_accept_are_one() {
        for connection in ["13-127.0.0.1:8201-127.0.0.1:39656", "0-::1:80-2001:db8::1:4000"] {
            assert_eq!(name(&format!("/system.slice/system-inet.slice/inet@{connection}.service")), "inet@.service");
        }
        for other in ["postgresql@15-main", "a@1-b-c", "a@1-2-3"] {
            assert_eq!(name(&format!("/system.slice/{other}.service")), format!("{other}.service"));
        }
    }

    #[test]
    fn a_service_in_a_container_is_not_one_of_the_host() {
        for (container, called) in [
            ("/machine.slice/machine-deb.scope/payload", "machine.slice/machine-deb.scope/payload"),
            ("/machine.slice/systemd-nspawn@deb.service/payload", "machine.slice/systemd-nspawn@deb.service/payload"),
            ("/lxc.payload.web", "lxc.payload.web"),
            ("/system.slice/docker-ID.scope", "docker 0123456789ab"),
            ("/machine.slice/libpod-ID.scope/container", "podman 0123456789ab"),
        ] {
            let path = format!("{container}/system.slice/nginx.service");
            assert_eq!(name(&path), format!("nginx.service in {called}"));
            assert_ne!(name(container), name(&path));
        }
        let rootless = "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-ID.scope/container";
        assert_eq!(name(rootless), "podman 0123456789ab");
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
