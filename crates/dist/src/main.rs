//! `softclose-dist`: what softclose is delivered with.
//!
//! | module | one idea |
//! |---|---|
//! | [`launcher`] | the launcher's command line, as clap describes one |
//! | [`pages`] | softclose(1), softclosectl(1), softclose(7) |
//! | [`completions`] | for bash, zsh and fish |
//! | [`notices`] | the licences of what is linked in |
//! | [`glibc`] | the oldest glibc that can load a file |
//!
//! Everything that is written comes from what the programs themselves are made of: the
//! table of knobs, the launcher's help, the clap definition of softclosectl, the sources of
//! the crates that are linked in, and, for prose, the documents.
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
    /// Write manual pages, completions and licences, where they belong below PREFIX/share.
    Share {
        /// What stands for PREFIX/share; made if it is not there.
        directory: PathBuf,
        /// The date that the manual pages bear, YYYY-MM-DD.
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
