//! The entry point of `softclose-drain`, and the functions that a program without libc and standard
//! library must define itself. The build script of softclose compiles it.
//!
//! softclose-drain MILLISECONDS OWNER [STATUS] TASK...
//!
//! It ends with the status of the process that has left the connections: a tracer may report the
//! status of the process that ends last (PRoot does).

#![no_std]
#![no_main]
#![allow(dead_code)]

#[path = "src/lib.rs"]
#[allow(unused_attributes)]
mod finisher;

use core::ffi::{CStr, c_char};
use finisher::kernel;
use finisher::task::{Task, number, status};

/// Calls `run` with the address of what is on top of the stack.
#[cfg(target_arch = "x86_64")]
macro_rules! entry {
    ($run:path) => {
        core::arch::naked_asm!("xor ebp, ebp", "mov rdi, rsp", "and rsp, -16", "call {run}", "ud2", run = sym $run)
    };
}

#[cfg(target_arch = "aarch64")]
macro_rules! entry {
    ($run:path) => {
        core::arch::naked_asm!("mov x29, xzr", "mov x30, xzr", "mov x0, sp", "bl {run}", "brk #1", run = sym $run)
    };
}

/// The kernel puts the count of arguments on top of the stack, and their addresses behind it.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn _start() -> ! {
    entry!(run)
}

/// Reads the arguments, finishes the connections, and ends.
///
/// # Safety
/// `stack` is where the kernel has put the count of arguments.
unsafe extern "C" fn run(stack: *const usize) -> ! {
    kernel::block_signals();
    kernel::set_name(c"softclose-drain");
    // SAFETY: the count, then so many addresses of terminated texts.
    let arguments = |at: usize| unsafe {
        let text = (at < *stack).then(|| stack.add(1 + at).read() as *const c_char);
        text.map(|text| CStr::from_ptr(text).to_bytes())
    };
    let count = (0..).take_while(|&at| arguments(at).is_some()).count();
    let status = (3..count).filter_map(arguments).find_map(status).unwrap_or(0);
    let tasks = (3..count).filter_map(arguments).filter_map(Task::parse);
    match [1, 2].map(|at| arguments(at).and_then(number)) {
        [Some(bound_ms), Some(owner)] => {
            finisher::finish::finish(bound_ms, owner as i32, count.saturating_sub(3), tasks)
        }
        _ => kernel::exit(2),
    }
    kernel::exit(usize::from(status))
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    kernel::exit(1)
}

// `core` calls these functions by name. Their accesses are volatile: otherwise the compiler could
// make a call of the same function of each loop.

#[unsafe(no_mangle)]
unsafe extern "C" fn memset(to: *mut u8, byte: i32, len: usize) -> *mut u8 {
    // SAFETY: the caller's.
    (0..len).for_each(|at| unsafe { to.add(at).write_volatile(byte as u8) });
    to
}

#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, len: usize) -> *mut u8 {
    // SAFETY: the caller's.
    (0..len).for_each(|at| unsafe { to.add(at).write_volatile(from.add(at).read()) });
    to
}

#[unsafe(no_mangle)]
unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, len: usize) -> *mut u8 {
    if to.cast_const() <= from {
        // SAFETY: the caller's; from the front, nothing is overwritten before it is read.
        return unsafe { memcpy(to, from, len) };
    }
    // SAFETY: the caller's.
    (0..len).rev().for_each(|at| unsafe { to.add(at).write_volatile(from.add(at).read()) });
    to
}

#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(one: *const u8, other: *const u8, len: usize) -> i32 {
    // SAFETY: the caller's.
    let differ = |at| unsafe { i32::from(one.add(at).read_volatile()) - i32::from(other.add(at).read_volatile()) };
    (0..len).map(differ).find(|&difference| difference != 0).unwrap_or(0)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn strlen(text: *const u8) -> usize {
    let mut len = 0;
    // SAFETY: the caller's: a terminated text.
    while unsafe { text.add(len).read_volatile() } != 0 {
        len += 1;
    }
    len
}
