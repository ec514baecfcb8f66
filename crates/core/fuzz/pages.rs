//! Fuzzing of what softclosectl reads of other users: stats files, and the texts in `/proc`.
#![no_main]

mod forged;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| forged::is_harmless(bytes));
