//! The `exec` family replaces the program image. The kernel closes what is close-on-exec, and
//! nothing of this program is left to drain it. So the hook finishes those connections before the
//! call, where the call is as good as certain to succeed. What the new program gets is counted.
//!
//! libc's functions call each other inside, where our hooks are not called: so each has a hook.
//! None returns unless it fails, and some are variadic. Where nothing is counted for the new
//! program, the hook jumps to libc's function.

use crate::sys::environment::{self, Extended, List};
use crate::sys::errno;
use crate::sys::guard::with_guard;
use crate::sys::jump::{SavedRegisters, jump_through};
use crate::sys::real::{self, Image};
use core::ffi::{CStr, c_char, c_int, c_void};
use libc::{AT_FDCWD, E2BIG};
use softclose_core::holders::ledger::{Execution, Executor, Ticket};
use softclose_core::image::{Attempt, Candidate, Loader, Strings};

type Text = *const c_char;

macro_rules! exec {
    ($($name:ident by $note:ident;)*) => { $(
        jump_through! {
            #[doc = concat!("`", stringify!($name), "`.")]
            #[unsafe(no_mangle)]
            pub fn $name => $note
        }
    )* };
}

exec! {
    execve by note_execve;
    execv by note_execv;
    execl by note_execl;
    execle by note_execle;
    execvp by note_execvp;
    execvpe by note_execvpe;
    execlp by note_execlp;
    fexecve by note_fexecve;
    execveat by note_execveat;
}

extern "C" fn note_execve(saved: &SavedRegisters) -> *const c_void {
    let [path, argv, envp, ..] = saved.arguments();
    execve_with([path, argv, envp], real::image_address(Image::Execve))
}

extern "C" fn note_execv(saved: &SavedRegisters) -> *const c_void {
    let [path, argv, ..] = saved.arguments();
    let lists = Lists { argv: argv as List, envp: environment::own() };
    execute(Program::At(path as Text), lists, real::image_address(Image::Execv))
}

extern "C" fn note_execl(saved: &SavedRegisters) -> *const c_void {
    variadic(saved, Program::At, Environment::Own, Image::Execl)
}

extern "C" fn note_execle(saved: &SavedRegisters) -> *const c_void {
    variadic(saved, Program::At, Environment::Behind, Image::Execle)
}

extern "C" fn note_execvp(saved: &SavedRegisters) -> *const c_void {
    let [file, argv, ..] = saved.arguments();
    let lists = Lists { argv: argv as List, envp: environment::own() };
    execute(Program::Searched(file as Text), lists, real::image_address(Image::Execvp))
}

extern "C" fn note_execvpe(saved: &SavedRegisters) -> *const c_void {
    let [file, argv, envp, ..] = saved.arguments();
    let lists = Lists { argv: argv as List, envp: envp as List };
    execute(Program::Searched(file as Text), lists, real::image_address(Image::Execvpe))
}

extern "C" fn note_execlp(saved: &SavedRegisters) -> *const c_void {
    variadic(saved, Program::Searched, Environment::Own, Image::Execlp)
}

extern "C" fn note_fexecve(saved: &SavedRegisters) -> *const c_void {
    let [fd, argv, envp, ..] = saved.arguments();
    let lists = Lists { argv: argv as List, envp: envp as List };
    execute(Program::Open(fd as c_int), lists, real::image_address(Image::Fexecve))
}

extern "C" fn note_execveat(saved: &SavedRegisters) -> *const c_void {
    let [dir, path, argv, envp, flags, _] = saved.arguments();
    execveat_with([dir, path, argv, envp, flags], real::image_address(Image::Execveat))
}

/// Before `execve(2)`, by libc's function or by number. `natively` is where libc makes the call.
pub fn execve_with([path, argv, envp]: [usize; 3], natively: *const c_void) -> *const c_void {
    execute(Program::At(path as Text), Lists { argv: argv as List, envp: envp as List }, natively)
}

/// Before `execveat(2)`, by libc's function or by number.
pub fn execveat_with([dir, path, argv, envp, flags]: [usize; 5], natively: *const c_void) -> *const c_void {
    let program = Program::Below(dir as c_int, path as Text, flags as c_int);
    execute(program, Lists { argv: argv as List, envp: envp as List }, natively)
}

/// Where the new program is.
#[derive(Clone, Copy)]
enum Program {
    At(Text),
    Searched(Text),
    Open(c_int),
    Below(c_int, Text, c_int),
}

/// The arguments and the environment of the new program.
#[derive(Clone, Copy)]
struct Lists {
    argv: List,
    envp: List,
}

/// Where a variadic function finds the environment of the new program.
#[derive(Clone, Copy)]
enum Environment {
    /// It is that of this program.
    Own,
    /// It follows the arguments.
    Behind,
}

