//! `softclosectl prometheus`: the text exposition format.
//!
//! The format is that of prometheus.io, "Exposition formats", text-based format: all samples of a
//! metric stand together, with `# HELP` and `# TYPE` before them. Backslash, quote and line feed are
//! escaped.

use crate::printable;
use crate::samples::{Sample, samples};
use crate::survey::{Liveness, Program, Survey};
use anyhow::{Result, anyhow, ensure};
use softclose_core::counters::names::{
    FILES_LEFT_OUT, FILES_LEFT_OUT_HELP, METRICS, Metric, OTHER_LAYOUT, OTHER_OWNER, SECOND_FILE, TOO_MANY,
    WHY_LEFT_OUT,
};
use std::collections::HashMap;
use std::fmt::Write;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Every metric of every program of which a process is seen, and whose file is that process's own. A
/// gauge counts the files of running programs whose numbers are missing, and a comment names each of
/// them: another version of softclose has written it, it may be forged, its series would be there
/// twice, or its user has too many.
pub fn text(survey: &Survey) -> String {
    let (programs, left_out) = exported(survey);
    let comments = left_out.iter().take(MOST_COMMENTS).map(|file| format!("# missing: {}\n", file.said));
    let metrics = METRICS.iter().map(|metric| metric_text(metric, &programs));
    metrics.chain([left_out_text(&left_out)]).chain(comments).collect()
}

/// Another user can have any number of files that are missing.
const MOST_COMMENTS: usize = 64;
/// How many programs of one user are exported. Any user can have thousands, each with its series, and Prometheus would
/// refuse the numbers of the whole host.
const MOST_OF_A_USER: usize = 512;

/// A file of a running program that is not exported.
struct LeftOut {
    /// The value of the label.
    why: &'static str,
    /// The line that names it.
    said: String,
}

/// The programs to export, each process being the eldest of one, and the files of the others.
fn exported(survey: &Survey) -> (Vec<&Program>, Vec<LeftOut>) {
    let other = survey.of_other_layouts().map(|file| LeftOut { why: OTHER_LAYOUT, said: file.to_string() });
    let (mut programs, mut left_out) = (Vec::<&Program>::new(), other.collect::<Vec<_>>());
    let mut of_user = HashMap::<u32, usize>::new();
    for program in survey.programs.iter().filter(|program| program.state == Liveness::Live) {
        let (path, pid, user) = (printable::path(&program.file.path), program.pid(), program.file.user);
        let its = of_user.entry(user).or_default();
        if !program.is_verified() {
            let said = format!("{path}: it belongs to user {user}: others than process {pid} may have written it");
            left_out.push(LeftOut { why: OTHER_OWNER, said });
        } else if programs.last().is_some_and(|last| last.pid() == pid) {
            let said = format!("{path}: process {pid} has another file as well, which is exported");
            left_out.push(LeftOut { why: SECOND_FILE, said });
        } else if *its == MOST_OF_A_USER {
            let said = format!("{path}: user {user} has {MOST_OF_A_USER} other programs, which are exported");
            left_out.push(LeftOut { why: TOO_MANY, said });
        } else {
            *its += 1;
            programs.push(program);
        }
    }
    (programs, left_out)
}

/// Every value of the label is there, also where it is zero: an alert can tell that from no answer.
fn left_out_text(left_out: &[LeftOut]) -> String {
    let head = format!("# HELP {FILES_LEFT_OUT} {FILES_LEFT_OUT_HELP}\n# TYPE {FILES_LEFT_OUT} gauge\n");
    let lines = WHY_LEFT_OUT.map(|why| {
        let count = left_out.iter().filter(|file| file.why == why).count();
        format!("{FILES_LEFT_OUT}{{why=\"{why}\"}} {count}\n")
    });
    head + &lines.concat()
}

fn metric_text(metric: &Metric, programs: &[&Program]) -> String {
    let Metric { name, kind, help, .. } = metric;
    let mut text = format!("# HELP {name} {help}\n# TYPE {name} {}\n", kind.name());
    for program in programs {
        for Sample { suffix, label, value } in samples(metric, program) {
            let own = label.map(|(name, word)| format!(",{name}=\"{}\"", escaped(&word))).unwrap_or_default();
            let called = escaped(&program.reading.program);
            let (pid, user) = (program.pid(), program.file.user);
            let _ = writeln!(text, "{name}{suffix}{{pid=\"{pid}\",uid=\"{user}\",program=\"{called}\"{own}}} {value}");
        }
    }
    text
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// Writes `text` to a file for node_exporter's textfile collector. The file is replaced in one step:
/// a reader finds either the old content or the new.
pub fn write(text: &str, directory: &Path) -> Result<()> {
    let path = directory.join("softclose.prom");
    ensure!(directory.is_dir(), "cannot write {}: there is no such directory", path.display());
    // The error itself may name the temporary file, which means nothing to the user.
    replace(text, directory, &path).map_err(|error| anyhow!("cannot write {}: {}", path.display(), error.kind()))
}

fn replace(text: &str, directory: &Path, path: &Path) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(text.as_bytes())?;
    file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats_file::{FileId, StatsFile};
    use crate::survey::Process;
    use softclose_core::counters::page::{Reading, Unreadable};
    use std::path::PathBuf;
    use std::time::{Duration, UNIX_EPOCH};

    /// A program of process `pid`, and its file, of one user.
    fn program(pid: u32, user: u32) -> Program {
        let file = StatsFile {
            path: PathBuf::new(),
            id: FileId { device: (0, 0), inode: pid.into() },
            user,
            is_open_to_others: false,
            changed: UNIX_EPOCH,
            is_unused: None,
            content: Err(Unreadable::NoPage),
        };
        let process = Process {
            pid,
            own_pid: pid,
            user,
            program: String::new(),
            uptime: Duration::ZERO,
            stats_files: Vec::new(),
            arbiter: None,
        };
        Program { file, reading: Reading::default(), processes: vec![process], state: Liveness::Live }
    }

    /// One user's processes made 60 MB of it.
    #[test]
    fn who_has_too_many_programs_keeps_nobody_else_from_being_exported() {
        let many = (1..=600).map(|pid| program(pid, 1000));
        let mut survey = Survey::default();
        survey.programs = many.chain([program(700, 33)]).collect();
        let text = text(&survey);
        let exported = text.lines().filter(|line| line.starts_with("softclose_info{")).count();
        assert_eq!(exported, MOST_OF_A_USER + 1);
        assert!(text.contains("softclose_info{pid=\"700\",uid=\"33\""), "{text}");
        assert!(text.contains("softclose_files_left_out{why=\"many\"} 88\n"), "{text}");
    }

    #[test]
    fn labels_are_escaped() {
        assert_eq!(escaped("a\"b\\c\nd"), "a\\\"b\\\\c\\nd");
    }

    #[test]
    fn a_file_is_replaced_in_one_step_and_nothing_else_is_left() {
        let directory = tempfile::tempdir().unwrap();
        for text in ["one\n", "two\n"] {
            write(text, directory.path()).unwrap();
            assert_eq!(std::fs::read_to_string(directory.path().join("softclose.prom")).unwrap(), text);
        }
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
        assert!(write("three\n", Path::new("/nonexistent")).is_err());
    }
}
