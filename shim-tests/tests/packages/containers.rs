//! The image as an init container, and beside it servers for glibc and for musl that preload what it
//! has copied, as in `examples/kubernetes.yaml`. runc(8) runs them, without a daemon and a registry.
//!
//! `make test-image` takes an image as it is published, in `SOFTCLOSE_IMAGE`. Without it the image is made of
//! the binaries under test, whose launcher needs a libc: what is in the image then lies beside this system's.

use crate::image::{Image, unpack};
use crate::tree::{files, output, succeed};
use serde_json::{Value, json};
use shim_tests::arena::Arena;
use shim_tests::installed::find;
use shim_tests::peer::Peer;
use shim_tests::program::{Exit, Finished};
use shim_tests::scratch::Scratch;
use shim_tests::shim::Shim;
use shim_tests::victim::{Victim, compiled};
use shim_tests::{RESPONSE, UNREAD, UPLOAD, here, skip};
use std::env::consts::ARCH;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Who everything in the containers is.
const NOBODY: u32 = 65534;

/// A pod: a directory that its containers have in common, below `/softclose`.
struct Pod {
    scratch: Scratch,
    volume: PathBuf,
}

/// What a container is made of.
struct Container {
    root: PathBuf,
    /// Directories of this system that it has at the same place.
    shared: Vec<&'static str>,
}

impl Pod {
    /// `None` where runc cannot run a program of this system.
    fn or_skip(test: &str) -> Option<Self> {
        // SAFETY: no memory is passed.
        if unsafe { libc::geteuid() } != 0 {
            skip(test, "runc runs these containers only for root");
            return None;
        }
        if find("runc").is_none() {
            skip(test, "no runc");
            return None;
        }
        let scratch = Scratch::directory();
        let volume = open_to_all(scratch.path().join("volume"), 0o777);
        let pod = Self { scratch, volume };
        let probe = output(&mut pod.run(&pod.of_this_system("probe"), &["/usr/bin/true"], "rw", &[]));
        if probe.status.success() {
            return Some(pod);
        }
        let said = String::from_utf8_lossy(&probe.stderr).into_owned();
        skip(test, &format!("runc runs no containers here: {}", said.lines().last().unwrap_or_default()));
        None
    }

    fn directory(&self, name: &str) -> PathBuf {
        open_to_all(self.scratch.path().join(name), 0o755)
    }

    /// With the programs and libraries of this system, some of whose places are symbolic links.
    fn of_this_system(&self, name: &str) -> Container {
        let root = self.directory(name);
        let is_shared = |directory: &&str| match fs::read_link(directory) {
            Ok(target) => symlink(target, root.join(&directory[1..])).is_err(),
            Err(_) => Path::new(directory).exists(),
        };
        let shared = ["/usr", "/lib", "/lib64"].into_iter().filter(is_shared).collect();
        Container { root, shared }
    }

    /// With a victim for glibc.
    fn glibc(&self) -> Container {
        let container = self.of_this_system("glibc");
        put(&compiled("blocking"), &container.root.join("server"));
        container
    }

    /// With a victim for musl, and nothing of glibc.
    fn musl(&self) -> Option<Container> {
        let loader = format!("lib/ld-musl-{ARCH}.so.1");
        let server = Victim::musl_path("blocking")?;
        let root = self.directory("musl");
        fs::create_dir(root.join("lib")).expect("a new directory");
        put(&Path::new("/").join(&loader), &root.join(&loader));
        put(&server, &root.join("server"));
        Some(Container { root, shared: Vec::new() })
    }

    /// With what is in the image, and the launcher's path there.
    fn init(&self) -> (Container, &'static str) {
        let given = std::env::var_os("SOFTCLOSE_IMAGE").map(PathBuf::from);
        let image = given.as_deref().map_or_else(Image::build, Image::open);
        let unpack_to = |place: &Path| unpack(&image.blob(&image.manifest()["layers"][0]), place);
        if given.is_some() {
            let root = self.scratch.path().join("init");
            unpack_to(&root);
            return (Container { root, shared: Vec::new() }, "/usr/bin/softclose");
        }
        let container = self.of_this_system("init");
        unpack_to(&container.root.join("image"));
        (container, "/image/usr/bin/softclose")
    }

