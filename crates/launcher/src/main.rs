//! The command `softclose`: all of its code is in the library.
#![deny(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    softclose_launcher::main()
}
