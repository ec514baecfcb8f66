//! Victims: where they are, how they are compiled and how they are started.
//!
//! A victim is a program that knows nothing of softclose. It is compiled at test
//! time, kept in the target directory, and compiled again when its source is
//! newer. Nothing of ours is ever linked into it.

use crate::arena::Arena;
use crate::built::{helper, project, target_dir};
use crate::installed::{interpreter, python};
use crate::program::Program;
use crate::shim::{Shim, launcher, library};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

/// A program and how it is to be run.
#[derive(Clone, Debug)]
pub struct Victim {
    program: Vec<OsString>,
    environment: Vec<(String, String)>,
    open_files: Option<u64>,
    launched: bool,
    ahead: Vec<PathBuf>,
    behind: Vec<PathBuf>,
}

impl Victim {
    /// The C program `victims/NAME.c`.
    pub fn c(name: &str) -> Self {
        Self::program(compiled(name).into())
    }

    /// The C program `victims/NAME.c`, for musl, where there is a compiler for it.
    pub fn musl(name: &str) -> Option<Self> {
        Some(Self::program(Self::musl_path(name)?.into()))
    }

    /// The path of that program.
    pub fn musl_path(name: &str) -> Option<PathBuf> {
        interpreter("sh", &["-c", "command -v musl-gcc"])?;
        let compiler = project().join("shim-tests/machines/musl-cc");
        let made = Made { compiler: compiler.into(), directory: "victims-musl".into(), flags: &["-pthread"] };
        Some(made.compiled(name, name).unwrap_or_else(|said| panic!("{said}")))
    }

    /// The Python program `victims/NAME.py`, where there is a Python.
    pub fn python(name: &str) -> Option<Self> {
        let script = sources().join(name).with_extension("py");
        Some(Self::program(python()?.into()).arg(script))
    }

    /// The JavaScript program `victims/NAME.js`, where there is a Node.
    pub fn node(name: &str) -> Option<Self> {
        let script = sources().join(name).with_extension("js");
        Some(Self::program(interpreter("node", &["-p", "process.execPath"])?.into()).arg(script))
    }

    /// The Java program `victims/NAME.java`, where there is a Java.
    pub fn java(name: &str) -> Option<Self> {
        let source = sources().join(name).with_extension("java");
        let path = interpreter("sh", &["-c", r#"readlink -f "$(command -v java)""#])?;
        Some(Self::program(path.into()).arg(source))
    }

    /// A Rust program of this crate, `src/bin/NAME.rs`.
    pub fn rust(name: &str) -> Self {
        Self::program(helper(name).into())
    }

    /// Any program.
    pub fn program(path: OsString) -> Self {
        Self {
            program: vec![path],
            environment: Vec::new(),
            open_files: None,
            launched: false,
            ahead: Vec::new(),
            behind: Vec::new(),
        }
    }

    /// Adds an argument.
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.program.push(argument.into());
        self
    }

    /// Sets an environment variable in both runs. Natively nothing reads a `SOFTCLOSE_` variable.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts it with this `RLIMIT_NOFILE`.
    pub fn open_files(mut self, limit: u64) -> Self {
        self.open_files = Some(limit);
        self
    }

    /// Starts it through the launcher instead of `LD_PRELOAD`.
    pub fn launched(mut self) -> Self {
        self.launched = true;
        self
    }

    /// Preloads another library ahead of the shim, in both runs.
    pub fn ahead(mut self, library: impl Into<PathBuf>) -> Self {
        self.ahead.push(library.into());
        self
    }

    /// Preloads another library behind the shim, in both runs.
    pub fn behind(mut self, library: impl Into<PathBuf>) -> Self {
        self.behind.push(library.into());
        self
    }

    /// Runs it under another program that executes it, such as strace(1). `wrapper` has the name
    /// and the arguments of that program.
    pub fn under(mut self, wrapper: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.program.splice(0..0, wrapper.into_iter().map(Into::into));
        self
    }

    /// Starts it in `arena`.
    pub fn start(&self, arena: &Arena, shim: Shim) -> Program {
        arena.start(self.command(shim))
    }

    fn command(&self, shim: Shim) -> Command {
        let through_launcher = self.launched && shim == Shim::Preloaded;
        let mut words = Vec::new();
        if through_launcher {
            words.extend([launcher().into(), "--".into()]);
        }
        words.extend(self.program.iter().cloned());
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]);
        if through_launcher { Shim::Native } else { shim }.dress(&mut command);
        if !(self.ahead.is_empty() && self.behind.is_empty()) {
            command.env("LD_PRELOAD", self.preloaded(shim));
        }
        command.envs(self.environment.iter().cloned());
        if let Some(limit) = self.open_files {
            // SAFETY: between fork and exec only setrlimit(2) is called.
            unsafe { command.pre_exec(move || limit_open_files(limit)) };
        }
        command
    }
}

impl Victim {
    /// The libraries for `LD_PRELOAD`, in order.
    fn preloaded(&self, shim: Shim) -> OsString {
        let ours = (shim == Shim::Preloaded).then(library);
        let all = self.ahead.iter().map(PathBuf::as_path).chain(ours).chain(self.behind.iter().map(PathBuf::as_path));
        all.map(Path::as_os_str).collect::<Vec<_>>().join(OsStr::new(":"))
    }
}

