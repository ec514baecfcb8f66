//! Three commands of bpf(2).
//!
//! # Safety
//!
//! The kernel reads what the addresses in an argument point to, and writes the log. All fields of an
//! argument that are not set are zero, and the kernel is told its size.
#![allow(unsafe_code)]

use super::assembler::Instruction;
use std::ffi::CStr;
use std::io::{Error, Result};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// `enum bpf_cmd`
const PROG_LOAD: i32 = 5;
const OBJ_PIN: i32 = 6;
const LINK_CREATE: i32 = 28;
/// `enum bpf_prog_type`
const TRACING: u32 = 26;
/// `enum bpf_attach_type`
const TRACE_ITER: u32 = 28;

/// A program under this licence may call every function. It is the licence of softclose's program.
const LICENCE: &CStr = c"Dual MIT/GPL";
const NAME: [u8; 16] = *b"softclose_refs\0\0";

/// The head of `union bpf_attr` for `BPF_PROG_LOAD`.
#[repr(C)]
#[derive(Default)]
struct Load {
    kind: u32,
    count: u32,
    instructions: u64,
    licence: u64,
    log_level: u32,
    log_size: u32,
    log: u64,
    kernel_version: u32,
    flags: u32,
    name: [u8; 16],
    interface: u32,
    expected_attach_type: u32,
    btf: u32,
    function_info_size: u32,
    function_info: u64,
    function_info_count: u32,
    line_info_size: u32,
    line_info: u64,
    line_info_count: u32,
    attach_btf_id: u32,
}

/// The head of `union bpf_attr` for `BPF_LINK_CREATE`. It does not limit what is iterated over.
#[repr(C)]
#[derive(Default)]
struct Link {
    program: u32,
    target: u32,
    attach_type: u32,
    flags: u32,
}

/// The head of `union bpf_attr` for `BPF_OBJ_PIN`.
#[repr(C)]
#[derive(Default)]
struct Pin {
    path: u64,
    object: u32,
    flags: u32,
}

/// Loads a program for the iterator with this number in BTF. The error has the text of the verifier.
pub fn load(program: &[Instruction], iterator: u32) -> std::result::Result<OwnedFd, (Error, String)> {
    let mut log = vec![0_u8; 1 << 16];
    let attributes = Load {
        kind: TRACING,
        count: program.len() as u32,
        instructions: program.as_ptr() as u64,
        licence: LICENCE.as_ptr() as u64,
        log_level: 1,
        log_size: log.len() as u32,
        log: log.as_mut_ptr() as u64,
        name: NAME,
        expected_attach_type: TRACE_ITER,
        attach_btf_id: iterator,
        ..Load::default()
    };
    // SAFETY: program, licence and log outlive the call.
    unsafe { make(PROG_LOAD, &attributes) }.map_err(|error| (error, text(&log)))
}

fn text(log: &[u8]) -> String {
    String::from_utf8_lossy(log.split(|&byte| byte == 0).next().unwrap_or_default()).into_owned()
}

/// Makes an iterator that runs the program.
pub fn link(program: &OwnedFd) -> Result<OwnedFd> {
    let attributes = Link { program: program.as_raw_fd() as u32, attach_type: TRACE_ITER, ..Link::default() };
    // SAFETY: no addresses.
    unsafe { make(LINK_CREATE, &attributes) }
}

/// Gives an object a name in a BPF file system.
pub fn pin(object: &OwnedFd, path: &CStr) -> Result<()> {
    let attributes = Pin { path: path.as_ptr() as u64, object: object.as_raw_fd() as u32, flags: 0 };
    // SAFETY: the path outlives the call.
    unsafe { bpf(OBJ_PIN, &attributes) }.map(drop)
}

/// Runs a command that makes a descriptor.
///
/// # Safety
/// As [`bpf`]; the command makes a descriptor.
unsafe fn make<T>(command: i32, attributes: &T) -> Result<OwnedFd> {
    // SAFETY: the caller's promise; what was made is ours alone.
    unsafe { bpf(command, attributes).map(|made| OwnedFd::from_raw_fd(made)) }
}

/// Runs a command.
///
/// # Safety
/// `attributes` is the head of `union bpf_attr` for this command, with good addresses.
unsafe fn bpf<T>(command: i32, attributes: &T) -> Result<i32> {
    // SAFETY: the caller's promise.
    let result = unsafe { libc::syscall(libc::SYS_bpf, command, attributes, size_of::<T>()) };
    if result < 0 { Err(Error::last_os_error()) } else { Ok(result as i32) }
}
