//! `softclose-dist` makes what softclose is delivered with.
//!
//! | module | one idea |
//! |---|---|
//! | [`launcher`] | the launcher's command line, as clap describes one |
//! | [`pages`] | the manual pages softclose(1), softclosectl(1) and softclose(7) |
//! | [`completions`] | completions for bash, zsh and fish |
//! | [`notices`] | the licences of what is linked in |
//! | [`glibc`] | the oldest glibc that can load a file |
//!
//! All text comes from the sources of the programs: the table of knobs, the launcher's help, the
//! clap definition of softclosectl, the sources of the crates that are linked in, and the documents.
#![deny(unsafe_code)]

mod completions;
mod glibc;
mod launcher;
mod notices;
mod pages;

use anyhow::{Context, Result};
use clap::Parser;
use std::fs;
use std::path::{Path, PathBuf};

/// Writes what softclose is delivered with.
#[derive(Parser)]
enum Command {
    /// Write the manual pages, completions and licences to their places below DIRECTORY.
    Share {
        /// The directory that will be PREFIX/share. It is made if it does not exist.
        directory: PathBuf,
        /// The date on the manual pages, YYYY-MM-DD.
        #[arg(long)]
        date: String,
    },
    /// Print the oldest version of glibc that can load all of these ELF files.
    Glibc {
        /// Programs and libraries.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
}

fn main() -> Result<()> {
    match Command::parse() {
        Command::Share { directory, date } => share(&directory, &date),
        Command::Glibc { files } => {
            println!("{}", glibc::oldest(&files)?);
            Ok(())
        }
    }
}

fn share(directory: &Path, date: &str) -> Result<()> {
    for (name, text) in pages::all(date).into_iter().chain(completions::all()).chain(notices::all()?) {
        let path = directory.join(name);
        let parent = path.parent().unwrap_or(directory);
        fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
        fs::write(&path, text).with_context(|| path.display().to_string())?;
    }
    Ok(())
}