fn limit_open_files(limit: u64) -> std::io::Result<()> {
    let limit = libc::rlimit { rlim_cur: limit, rlim_max: limit };
    // SAFETY: reads one rlimit.
    match unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    }
}

/// Compiles every C file of `victims` that is not fresh, for a machine that has no compiler. A file without a `main` is
/// a library. Answers the names of those that this compiler or its libc cannot make: a test that needs one of them fails.
pub fn compile_all() -> Vec<String> {
    let entries = fs::read_dir(sources()).expect("the victims are there").flatten().map(|entry| entry.path());
    let mut failed = Vec::new();
    for source in entries.filter(|path| path.extension().is_some_and(|extension| extension == "c")) {
        let name = source.file_stem().and_then(OsStr::to_str).expect("a name in ASCII");
        let text = fs::read_to_string(&source).expect("a text");
        let made = if text.contains("main(") { program(name) } else { shared_library(name) };
        if made.is_err() {
            failed.push(name.to_owned());
        }
    }
    failed
}

/// A file in `victims`.
pub fn source(file: &str) -> PathBuf {
    sources().join(file)
}

fn sources() -> PathBuf {
    project().join("shim-tests/victims")
}

/// Path of the compiled `victims/NAME.c`, compiled first if need be.
pub fn compiled(name: &str) -> PathBuf {
    program(name).unwrap_or_else(|said| panic!("{said}"))
}

fn program(name: &str) -> Result<PathBuf, String> {
    Made::by_cc(&["-pthread"]).compiled(name, name)
}

/// Path of `victims/NAME.c` compiled to a shared library.
pub fn compiled_library(name: &str) -> PathBuf {
    shared_library(name).unwrap_or_else(|said| panic!("{said}"))
}

fn shared_library(name: &str) -> Result<PathBuf, String> {
    Made::by_cc(&["-pthread", "-shared", "-fPIC"]).compiled(name, &format!("{name}.so"))
}

/// How victims are compiled, and where they lie below the target directory.
struct Made {
    compiler: OsString,
    directory: OsString,
    flags: &'static [&'static str],
}

impl Made {
    /// By `CC`, in the directory `SOFTCLOSE_VICTIMS`: those of another compiler must not take their place.
    fn by_cc(flags: &'static [&'static str]) -> Self {
        let variable = |name, otherwise: &str| std::env::var_os(name).unwrap_or_else(|| otherwise.into());
        Self { compiler: variable("CC", "cc"), directory: variable("SOFTCLOSE_VICTIMS", "victims"), flags }
    }

    fn compiled(&self, name: &str, file: &str) -> Result<PathBuf, String> {
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let source = sources().join(name).with_extension("c");
        let binary = target_dir().join(&self.directory).join(file);
        if !is_fresh(&binary, &source) {
            let _turn = our_turn(binary.parent().expect("a directory"));
            if !is_fresh(&binary, &source) {
                self.compile(&source, &binary)?;
            }
        }
        Ok(binary)
    }
}

/// Waits for a lock that only one test process holds. Nextest runs each test in a process of its
/// own. A victim that was compiled twice would be replaced while it runs, and one that executes
/// itself would not find itself any more.
fn our_turn(directory: &Path) -> File {
    fs::create_dir_all(directory).expect("the target directory is writable");
    let lock = File::create(directory.join(".lock")).expect("the target directory is writable");
    // SAFETY: no memory is passed. The lock goes with the file.
    let answer = unsafe { libc::flock(lock.as_raw_fd(), libc::LOCK_EX) };
    assert_eq!(answer, 0, "flock: {}", std::io::Error::last_os_error());
    lock
}

/// Whether the binary is newer than its source and than every header.
fn is_fresh(binary: &Path, source: &Path) -> bool {
    let changed = |path: &Path| fs::metadata(path).and_then(|data| data.modified()).ok();
    let entries = fs::read_dir(sources()).expect("the victims are there").flatten().map(|entry| entry.path());
    let headers = entries.filter(|path| path.extension().is_some_and(|extension| extension == "h"));
    let newest = headers.filter_map(|header| changed(&header)).chain(changed(source)).max();
    matches!((changed(binary), newest), (Some(binary), Some(source)) if binary > source)
}

impl Made {
    /// Compiles to another name and renames the result, so that nobody can start a program that is only
    /// half written. What the compiler said, if it failed or warned.
    fn compile(&self, source: &Path, binary: &Path) -> Result<(), String> {
        let draft = binary.with_extension(format!("{}", std::process::id()));
        let output = Command::new(&self.compiler)
            .args(["-O1", "-g", "-Wall", "-Wextra"])
            .args(self.flags)
            .arg("-o")
            .args([&draft, source])
            .output()
            .expect("a C compiler: set CC");
        let said = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() || !said.is_empty() {
            let _ = fs::remove_file(&draft);
            return Err(format!("{} does not compile, or with warnings:\n{said}", source.display()));
        }
        fs::rename(&draft, binary).expect("the victim can be put in place");
        Ok(())
    }
}