/// Before a variadic function, whose arguments are in registers and on the stack. Where they do not
/// fit into a list of ours, libc's function is jumped to, and no hook sees whether it fails.
fn variadic(
    saved: &SavedRegisters,
    program: fn(Text) -> Program,
    environment: Environment,
    image: Image,
) -> *const c_void {
    let [path, ..] = saved.arguments();
    let (program, natively) = (program(path as Text), real::image_address(image));
    if environment::is_stack_deep()
        && let Some(there) = gathered(saved, program, environment, natively)
    {
        return there;
    }
    let arguments = saved.variadic();
    let variables = match environment {
        Environment::Own => Strings::at(environment::own()),
        Environment::Behind => arguments.followed_by(),
    };
    execute_unseen(program, &[arguments, variables]);
    natively
}

/// Copies the arguments into a list, and goes on with that. `None` where there are too many.
#[inline(never)]
fn gathered(
    saved: &SavedRegisters,
    program: Program,
    environment: Environment,
    natively: *const c_void,
) -> Option<*const c_void> {
    const ROOM: usize = 128;
    let mut argv = [0; ROOM];
    // SAFETY: the arguments of these functions end with a null pointer. Behind it `execle` has an
    // environment; of the others, the frame of the caller lies there.
    let behind = unsafe { saved.gather(&mut argv) }?;
    let envp = match environment {
        Environment::Own => environment::own(),
        Environment::Behind => behind as List,
    };
    Some(execute(program, Lists { argv: argv.as_ptr().cast(), envp }, natively))
}

/// Before the program image is replaced. Answers where to jump to: `natively`, if nothing is counted
/// for the new program. Else libc's function is called from here, so that a failure is seen.
fn execute(program: Program, lists: Lists, natively: *const c_void) -> *const c_void {
    let attempt = [Strings::at(lists.argv), Strings::at(lists.envp)];
    let attempt = Attempt { candidate: program.candidate(), lists: &attempt };
    let Some(execution) = before_exec(&attempt) else { return natively };
    let ticket = execution.ticket.filter(|_| environment::is_stack_deep());
    run(program, lists, ticket.and_then(|ticket| Some((ticket, attempt.loader()?))));
    with_guard(|engine, _| engine.ledger.execution_failed(execution));
    failed as *const c_void
}

/// Makes the call. The new program is told what is counted for it by a variable, where it has a
/// ticket and its environment has room for one.
fn run(program: Program, lists: Lists, told: Option<(Ticket, Loader)>) {
    if told.is_none_or(|(ticket, loader)| !run_told(program, lists, ticket, loader)) {
        // SAFETY: the program's own call.
        unsafe { program.execute(lists) };
    }
}

/// Makes the call with the variable. Answers whether that has failed, and would have failed without
/// the variable too.
#[inline(never)]
fn run_told(program: Program, lists: Lists, ticket: Ticket, loader: Loader) -> bool {
    let mut extended = Extended::new();
    let Some(envp) = extended.with(lists.envp, ticket, loader) else { return false };
    // SAFETY: the program's own call, but for a variable more.
    unsafe { program.execute(Lists { envp, ..lists }) };
    errno::get() != E2BIG
}

/// Where to jump to after a call that has failed: all of these functions answer -1.
extern "C" fn failed() -> isize {
    -1
}

fn before_exec(attempt: &Attempt<'_>) -> Option<Execution> {
    let mut execution = None;
    with_guard(|engine, guard| {
        execution = match guard.owner() {
            Some(owner) => engine.before_exec(owner, attempt),
            None if attempt.will_fail() => None,
            None => engine.ledger.begin_execution(Executor::Caller, true),
        };
    });
    execution
}

/// Before a call that is jumped to, so that no hook sees whether it fails.
fn execute_unseen(program: Program, lists: &[Strings]) {
    let execution = before_exec(&Attempt { candidate: program.candidate(), lists });
    with_guard(|engine, _| execution.into_iter().for_each(|execution| _ = engine.ledger.leave_execution(execution)));
}

impl Program {
    /// The program as the engine knows it.
    fn candidate<'a>(self) -> Candidate<'a> {
        match self {
            Self::At(path) => Candidate::at(AT_FDCWD, path),
            Self::Searched(name) => searched(name),
            Self::Open(fd) => Candidate::Open(fd),
            Self::Below(dir, path, flags) => Candidate::with_flags(dir, path, flags),
        }
    }

    /// Makes libc's own call.
    ///
    /// # Safety
    /// As the man pages say.
    unsafe fn execute(self, Lists { argv, envp }: Lists) {
        // SAFETY: the caller's.
        unsafe {
            match self {
                Self::At(path) => real::execve(path, argv, envp),
                Self::Searched(name) => real::execvpe(name, argv, envp),
                Self::Open(fd) => real::fexecve(fd, argv, envp),
                Self::Below(dir, path, flags) => real::execveat(dir, path, argv, envp, flags),
            }
        };
    }
}

/// A program by its name, and the directories in which libc looks for it.
pub fn searched<'a>(name: Text) -> Candidate<'a> {
    if name.is_null() {
        return Candidate::Unknown;
    }
    // SAFETY: a constant, terminated name; the others are read by libc in the same way.
    unsafe {
        let path = libc::getenv(c"PATH".as_ptr());
        let path = if path.is_null() { c"/bin:/usr/bin" } else { CStr::from_ptr(path) };
        Candidate::Searched(CStr::from_ptr(name), path)
    }
}
