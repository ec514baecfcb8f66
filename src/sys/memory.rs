//! `memcpy` and its like, for this library alone.
//!
//! The compiler calls these functions by name where code copies, clears or compares memory. As an
//! imported symbol, such a name leads to whatever is preloaded or linked into the program:
//! ThreadSanitizer and profilers define it, and use thread-local storage. Our own threads have none
//! ([`softclose_core::sys::thread::spawn()`]), and crash there. The names below stay inside this
//! library: rustc exports no symbol of an assembly block.
//!
//! Context: anywhere; async-signal-safe.

use core::arch::global_asm;

global_asm!(
    ".macro local_function name",
    "    .hidden \\name",
    "    .globl \\name",
    "    .type \\name, @function",
    "    \\name:",
    ".endm",
    // Where the destination begins inside the source, from the end on.
    "local_function memmove",
    "    mov rax, rdi",
    "    sub rax, rsi",
    "    cmp rax, rdx",
    "    jae memcpy",
    "    mov rax, rdi",
    "    mov rcx, rdx",
    "    lea rsi, [rsi + rdx - 1]",
    "    lea rdi, [rdi + rdx - 1]",
    "    std",
    "    rep movsb",
    "    cld",
    "    ret",
    // Sixteen bytes at a time. The last sixteen are read first, as `memmove` may overwrite them.
    "local_function memcpy",
    "    mov rax, rdi",
    "    cmp rdx, 16",
    "    jb 2f",
    "    movups xmm1, [rsi + rdx - 16]",
    "    lea rcx, [rdi + rdx - 16]",
    "1:",
    "    movups xmm0, [rsi]",
    "    movups [rdi], xmm0",
    "    add rsi, 16",
    "    add rdi, 16",
    "    cmp rdi, rcx",
    "    jb 1b",
    "    movups [rcx], xmm1",
    "    ret",
    "2:",
    "    mov rcx, rdx",
    "    rep movsb",
    "    ret",
    "local_function memset",
    "    mov r8, rdi",
    "    mov eax, esi",
    "    mov rcx, rdx",
    "    rep stosb",
    "    mov rax, r8",
    "    ret",
    "local_function bcmp",
    "local_function memcmp",
    "    xor ecx, ecx",
    "3:",
    "    cmp rcx, rdx",
    "    je 4f",
    "    movzx eax, byte ptr [rdi + rcx]",
    "    movzx r8d, byte ptr [rsi + rcx]",
    "    inc rcx",
    "    sub eax, r8d",
    "    je 3b",
    "    ret",
    "4:",
    "    xor eax, eax",
    "    ret",
    ".purgem local_function",
);
