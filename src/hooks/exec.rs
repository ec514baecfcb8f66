//! The `exec` family: the kernel closes what is close-on-exec as the program image
//! goes, and nobody is left to drain it. So it is finished before, where the call
//! is as good as certain to succeed.
//!
//! libc's functions call each other inside, past our names: each is hooked for
//! itself. None of them returns unless it fails, and some are variadic: where nothing is
//! counted for the program they are jumped through.

use crate::sys::environment::{self, Extended, List};
use crate::sys::errno;
use crate::sys::guard::with_guard;
use crate::sys::jump::{SavedRegisters, jump_through};
use crate::sys::real::{self, Image};
use core::ffi::{CStr, c_char, c_int, c_void};
use libc::{AT_FDCWD, E2BIG};
use softclose_core::holders::ledger::{Execution, Place, Ticket};
use softclose_core::image::{Attempt, Candidate, Strings};

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

/// `execve(2)`, by whichever program.
pub fn execve_with([path, argv, envp]: [usize; 3], natively: *const c_void) -> *const c_void {
    execute(Program::At(path as Text), Lists { argv: argv as List, envp: envp as List }, natively)
}

/// `execveat(2)`, by whichever program.
pub fn execveat_with([dir, path, argv, envp, flags]: [usize; 5], natively: *const c_void) -> *const c_void {
    let program = Program::Below(dir as c_int, path as Text, flags as c_int);
    execute(program, Lists { argv: argv as List, envp: envp as List }, natively)
}

/// Where the program is.
#[derive(Clone, Copy)]
enum Program {
    At(Text),
    Searched(Text),
    Open(c_int),
    Below(c_int, Text, c_int),
}

/// What it is given.
#[derive(Clone, Copy)]
struct Lists {
    argv: List,
    envp: List,
}

/// Where a variadic function finds it.
#[derive(Clone, Copy)]
enum Environment {
    /// It is the program's own.
    Own,
    /// It follows the arguments.
    Behind,
}

/// The arguments are in registers and on the stack; more than there is room for is nothing
/// that could be counted for.
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

/// `None` where there are too many of them.
#[inline(never)]
fn gathered(
    saved: &SavedRegisters,
    program: Program,
    environment: Environment,
    natively: *const c_void,
) -> Option<*const c_void> {
    const ROOM: usize = 128;
    let mut argv = [0; ROOM];
    // SAFETY: what these functions are given ends with a null pointer, and `execle` is given
    // an environment behind it; behind the others lies the frame of who called them.
    let behind = unsafe { saved.gather(&mut argv) }?;
    let envp = match environment {
        Environment::Own => environment::own(),
        Environment::Behind => behind as List,
    };
    Some(execute(program, Lists { argv: argv.as_ptr().cast(), envp }, natively))
}

/// The program image is about to be replaced, by whichever program. Answers where to go on: what
/// is counted for another program is executed from here, so that it is known when that fails.
fn execute(program: Program, lists: Lists, natively: *const c_void) -> *const c_void {
    let attempt = [Strings::at(lists.argv), Strings::at(lists.envp)];
    let attempt = Attempt { candidate: program.candidate(), lists: &attempt };
    let Some(execution) = before_exec(&attempt) else { return natively };
    run(program, lists, execution.ticket.filter(|_| environment::is_stack_deep() && attempt.will_have_loader()));
    with_guard(|engine, _| engine.ledger.execution_failed(execution));
    failed as *const c_void
}

/// With one variable more the list may be too long: then the program is not told.
fn run(program: Program, lists: Lists, ticket: Option<Ticket>) {
    if ticket.is_none_or(|ticket| !run_told(program, lists, ticket)) {
        // SAFETY: the program's own call.
        unsafe { program.execute(lists) };
    }
}

/// Whether that has failed, and would without the variable.
#[inline(never)]
fn run_told(program: Program, lists: Lists, ticket: Ticket) -> bool {
    let mut extended = Extended::new();
    let Some(envp) = extended.with(lists.envp, ticket) else { return false };
    // SAFETY: the program's own call, but for a variable more.
    unsafe { program.execute(Lists { envp, ..lists }) };
    errno::get() != E2BIG
}

/// All of these functions fail like this.
extern "C" fn failed() -> isize {
    -1
}

fn before_exec(attempt: &Attempt<'_>) -> Option<Execution> {
    let mut execution = None;
    with_guard(|engine, guard| {
        execution = match guard.owner() {
            Some(owner) => engine.before_exec(owner, attempt),
            None if attempt.will_fail() => None,
            None => engine.ledger.begin_execution(Place::Here),
        };
    });
    execution
}

/// Nobody sees whether it fails.
fn execute_unseen(program: Program, lists: &[Strings]) {
    let execution = before_exec(&Attempt { candidate: program.candidate(), lists });
    with_guard(|engine, _| execution.into_iter().for_each(|execution| _ = engine.ledger.leave_execution(execution)));
}

impl Program {
    fn candidate<'a>(self) -> Candidate<'a> {
        match self {
            Self::At(path) => Candidate::at(AT_FDCWD, path),
            Self::Searched(name) => searched(name),
            Self::Open(fd) => Candidate::Open(fd),
            Self::Below(dir, path, flags) => Candidate::with_flags(dir, path, flags),
        }
    }

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

/// A program's name, and where libc looks for it.
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
