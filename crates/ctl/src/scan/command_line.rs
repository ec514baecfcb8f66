//! The command line of another process, as one can type it again, and as a terminal may show it.

use crate::printable::printable;
use crate::proc;
use softclose_launcher::quote::quote;
use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

/// How a program was started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandLine {
    words: Vec<Vec<u8>>,
    /// What is missing in it.
    lack: Option<&'static str>,
}

/// The most bytes that are read. The command line of a Java server may have several thousand.
const MOST: u64 = 16 << 10;

impl CommandLine {
    /// The command line of a process. Where the program has put a title in its place (`nginx: worker process`), it is
    /// the file of the program.
    pub fn of(pid: u32) -> Self {
        match words(pid) {
            Ok(words) => Self { words, lack: None },
            Err(lack) => {
                let file = fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default().into_os_string().into_vec();
                Self { words: vec![proc::without_mark(&file).to_vec()], lack: Some(lack) }
            }
        }
    }

    /// A command line of these words.
    pub fn from_words(words: Vec<Vec<u8>>) -> Self {
        Self { words, lack: None }
    }
}

/// The words of the command line of a process, or why they are not known.
fn words(pid: u32) -> Result<Vec<Vec<u8>>, &'static str> {
    let bytes = proc::beginning(pid, "cmdline", MOST + 1).map_err(|_| "its arguments")?;
    if bytes.len() as u64 > MOST {
        return Err("its arguments: its command line is long");
    }
    let all = bytes.strip_suffix(b"\0").unwrap_or(&bytes);
    let words: Vec<_> = all.split(|&byte| byte == 0).map(<[u8]>::to_vec).collect();
    // A title is one word with blanks, and leaves zeroes behind.
    let is_blank = |first: &Vec<u8>| first.is_empty() || (first.contains(&b' ') && !is_file(pid, first));
    if words.first().is_none_or(is_blank) || (words.len() > 1 && words.last().is_some_and(Vec::is_empty)) {
        return Err("its arguments: it has put a title in their place");
    }
    Ok(words)
}

/// Whether there is such a file, as the process sees it.
fn is_file(pid: u32, path: &[u8]) -> bool {
    let start = if path.starts_with(b"/") { "root" } else { "cwd" };
    let path = OsStr::from_bytes(path.strip_prefix(b"/").unwrap_or(path));
    Path::new(&format!("/proc/{pid}/{start}")).join(path).is_file()
}

impl fmt::Display for CommandLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> = self.words.iter().map(|word| quoted(word)).collect();
        write!(f, "{}", words.join(" "))?;
        self.lack.map_or(Ok(()), |lack| write!(f, "     # and {lack}"))
    }
}

/// A word for a shell. One with bytes that a terminal could act on is written as `$'...'`, with their numbers: bash, zsh
/// and POSIX.1-2024 read that.
pub fn quoted(word: &[u8]) -> String {
    match std::str::from_utf8(word) {
        Ok("") => "''".to_owned(),
        Ok(text) if printable(text) == text => String::from_utf8_lossy(&quote(word)).into_owned(),
        _ => format!("$'{}'", word.iter().map(|&byte| escaped(byte)).collect::<String>()),
    }
}

fn escaped(byte: u8) -> String {
    match byte {
        b'\\' | b'\'' => format!("\\{}", char::from(byte)),
        b' '..=b'~' => char::from(byte).to_string(),
        _ => format!("\\{byte:03o}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_words_stay_and_others_are_quoted() {
        assert_eq!(quoted(b"--port=80"), "--port=80");
        assert_eq!(quoted(b"it's"), r"'it'\''s'");
        assert_eq!(quoted(b""), "''");
        assert_eq!(quoted("für".as_bytes()), "'für'");
    }

    #[test]
    fn nothing_in_a_word_reaches_the_terminal() {
        assert_eq!(quoted(b"a\x1b[2J\n'b\\"), r"$'a\033[2J\012\'b\\'");
        assert_eq!(quoted("a\u{202e}b".as_bytes()), r"$'a\342\200\256b'");
        assert_eq!(quoted(b"\xff"), r"$'\377'");
    }

    /// The shell that is there reads it back.
    #[test]
    fn a_shell_reads_the_same_word() {
        for word in [&b"a\x1b[2J\n'b\\"[..], b"it's", b"$x `y` *", b"\xff\xfe"] {
            let output =
                std::process::Command::new("bash").args(["-c", &format!("printf %s {}", quoted(word))]).output();
            let Ok(output) = output else { return };
            assert_eq!(output.stdout, word);
        }
    }

    #[test]
    fn a_title_is_no_command_line() {
        let start = r#"exec -a "nginx: worker process" sleep 60"#;
        let Ok(mut child) = std::process::Command::new("bash").args(["-c", start]).spawn() else { return };
        let has_title =
            || fs::read(format!("/proc/{}/cmdline", child.id())).is_ok_and(|line| line.starts_with(b"nginx:"));
        while !has_title() {
            std::thread::yield_now();
        }
        let line = CommandLine::of(child.id()).to_string();
        child.kill().and_then(|()| child.wait()).unwrap();
        assert!(line.ends_with("/sleep     # and its arguments: it has put a title in their place"), "{line}");
    }

    #[test]
    fn this_process_has_a_command_line() {
        let line = CommandLine::of(std::process::id());
        assert!(line.lack.is_none() && line.to_string().contains("softclose_ctl"), "{line}");
    }
}