    /// What runs `words` in the container: as nobody, without any capability, on a root that cannot be written to. The
    /// network is that of who runs it.
    fn run(&self, container: &Container, words: &[&str], volume: &str, environment: &[&str]) -> Command {
        let name = container.root.file_name().and_then(|name| name.to_str()).expect("a name in ASCII");
        let bundle = self.scratch.path().join(format!("{name}.bundle"));
        fs::create_dir_all(&bundle).expect("a directory");
        let mut mounts = vec![
            json!({"destination": "/proc", "type": "proc", "source": "proc"}),
            json!({"destination": "/dev", "type": "tmpfs", "source": "tmpfs"}),
            json!({"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": ["mode=1777"]}),
            bind(&self.volume, "/softclose", volume),
        ];
        mounts.extend(container.shared.iter().map(|directory| bind(Path::new(directory), directory, "ro")));
        let namespaces = ["pid", "ipc", "uts", "mount"].map(|kind| json!({"type": kind}));
        let config = json!({
            "ociVersion": "1.0.2",
            "process": {
                "user": {"uid": NOBODY, "gid": NOBODY}, "cwd": "/", "args": words, "env": environment,
                "capabilities": {}, "noNewPrivileges": true,
            },
            "root": {"path": container.root, "readonly": true},
            "mounts": mounts,
            "linux": {"namespaces": namespaces},
        });
        fs::write(bundle.join("config.json"), config.to_string()).expect("a file in it");
        let mut command = Command::new("runc");
        command.arg("--root").arg(self.scratch.path().join("state")).args(["run", "--bundle"]).arg(bundle);
        // Of all containers of this machine.
        command.arg(format!("softclose-{}-{name}", std::process::id()));
        command
    }

    /// What a peer of the server gets: all of the response or less.
    fn serves(&self, arena: &Arena, container: &Container, words: &[&str], environment: &[&str]) -> (bool, Finished) {
        let command = self.run(container, words, "ro", environment);
        let args = command.get_args().map(ToOwned::to_owned);
        let server = args.fold(Victim::program(command.get_program().into()), Victim::arg);
        let mut server = server.start(arena, Shim::Native);
        let peer = Peer::to(server.port()).ask(RESPONSE, UNREAD).upload(UNREAD).upload(UPLOAD).read_to_end();
        let report = peer.start(arena).report();
        (report.has_all_of(RESPONSE), server.finish())
    }

    /// Natively the response is lost; it arrives with the library preloaded, and with the launcher where that
    /// can run.
    fn helps(&self, arena: &Arena, container: &Container) {
        let ways: [(bool, &[&str], &[&str]); 3] = [
            (false, &["/server"], &[]),
            (true, &["/server"], &["LD_PRELOAD=/softclose/libsoftclose.so"]),
            (true, &["/softclose/softclose", "--", "/server"], &[]),
        ];
        let has_libc = std::env::var_os("SOFTCLOSE_IMAGE").is_some() || !container.shared.is_empty();
        for (arrives, words, environment) in ways.into_iter().take(if has_libc { 3 } else { 2 }) {
            let (has_all, finished) = self.serves(arena, container, words, environment);
            assert_eq!(finished.exit, Exit::Code(0), "{words:?} {environment:?}: {finished:#?}");
            assert!(finished.stderr.is_empty(), "{words:?} {environment:?}: {finished:#?}");
            assert_eq!(has_all, arrives, "{words:?} {environment:?}: {finished:#?}");
        }
    }
}

/// Copies a program, by a process that nobody inherits it from while it is written: see [`Scratch::file`].
fn put(from: &Path, to: &Path) {
    succeed(Command::new("install").args(["-m", "755"]).args([from, to]));
}

fn bind(source: &Path, destination: &str, mode: &str) -> Value {
    json!({"destination": destination, "type": "bind", "source": source, "options": ["rbind", mode]})
}

/// A new directory; who runs this test may have a mask.
fn open_to_all(path: PathBuf, mode: u32) -> PathBuf {
    fs::create_dir(&path).expect("a new directory");
    fs::set_permissions(&path, Permissions::from_mode(mode)).expect("it is ours");
    path
}

#[test]
fn an_init_container_copies_the_library_for_servers_of_both_libcs() {
    let Some(pod) = Pod::or_skip(here!()) else { return };
    let Some(arena) = Arena::or_skip(here!()) else { return };
    let (init, launcher) = pod.init();
    let copied = output(&mut pod.run(&init, &[launcher, "--copy", "/softclose"], "rw", &[]));
    assert!(copied.status.success(), "{copied:#?}");
    assert_eq!(files(&pod.volume), ["libsoftclose.so", "softclose", "softclose-drain"]);
    pod.helps(&arena, &pod.glibc());
    match pod.musl() {
        Some(container) => pod.helps(&arena, &container),
        None => skip(here!(), "the server for musl: no musl-gcc"),
    }
}
