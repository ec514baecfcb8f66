//! The command; see the library.
#![deny(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    softclose_launcher::main()
}
